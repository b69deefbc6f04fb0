"""The structure of a file: an ordered tree of records and groups, each with how often it may stand.

Written as YAML lists: `head 1..1` is a record; `shipment 0..n: [ship 1..1, line 1..n]` a group.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from pydantic import model_validator

from adapters.erp.layout_fields import Strict


class Node(Strict):
    """A record (no children) or a group; `max` None means any number."""

    name: str
    min: int
    max: int | None
    children: tuple[Node, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _read(cls, value: object) -> object:
        """Read `name 1..n`, alone or as the one key of a mapping whose value lists the children."""
        if isinstance(value, str):
            return _read_head(value)
        if isinstance(value, dict) and len(value) == 1:
            ((head, children),) = value.items()
            return {**_read_head(str(head)), "children": children}
        return value

    @property
    def is_record(self) -> bool:
        """Whether this is a record and not a group."""
        return not self.children

    def walk(self) -> Iterator[Node]:
        """This node and all below it, in order."""
        yield self
        for child in self.children:
            yield from child.walk()

    def records(self) -> frozenset[str]:
        """The names of the records at or below this node."""
        return frozenset(node.name for node in self.walk() if node.is_record)

    def first(self) -> frozenset[str]:
        """The records that this node can start with."""
        if self.is_record:
            return frozenset({self.name})
        names: set[str] = set()
        for child in self.children:
            names |= child.first()
            if child.min:
                break
        return frozenset(names)


def _read_head(text: str) -> dict[str, object]:
    found = re.fullmatch(r"([a-z_][a-z0-9_]*) ([0-9]+)\.\.([0-9]+|n)", text.strip())
    if not found:
        raise ValueError(f"{text!r} is not a node: write a name and how often, such as `line 1..n`")
    name, least, most = found.groups()
    if most != "n" and int(most) < max(int(least), 1):
        raise ValueError(f"{text!r}: the most is below the least")
    return {"name": name, "min": int(least), "max": None if most == "n" else int(most)}
