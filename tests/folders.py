"""Folders for servers that a test starts."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def own_folder(what: str) -> Iterator[Path]:
    """A folder that is gone afterwards.

    Not below pytest's: every run of it closes that one to other users, and for root the store runs as another user.
    """
    folder = Path(tempfile.mkdtemp(prefix=f"threeway-{what}-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
