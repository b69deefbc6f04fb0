"""Shipment by shipment: exactly one living invoice, net of credits what shipped less what came back, to the cent."""

from __future__ import annotations

import re
from collections import defaultdict
from decimal import Decimal

from bench.week.checks.bills import Bill, bills, goods, half_up, lines_by_sku, lives
from bench.week.evidence import Evidence, Json, number
from bench.week.findings import Report, System
from bench.week.rules import Rules

ONCE, NET, SUM = "one living invoice", "billed net of credits", "invoice total"


def check_invoices(evidence: Evidence, report: Report, rules: Rules) -> None:
    """Every confirmed shipment against the books, and the books against the store."""
    written, foreign = bills(evidence)
    returns = _credited_returns(evidence, rules)
    for shipment in evidence.shipments:
        bill = written.pop(shipment["shipment_no"], Bill())
        _one_invoice(report, shipment, bill)
        _net(report, shipment, bill, returns[shipment["shipment_no"]])
        for document in [*bill.living.values(), *filter(lives, bill.credits.values())]:
            _total(report, shipment, document)
            _customer(evidence, report, shipment, document)
    for shipment_no, bill in written.items():
        for document in [*bill.living.values(), *bill.credits.values()]:
            report.add(System.QUICKBOOKS, "no stray documents", (shipment_no, "document"), None, document["doc_number"])
    for document in foreign:
        report.add(System.QUICKBOOKS, "no stray documents", (document["id"], "document"), None, document["doc_number"])
    _kept(evidence, report)


def _credited_returns(evidence: Evidence, rules: Rules) -> defaultdict[str, dict[str, Decimal]]:
    """What came back and is given back in money, by shipment and SKU."""
    found: defaultdict[str, dict[str, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    for one in evidence.warehouse["returns"]:
        if one["condition"] != "DAMAGED" or rules.credit_damaged:
            found[one["shipment_no"]][one["sku"]] += number(one["quantity"])
    return found


def _one_invoice(report: Report, shipment: Json, bill: Bill) -> None:
    """One, and further ones only where the ERP stated the shipment again; none where nothing left the house."""
    place = (shipment["shipment_no"], "invoices")
    first = [one for one in bill.living.values() if not re.search(r"-S\d+$", str(one["doc_number"]))]
    shipped = any(number(line["shipped"]) for line in shipment["lines"])
    if shipped:
        report.equal(System.QUICKBOOKS, ONCE, place, 1, len(first))
    if shipment["revision"] == 1:
        report.equal(System.QUICKBOOKS, ONCE, place, len(first), len(bill.living))
    report.equal(System.QUICKBOOKS, ONCE, place, [], bill.twice)


def _net(report: Report, shipment: Json, bill: Bill, returned: dict[str, Decimal]) -> None:
    net, lines = bill.net(), lines_by_sku(shipment)
    for sku in sorted({*net, *lines}):
        shipped = number(lines[sku]["shipped"]) if sku in lines else Decimal(0)
        expected = number(shipped - returned.get(sku, Decimal(0)))
        record = f"{shipment['shipment_no']} {sku}"
        report.equal(System.QUICKBOOKS, NET, (record, "quantity"), expected, number(net.get(sku, 0)))
    freight = Decimal(0) if shipment["reversed"] else number(shipment["freight"])
    report.equal(System.QUICKBOOKS, NET, (shipment["shipment_no"], "freight"), number(freight), number(bill.freight()))


def _total(report: Report, shipment: Json, document: Json) -> None:
    """Each line is its quantity at the price that was shipped at, rounded half up; the total is their sum."""
    prices = {sku: number(line["unit_price"]) for sku, line in lines_by_sku(shipment).items()}
    doc = str(document["doc_number"])
    for line in goods(document):
        place = (f"{doc} {line['sku']}", "amount")
        expected = half_up(number(line["quantity"]) * prices.get(line["sku"], Decimal(0)))
        report.equal(System.QUICKBOOKS, SUM, place, number(expected), number(line["amount"]))
    amounts = sum((number(line["amount"]) for line in document["lines"]), Decimal(0))
    total = number(document["total"]) - number(document["tax"])
    report.equal(System.QUICKBOOKS, SUM, (doc, "total"), number(amounts), number(total))


def _customer(evidence: Evidence, report: Report, shipment: Json, document: Json) -> None:
    names = {one["ERP_Id__c"]: _letters(one["Name"]) for one in evidence.org["Account"]}
    place = (str(document["doc_number"]), "customer")
    expected = names.get(shipment["customer_erp_no"])
    report.equal(System.QUICKBOOKS, "invoiced customer", place, expected, _letters(document["customer_name"]))


def _letters(name: str) -> str:
    return re.sub(r"[\W_]", "", name.casefold())


def _kept(evidence: Evidence, report: Report) -> None:
    """The store knows every document of the books by its id, with its numbers, and no other."""
    rows = {one["quickbooks_id"]: one for one in evidence.store["invoices"]}
    for document in evidence.ledger["invoices"]:
        row = rows.pop(document["id"], None)
        place = (str(document["doc_number"]), "invoice")
        if report.there(System.GATEWAY, "invoice in the store", place, found=row is not None) and row:
            _same_numbers(report, document, row)
    for row in rows.values():
        report.add(System.GATEWAY, "invoice in the store", (str(row["doc_number"]), "invoice"), None, "a row")
    memos = {one["quickbooks_id"]: one for one in evidence.store["credits"] if one["kind"] == "credit_memo"}
    for document in evidence.ledger["credit_memos"]:
        row = memos.pop(document["id"], None)
        place = (str(document["doc_number"]), "credit memo")
        if report.there(System.GATEWAY, "credit memo in the store", place, found=row is not None) and row:
            total = (str(document["doc_number"]), "total")
            expected = number(document["total"])
            report.equal(System.GATEWAY, "credit memo in the store", total, expected, number(row["total"]))
    for row in memos.values():
        report.add(System.GATEWAY, "credit memo in the store", (str(row["doc_number"]), "credit memo"), None, "a row")


def _same_numbers(report: Report, document: Json, row: Json) -> None:
    doc = str(document["doc_number"])
    gone = row["status"] in {"voided", "deleted"}
    report.equal(System.GATEWAY, "invoice in the store", (doc, "standing"), not lives(document), gone)
    report.equal(System.GATEWAY, "invoice in the store", (doc, "doc_number"), document["doc_number"], row["doc_number"])
    for name in ("total", "balance") if lives(document) else ("balance",):  # what was billed is to be seen
        report.equal(System.GATEWAY, "invoice in the store", (doc, name), number(document[name]), number(row[name]))
