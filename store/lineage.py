"""Lineage both ways: the line of a file, the shipment's line, what bills and credits it, and where it shows (G-H7)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from pydantic import BaseModel, ConfigDict
from sqlalchemy import and_, or_, select, tuple_
from sqlmodel import Session, col

from domain.money import Money, Quantity
from store.places import FilePlace, item_lines
from store.shipments import newest
from store.tables.credits import CreditLineRow, CreditRow
from store.tables.exceptions import DecisionRow
from store.tables.files import SourceFileNameRow, SourceFileRow
from store.tables.invoices import InvoiceLineRow, InvoiceRow
from store.tables.orders import OrderLineRow, OrderRow
from store.tables.publication import StatementRow
from store.tables.shipments import ShipmentRevisionRow

LINES = 200  # of a file with thousands of lines the trace tells the first ones


class BilledLine(BaseModel):
    """A line of an invoice in QuickBooks that bills it."""

    model_config = ConfigDict(frozen=True)

    invoice: str
    generation: int
    quickbooks_id: str
    line_no: int
    sku: str
    quantity: Quantity
    uom: str
    unit_price: Money
    amount: Money
    booked_at: datetime


class CreditedLine(BaseModel):
    """A line of a credit memo that takes it back."""

    model_config = ConfigDict(frozen=True)

    document: str | None
    quickbooks_id: str | None
    line_no: int
    reason: str
    quantity: Quantity
    amount: Money
    booked_at: datetime


class ShownRecord(BaseModel):
    """A record in Salesforce that shows it; `said_at` None: nothing was taken there yet."""

    model_config = ConfigDict(frozen=True)

    object: str
    key: str
    id: str | None = None
    said_at: datetime | None = None


class LineLineage(BaseModel):
    """One line on its whole way. `shipment_line_no` None: what belongs to the shipment as a whole, its freight."""

    model_config = ConfigDict(frozen=True)

    file: FilePlace | None
    shipment_number: str
    revision: int
    shipment_line_no: int | None
    sku: str | None
    quantity_shipped: Quantity | None
    uom: str | None
    order_number: str
    decision_id: str | None
    invoiced: tuple[BilledLine, ...]
    credited: tuple[CreditedLine, ...]
    salesforce: tuple[ShownRecord, ...]


class FileLine(NamedTuple):
    """A line of a file, and the shipments that stand in it."""

    numbers: list[str]
    file_id: UUID
    line: int


def of_shipments(session: Session, numbers: Sequence[str], as_of: datetime | None = None) -> list[LineLineage]:
    """The lines of these shipments by what counts of them (or counted then), in the order of number and line."""
    known = _Known(session, list(numbers)[:LINES], as_of)
    found = [one for number in sorted(known.revisions) for one in known.lines(number)]
    return found[:LINES]


def of_invoice_line(
    session: Session, invoice_key: str, line_no: int, as_of: datetime | None = None
) -> LineLineage | None:
    """Where a line of an invoice comes from; the invoice by its number, its shipment's or its QuickBooks id."""
    row = InvoiceRow
    matches = or_(*(col(one) == invoice_key for one in (row.doc_number, row.shipment_number, row.quickbooks_id)))
    if as_of is not None:
        matches = and_(matches, col(row.booked_at) <= as_of)
    invoice = session.scalars(select(row).where(matches).order_by(col(row.generation).desc()).limit(1)).first()
    if invoice is None:
        return None
    for one in of_shipments(session, [invoice.shipment_number], as_of):
        if any((each.generation, each.line_no) == (invoice.generation, line_no) for each in one.invoiced):
            return one
    return None


def at_line(session: Session, key: str) -> FileLine | None:
    """`FILE:LINE`, the file by name, hash or id: the shipments that stand in that line; None: no such file."""
    name, _, number = key.rpartition(":")
    if not name or not number.isdecimal():
        return None
    named = select(col(SourceFileNameRow.file_id)).where(col(SourceFileNameRow.filename) == name)
    same = [col(SourceFileRow.sha256) == name, col(SourceFileRow.id).in_(named)]
    with suppress(ValueError):
        same.append(col(SourceFileRow.id) == UUID(name))
    newest_first = select(col(SourceFileRow.id)).where(or_(*same)).order_by(col(SourceFileRow.received_at).desc())
    file_id = session.scalars(newest_first.limit(1)).first()
    if file_id is None:
        return None
    revision, line = ShipmentRevisionRow, int(number)
    there = select(col(revision.shipment_number)).where(
        col(revision.source_file_id) == file_id, col(revision.line_from) <= line, col(revision.line_to) >= line
    )
    return FileLine(list(session.scalars(there.order_by(col(revision.shipment_number)))), file_id, line)


def at_salesforce(session: Session, key: str) -> list[str]:
    """The orders that a record in Salesforce is or belongs to: an Order's id, an OrderItem's."""
    orders = select(col(OrderRow.number)).where(col(OrderRow.external_id) == key)
    lines = select(col(OrderLineRow.order_number)).where(col(OrderLineRow.external_id) == key)
    return list(session.scalars(orders.union(lines)))


def only_at(lines: Iterable[LineLineage], place: FileLine) -> list[LineLineage]:
    """Those that stand in this very line; of a line that heads a shipment all of it."""
    here = [one for one in lines if one.file and one.file.file_id == str(place.file_id)]
    exact = [one for one in here if one.file and one.file.line_from == one.file.line_to == place.line]
    return exact or [one for one in here if one.shipment_number in place.numbers]


class _Known:
    """Everything about the lines of some shipments, each kind of row in one query."""

    def __init__(self, session: Session, numbers: list[str], as_of: datetime | None) -> None:
        self._session, self._as_of = session, as_of
        self.revisions = self._revisions(numbers)
        self._files = self._sources()
        self._invoices, self._billed = self._booked(numbers)
        self._credited = self._credits(numbers)
        self._decided = self._decisions(numbers)
        self._orders, self._order_lines = self._ordered()
        self._said = self._statements()

    def lines(self, number: str) -> list[LineLineage]:
        """A shipment's lines, and what is billed of it as a whole."""
        revision = self.revisions[number]
        stated = {line["line_no"]: line for line in revision.payload["lines"]}
        documents: list[InvoiceLineRow | CreditLineRow] = [*self._billed[number], *self._credited[number]]
        loose = {one.shipment_line_no for one in documents} - stated.keys()
        numbers: list[int | None] = [*stated, *sorted(loose, key=str)]
        return [self._line(revision, one, stated.get(one) if one is not None else None) for one in numbers]

    def _line(self, revision: ShipmentRevisionRow, line_no: int | None, said: Mapping[str, Any] | None) -> LineLineage:
        number = revision.shipment_number
        order_number = revision.payload["order_number"]
        billed = [one for one in self._billed[number] if one.shipment_line_no == line_no]
        return LineLineage(
            file=self._place(revision, line_no if said else None),
            shipment_number=number,
            revision=revision.revision,
            shipment_line_no=line_no,
            sku=said["sku"] if said else None,
            quantity_shipped=said["quantity_shipped"] if said else None,
            uom=said["uom"] if said else None,
            order_number=order_number,
            decision_id=self._decided.get(number),
            invoiced=tuple(self._billed_line(one) for one in billed),
            credited=tuple(_credited_line(*one) for one in self._credits_of(number, line_no)),
            salesforce=tuple(self._shown(order_number, line_no, billed)),
        )

    def _place(self, revision: ShipmentRevisionRow, line_no: int | None) -> FilePlace | None:
        file = self._files.get(revision.source_file_id) if revision.source_file_id else None
        if file is None:
            return None
        line = item_lines(revision).get(line_no) if line_no is not None else None
        return FilePlace(
            file_id=str(file.id),
            filename=file.filename,
            layout=file.layout,
            sequence=file.sequence,
            line_from=line or revision.line_from,
            line_to=line or revision.line_to,
        )

    def _billed_line(self, line: InvoiceLineRow) -> BilledLine:
        invoice = self._invoices[line.shipment_number, line.generation]
        return BilledLine(
            invoice=invoice.doc_number or invoice.quickbooks_id,
            quickbooks_id=invoice.quickbooks_id,
            booked_at=invoice.booked_at,
            **line.model_dump(include={"generation", "line_no", "sku", "quantity", "uom", "unit_price", "amount"}),
        )

    def _shown(self, order_number: str, line_no: int | None, billed: list[InvoiceLineRow]) -> Iterable[ShownRecord]:
        order = self._orders.get(order_number)
        if order is not None:
            yield self._record("Order", "order", order_number, order.external_id)
        line = self._order_lines.get((order_number, line_no))
        if line is not None:
            yield self._record("OrderItem", "line", f"{order_number}/{line_no}", line.external_id)
        for key in dict.fromkeys(f"{one.shipment_number}:{one.generation}" for one in billed):
            yield self._record("Invoice__c", "invoice", key, None)

    def _record(self, name: str, subject: str, key: str, external_id: str | None) -> ShownRecord:
        return ShownRecord(object=name, key=key, id=external_id, said_at=self._said.get((subject, key)))

    def _revisions(self, numbers: list[str]) -> dict[str, ShipmentRevisionRow]:
        row = ShipmentRevisionRow
        query = select(row).where(col(row.shipment_number).in_(numbers))
        if self._as_of is not None:
            query = query.where(col(row.received_at) <= self._as_of)
        found: defaultdict[str, list[ShipmentRevisionRow]] = defaultdict(list)
        for one in self._session.scalars(query):
            found[one.shipment_number].append(one)
        return {number: counts for number, some in found.items() if (counts := newest(some))}

    def _sources(self) -> dict[UUID, SourceFileRow]:
        ids = {one.source_file_id for one in self.revisions.values() if one.source_file_id}
        query = select(SourceFileRow).where(col(SourceFileRow.id).in_(ids))
        return {row.id: row for row in self._session.scalars(query)}

    def _booked(
        self, numbers: list[str]
    ) -> tuple[dict[tuple[str, int], InvoiceRow], defaultdict[str, list[InvoiceLineRow]]]:
        query = select(InvoiceRow).where(col(InvoiceRow.shipment_number).in_(numbers))
        if self._as_of is not None:
            query = query.where(col(InvoiceRow.booked_at) <= self._as_of)
        invoices = {(row.shipment_number, row.generation): row for row in self._session.scalars(query)}
        line = InvoiceLineRow
        of_them = select(line).where(tuple_(col(line.shipment_number), col(line.generation)).in_(list(invoices)))
        billed: defaultdict[str, list[InvoiceLineRow]] = defaultdict(list)
        for one in self._session.scalars(of_them.order_by(col(line.generation), col(line.line_no))):
            billed[one.shipment_number].append(one)
        return invoices, billed

    def _credits(self, numbers: list[str]) -> defaultdict[str, list[CreditLineRow]]:
        query = select(CreditRow).where(col(CreditRow.shipment_number).in_(numbers))
        if self._as_of is not None:
            query = query.where(col(CreditRow.booked_at) <= self._as_of)
        self._documents = {(row.shipment_number, row.generation): row for row in self._session.scalars(query)}
        line = CreditLineRow
        of_them = select(line).where(tuple_(col(line.shipment_number), col(line.generation)).in_(list(self._documents)))
        found: defaultdict[str, list[CreditLineRow]] = defaultdict(list)
        for one in self._session.scalars(of_them.order_by(col(line.generation), col(line.line_no))):
            found[one.shipment_number].append(one)
        return found

    def _credits_of(self, number: str, line_no: int | None) -> Iterable[tuple[CreditRow, CreditLineRow]]:
        for line in self._credited[number]:
            if line.shipment_line_no == line_no:
                yield self._documents[line.shipment_number, line.generation], line

    def _decisions(self, numbers: list[str]) -> dict[str, str]:
        row = DecisionRow
        query = select(row).where(
            col(row.record_type) == "shipment", col(row.record_key).in_(numbers), col(row.kind) == "billing"
        )
        if self._as_of is not None:
            query = query.where(col(row.made_at) <= self._as_of)
        return {one.record_key: str(one.id) for one in self._session.scalars(query.order_by(col(row.made_at)))}

    def _ordered(self) -> tuple[dict[str, OrderRow], dict[tuple[str, int | None], OrderLineRow]]:
        numbers = {one.payload["order_number"] for one in self.revisions.values()}
        orders = self._session.scalars(select(OrderRow).where(col(OrderRow.number).in_(numbers)))
        lines = self._session.scalars(select(OrderLineRow).where(col(OrderLineRow.order_number).in_(numbers)))
        return {row.number: row for row in orders}, {(row.order_number, row.line_no): row for row in lines}

    def _statements(self) -> dict[tuple[str, str], datetime]:
        orders = {one.payload["order_number"] for one in self.revisions.values()}
        query = select(StatementRow).where(
            col(StatementRow.order_number).in_(orders),
            col(StatementRow.subject).in_(["order", "line", "invoice"]),
            col(StatementRow.content_hash) != "",
        )
        return {(row.subject, row.key): row.said_at for row in self._session.scalars(query)}


def _credited_line(credit: CreditRow, line: CreditLineRow) -> CreditedLine:
    return CreditedLine(
        document=credit.doc_number,
        quickbooks_id=credit.quickbooks_id,
        booked_at=credit.booked_at,
        **line.model_dump(include={"line_no", "reason", "quantity", "amount"}),
    )
