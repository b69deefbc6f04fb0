"""`python -m api FILE` writes the API's description (OpenAPI, JSON) to a file, without any service."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from api.app import assemble


def described() -> str:
    """The description as it is committed: one line a value, so that a change shows as a difference."""
    return json.dumps(assemble().openapi(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(described(), encoding="utf-8")
