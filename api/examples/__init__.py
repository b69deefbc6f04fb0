"""One example for each model that the API answers with, as data: `examples/MODEL.json`, shown in the description."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

FOLDER: Final = Path(__file__).parent


def names() -> set[str]:
    """The models that have one."""
    return {path.stem for path in FOLDER.glob("*.json")}


def show(schemas: dict[str, Any]) -> None:
    """Give each model its example, and each list one with one thing in it."""
    told = {name: json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8")) for name in names()}
    for schema in schemas.values():
        if schema.get("title") in told:
            schema.setdefault("examples", [told[schema["title"]]])
    for name, schema in schemas.items():
        if name.startswith("Listing_"):
            of = schema["properties"]["items"]["items"]["$ref"].rpartition("/")[2]
            schema["examples"] = [{"items": schemas[of].get("examples", []), "next": None}]
