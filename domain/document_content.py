"""What a document of QuickBooks means, whatever else is on it, and in what a newer reading of it differs (case E8)."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from domain.money import Money, Quantity, plain

MARKER = re.compile(r"threeway:(?P<shipment>[^\s:]+):(?P<credit>C?)(?P<generation>\d+)(?![\w:])")
SHOWN_LINES = 6  # of a document, in a sentence


class DocumentKind(StrEnum):
    """The documents of QuickBooks that the gateway writes."""

    INVOICE = "invoice"
    CREDIT_MEMO = "credit_memo"


class ContentLine(BaseModel):
    """One line that moves money: an item (None: a discount or a bare amount), how much of it, at what price."""

    model_config = ConfigDict(frozen=True)

    item_id: str | None
    quantity: Quantity | None
    unit_price: Money | None
    amount: Money

    @property
    def key(self) -> tuple[str, ...]:
        """The line as a text that is the same for equal numbers: 10 and 10.0."""
        numbers = ("" if one is None else plain(one) for one in (self.quantity, self.unit_price, self.amount))
        return (self.item_id or "", *numbers)


class Content(BaseModel):
    """A document reduced to what it means. Words, addresses and the order of its lines are not a part of it."""

    model_config = ConfigDict(frozen=True)

    customer_id: str
    doc_number: str | None
    dated: date | None
    due_on: date | None = None
    lines: tuple[ContentLine, ...]
    tax: Money
    total: Money
    marked: bool = False

    @property
    def money(self) -> tuple[object, ...]:
        """What the books come to by it: for whom, which lines, tax, total, in which period."""
        lines = tuple(sorted(line.key for line in self.lines))
        return (self.customer_id, lines, plain(self.tax), plain(self.total), self.dated)

    @property
    def digest(self) -> str:
        """A short name of what it comes to; documents that come to the same have the same."""
        return hashlib.sha256(repr(self.money).encode()).hexdigest()[:16]


class DocumentChange(StrEnum):
    """What a reading of a document showed beside the reading before."""

    BOOKED = "booked"
    COSMETIC = "cosmetic"
    RELABELLED = "relabelled"
    RELEASED = "released"
    PARTLY_PAID = "partly_paid"
    PAID = "paid"
    OVERPAID = "overpaid"
    UNPAID = "unpaid"
    EDITED = "edited"
    RESTORED = "restored"
    VOIDED = "voided"
    DELETED = "deleted"


class DocumentState(BaseModel):
    """A document at one reading, as far as it decides what has changed."""

    model_config = ConfigDict(frozen=True)

    content: Content
    balance: Money
    sent: bool = False
    voided: bool = False


def change_of(before: DocumentState, now: DocumentState, meant: Content) -> DocumentChange:
    """Name what happened between two readings; of several things the gravest, and `meant` is what was booked."""
    if now.voided:
        return DocumentChange.COSMETIC if before.voided else DocumentChange.VOIDED
    if before.voided or now.content.digest != before.content.digest:
        return DocumentChange.RESTORED if now.content.digest == meant.digest else DocumentChange.EDITED
    if now.balance != before.balance:
        return _paid(now)
    if now.sent and not before.sent:
        return DocumentChange.RELEASED
    return DocumentChange.COSMETIC if now.content == before.content else DocumentChange.RELABELLED


def _paid(now: DocumentState) -> DocumentChange:
    if now.balance < 0:
        return DocumentChange.OVERPAID
    if now.balance == 0:
        return DocumentChange.PAID
    return DocumentChange.PARTLY_PAID if now.balance < now.content.total else DocumentChange.UNPAID


def stake(meant: Content, now: Content) -> Decimal:
    """The money between what was booked and what stands: all of it where it is billed to somebody else."""
    if meant.customer_id != now.customer_id:
        return max(meant.total, now.total)
    return abs(now.total - meant.total)


def differences(meant: Content, now: Content, names: Mapping[str, str]) -> str:
    """In what two contents differ, in words; `names` are ours, by `item 12` and `customer 3` of QuickBooks."""
    found = []
    if meant.customer_id != now.customer_id:
        was, stands = (_name("customer", one.customer_id, names) for one in (meant, now))
        found.append(f"the customer was {was} and is {stands}")
    gone, came = _only(meant.lines, now.lines), _only(now.lines, meant.lines)
    if gone or came:
        found.append(f"shipped and booked was {_lines(gone, names)}, there stands {_lines(came, names)}")
    sums = (("tax", meant.tax, now.tax), ("total", meant.total, now.total))
    found += [f"the {word} was {before} and is {after}" for word, before, after in sums if before != after]
    if meant.dated != now.dated:
        found.append(f"it was dated {meant.dated} and is dated {now.dated}")
    return "; ".join(found)


def _only(lines: Iterable[ContentLine], others: Iterable[ContentLine]) -> list[ContentLine]:
    """The lines that have no like among the others."""
    left = Counter(line.key for line in others)
    found = []
    for line in lines:
        if left[line.key]:
            left[line.key] -= 1
        else:
            found.append(line)
    return found


def _lines(lines: list[ContentLine], names: Mapping[str, str]) -> str:
    if not lines:
        return "nothing"
    shown = [_line(line, names) for line in lines[:SHOWN_LINES]]
    more = [f"{len(lines) - SHOWN_LINES} more"] if len(lines) > SHOWN_LINES else []
    return ", ".join(shown + more)


def _line(line: ContentLine, names: Mapping[str, str]) -> str:
    what = _name("item", line.item_id, names) if line.item_id else "a line without an item"
    if line.quantity is None or line.unit_price is None:
        return f"{what} for {line.amount}"
    return f"{plain(line.quantity)} {what} at {plain(line.unit_price)}"


def _name(kind: str, external_id: str, names: Mapping[str, str]) -> str:
    return names.get(f"{kind} {external_id}", f"{kind} {external_id} of QuickBooks, which we do not know,")


def is_marked(note: str) -> bool:
    """Whether a note names a document of ours."""
    return MARKER.search(note) is not None


def marker_in(note: str) -> tuple[str, int] | None:
    """The shipment and generation that the note of an invoice names by our marker; None where it names none."""
    found = MARKER.search(note)
    return (found["shipment"], int(found["generation"])) if found and not found["credit"] else None
