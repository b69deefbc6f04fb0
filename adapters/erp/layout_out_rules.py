"""What must hold of a layout that the gateway writes: each field has a source, and the tree can be filled."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from adapters.erp.layout_report import ReportFormat
from adapters.erp.layout_tree import Node
from adapters.erp.sources import sources_of

if TYPE_CHECKING:
    from adapters.erp.layout import Layout


def out_rules(layout: Layout) -> Iterator[str]:
    """Every rule of written files that the layout breaks."""
    if isinstance(layout.format, ReportFormat):
        yield "format: a report cannot be written: use fixed or delimited"
        return
    yield from _tree(layout)
    yield from sources_of(layout).problems
    for given, written in layout.output.replace.items():
        try:
            written.encode(layout.file.encoding)
        except UnicodeEncodeError:
            yield f"output.replace: {written!r}, for {given!r}, is not in {layout.file.encoding} either"


def _tree(layout: Layout) -> Iterator[str]:
    """One unit with its records, and records that stand once before and behind it."""
    unit = layout.unit
    if unit not in layout.structure:
        yield f"structure: {unit.name}, the unit, stands at the top where files are written"
    for node in layout.structure:
        if node.name != unit.name and not _once(node):
            yield f"structure: {node.name} stands once (1..1) where files are written, or is the unit"
    for node in unit.children:
        if not node.is_record:
            yield f"structure: {node.name}: groups inside of the unit cannot be written"
        elif not _once(node) and layout.records[node.name].into is None:
            yield f"structure: {node.name} stands once (1..1), or names the list that it is an element of (`into`)"


def _once(node: Node) -> bool:
    return node.is_record and (node.min, node.max) == (1, 1)
