"""INV410R, the stock snapshot: a print-spool report with pages, headings, commas and trailing minus signs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from random import Random
from typing import Any

from twins.erp.records import encode, local, plain, stated, text
from twins.erp.world import World

PAGE_ROWS = 40
MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
COLUMNS = "ITEM NUMBER    |WHS|    ON HAND|  ALLOCATED|   ON ORDER|S"
RULE = "-" * 62
ON_HAND = (0, 0, 3, 7, 12, 40, 55, 120, 480, 1000)
Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class StockRow:
    """What one warehouse has of one item, in base units; `status` is `A` sellable or `Q` quarantined."""

    sku: str
    warehouse: str
    on_hand: Decimal
    allocated: Decimal
    on_order: Decimal
    status: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A report's rows and how they differ from the report before."""

    rows: tuple[StockRow, ...]
    changed: int = 0
    vanished: tuple[tuple[str, str], ...] = ()
    first: bool = True


def opening_stock(world: World, rng: Random) -> Snapshot:
    """The first snapshot: most items in most warehouses, some quarantined, a few below zero."""
    return Snapshot(tuple(_opening_rows(world, rng)))


def next_stock(rows: Sequence[StockRow], rng: Random, changed: int, vanished: int) -> Snapshot:
    """The snapshot after: `changed` rows with another on-hand, `vanished` rows missing, as far as there are rows."""
    places = rng.sample(range(len(rows)), min(len(rows), changed + vanished))
    gone = set(places[:vanished])
    moved = set(places[vanished:])
    kept = tuple(_moved(row, rng) if place in moved else row for place, row in enumerate(rows) if place not in gone)
    missing = tuple((rows[place].sku, rows[place].warehouse) for place in sorted(gone))
    return Snapshot(kept, len(moved), missing, first=False)


def write_inv410r(as_of: datetime, rows: Sequence[StockRow]) -> bytes:
    """The report: a form feed before every page but the first, LF line ends, the counts on the last line."""
    starts = range(0, len(rows), PAGE_ROWS) if rows else range(1)
    lines: list[str] = []
    for number, start in enumerate(starts, 1):
        heading = (
            f"THREEWAY DEMO CO        INV410R  STOCK STATUS BY ITEM/WHSE      AS OF {_spooled(as_of)}   PAGE{number:5d}"
        )
        lines += ["\f" * (number > 1) + heading, COLUMNS, RULE]
        lines += [_row(row) for row in rows[start : start + PAGE_ROWS]]
    total = sum((row.on_hand for row in rows), Decimal(0))
    lines.append(f"*** END OF REPORT{len(rows):8d} LINES   ON HAND TOTAL {_edited(total).strip()}")
    return encode(lines, "\n")


def inv410r_truth(as_of: datetime, snapshot: Snapshot) -> Document:
    """What the report says; from the second one on, how many rows changed and which vanished."""
    news = {} if snapshot.first else {"changed": snapshot.changed, "vanished": [list(row) for row in snapshot.vanished]}
    return {"as_of": stated(as_of), **news, "rows": [_told(row) for row in snapshot.rows]}


def read_row(told: Mapping[str, Any]) -> StockRow:
    """The row that a truth tells of."""
    return StockRow(
        sku=told["sku"],
        warehouse=told["warehouse"],
        on_hand=Decimal(told["on_hand"]),
        allocated=Decimal(told["allocated"]),
        on_order=Decimal(told["on_order"]),
        status=told["status"],
    )


def _opening_rows(world: World, rng: Random) -> Iterator[StockRow]:
    for item in world.items:
        for warehouse in world.warehouses:
            if rng.random() < 0.13:
                continue  # no stock record there
            below = rng.random() < 0.04
            on_hand = Decimal(-rng.randrange(1, 5) if below else rng.choice(ON_HAND))
            yield StockRow(
                sku=item.sku,
                warehouse=warehouse.code,
                on_hand=on_hand,
                allocated=max(Decimal(0), min(on_hand, Decimal(rng.choice((0, 0, 0, 2, 5, 10))))),
                on_order=Decimal(rng.choice((0, 0, 50, 50, 200))),
                status="Q" if rng.random() < 0.1 else "A",
            )


def _moved(row: StockRow, rng: Random) -> StockRow:
    """Goods came in, or up to three went out: never the number it was."""
    if row.on_hand <= 0 or rng.random() < 0.3:
        return replace(row, on_hand=row.on_hand + 25)
    return replace(row, on_hand=row.on_hand - min(row.on_hand, Decimal(rng.randrange(1, 4))))


def _spooled(at: datetime) -> str:
    shown = local(at)
    return f"{shown:%d}-{MONTHS[shown.month - 1]}-{shown:%y %H:%M:%S}"


def _edited(value: Decimal) -> str:
    return f"{_with_commas(abs(value))}{'-' if value < 0 else ' '}"


def _with_commas(value: Decimal) -> str:
    """A number with thousands commas and no trailing zeros behind the point."""
    whole, _, decimals = plain(value).partition(".")
    return f"{int(whole):,}" + (f".{decimals}" if decimals else "")


def _row(row: StockRow) -> str:
    numbers = "|".join(f"{_edited(value):>11}" for value in (row.on_hand, row.allocated, row.on_order))
    return f"{text(row.sku, 15)}|{text(row.warehouse, 3)}|{numbers}|{row.status}"


def _told(row: StockRow) -> Document:
    return {
        "sku": row.sku,
        "warehouse": row.warehouse,
        "on_hand": plain(row.on_hand),
        "allocated": plain(row.allocated),
        "on_order": plain(row.on_order),
        "status": row.status,
    }
