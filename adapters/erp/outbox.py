"""The folder that the ERP takes files from: a file appears whole, under its name, once, or not at all.

It is written under a temporary name in the same folder, synced, read back and compared, renamed, and the folder synced.
A process may die anywhere: the same file is delivered again with the same bytes, and what is there already stays.
"""

from __future__ import annotations

import errno
import glob
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from domain.errors import Duplicate, Unavailable

Proof = Callable[[Path], None]
# What file systems answer that cannot give a file a second name: there it is renamed.
_NO_LINKS = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}


class Outbox:
    """One folder of outgoing files; nothing that others put there is ever changed or removed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def deliver(self, name: str, content: bytes, proof: Proof) -> bool:
        """Put the file there; False when it is there already with the same bytes.

        `proof` raises for a file that the reader does not find right. Raises Duplicate when the name is taken by other
        bytes, Unavailable when the folder is full, missing or not writable: trying again can help, nothing is lost.
        """
        with _folder_errors(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            self._sweep(name)
            if self._is_there(name, content):
                return False
            temporary = self._write(name, content)
            try:
                self._compare(temporary, name, content)
                proof(temporary)
                return self._reveal(temporary, name, content)
            finally:
                temporary.unlink(missing_ok=True)

    def _sweep(self, name: str) -> None:
        """Remove what a dead process left under a temporary name of this file."""
        for left in self.folder.glob(f".{glob.escape(name)}.*.tmp"):
            left.unlink(missing_ok=True)

    def _is_there(self, name: str, content: bytes) -> bool:
        try:
            found = (self.folder / name).read_bytes()
        except FileNotFoundError:
            return False
        if found != content:
            raise Duplicate(
                f"{self.folder / name} is there with other content, which the gateway did not write. Find out what it "
                "is and move it away; the gateway's own file follows by itself.",
                reason="outbox_name_taken",
            )
        _sync(self.folder)  # whoever renamed it may have died before the folder was synced
        return True

    def _write(self, name: str, content: bytes) -> Path:
        """The bytes under a temporary name of their own, on the disk."""
        descriptor, temporary = tempfile.mkstemp(prefix=f".{name}.", suffix=".tmp", dir=self.folder)
        try:
            with os.fdopen(descriptor, "wb") as out:
                out.write(content)
                out.flush()
                os.fchmod(out.fileno(), 0o644)  # the ERP reads it as another user
                os.fsync(out.fileno())
        except BaseException:
            with suppress(OSError):
                Path(temporary).unlink(missing_ok=True)
            raise
        return Path(temporary)

    def _compare(self, temporary: Path, name: str, content: bytes) -> None:
        if temporary.read_bytes() != content:
            raise Unavailable(f"{name} reads back otherwise than it was written: the disk is failing.", reason="outbox")

    def _reveal(self, temporary: Path, name: str, content: bytes) -> bool:
        """Give the file its name; a name that was taken meanwhile is never written over."""
        target = self.folder / name
        try:
            os.link(temporary, target)
        except FileExistsError:
            return not self._is_there(name, content)
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            temporary.replace(target)  # the name was free a moment ago
        _sync(self.folder)
        return True


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _folder_errors(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        why = os.strerror(error.errno) if error.errno else type(error).__name__
        raise Unavailable(
            f"Order files for the ERP cannot be written to {folder}: {why}. Free space there or correct its rights; "
            "nothing is lost, the file follows by itself.",
            reason="outbox",
        ) from error
