"""The layouts of a folder, and which of them a file is."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from adapters.erp.layout import Layout
from domain.errors import Misconfigured, Missing

# How much of a file `identify` wants to see: more than any header record or header line.
HEAD_BYTES = 65536


class Layouts:
    """All layouts by name; they are data, so a new export needs a file here and no code."""

    def __init__(self, layouts: Mapping[str, Layout]) -> None:
        self._layouts = dict(layouts)

    @classmethod
    def load(cls, folder: Path) -> Layouts:
        """Read every `*.yaml` of the folder; raises `Misconfigured` naming the file, the place and what to do."""
        found: dict[str, Layout] = {}
        for path in sorted(folder.glob("*.yaml")):
            layout = Layout.load(path)
            if layout.name in found:
                raise Misconfigured(
                    f"{path.name}: another file has the layout id {layout.name} already", reason="layout"
                )
            found[layout.name] = layout
        return cls(found)

    def __iter__(self) -> Iterator[Layout]:
        return iter(self._layouts.values())

    @property
    def names(self) -> list[str]:
        """The known ids."""
        return sorted(self._layouts)

    def get(self, name: str) -> Layout:
        """The layout of that id; raises `Missing` naming the known ones."""
        if name not in self._layouts:
            raise Missing(f"There is no layout {name!r}; known are {', '.join(self.names) or 'none'}.", reason="layout")
        return self._layouts[name]

    def identify(self, filename: str, head: bytes) -> Layout | None:
        """The layout of a file: by its first bytes, and by its name only where those do not decide.

        A name proves nothing: it breaks a tie, or lets an unreadable file be refused by the layout that it claims.
        """
        by_name = [layout for layout in self if re.search(layout.intake.match, filename)]
        by_content = [layout for layout in self if signed(layout, head)]
        both = [layout for layout in by_content if layout in by_name]
        for candidates in (by_content, both, by_name if not by_content else []):
            if len(candidates) == 1:
                return candidates[0]
        return None


def signed(layout: Layout, head: bytes) -> bool:
    """Whether the first bytes of a file carry the layout's signature."""
    signature = layout.intake.signature
    if signature is None:
        return False
    head = head.removeprefix(codecs.BOM_UTF8) if layout.file.bom == "optional" else head
    if signature.starts is not None:
        return head.startswith(signature.starts.encode(layout.file.encoding))
    line = head.split(b"\n", 1)[0].decode(layout.file.encoding, "replace")
    return re.search(signature.line or "", line) is not None
