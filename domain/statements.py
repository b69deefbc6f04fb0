"""What Salesforce shall show of an order: one status word and one sentence, from its line ledger and what is held."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

from pydantic import BaseModel, ConfigDict

from domain.money import Money, Quantity
from domain.publication import OrderStatement
from domain.shipments import LineReason

MESSAGE_LIMIT = 255  # the length of Gateway_Message__c


class LineProgress(BaseModel):
    """How far one order line is; quantities in the order line's unit (case O1)."""

    model_config = ConfigDict(frozen=True)

    ordered: Quantity
    invoiced: Quantity
    closed: bool = False


class OrderProgress(BaseModel):
    """An order's lines, what its invoices come to, and the sentences of what is held.

    `spoken_of`: something was said of it before, which is taken back when there is nothing to say any more.
    """

    model_config = ConfigDict(frozen=True)

    order_number: str
    lines: Sequence[LineProgress]
    invoiced_amount: Money
    invoice_numbers: Sequence[str]
    held: Sequence[str] = ()
    spoken_of: bool = False


def closes_line(reason: LineReason | None) -> bool:
    """A short-shipped line is closed; a backordered one stays open (cases O2, O5)."""
    return reason is LineReason.SHORT_CLOSED


def order_statement(progress: OrderProgress, words: Mapping[str, str]) -> OrderStatement | None:
    """State an order in the org's words (`invoiced`, `partially_invoiced`, `needs_attention`); None: nothing yet."""
    if progress.held:
        return _statement(progress, words["needs_attention"], " ".join(progress.held))
    if not progress.invoice_numbers:
        return _statement(progress, None, "") if progress.spoken_of else None
    numbers = ", ".join(progress.invoice_numbers)
    if not progress.lines:
        return _statement(progress, words["partially_invoiced"], f"Invoiced so far: {numbers}.")
    rest = sum(1 for line in progress.lines if not line.closed and line.invoiced < line.ordered)
    if rest == 0:
        return _statement(progress, words["invoiced"], f"Invoiced: {numbers}.")
    open_words = "1 line is open" if rest == 1 else f"{rest} lines are open"
    return _statement(progress, words["partially_invoiced"], f"Invoiced so far: {numbers}; {open_words}.")


def _statement(progress: OrderProgress, status: str | None, message: str) -> OrderStatement:
    shown = message if len(message) <= MESSAGE_LIMIT else message[: MESSAGE_LIMIT - 1] + "…"
    return OrderStatement(
        order_number=progress.order_number,
        status=status,
        message=shown,
        invoiced_amount=progress.invoiced_amount or Decimal(0),
    )
