"""The engine's writer: canonical groups become a file, by the same layout that reads it back.

Constants, counts, sums and hash totals come from the layout; a value that does not fit is an error that names its
place, never cut; characters that the code page lacks are replaced by the layout's table, and each is reported.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import BaseModel

from adapters.erp.characters import replaced
from adapters.erp.drafts import Draft, Drafting, Unwritable
from adapters.erp.layout import Layout
from adapters.erp.layout_fields import TextField
from adapters.erp.lines import Lines
from adapters.erp.sources import CREATED_AT, SEQUENCE, sources_of, value_at
from adapters.erp.texts import TRIMS
from domain.errors import Misconfigured
from domain.files import Replacement

__all__ = ["FileWriter", "Unwritable", "Written"]


@dataclass(frozen=True)
class Written:
    """A file's bytes, what was replaced in it, the groups as the reader has to find them, and its totals."""

    content: bytes
    sequence: int
    groups: tuple[dict[str, Any], ...]
    replacements: tuple[Replacement, ...]
    totals: dict[str, str]


class FileWriter:
    """Writes files of one layout. Raises Misconfigured for a layout that is not written."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self._sources = sources_of(layout)
        if layout.layout.direction != "out" or self._sources.problems:
            why = "; ".join(self._sources.problems) or "its direction is not `out`"
            raise Misconfigured(f"Files of layout {layout.name} are not written: {why}", reason="layout")
        self._lines = Lines(layout)
        self._drafting = Drafting(layout, self._sources, self._lines)
        self._key = [layout.field(ref).to or "" for ref in layout.semantics.key]

    def clean(self, group: BaseModel) -> tuple[dict[str, Any], list[Replacement]]:
        """The group as it can be written, and the texts of it that had to change."""
        payload = group.model_dump()
        changed: list[Replacement] = []
        for path, fields in self._sources.texts.items():
            if any(one.exact for one in fields):
                continue
            head, _, name = path.rpartition(".")
            places = (
                payload.get(head[:-2], ()) if head.endswith("[]") else [value_at(payload, head) if head else payload]
            )
            for place in places:
                text = place.get(name) if place else None
                if text and (other := self._standing(text, fields[0])) != text:
                    changed.append(Replacement(key=self._name(payload), field=path, given=text, written=other or ""))
                    place[name] = other
        return payload, changed

    def _standing(self, text: str, one: TextField) -> str | None:
        found = TRIMS[one.trim](replaced(text, self.layout.file.encoding, self.layout.output))
        return found or None

    def _name(self, payload: Mapping[str, Any]) -> str:
        return "|".join(str(value_at(payload, path)) for path in self._key)

    def check(self, group: BaseModel) -> None:
        """Raise `Unwritable` for a group that does not fit."""
        payload = self.clean(group)[0]
        self._drafting.group(payload, self._name(payload))

    def write(self, groups: Sequence[BaseModel], sequence: int, created_at: datetime) -> Written:
        """A whole file; raises `Unwritable` for a value that does not fit. Nothing is left out or cut.

        Its own instant is stated in whole seconds.
        """
        cleaned = [self.clean(group) for group in groups]
        facts = {SEQUENCE: sequence, CREATED_AT: created_at.replace(microsecond=0)}
        drafts: list[Draft] = []
        for node in self.layout.structure:
            if node.name != self.layout.unit.name:
                drafts.append(self._drafting.draft(node.name, facts, f"file {sequence}"))
            else:
                for payload, _ in cleaned:
                    drafts += self._drafting.group(payload, self._name(payload))
        totals = self._drafting.settle("file", drafts, len(cleaned), f"file {sequence}")
        lines = [self._lines.line(draft.record.type, draft.cells) for draft in drafts]
        return Written(
            content=self._lines.file(lines),
            sequence=sequence,
            groups=tuple(payload for payload, _ in cleaned),
            replacements=tuple(one for _, changed in cleaned for one in changed),
            totals=totals,
        )
