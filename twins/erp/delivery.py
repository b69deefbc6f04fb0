"""Drops an export into the folder that the ERP shares: whole at once, or growing under its own name."""

from __future__ import annotations

import asyncio
from pathlib import Path

GROWTH_STEPS = 10


def deliver(folder: Path, filename: str, content: bytes) -> Path:
    """Write under a temporary name and rename: nobody sees half a file. An earlier file of the name is replaced."""
    folder.mkdir(parents=True, exist_ok=True)
    temporary = folder / f"{filename}.tmp"
    temporary.write_bytes(content)
    return temporary.replace(folder / filename)


def begin_growing(folder: Path, filename: str, content: bytes) -> Path:
    """Write the first half under the final name, as an ERP does that knows no better (case F1)."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / filename
    path.write_bytes(content[: len(content) // 2])
    return path


def grow_to(folder: Path, filename: str, content: bytes, size: int) -> None:
    """Let a file under its final name reach this size; what is there already stays. The same call twice is as one."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / filename
    there = path.stat().st_size if path.exists() else 0
    if there < size:
        with path.open("ab") as file:
            file.write(content[there:size])


async def grow(path: Path, content: bytes, seconds: int) -> None:
    """Append the second half piece by piece over so many seconds; cancelled, it leaves the file as it is."""
    half = len(content) // 2
    piece = max(1, -(-(len(content) - half) // GROWTH_STEPS))
    for start in range(half, len(content), piece):
        await asyncio.sleep(seconds / GROWTH_STEPS)
        with path.open("ab") as file:
            file.write(content[start : start + piece])
