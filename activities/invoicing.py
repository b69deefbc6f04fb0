"""Activities of invoicing: prepare shipments in the store, book their intents in QuickBooks."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import Engine
from sqlmodel import Session
from temporalio import activity

from activities.booking import Booking
from activities.boundary import at_boundary, beating
from activities.file_findings import unapplied
from activities.findings import refusal_finding, unbooked_finding
from activities.holding import hold_shipment
from activities.preparing import Preparation
from activities.receiving import FILE_DESK
from adapters.quickbooks.gateway import QuickBooksGateway
from domain.company import Company
from domain.errors import GatewayError, Missing, Permanent
from domain.invoices import IntentState
from domain.work import Booked, BookWork, Prepared, RangeWork, ShipmentWork
from store import amendments, billing, exceptions, files, intents, shipments, staging
from store.causes import Cause, CauseSource
from store.files import SourceFile
from store.session import reading, transaction

_DONE = frozenset({IntentState.BOOKED, IntentState.WITHDRAWN})


def _file(session: Session, work: RangeWork) -> SourceFile:
    file = files.get(session, UUID(work.file_id))
    if file is None:
        raise Missing(f"Source file {work.file_id} is not in the store.", file_id=work.file_id)
    return file


def _range_cause(work: RangeWork) -> Cause:
    return Cause(
        source=CauseSource.ERP,
        actor="worker",
        reference={"file_id": work.file_id, "seq_from": work.seq_from, "seq_to": work.seq_to},
        workflow_id=activity.info().workflow_id,
    )


class PreparingActivities:
    """Steps that need the store alone."""

    def __init__(self, engine: Engine, company: Company, realm: str) -> None:
        self._engine, self._company, self._realm = engine, company, realm

    @activity.defn(no_thread_cancel_exception=True)
    @at_boundary
    def prepare_range(self, work: RangeWork) -> Prepared:
        """Record a range of a file's shipments, then match, price and intend them, all in one transaction.

        A record that the store refuses does not hold up the others: each goes by itself then, that one becomes work.
        """
        try:
            return self._prepare_range(work)
        except Permanent as error:
            if work.seq_from == work.seq_to:
                return self._put_aside(work, error)
        parts = [self._alone(work, seq) for seq in range(work.seq_from, work.seq_to + 1)]
        return Prepared(
            shipments=[number for part in parts for number in part.shipments],
            book=[intent for part in parts for intent in part.book],
            held={number: item for part in parts for number, item in part.held.items()},
            settled=[number for part in parts for number in part.settled],
        )

    def _alone(self, work: RangeWork, seq: int) -> Prepared:
        one = work.model_copy(update={"seq_from": seq, "seq_to": seq})
        try:
            return self._prepare_range(one)
        except Permanent as error:
            return self._put_aside(one, error)

    def _prepare_range(self, work: RangeWork) -> Prepared:
        with transaction(self._engine, _range_cause(work)) as session:
            file = _file(session, work)
            groups = staging.groups(session, file.id, work.seq_from, work.seq_to)
            # Orders before shipments, as everywhere: otherwise a range and a single shipment may wait in a circle.
            billing.lock_orders(session, [group.payload["order_number"] for group in groups])
            seen_at = file.visible_at or file.received_at
            first = amendments.as_it_came(session, file)
            stating = shipments.Stating(file.id, seen_at, file.created_at or first.visible_at or first.received_at)
            numbers = shipments.record(session, stating, groups)
            return Preparation(session, self._company, self._realm, datetime.now(UTC)).run(numbers)

    def _put_aside(self, work: RangeWork, error: GatewayError) -> Prepared:
        """One record that the store refuses becomes work for a person, with its place in the file."""
        with transaction(self._engine, _range_cause(work)) as session:
            file = _file(session, work)
            for group in staging.groups(session, file.id, work.seq_from, work.seq_to):
                finding = unapplied(file.filename, group.key, group.line_from, error.detail)
                exceptions.open_item(
                    session,
                    finding=finding,
                    record=("file", f"{work.file_id}/{group.seq}"),
                    owner=FILE_DESK,
                )
        return Prepared(shipments=[])

    @activity.defn(no_thread_cancel_exception=True)
    @at_boundary
    def prepare(self, work: ShipmentWork) -> Prepared:
        """Match, price and intend one shipment, or say what holds it."""
        with transaction(self._engine, self._cause(work)) as session:
            preparation = Preparation(session, self._company, self._realm, datetime.now(UTC))
            prepared = preparation.run([work.shipment_number])
            orders = shipments.orders_of(session, [work.shipment_number])
            return prepared.model_copy(update={"order_number": orders[0] if orders else None})

    @activity.defn(no_thread_cancel_exception=True)
    @at_boundary
    def note_unbooked(self, work: ShipmentWork) -> str | None:
        """Open an exception that says why a shipment has no invoice yet; answers its id, None if it has one."""
        number = work.shipment_number
        with transaction(self._engine, self._cause(work)) as session:
            situation = next(iter(billing.situations(session, [number])), None)
            intent = situation.intent if situation else None
            if situation is None or intent is None or intent.state in _DONE:
                return None
            if intent.state == IntentState.REFUSED:
                return hold_shipment(
                    session, situation.row, (refusal_finding(intent),), situation.stake, datetime.now(UTC)
                )
            finding = unbooked_finding(intent.state, intent.refusal_code, intent.refusal_detail, number)
            return hold_shipment(session, situation.row, (finding,), situation.stake, datetime.now(UTC), state=None)

    def _cause(self, work: ShipmentWork) -> Cause:
        return Cause(
            source=CauseSource.GATEWAY,
            actor="worker",
            reference={"shipment": work.shipment_number},
            workflow_id=activity.info().workflow_id,
        )


class BookingActivities:
    """Steps that write to QuickBooks."""

    def __init__(self, engine: Engine, quickbooks: QuickBooksGateway) -> None:
        self._engine, self._quickbooks = engine, quickbooks

    @activity.defn(no_thread_cancel_exception=True)
    @at_boundary
    def book(self, work: BookWork) -> Booked:
        """Book intents, adopting what is there already; safe to run again after any interruption."""
        with beating():
            Booking(self._engine, self._quickbooks, activity.info().workflow_id or "").run(work.intent_ids)
        return self._outcome(work)

    def _outcome(self, work: BookWork) -> Booked:
        outcome: dict[IntentState, list[str]] = {state: [] for state in IntentState}
        with reading(self._engine) as session:
            for one in intents.get_many(session, work.intent_ids):
                outcome[one.state].append(one.draft.shipment_number)
            again = billing.to_correct(session, outcome[IntentState.BOOKED])
        return Booked(
            again=again,
            booked=outcome[IntentState.BOOKED],
            refused=outcome[IntentState.REFUSED] + outcome[IntentState.WITHDRAWN],
            uncertain=outcome[IntentState.UNCERTAIN] + outcome[IntentState.INTENDED],
        )
