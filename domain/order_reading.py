"""What the systems' records say of an order, as observations of its lifecycle; pure, and the same in any order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, time
from decimal import Decimal
from zoneinfo import ZoneInfo

from domain.acknowledgements import AcknowledgementStatus
from domain.line_facts import LineFacts
from domain.money import plain
from domain.observations import Observation
from domain.order_case import ErpWord, OrderCase, SentMessage
from domain.order_ledger import Progress, derive_order, shipment_progress
from domain.order_messages import OrderAction
from domain.returns import ReturnReceipt
from domain.shipments import Shipment
from domain.sources import System

SENT = {OrderAction.ADD: "sent", OrderAction.CHANGE: "change_sent", OrderAction.CANCEL: "cancel_sent"}
SHIPPED = {Progress.NONE: "cancelled", Progress.PART: "part", Progress.WHOLE: "whole"}
DROP_SHIP = "drop_ship_"
MIDDAY = time(12)


def observed(
    case: OrderCase, facts: Sequence[LineFacts], zone: ZoneInfo, drop_ship: Iterable[str] = ()
) -> tuple[Observation, ...]:
    """What follows from the records of an order; what lasts by itself (`case.lasting`) is not among it.

    `facts` are those of its line ledgers. `zone` is the company's: a return names a day. `drop_ship` names warehouses
    that are a vendor's own (case O15).
    """
    ledger = derive_order(facts)
    invoiced = ledger.invoiced
    found = [
        *_own(case),
        *_words(case),
        *_shipments(case, shipment_progress(facts), frozenset(drop_ship)),
        *_returns(case, ledger.returned, zone),
        *_invoices(case, invoiced),
        *_payments(case, invoiced),
        *_credits(case),
    ]
    return tuple(found)


def _own(case: OrderCase) -> Iterator[Observation]:
    if case.born_here and case.born_at:
        yield _of(System.GATEWAY, "order", "numbered", case.number, case.born_at)
    for sent in case.messages:
        if sent.sent_at:
            yield _sent(sent, sent.sent_at)


def _sent(sent: SentMessage, at: datetime) -> Observation:
    return Observation(
        system=System.GATEWAY,
        kind="order",
        value=SENT[sent.message.action],
        reference=f"order file {sent.sequence}",
        occurred_at=at,
        note=f"Order file {sent.sequence}.",
    )


def _words(case: OrderCase) -> Iterator[Observation]:
    """Each time that the ERP changed its mind, or answered us; the same word in the next file is no news."""
    told = [sent.sent_at for sent in case.messages if sent.sent_at]
    last: AcknowledgementStatus | None = None
    last_allocation = ""
    last_at: datetime | None = None
    for word in sorted(case.said, key=lambda one: (one.cut_at, one.sequence)):
        reference = f"{word.cut_at.isoformat()} {word.sequence}"
        status = word.said.status
        if last_at and any(last_at <= at < word.cut_at for at in told):
            last, last_allocation = None, ""  # the ERP was told something new in between: the word answers that
        last_at = word.cut_at
        if status is not last:
            note = " ".join(part for part in (word.said.reason or "", f"{word.source}.") if part)
            yield _of(System.ERP, "acknowledgement", status.value, reference, word.cut_at, note)
        last = status
        allocation = _allocation(word)
        if allocation and allocation != last_allocation:
            yield _of(System.ERP, "allocation", allocation, reference, word.cut_at, _promised(word))
        last_allocation = allocation or last_allocation


def _allocation(word: ErpWord) -> str:
    """How much of what had not left by then is set aside: `whole`, `part`, `none`; nothing where nothing was left."""
    lines = word.said.lines
    allocated = sum((line.allocated for line in lines), Decimal(0))
    waiting = sum((line.backordered for line in lines), Decimal(0))
    if not allocated and not waiting:
        return ""
    if not waiting:
        return "whole"
    return "part" if allocated else "none"


def _promised(word: ErpWord) -> str:
    days = sorted({line.promise_on for line in word.said.lines if line.promise_on and line.backordered})
    return f"Backordered, promised for {days[-1].isoformat()}." if days else ""


def _shipments(case: OrderCase, progress: Mapping[str, Progress], drop_ship: frozenset[str]) -> Iterator[Observation]:
    """Each shipment by whether anything is left after it, in the order in which they left (cases O1, O3, O5).

    One that was taken back after it was invoiced had left before (cases O10, O11).
    """
    moved = {number for number, made in progress.items() if made is not Progress.NONE}
    billed = {invoice.shipment_number for invoice in case.invoices}
    for one in case.shipments:
        value = SHIPPED[progress.get(one.number, Progress.NONE)]
        at = one.shipped_at
        if one.number not in moved:
            if one.number in billed:
                yield _of(System.ERP, "shipment", "part", one.number, at, _carried(one))
            value = "cancelled_part" if moved else "cancelled"
            at = max(at, case.stated_at.get(one.number, at))
        elif one.warehouse in drop_ship:
            value = DROP_SHIP + value
        yield _of(System.ERP, "shipment", value, one.number, at, _carried(one))


def _carried(shipment: Shipment) -> str:
    by = f" by {shipment.carrier}" if shipment.carrier else ""
    tracking = f", {shipment.tracking}" if shipment.tracking else ""
    return f"Shipment {shipment.number} from {shipment.warehouse}{by}{tracking}."


def _returns(case: OrderCase, returned: Progress, zone: ZoneInfo) -> Iterator[Observation]:
    by_rma: dict[str, list[ReturnReceipt]] = {}
    for one in case.returns:
        if one.quantity:
            by_rma.setdefault(one.rma, []).append(one)
    days = {rma: max(one.received_on for one in goods) for rma, goods in by_rma.items()}
    last = max(days, key=lambda rma: (days[rma], rma), default="")
    for rma, goods in sorted(by_rma.items()):
        words = ", ".join(f"{plain(one.quantity)} {one.uom} of {one.sku}" for one in goods)
        at = datetime.combine(days[rma], MIDDAY, zone)
        value = "whole" if rma == last and returned is Progress.WHOLE else "part"
        yield _of(System.ERP, "return", value, rma, at, f"{rma}: {words}.")


def _invoices(case: OrderCase, invoiced: Progress) -> Iterator[Observation]:
    """Each invoice; the last one makes the order invoiced where nothing is left to bill.

    A further invoice of a shipment that was corrected upwards is not the last one: the goods were invoiced before.
    """
    living = sorted((one for one in case.invoices if one.counts), key=lambda one: (one.booked_at, one.key))
    first = {one.shipment_number: one for one in reversed(living)}
    last = max(first.values(), key=living.index, default=None)
    for invoice in case.invoices:
        note = f"Invoice {invoice.doc_number} over {invoice.total} for shipment {invoice.shipment_number}."
        if not invoice.counts:
            yield _of(System.QUICKBOOKS, "invoice_void", "voided", invoice.key, invoice.changed_at, note)
            continue
        value = "whole" if invoice is last and invoiced is Progress.WHOLE else "part"
        if invoice is not first[invoice.shipment_number]:
            value = "supplement"
        yield _of(System.QUICKBOOKS, "invoice", value, invoice.key, invoice.booked_at, note)


def _payments(case: OrderCase, invoiced: Progress) -> Iterator[Observation]:
    """What QuickBooks says is still to be paid of the invoices; payments are read there, never inferred (case E18).

    It speaks of all invoices, so it is no older than the newest one: a prepaid order is partly paid once it is billed.
    """
    living = [one for one in case.invoices if one.counts]
    paid = [one for one in living if one.balance < one.total or not one.total]
    if not paid:
        return
    last = max(paid, key=lambda one: (one.changed_at, one.key))
    owed = sum((one.balance for one in living), Decimal(0))
    value = "whole" if owed <= 0 and invoiced is Progress.WHOLE else "part"
    at = max(last.changed_at, *(one.booked_at for one in living))
    yield _of(System.QUICKBOOKS, "payment", value, last.key, at, f"Still to be paid: {owed}.")


def _credits(case: OrderCase) -> Iterator[Observation]:
    for one in case.credits:
        note = f"Credit memo {one.doc_number} over {one.total}."
        yield _of(System.QUICKBOOKS, "credit", "posted", one.key, one.posted_at, note)


def _of(system: System, kind: str, value: str, reference: str, at: object, note: str = "") -> Observation:
    return Observation.model_validate(
        {"system": system, "kind": kind, "value": value, "reference": reference, "occurred_at": at, "note": note}
    )
