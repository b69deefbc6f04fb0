"""SHPCNF, the shipment confirmations: 140-byte records, and the truth about a file that is told beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from twins.erp.records import (
    CODE_PAGE,
    COMPANY_ZONE,
    LINE_END,
    century_date,
    digits,
    implied,
    local,
    plain,
    stated,
    text,
    to_cents,
    zoned,
)
from twins.erp.shipments import Shipment, ShippedLine
from twins.erp.troubles import CASES, Trouble

RECORD_LENGTH = 140
Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Totals:
    """What the file trailer states."""

    records: int
    shipments: int
    hash_total: int
    amount_total: Decimal


def write_shpcnf(sequence: int, created_at: datetime, shipments: Sequence[Shipment]) -> bytes:
    """The bytes of a shipment file; ValueError where a value does not fit its field."""
    totals = totals_of(shipments)
    records = [f"H1THWSHPCNF{digits(sequence, 6)}{century_date(local(created_at))}{local(created_at):%H%M%S}"]
    for shipment in shipments:
        records.append(_shipment_record(shipment))
        records += [_line_record(line) for line in shipment.lines]
        records.append(f"S9{text(shipment.shipment_no, 10)}{digits(len(shipment.lines), 4)}")
    records.append(
        f"T9{digits(totals.records, 7)}{digits(totals.shipments, 7)}{digits(totals.hash_total, 10)}"
        f"{zoned(totals.amount_total, 13, 2)}"
    )
    return "".join(f"{text(record, RECORD_LENGTH)}{LINE_END}" for record in records).encode(CODE_PAGE)


def totals_of(shipments: Sequence[Shipment]) -> Totals:
    """The control totals: records, shipments, the sum of shipment numbers (last ten digits) and the amount."""
    numbers = sum(int("".join(filter(str.isdigit, shipment.shipment_no))) for shipment in shipments)
    lines = sum(len(shipment.lines) for shipment in shipments)
    amount = sum((goods_and_freight(shipment) for shipment in shipments), Decimal("0.00"))
    return Totals(2 + 2 * len(shipments) + lines, len(shipments), numbers % 10**10, amount)


def goods_and_freight(shipment: Shipment) -> Decimal:
    """What a shipment is worth: every line rounded half up to cents, and the freight."""
    return sum((_amount(line) for line in shipment.lines), shipment.freight)


def shpcnf_truth(sequence: int, created_at: datetime, shipments: Sequence[Shipment]) -> Document:
    """What the file says and what must come of it.

    `expected_invoices` holds the untroubled shipments only: a troubled one waits for a person or changes nothing.
    """
    totals = totals_of(shipments)
    with_cases = any(shipment.trouble for shipment in shipments)
    clean = [shipment for shipment in shipments if not shipment.trouble]
    return {
        "sequence": sequence,
        "created_at": stated(created_at),
        "totals": {
            "records": totals.records,
            "shipments": totals.shipments,
            "hash_total": totals.hash_total,
            "amount_total": f"{totals.amount_total:.2f}",
        },
        "shipments": [_told(shipment, with_cases=with_cases) for shipment in shipments],
        "expected_invoices": [invoice for shipment in clean if (invoice := _expected_invoice(shipment))],
    }


def read_shipment(told: Mapping[str, Any]) -> Shipment:
    """The shipment that a truth tells of; the trouble in it comes back too."""
    clock = datetime.strptime(f"{told['shipped_on']} {told['shipped_time']}", "%Y-%m-%d %H%M%S")  # noqa: DTZ007 - the zone follows
    return Shipment(
        shipment_no=told["shipment_no"],
        order_no=told["order_no"],
        customer_erp_no=told["customer_erp_no"],
        po_no=told["po_no"],
        warehouse=told["warehouse"],
        shipped_at=clock.replace(tzinfo=COMPANY_ZONE).astimezone(UTC),
        carrier=told["carrier"],
        tracking=told["tracking"],
        freight=Decimal(told["freight"]),
        lines=tuple(_read_line(line) for line in told["lines"]),
        trouble=told.get("trouble", ""),
    )


def _shipment_record(shipment: Shipment) -> str:
    shipped = local(shipment.shipped_at)
    return (
        f"S1{text(shipment.shipment_no, 10)}{text(shipment.order_no, 10)}{text(shipment.customer_erp_no, 8)}"
        f"{text(shipment.warehouse, 3)}{century_date(shipped)}{shipped:%H%M%S}{text(shipment.carrier, 4)}"
        f"{text(shipment.tracking, 22)}{zoned(shipment.freight, 9, 2)}{text(shipment.po_no, 14)}"
    )


def _line_record(line: ShippedLine) -> str:
    return (
        f"S2{digits(line.line, 4)}{text(line.sku, 15)}{implied(line.quantity_ordered, 9, 2)}"
        f"{implied(line.quantity_shipped, 9, 2)}{text(line.uom, 2)}{zoned(line.unit_price, 11, 4)}"
        f"{text(line.lot, 12)}{text(line.reason, 2)}"
    )


def _amount(line: ShippedLine) -> Decimal:
    return to_cents(line.quantity_shipped * line.unit_price)


def _told(shipment: Shipment, *, with_cases: bool) -> Document:
    shipped = local(shipment.shipped_at)
    told: Document = {
        "shipment_no": shipment.shipment_no,
        "order_no": shipment.order_no,
        "customer_erp_no": shipment.customer_erp_no,
        "po_no": shipment.po_no,
        "warehouse": shipment.warehouse,
        "shipped_on": f"{shipped:%Y-%m-%d}",
        "shipped_time": f"{shipped:%H%M%S}",
        "carrier": shipment.carrier,
        "tracking": shipment.tracking,
        "freight": plain(shipment.freight),
        "lines": [_told_line(line) for line in shipment.lines],
    }
    if with_cases:
        trouble = shipment.trouble
        told["case"] = CASES[Trouble(trouble)].format(earlier=shipment.earlier) if trouble else "clean"
    if shipment.trouble:
        told["trouble"] = shipment.trouble
    return told


def _told_line(line: ShippedLine) -> Document:
    told: Document = {
        "line": line.line,
        "sku": line.sku,
        "quantity_ordered": plain(line.quantity_ordered),
        "quantity_shipped": plain(line.quantity_shipped),
        "uom": line.uom,
        "unit_price": f"{line.unit_price:.4f}",
    }
    return told | {name: value for name, value in (("lot", line.lot), ("reason", line.reason)) if value}


def _read_line(told: Mapping[str, Any]) -> ShippedLine:
    return ShippedLine(
        line=told["line"],
        sku=told["sku"],
        quantity_ordered=Decimal(told["quantity_ordered"]),
        quantity_shipped=Decimal(told["quantity_shipped"]),
        uom=told["uom"],
        unit_price=Decimal(told["unit_price"]),
        lot=told.get("lot", ""),
        reason=told.get("reason", ""),
    )


def _expected_invoice(shipment: Shipment) -> Document | None:
    """The invoice of a shipment: shipped lines only (case O5); None when nothing is left to bill."""
    billed = [line for line in shipment.lines if line.quantity_shipped]
    if not billed and not shipment.freight:
        return None
    return {
        "shipment_no": shipment.shipment_no,
        "lines": [
            {
                "line": line.line,
                "sku": line.sku,
                "quantity": plain(line.quantity_shipped),
                "unit_price": f"{line.unit_price:.4f}",
                "amount": f"{_amount(line):.2f}",
            }
            for line in billed
        ],
        "freight": plain(shipment.freight),
        "total": f"{goods_and_freight(shipment):.2f}",
    }
