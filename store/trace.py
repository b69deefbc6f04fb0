"""The trace of one thing across all systems: what happened to it, when, where, and by which decision."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from pydantic import BaseModel, ConfigDict
from sqlalchemy import or_, select
from sqlmodel import Session, col

from domain.sources import System
from store import lineage
from store.history import rows_as_of
from store.lineage import LineLineage
from store.stock import levels
from store.tables.exceptions import DecisionRow, ExceptionRow
from store.tables.files import SourceFileNameRow, SourceFileRow
from store.tables.invoices import InvoiceIntentRow, InvoiceRow
from store.tables.master import ItemRow
from store.tables.orders import OrderRow
from store.tables.shipments import ShipmentLineRow, ShipmentRevisionRow, ShipmentRow
from store.trace_credits import credit_events, decided_to_correct
from store.trace_documents import document_events
from store.trace_orders import order_events
from store.trace_stock import TraceEvent, stock_events, stock_keys

ITEM_SHIPMENTS = 50  # of a SKU only the latest are told: an item may be in every shipment


class Trace(BaseModel):
    """Everything that is known about a key, oldest first, and the records that it leads to."""

    model_config = ConfigDict(frozen=True)

    key: str
    kind: str
    files: tuple[str, ...]
    orders: tuple[str, ...]
    shipments: tuple[str, ...]
    invoices: tuple[str, ...]
    events: tuple[TraceEvent, ...]
    lineage: tuple[LineLineage, ...] = ()


def trace(session: Session, key: str, as_of: datetime | None = None) -> Trace | None:
    """Follow a shipment, order, invoice, file (id, hash, name, or a line of it) or SKU to all that belongs to it.

    A record of Salesforce leads to its order. `as_of`: what was known at that time. None: nothing is known of the key.
    """
    found = _find(session, key)
    if found is None:
        return None
    kind, shipments, place = found
    shipments = [row for row in shipments if as_of is None or row.received_at <= as_of]
    numbers = [row.number for row in shipments]
    orders, files = _orders(session, key, shipments, as_of), _files(session, key, shipments)
    billed = _billed(session, numbers, as_of)
    lines = [] if kind == "item" else lineage.of_shipments(session, numbers, as_of)
    events = [
        *_file_events(files),
        *_order_events(orders),
        *order_events(session, [row.number for row in orders]),
        *_shipment_events(session, numbers),
        *_intent_events(session, numbers),
        *_invoice_events(billed, shipments),
        *credit_events(session, numbers),
        *document_events(session, numbers),
        *_exception_events(session, [*numbers, *_keys_of(orders, files), *_rows_of(session, kind, key)]),
        *_decision_events(session, numbers),
        *(stock_events(session, key) if kind == "item" else ()),
    ]
    events = [one for one in events if as_of is None or one.at <= as_of]
    if as_of is not None and not events:
        return None
    return Trace(
        key=key,
        kind=kind,
        files=tuple(str(row.id) for row in files),
        orders=tuple(dict.fromkeys([*(row.number for row in orders), *(row.order_number for row in shipments)])),
        shipments=tuple(numbers),
        invoices=tuple(row.doc_number or row.quickbooks_id for row in billed),
        events=tuple(sorted(events, key=lambda event: event.at)),
        lineage=tuple(lineage.only_at(lines, place) if place else lines),
    )


def _billed(session: Session, numbers: Sequence[str], as_of: datetime | None) -> list[InvoiceRow]:
    found = session.scalars(select(InvoiceRow).where(col(InvoiceRow.shipment_number).in_(numbers)))
    return [row for row in found if as_of is None or row.booked_at <= as_of]


def _keys_of(orders: Iterable[OrderRow], files: Iterable[SourceFileRow]) -> list[str]:
    return [*(row.number for row in orders), *(str(row.id) for row in files)]


def _rows_of(session: Session, kind: str, key: str) -> list[str]:
    return stock_keys(session, key) if kind == "item" else []


class _Found(NamedTuple):
    """What a key is, the shipments that it leads to, and the place where a file's line is meant."""

    kind: str
    shipments: Sequence[ShipmentRow]
    place: lineage.FileLine | None = None


def _find(session: Session, key: str) -> _Found | None:
    by_number = session.get(ShipmentRow, key)
    if by_number:
        return _Found("shipment", [by_number])
    order = session.get(OrderRow, key)
    of_order = list(session.scalars(_shipments().where(col(ShipmentRow.order_number) == key)))
    if order or of_order:
        return _Found("order", of_order)
    matches = or_(col(InvoiceRow.doc_number) == key, col(InvoiceRow.quickbooks_id) == key)
    billed = select(col(InvoiceRow.shipment_number)).where(matches)
    of_invoice = list(session.scalars(_shipments().where(col(ShipmentRow.number).in_(billed))))
    if of_invoice:
        return _Found("invoice", of_invoice)
    file_id = session.scalars(_file_ids(key)).first()
    if file_id is None:
        return _of_salesforce(session, key) or _of_line(session, key) or _of_item(session, key)
    stated = select(col(ShipmentRevisionRow.shipment_number)).where(col(ShipmentRevisionRow.source_file_id) == file_id)
    return _Found("file", list(session.scalars(_shipments().where(col(ShipmentRow.number).in_(stated)))))


def _of_salesforce(session: Session, key: str) -> _Found | None:
    """The order of a record in Salesforce, by its id there, or an invoice by its key there."""
    number, _, generation = key.rpartition(":")
    if number and generation.isdecimal() and (row := session.get(ShipmentRow, number)):
        return _Found("invoice", [row])
    orders = lineage.at_salesforce(session, key)
    of_them = _shipments().where(col(ShipmentRow.order_number).in_(orders))
    return _Found("order", list(session.scalars(of_them))) if orders else None


def _of_line(session: Session, key: str) -> _Found | None:
    """The shipments that stand in a line of a file, `FILE:LINE`."""
    place = lineage.at_line(session, key)
    if place is None or not place.numbers:
        return None
    there = _shipments().where(col(ShipmentRow.number).in_(place.numbers))
    return _Found("line", list(session.scalars(there)), place)


def _of_item(session: Session, sku: str) -> _Found | None:
    """The latest shipments of an item, or None for a SKU that no master, shipment or stock export knows."""
    with_it = select(col(ShipmentLineRow.shipment_number)).where(col(ShipmentLineRow.sku) == sku)
    query = select(ShipmentRow).where(col(ShipmentRow.number).in_(with_it))
    latest = query.order_by(col(ShipmentRow.received_at).desc(), col(ShipmentRow.number)).limit(ITEM_SHIPMENTS)
    found = list(session.scalars(latest))
    known = session.get(ItemRow, sku) is not None or bool(levels.of_items(session, [sku]))
    return _Found("item", found) if found or known else None


def _shipments() -> Any:
    return select(ShipmentRow).order_by(col(ShipmentRow.number))


def _file_ids(key: str) -> Any:
    """Files by id, by hash, or by any name under which they came."""
    named = select(col(SourceFileNameRow.file_id)).where(col(SourceFileNameRow.filename) == key)
    conditions = [col(SourceFileRow.sha256) == key, col(SourceFileRow.id).in_(named)]
    with suppress(ValueError):
        conditions.append(col(SourceFileRow.id) == UUID(key))
    return select(col(SourceFileRow.id)).where(or_(*conditions)).order_by(col(SourceFileRow.received_at).desc())


def _orders(session: Session, key: str, shipments: Sequence[ShipmentRow], as_of: datetime | None) -> list[OrderRow]:
    numbers = {row.order_number for row in shipments} | {key, *lineage.at_salesforce(session, key)}
    if as_of is not None:
        return list(rows_as_of(session, OrderRow, as_of, sorted(numbers)).values())
    return list(session.scalars(select(OrderRow).where(col(OrderRow.number).in_(numbers))))


def _files(session: Session, key: str, shipments: Sequence[ShipmentRow]) -> list[SourceFileRow]:
    """The files that ever stated these shipments, and the one that the key names."""
    numbers = [row.number for row in shipments]
    stated = select(col(ShipmentRevisionRow.source_file_id)).where(
        col(ShipmentRevisionRow.shipment_number).in_(numbers)
    )
    condition = or_(col(SourceFileRow.id).in_(stated), col(SourceFileRow.id).in_(_file_ids(key)))
    return list(session.scalars(select(SourceFileRow).where(condition)))


def _file_events(files: Iterable[SourceFileRow]) -> Iterator[TraceEvent]:
    for row in files:
        base = {"system": System.ERP, "record": row.filename, "workflow_id": f"erp-file/{row.sha256}"}
        seen_at = row.visible_at or row.received_at
        yield TraceEvent(at=seen_at, what="file_visible", sentence=f"File {row.filename} was there.", **base)
        yield TraceEvent(
            at=row.received_at,
            what="file_received",
            sentence=f"It came by {row.arrived_by}.",
            reference=row.sha256,
            **base,
        )
        if row.read_at:
            groups = f"{row.group_count or 0} records fit, {row.rejected_group_count or 0} did not."
            what = "file_refused" if row.state == "refused" else "file_read"
            yield TraceEvent(at=row.read_at, what=what, sentence=f"It was read: {groups}", **base)
        if row.applied_at:
            yield TraceEvent(at=row.applied_at, what="file_applied", sentence="Everything in it was acted on.", **base)


def _order_events(orders: Iterable[OrderRow]) -> Iterator[TraceEvent]:
    for row in orders:
        yield TraceEvent(
            at=row.version_at,
            system=System.SALESFORCE,
            what="order_changed",
            sentence=f"Order {row.number} was {'deleted' if row.deleted else row.status} in Salesforce.",
            record=row.number,
            reference=row.external_id,
        )


def _shipment_events(session: Session, numbers: Sequence[str]) -> Iterator[TraceEvent]:
    query = select(ShipmentRevisionRow).where(col(ShipmentRevisionRow.shipment_number).in_(numbers))
    for row in session.scalars(query):
        what = "shipment_stated" if row.revision == 1 else "shipment_corrected"
        yield TraceEvent(
            at=row.received_at,
            system=System.ERP,
            what=what,
            sentence=f"Shipment {row.shipment_number} stands in lines {row.line_from} to {row.line_to} of the file.",
            record=row.shipment_number,
            reference=f"{row.source_file_id}:{row.line_from}-{row.line_to}",
        )


def _intent_events(session: Session, numbers: Sequence[str]) -> Iterator[TraceEvent]:
    query = select(InvoiceIntentRow).where(col(InvoiceIntentRow.shipment_number).in_(numbers))
    for row in session.scalars(query):
        base = {"record": row.shipment_number, "reference": row.request_id}
        sentence = f"Invoice {row.doc_number} was written down before QuickBooks was asked."
        yield TraceEvent(at=row.intended_at, system=System.GATEWAY, what="invoice_intended", sentence=sentence, **base)
        if row.sent_at:
            sentence = f"QuickBooks was asked for it ({row.attempts} {'time' if row.attempts == 1 else 'times'})."
            yield TraceEvent(at=row.sent_at, system=System.QUICKBOOKS, what="invoice_sent", sentence=sentence, **base)
        if row.settled_at and row.state != "booked":
            sentence = f"It was {row.state}: {row.refusal_detail or 'no reason given'}"
            what = f"invoice_{row.state}"
            yield TraceEvent(at=row.settled_at, system=System.QUICKBOOKS, what=what, sentence=sentence, **base)


def _invoice_events(billed: Iterable[InvoiceRow], shipments: Sequence[ShipmentRow]) -> Iterator[TraceEvent]:
    for row in billed:
        number = row.doc_number or row.quickbooks_id
        how = "was found there and adopted" if row.adopted else "was booked"
        yield TraceEvent(
            at=row.booked_at,
            system=System.QUICKBOOKS,
            what="invoice_booked",
            sentence=f"Invoice {number} over {row.total} {how}.",
            record=row.shipment_number,
            reference=row.quickbooks_id,
        )
    for shipment in shipments:
        if shipment.published_at:
            yield TraceEvent(
                at=shipment.published_at,
                system=System.SALESFORCE,
                what="invoice_published",
                sentence=f"Salesforce shows the invoice on order {shipment.order_number}.",
                record=shipment.number,
            )


def _exception_events(session: Session, keys: Sequence[str]) -> Iterator[TraceEvent]:
    query = select(ExceptionRow).where(col(ExceptionRow.record_key).in_(keys))
    for row in session.scalars(query):
        base = {"system": System.GATEWAY, "record": row.record_key, "workflow_id": row.workflow_id}
        reference = str(row.id)
        yield TraceEvent(
            at=row.opened_at, what=f"exception_{row.cause}", sentence=row.sentence, reference=reference, **base
        )
        if row.closed_at:
            by = f"{row.resolution['decided_by']} chose {row.resolution['choice']}" if row.resolution else "by itself"
            sentence = f"It was closed: {by}."
            yield TraceEvent(
                at=row.closed_at, what=f"exception_{row.state}", sentence=sentence, reference=reference, **base
            )


def _decision_events(session: Session, numbers: Sequence[str]) -> Iterator[TraceEvent]:
    query = select(DecisionRow).where(
        col(DecisionRow.record_type) == "shipment", col(DecisionRow.record_key).in_(numbers)
    )
    for row in session.scalars(query):
        if row.kind == "correction":
            yield decided_to_correct(row)
            continue
        held = "hold" if row.outcome.get("findings") else "do not bill"
        outcome = "bill" if row.outcome.get("draft") else held
        yield TraceEvent(
            at=row.made_at,
            system=System.GATEWAY,
            what="decision_billing",
            sentence=f"By policy {row.policy_version} the decision was: {outcome}.",
            record=row.record_key,
            reference=str(row.id),
        )
