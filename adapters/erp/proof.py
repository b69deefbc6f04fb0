"""Reading back what was written: a file is handed over only when the reader finds in it what was to be said."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from adapters.erp.layout import Layout
from adapters.erp.reading import FileReading
from adapters.erp.targets import MODELS
from adapters.erp.writer import Written
from domain.errors import Misconfigured


def prove(path: Path, layout: Layout, sequence: int, groups: Sequence[Mapping[str, Any]]) -> None:
    """Raise Misconfigured unless the file at `path` reads as exactly these groups, under this sequence, clean."""
    reading = FileReading(path, layout)
    found = [group.payload for block in reading for group in block]
    summary = reading.summary
    if summary.refused or summary.rejects or summary.rejected_group_count:
        first = summary.rejects[0].message if summary.rejects else "it is refused"
        raise _differs(layout, sequence, first)
    if summary.sequence != sequence:
        raise _differs(layout, sequence, f"its sequence reads as {summary.sequence}")
    model = MODELS[layout.layout.entity]
    wanted = [model.model_validate(group) for group in groups]
    if [model.model_validate(payload) for payload in found] != wanted:
        raise _differs(layout, sequence, "its records read as other values")


def prove_bytes(written: Written, layout: Layout) -> None:
    """The same for bytes that are in no folder yet."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(written.content)
        file.flush()
        prove(Path(file.name), layout, written.sequence, written.groups)


def _differs(layout: Layout, sequence: int, why: str) -> Misconfigured:
    return Misconfigured(
        f"File {sequence} of layout {layout.name} does not read back as it was written: {why}", reason="layout"
    )
