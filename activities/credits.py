"""Activities of corrections: decide and write down what is to be given back or billed besides, and book it."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from sqlalchemy import Engine
from sqlmodel import Session
from temporalio import activity

from activities.book_changes import TakingIn
from activities.booking import Booking
from activities.boundary import at_boundary, beating
from activities.correcting import BOOKS_CLOSED, Correcting
from activities.correction_findings import uncertain_finding
from activities.credit_booking import CreditBooking
from activities.holding import hold_shipment
from adapters.quickbooks.credit_memos import NOT_VOIDABLE
from adapters.quickbooks.gateway import QuickBooksGateway
from domain.book_changes import BookChanges, Gone
from domain.company import Company
from domain.document_content import DocumentKind
from domain.invoices import IntentState
from domain.work import CreditBooked, CreditBookWork, CreditPrepared, CreditWork
from store import billing, credits, cursors, intents, shipments
from store.causes import Cause, CauseSource
from store.session import reading, transaction

OPEN = frozenset({IntentState.INTENDED, IntentState.UNCERTAIN})
PERIOD_CLOSED = "period_closed"


class CorrectingActivities:
    """Steps in the store."""

    def __init__(self, engine: Engine, company: Company, realm: str) -> None:
        self._engine, self._company, self._realm = engine, company, realm

    @activity.defn(no_thread_cancel_exception=True)
    @at_boundary
    def prepare_credit(self, work: CreditWork) -> CreditPrepared:
        """Decide what follows for an invoiced shipment; answers what is to be booked, and what holds the rest."""
        number, company = work.shipment_number, self._company
        also = (company.billing.freight_sku, *company.corrections.fee_skus)
        with transaction(self._engine, _cause(number)) as session:
            situation = next(iter(billing.situations(session, [number], also, newest=True)), None)
            if situation is None or situation.intent is None or situation.intent.state != IntentState.BOOKED:
                return CreditPrepared(shipment_number=number)
            corrected = Correcting(session, company, self._realm, datetime.now(UTC), situation).run()
            given_back, billed = _open_documents(session, number)
            return CreditPrepared(
                shipment_number=number,
                order_number=situation.row.order_number,
                held=corrected.held,
                credits=[str(one.id) for one in given_back],
                invoices=[str(one.id) for one in billed],
            )

    @activity.defn(no_thread_cancel_exception=True)
    @at_boundary
    def note_unbooked_credit(self, work: CreditWork) -> str | None:
        """Open an exception that says why a correction is not booked yet; answers its id, None where none is open."""
        number = work.shipment_number
        with transaction(self._engine, _cause(number)) as session:
            row = shipments.lock_many(session, [number]).get(number)
            given_back, billed = _open_documents(session, number)
            waiting: list[credits.CreditIntent | intents.Intent] = [*given_back, *billed]
            if row is None or not waiting:
                return None
            doubtful = next((one for one in waiting if one.state == IntentState.UNCERTAIN), waiting[0])
            finding = uncertain_finding(doubtful.state, number, doubtful.refusal_detail)
            stake = sum((one.draft.total for one in waiting), Decimal(0))
            return hold_shipment(session, row, (finding,), stake, datetime.now(UTC), state=None, flow="credit")


class CreditBookingActivities:
    """Steps that write to QuickBooks."""

    def __init__(self, engine: Engine, quickbooks: QuickBooksGateway) -> None:
        self._engine, self._quickbooks = engine, quickbooks

    @activity.defn(no_thread_cancel_exception=True)
    @at_boundary
    def book_credit(self, work: CreditBookWork) -> CreditBooked:
        """Book credits and further invoices, adopting what is there; safe to run again after any interruption."""
        workflow_id = activity.info().workflow_id or ""
        with beating():
            CreditBooking(self._engine, self._quickbooks, workflow_id).run(work.credits)
            Booking(self._engine, self._quickbooks, workflow_id).run(work.invoices)
            return self._learn(work)

    def _learn(self, work: CreditBookWork) -> CreditBooked:
        """What came of it; where QuickBooks' books are not as they were thought to be, they are read anew."""
        with reading(self._engine) as session:
            given_back = credits.get_many(session, work.credits)
            billed = intents.get_many(session, work.invoices)
        every: list[credits.CreditIntent | intents.Intent] = [*given_back, *billed]
        codes = {one.refusal_code for one in every if one.state is IntentState.REFUSED}
        if PERIOD_CLOSED in codes:
            read_closing(self._engine, self._quickbooks)
        for one in given_back:
            if one.state is IntentState.REFUSED and one.refusal_code == NOT_VOIDABLE and one.draft.invoice_id:
                self._read_again(one.draft.shipment_number, one.draft.invoice_id)
        states = [one.state for one in every]
        return CreditBooked(
            booked=states.count(IntentState.BOOKED),
            refused=states.count(IntentState.REFUSED) + states.count(IntentState.WITHDRAWN),
            open=sum(state in OPEN for state in states),
        )

    def _read_again(self, shipment_number: str, quickbooks_id: str) -> None:
        """By the one road on which documents are taken in, so that whatever was done to it is somebody's work."""
        current = self._quickbooks.read_invoice(quickbooks_id)
        gone = [Gone(kind=DocumentKind.INVOICE, external_id=quickbooks_id)] if current is None else []
        changes = BookChanges(invoices=[current] if current else [], gone=gone)
        TakingIn(self._engine, "correction", _cause(shipment_number, CauseSource.QUICKBOOKS)).take(changes)


def read_closing(engine: Engine, quickbooks: QuickBooksGateway) -> None:
    """Keep until when the books are closed, as QuickBooks says it now (case E12)."""
    closed = quickbooks.books_closed_until()
    with transaction(engine, Cause(source=CauseSource.QUICKBOOKS, actor="worker")) as session:
        rest = {"closed_until": closed.isoformat() if closed else None}
        cursors.advance(session, BOOKS_CLOSED, datetime.now(UTC), rest)


def _open_documents(session: Session, number: str) -> tuple[list[credits.CreditIntent], list[intents.Intent]]:
    given_back = [one for one in credits.intents_of(session, [number])[number] if one.state in OPEN]
    ids = [str(row.id) for row in intents.supplements(session, [number]) if row.state in OPEN]
    return given_back, intents.get_many(session, ids)


def _cause(number: str, source: CauseSource = CauseSource.GATEWAY) -> Cause:
    workflow_id = activity.info().workflow_id
    return Cause(source=source, actor="worker", reference={"shipment": number}, workflow_id=workflow_id)
