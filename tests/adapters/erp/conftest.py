"""Layouts, and small files built in memory so that a test can damage exactly one thing."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import pytest

from adapters.erp.layout import Layout
from adapters.erp.layouts import Layouts
from adapters.erp.reading import FileReading
from domain.files import FileSummary, StagedGroup

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="session")
def layout_folder() -> Path:
    """Where the shipped layouts are."""
    return ROOT / "config" / "layouts"


@pytest.fixture(scope="session")
def layouts(layout_folder: Path) -> Layouts:
    """The shipped layouts."""
    return Layouts.load(layout_folder)


@pytest.fixture(scope="session")
def shpcnf(layouts: Layouts) -> Layout:
    """Shipment confirmations."""
    return layouts.get("shpcnf")


@dataclass
class Outcome:
    """All that a reading gave."""

    groups: list[StagedGroup]
    summary: FileSummary

    @property
    def keys(self) -> list[str]:
        return [group.key for group in self.groups]

    @property
    def codes(self) -> list[str]:
        return [reject.code for reject in self.summary.rejects]

    @property
    def kept(self) -> list[dict[str, object]]:
        """What a caller may use: nothing of a refused file."""
        return [] if self.summary.refused else [group.payload for group in self.groups]


Read = Callable[[bytes | Path, Layout], Outcome]


@pytest.fixture(scope="session")
def read(tmp_path_factory: pytest.TempPathFactory) -> Read:
    """Read bytes or a file to the end, checking on the way that the bytes add up."""
    folder = tmp_path_factory.mktemp("read")
    numbers = itertools.count()

    def read_all(source: bytes | Path, layout: Layout) -> Outcome:
        path = source if isinstance(source, Path) else folder / str(next(numbers))
        if isinstance(source, bytes):
            path.write_bytes(source)
        reading = FileReading(path, layout)
        groups = [group for block in reading for group in block]
        summary = reading.summary
        assert summary.accepted_bytes + summary.quarantined_bytes + summary.skipped_bytes == summary.byte_count
        assert summary.byte_count == path.stat().st_size
        if isinstance(source, bytes):
            path.unlink()
        return Outcome(groups, summary)

    return read_all


def over(amount: Decimal | str, scale: int, width: int) -> str:
    """A zoned number with its sign on the last digit."""
    value = int(Decimal(amount).scaleb(scale))
    digits = str(abs(value)).zfill(width)
    return digits[:-1] + ("{ABCDEFGHI" if value >= 0 else "}JKLMNOPQR")[int(digits[-1])]


@dataclass
class Line:
    item: str = "FLB-0191"
    ordered: str = "4"
    shipped: str = "4"
    uom: str = "BX"
    price: str = "47.7119"
    reason: str = ""


@dataclass
class Ship:
    number: str
    lines: list[Line] = field(default_factory=lambda: [Line()])
    day: str = "1261120"
    clock: str = "070711"
    carrier: str = "UPSN"
    freight: str = "18.95"
    purchase_order: str = "PO-1"
    stated_lines: int | None = None

    def records(self) -> list[str]:
        head = f"S1{self.number:<10}SO700310  00040277SCR{self.day}{self.clock}{self.carrier:<4}{'1Z1':<22}"
        rows = [head + over(self.freight, 2, 9) + f"{self.purchase_order:<14}"]
        for number, line in enumerate(self.lines, 1):
            quantities = "".join(
                str(int(Decimal(quantity) * 100)).zfill(9) for quantity in (line.ordered, line.shipped)
            )
            row = f"S2{number:04}{line.item:<15}{quantities}{line.uom}{over(line.price, 4, 11)}{'':<12}{line.reason:<2}"
            rows.append(row)
        count = len(self.lines) if self.stated_lines is None else self.stated_lines
        return [*rows, f"S9{self.number:<10}{count:04}"]


def amount(ships: list[Ship]) -> Decimal:
    lines = (Decimal(line.shipped) * Decimal(line.price) for ship in ships for line in ship.lines)
    rounded = sum((value.quantize(Decimal("0.01"), ROUND_HALF_UP) for value in lines), Decimal(0))
    return rounded + sum((Decimal(ship.freight) for ship in ships), Decimal(0))


def build(ships: list[Ship], newline: str = "\r\n", head: str = "H1THWSHPCNF0004231261120064200") -> bytes:
    """A whole SHPCNF export whose totals hold."""
    body = [row for ship in ships for row in ship.records()]
    digits = sum(int(ship.number[2:]) for ship in ships) % 10**10
    tail = f"T9{len(body) + 2:07}{len(ships):07}{digits:010}{over(amount(ships), 2, 13)}"
    return "".join(f"{row:<140}{newline}" for row in [head, *body, tail]).encode("cp1252")


@dataclass(frozen=True)
class Maker:
    """The builders, for tests."""

    Ship: type[Ship] = Ship
    Line: type[Line] = Line

    @staticmethod
    def build(ships: list[Ship], **how: str) -> bytes:
        return build(ships, **how)


@pytest.fixture(scope="session")
def make() -> Maker:
    """Builders of SHPCNF exports."""
    return Maker()


@dataclass(frozen=True)
class Stock:
    """A row of a stock report, as it is printed."""

    sku: str
    whs: str = "ATL"
    on_hand: int = 0
    allocated: int = 0
    on_order: int = 0
    status: str = "A"

    def line(self) -> str:
        signed = f"{abs(self.on_hand):,}{'-' if self.on_hand < 0 else ' '}"
        return f"{self.sku:<15}|{self.whs}|{signed:>11}|{self.allocated:>9,} |{self.on_order:>9,} |{self.status}"


HEADINGS = ("ITEM NUMBER    |WHS|    ON HAND|  ALLOCATED|   ON ORDER|S", "-" * 62)
TITLE = "THREEWAY DEMO CO        INV410R  STOCK STATUS BY ITEM/WHSE      AS OF"


@dataclass(frozen=True)
class Printer:
    """Prints stock reports whose pages and totals hold."""

    as_of: str = "20-NOV-26 05:55:00"
    page_rows: int = 40
    newline: str = "\n"
    footer: str = "*** END OF REPORT     {rows} LINES   ON HAND TOTAL {total:,}"

    def pages(self, rows: list[Stock]) -> list[list[str]]:
        """The lines of each page; the last one ends with the footer."""
        cut = [rows[at : at + self.page_rows] for at in range(0, max(len(rows), 1), self.page_rows)]
        pages = [
            [f"{TITLE} {self.as_of}   PAGE {number:>4}", *HEADINGS, *(row.line() for row in page)]
            for number, page in enumerate(cut, 1)
        ]
        total = sum(row.on_hand for row in rows)
        stated = f"{abs(total):,}{'-' if total < 0 else ''}"
        pages[-1].append(self.footer.replace("{total:,}", stated).format(rows=len(rows)))
        return pages

    def bind(self, pages: list[list[str]]) -> bytes:
        """The pages as a file, with a form feed between them."""
        text = "\f".join("".join(f"{line}{self.newline}" for line in page) for page in pages)
        return text.encode("cp1252")

    def build(self, rows: list[Stock]) -> bytes:
        return self.bind(self.pages(rows))


@pytest.fixture(scope="session")
def inv410r(layouts: Layouts) -> Layout:
    """Stock reports."""
    return layouts.get("inv410r")


@pytest.fixture(scope="session")
def stock() -> type[Stock]:
    """Rows of stock reports."""
    return Stock


@pytest.fixture(scope="session")
def printer() -> type[Printer]:
    """Printers of stock reports."""
    return Printer
