"""Update, delete, void, payments and names (S22 to S27)."""

from __future__ import annotations

from typing import Any

from .conftest import Client, invoice, line, refused


def _change(made: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"Id": made["Id"], "SyncToken": made["SyncToken"], "sparse": True, **fields}


def test_old_sync_token_changes_nothing(twin: Client) -> None:
    made = twin.create(invoice(PrivateNote="ours"))
    memo = {"CustomerMemo": {"value": "theirs"}}
    twin.control("POST", "edit", {"entity": "Invoice", "id": made["Id"], "changes": memo})
    for path in ("invoice", "invoice?operation=update", "invoice?operation=delete", "invoice?operation=void"):
        error = refused(twin.post(path, _change(made, PrivateNote="late")), 5010)
        assert error["Detail"].startswith("Stale Object Error : You and root were working on this at the same time.")
    now = twin.get(f"invoice/{made['Id']}").json()["Invoice"]
    assert (now["SyncToken"], now["PrivateNote"]) == ("1", "ours")
    refused(twin.post("invoice", {"Id": made["Id"], "sparse": True, "PrivateNote": "x"}), 2020)
    refused(twin.post("invoice", _change({"Id": "99", "SyncToken": "0"})), 610)


def test_sparse_keeps_and_full_clears(twin: Client) -> None:
    made = twin.create(invoice(PrivateNote="note", TrackingNum="1Z9", DocNumber="D-1", TxnDate="2026-11-20"))
    sparse = twin.post("invoice", _change(made, PrivateNote="other")).json()["Invoice"]
    assert (sparse["PrivateNote"], sparse["TrackingNum"], sparse["SyncToken"]) == ("other", "1Z9", "1")
    assert (sparse["DocNumber"], sparse["TotalAmt"]) == ("D-1", 100)
    assert sparse["MetaData"]["CreateTime"] == made["MetaData"]["CreateTime"]
    full = twin.post("invoice", {**invoice(), "Id": made["Id"], "SyncToken": "1", "DocNumber": "D-1"}).json()["Invoice"]
    assert not {"PrivateNote", "TrackingNum"} & set(full)
    assert (full["SyncToken"], full["DocNumber"]) == ("2", "D-1")


def test_lines_are_replaced_as_a_whole(twin: Client) -> None:
    made = twin.create(invoice(line(10), line(20)))
    kept = {**line(15), "Id": "2"}
    changed = twin.post("invoice", _change(made, Line=[kept, line(7)])).json()["Invoice"]
    assert [(entry.get("Id"), entry["Amount"]) for entry in changed["Line"]] == [("2", 15), ("3", 7), (None, 22)]
    assert (changed["TotalAmt"], changed["Balance"]) == (22, 22)
    refused(twin.post("invoice", _change(changed, Line=[])), 2020)


def test_due_date_moves_with_the_date_when_not_given(twin: Client) -> None:
    made = twin.create(invoice(TxnDate="2026-11-20"))
    changed = twin.post("invoice", _change(made, TxnDate="2026-11-25")).json()["Invoice"]
    assert (made["DueDate"], changed["DueDate"]) == ("2026-12-05", "2026-12-10")


def test_number_of_another_invoice_cannot_be_taken(twin: Client) -> None:
    twin.create(invoice(DocNumber="D-1"))
    second = twin.create(invoice(DocNumber="D-2"))
    refused(twin.post("invoice", _change(second, DocNumber="D-1")), 6140)
    assert twin.post("invoice", _change(second, DocNumber="D-2", PrivateNote="x")).status_code == 200


def test_delete(twin: Client) -> None:
    made = twin.create(invoice(DocNumber="D-1"))
    body = {"Id": made["Id"], "SyncToken": "0"}
    answer = twin.post("invoice?operation=delete", body).json()
    assert answer["Invoice"] == {"status": "Deleted", "domain": "QBO", "Id": made["Id"]}
    refused(twin.get(f"invoice/{made['Id']}"), 610)
    assert "Another user has deleted" in refused(twin.post("invoice?operation=delete", body), 610)["Detail"]
    assert twin.query("SELECT * FROM Invoice") == {}
    twin.create(invoice(DocNumber="D-1"))
    assert [entry["deleted"] for entry in twin.control("GET", "ledger")["invoices"]] == [True, False]


def test_void_keeps_the_number_and_zeroes_the_rest(twin: Client) -> None:
    made = twin.create(invoice(line(10, 2, 5), DocNumber="D-1", PrivateNote="key"))
    void = twin.post("invoice?operation=void", {"Id": made["Id"], "SyncToken": "0"}).json()["Invoice"]
    assert (void["TotalAmt"], void["Balance"], void["PrivateNote"]) == (0, 0, "Voided - key")
    assert (void["DocNumber"], void["SyncToken"], void["Line"][0]["Amount"]) == ("D-1", "1", 0)
    assert void["Line"][0]["SalesItemLineDetail"]["Qty"] == 0
    refused(twin.post("invoice", invoice(DocNumber="D-1")), 6140)


def _pay(twin: Client, made: dict[str, Any], amount: object) -> Any:
    link = [{"TxnId": made["Id"], "TxnType": "Invoice"}]
    body = {"CustomerRef": {"value": "1"}, "TotalAmt": amount, "Line": [{"Amount": amount, "LinkedTxn": link}]}
    return twin.post("payment", body)


def test_payment_lowers_the_balance_and_locks_the_invoice(twin: Client) -> None:
    made = twin.create(invoice())
    for amount in ("100.01", 0, -5):
        refused(_pay(twin, made, amount), 6000)
    payment = _pay(twin, made, "40.50").json()["Payment"]
    paid = twin.get(f"invoice/{made['Id']}").json()["Invoice"]
    assert (paid["Balance"], paid["SyncToken"]) == (59.5, "1")
    assert paid["LinkedTxn"] == [{"TxnId": payment["Id"], "TxnType": "Payment"}]
    assert twin.get("customer/1").json()["Customer"]["Balance"] == 59.5
    for operation in ("void", "delete"):
        refused(twin.post(f"invoice?operation={operation}", {"Id": made["Id"], "SyncToken": "1"}), 6000)
    changed = twin.post("invoice", _change(paid, Line=[line(80)])).json()["Invoice"]
    assert (changed["TotalAmt"], changed["Balance"]) == (80, 39.5)
    body = {"Id": payment["Id"], "SyncToken": "0", "sparse": True}
    void = twin.post("payment?operation=update&include=void", body).json()["Payment"]
    assert (void["TotalAmt"], void["PrivateNote"]) == (0, "Voided")
    free = twin.get(f"invoice/{made['Id']}").json()["Invoice"]
    assert (free["Balance"], free["LinkedTxn"], free["SyncToken"]) == (80, [], "3")
    assert twin.get("customer/1").json()["Customer"]["Balance"] == 80


def test_deleted_payment_gives_the_balance_back(twin: Client) -> None:
    made = twin.create(invoice())
    payment = _pay(twin, made, 100).json()["Payment"]
    answer = twin.post("payment?operation=delete", {"Id": payment["Id"], "SyncToken": "0"})
    assert answer.json()["Payment"]["status"] == "Deleted"
    assert twin.control("GET", "ledger")["invoices"][0]["balance"] == "100.00"


def test_customer_names_are_unique(twin: Client) -> None:
    error = refused(twin.post("customer", {"DisplayName": "ACME supply"}), 6240)
    assert error["Detail"].endswith("Id=1")
    refused(twin.post("customer", {"DisplayName": "A:B"}), 2040)
    refused(twin.post("customer", {}), 2020)
    made = twin.post("customer", {"GivenName": "Ann", "FamilyName": "Lee"}).json()["Customer"]
    assert (made["DisplayName"], made["Active"], made["Balance"]) == ("Ann Lee", True, 0)
    refused(twin.post("customer", _change(made, DisplayName="Acme Supply")), 6240)


def test_customer_with_an_open_balance_stays_active(twin: Client) -> None:
    made = twin.create(invoice())
    refused(twin.post("customer", _change({"Id": "1", "SyncToken": "0"}, Active=False)), 6220)
    twin.post("invoice?operation=delete", {"Id": made["Id"], "SyncToken": "0"})
    gone = twin.post("customer", _change({"Id": "1", "SyncToken": "0"}, Active=False)).json()["Customer"]
    assert (gone["Active"], gone["DisplayName"]) == (False, "Acme Supply (deleted)")
    back = twin.post("customer", _change(gone, Active=True)).json()["Customer"]
    assert back["DisplayName"] == "Acme Supply"


def test_items_have_their_rules(twin: Client) -> None:
    income = {"IncomeAccountRef": {"value": "1"}}
    refused(twin.post("item", {"Name": "flb-0107", **income}), 6240)
    assert refused(twin.post("item", {"Name": "New"}), 2020)["element"] == "IncomeAccountRef"
    counted = twin.post("item", {"Name": "New", "Type": "Inventory", **income})
    assert refused(counted, 2020)["element"] == "AssetAccountRef"
    refused(twin.post("item", {"Name": "New", "Type": "NonInventory", "QtyOnHand": 5, **income}), 2010)
    made = twin.post("item", {"Name": "New", "Sku": "FLB-0107", "UnitPrice": "1.5", **income}).json()["Item"]
    assert (made["Type"], made["UnitPrice"]) == ("Service", 1.5)
    assert made["IncomeAccountRef"]["name"] == "Sales of Product Income"
    assert len(twin.query("SELECT * FROM Item WHERE Sku = 'FLB-0107'")["Item"]) == 2


def test_accounts_are_read_only(twin: Client) -> None:
    refused(twin.post("account", {"Name": "Other"}), 500)
    assert twin.query("SELECT * FROM Account")["Account"][0]["Name"] == "Sales of Product Income"
