"""The stock of every warehouse in base units, and the journal of everything that moved it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from twins.erp.records import plain
from twins.erp.stock import StockRow
from twins.web import Database

SCHEMA = """
CREATE TABLE IF NOT EXISTS moves (
    n INTEGER PRIMARY KEY AUTOINCREMENT, at TEXT NOT NULL, kind TEXT NOT NULL, sku TEXT NOT NULL,
    warehouse TEXT NOT NULL, quantity TEXT NOT NULL, reference TEXT NOT NULL
);
"""
STOCK = "warehouse stock"
SUPPLY = "warehouse supply"
Document = dict[str, Any]
ZERO = Decimal(0)


class Move(StrEnum):
    """Why a stock number moved; `DAMAGED` goods go into quarantine, all others change what is on hand."""

    START = "start"
    REPLENISHED = "replenished"
    SHIPPED = "shipped"
    RESTOCKED = "restocked"
    DAMAGED = "damaged"


@dataclass(frozen=True, slots=True)
class Supply:
    """Goods on their way to a warehouse."""

    number: str
    sku: str
    warehouse: str
    quantity: Decimal
    due_at: datetime


class Stockroom:
    """On hand, allocated and quarantined of each item in each warehouse."""

    def __init__(self, database: Database) -> None:
        self._database = database
        database.script(SCHEMA)

    def begin(self, rows: Iterable[StockRow], at: datetime) -> None:
        """The stock of the first day; nothing is allocated, nothing is on its way."""
        for row in rows:
            self._put(row.sku, row.warehouse, on_hand=ZERO, status=row.status)
            self._move(Move.START, row.sku, row.warehouse, row.on_hand, at, "opening")

    def available(self, sku: str, warehouse: str) -> Decimal:
        """What may be set aside there: nothing of goods in quarantine, never less than zero."""
        row = self._row(sku, warehouse)
        if row["status"] != "A":
            return ZERO
        return max(ZERO, Decimal(row["on_hand"]) - Decimal(row["allocated"]))

    def deficit(self, sku: str, warehouse: str) -> Decimal:
        """What has to come before anything is there: how far below zero the count is."""
        return max(ZERO, -Decimal(self._row(sku, warehouse)["on_hand"]))

    def set_aside(self, sku: str, warehouse: str, quantity: Decimal) -> None:
        """Allocate so much; a negative quantity releases."""
        row = self._row(sku, warehouse)
        self._put(sku, warehouse, allocated=Decimal(row["allocated"]) + quantity)

    def ship(self, sku: str, warehouse: str, quantity: Decimal, at: datetime, shipment_no: str) -> None:
        """Goods leave; a negative quantity takes a confirmed shipment back in part."""
        self._move(Move.SHIPPED, sku, warehouse, -quantity, at, shipment_no)

    def restock(self, sku: str, warehouse: str, quantity: Decimal, at: datetime, rma: str) -> None:
        """Returned goods are on hand again."""
        self._move(Move.RESTOCKED, sku, warehouse, quantity, at, rma)

    def quarantine(self, sku: str, warehouse: str, quantity: Decimal, at: datetime, rma: str) -> None:
        """Returned goods are damaged: they are kept apart."""
        row = self._row(sku, warehouse)
        self._put(sku, warehouse, damaged=Decimal(row["damaged"]) + quantity)
        self._note(Move.DAMAGED, sku, warehouse, quantity, at, rma)

    def buy(self, supply: Supply) -> None:
        """Goods are on their way."""
        self._database.put(
            SUPPLY,
            supply.number,
            {
                "number": supply.number,
                "sku": supply.sku,
                "warehouse": supply.warehouse,
                "quantity": plain(supply.quantity),
                "due_at": supply.due_at.astimezone(UTC).isoformat(),
            },
        )

    def arrive(self, number: str, at: datetime) -> tuple[str, str] | None:
        """The goods have come: the item and the warehouse, or None when they had come before.

        A new lot ends the quarantine of what lay there: orders that wait for the item would wait for ever.
        """
        supply = self._database.get(SUPPLY, number)
        if supply is None:
            return None
        self._database.delete(SUPPLY, number)
        self._put(supply["sku"], supply["warehouse"], status="A")
        self._move(Move.REPLENISHED, supply["sku"], supply["warehouse"], Decimal(supply["quantity"]), at, number)
        return supply["sku"], supply["warehouse"]

    def supplies(self) -> list[Document]:
        """What is on its way."""
        return self._database.all(SUPPLY)

    def rows(self, quarantine_warehouse: str = "") -> list[StockRow]:
        """The stock as a report states it; damaged goods have rows of their own where they have a warehouse."""
        on_order: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
        for supply in self.supplies():
            on_order[supply["sku"], supply["warehouse"]] += Decimal(supply["quantity"])
        kept = self._database.all(STOCK)
        rows = [_report_row(row, on_order[row["sku"], row["warehouse"]]) for row in kept]
        return [*rows, *_damaged_rows(kept, quarantine_warehouse)] if quarantine_warehouse else rows

    def told(self) -> list[Document]:
        """The stock with what moved it: on_hand + shipped + damaged = start + replenished + returned."""
        moved: dict[tuple[str, str], dict[str, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
        for move in self.moves():
            moved[move["sku"], move["warehouse"]][move["kind"]] += Decimal(move["quantity"])
        return [_told(row, moved[row["sku"], row["warehouse"]]) for row in self._database.all(STOCK)]

    def moves(self) -> list[Document]:
        """Every move in its order; what leaves is negative."""
        names = ("at", "kind", "sku", "warehouse", "quantity", "reference")
        rows = self._database.execute(f"SELECT {', '.join(names)} FROM moves ORDER BY n")  # noqa: S608 - names above
        return [dict(zip(names, row, strict=True)) for row in rows]

    def _move(self, kind: Move, sku: str, warehouse: str, quantity: Decimal, at: datetime, reference: str) -> None:
        row = self._row(sku, warehouse)
        self._put(sku, warehouse, on_hand=Decimal(row["on_hand"]) + quantity)
        self._note(kind, sku, warehouse, quantity, at, reference)

    def _note(self, kind: Move, sku: str, warehouse: str, quantity: Decimal, at: datetime, reference: str) -> None:
        self._database.execute(
            "INSERT INTO moves (at, kind, sku, warehouse, quantity, reference) VALUES (?, ?, ?, ?, ?, ?)",
            at.astimezone(UTC).isoformat(),
            kind.value,
            sku,
            warehouse,
            plain(quantity),
            reference,
        )

    def _row(self, sku: str, warehouse: str) -> Document:
        empty = {"sku": sku, "warehouse": warehouse, "on_hand": "0", "allocated": "0", "damaged": "0", "status": "A"}
        return self._database.get(STOCK, f"{sku}|{warehouse}") or empty

    def _put(self, sku: str, warehouse: str, **values: Decimal | str) -> None:
        written = {name: plain(value) if isinstance(value, Decimal) else value for name, value in values.items()}
        self._database.put(STOCK, f"{sku}|{warehouse}", self._row(sku, warehouse) | written)


def _report_row(row: Document, on_order: Decimal) -> StockRow:
    on_hand, allocated = Decimal(row["on_hand"]), Decimal(row["allocated"])
    return StockRow(row["sku"], row["warehouse"], on_hand, allocated, on_order, row["status"])


def _damaged_rows(kept: Iterable[Document], warehouse: str) -> list[StockRow]:
    damaged: dict[str, Decimal] = defaultdict(Decimal)
    for row in kept:
        damaged[row["sku"]] += Decimal(row["damaged"])
    return [StockRow(sku, warehouse, quantity, ZERO, ZERO, "Q") for sku, quantity in damaged.items() if quantity]


def _told(row: Document, moved: Mapping[str, Decimal]) -> Document:
    returned = moved.get(Move.RESTOCKED, ZERO) + moved.get(Move.DAMAGED, ZERO)
    return row | {
        "start": plain(moved.get(Move.START, ZERO)),
        "replenished": plain(moved.get(Move.REPLENISHED, ZERO)),
        "shipped": plain(-moved.get(Move.SHIPPED, ZERO)),
        "returned": plain(returned),
    }
