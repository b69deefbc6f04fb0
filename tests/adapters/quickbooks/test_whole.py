"""Full reads of QuickBooks for reconciliation: what is deleted between two pages hides nobody."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from adapters.quickbooks.client import QuickBooksClient
from adapters.quickbooks.documents import content_of
from adapters.quickbooks.governor import Priority
from adapters.quickbooks.whole import some, whole
from domain.reconciliation import Kind


class Shelf:
    """A list of invoices that is asked page by page, and changes between two pages."""

    def __init__(self, count: int, gone_after: dict[int, list[int]] | None = None) -> None:
        self.ids = list(range(1, count + 1))
        self.gone_after, self.statements = gone_after or {}, list[str]()

    def select(self, statement: str, priority: Priority) -> Mapping[str, Any]:
        assert priority is Priority.MASTERS
        self.statements.append(statement)
        words = statement.split()
        first, most = (int(words[words.index(name) + 1]) for name in ("STARTPOSITION", "MAXRESULTS"))
        page = [_invoice(one) for one in self.ids[first - 1 : first - 1 + most]]
        for gone in self.gone_after.pop(len(self.statements), []):
            self.ids.remove(gone)
        return {"QueryResponse": {"Invoice": page} if page else {}}


def _invoice(number: int, **more: Any) -> dict[str, Any]:
    line = {
        "DetailType": "SalesItemLineDetail",
        "Amount": 10,
        "SalesItemLineDetail": {"ItemRef": {"value": "7"}, "Qty": 2, "UnitPrice": 5},
    }
    return {
        "Id": str(number),
        "CustomerRef": {"value": "3"},
        "TotalAmt": 10,
        "Balance": 10,
        "TxnDate": "2026-11-20",
        "DocNumber": f"S{number}",
        "PrivateNote": f"threeway:S{number}:1\nshipment",
        "Line": [line, {"DetailType": "SubTotalLineDetail", "Amount": 10}],
        "MetaData": {"CreateTime": "2026-11-20T10:00:00-05:00", "LastUpdatedTime": "2026-11-20T11:00:00-05:00"},
        **more,
    }


def _read(shelf: Shelf, page_size: int) -> list[str]:
    return [one.key for one in whole(cast("QuickBooksClient", shelf), Kind.INVOICE, page_size)]


def test_every_record_is_read_whatever_the_page() -> None:
    for count in (0, 1, 3, 4, 5, 7, 8, 20):
        assert sorted(set(_read(Shelf(count), 4)), key=int) == [str(one) for one in range(1, count + 1)], count


def test_a_record_that_goes_between_two_pages_hides_no_other() -> None:
    """R3, G-H5: pages are cut by position, so what follows a deleted record moves up."""
    for gone in ([1], [2, 3], [1, 2, 3, 4], [4], [1, 2, 3, 4, 5, 6]):
        shelf = Shelf(20, {1: gone})
        read = set(_read(shelf, 4))
        assert {str(one) for one in shelf.ids} <= read, gone


def test_records_go_with_every_page_and_none_that_stays_is_missed() -> None:
    shelf = Shelf(40, {page: [page * 2] for page in range(1, 10)})
    read = set(_read(shelf, 5))
    assert {str(one) for one in shelf.ids} <= read
    assert len(shelf.ids) < 40


def test_a_document_is_said_in_our_words() -> None:
    (one,) = whole(cast("QuickBooksClient", Shelf(1)), Kind.INVOICE)
    assert one.body == {
        "customer_id": "3",
        "doc_number": "S1",
        "voided": False,
        "invoiced_on": "2026-11-20",
        "total": "10",
        "balance": "10",
        "lines": [["7", "2", "5", "10"]],
    }
    content = content_of(_invoice(1)).digest  # by what people's decisions about an edit name it
    assert one.facts == {"marker": "threeway:S1:1", "created_at": "2026-11-20T15:00:00+00:00", "content": content}
    assert one.changed_at is not None


def test_records_are_read_again_by_their_ids() -> None:
    class Named(Shelf):
        def select(self, statement: str, priority: Priority) -> Mapping[str, Any]:
            self.statements.append(f"{priority} {statement}")
            return {"QueryResponse": {"Invoice": [_invoice(5)]}}

    shelf = Named(1)
    found = [one.key for one in some(cast("QuickBooksClient", shelf), Kind.INVOICE, ["5", "6"])]
    assert found == ["5"]
    assert "Id IN ('5', '6')" in shelf.statements[0]
