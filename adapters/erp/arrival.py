"""How files arrive: stored by content, watched by polling, claimed by rename, never deleted.

A file is taken when it was left alone for a while and ends as its layout declares (case F1). A file that never ends so
is taken after a longer wait all the same: it will be refused with a reason, which is better than being ignored.
"""

from __future__ import annotations

import fnmatch
import hashlib
import os
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO

from adapters.erp.layouts import HEAD_BYTES, Layouts
from domain.errors import Rejected

_CHUNK = 1 << 20
# Names that transfer programs use while they write.
TEMPORARY = ("*.tmp", "*.part", "*.filepart", ".*")


@dataclass(frozen=True, slots=True)
class Landed:
    """Stored bytes: their identity is their SHA-256 (case F4)."""

    sha256: str
    size: int
    path: Path


def _chunks(source: BinaryIO | Iterable[bytes]) -> Iterator[bytes]:
    read = getattr(source, "read", None)
    if read is None:
        yield from source
        return
    while chunk := read(_CHUNK):
        yield chunk


def _bounded(size: int, max_bytes: int) -> int:
    if size > max_bytes:
        raise Rejected(f"The file has more than {max_bytes} bytes.", reason="file_too_large")
    return size


def store_bytes(source: BinaryIO | Iterable[bytes], folder: Path, max_bytes: int) -> Landed:
    """Keep the bytes under `<folder>/<2 hex>/<sha256>`; the same content twice is the same path.

    Written under a temporary name, synced, then renamed: a crash leaves no half file under a final name. Raises
    `Rejected` when there are more than `max_bytes`; nothing is kept then.
    """
    folder.mkdir(parents=True, exist_ok=True)
    digest, size = hashlib.sha256(), 0
    descriptor, name = tempfile.mkstemp(prefix=".arriving-", dir=folder)
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as out:
            for chunk in _chunks(source):
                size = _bounded(size + len(chunk), max_bytes)
                digest.update(chunk)
                out.write(chunk)
            out.flush()
            os.fsync(out.fileno())
        path = folder / digest.hexdigest()[:2] / digest.hexdigest()
        path.parent.mkdir(exist_ok=True)
        temporary.replace(path)
        _sync_folder(path.parent)
        _sync_folder(folder)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return Landed(digest.hexdigest(), size, path)


def _sync_folder(folder: Path) -> None:
    """Make the rename itself durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@dataclass(frozen=True, slots=True)
class Claimed:
    """A file that this process alone works on: where it is now, and the name it came with."""

    path: Path
    name: str


@dataclass(slots=True)
class _Seen:
    """When a file was last found changed."""

    size: int
    modified_ns: int
    since: float


class Inbox:
    """A watched folder. `layouts` tell how a whole file ends; without them a stable file is taken as whole.

    Polling, not events: file events do not fire on network mounts.
    """

    def __init__(
        self,
        folder: Path,
        layouts: Layouts | None = None,
        *,
        stable_for: timedelta = timedelta(seconds=2),
        give_up_waiting: timedelta = timedelta(seconds=30),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.folder = folder
        self._layouts = layouts
        self._stable_for = stable_for.total_seconds()
        self._give_up = max(give_up_waiting, stable_for).total_seconds()
        self._clock = clock
        self._seen: dict[str, _Seen] = {}
        self._claimed = folder / ".claimed"
        self._done = folder / ".done"
        for place in (folder, self._claimed, self._done):
            place.mkdir(parents=True, exist_ok=True)

    def ready(self) -> list[Path]:
        """Files that are all there, oldest first. Call again and again: stability is seen between calls."""
        now = self._clock()
        found: dict[str, tuple[int, Path]] = {}
        for entry in os.scandir(self.folder):
            if any(fnmatch.fnmatch(entry.name.lower(), pattern) for pattern in TEMPORARY):
                continue
            try:
                if not entry.is_file(follow_symlinks=False):
                    continue
                state = entry.stat(follow_symlinks=False)
            except FileNotFoundError:  # another worker claimed it
                continue
            self._note(entry.name, state, now)
            found[entry.name] = (state.st_mtime_ns, Path(entry.path))
        self._seen = {name: seen for name, seen in self._seen.items() if name in found}
        whole = [
            (modified, path) for name, (modified, path) in found.items() if self._is_whole(path, self._seen[name], now)
        ]
        return [path for _, path in sorted(whole)]

    def _note(self, name: str, state: os.stat_result, now: float) -> None:
        seen = self._seen.get(name)
        if seen is None or (seen.size, seen.modified_ns) != (state.st_size, state.st_mtime_ns):
            self._seen[name] = _Seen(state.st_size, state.st_mtime_ns, now)

    def _is_whole(self, path: Path, seen: _Seen, now: float) -> bool:
        quiet = now - seen.since
        if quiet < self._stable_for:
            return False
        return quiet >= self._give_up or self._ends_properly(path)

    def _ends_properly(self, path: Path) -> bool:
        if self._layouts is None:
            return True
        try:
            with path.open("rb") as stream:
                layout = self._layouts.identify(path.name, stream.read(HEAD_BYTES))
                stream.seek(max(0, os.fstat(stream.fileno()).st_size - HEAD_BYTES))
                tail = stream.read()
        except FileNotFoundError:  # another worker claimed it
            return False
        if layout is None:
            return False
        trailer = layout.intake.complete.trailer
        if layout.file.eof_marker:
            tail = tail.rstrip(bytes.fromhex(layout.file.eof_marker))
        if not tail.endswith((b"\n", b"\r")) and layout.file.last_newline == "required":
            return False
        last = tail.rstrip(b"\r\n").replace(b"\r", b"\n").rsplit(b"\n", 1)[-1]
        return trailer is None or last.startswith(trailer.encode(layout.file.encoding))

    def claim(self, path: Path) -> Claimed | None:
        """Take the file by an atomic rename; None when another worker was faster."""
        place = Path(tempfile.mkdtemp(dir=self._claimed))  # of its own, so that no rename can overwrite another claim
        try:
            path.rename(place / path.name)
        except FileNotFoundError:
            place.rmdir()
            return None
        self._seen.pop(path.name, None)
        return Claimed(place / path.name, path.name)

    def done(self, claimed: Claimed) -> Path | None:
        """Put the file away under its name (with a counter when that is taken). Nothing is ever deleted.

        None when another worker, which took over the claim, has done so already.
        """
        target = _reserve(self._done / claimed.name)
        try:
            claimed.path.replace(target)
        except FileNotFoundError:
            target.unlink()
            return None
        claimed.path.parent.rmdir()
        return target

    def recover(self, older_than: timedelta = timedelta(0)) -> list[Claimed]:
        """Claims that a crash left behind, oldest first; `older_than` spares the ones that other workers hold now.

        Landing them again changes nothing: identity is content.
        """
        before = time.time() - older_than.total_seconds()
        found = [(file.parent.stat().st_mtime, file) for file in self._claimed.glob("*/*")]
        return [Claimed(file, file.name) for claimed_at, file in sorted(found) if claimed_at <= before]


def _reserve(path: Path) -> Path:
    """Create the first free of `NAME`, `NAME.1`, `NAME.2` as an empty file: nobody else gets that name."""
    number, free = 0, path
    while True:
        try:
            free.touch(exist_ok=False)
        except FileExistsError:
            number += 1
            free = path.with_name(f"{path.name}.{number}")
        else:
            return free
