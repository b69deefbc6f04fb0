"""Layouts as operators work with them: check one before it is used, and see what a file looks like through it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from activities.receiving import Receiver
from adapters.erp.arrival import store_bytes
from adapters.erp.preview import check_layout, preview


def problems_of(content: bytes) -> list[str]:
    """What is wrong with the text of a layout file, one sentence each; none: it may be used."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "layout.yaml"
        path.write_bytes(content)
        try:
            return check_layout(path)
        except RecursionError:
            return [f"{path.name}: it is nested too deeply to be a layout"]


def preview_of(
    receiver: Receiver, chunks: Iterable[bytes], filename: str, layout_name: str | None, limit: int, max_bytes: int
) -> list[dict[str, Any]]:
    """The first records of a file as a layout reads them, with their problems; nothing is applied, nothing is kept.

    Raises Rejected for more than `max_bytes`.
    """
    with tempfile.TemporaryDirectory() as folder:
        landed = store_bytes(chunks, Path(folder), max_bytes)
        return preview(landed.path, receiver.layout_of(landed, filename, layout_name), limit)
