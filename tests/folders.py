"""Folders for servers that a test starts: in memory where there is room, as a disk is what they would wait for most."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MEMORY = Path("/dev/shm")  # noqa: S108 - each folder in it has a name of its own
ROOM = 4 * 1024**3  # bytes that must be free there; containers often have 64 MB


@contextmanager
def own_folder(what: str) -> Iterator[Path]:
    """A folder that is gone afterwards.

    Not below pytest's: every run of it closes that one to other users, and for root the store runs as another user.
    """
    folder = Path(tempfile.mkdtemp(prefix=f"threeway-{what}-", dir=_place()))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _place() -> Path | None:
    """Memory, or None for the usual place of temporary files, which TMPDIR can name too."""
    if "TMPDIR" in os.environ or not os.access(MEMORY, os.W_OK):
        return None
    return MEMORY if shutil.disk_usage(MEMORY).free >= ROOM else None
