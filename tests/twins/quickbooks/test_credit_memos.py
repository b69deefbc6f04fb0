"""Credit memos of the twin: created like invoices, off the customer's balance, applied by a payment of nothing."""

from __future__ import annotations

from typing import Any

from .conftest import Client, invoice, line, refused


def credit(*lines: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return invoice(*lines, **fields)


def made(twin: Client, body: dict[str, Any]) -> dict[str, Any]:
    answer = twin.post("creditmemo", body)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()["CreditMemo"]
    return found


def balance(twin: Client) -> float:
    return float(twin.get("customer/1").json()["Customer"]["Balance"])


def test_a_credit_memo_lowers_what_the_customer_owes(twin: Client) -> None:
    twin.create(invoice(line(100)))
    memo = made(twin, credit(line(30), DocNumber="S1-C1", PrivateNote="ours"))
    assert (memo["TotalAmt"], memo["RemainingCredit"], memo["Balance"], memo["SyncToken"]) == (30, 30, 30, "0")
    assert "DueDate" not in memo
    assert balance(twin) == 70


def test_numbers_are_unique_among_credit_memos_and_have_their_length(twin: Client) -> None:
    """S13: an invoice may have the same number; 6140 names the type."""
    twin.create(invoice(DocNumber="S1-C1"))
    first = made(twin, credit(DocNumber="S1-C1"))
    error = refused(twin.post("creditmemo", credit(DocNumber="s1-c1")), 6140)
    assert f"TxnType=CreditMemo with TxnId={first['Id']}" in error["Detail"]
    refused(twin.post("creditmemo", credit(DocNumber="x" * 22)), 2050)


def test_the_same_request_gives_the_same_answer(twin: Client) -> None:
    """S28."""
    answers = [twin.post("creditmemo?requestid=r-1", credit(line(30))).text for _ in range(2)]
    assert answers[0] == answers[1]
    assert twin.get("query?query=SELECT COUNT(*) FROM CreditMemo").json()["QueryResponse"]["totalCount"] == 1


def test_closed_books_refuse_it(twin: Client) -> None:
    """S16."""
    twin.control("PATCH", "settings", {"book_close_on": "2026-11-30"})
    refused(twin.post("creditmemo", credit(TxnDate="2026-11-30")), 6210)


def test_it_is_found_by_number_customer_and_day(twin: Client) -> None:
    memo = made(twin, credit(DocNumber="S1-C1", TxnDate="2026-11-20"))
    for where in ("DocNumber = 'S1-C1'", "CustomerRef = '1' AND TxnDate = '2026-11-20'"):
        found = twin.get(f"query?query=SELECT * FROM CreditMemo WHERE {where}").json()["QueryResponse"]["CreditMemo"]
        assert [one["Id"] for one in found] == [memo["Id"]]
    refused(twin.get("query?query=SELECT * FROM CreditMemo WHERE PrivateNote = 'x'"), 4001)


def test_a_payment_of_nothing_applies_it(twin: Client) -> None:
    """Two lines: the invoice's balance and what is left of the credit go down together."""
    billed, memo = twin.create(invoice(line(100))), made(twin, credit(line(30)))
    lines = [
        {"Amount": 30, "LinkedTxn": [{"TxnId": billed["Id"], "TxnType": "Invoice"}]},
        {"Amount": 30, "LinkedTxn": [{"TxnId": memo["Id"], "TxnType": "CreditMemo"}]},
    ]
    paid = twin.post("payment", {"CustomerRef": {"value": "1"}, "TotalAmt": 0, "Line": lines}).json()["Payment"]
    assert twin.get(f"invoice/{billed['Id']}").json()["Invoice"]["Balance"] == 70
    assert twin.get(f"creditmemo/{memo['Id']}").json()["CreditMemo"]["RemainingCredit"] == 0
    assert balance(twin) == 70
    refused(twin.post("creditmemo?operation=delete", {"Id": memo["Id"], "SyncToken": "1"}), 6000)
    twin.post("payment?operation=delete", {"Id": paid["Id"], "SyncToken": "0"})
    assert twin.get(f"creditmemo/{memo['Id']}").json()["CreditMemo"]["RemainingCredit"] == 30
    again = {"Amount": 31, "LinkedTxn": [{"TxnId": memo["Id"], "TxnType": "CreditMemo"}]}
    refused(twin.post("payment", {"CustomerRef": {"value": "1"}, "TotalAmt": 0, "Line": [lines[0], again]}), 6000)


def test_a_deleted_one_is_gone_and_owed_again(twin: Client) -> None:
    twin.create(invoice(line(100)))
    memo = made(twin, credit(line(30)))
    gone = twin.post("creditmemo?operation=delete", {"Id": memo["Id"], "SyncToken": "0"}).json()["CreditMemo"]
    assert gone["status"] == "Deleted"
    refused(twin.get(f"creditmemo/{memo['Id']}"), 610)
    assert balance(twin) == 100
    refused(twin.post("creditmemo?operation=void", {"Id": memo["Id"], "SyncToken": "1"}), 500)


def test_a_fee_makes_it_smaller_and_never_negative(twin: Client) -> None:
    fee = {**line(30), "Amount": -5, "SalesItemLineDetail": {"ItemRef": {"value": "1"}, "Qty": -1, "UnitPrice": 5}}
    assert made(twin, credit(line(30), fee))["TotalAmt"] == 25
    refused(twin.post("creditmemo", credit(line(3), fee)), 6000)


def test_the_ledger_shows_them_apart(twin: Client) -> None:
    twin.create(invoice(line(100)))
    made(twin, credit(line(30)))
    ledger = twin.control("GET", "ledger")
    assert (ledger["count"], ledger["total"], len(ledger["invoices"])) == (1, "100.00", 1)
    assert [one["total"] for one in ledger["credit_memos"]] == ["30.00"]
