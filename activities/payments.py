"""Activities of payments: what became of documents and balances in QuickBooks is read, never written."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine
from temporalio import activity

from activities.book_changes import TakingIn
from activities.boundary import at_boundary, beating
from activities.correcting import BOOKS_CLOSED
from activities.credits import read_closing
from adapters.quickbooks.gateway import QuickBooksGateway
from domain.book_changes import BookChanges, BookKind, Gone
from domain.book_work import BooksNamed
from domain.document_content import DocumentKind
from domain.work import InvoicesPulled, InvoicesWork
from runtime import metrics
from store import cursors, invoices
from store.causes import Cause, CauseSource
from store.session import reading, transaction

CHANGES, CHECK = "quickbooks-changes", "quickbooks-invoices-there"
INVOICES, BALANCES = "quickbooks-invoices", "quickbooks-balances"  # how far the polls before change data capture read
OVERLAP = timedelta(minutes=5)  # a commit can become visible later than its stamp
REACH = timedelta(days=29)  # QuickBooks looks back thirty days, and its clock is not ours
CLOSING_EVERY = timedelta(hours=1)  # how often the closing date is read; a refusal reads it at once
SETTLED_AFTER = timedelta(minutes=10)  # a fresh invoice need not be in every query yet
CHECKED = 100  # invoices a look whose being there is proven, while that is due
PROVEN_EVERY = timedelta(days=1)  # deletions are told; that none was missed is proven so often


class PaymentActivities:
    """Steps that read what people did in QuickBooks (cases E8, E9, E18, E19, X3)."""

    def __init__(self, engine: Engine, quickbooks: QuickBooksGateway) -> None:
        self._engine, self._quickbooks = engine, quickbooks

    @activity.defn(no_thread_cancel_exception=True)
    @at_boundary
    def pull_invoices(self, work: InvoicesWork) -> InvoicesPulled:
        """Read what changed since the last look, with overlap; versions seen before change nothing."""
        with beating():
            taking = TakingIn(self._engine, "cdc", _cause(work.reason))
            changes = self._changes()
            self._take(taking, changes)
            self._advance(changes)
            taking.take(self._missing(all_deletions=changes.all_deletions))
            self._closing()
        return taking.result

    @activity.defn(no_thread_cancel_exception=True)
    @at_boundary
    def read_books(self, named: BooksNamed) -> InvoicesPulled:
        """Read again by their ids what something is said to have happened to: the hint itself is not believed (X3)."""
        with beating():
            taking = TakingIn(self._engine, "hook", _cause("hook"))
            for kind, ids in named.records().items():
                changes = self._quickbooks.named(kind, ids)
                self._take(taking, changes)
                if changes.payments_gone:
                    self._take(taking, self._since(named.hinted_at))
            if named.hinted_at is not None:
                metrics.observe("hook_to_read_seconds", (datetime.now(UTC) - named.hinted_at).total_seconds())
        return taking.result

    def _changes(self) -> BookChanges:
        """By change data capture where that reaches; else by queries, and deletions by looking for each."""
        with reading(self._engine) as session:
            since = cursors.position(session, CHANGES)
            documents = since or cursors.position(session, INVOICES) or invoices.first_booked_at(session)
            masters = since or cursors.position(session, BALANCES)
        now = datetime.now(UTC)
        if since is not None and since - OVERLAP > now - REACH:
            changes = self._quickbooks.changes_since(since - OVERLAP)
            if changes is not None:
                return changes
        # What changes meanwhile is read by the next look: its time is QuickBooks' own, from before the queries.
        began = self._quickbooks.changes_since(now - OVERLAP)
        found = self._quickbooks.changes_by_query(_earlier(documents), _earlier(masters))
        return found.model_copy(update={"read_at": began.read_at if began else now - OVERLAP})

    def _since(self, hinted_at: datetime | None) -> BookChanges:
        """What changed around an event about something that is gone and cannot be asked for its links."""
        changes = self._quickbooks.changes_since((hinted_at or datetime.now(UTC)) - OVERLAP)
        return changes or BookChanges()

    def _take(self, taking: TakingIn, changes: BookChanges) -> None:
        taking.take(changes)
        rest = changes.not_read()
        if rest:
            taking.take(self._quickbooks.named(BookKind.INVOICE, rest))

    def _advance(self, changes: BookChanges) -> None:
        if changes.read_at is not None:
            with transaction(self._engine, _cause("poll")) as session:
                cursors.advance(session, CHANGES, changes.read_at)

    def _missing(self, *, all_deletions: bool) -> BookChanges:
        """Of the invoices that nobody has looked for, those that are not there any more (case E9).

        Deletions are told, so this walks over all invoices once a day, and at once when some may not have been told.
        """
        with reading(self._engine) as session:
            after = _walk_from(cursors.get(session, CHECK), all_deletions=all_deletions)
            if after is None:
                return BookChanges()
            ids = invoices.standing_after(session, after, datetime.now(UTC) - SETTLED_AFTER, CHECKED)
        there = {one.external_id for one in self._quickbooks.invoices_by_id(ids)}
        # A query can lag behind: what it lacks is read by its id before anything is said.
        gone = [one for one in ids if one not in there and self._quickbooks.read_invoice(one) is None]
        with transaction(self._engine, _cause("poll")) as session:
            done = len(ids) < CHECKED
            rest = {"after": "" if done else ids[-1], "ended_at": datetime.now(UTC).isoformat() if done else None}
            cursors.advance(session, CHECK, datetime.now(UTC), rest)
        return BookChanges(gone=[Gone(kind=DocumentKind.INVOICE, external_id=one) for one in gone])

    def _closing(self) -> None:
        with reading(self._engine) as session:
            read_at = cursors.position(session, BOOKS_CLOSED)
        if read_at is None or read_at < datetime.now(UTC) - CLOSING_EVERY:
            read_closing(self._engine, self._quickbooks)


def _walk_from(last: cursors.SyncCursor | None, *, all_deletions: bool) -> str | None:
    """After which invoice the walk goes on, `""` for its beginning; None where none is due."""
    place = (last.position if last else None) or {}
    after, ended = str(place.get("after") or ""), place.get("ended_at")
    if not all_deletions:
        return ""
    if after or not ended:
        return after
    return None if datetime.fromisoformat(ended) > datetime.now(UTC) - PROVEN_EVERY else ""


def _earlier(since: datetime | None) -> datetime | None:
    return since - OVERLAP if since else None


def _cause(reason: str) -> Cause:
    return Cause(
        source=CauseSource.QUICKBOOKS,
        actor="hook" if reason == "hook" else "poll",
        reference={"object": "Invoice", "reason": reason},
        workflow_id=activity.info().workflow_id,
    )
