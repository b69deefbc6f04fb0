"""The rules of ownership as they are on the disk: read at start, and looked at again while the worker runs."""

from __future__ import annotations

from pathlib import Path

from domain.errors import Misconfigured
from domain.links import LinkKind
from domain.ownership import Ownership
from domain.ownership_reading import read

NAME = "ownership.toml"


def read_ownership(folder: Path) -> Ownership:
    """The rules in this folder. Raises Misconfigured with everything that is wrong with them."""
    try:
        text = (folder / NAME).read_text(encoding="utf-8")
    except OSError:
        detail = f"{folder / NAME} cannot be read: copy it from the product's config folder."
        raise Misconfigured(detail, reason="ownership") from None
    return read(text)


def ownership_as_it_is(folder: Path, running: Ownership) -> str:
    """Say by which rules this worker merges. Raises Misconfigured where the file has others by now, or unsound ones."""
    fields = sum(len(running.rules(kind)) for kind in LinkKind)
    if read_ownership(folder).version != running.version:
        raise Misconfigured(f"{NAME} was changed since the worker was started: restart it.", reason="ownership")
    return f"{fields} fields have an owner; version {running.version}"
