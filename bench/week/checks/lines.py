"""Line by line: what became of every ordered unit, by the ERP, the canonical store and Salesforce."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal

from bench.week.checks.bills import Bill, bills, goods, lives
from bench.week.evidence import Evidence, Json, number
from bench.week.findings import Report, System

LINE = ("sku", "uom")
SUMS = ("ordered", "shipped", "cancelled", "backordered", "overshipped", "returned")


def check_lines(evidence: Evidence, report: Report) -> None:
    """The ERP's lines are the truth; the store's ledgers and Salesforce's order products must say the same."""
    kept = {(one["order_number"], one["line_no"]): one for one in evidence.store["lines"]}
    shown, billed = evidence.org_lines(), billed_by_line(evidence)
    truth = {(number_, line["line"]): line for number_, one in evidence.orders.items() for line in one["lines"]}
    for key, line in truth.items():
        record = f"{key[0]}/{key[1]}"
        _ledger(report, record, line, kept.get(key))
        _shown(report, record, line, shown.get(key), billed.get(key, Decimal(0)))
        _add_up(report, record, line)
    for key in kept:
        if key[0] in evidence.orders and key not in truth:
            report.add(System.GATEWAY, "order line", (f"{key[0]}/{key[1]}", "line"), "nothing", "a line")
    for key, row in kept.items():
        _balanced(report, f"{key[0]}/{key[1]}", row)


def billed_by_line(evidence: Evidence) -> dict[tuple[str, int], Decimal]:
    """Quantities that are billed and not given back, by order and line: the shipment says which line a SKU was."""
    found: defaultdict[tuple[str, int], Decimal] = defaultdict(Decimal)
    written, _ = bills(evidence)
    for shipment in evidence.shipments:
        of_sku = {line["sku"]: line["line"] for line in shipment["lines"]}
        for sku, quantity in written.get(shipment["shipment_no"], Bill()).net().items():
            found[shipment["order_no"], of_sku.get(sku, 0)] += quantity
    return found


def credited_orders(evidence: Evidence) -> set[str]:
    """The orders of which goods were given back in money."""
    written, _ = bills(evidence)
    return {
        shipment["order_no"]
        for shipment in evidence.shipments
        for one in written.get(shipment["shipment_no"], Bill()).credits.values()
        if lives(one) and goods(one)
    }


def _ledger(report: Report, record: str, line: Json, row: Json | None) -> None:
    if row is None:
        report.add(System.GATEWAY, "order line", (record, "line"), "a line", None)
        return
    for name in LINE:
        report.equal(System.GATEWAY, "order line", (record, name), line[name], row[name])
    for name in SUMS:
        report.equal(System.GATEWAY, "line ledger", (record, name), number(line[name]), number(row[name]))
    rest = number(line["open"]) - number(line["backordered"])
    report.equal(System.GATEWAY, "line ledger", (record, "open"), number(rest), number(row["open"]))


def _shown(report: Report, record: str, line: Json, item: Json | None, billed: Decimal) -> None:
    if item is None:
        report.add(System.SALESFORCE, "order product", (record, "OrderItem"), "a record", None)
        return
    expected = {"Qty_Shipped__c": line["shipped"], "Qty_Backordered__c": line["backordered"], "Qty_Invoiced__c": billed}
    for name, value in expected.items():
        report.equal(System.SALESFORCE, "order product", (record, name), number(value), number(item[name]))
    report.equal(System.SALESFORCE, "order product", (record, "UoM__c"), line["uom"], item["UoM__c"])
    price = number(line["unit_price"])
    report.equal(System.SALESFORCE, "order product", (record, "UnitPrice"), price, number(item["UnitPrice"]))


def _add_up(report: Report, record: str, line: Json) -> None:
    left = number(line["ordered"]) + number(line["overshipped"])
    right = number(line["shipped"]) + number(line["cancelled"]) + number(line["open"])
    report.equal(System.ERP, "every unit accounted for", (record, "ordered"), number(right), number(left))


def _balanced(report: Report, record: str, row: Json) -> None:
    """Invariant R1, by this file's own arithmetic."""
    right = sum((row[name] for name in ("shipped", "backordered", "cancelled", "open")), Decimal(0))
    left = row["ordered"] + row["overshipped"]
    report.equal(System.GATEWAY, "every unit accounted for", (record, "ordered"), number(right), number(left))
