"""Change data capture: what changed since an instant, what was deleted too; and the same by queries, where it cannot.

An answer holds a thousand rows at most, over all entities, and does not say that it was cut off: so many rows mean that
the window is halved. It has no upper end, so that halves towards now are all that can be had; what changed before those
is read by queries, which know no deletions.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from adapters.quickbooks.client import QuickBooksClient
from adapters.quickbooks.documents import booked, booked_credit
from adapters.quickbooks.governor import Priority
from adapters.quickbooks.query import literal, rows
from domain.book_changes import DOCUMENTS, MASTERS, BookChanges, BookKind, ChangedMaster, Gone
from domain.errors import Misconfigured, Missing, Unavailable
from domain.money import to_cents

log = logging.getLogger(__name__)

CAP = 1000  # rows of one answer, over all entities
NARROWEST = timedelta(seconds=2)
TOO_FAR_BACK = "500"  # the code of a window that begins before the look-back of thirty days
ENTITIES = {
    BookKind.INVOICE: "Invoice",
    BookKind.CREDIT_MEMO: "CreditMemo",
    BookKind.PAYMENT: "Payment",
    BookKind.CUSTOMER: "Customer",
    BookKind.ITEM: "Item",
}
LISTED = frozenset({BookKind.CUSTOMER, BookKind.ITEM})  # inactive ones are hidden unless a query names `Active`
BY_ID = 200  # ids of one query

Row = Mapping[str, Any]


def changes_since(client: QuickBooksClient, since: datetime) -> BookChanges | None:
    """What changed at or after an instant; None where QuickBooks does not look back that far."""
    try:
        return _Look(client, since).run()
    except Misconfigured as error:
        if error.reason != TOO_FAR_BACK:
            raise
        return None


def changes_by_query(
    client: QuickBooksClient, documents_since: datetime | None, masters_since: datetime | None
) -> BookChanges:
    """The same without deletions: documents since an instant (None: none), masters too (None: all customers)."""
    found = BookChanges(all_deletions=False, masters_changed=masters_since is not None)
    wanted = [BookKind.INVOICE, BookKind.CREDIT_MEMO] if documents_since else []
    for kind in wanted:
        _sort(found, kind, _queried(client, kind, documents_since))
    for kind in LISTED if masters_since else (BookKind.CUSTOMER,):
        _sort(found, kind, _queried(client, kind, masters_since))
    return found


def named(client: QuickBooksClient, kind: BookKind, external_ids: Sequence[str]) -> BookChanges:
    """These records as they stand now; documents that are not there are read by their id before that is said."""
    found = BookChanges()
    ids = [one for one in dict.fromkeys(external_ids) if re.fullmatch(r"[0-9]{1,20}", one)]
    for first in range(0, len(ids), BY_ID):
        some = ids[first : first + BY_ID]
        condition = f"Id IN ({', '.join(literal(one) for one in some)})"
        read = list(_rows(client, kind, condition))
        _sort(found, kind, read)
        there = {str(row.get("Id")) for row in read}
        for one in (one for one in some if one not in there):
            _sort(found, kind, _one(client, kind, one))
    return found


class _Look:
    """One look by change data capture, in as many calls as it takes."""

    def __init__(self, client: QuickBooksClient, since: datetime) -> None:
        self._client, self._since = client, since
        self._found = BookChanges()

    def run(self) -> BookChanges:
        answer = self._ask(list(ENTITIES), self._since)
        self._found.read_at = answer.at
        if answer.count < CAP:
            self._keep(answer.rows)
            return self._found
        for kind in ENTITIES:
            self._narrow(kind, answer.at)
        return self._found

    def _narrow(self, kind: BookKind, until: datetime) -> None:
        """One entity by itself; while it fills an answer, its newer half, and the rest by a query."""
        start = self._since
        while True:
            answer = self._ask([kind], start)
            self._keep(answer.rows)
            if answer.count < CAP:
                break
            start += (until - start) / 2
            if until - start < NARROWEST:
                break
        if start > self._since:
            _sort(self._found, kind, _queried(self._client, kind, self._since))
            self._found.all_deletions = self._found.all_deletions and kind not in DOCUMENTS

    def _keep(self, found: Mapping[BookKind, Sequence[Row]]) -> None:
        for kind, some in found.items():
            _sort(self._found, kind, some)

    def _ask(self, kinds: Sequence[BookKind], since: datetime) -> _Answer:
        body = self._client.changes([ENTITIES[kind] for kind in kinds], since)
        try:
            blocks = [block for one in body["CDCResponse"] for block in one["QueryResponse"]]
            found = {kind: [row for block in blocks for row in block.get(ENTITIES[kind], ())] for kind in kinds}
            return _Answer(found, datetime.fromisoformat(body["time"]).astimezone(UTC))
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise Unavailable("QuickBooks gave an unreadable answer: the read can be tried again.") from error


class _Answer:
    """The rows of one answer, and QuickBooks' time of it."""

    def __init__(self, found: Mapping[BookKind, Sequence[Row]], at: datetime) -> None:
        self.rows, self.at = found, at
        self.count = sum(len(some) for some in found.values())


def _queried(client: QuickBooksClient, kind: BookKind, since: datetime | None) -> Iterator[Row]:
    stamp = since.astimezone(UTC).isoformat(timespec="seconds") if since else None
    return _rows(client, kind, f"MetaData.LastUpdatedTime >= {literal(stamp)}" if stamp else "")


def _rows(client: QuickBooksClient, kind: BookKind, condition: str) -> Iterator[Row]:
    active = "Active IN (true, false)" if kind in LISTED else ""
    both = " AND ".join(part for part in (active, condition) if part)
    return rows(lambda statement: client.select(statement, Priority.MASTERS), ENTITIES[kind], both)


def _one(client: QuickBooksClient, kind: BookKind, external_id: str) -> list[Row]:
    """A record that no query has, by its id: a query can lag behind. A deleted one becomes a row that says so."""
    try:
        answer = client.read(f"{ENTITIES[kind].lower()}/{external_id}")
    except Missing:
        return [{"Id": external_id, "status": "Deleted"}]
    return [answer[ENTITIES[kind]]]


def _sort(found: BookChanges, kind: BookKind, some: Sequence[Row] | Iterator[Row]) -> None:
    """Put rows where they belong; one that cannot be read holds up no other."""
    for row in some:
        try:
            _PLACES[kind](found, kind, row)
        except (AttributeError, KeyError, TypeError, ValueError, ArithmeticError):
            name = f"{kind} {row.get('Id') if isinstance(row, Mapping) else '?'}"
            log.warning("QuickBooks has a record that cannot be read: %s", name)
            found.unreadable.append(name)


def _place_document(found: BookChanges, kind: BookKind, row: Row) -> None:
    if row.get("status") == "Deleted":
        found.gone.append(Gone(kind=DOCUMENTS[kind], external_id=str(row["Id"]), at=_changed_at(row)))
    elif kind is BookKind.INVOICE:
        found.invoices.append(booked(row))
    else:
        found.credit_memos.append(booked_credit(row))


def _place_payment(found: BookChanges, _: BookKind, row: Row) -> None:
    """A payment changes invoices, which say so themselves; those that it names are read in any case."""
    found.payments_gone = found.payments_gone or row.get("status") == "Deleted"
    links = [link for line in row.get("Line") or () for link in line.get("LinkedTxn") or ()]
    found.linked.update(str(link["TxnId"]) for link in links if link.get("TxnType") == "Invoice")


def _place_master(found: BookChanges, kind: BookKind, row: Row) -> None:
    owed = row.get("Balance") if kind is BookKind.CUSTOMER else None
    found.masters.append(
        ChangedMaster(
            kind=MASTERS[kind],
            external_id=str(row["Id"]),
            sync_token=str(row["SyncToken"]) if "SyncToken" in row else None,
            changed_at=_changed_at(row),
            balance=None if owed is None else to_cents(Decimal(str(owed))),
        )
    )


_PLACES: Mapping[BookKind, Callable[[BookChanges, BookKind, Row], None]] = {
    BookKind.INVOICE: _place_document,
    BookKind.CREDIT_MEMO: _place_document,
    BookKind.PAYMENT: _place_payment,
    BookKind.CUSTOMER: _place_master,
    BookKind.ITEM: _place_master,
}


def _changed_at(row: Row) -> datetime | None:
    stamp = (row.get("MetaData") or {}).get("LastUpdatedTime")
    return datetime.fromisoformat(stamp).astimezone(UTC) if stamp else None
