"""A second living invoice for goods that are billed already: found later, shown with evidence, never touched (E19)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from sqlmodel import Session

from activities.document_findings import add_finding, strike_finding
from domain.document_content import marker_in
from domain.exceptions import Cause, Choice, ExceptionKind, Finding
from domain.invoices import REMOVED, BookedInvoice, IntentState
from domain.links import LinkKind
from domain.sources import System
from store import exceptions, intents, invoices, links
from store.tables.invoices import InvoiceRow

UNDER_WAY = frozenset({IntentState.INTENDED, IntentState.UNCERTAIN})


class Double(NamedTuple):
    """An invoice that is not ours by its id, ours that bills the same goods, and what says that it does."""

    other: BookedInvoice
    ours: InvoiceRow
    why: str


def note_doubles(session: Session, strangers: Sequence[BookedInvoice], gone: Iterable[str], now: datetime) -> set[str]:
    """Open work for every second invoice, and close what is one no more; answers the shipments concerned.

    `gone` names those that are none any more: they were taken away, or are our own by now.
    """
    doubles = _doubles(session, strangers)
    for one in doubles:
        if not _decided(session, one):
            add_finding(session, one.ours.shipment_number, _finding(one), one.other.total)
    named = {one.other.external_id for one in doubles}
    over = {one.external_id for one in strangers if one.external_id not in named} | set(gone)
    touched = {one.ours.shipment_number for one in doubles}
    if over:
        for item in exceptions.open_of_causes(session, [Cause.INVOICE_DUPLICATE], sorted(over)):
            said = f"This closed by itself: one invoice is left, seen {now:%Y-%m-%d %H:%M} UTC."
            strike_finding(session, item, over, now, said)
            touched.add(item.record_key)
    return touched


def _doubles(session: Session, strangers: Sequence[BookedInvoice]) -> list[Double]:
    living = [one for one in strangers if not one.voided and one.total > 0]
    return [*_marked(session, living), *_numbered(session, living)]


def _marked(session: Session, living: Sequence[BookedInvoice]) -> list[Double]:
    """Those that carry our marker: a copy carries that of its original."""
    markers = {one.external_id: marker for one in living if (marker := marker_in(one.note))}
    numbers = sorted({shipment for shipment, _ in markers.values()})
    # Before the invoices: what was under way then may be this very one, and what was booked by then is among them.
    writing = {named for named in sorted(set(markers.values())) if _under_way(session, *named)}
    standing: dict[str, list[InvoiceRow]] = {number: [] for number in numbers}
    own: set[str] = set()
    for row in invoices.of_shipments(session, numbers) if numbers else ():
        own.add(row.quickbooks_id)
        if row.status not in REMOVED:
            standing[row.shipment_number].append(row)
    found = []
    for one in living:
        shipment, generation = markers.get(one.external_id, ("", 0))
        ours = _counterpart(standing.get(shipment, ()), generation)
        recorded = ours is not None and ours.generation == generation
        if ours is not None and one.external_id not in own and (recorded or (shipment, generation) not in writing):
            found.append(Double(one, ours, f"it carries our marker of shipment {shipment}, as a copy does"))
    return found


def _counterpart(rows: Sequence[InvoiceRow], generation: int) -> InvoiceRow | None:
    """The one of the same generation, else the newest."""
    return next((row for row in rows if row.generation == generation), next(reversed(rows), None))


def _under_way(session: Session, shipment: str, generation: int) -> bool:
    """Whether it may be one of our own that was written this moment and not recorded yet."""
    intent = intents.of_generation(session, shipment, generation)
    return intent is not None and intent.state in UNDER_WAY


def _numbered(session: Session, living: Sequence[BookedInvoice]) -> list[Double]:
    """Those without a marker that have the number of one of ours, for the same customer."""
    plain = [one for one in living if marker_in(one.note) is None and one.doc_number]
    rows = {row.doc_number: row for row in invoices.numbered(session, [str(one.doc_number) for one in plain])}
    if not rows:
        return []
    numbers = {row.customer_number for row in rows.values()}
    customers = links.external_ids(session, System.QUICKBOOKS, LinkKind.CUSTOMER, sorted(numbers))
    pairs = [(one, rows[one.doc_number]) for one in plain if one.doc_number in rows]
    pairs = [(one, row) for one, row in pairs if row.quickbooks_id != one.external_id]
    why = "it has the same number and the same customer"
    return [Double(one, row, why) for one, row in pairs if customers.get(row.customer_number) == one.customer_id]


def _decided(session: Session, double: Double) -> bool:
    record = ("shipment", double.ours.shipment_number)
    handled = exceptions.resolved_of_record(session, record, (Cause.INVOICE_DUPLICATE,))
    return any(finding.subject == double.other.external_id for item in handled for finding in item.findings)


def _finding(double: Double) -> Finding:
    other, ours, why = double
    sentence = (
        f"QuickBooks has two invoices for the goods of shipment {ours.shipment_number}: {_ours(ours)} and "
        f"{_other(other)}; {why}. Proposed: void {_to_void(double)} there. Nothing is voided by the gateway, and this "
        "closes by itself once one is left."
    )
    return Finding(
        kind=ExceptionKind.CONFLICT,
        cause=Cause.INVOICE_DUPLICATE,
        sentence=sentence,
        choices=(Choice.HANDLED,),
        subject=other.external_id,
    )


def _ours(row: InvoiceRow) -> str:
    paid = _paid(row.balance, row.total)
    return (
        f"{row.doc_number or 'without a number'} (id {row.quickbooks_id}, {row.total}, {paid}, written by the gateway "
        f"{row.booked_at:%Y-%m-%d %H:%M} UTC)"
    )


def _other(one: BookedInvoice) -> str:
    made = f", made {one.created_at:%Y-%m-%d %H:%M} UTC" if one.created_at else ""
    number = one.doc_number or "without a number"
    return f"{number} (id {one.external_id}, {one.total}, {_paid(one.balance, one.total)}{made})"


def _to_void(double: Double) -> str:
    """The one that nothing depends on; of two alike the one that the gateway does not know."""
    other, ours, _ = double
    weight = (other.applied or other.balance != other.total, other.sent)
    if weight > (ours.applied or ours.balance != ours.total, ours.sent):
        return f"id {ours.quickbooks_id}, for money or a customer has seen the other"
    return f"id {other.external_id}"


def _paid(balance: Decimal, total: Decimal) -> str:
    if balance == total:
        return "unpaid"
    return "paid" if balance <= 0 else f"{balance} open"
