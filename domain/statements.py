"""What Salesforce shall show of an order: one status word and one sentence, from its line ledger and what is held."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

from pydantic import BaseModel, ConfigDict

from domain.money import Money, Quantity, line_amount, to_cents
from domain.publication import OrderLineStatement, OrderStatement
from domain.shipments import LineReason

MESSAGE_LIMIT = 255  # the length of Gateway_Message__c


class LineProgress(BaseModel):
    """How far one order line is; quantities in the order line's unit (case O1), `unit_price` per that unit.

    `shipped` and `backordered` are None where a unit does not convert.
    """

    model_config = ConfigDict(frozen=True)

    line_no: int = 0
    external_id: str | None = None
    ordered: Quantity
    unit_price: Money = Decimal(0)
    shipped: Quantity | None = None
    backordered: Quantity | None = None
    invoiced: Quantity
    closed: bool = False

    @property
    def unbilled(self) -> Decimal:
        """What may still be billed; nothing of a line that was closed short (case O5)."""
        return Decimal(0) if self.closed else max(self.ordered - self.invoiced, Decimal(0))


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
    rest = sum(1 for line in progress.lines if line.unbilled)
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
        open_amount=open_amount(progress.lines),
        lines=tuple(line_statement(line) for line in progress.lines),
    )


def line_statement(line: LineProgress) -> OrderLineStatement:
    """State how far one line is (cases O1, O2)."""
    return OrderLineStatement(
        line_no=line.line_no,
        external_id=line.external_id,
        shipped=line.shipped,
        backordered=line.backordered,
        invoiced=line.invoiced,
    )


def open_amount(lines: Sequence[LineProgress]) -> Decimal | None:
    """What of an order may still be billed, at the order's prices and before tax; None when no line is known."""
    if not lines:
        return None
    return to_cents(sum((line_amount(line.unbilled, line.unit_price) for line in lines), Decimal(0)))
