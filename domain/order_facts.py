"""From an order's case to the facts of its line ledgers: documents that moved, billed, returned or closed a line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal

from domain.acknowledgements import AcknowledgementStatus
from domain.kits import Kit
from domain.line_facts import ClosingReason, LineAcknowledged, LineClosed, LineFacts, LineShipped, Stated
from domain.order_case import MovedLine, OrderCase, shipped_lines
from domain.orders import OrderLine

CLOSING = {
    AcknowledgementStatus.CANCELLED: ClosingReason.CANCELLED,
    AcknowledgementStatus.REJECTED: ClosingReason.REJECTED,
}


def facts_of(case: OrderCase, kits: Mapping[str, Kit], *, withdrawn: bool = False) -> tuple[LineFacts, ...]:
    """The facts of each line of the order, in the order of the lines.

    `withdrawn`: it was cancelled before the ERP knew of it, so nothing of it will come.
    """
    closed = (*_closed(case), *((LineClosed(reference="withdrawn"),) if withdrawn else ()))
    return tuple(
        LineFacts(
            line=line,
            kit=kits.get(line.sku),
            shipped=tuple(_shipped(case, line)),
            acknowledged=_acknowledged(case, line),
            closed=closed,
            billed=tuple(_billed(case, line)),
            waived=tuple(_waived(case, line)),
            returned=tuple(_returned(case, line)),
            credited=tuple(_credited(case, line)),
        )
        for line in case.order.lines
    )


def _shipped(case: OrderCase, line: OrderLine) -> Iterator[LineShipped]:
    for shipment in case.shipments:
        for place, one in enumerate(shipment.lines):
            if one.line_no == line.line_no:
                yield LineShipped(
                    reference=f"{shipment.number}#{place}",
                    sku=one.sku,
                    quantity=one.quantity_shipped,
                    factor=case.factor(line.line_no, one.sku, one.uom),
                    shipped_at=shipment.shipped_at,
                    ordered=one.quantity_ordered,
                    reason=one.reason,
                )


def _acknowledged(case: OrderCase, line: OrderLine) -> LineAcknowledged | None:
    """The ERP's last word on the line; a word on the whole order alone says nothing of its lines."""
    words = [one for one in case.said if one.said.status is AcknowledgementStatus.ACCEPTED]
    newest = max(words, key=lambda one: (one.cut_at, one.sequence), default=None)
    said = next((one for one in newest.said.lines if one.line_no == line.line_no), None) if newest else None
    if newest is None or said is None:
        return None
    return LineAcknowledged(
        allocated=said.allocated, backordered=said.backordered, promise_on=said.promise_on, cut_at=newest.cut_at
    )


def _closed(case: OrderCase) -> Iterator[LineClosed]:
    """What the ERP says that it will not deliver (case O9)."""
    word = case.newest_word
    if word is not None and word.said.status in CLOSING:
        yield LineClosed(reference=f"{word.source} {word.sequence}", reason=CLOSING[word.said.status])


def _billed(case: OrderCase, line: OrderLine) -> Iterator[Stated]:
    for invoice in case.invoices:
        if invoice.counts:
            yield from _moved(case, line, invoice.key, invoice.lines)


def _waived(case: OrderCase, line: OrderLine) -> Iterator[Stated]:
    """What left and will never be billed, because a person decided so: a shipment, or what was over (case O4)."""
    for shipment in case.shipments:
        if shipment.number not in case.decided:
            continue
        of_it = [one for one in case.invoices if one.shipment_number == shipment.number]
        billed = [one for one in of_it if one.counts]
        if of_it and not billed:  # its invoice was taken away: that decides nothing
            continue
        moved = case.moved(shipped_lines(shipment)).get(line.line_no, Decimal(0))
        covered = case.moved([part for one in billed for part in one.lines]).get(line.line_no, Decimal(0))
        if moved > covered:
            yield Stated(reference=f"{shipment.number} waived", sku=line.sku, quantity=moved - covered)


def _credited(case: OrderCase, line: OrderLine) -> Iterator[Stated]:
    for one in case.credits:
        yield from _moved(case, line, one.key, one.lines)


def _moved(case: OrderCase, line: OrderLine, key: str, lines: tuple[MovedLine, ...]) -> Iterator[Stated]:
    for place, one in enumerate(lines):
        if one.line_no == line.line_no:
            factor = case.factor(line.line_no, one.sku, one.uom)
            yield Stated(reference=f"{key}/{place}", sku=one.sku, quantity=one.quantity, factor=factor)


def _returned(case: OrderCase, line: OrderLine) -> Iterator[Stated]:
    for one in case.returns:
        if one.line_no == line.line_no:
            factor = case.factor(line.line_no, one.sku, one.uom)
            reference = f"{one.rma}/{one.shipment_number}"
            yield Stated(reference=reference, sku=one.sku, quantity=one.quantity, factor=factor)
