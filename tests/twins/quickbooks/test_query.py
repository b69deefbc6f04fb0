"""The query language: grammar, comparison, order, pages and its two faults (S33)."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from .conftest import Client, invoice, line, read


def _ids(twin: Client, text: str, kind: str = "Invoice") -> list[str]:
    return [entry["Id"] for entry in twin.query(text).get(kind, [])]


@pytest.fixture
def books(twin: Client) -> Client:
    """Three invoices of 10, 9 and 100, the second for the other customer."""
    twin.create(invoice(line(10), DocNumber="A-1", TxnDate="2026-11-18"))
    twin.create(invoice(line(9), DocNumber="a-2", TxnDate="2026-11-19", CustomerRef={"value": "2"}))
    twin.create(invoice(line(100), DocNumber="B-1", TxnDate="2026-11-20"))
    return twin


def test_shape_of_the_answer(books: Client) -> None:
    found = books.query("SELECT * FROM Invoice STARTPOSITION 2 MAXRESULTS 1")
    assert (found["startPosition"], found["maxResults"], found["totalCount"]) == (2, 1, 3)
    assert found["Invoice"][0]["DocNumber"] == "a-2"
    assert books.query("select count(*) from invoice where Balance > '9'") == {"totalCount": 2}
    assert books.query("SELECT * FROM Invoice WHERE DocNumber = 'none'") == {}


def test_by_get_as_well(books: Client) -> None:
    answer = books.get(f"query?query={quote('select * from Customer')}&minorversion=75")
    assert len(read(answer)["QueryResponse"]["Customer"]) == 2


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("DocNumber = 'A-2'", ["2"]),
        ("docnumber in ('a-1', 'B-1')", ["1", "3"]),
        ("DocNumber LIKE 'a-%'", ["1", "2"]),
        ("DocNumber LIKE '%1'", ["1", "3"]),
        ("TotalAmt > '9.5'", ["1", "3"]),
        ("TotalAmt >= 10 AND TotalAmt < 100", ["1"]),
        ("Balance = '9.00'", ["2"]),
        ("CustomerRef = '2'", ["2"]),
        ("TxnDate >= '2026-11-19' AND TxnDate <= '2026-11-20'", ["2", "3"]),
        ("Id = '3'", ["3"]),
        ("Id IN ('1','2')", ["1", "2"]),
        ("MetaData.LastUpdatedTime >= '2020-01-01T00:00:00-08:00'", ["1", "2", "3"]),
        ("MetaData.CreateTime < '2020-01-01'", []),
        ("SalesTermRef = '1'", ["2"]),
    ],
)
def test_conditions(books: Client, condition: str, expected: list[str]) -> None:
    assert _ids(books, f"SELECT * FROM Invoice WHERE {condition}") == expected


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("ORDERBY TotalAmt", ["2", "1", "3"]),
        ("ORDER BY TotalAmt DESC", ["3", "1", "2"]),
        ("ORDERBY CustomerRef DESC, TxnDate ASC STARTPOSITION 1 MAXRESULTS 10", ["2", "1", "3"]),
    ],
)
def test_order(books: Client, order: str, expected: list[str]) -> None:
    assert _ids(books, f"SELECT * FROM Invoice {order}") == expected


def test_quotes_and_backslashes(twin: Client) -> None:
    text = r"SELECT * FROM Customer WHERE DisplayName = 'Bob\'s Hardware' AND Active = True"
    assert _ids(twin, text, "Customer") == ["2"]
    body = {"Name": "back\\slash", "IncomeAccountRef": {"value": "1"}}
    key = twin.post("item", body).json()["Item"]["Id"]
    assert _ids(twin, r"SELECT * FROM Item WHERE Name = 'back\\slash'", "Item") == [key]


def test_item_with_sku_and_inactive_rows(twin: Client) -> None:
    text = "SELECT *, Sku FROM Item ORDER BY Id STARTPOSITION 1 MAXRESULTS 1000"
    assert [entry["Sku"] for entry in twin.query(text)["Item"]] == ["HCS-0100/Z", "FLB-0107", "FREIGHT"]
    assert _ids(twin, "SELECT * FROM Item WHERE Sku in ('flb-0107', 'FREIGHT')", "Item") == ["2", "3"]
    twin.control("POST", "edit", {"entity": "Item", "id": "2", "changes": {"Active": False}})
    assert _ids(twin, "SELECT * FROM Item", "Item") == ["1", "3"]
    assert _ids(twin, "SELECT * FROM Item WHERE Active IN (true, false)", "Item") == ["1", "2", "3"]
    assert _ids(twin, "SELECT * FROM Item WHERE Active = false", "Item") == ["2"]


def test_pages_default_to_a_hundred_and_end_at_a_thousand(twin: Client) -> None:
    items = [{"sku": f"S-{n}", "description": "x", "list_price": "1"} for n in range(1005)]
    twin.control("POST", "seed", {"items": items})
    assert len(twin.query("SELECT * FROM Item")["Item"]) == 100
    assert len(twin.query("SELECT * FROM Item MAXRESULTS 5000")["Item"]) == 1000
    last = twin.query("SELECT * FROM Item STARTPOSITION 1001 MAXRESULTS 1000")
    assert (last["startPosition"], last["maxResults"]) == (1001, 8)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("SELECT FROM Invoice", "4000"),
        ("SELECT * FROM Invoice WHERE Balance > '0' OR Balance < '5'", "4000"),
        ("SELECT * FROM Invoice WHERE DocNumber != 'x'", "4000"),
        ("SELECT * FROM Invoice WHERE DocNumber = 'x", "4000"),
        ("SELECT * FROM Invoice WHERE", "4000"),
        ("DELETE FROM Invoice", "4000"),
        ("", "4000"),
        ("SELECT * FROM Invoice MAXRESULTS many", "4000"),
        ("SELECT * FROM Invoice WHERE PrivateNote = 'x'", "4001"),
        ("SELECT * FROM Invoice WHERE Colour = 'x'", "4001"),
        ("SELECT * FROM Invoice ORDERBY Colour", "4001"),
        ("SELECT * FROM Gadget", "4001"),
        ("SELECT * FROM Invoice STARTPOSITION 0", "4001"),
        ("SELECT * FROM Invoice WHERE Balance > 'much'", "4001"),
        ("SELECT * FROM Invoice WHERE Balance > 'NaN'", "4001"),
        ("SELECT * FROM Invoice WHERE Id > '1'", "4001"),
    ],
)
def test_faults(twin: Client, text: str, code: str) -> None:
    answer = twin.post("query", text, **{"Content-Type": "application/text"})
    error = answer.json()["Fault"]["Error"][0]
    assert (answer.status_code, error["code"]) == (400, code)
    assert "element" not in error


def test_wording_of_the_faults(twin: Client) -> None:
    def detail(text: str) -> str:
        return str(twin.post("query", text).json()["Fault"]["Error"][0]["Detail"])

    text = "SELECT * FROM Invoice ORDER TxnDate"
    assert detail(text) == 'QueryParserError: Encountered " <IDENTIFIER> "TxnDate "" at line 1, column 29.'
    text = "SELECT * FROM Invoice STARTPOSITION 0"
    assert detail(text) == "QueryValidationError: value 0 is too small. Min allowed value is 1"
    text = "SELECT * FROM Invoice WHERE Colour = 'x'"
    assert detail(text) == "QueryValidationError: Property Colour not found for Entity Invoice"
