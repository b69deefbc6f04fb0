"""Taking in what changed in QuickBooks, block by block: documents, balances, and masters for whoever merges them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import structlog
from sqlalchemy import Engine
from sqlmodel import Session

from activities.document_changes import DocumentsSeen
from domain.book_changes import BookChanges, ChangedMaster, Gone
from domain.credits import BookedCredit
from domain.document_content import DocumentKind
from domain.invoices import BookedInvoice
from domain.links import LinkKind
from domain.sources import System
from domain.work import InvoicesPulled
from store import balances, cursors, links, master_marks, mastering, order_marks
from store.causes import Cause
from store.session import transaction

log = structlog.get_logger()

BLOCK = 200


class TakingIn:
    """One look or hint on its way into the store; each block is a transaction, and taking it again changes nothing."""

    def __init__(self, engine: Engine, seen_by: str, cause: Cause) -> None:
        self._engine, self._seen_by, self._cause = engine, seen_by, cause
        self.result = InvoicesPulled()

    def take(self, changes: BookChanges) -> None:
        """Take in everything that a look brought."""
        for name in changes.unreadable:
            log.warning("a record of QuickBooks cannot be read and is left out", record=name)
        for first in range(0, len(changes.invoices), BLOCK):
            self._invoices(changes.invoices[first : first + BLOCK], ())
        for first in range(0, len(changes.credit_memos), BLOCK):
            self._credit_memos(changes.credit_memos[first : first + BLOCK], ())
        for kind, take in ((DocumentKind.INVOICE, self._invoices), (DocumentKind.CREDIT_MEMO, self._credit_memos)):
            gone = [one for one in changes.gone if one.kind is kind]
            for first in range(0, len(gone), BLOCK):
                take((), gone[first : first + BLOCK])
        self._masters(changes.masters, edited=changes.masters_changed)

    def _invoices(self, read: Sequence[BookedInvoice], gone: Sequence[Gone]) -> None:
        with transaction(self._engine, self._cause) as session:
            seen = DocumentsSeen(session, self._seen_by, datetime.now(UTC))
            seen.take_invoices(read, gone)
            self._note(session, seen, len(read))

    def _credit_memos(self, read: Sequence[BookedCredit], gone: Sequence[Gone]) -> None:
        with transaction(self._engine, self._cause) as session:
            seen = DocumentsSeen(session, self._seen_by, datetime.now(UTC))
            seen.take_credit_memos(read, gone)
            self._note(session, seen, len(read))

    def _note(self, session: Session, seen: DocumentsSeen, read: int) -> None:
        """With the documents: their orders are to be looked at, whatever becomes of this process."""
        if seen.orders:
            order_marks.mark(session, sorted(seen.orders), "changed in QuickBooks")
        self.result = self.result.model_copy(
            update={
                "read": self.result.read + read,
                "changed": self.result.changed + len(seen.moved),
                "removed": self.result.removed + seen.removed,
                "shipments": sorted({*self.result.shipments, *seen.moved}),
            }
        )

    def _masters(self, changed: Sequence[ChangedMaster], *, edited: bool) -> None:
        """Balances of customers of ours, and masters that were edited, for their flows."""
        if not changed:
            return
        now = datetime.now(UTC)
        owed = [one for one in changed if one.kind is LinkKind.CUSTOMER and one.balance is not None]
        with transaction(self._engine, self._cause) as session:
            keys = links.local_keys(session, System.QUICKBOOKS, LinkKind.CUSTOMER, [one.external_id for one in owed])
            ours = {
                keys[one.external_id]: (one.balance, one.changed_at or now)
                for one in owed
                if one.external_id in keys and one.balance is not None
            }
            moved = balances.keep(session, ours)
            cursors.note(session, cursors.CUSTOMERS_TO_LOOK, moved)
            if edited:
                _mark_edited(session, changed)
        self.result = self.result.model_copy(update={"balances": self.result.balances + len(moved)})


def _mark_edited(session: Session, changed: Sequence[ChangedMaster]) -> None:
    """Mark masters of ours that were edited since their flow read them; a balance that moved is no edit."""
    for kind in sorted({one.kind for one in changed}):
        tokens = {one.external_id: one.sync_token for one in changed if one.kind is kind}
        keys = links.local_keys(session, System.QUICKBOOKS, kind, list(tokens))
        read = mastering.versions(session, System.QUICKBOOKS, kind, list(keys.values()))
        edited = [key for one, key in keys.items() if tokens[one] is None or tokens[one] != read.get(key)]
        master_marks.mark(session, kind, edited, "changed in QuickBooks")
