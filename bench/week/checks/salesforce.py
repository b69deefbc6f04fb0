"""What a rep sees: states, amounts, invoices, events and balances, against the ERP's truth and the books."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from decimal import Decimal

from bench.week.checks.bills import Bill, bills, half_up, lives
from bench.week.checks.lines import billed_by_line, credited_orders
from bench.week.checks.words import Standing, words_of
from bench.week.evidence import Evidence, Json, number
from bench.week.findings import Report, System
from bench.week.rules import Rules

STATE, AMOUNT, SHOWN, EVENTS, OWED = "order state", "order amounts", "invoice shown", "events", "customer balance"
WORDS = {"voided": "Voided", "deleted": "Deleted"}


def check_salesforce(evidence: Evidence, report: Report, rules: Rules) -> None:
    """Orders, invoices, events and accounts."""
    written, _ = bills(evidence)
    of_order = _by_order(evidence, written)
    _orders(evidence, report, rules, of_order)
    _invoices(evidence, report, written)
    _events(evidence, report, of_order)
    _accounts(evidence, report)


def _by_order(evidence: Evidence, written: dict[str, Bill]) -> dict[str, list[Json]]:
    """The invoices of each order, those that are nothing included."""
    found: defaultdict[str, list[Json]] = defaultdict(list)
    for shipment in evidence.warehouse["shipments"]:
        found[shipment["order_no"]] += written.get(shipment["shipment_no"], Bill()).invoices.values()
    return found


def _orders(evidence: Evidence, report: Report, rules: Rules, invoices: dict[str, list[Json]]) -> None:
    billed, credited = billed_by_line(evidence), credited_orders(evidence)
    gone = {one["order_no"] for one in evidence.shipments if one["reversed"]}
    states = {one["order_number"]: one for one in evidence.store["states"]}
    for order_no, shown in evidence.org_orders.items():
        order, living = evidence.orders.get(order_no), [one for one in invoices.get(order_no, ()) if lives(one)]
        place = (order_no, "Gateway_Status__c")
        if order is None and shown["PoNumber"] not in rules.given_up:
            report.add(System.ERP, STATE, (order_no, "order"), "an order", None)
        elif order is None:
            report.equal(System.SALESFORCE, STATE, place, "Cancelled", shown["Gateway_Status__c"])
        else:
            standing = Standing(
                order=order,
                invoices=tuple(living),
                billed=_is_billed(order, billed),
                credited=order_no in credited,
                reversed=order_no in gone,
            )
            report.one_of(System.SALESFORCE, STATE, place, words_of(standing), shown["Gateway_Status__c"])
            _open_amount(report, order, shown, billed)
        kept = states.get(order_no)
        report.equal(System.GATEWAY, STATE, (order_no, "shows"), shown["Gateway_Status__c"], kept and kept["shows"])
        total = sum((number(one["total"]) for one in living), Decimal(0))
        found = number(shown["Invoiced_Amount__c"])
        report.equal(System.SALESFORCE, AMOUNT, (order_no, "Invoiced_Amount__c"), number(total), found)
    for order_no in evidence.orders:
        if order_no not in evidence.org_orders:
            report.add(System.ERP, STATE, (order_no, "order"), None, "an order that Salesforce does not have")


def _is_billed(order: Json, billed: dict[tuple[str, int], Decimal]) -> bool:
    """Everything that left is billed, unless it came back."""
    return all(
        number(line["shipped"]) - number(line["returned"]) <= billed.get((order["order_no"], line["line"]), Decimal(0))
        for line in order["lines"]
    )


def _open_amount(report: Report, order: Json, shown: Json, billed: dict[tuple[str, int], Decimal]) -> None:
    """What may still be billed: what is to be shipped, and what left and is not billed, at the order's prices."""
    total = Decimal(0)
    for line in order["lines"]:
        kept = number(line["shipped"]) - number(line["returned"])
        unbilled = max(Decimal(0), kept - billed.get((order["order_no"], line["line"]), Decimal(0)))
        total += half_up((number(line["open"]) + unbilled) * number(line["unit_price"]))
    place = (order["order_no"], "Open_Amount__c")
    report.equal(System.SALESFORCE, AMOUNT, place, number(total), number(shown["Open_Amount__c"]))


def _invoices(evidence: Evidence, report: Report, written: dict[str, Bill]) -> None:
    """One row of `Invoice__c` for each invoice in the books, with its numbers; no other."""
    orders = {one["Id"]: number_ for number_, one in evidence.org_orders.items()}
    of_shipment = {one["shipment_no"]: one["order_no"] for one in evidence.warehouse["shipments"]}
    rows: defaultdict[str, list[Json]] = defaultdict(list)
    for row in evidence.org["Invoice__c"]:
        rows[str(row["QuickBooks_Id__c"])].append(row)
    for shipment_no, bill in written.items():
        for document in bill.invoices.values():
            found = rows.pop(document["id"], [])
            doc = str(document["doc_number"])
            if not report.equal(System.SALESFORCE, SHOWN, (doc, "rows"), 1, len(found)):
                continue
            expected = {
                "Doc_Number__c": doc,
                "Total__c": number(document["total"]),
                "Balance__c": number(document["balance"]),
                "Status__c": _invoice_word(document),
                "Order": of_shipment.get(shipment_no),
            }
            for name, value in expected.items():
                if name == "Total__c" and not lives(document):
                    continue  # of an invoice that is nothing, what was billed stays to be seen
                report.equal(System.SALESFORCE, SHOWN, (doc, name), value, _cell(found[0], name, orders))
    for left in rows.values():
        report.add(System.SALESFORCE, SHOWN, (str(left[0]["Doc_Number__c"]), "rows"), 0, len(left))


def _cell(row: Json, name: str, orders: dict[str, str]) -> object:
    if name == "Order":
        return orders.get(row["Order__c"])
    return number(row[name]) if name in {"Total__c", "Balance__c"} else row[name]


def _invoice_word(document: Json) -> str:
    for mark, word in WORDS.items():
        if document[mark]:
            return word
    total, balance = number(document["total"]), number(document["balance"])
    if total > 0 and balance <= 0:
        return "Paid"
    if balance < total:
        return "Partly Paid"
    return "Released" if document["email_status"] in {"NeedToSend", "EmailSent"} else "Drafted"


def _events(evidence: Evidence, report: Report, invoices: dict[str, list[Json]]) -> None:
    """Nothing is told twice; each shipment and each invoice of an order is told once."""
    by_order = evidence.of_order("Order_Event__c", "Order__c")
    keys = Counter(one["Event_Key__c"] for one in evidence.org["Order_Event__c"])
    for key, times in keys.items():
        report.equal(System.SALESFORCE, EVENTS, (str(key), "rows"), 1, times)
    shipments: defaultdict[str, list[str]] = defaultdict(list)
    for one in evidence.shipments:
        shipments[one["order_no"]].append(one["shipment_no"])
    for order_no, order in evidence.org_orders.items():
        told = by_order.get(order["Id"], [])
        for what, times in _repeated(told):
            report.add(System.SALESFORCE, EVENTS, (order_no, what), 1, times)
        for document in invoices.get(order_no, ()):
            doc = str(document["doc_number"])
            mentions = [one for one in told if one["Type__c"] == "Invoiced" and f"Invoice {doc} " in _note(one)]
            report.equal(System.SALESFORCE, EVENTS, (order_no, f"invoice {doc}"), 1, len(mentions))
        for shipment_no in shipments.get(order_no, ()):
            mentions = [one for one in told if one["Source__c"] == "erp" and f"Shipment {shipment_no} " in _note(one)]
            report.there(System.SALESFORCE, EVENTS, (order_no, f"shipment {shipment_no}"), found=bool(mentions))


def _repeated(told: list[Json]) -> Iterator[tuple[str, int]]:
    """The same thing said of the same instant in the same words, under different keys."""
    said = Counter((one["Type__c"], one["Occurred_At__c"], one["Source__c"], _note(one)) for one in told)
    yield from ((f"{key[0]} at {key[1]}", times) for key, times in said.items() if times > 1)


def _note(event: Json) -> str:
    return str(event["Note__c"] or "")


def _accounts(evidence: Evidence, report: Report) -> None:
    """What each customer owes: the invoices' balances, less what is left of credit memos."""
    owed: defaultdict[str, Decimal] = defaultdict(Decimal)
    customers: dict[str, str] = {}
    of_shipment = {one["shipment_no"]: one["customer_erp_no"] for one in evidence.warehouse["shipments"]}
    written, _ = bills(evidence)
    for shipment_no, bill in written.items():
        for sign, documents in ((1, bill.invoices.values()), (-1, bill.credits.values())):
            for document in documents:
                customers[document["customer_id"]] = of_shipment.get(shipment_no, "")
                owed[document["customer_id"]] += sign * (number(document["balance"]) if lives(document) else 0)
    accounts = {one["ERP_Id__c"]: one for one in evidence.org["Account"]}
    kept = {one["customer_number"]: one["balance"] for one in evidence.store["balances"]}
    for customer_id, erp_no in customers.items():
        if not erp_no or erp_no not in accounts:
            continue
        expected = number(owed[customer_id])
        shown = number(accounts[erp_no]["Open_Balance__c"])
        report.equal(System.SALESFORCE, OWED, (erp_no, "Open_Balance__c"), expected, shown)
        report.equal(System.GATEWAY, OWED, (erp_no, "balance"), expected, number(kept.get(erp_no)))
