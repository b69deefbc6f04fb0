"""Invoiced shipments on their way to being corrected, and the check that QuickBooks says what was kept."""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from decimal import Decimal
from typing import Any

from domain.links import LinkKind
from domain.returned import Condition, ReturnedGoods
from domain.shipments import Shipment
from store import credits
from store.session import reading, transaction
from tests.activities.worker import Worker
from tests.activities.world import CAUSE, House, fresh_number
from tests.build import line, order_for, shipment
from tests.store.books import take_back

AUTOMATIC = {"supplement": "automatic", "credit_memo": "automatic", "void": "automatic", "automatic_up_to": 100_000}
WRITES = {"credit_memo": r"/creditmemo$", "void": r"operation=void", "supplement": r"/invoice$"}


def stated(number: str, *quantities: int, **changes: Any) -> Shipment:
    """A shipment with so many pieces a line, of twelve ordered each: 1.115 per piece, then one more a line."""
    lines = (
        line(
            place,
            sku=("BOLT", "PIPE", "VALVE")[place - 1],
            quantity_shipped=Decimal(quantity),
            quantity_ordered=Decimal(12),
            unit_price=Decimal("1.115") + place - 1,
        )
        for place, quantity in enumerate(quantities, start=1)
    )
    return shipment(*lines, number=number, order_number=f"SO-{number}", **changes)


def invoiced(house: House, worker: Worker, *quantities: int, **changes: Any) -> Shipment:
    """A shipment with its invoice."""
    made = stated(fresh_number("CR"), *(quantities or (10,)), **changes)
    house.order(order_for(made))
    worker.prepare_range(house.deliver(made))
    assert not worker.bill(made.number)
    return made


def corrected(house: House, worker: Worker, made: Shipment, *quantities: int, **changes: Any) -> Shipment:
    """The ERP states it otherwise."""
    later = stated(made.number, *quantities, **changes)
    worker.prepare_range(house.deliver(later))
    return later


def came_back(house: House, number: str, quantity: int, line_no: int = 1, **changes: Any) -> ReturnedGoods:
    """Goods of a shipment come back."""
    fields = {
        "rma": f"RMA-{number}-{line_no}",
        "shipment_number": number,
        "line_no": line_no,
        "sku": ("BOLT", "PIPE", "VALVE")[line_no - 1],
        "quantity": Decimal(quantity),
        "uom": "EA",
        "condition": Condition.RESTOCK,
        "received_on": date(2026, 11, 22),
    }
    goods = ReturnedGoods(**{**fields, **changes})
    with transaction(house.engine, CAUSE) as session:
        take_back(session, goods)
    return goods


def paid(house: House, made: Shipment, amount: str | None = None) -> None:
    """The customer pays the shipment's first invoice, or a part of it."""
    (there, *_) = house.books.billing(made.number)
    customer_id = house.external_id(LinkKind.CUSTOMER, made.customer_number)
    house.books.pay(house.token(), customer_id, there["id"], amount or there["balance"])


def kept_in_quickbooks(house: House, number: str) -> dict[str, Decimal]:
    """The oracle: by the twin's own ledger, what is billed of each item less what is credited."""
    found: defaultdict[str, Decimal] = defaultdict(Decimal)
    for sign, documents in ((1, house.books.billing(number)), (-1, house.books.credits(number))):
        for one in documents:
            for row in one["lines"]:
                if row["sku"] != "RESTOCK":
                    found[row["sku"]] += sign * Decimal(row["quantity"])
    return {sku: quantity for sku, quantity in found.items() if quantity}


def check_kept(house: House, number: str, **skus: int) -> None:
    """QuickBooks bills these quantities net, the store knows exactly the documents there, and nothing is open."""
    assert kept_in_quickbooks(house, number) == {sku: Decimal(quantity) for sku, quantity in skus.items()}
    with reading(house.engine) as session:
        known = credits.of_shipments(session, [number])[number]
        states = {one.state.value for one in credits.intents_of(session, [number])[number]}
    memos = [one.quickbooks_id for one in known if one.kind == "credit_memo"]
    assert memos == [one["id"] for one in house.books.credits(number)]
    standing = [row.quickbooks_id for row in house.invoices(number) if row.status not in {"voided", "deleted"}]
    assert standing == [one["id"] for one in house.books.billing(number)]
    assert states <= {"booked", "refused", "withdrawn"}
