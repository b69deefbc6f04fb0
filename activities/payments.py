"""Activities of payments: what QuickBooks says of our invoices and of customers' balances is read, never written."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine
from sqlmodel import Session
from temporalio import activity

from activities.boundary import at_boundary, beating
from activities.correcting import BOOKS_CLOSED
from activities.credits import read_closing
from activities.holding import BILLING_DESK
from adapters.quickbooks.gateway import QuickBooksGateway
from domain.exceptions import Cause as Why
from domain.exceptions import Choice, ExceptionKind, Finding
from domain.invoices import REMOVED, BookedInvoice, InvoiceStatus
from domain.links import LinkKind
from domain.sources import System
from domain.work import InvoicesPulled, InvoicesWork
from store import balances, credits, cursors, exceptions, invoices, links, order_marks
from store.causes import Cause, CauseSource
from store.session import reading, transaction
from store.tables.invoices import InvoiceRow

INVOICES, BALANCES, CHECK = "quickbooks-invoices", "quickbooks-balances", "quickbooks-invoices-there"
OVERLAP = timedelta(minutes=5)  # a commit can become visible later than its stamp
CLOSING_EVERY = timedelta(hours=1)  # how often the closing date is read; a refusal reads it at once
SETTLED_AFTER = timedelta(minutes=10)  # a fresh invoice need not be in every query yet
BLOCK = 200
CHECKED = 100  # invoices a look whose being there is proven: a deleted one is in no query


class PaymentActivities:
    """Steps that read what became of invoices in QuickBooks (cases E9, E18)."""

    def __init__(self, engine: Engine, quickbooks: QuickBooksGateway) -> None:
        self._engine, self._quickbooks = engine, quickbooks

    @activity.defn(no_thread_cancel_exception=True)
    @at_boundary
    def pull_invoices(self, work: InvoicesWork) -> InvoicesPulled:
        """Read what changed since the last look, with overlap; versions seen before change nothing."""
        with beating():
            moved: list[InvoiceRow] = []
            read, newest = 0, None
            found = self._changed()
            for block in (found[first : first + BLOCK] for first in range(0, len(found), BLOCK)):
                read += len(block)
                stamps = [one.updated_at for one in block if one.updated_at]
                newest = max([*stamps, *([newest] if newest else [])], default=None)
                moved += self._keep(block, work.reason)
            self._advance(INVOICES, newest)
            gone = self._missing(work.reason)
            told = self._balances(work.reason)
            self._closing()
        return InvoicesPulled(
            read=read,
            changed=len(moved),
            removed=len(gone),
            balances=told,
            shipments=sorted({row.shipment_number for row in (*moved, *gone)}),
        )

    def _changed(self) -> Sequence[BookedInvoice]:
        with reading(self._engine) as session:
            since = cursors.position(session, INVOICES) or invoices.first_booked_at(session)
        return list(self._quickbooks.changed_invoices(since - OVERLAP)) if since else ()

    def _keep(self, block: Sequence[BookedInvoice], reason: str) -> list[InvoiceRow]:
        """One block in one transaction: our invoices among it, their orders noted; answers what moved."""
        with transaction(self._engine, _cause(reason)) as session:
            rows = invoices.with_quickbooks_ids(session, [one.external_id for one in block])
            ours = credits.voided(session, list(rows))
            moved = []
            for one in block:
                row = rows.get(one.external_id)
                if row is None:
                    continue
                stood = row.status not in REMOVED
                if invoices.refresh(row, one):
                    moved.append(row)
                    if stood and one.voided and row.quickbooks_id not in ours:
                        _open_removed(session, row, "voided")
            _note(session, moved)
            return moved

    def _missing(self, reason: str) -> list[InvoiceRow]:
        """Of the invoices that nobody has looked at for longest, those that are not there any more (case E9)."""
        with reading(self._engine) as session:
            last = cursors.get(session, CHECK)
            after = last.position.get("after", "") if last and last.position else ""
            ids = invoices.standing_after(session, after, datetime.now(UTC) - SETTLED_AFTER, CHECKED)
        there = {one.external_id for one in self._quickbooks.invoices_by_id(ids)}
        # A query can lag behind: what it lacks is read by its id before anything is said.
        gone = [one for one in ids if one not in there and self._quickbooks.read_invoice(one) is None]
        with transaction(self._engine, _cause(reason)) as session:
            rows = list(invoices.with_quickbooks_ids(session, gone).values())
            for row in rows:
                row.status = InvoiceStatus.DELETED.value
                _open_removed(session, row, "deleted")
            _note(session, rows)
            rest = {"after": ids[-1] if len(ids) == CHECKED else ""}
            cursors.advance(session, CHECK, datetime.now(UTC), rest)
            return rows

    def _balances(self, reason: str) -> int:
        """Keep what customers owe, as far as they are ours, and note those whose balance moved."""
        with reading(self._engine) as session:
            since = cursors.position(session, BALANCES)
            linked = links.external_ids(session, System.QUICKBOOKS, LinkKind.CUSTOMER)
        found = list(self._quickbooks.balances(since - OVERLAP if since else None))
        owners = {external_id: number for number, external_id in linked.items()}
        ours = {owners[external_id]: (balance, at) for external_id, balance, at in found if external_id in owners}
        with transaction(self._engine, _cause(reason)) as session:
            moved = balances.keep(session, ours)
            cursors.note(session, cursors.CUSTOMERS_TO_LOOK, moved)
        self._advance(BALANCES, max((at for _, _, at in found), default=None))
        return len(moved)

    def _closing(self) -> None:
        with reading(self._engine) as session:
            read_at = cursors.position(session, BOOKS_CLOSED)
        if read_at is None or read_at < datetime.now(UTC) - CLOSING_EVERY:
            read_closing(self._engine, self._quickbooks)

    def _advance(self, name: str, newest: datetime | None) -> None:
        if newest is not None:
            with transaction(self._engine, _cause("poll")) as session:
                cursors.advance(session, name, newest)


def _note(session: Session, rows: Sequence[InvoiceRow]) -> None:
    orders = sorted({row.order_number for row in rows})
    if orders:
        order_marks.mark(session, orders, "changed in QuickBooks")


def _open_removed(session: Session, row: InvoiceRow, how: str) -> None:
    """Somebody took an invoice away in QuickBooks: it is never made again by itself (case E9)."""
    number = row.doc_number or row.quickbooks_id
    sentence = (
        f"Invoice {number} of shipment {row.shipment_number} over {row.total} was {how} in QuickBooks, not by the "
        "gateway. It is not written again by itself: bill the goods there if they are to be billed, then mark this as "
        "handled."
    )
    finding = Finding(
        kind=ExceptionKind.CONFLICT, cause=Why.INVOICE_REMOVED, sentence=sentence, choices=(Choice.HANDLED,)
    )
    exceptions.open_item(
        session,
        finding=finding,
        record=("shipment", row.shipment_number),
        owner=BILLING_DESK,
        money_at_stake=row.total,
        workflow_id=f"credit/{row.shipment_number}",
    )


def _cause(reason: str) -> Cause:
    return Cause(
        source=CauseSource.QUICKBOOKS,
        actor="poll",
        reference={"object": "Invoice", "reason": reason},
        workflow_id=activity.info().workflow_id,
    )
