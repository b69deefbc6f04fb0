"""Shipments in the store: recording what files state, revision by revision, and where each one stands."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, and_, delete, exists, func, insert, or_, select, update
from sqlalchemy.dialects.postgresql import insert as insert_or
from sqlalchemy.orm import aliased
from sqlmodel import Session, col

from domain.exceptions import ExceptionState
from domain.files import StagedGroup
from domain.invoices import IntentRole
from domain.shipments import Shipment, ShipmentLine, ShipmentState, billing_hash, content_hash
from store import order_marks
from store.outcomes import OPEN
from store.stock import marks
from store.tables.credits import CreditIntentRow
from store.tables.exceptions import ExceptionRow
from store.tables.invoices import InvoiceIntentRow
from store.tables.shipments import ShipmentLineRow, ShipmentRevisionRow, ShipmentRow

_OVER = frozenset({ShipmentState.INVOICED, ShipmentState.NOT_BILLED})
_BILLED_OR_BEING_BILLED = frozenset({ShipmentState.INTENDED, ShipmentState.INVOICED})


def shipment_from(row: ShipmentRow, lines: Iterable[ShipmentLineRow]) -> Shipment:
    """The domain's shipment of a row and its lines."""
    return Shipment(
        **row.model_dump(include=set(Shipment.model_fields) - {"lines"}),
        lines=tuple(
            ShipmentLine.model_validate(line, from_attributes=True)
            for line in sorted(lines, key=lambda one: one.line_no)
        ),
    )


def lock_many(session: Session, numbers: Sequence[str]) -> dict[str, ShipmentRow]:
    """The rows of these shipments, locked in the order of their numbers so that two workers never wait in a circle."""
    query = (
        select(ShipmentRow).where(col(ShipmentRow.number).in_(numbers)).order_by(col(ShipmentRow.number))
    ).with_for_update()
    return {row.number: row for row in session.scalars(query)}


def lines_of(session: Session, numbers: Sequence[str]) -> dict[str, list[ShipmentLineRow]]:
    """The lines of these shipments, by shipment number."""
    found: dict[str, list[ShipmentLineRow]] = {number: [] for number in numbers}
    query = select(ShipmentLineRow).where(col(ShipmentLineRow.shipment_number).in_(numbers))
    for line in session.scalars(query):
        found[line.shipment_number].append(line)
    return found


def revisions_of(session: Session, numbers: Sequence[str]) -> dict[str, list[ShipmentRevisionRow]]:
    """Every statement ever made of these shipments, oldest first."""
    query = (
        select(ShipmentRevisionRow)
        .where(col(ShipmentRevisionRow.shipment_number).in_(numbers))
        .order_by(col(ShipmentRevisionRow.revision))
    )
    found: dict[str, list[ShipmentRevisionRow]] = {number: [] for number in numbers}
    for row in session.scalars(query):
        found[row.shipment_number].append(row)
    return found


class Stated(NamedTuple):
    """A shipment, when the ERP stated it so, and whether its billing is over by this statement."""

    shipment: Shipment
    stated_at: datetime
    decided: bool


def newest_statements(session: Session, numbers: Sequence[str]) -> dict[str, Stated]:
    """What the ERP says of these shipments now, whether it is billed so or not (case F9)."""
    known = {number: newest(found) for number, found in revisions_of(session, numbers).items()}
    query = select(ShipmentRow).where(col(ShipmentRow.number).in_(numbers))
    over = {row.number: row.revision for row in session.scalars(query) if row.state in _OVER}
    return {
        number: Stated(Shipment.model_validate(row.payload), row.stated_at, over.get(number) == row.revision)
        for number, row in known.items()
        if row is not None
    }


@dataclass(frozen=True)
class Stating:
    """The file that states something: when it could first be seen, and when the ERP says that it wrote it."""

    file_id: UUID
    seen_at: datetime
    stated_at: datetime


def record(session: Session, stating: Stating, groups: Sequence[StagedGroup]) -> list[str]:
    """Record what a file states of its shipments; answers their numbers in file order, each once.

    Saying the newest statement again changes nothing (F4, F8), nor does an older one that comes late. New content of a
    shipment that is not billed replaces what was stated; of one that is billed or being billed it only becomes a
    revision, for a person to look at (F9), unless nothing that is billed differs.
    """
    stated = [(group, Shipment.model_validate(group.payload)) for group in groups]
    numbers = list(dict.fromkeys(shipment.number for _, shipment in stated))
    _insert_unknown(session, stating, stated)
    rows = lock_many(session, numbers)
    known = revisions_of(session, numbers)
    for group, shipment in stated:
        _record_one(session, stating, group, shipment, rows[shipment.number], known[shipment.number])
    session.flush()
    marks.mark(session, {line.sku for _, shipment in stated for line in shipment.lines}, "shipped")
    order_marks.mark(session, {shipment.order_number for _, shipment in stated}, "shipped")
    return numbers


def _record_one(
    session: Session,
    stating: Stating,
    group: StagedGroup,
    shipment: Shipment,
    row: ShipmentRow,
    known: list[ShipmentRevisionRow],
) -> None:
    digest = content_hash(shipment)
    current = newest(known)
    from_here = any((one.source_file_id, one.content_hash) == (stating.file_id, digest) for one in known)
    if from_here or (current and current.content_hash == digest):
        return
    late = current is not None and stating.stated_at < current.stated_at
    revision = _revision(stating, group, shipment, len(known) + 1, digest)
    known.append(revision)
    session.add(revision)
    if current is None:
        _insert_lines(session, shipment)
    elif not late:
        _take(session, row, shipment, revision)


def newest(revisions: Sequence[ShipmentRevisionRow]) -> ShipmentRevisionRow | None:
    """The statement that counts: the last one by the ERP's own time, of one time the last one that came."""
    return max(revisions, key=lambda one: (one.stated_at, one.revision), default=None)


def _take(session: Session, row: ShipmentRow, shipment: Shipment, revision: ShipmentRevisionRow) -> None:
    """Let a newer statement count at once, where that changes nothing that is billed or being billed."""
    before = shipment_from(row, lines_of(session, [row.number])[row.number])
    same_bill = billing_hash(before) == billing_hash(shipment)
    if same_bill or row.state not in _BILLED_OR_BEING_BILLED:
        restate(session, row, shipment, revision, anew=not same_bill)


def _insert_unknown(session: Session, stating: Stating, stated: Sequence[tuple[StagedGroup, Shipment]]) -> None:
    """Make rows for shipments that are new, by their first statement.

    Two files may bring one shipment at the same moment: the second waits here for the first and finds its row.
    """
    first: dict[str, dict[str, Any]] = {}
    for group, shipment in stated:
        values = {
            **shipment.model_dump(exclude={"lines"}),
            "content_hash": content_hash(shipment),
            "received_at": stating.seen_at,
            "source_file_id": stating.file_id,
            "source_line": group.line_from,
        }
        first.setdefault(shipment.number, values)
    if first:
        in_order = [first[number] for number in sorted(first)]
        session.execute(insert_or(ShipmentRow).values(in_order).on_conflict_do_nothing(index_elements=["number"]))


def _insert_lines(session: Session, shipment: Shipment) -> None:
    if shipment.lines:
        values = [{"shipment_number": shipment.number, **line.model_dump()} for line in shipment.lines]
        session.execute(insert(ShipmentLineRow), values)


def _revision(
    stating: Stating, group: StagedGroup, shipment: Shipment, revision: int, digest: str
) -> ShipmentRevisionRow:
    return ShipmentRevisionRow(
        shipment_number=shipment.number,
        revision=revision,
        content_hash=digest,
        payload=shipment.model_dump(mode="json"),
        source_file_id=stating.file_id,
        line_from=group.line_from,
        line_to=group.line_to,
        item_lines=None if group.item_lines is None else list(group.item_lines),
        stated_at=stating.stated_at,
        received_at=datetime.now(UTC),  # when it became known here: what people decided before does not bind it
    )


def restate(
    session: Session, row: ShipmentRow, shipment: Shipment, revision: ShipmentRevisionRow, *, anew: bool = True
) -> None:
    """Let a later statement replace the content of a shipment; `anew`: unless it is billed, its state starts again."""
    row.sqlmodel_update(shipment.model_dump(exclude={"lines", "number"}))
    row.revision, row.content_hash = revision.revision, revision.content_hash
    row.source_file_id, row.source_line = revision.source_file_id, revision.line_from
    if anew and row.state not in _BILLED_OR_BEING_BILLED:
        row.state, row.hold_reason = ShipmentState.RECEIVED, None
    session.add(row)
    mine = delete(ShipmentLineRow).where(col(ShipmentLineRow.shipment_number) == row.number)
    moved = set(session.scalars(mine.returning(col(ShipmentLineRow.sku))))
    _insert_lines(session, shipment)
    marks.mark(session, moved | {line.sku for line in shipment.lines}, "shipped otherwise")


def set_state(
    session: Session, row: ShipmentRow, state: ShipmentState, *, reason: str | None = None, at: datetime | None = None
) -> None:
    """Move a shipment to a state; `at` goes into its latency ledger where the state has a time of its own."""
    row.state, row.hold_reason = state, reason
    if state is ShipmentState.INTENDED:
        row.intended_at = at
    if state is ShipmentState.INVOICED:
        row.booked_at = row.booked_at or at
    session.add(row)


def mark_published(session: Session, numbers: Sequence[str], at: datetime) -> None:
    """Note when Salesforce first showed the invoices of these shipments."""
    session.execute(
        update(ShipmentRow)
        .where(col(ShipmentRow.number).in_(numbers), col(ShipmentRow.published_at).is_(None))
        .where(col(ShipmentRow.state) == ShipmentState.INVOICED)
        .values(published_at=at)
    )


def stranded(session: Session, before: datetime, limit: int = 200) -> list[str]:
    """Shipments that ought to have moved since `before` and that no open exception explains.

    That is: received or intended and left lying, or corrected after it was invoiced without anything having come of it.
    """
    query = (
        select(col(ShipmentRow.number))
        .where(
            or_(
                and_(
                    col(ShipmentRow.state).in_([ShipmentState.RECEIVED, ShipmentState.HELD]),
                    col(ShipmentRow.received_at) < before,
                ),
                and_(col(ShipmentRow.state) == ShipmentState.INTENDED, col(ShipmentRow.intended_at) < before),
                and_(
                    col(ShipmentRow.state) == ShipmentState.INVOICED,
                    or_(_stated_otherwise(before), _document_left(before)),
                ),
            )
        )
        .where(~exists().where(*_work_on_it(ExceptionState.OPEN)))
        .order_by(col(ShipmentRow.received_at))
        .limit(limit)
    )
    return list(session.scalars(query))


def unattended(session: Session, before: datetime, limit: int = 200) -> list[str]:
    """Shipments without an invoice, or with a correction under way, whose open work nobody looked at since `before`.

    Longest first. What they wait for may have come while they were being held, or the flow that asked again for them
    may be gone.
    """
    query = (
        select(col(ShipmentRow.number))
        .join(ExceptionRow, and_(*_work_on_it(ExceptionState.OPEN)))
        .where(
            or_(
                col(ShipmentRow.state).in_([ShipmentState.HELD, ShipmentState.INTENDED]),
                and_(col(ShipmentRow.state) == ShipmentState.INVOICED, _document_left(before)),
            )
        )
        .group_by(col(ShipmentRow.number))
        .having(func.max(col(ExceptionRow.last_seen_at)) < before)
        .order_by(func.max(col(ExceptionRow.last_seen_at)))
        .limit(limit)
    )
    return list(session.scalars(query))


def _work_on_it(state: ExceptionState) -> tuple[ColumnElement[bool], ...]:
    return (
        col(ExceptionRow.record_type) == "shipment",
        col(ExceptionRow.state) == state,
        col(ExceptionRow.record_key) == col(ShipmentRow.number),
    )


def _stated_otherwise(before: datetime) -> ColumnElement[bool]:
    """An invoiced shipment is stated otherwise by the ERP's newest word, and nobody has looked at it."""
    held, later = aliased(ShipmentRevisionRow), aliased(ShipmentRevisionRow)
    stated_at = (
        select(col(held.stated_at))
        .where(col(held.shipment_number) == col(ShipmentRow.number), col(held.revision) == col(ShipmentRow.revision))
        .correlate(ShipmentRow)  # two levels up: by itself it would be joined anew, and be many rows
        .scalar_subquery()
    )
    return exists().where(
        col(later.shipment_number) == col(ShipmentRow.number),
        col(later.revision) > col(ShipmentRow.revision),
        col(later.stated_at) >= stated_at,
        col(later.received_at) < before,
    )


def _document_left(before: datetime) -> ColumnElement[bool]:
    """A credit or a further invoice was written down, and nobody has brought it to an end."""
    credit = exists().where(
        col(CreditIntentRow.shipment_number) == col(ShipmentRow.number),
        col(CreditIntentRow.state).in_(OPEN),
        col(CreditIntentRow.intended_at) < before,
    )
    supplement = exists().where(
        col(InvoiceIntentRow.shipment_number) == col(ShipmentRow.number),
        col(InvoiceIntentRow.role) == IntentRole.SUPPLEMENT,
        col(InvoiceIntentRow.state).in_(OPEN),
        col(InvoiceIntentRow.intended_at) < before,
    )
    return or_(credit, supplement)


def known(session: Session, numbers: Sequence[str]) -> list[str]:
    """Those of these shipments that there are."""
    return list(session.scalars(select(col(ShipmentRow.number)).where(col(ShipmentRow.number).in_(numbers))))


def unpublished(session: Session, before: datetime, limit: int = 200) -> list[str]:
    """Invoiced shipments that Salesforce does not show although their invoice is older than `before`."""
    query = (
        select(col(ShipmentRow.number))
        .where(col(ShipmentRow.state) == ShipmentState.INVOICED, col(ShipmentRow.published_at).is_(None))
        .where(col(ShipmentRow.booked_at) < before)
        .order_by(col(ShipmentRow.booked_at).desc())
        .limit(limit)
    )
    return list(session.scalars(query))


def of_orders(session: Session, order_numbers: Sequence[str]) -> list[str]:
    """The numbers of the shipments of these orders."""
    query = select(col(ShipmentRow.number)).where(col(ShipmentRow.order_number).in_(order_numbers))
    return list(session.scalars(query))


def orders_of(session: Session, numbers: Sequence[str]) -> list[str]:
    """The numbers of the orders of these shipments, each once, in order."""
    query = select(col(ShipmentRow.order_number)).where(col(ShipmentRow.number).in_(numbers)).distinct()
    return sorted(session.scalars(query))


def counts_waiting(session: Session) -> dict[ShipmentState, int]:
    """How many shipments are on their way to an invoice, for every such state; none is 0."""
    on_their_way = (ShipmentState.RECEIVED, ShipmentState.HELD, ShipmentState.INTENDED)
    query = (
        select(col(ShipmentRow.state), func.count())
        .where(col(ShipmentRow.state).in_(on_their_way))
        .group_by(col(ShipmentRow.state))
    )
    return dict.fromkeys(on_their_way, 0) | {ShipmentState(row[0]): row[1] for row in session.execute(query)}


def counts_by_state(session: Session, file_id: UUID) -> dict[str, int]:
    """How many shipments that a file was the latest to state are in which state."""
    query = (
        select(col(ShipmentRow.state), func.count())
        .where(col(ShipmentRow.source_file_id) == file_id)
        .group_by(col(ShipmentRow.state))
    )
    return {row[0]: row[1] for row in session.execute(query)}
