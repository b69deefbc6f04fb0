"""What changed in QuickBooks: documents as they stand now, what was taken away, and masters that may differ."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from domain.credits import BookedCredit
from domain.document_content import DocumentKind
from domain.invoices import BookedInvoice
from domain.links import LinkKind
from domain.money import Money


class BookKind(StrEnum):
    """The records of QuickBooks whose changes matter here."""

    INVOICE = "invoice"
    CREDIT_MEMO = "credit_memo"
    PAYMENT = "payment"
    CUSTOMER = "customer"
    ITEM = "item"


MASTERS = {BookKind.CUSTOMER: LinkKind.CUSTOMER, BookKind.ITEM: LinkKind.ITEM}
DOCUMENTS = {BookKind.INVOICE: DocumentKind.INVOICE, BookKind.CREDIT_MEMO: DocumentKind.CREDIT_MEMO}


class ChangedMaster(BaseModel):
    """A customer or item of QuickBooks that changed; `balance` is what a customer owes.

    `sync_token` moves with every edit, but not with a balance. None: it was only named, nobody has read it.
    """

    model_config = ConfigDict(frozen=True)

    kind: LinkKind
    external_id: str
    sync_token: str | None = None
    changed_at: datetime | None = None
    balance: Money | None = None


class Gone(BaseModel):
    """A document that is not there any more, and since when, where QuickBooks said so."""

    model_config = ConfigDict(frozen=True)

    kind: DocumentKind
    external_id: str
    at: datetime | None = None


class BookChanges(BaseModel):
    """What one look at QuickBooks brought.

    `linked` are invoices that a changed payment is for; of one that is gone nobody can say. `all_deletions`: whatever
    was deleted since is among `gone`. `read_at` is QuickBooks' own time of the look, None where it said none.
    `unreadable` names what could not be read. `masters_changed` False: they are all customers, read for their balances.
    """

    invoices: list[BookedInvoice] = Field(default_factory=list)
    credit_memos: list[BookedCredit] = Field(default_factory=list)
    gone: list[Gone] = Field(default_factory=list)
    linked: set[str] = Field(default_factory=set)
    payments_gone: bool = False
    masters: list[ChangedMaster] = Field(default_factory=list)
    masters_changed: bool = True
    read_at: datetime | None = None
    all_deletions: bool = True
    unreadable: list[str] = Field(default_factory=list)

    def not_read(self) -> list[str]:
        """Invoices that a payment names and that are not among what was read."""
        return sorted(
            self.linked - {one.external_id for one in self.invoices} - set(self.gone_ids(DocumentKind.INVOICE))
        )

    def gone_ids(self, kind: DocumentKind) -> Iterable[str]:
        """What is gone of a kind."""
        return [one.external_id for one in self.gone if one.kind is kind]
