"""Builders of domain objects with sane defaults: a test names only what it is about.

The default shipment confirms two lines of one active order of a known customer, everything linked: it bills at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

from domain.billing import BillingInput, KnownLinks
from domain.company import BillingPolicy, Company, Terms
from domain.customers import Customer
from domain.exceptions import Choice, Resolution
from domain.items import Item
from domain.linking import LocalRecord
from domain.links import Candidate, LinkKind
from domain.matching import MatchInput
from domain.orders import Order, OrderLine
from domain.rulings import Rulings
from domain.shipments import Shipment, ShipmentLine
from domain.sources import System

SHIPPED_AT = datetime(2026, 11, 20, 17, 30, tzinfo=UTC)
DECIDED_ON = date(2026, 11, 23)
DECIDED_AT = datetime(2026, 11, 23, 14, 0, tzinfo=UTC)
REALM = "9130357849016486"


def line(line_no: int = 1, **changes: Any) -> ShipmentLine:
    """A shipped line: 10 EA of BOLT at 2.50, shipped as ordered."""
    shipped = changes.get("quantity_shipped", Decimal(10))
    fields = {
        "line_no": line_no,
        "sku": "BOLT",
        "quantity_ordered": shipped,
        "quantity_shipped": shipped,
        "uom": "EA",
        "unit_price": Decimal("2.5000"),
    }
    return ShipmentLine(**{**fields, **changes})


def shipment(*lines: ShipmentLine, **changes: Any) -> Shipment:
    """A shipment of order SO1 for customer 00000042, without freight; by default of one line."""
    fields = {
        "number": "SH1",
        "order_number": "SO1",
        "customer_number": "00000042",
        "warehouse": "ATL",
        "shipped_at": SHIPPED_AT,
        "carrier": "SAIA",
        "freight": Decimal(0),
        "lines": lines or (line(),),
    }
    return Shipment(**{**fields, **changes})


def order_line(line_no: int = 1, **changes: Any) -> OrderLine:
    """An ordered line: 10 EA of BOLT at 2.50."""
    fields = {
        "line_no": line_no,
        "sku": "BOLT",
        "quantity": Decimal(10),
        "uom": "EA",
        "unit_price": Decimal("2.50"),
    }
    return OrderLine(**{**fields, **changes})


def order(*lines: OrderLine, **changes: Any) -> Order:
    """The active order SO1 of customer 00000042; by default of one line."""
    fields = {
        "number": "SO1",
        "customer_number": "00000042",
        "status": "Activated",
        "active": True,
        "external_id": "801000000000001AAA",
        "version_at": SHIPPED_AT,
        "lines": lines or (order_line(),),
    }
    return Order(**{**fields, **changes})


def order_for(given: Shipment, **changes: Any) -> Order:
    """The order that a shipment fulfils to the letter."""
    lines = (
        order_line(one.line_no, sku=one.sku, quantity=one.quantity_ordered, uom=one.uom, unit_price=one.unit_price)
        for one in given.lines
    )
    return order(*lines, number=given.order_number, customer_number=given.customer_number, **changes)


def customer(number: str = "00000042", **changes: Any) -> Customer:
    """A taxable customer with terms N30."""
    return Customer(**{"number": number, "name": "Brightwater Plumbing", "terms_code": "N30", **changes})


def item(sku: str = "BOLT", **changes: Any) -> Item:
    """An item kept by the piece and sold in boxes of 100."""
    fields = {
        "sku": sku,
        "description": f"{sku.title()} 3/8",
        "base_uom": "EA",
        "sell_uom": "BX",
        "units_per_sell_uom": Fraction(100),
    }
    return Item(**{**fields, **changes})


def items(*skus: str) -> dict[str, Item]:
    """An item master of these SKUs."""
    return {sku: item(sku) for sku in skus}


def company(**policy: Any) -> Company:
    """The distributor, in New York's zone, with the billing policy changed as given."""
    return Company(
        code="THW",
        name="Threeway Demo Co",
        timezone="America/New_York",
        terms={"COD": Terms(name="Due on receipt", due_days=0), "N30": Terms(name="Net 30", due_days=30)},
        warehouses={"ATL": "Atlanta DC"},
        billing=BillingPolicy(**{"version": "test", **policy}),
    )


def match_input(given: Shipment | None = None, **changes: Any) -> MatchInput:
    """A shipment beside the order that it fulfils, its customer and an item master with all it needs."""
    given = given or shipment()
    fields = {
        "shipment": given,
        "order": order_for(given),
        "customer": customer(given.customer_number),
        "items": items(*(one.sku for one in given.lines)),
    }
    return MatchInput(**{**fields, **changes})


def links(case: MatchInput, *more_skus: str) -> KnownLinks:
    """Confirmed links for everything that a case names."""
    skus = {*case.items, *more_skus, "FREIGHT"}
    number = case.rulings.customer_number or case.shipment.customer_number
    return KnownLinks(
        customers={number: f"qb-{number}"},
        items={sku: f"qb-{sku}" for sku in skus},
        terms={"COD": "qb-COD", "N30": "qb-N30"},
    )


def billing_input(
    given: Shipment | None = None,
    *,
    policy: Mapping[str, Any] | None = None,
    known: KnownLinks | None = None,
    generation: int = 1,
    **case: Any,
) -> BillingInput:
    """The inputs of a billing decision; `case` changes what is matched, `policy` the billing policy."""
    matched = match_input(given, **case)
    return BillingInput(
        case=matched,
        links=known or links(matched),
        company=company(**(policy or {})),
        realm=REALM,
        generation=generation,
        decided_on=DECIDED_ON,
    )


def rulings(**changes: Any) -> Rulings:
    """Standing decisions, by default none."""
    return Rulings(**changes)


def resolution(choice: Choice, value: str | None = None, **changes: Any) -> Resolution:
    """A person's decision."""
    fields = {
        "exception_id": "1",
        "choice": choice,
        "value": value,
        "reason": "agreed with the customer",
        "decided_by": "dana",
        "decided_at": DECIDED_AT,
    }
    return Resolution(**{**fields, **changes})


def local_record(key: str, name: str, **changes: Any) -> LocalRecord:
    """One of our customers, as linking sees it."""
    return LocalRecord(**{"kind": LinkKind.CUSTOMER, "key": key, "name": name, "strong_key": key, **changes})


def candidate(external_id: str, name: str, **changes: Any) -> Candidate:
    """A QuickBooks customer, as linking sees it: it has no key but its name."""
    fields = {"kind": LinkKind.CUSTOMER, "system": System.QUICKBOOKS, "external_id": external_id, "name": name}
    return Candidate(**{**fields, **changes})
