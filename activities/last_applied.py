"""The export that stock stands on, as the one that the next export is compared with: equal lines state nothing new."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple
from uuid import UUID

from sqlmodel import Session

from adapters.erp.layout import Layout
from adapters.erp.layout_checks import split_ref
from adapters.erp.unchanged import LastFile
from domain.files import Entity
from store import files
from store.stock import levels


class Before(NamedTuple):
    """The lines of a file that was applied, and its id."""

    file_id: str
    lines: LastFile


def last_applied(session: Session, layout: Layout, folder: Path) -> Before | None:
    """The export of a layout that all of its warehouses stand on, where comparing with it is sound; else None.

    Comparing is sound where its key is item and warehouse, so that a line stands for one row of stock.
    """
    if layout.layout.entity is not Entity.INVENTORY_SNAPSHOT or not _is_keyed_by_row(layout):
        return None
    newest = {feed.event_id for feed in levels.feeds(session).values() if feed.layout == layout.name}
    file = files.get(session, UUID(newest.pop())) if len(newest) == 1 else None
    if file is None or file.summary is None:
        return None
    path = folder / file.sha256[:2] / file.sha256
    lines = LastFile.of(path, layout, file.summary) if path.exists() else None
    return Before(str(file.id), lines) if lines else None


def _is_keyed_by_row(layout: Layout) -> bool:
    fields = [layout.records[owner].fields[name].to for owner, name in map(split_ref, layout.semantics.key)]
    return fields == ["sku", "warehouse"]
