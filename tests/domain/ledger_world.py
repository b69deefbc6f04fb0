"""Facts about an order line with sane defaults: 10 EA of BOLT at 2.50, ordered; times are minutes after T0."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from domain.line_facts import LineAcknowledged, LineClosed, LineFacts, LineShipped, Stated
from domain.line_ledger import LineLedger, check, derive, quantities
from domain.money import plain
from domain.orders import OrderLine
from domain.shipments import LineReason
from tests.domain.lifecycle_world import at

BACKORDERED, SHORT = LineReason.BACKORDERED, LineReason.SHORT_CLOSED


def facts(ordered: str = "10", line_no: int = 1, price: str = "2.50", sku: str = "BOLT", **known: Any) -> LineFacts:
    """One line and what is known of it; single facts may be given without a tuple."""
    line = OrderLine(line_no=line_no, sku=sku, quantity=Decimal(ordered), uom="EA", unit_price=Decimal(price))
    lists = {"shipped", "closed", "billed", "waived", "returned", "credited"}
    given = {key: _many(value) if key in lists else value for key, value in known.items()}
    return LineFacts(line=line, **given)


def _many(value: Any) -> Any:
    return tuple(value) if isinstance(value, Sequence) else (value,)


def left(quantity: str, minutes: int = 10, reference: str = "SH1", **changes: Any) -> LineShipped:
    """So much left, in a shipment that states the 10 that were ordered."""
    fields = {"sku": "BOLT", "ordered": Decimal(10), "shipped_at": at(minutes), "reference": reference}
    return LineShipped.model_validate({**fields, "quantity": Decimal(quantity), **changes})


def stated(quantity: str, reference: str = "INV1", **changes: Any) -> Stated:
    """So much is billed, waived, returned or credited."""
    return Stated.model_validate({"sku": "BOLT", "reference": reference, "quantity": Decimal(quantity), **changes})


def acknowledged(allocated: str, backordered: str = "0", minutes: int = 5, **changes: Any) -> LineAcknowledged:
    """The ERP's word on the line."""
    fields = {"allocated": Decimal(allocated), "backordered": Decimal(backordered), "cut_at": at(minutes)}
    return LineAcknowledged.model_validate({**fields, **changes})


def given_up(ordered: str | None = None, reference: str = "ORDACK 90") -> LineClosed:
    """The rest was cancelled, when so much had been ordered."""
    return LineClosed(reference=reference, ordered=None if ordered is None else Decimal(ordered))


def sound(known: LineFacts) -> LineLedger:
    """The ledger, which has to add up."""
    ledger = derive(known)
    assert check(ledger) == ()
    return ledger


def numbers(ledger: LineLedger) -> dict[str, str]:
    """The quantities that are not nothing, apart from what was ordered and allocated."""
    shown = quantities(ledger)
    return {name: plain(value) for name, value in shown.items() if value and name not in {"ordered", "allocated"}}


PROMISED = date(2026, 12, 4)
