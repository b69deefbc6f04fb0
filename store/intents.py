"""Invoice intents: committed before QuickBooks is asked, settled by what it answered (features G-E2, G-E4)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict
from sqlalchemy import func, select
from sqlmodel import Session, col

from domain.invoices import IntentRole, IntentState, InvoiceDraft, VendorRefs
from store.outcomes import OPEN, Outcomes
from store.tables.invoices import InvoiceIntentRow

OUTCOMES = Outcomes(InvoiceIntentRow)
mark_sent, mark_unsent = OUTCOMES.mark_sent, OUTCOMES.mark_unsent
note_trouble, settle = OUTCOMES.note_trouble, OUTCOMES.settle


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
    refusal_code: str | None = None
    refusal_detail: str | None = None


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
        refusal_code=row.refusal_code,
        refusal_detail=row.refusal_detail,
    )


def payload_of(draft: InvoiceDraft, refs: VendorRefs) -> dict[str, object]:
    """The frozen content of an intent, JSON-ready."""
    return {"draft": draft.model_dump(mode="json"), "refs": refs.model_dump(mode="json")}


def payload_hash(draft: InvoiceDraft, refs: VendorRefs) -> str:
    """Equal hashes mean an equal invoice for the same records; identities of the generation are left out."""
    content = draft.model_dump(mode="json", exclude={"generation", "doc_number", "request_id", *_unsaid(draft)})
    text_ = json.dumps({"draft": content, "refs": refs.model_dump(mode="json")}, sort_keys=True)
    return hashlib.sha256(text_.encode()).hexdigest()


def _unsaid(draft: InvoiceDraft) -> set[str]:
    """What only a supplement has: an invoice without it hashes as it did before there were any."""
    return set() if draft.role is IntentRole.SUPPLEMENT else {"role", "note", "proposal"}


def latest(session: Session, numbers: Sequence[str]) -> dict[str, InvoiceIntentRow]:
    """The newest intent of the invoice that bills each of these shipments; supplements are not among them."""
    query = (
        select(InvoiceIntentRow)
        .where(col(InvoiceIntentRow.shipment_number).in_(numbers))
        .where(col(InvoiceIntentRow.role) == IntentRole.SHIPMENT)
        .order_by(col(InvoiceIntentRow.shipment_number), col(InvoiceIntentRow.generation))
    )  # generations are few: the last one of each shipment stays in the dictionary
    return {row.shipment_number: row for row in session.scalars(query)}


def add(session: Session, draft: InvoiceDraft, refs: VendorRefs, at: datetime) -> InvoiceIntentRow:
    """Write down what QuickBooks will be asked for; the database allows one live intent a shipment."""
    row = InvoiceIntentRow(
        shipment_number=draft.shipment_number,
        generation=draft.generation,
        role=draft.role,
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


def of_generation(session: Session, number: str, generation: int) -> Intent | None:
    """The intent of a shipment of this generation, or None."""
    query = select(InvoiceIntentRow).where(
        col(InvoiceIntentRow.shipment_number) == number, col(InvoiceIntentRow.generation) == generation
    )
    row = session.scalars(query).first()
    return None if row is None else _intent_from(row)


def before(session: Session, draft: InvoiceDraft) -> list[Intent]:
    """The earlier intents of the invoice that bills a draft's shipment, oldest first, as they were written down."""
    query = (
        select(InvoiceIntentRow)
        .where(
            col(InvoiceIntentRow.shipment_number) == draft.shipment_number,
            col(InvoiceIntentRow.generation) < draft.generation,
            col(InvoiceIntentRow.role) == IntentRole.SHIPMENT,
        )
        .order_by(col(InvoiceIntentRow.generation))
    )
    return [_intent_from(row) for row in session.scalars(query)]


def revive(session: Session, row: InvoiceIntentRow, quickbooks_id: str | None = None) -> None:
    """Take a refused intent up again after a person's decision; with an id, to adopt that invoice and nothing else.

    It was sent before, so it is looked up before it is sent again.
    """
    row.state = IntentState.UNCERTAIN
    row.settled_at, row.quickbooks_id = None, quickbooks_id
    session.add(row)


def supplements(session: Session, numbers: Sequence[str]) -> list[InvoiceIntentRow]:
    """The intents of further invoices of these shipments, in the order of their making."""
    query = (
        select(InvoiceIntentRow)
        .where(col(InvoiceIntentRow.shipment_number).in_(numbers), col(InvoiceIntentRow.role) == IntentRole.SUPPLEMENT)
        .order_by(col(InvoiceIntentRow.shipment_number), col(InvoiceIntentRow.generation))
    )
    return list(session.scalars(query))


def next_generation(session: Session, number: str) -> int:
    """The generation of a shipment's next invoice of either role: no two share a number."""
    query = select(func.max(col(InvoiceIntentRow.generation))).where(col(InvoiceIntentRow.shipment_number) == number)
    return (session.scalar(query) or 0) + 1


def open_count(session: Session) -> int:
    """How many intents have no outcome yet."""
    query = select(func.count()).select_from(InvoiceIntentRow).where(col(InvoiceIntentRow.state).in_(OPEN))
    return session.scalar(query) or 0
