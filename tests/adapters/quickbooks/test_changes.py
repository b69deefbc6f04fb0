"""Change data capture against the twin: what is read, where an answer is cut off, and how far back it reaches (X3)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from adapters.quickbooks import changes
from adapters.quickbooks.gateway import QuickBooksGateway
from domain.book_changes import BookChanges, BookKind
from domain.document_content import DocumentKind
from domain.errors import Unavailable
from domain.links import LinkKind
from tests.activities.books import Books, running_books
from tests.adapters.quickbooks.support import MemoryVault, Scripted, ScriptedServer, connection

WORLD: dict[str, Any] = {
    "items": [{"sku": "BOLT", "description": "Bolt", "list_price": "1", "taxable": True}],
    "customers": [{"name": "Acme", "terms_code": "N30"}],
    "terms": [{"code": "N30", "name": "N30", "due_days": 30}],
}


@pytest.fixture(scope="module")
def served() -> Iterator[Books]:
    with running_books() as one:
        yield one


@pytest.fixture
def books(served: Books) -> Books:
    served._call("POST", "reset")
    served._call("POST", "seed", json=WORLD)
    return served


@pytest.fixture
def company(books: Books) -> Iterator[QuickBooksGateway]:
    fast = {"requests_per_second": 1000, "requests_per_minute": 60000}
    one = QuickBooksGateway(connection(books.root, **fast), MemoryVault())
    one.check()
    yield one
    one.close()


def token(company: QuickBooksGateway) -> str:
    return company._tokens.current()


def ago(**distance: float) -> datetime:
    return datetime.now(UTC) - timedelta(**distance)


def written(books: Books, company: QuickBooksGateway, count: int) -> list[str]:
    return [books.invoice_by_hand(token(company), "1", "1", "10", PrivateNote="note") for _ in range(count)]


def looked(company: QuickBooksGateway, since: datetime | None = None) -> BookChanges:
    found = company.changes_since(since or ago(hours=1))
    assert found is not None
    return found


def test_everything_that_matters_comes_in_one_call(books: Books, company: QuickBooksGateway) -> None:
    first, second = written(books, company, 2)
    payment = books.pay(token(company), "1", first, "4")
    memo = books.credit_by_hand(token(company), "1", "1", "3")
    books.edit("Invoice", second, operation="delete")
    place = books.place()
    found = looked(company)
    assert books.words(place) == ["cdc"]
    assert [(one.external_id, one.balance) for one in found.invoices] == [(first, Decimal(6))]
    assert [(one.external_id, one.total) for one in found.credit_memos] == [(memo, Decimal(3))]
    assert [(one.kind, one.external_id) for one in found.gone] == [(DocumentKind.INVOICE, second)]
    assert found.linked == {first}
    assert found.not_read() == []
    owed = {one.kind: one.balance for one in found.masters}
    assert owed == {LinkKind.CUSTOMER: Decimal(3), LinkKind.ITEM: None}
    assert found.all_deletions
    assert found.read_at is not None
    assert abs(found.read_at - datetime.now(UTC)) < timedelta(seconds=5)
    assert payment


def test_an_answer_that_is_cut_off_is_halved_and_filled_up(
    books: Books, company: QuickBooksGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """X3: count == cap means that there is more; what lies before the narrowed window is read by a query."""
    books.set(cdc_cap=5)
    monkeypatch.setattr(changes, "CAP", 5)
    old = written(books, company, 7)
    books._call("PATCH", "clock", json={"advance_seconds": 3000})
    fresh = written(books, company, 2)
    books.edit("Invoice", fresh[0], operation="delete")
    found = looked(company, datetime.now(UTC) - timedelta(minutes=5))
    assert {one.external_id for one in found.invoices} == {*old, fresh[1]}
    assert [one.external_id for one in found.gone] == [fresh[0]], "the newer half is whole"
    assert not found.all_deletions, "one that was deleted before that may be missing"
    assert {one.kind for one in found.masters} == {LinkKind.CUSTOMER, LinkKind.ITEM}


def test_a_window_that_cannot_be_narrowed_ends(
    books: Books, company: QuickBooksGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """X3: more changes in one instant than an answer holds."""
    books.set(cdc_cap=3)
    monkeypatch.setattr(changes, "CAP", 3)
    made = written(books, company, 8)
    found = looked(company)
    assert {one.external_id for one in found.invoices} == set(made)
    assert not found.all_deletions


def test_further_back_than_thirty_days_is_said(books: Books, company: QuickBooksGateway) -> None:
    """X3: whoever asks goes by queries then."""
    (made,) = written(books, company, 1)
    assert company.changes_since(ago(days=31)) is None
    found = company.changes_by_query(ago(days=31), None)
    assert [one.external_id for one in found.invoices] == [made]
    assert (found.all_deletions, found.masters_changed) == (False, False)
    assert [one.kind for one in found.masters] == [LinkKind.CUSTOMER]
    both = company.changes_by_query(ago(days=31), ago(days=31))
    assert {one.kind for one in both.masters} == {LinkKind.CUSTOMER, LinkKind.ITEM}
    assert company.changes_by_query(None, None).invoices == []


def test_records_are_read_by_name_and_what_is_gone_is_proven(books: Books, company: QuickBooksGateway) -> None:
    kept, gone = written(books, company, 2)
    books.edit("Invoice", gone, operation="delete")
    found = company.named(BookKind.INVOICE, [kept, gone, kept, "no number", "999"])
    assert [one.external_id for one in found.invoices] == [kept]
    assert [one.external_id for one in found.gone] == [gone, "999"]
    payment = books.pay(token(company), "1", kept, "10")
    assert company.named(BookKind.PAYMENT, [payment]).linked == {kept}
    books.edit("Payment", payment, operation="delete")
    assert company.named(BookKind.PAYMENT, [payment]).payments_gone
    (customer,) = company.named(BookKind.CUSTOMER, ["1", "77"]).masters[:1]
    assert (customer.external_id, customer.balance) == ("1", Decimal(10))


def test_a_record_that_cannot_be_read_holds_up_no_other(script: ScriptedServer, gateway: QuickBooksGateway) -> None:
    """X5."""
    good = {"Id": "2", "SyncToken": "0", "CustomerRef": {"value": "1"}, "TotalAmt": 5}
    rows = [{"Id": "1"}, good, 7, {"Id": "3", "SyncToken": "0", "CustomerRef": "?", "TotalAmt": "much"}]
    body = {"CDCResponse": [{"QueryResponse": [{"Invoice": rows}, {}]}], "time": "2026-11-26T01:00:00.123-08:00"}
    script.answers.append(Scripted(body))
    found = looked(gateway)
    assert [one.external_id for one in found.invoices] == ["2"]
    assert found.unreadable == ["invoice 1", "invoice ?", "invoice 3"]
    assert found.read_at == datetime(2026, 11, 26, 9, 0, 0, 123000, tzinfo=UTC)


@pytest.mark.parametrize("body", [{}, {"CDCResponse": 7}, {"CDCResponse": [{"QueryResponse": []}]}, []])
def test_an_answer_that_is_none_is_tried_again(
    script: ScriptedServer, gateway: QuickBooksGateway, body: object
) -> None:
    script.answers.append(Scripted(body))
    with pytest.raises(Unavailable):
        gateway.changes_since(ago(hours=1))
