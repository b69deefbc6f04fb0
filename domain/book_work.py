"""Work about records of QuickBooks: what starts its workflow, what it is asked to read, and how far it is."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from domain.book_changes import BookKind
from domain.work import Message


class BooksNamed(Message):
    """Records to be read again by their QuickBooks ids: something is said to have happened to them there.

    `hinted_at`: when that was said, for the time that reading took; None where it was said again meanwhile.
    """

    invoices: list[str] = Field(default_factory=list)
    credit_memos: list[str] = Field(default_factory=list)
    payments: list[str] = Field(default_factory=list)
    customers: list[str] = Field(default_factory=list)
    items: list[str] = Field(default_factory=list)
    hinted_at: datetime | None = None

    def records(self) -> dict[BookKind, list[str]]:
        """What is named of each kind, payments before the invoices that they are for."""
        named = {
            BookKind.PAYMENT: self.payments,
            BookKind.INVOICE: self.invoices,
            BookKind.CREDIT_MEMO: self.credit_memos,
            BookKind.CUSTOMER: self.customers,
            BookKind.ITEM: self.items,
        }
        return {kind: ids for kind, ids in named.items() if ids}


class QuickBooksEventWork(BooksNamed):
    """Start of `quickbooks-event/<id>`."""


class QuickBooksEventProgress(Message):
    """The answer to the `status` query of `quickbooks-event/<id>`: how often it read, and which shipments moved."""

    step: str
    reads: int = 0
    changed: list[str] = Field(default_factory=list)
