"""The structure automaton: follows a file through its layout's tree and says what is missing or out of place."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field

from adapters.erp.layout_tree import Node


@dataclass(slots=True)
class _Part:
    """A node with what following it needs, worked out once."""

    node: Node
    min: int
    max: int
    parts: list[_Part]
    first: frozenset[str]


def _compile(node: Node) -> _Part:
    most = sys.maxsize if node.max is None else node.max
    return _Part(node, node.min, most, [_compile(child) for child in node.children], node.first())


@dataclass(slots=True)
class _Frame:
    """Where a group stands: at part `index`, which was seen `count` times."""

    group: _Part
    index: int = 0
    count: int = 0

    def find(self, record: str) -> int | None:
        """The part that can take the record next, or None."""
        count = self.count
        for index in range(self.index, len(self.group.parts)):
            part = self.group.parts[index]
            if count < part.max and record in part.first:
                return index
            count = 0
        return None

    def step(self, index: int) -> None:
        """Move to a part, once more or for the first time."""
        self.count = self.count + 1 if index == self.index else 1
        self.index = index

    def lacking(self, until: int) -> list[Missing]:
        """The parts before `until` that were not seen often enough."""
        count = self.count
        missing = []
        for part in self.group.parts[self.index : until]:
            if count < part.min:
                missing.append(Missing(part.node, self.group.node))
            count = 0
        return missing

    def lacking_at_end(self) -> list[Missing]:
        """The parts that were not seen often enough when the group ends here."""
        return self.lacking(len(self.group.parts))


@dataclass(slots=True)
class Missing:
    """A record or group that should have come, and the group that it belongs to."""

    node: Node
    parent: Node


@dataclass(slots=True)
class Placement:
    """What a record does: `missing` was due before it, `closed` groups end before it, `opened` ones start with it."""

    placed: bool
    missing: list[Missing] = field(default_factory=list)
    closed: list[Node] = field(default_factory=list)
    opened: list[Node] = field(default_factory=list)


# Shared, and so never changed: a record that goes on within its group, and one that has no place.
_PLAIN = Placement(placed=True)
_NOWHERE = Placement(placed=False)


class Automaton:
    """Memory is the depth of the tree."""

    def __init__(self, root: Node) -> None:
        self._stack = [_Frame(_compile(root))]

    def place(self, record: str) -> Placement:
        """Move to the record. Where it cannot stand nothing moves and `placed` is False."""
        for level in range(len(self._stack) - 1, -1, -1):
            index = self._stack[level].find(record)
            if index is not None:
                return self._move(level, index, record)
        return _NOWHERE

    def _move(self, level: int, index: int, record: str) -> Placement:
        frame = self._stack[level]
        part = frame.group.parts[index]
        missing = frame.lacking(index)
        if level == len(self._stack) - 1 and not part.parts and not missing:
            frame.step(index)
            return _PLAIN
        done = Placement(placed=True)
        self._unwind(level, done)
        done.missing += missing
        frame.step(index)
        while part.parts:
            frame = _Frame(part)
            self._stack.append(frame)
            done.opened.append(part.node)
            inner = frame.find(record) or 0
            frame.step(inner)
            part = part.parts[inner]
        return done

    def _unwind(self, level: int, done: Placement) -> None:
        while len(self._stack) - 1 > level:
            frame = self._stack.pop()
            done.missing += frame.lacking_at_end()
            done.closed.append(frame.group.node)

    def finish(self) -> Placement:
        """The end of the file: what is still missing, and the groups that end with it."""
        done = Placement(placed=True)
        self._unwind(0, done)
        done.missing += self._stack[0].lacking_at_end()
        return done
