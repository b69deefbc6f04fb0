"""The order files: read from the ERP's folder by this file's own eyes, against Salesforce and what the ERP took."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal

from bench.week.evidence import Evidence, Json, number
from bench.week.findings import Report, System

NAME = re.compile(r"ORDIMP\.S(\d{6})")
CODE_PAGE = "cp1252"
TOLD, SEQUENCE = "what the ERP was told", "sequences"
# Digits of the zoned sign: the last digit of an amount and its sign are one character.
ZONED = {"{": (0, 1), "}": (0, -1)} | {chr(ord("A") + n - 1): (n, 1) for n in range(1, 10)}
ZONED |= {chr(ord("J") + n - 1): (n, -1) for n in range(1, 10)}
LEFT_AS_IT_WAS = ("CHANGE IN PART", "CHANGE REJECTED", "ORDER IS CANCELLED", "CANCEL TOO LATE", "SHIPPED BEFORE")


@dataclass
class Told:
    """The last word of the gateway on an order, as it stands in a file."""

    action: str
    customer: str
    purchase_order: str
    file: str
    lines: dict[int, tuple[str, Decimal, str, Decimal]] = field(default_factory=dict)


def check_papers(evidence: Evidence, report: Report) -> None:
    """Files without a gap, each taken; orders numbered without a gap; the ERP's orders as the last file said."""
    _sequences(evidence, report)
    told = read_files(evidence.order_files)
    for order_no, order in evidence.orders.items():
        word = told.get(order_no)
        if word is None:
            report.add(System.ERP, TOLD, (order_no, "order"), "an order file that names it", None)
            continue
        _as_told(report, order, word)
        if order_no in evidence.org_orders:
            _as_ordered(evidence, report, order, word)
    for order_no in told:
        report.there(System.ERP, TOLD, (order_no, "order"), found=order_no in evidence.orders)


def read_files(files: dict[str, bytes]) -> dict[str, Told]:
    """The last word on each order, in the order of the files."""
    found: dict[str, Told] = {}
    for name in sorted(files):
        if NAME.fullmatch(name):
            found |= dict(_orders(name, files[name]))
    return found


def _orders(name: str, content: bytes) -> Iterator[tuple[str, Told]]:
    current: Told | None = None
    for record in content.decode(CODE_PAGE).split("\r\n"):
        kind = record[:2]
        if kind == "O1":
            current = Told(record[2], _columns(record, 14, 21), _columns(record, 39, 52), name)
            yield _columns(record, 4, 13), current
        elif kind == "O2" and current is not None:
            quantity = Decimal(_columns(record, 22, 30)).scaleb(-2)
            price = _zoned(_columns(record, 33, 43)).scaleb(-4)
            item, unit = _columns(record, 7, 21), _columns(record, 31, 32)
            current.lines[int(record[2:6])] = (item, number(quantity), unit, number(price))


def _columns(record: str, first: int, last: int) -> str:
    return record[first - 1 : last].rstrip()


def _zoned(digits: str) -> Decimal:
    last, sign = ZONED.get(digits[-1], (None, 1))
    return Decimal(digits) if last is None else sign * Decimal(f"{digits[:-1]}{last}")


def _as_told(report: Report, order: Json, word: Told) -> None:
    """The ERP's order is what the last file said of it, but where the ERP said that it could not follow."""
    order_no = order["order_no"]
    report.equal(System.ERP, TOLD, (order_no, "customer"), word.customer, order["customer_erp_no"])
    report.equal(System.ERP, TOLD, (order_no, "po_no"), word.purchase_order, order["po_no"])
    if str(order["reason"]).startswith(LEFT_AS_IT_WAS):
        return
    if word.action == "C":
        open_ = sum((number(line["open"]) for line in order["lines"]), Decimal(0))
        report.equal(System.ERP, TOLD, (order_no, "open after a cancellation"), number(0), number(open_))
        return
    there = {
        line["line"]: (line["sku"], number(line["ordered"]), line["uom"], number(line["unit_price"]))
        for line in order["lines"]
    }
    for line_no in sorted({*there, *word.lines}):
        place = (f"{order_no}/{line_no}", f"line of {word.file}")
        report.equal(System.ERP, TOLD, place, word.lines.get(line_no), there.get(line_no))


def _as_ordered(evidence: Evidence, report: Report, order: Json, word: Told) -> None:
    """The last file says what Salesforce says, unless the order was given up."""
    if word.action == "C" or order["status"] in {"C", "R"}:
        return
    shown = evidence.org_lines()
    order_no = order["order_no"]
    lines = {
        line_no: (number(item["Quantity"]), item["UoM__c"], number(item["UnitPrice"]))
        for (number_, line_no), item in shown.items()
        if number_ == order_no
    }
    for line_no in sorted({*lines, *word.lines}):
        expected = word.lines[line_no][1:] if line_no in word.lines else None
        place = (f"{order_no}/{line_no}", f"line of {word.file}")
        report.equal(System.GATEWAY, TOLD, place, lines.get(line_no), expected)


def _sequences(evidence: Evidence, report: Report) -> None:
    taken = sorted(int(match[1]) for name in evidence.order_files if (match := NAME.fullmatch(name)))
    whole = list(range(1, len(taken) + 1))
    report.equal(System.ERP, SEQUENCE, ("ORDIMP", "files taken"), whole, taken)
    report.equal(System.ERP, SEQUENCE, ("ORDIMP", "files refused"), [], list(evidence.refused_files))
    last = taken[-1] if taken else None
    report.equal(System.ERP, SEQUENCE, ("ORDIMP", "last file"), last, evidence.schedule["last_order_file"])
    written = [one["sequence"] for one in evidence.store["order_files"] if one["state"] == "written"]
    report.equal(System.GATEWAY, SEQUENCE, ("ORDIMP", "files in the store"), taken, written)
    unwritten = [one["sequence"] for one in evidence.store["order_files"] if one["state"] != "written"]
    report.equal(System.GATEWAY, SEQUENCE, ("ORDIMP", "files not written"), [], unwritten)
    given = [one["sequence"] for one in evidence.store["numbers"]]
    whole = list(range(given[0], given[0] + len(given))) if given else []
    report.equal(System.GATEWAY, SEQUENCE, ("order numbers", "given"), whole, given)
    names = {one["external_id"]: one["number"] for one in evidence.store["numbers"]}
    shown = {one["Id"]: one["ERP_Order_Id__c"] for one in evidence.org["Order"] if one["Id"] in names}
    for record, order_no in names.items():
        report.equal(System.SALESFORCE, SEQUENCE, (record, "ERP_Order_Id__c"), order_no, shown.get(record))
    _exports(evidence, report)


def _exports(evidence: Evidence, report: Report) -> None:
    """Every export that was delivered is applied, and none is missing between the first and the last."""
    for kind in ("SHPCNF", "ORDACK", "RTNRCV"):
        rows = [one for one in evidence.store["files"] if str(one["layout"] or "").startswith(kind.lower())]
        applied = sorted({one["sequence"] for one in rows if one["state"] == "applied"})
        whole = list(range(applied[0], applied[0] + len(applied))) if applied else []
        report.equal(System.GATEWAY, SEQUENCE, (kind, "files applied"), whole, applied)
        delivered = {
            int(match[1])
            for one in evidence.schedule["deliveries"]
            if (match := re.fullmatch(rf"{kind}\.S(\d+)", str(one["export"])))
        }
        missing = sorted(delivered - set(applied))
        report.equal(System.GATEWAY, SEQUENCE, (kind, "files delivered and not applied"), [], missing)
