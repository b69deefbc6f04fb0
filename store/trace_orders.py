"""The trace of an order in the ERP: what it was told, in which file, and what it says came back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlmodel import Session

from domain.money import plain
from domain.sources import System
from store import order_messages, returns
from store.order_messages import KnownMessage
from store.trace_stock import TraceEvent


def order_events(session: Session, numbers: Sequence[str]) -> Iterator[TraceEvent]:
    """Messages to the ERP about these orders, and returns of them."""
    for number in numbers:
        for message in order_messages.history(session, number):
            yield from _told(message)
    for one in returns.of_orders(session, numbers):
        receipt = one.receipt
        yield TraceEvent(
            at=one.stated_at,
            system=System.ERP,
            what="return_received",
            sentence=(
                f"{plain(receipt.quantity)} {receipt.uom} of {receipt.sku} came back by {receipt.rma}, of shipment "
                f"{receipt.shipment_number} line {receipt.line_no}: {receipt.condition}."
            ),
            record=receipt.order_number,
            reference=f"{one.source_file_id}:{one.source_line}",
        )


def _told(message: KnownMessage) -> Iterator[TraceEvent]:
    base = {"record": message.order_number, "reference": message.file_name}
    yield TraceEvent(
        at=message.added_at,
        system=System.GATEWAY,
        what=f"order_{message.message.action}_intended",
        sentence=f"The ERP shall be told to {message.message.action} order {message.order_number}.",
        **base,
    )
    if message.sent_at:
        yield TraceEvent(
            at=message.sent_at,
            system=System.ERP,
            what=f"order_{message.message.action}_written",
            sentence=f"File {message.file_name} with it lay in the ERP's folder.",
            **base,
        )
