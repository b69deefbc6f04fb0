"""Takes order files from the folder that the gateway writes to: in sequence, each once, the bad ones with a reason."""

from __future__ import annotations

import hashlib
import re
from datetime import datetime
from pathlib import Path
from typing import Any

from twins.erp.ordimp import OrderAction, OrderFile, read_ordimp
from twins.erp.requests import CannotExport
from twins.erp.warehouse.desk import Desk
from twins.erp.warehouse.house import House

ORDER_FILE = re.compile(r"ORDIMP\.S(\d{6})")
LAST = "last order file"
Document = dict[str, Any]


class Intake:
    """The way in for orders. What is taken is committed before its file is moved: a death between takes it once."""

    def __init__(self, house: House, desk: Desk) -> None:
        self._house = house
        self._desk = desk

    def look(self, at: datetime) -> list[str]:
        """Take what can be taken from the import folder; a gap waits. The names of the files that were taken."""
        folder = self._house.settings["import_folder"]
        taken: list[str] = []
        while folder and (path := self._next(Path(folder))):
            if self._take_file(path, at):
                taken.append(path.name)
        return taken

    def take_in(self, content: bytes, at: datetime, number: int | None = None) -> Document:
        """Take an order file in and say what was read; a file that was taken before changes nothing.

        ValueError for a file that does not hold together, whose header has another number than its name, or whose
        sequence is not the next; nothing of it is taken.
        """
        file = _read(content)
        if number is not None and file.sequence != number:
            raise ValueError(f"the header states sequence {file.sequence}, the name {number}")
        digest = hashlib.sha256(content).hexdigest()
        books = self._house.books
        with books.turn():
            repeated = books.read(f"order file {file.sequence}") == digest
            if not repeated:
                last = books.read(LAST)
                if last and file.sequence != last[0] + 1:
                    raise ValueError(f"sequence {file.sequence} does not follow {last[0]}")
                for imported in file.orders:
                    self._desk.take(imported, at)
                books.keep(LAST, [file.sequence, digest])
                books.keep(f"order file {file.sequence}", digest)
        return {"sequence": file.sequence, "repeated": repeated, **_numbers(file)}

    def _next(self, folder: Path) -> Path | None:
        """The file whose turn it is, or one whose turn is over."""
        found = {int(match[1]): path for path in _files(folder) if (match := ORDER_FILE.fullmatch(path.name))}
        last = self._house.books.read(LAST)
        first = min(found, default=None)
        if first is None:
            return None
        return found[first] if last is None or first <= last[0] + 1 else None

    def _take_file(self, path: Path, at: datetime) -> bool:
        try:
            self.take_in(path.read_bytes(), at, int(path.name[-6:]))
        except (ValueError, CannotExport) as problem:
            refused = _move(path, path.parent / ".bad")
            refused.with_name(f"{refused.name}.reason.txt").write_text(f"{problem}\n", "utf-8")
            return False
        _move(path, path.parent / ".done")
        return True


def _read(content: bytes) -> OrderFile:
    try:
        return read_ordimp(content)
    except ArithmeticError as problem:  # Decimal's word for a number that is none
        raise ValueError("a quantity is no number") from problem


def _numbers(file: OrderFile) -> dict[str, list[str]]:
    return {
        action.name.lower(): [made.order.order_no for made in file.orders if made.action is action]
        for action in OrderAction
    }


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.is_file()] if folder.is_dir() else []


def _move(path: Path, folder: Path) -> Path:
    """Move a file into the folder; one of the same name that lies there stays."""
    folder.mkdir(exist_ok=True)
    target = folder / path.name
    number = 1
    while target.exists():
        number += 1
        target = folder / f"{path.name}.{number}"
    return path.rename(target)
