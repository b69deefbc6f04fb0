"""The truth about the warehouse, for whoever checks what others made of its files."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from twins.erp.records import plain
from twins.erp.warehouse.house import House
from twins.erp.warehouse.life import DELIVERY, OPENED, PROBLEM, RAN_UNTIL, Life

Document = dict[str, Any]


def warehouse(life: Life) -> Document:
    """Orders with their line state, stock, shipments, returns. Quantities of lines are in the line's own unit.

    Of every line: ordered + overshipped = shipped + cancelled + open, and open = allocated + backordered once it is
    accepted. Of every row of stock, in base units: on_hand + shipped + damaged = start + replenished + returned.
    """
    house = life.house
    with house.books.turn():
        return {
            "opened_at": house.books.read(OPENED),
            "ran_until": house.books.read(RAN_UNTIL),
            "orders": [_order(order) for order in house.papers.orders()],
            "stock": house.stock.told(),
            "supplies": house.stock.supplies(),
            "shipments": house.papers.shipments(),
            "returns": house.papers.returns(),
        }


def schedule(life: Life) -> Document:
    """What is due next, what was delivered and what failed, which order file was taken last."""
    house = life.house
    with house.books.turn():
        last = house.books.read("last order file")
        return {
            "opened_at": house.books.read(OPENED),
            "ran_until": house.books.read(RAN_UNTIL),
            "last_order_file": last[0] if last else None,
            "due": [
                {"at": due.at.isoformat(), "kind": due.kind.value, "subject": due.subject, **due.body}
                for due in house.agenda.all()
            ],
            "deliveries": house.books.database.all(DELIVERY),
            "problems": house.books.database.all(PROBLEM),
        }


def moves(house: House) -> Document:
    """Every move of stock."""
    return {"moves": house.stock.moves()}


def _order(order: Document) -> Document:
    accepted = order["status"] in {"A", "K"}
    return {**order, "lines": [_line(line, accepted=accepted) for line in order["lines"]]}


def _line(line: Document, *, accepted: bool) -> Document:
    """`allocated` is what is set aside, the picked part of it included; `places` says where."""
    allocated = {place: Decimal(quantity) for place, quantity in line["allocated"].items()}
    picked = {place: Decimal(quantity) for place, quantity in line["picked"].items()}
    places = {
        place: plain(allocated.get(place, Decimal(0)) + picked.get(place, Decimal(0))) for place in allocated | picked
    }
    return {
        **line,
        "allocated": plain(sum([*allocated.values(), *picked.values()], Decimal(0))),
        "picked": plain(sum(picked.values(), Decimal(0))),
        "backordered": line["backordered"] if accepted else "0",
        "places": places,
    }
