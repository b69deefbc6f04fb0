"""Invoice intents: committed before QuickBooks is asked, settled by what it answered (features G-E2, G-E4)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict
from sqlalchemy import ColumnElement, Select, func, select, text, tuple_, update
from sqlmodel import Session, col

from domain.invoices import IntentState, InvoiceDraft, VendorRefs
from store.tables.invoices import LIVE_INTENT, InvoiceIntentRow

OPEN = (IntentState.INTENDED, IntentState.UNCERTAIN)
# From which states an intent may come to an end; there is no way back from booked.
_ENDS_FROM = {
    IntentState.BOOKED: (*OPEN, IntentState.REFUSED, IntentState.WITHDRAWN),
    IntentState.REFUSED: OPEN,
    IntentState.WITHDRAWN: (IntentState.INTENDED,),
}


class Intent(BaseModel):
    """An intent as the booking works with it: its frozen content, its identities and how far it is."""

    model_config = ConfigDict(frozen=True)

    id: UUID
    state: IntentState
    draft: InvoiceDraft
    refs: VendorRefs
    batch_id: str | None
    batch_item: str | None
    attempts: int
    quickbooks_id: str | None
    sent_at: datetime | None


def _intent_from(row: InvoiceIntentRow) -> Intent:
    return Intent(
        id=row.id,
        state=IntentState(row.state),
        draft=InvoiceDraft.model_validate(row.payload["draft"]),
        refs=VendorRefs.model_validate(row.payload["refs"]),
        batch_id=row.batch_id,
        batch_item=row.batch_item,
        attempts=row.attempts,
        quickbooks_id=row.quickbooks_id,
        sent_at=row.sent_at,
    )


def payload_of(draft: InvoiceDraft, refs: VendorRefs) -> dict[str, object]:
    """The frozen content of an intent, JSON-ready."""
    return {"draft": draft.model_dump(mode="json"), "refs": refs.model_dump(mode="json")}


def payload_hash(draft: InvoiceDraft, refs: VendorRefs) -> str:
    """Equal hashes mean an equal invoice for the same records; identities of the generation are left out."""
    content = draft.model_dump(mode="json", exclude={"generation", "doc_number", "request_id"})
    text_ = json.dumps({"draft": content, "refs": refs.model_dump(mode="json")}, sort_keys=True)
    return hashlib.sha256(text_.encode()).hexdigest()


def latest(session: Session, numbers: Sequence[str]) -> dict[str, InvoiceIntentRow]:
    """The newest intent of each of these shipments."""
    query = (
        select(InvoiceIntentRow)
        .where(col(InvoiceIntentRow.shipment_number).in_(numbers))
        .order_by(col(InvoiceIntentRow.shipment_number), col(InvoiceIntentRow.generation))
    )  # generations are few: the last one of each shipment stays in the dictionary
    return {row.shipment_number: row for row in session.scalars(query)}


def add(session: Session, draft: InvoiceDraft, refs: VendorRefs, at: datetime) -> InvoiceIntentRow:
    """Write down what QuickBooks will be asked for; the database allows one live intent a shipment."""
    row = InvoiceIntentRow(
        shipment_number=draft.shipment_number,
        generation=draft.generation,
        doc_number=draft.doc_number,
        request_id=draft.request_id,
        payload=payload_of(draft, refs),
        payload_hash=payload_hash(draft, refs),
        intended_at=at,
    )
    session.add(row)
    return row


def join_batch(session: Session, rows: Sequence[InvoiceIntentRow], batch_id: str) -> None:
    """Give new intents the identity under which they are sent together; it never changes afterwards."""
    for position, row in enumerate(rows, start=1):
        row.batch_id, row.batch_item = batch_id, str(position)
        session.add(row)


def get_many(session: Session, intent_ids: Sequence[str]) -> list[Intent]:
    """These intents, in the order of their shipments."""
    query = (
        select(InvoiceIntentRow)
        .where(col(InvoiceIntentRow.id).in_([UUID(one) for one in intent_ids]))
        .order_by(col(InvoiceIntentRow.shipment_number))
    )
    return [_intent_from(row) for row in session.scalars(query)]


def before(session: Session, draft: InvoiceDraft) -> list[Intent]:
    """The intents of earlier generations of a draft's shipment, oldest first, as they were written down."""
    query = (
        select(InvoiceIntentRow)
        .where(
            col(InvoiceIntentRow.shipment_number) == draft.shipment_number,
            col(InvoiceIntentRow.generation) < draft.generation,
        )
        .order_by(col(InvoiceIntentRow.generation))
    )
    return [_intent_from(row) for row in session.scalars(query)]


def mark_sent(session: Session, given: Sequence[Intent]) -> list[Intent]:
    """From before the call until its answer the outcome is uncertain: a process that dies in between leaves it so.

    Answers those that may be sent, with this attempt counted. What was settled, or was sent by another worker since it
    was read, is not among them: who asks must know all that was asked before.
    """
    session.execute(_locked([one.id for one in given]))
    marked = session.scalars(
        update(InvoiceIntentRow)
        .where(_as_read(given), col(InvoiceIntentRow.state).in_(OPEN))
        .values(
            state=IntentState.UNCERTAIN,
            attempts=col(InvoiceIntentRow.attempts) + 1,
            sent_at=func.clock_timestamp(),
            refusal_code=None,
            refusal_detail=None,
        )
        .returning(col(InvoiceIntentRow.id)),
        execution_options={"synchronize_session": False},
    )
    mine = set(marked)
    return [one.model_copy(update={"attempts": one.attempts + 1}) for one in given if one.id in mine]


def mark_unsent(session: Session, given: Sequence[Intent], code: str, detail: str) -> None:
    """A first call certainly did nothing: the next may go without probing.

    Never for an intent that was sent before; one that another worker has sent since stays uncertain.
    """
    session.execute(
        update(InvoiceIntentRow)
        .where(_as_read(given), col(InvoiceIntentRow.state) == IntentState.UNCERTAIN)
        .values(state=IntentState.INTENDED, refusal_code=code, refusal_detail=detail[:500])
        .execution_options(synchronize_session=False)
    )


def _as_read(given: Sequence[Intent]) -> ColumnElement[bool]:
    """These intents, as far as nobody has sent them since they were read."""
    attempts = tuple_(col(InvoiceIntentRow.id), col(InvoiceIntentRow.attempts))
    return attempts.in_([(one.id, one.attempts) for one in given])


def _locked(intent_ids: Sequence[UUID]) -> Select[UUID]:
    """Lock rows in one order, so that two workers with the same intents never wait in a circle."""
    query = select(col(InvoiceIntentRow.id)).where(col(InvoiceIntentRow.id).in_(intent_ids))
    return query.order_by(col(InvoiceIntentRow.id)).with_for_update()


def note_trouble(session: Session, intent_ids: Sequence[UUID], code: str, detail: str) -> None:
    """Keep why the outcome is still open, in words for a person."""
    session.execute(
        update(InvoiceIntentRow)
        .where(col(InvoiceIntentRow.id).in_(intent_ids), col(InvoiceIntentRow.state) == IntentState.UNCERTAIN)
        .values(refusal_code=code, refusal_detail=detail[:500])
    )


def settle(  # noqa: PLR0913 - the end of an intent has three forms, each with words of its own
    session: Session,
    intent_id: UUID,
    state: IntentState,
    *,
    attempts: int | None = None,
    quickbooks_id: str | None = None,
    code: str | None = None,
    detail: str | None = None,
) -> bool:
    """End an intent; answers False where that may not be any more.

    An invoice that is there is a fact, whatever was written before. A refusal ends an open intent, and with `attempts`
    only that of the newest attempt: an older one may still be under way. Only what was never sent can be withdrawn.
    """
    conditions = [col(InvoiceIntentRow.id) == intent_id, col(InvoiceIntentRow.state).in_(_ENDS_FROM[state])]
    if attempts is not None:
        conditions.append(col(InvoiceIntentRow.attempts) == attempts)
    result = session.execute(
        update(InvoiceIntentRow)
        .where(*conditions)
        .values(
            state=state,
            settled_at=func.clock_timestamp(),
            quickbooks_id=quickbooks_id,
            refusal_code=code,
            refusal_detail=(detail or "")[:500] or None,
        )
        .returning(col(InvoiceIntentRow.id))
    )
    return result.first() is not None


def revive(session: Session, row: InvoiceIntentRow, quickbooks_id: str | None = None) -> None:
    """Take a refused intent up again after a person's decision; with an id, to adopt that invoice and nothing else.

    It was sent before, so it is looked up before it is sent again.
    """
    row.state = IntentState.UNCERTAIN
    row.settled_at, row.quickbooks_id = None, quickbooks_id
    session.add(row)


def open_count(session: Session) -> int:
    """How many intents have no outcome yet."""
    query = select(func.count()).select_from(InvoiceIntentRow).where(text(LIVE_INTENT + " AND state <> 'booked'"))
    return session.scalar(query) or 0
