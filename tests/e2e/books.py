"""The books compared with the truth: which shipments the ledger bills, how often, and whether to the cent."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from datetime import date, timedelta
from decimal import Decimal

from tests.e2e.twin_clients import Json

MARKER = re.compile(r"threeway:([^:\s]+):(\d+)(?!\S)")


def shipment_of(invoice: Json) -> str:
    """The shipment that our marker in the private note names; AssertionError for an invoice without one."""
    found = MARKER.search(invoice["private_note"] or "")
    assert found, f"invoice {invoice['doc_number']} carries no marker: {invoice['private_note']!r}"
    return found.group(1)


def by_shipment(ledger: Iterable[Json]) -> dict[str, list[Json]]:
    """The invoices of each shipment that is billed."""
    found: defaultdict[str, list[Json]] = defaultdict(list)
    for invoice in ledger:
        found[shipment_of(invoice)].append(invoice)
    return dict(found)


def assert_billed_once(ledger: Iterable[Json], shipments: Iterable[str]) -> dict[str, Json]:
    """Each of these shipments has exactly one invoice; answers it. Invoices of other shipments do not matter."""
    billed = by_shipment(ledger)
    wanted = set(shipments)
    missing = sorted(wanted - billed.keys())
    assert not missing, f"{len(missing)} of {len(wanted)} shipments have no invoice: {missing[:20]}"
    twice = {number: [one["doc_number"] for one in billed[number]] for number in wanted if len(billed[number]) > 1}
    assert not twice, f"shipments with more than one invoice: {twice}"
    return {number: billed[number][0] for number in wanted}


def assert_equals_truth(invoice: Json, expected: Json, stated: Json, world: Json) -> None:
    """An invoice says what the truth about its shipment says: lines, amounts, freight, dates, customer, and unsent."""
    assert _lines(invoice) == _expected_lines(expected), stated["shipment_no"]
    assert Decimal(invoice["total"]) - Decimal(invoice["tax"]) == Decimal(expected["total"]), stated["shipment_no"]
    customer = next(one for one in world["customers"] if one["erp_no"] == stated["customer_erp_no"])
    days = next(one["due_days"] for one in world["terms"] if one["code"] == customer["terms_code"])
    shipped_on = date.fromisoformat(stated["shipped_on"])
    heading = {
        name: invoice[name] for name in ("customer_name", "txn_date", "due_date", "email_status", "print_status")
    }
    assert heading == {
        "customer_name": customer["name"],
        "txn_date": shipped_on.isoformat(),
        "due_date": (shipped_on + timedelta(days=days)).isoformat(),
        "email_status": "NotSet",
        "print_status": "NotSet",
    }
    assert shipment_of(invoice) == stated["shipment_no"]
    assert not invoice["deleted"]
    assert not invoice["voided"]


def assert_ledger_equals(ledger: Iterable[Json], truth: Json, world: Json) -> None:
    """Every expected invoice of an export is in the books once and to the cent."""
    stated = {one["shipment_no"]: one for one in truth["shipments"]}
    expected = {one["shipment_no"]: one for one in truth["expected_invoices"]}
    for number, invoice in assert_billed_once(ledger, expected).items():
        assert_equals_truth(invoice, expected[number], stated[number], world)


def lines_shipped(truth: Json) -> dict[str, dict[int, tuple[Decimal, bool]]]:
    """What an export ships of each order line in all, and whether its last word on it is that the rest follows."""
    found: defaultdict[str, dict[int, tuple[Decimal, bool]]] = defaultdict(dict)
    for one in sorted(truth["shipments"], key=lambda one: (one["shipped_on"], one["shipped_time"])):
        for line in one["lines"]:
            before, _ = found[one["order_no"]].get(line["line"], (Decimal(0), False))
            shipped = before + Decimal(line["quantity_shipped"])
            found[one["order_no"]][line["line"]] = (shipped, line.get("reason") == "BO")
    return dict(found)


def order_amounts(truth: Json) -> dict[str, Decimal]:
    """What the expected invoices of an export come to, by order."""
    order_of = {one["shipment_no"]: one["order_no"] for one in truth["shipments"]}
    found: defaultdict[str, Decimal] = defaultdict(Decimal)
    for one in truth["expected_invoices"]:
        found[order_of[one["shipment_no"]]] += Decimal(one["total"])
    return dict(found)


Line = tuple[str, Decimal, Decimal, Decimal]


def _lines(invoice: Json) -> list[Line]:
    return [_line(one["sku"], one["quantity"], one["unit_price"], one["amount"]) for one in invoice["lines"]]


def _expected_lines(expected: Json) -> list[Line]:
    goods = [_line(one["sku"], one["quantity"], one["unit_price"], one["amount"]) for one in expected["lines"]]
    freight = expected["freight"]
    return goods + ([_line("FREIGHT", "1", freight, freight)] if Decimal(freight) else [])


def _line(sku: str, quantity: str, unit_price: str, amount: str) -> Line:
    return sku, Decimal(quantity), Decimal(unit_price), Decimal(amount)
