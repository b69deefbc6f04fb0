"""Queries: the supported subset, its refusals, and paging over a snapshot."""

from decimal import Decimal
from typing import Any

import pytest


@pytest.fixture
def rows(caller: Any) -> Any:
    """Five accounts that differ in every type of field."""
    values = [
        {"Name": "Alpha", "ERP_Id__c": "1", "Open_Balance__c": 10, "Phone": "a_b"},
        {"Name": "beta", "ERP_Id__c": "2", "Open_Balance__c": 20.5, "Credit_Hold__c": True, "Phone": "axb"},
        {"Name": "Gamma's", "ERP_Id__c": "3", "Open_Balance__c": -3},
        {"Name": "Ärger", "ERP_Id__c": "4", "Phone": "50%"},
        {"Name": "delta \\ x", "Open_Balance__c": 0},
    ]
    for value in values:
        caller.create("Account", **value)
    return caller


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        ("Name = 'ALPHA'", "Alpha"),
        ("Name != 'alpha' AND ERP_Id__c != '2'", "Gamma's,Ärger,delta \\ x"),
        ("Name = 'Gamma\\'s'", "Gamma's"),
        ("Name = 'delta \\\\ x'", "delta \\ x"),
        ("Name LIKE '%A%'", "Alpha,beta,Gamma's,delta \\ x"),
        ("Phone LIKE 'a\\_b'", "Alpha"),
        ("Phone LIKE 'a_b'", "Alpha,beta"),
        ("Phone LIKE '50\\%'", "Ärger"),
        ("(NOT Phone LIKE 'a%')", "Gamma's,Ärger,delta \\ x"),
        ("Open_Balance__c > 9.99", "Alpha,beta"),
        ("Open_Balance__c >= 20.499", "beta"),
        ("Open_Balance__c <= -2.995", "Gamma's"),
        ("Open_Balance__c < 0.001", "Gamma's,delta \\ x"),
        ("Open_Balance__c = 20.50", "beta"),
        ("Open_Balance__c = 20.501", ""),
        ("Open_Balance__c != 10", "beta,Gamma's,Ärger,delta \\ x"),
        ("Open_Balance__c IN (10, 20.5, 3.001)", "Alpha,beta"),
        ("Open_Balance__c = null", "Ärger"),
        ("Open_Balance__c <> NULL", "Alpha,beta,Gamma's,delta \\ x"),
        ("ERP_Id__c = ''", "delta \\ x"),
        ("ERP_Id__c IN ('1', '4')", "Alpha,Ärger"),
        ("ERP_Id__c NOT IN ('1', '4')", "beta,Gamma's,delta \\ x"),
        ("ERP_Id__c NOT IN ('1', null)", "beta,Gamma's,Ärger"),
        ("ERP_Id__c IN ('1', null)", "Alpha,delta \\ x"),
        ("Credit_Hold__c = true", "beta"),
        ("Credit_Hold__c = FALSE and not (Name = 'Alpha' or Phone = null)", "Ärger"),
        ("CreatedDate > 2020-01-01T00:00:00Z", "Alpha,beta,Gamma's,Ärger,delta \\ x"),
        ("SystemModstamp < 2020-01-01T00:00:00.000+01:00", ""),
        ("Owner.Name = 'integration user' AND Name = 'Alpha'", "Alpha"),
    ],
)
def test_conditions(rows: Any, condition: str, found: str) -> None:
    answer = rows.query(f"SELECT Name FROM Account WHERE {condition} ORDER BY CreatedDate, Id")
    assert ",".join(record["Name"] for record in answer["records"]) == found
    assert answer["totalSize"] == len(answer["records"])
    assert answer["done"] is True
    counted = rows.query(f"select count() from Account where {condition}")
    assert counted == {"totalSize": answer["totalSize"], "done": True, "records": []}


@pytest.mark.parametrize(
    ("clause", "found"),
    [
        ("ORDER BY Name", "Alpha,beta,delta \\ x,Gamma's,Ärger"),
        ("ORDER BY Open_Balance__c", "Ärger,Gamma's,delta \\ x,Alpha,beta"),
        ("ORDER BY Open_Balance__c DESC NULLS LAST", "beta,Alpha,delta \\ x,Gamma's,Ärger"),
        ("ORDER BY Credit_Hold__c DESC, Name DESC LIMIT 2", "beta,Ärger"),
        ("ORDER BY Name LIMIT 2 OFFSET 1", "beta,delta \\ x"),
        ("ORDER BY Owner.Name ASC, Id ASC OFFSET 4", "delta \\ x"),
    ],
)
def test_order_limit_offset(rows: Any, clause: str, found: str) -> None:
    records = rows.query(f"SELECT Name FROM Account {clause}")["records"]
    assert ",".join(record["Name"] for record in records) == found


@pytest.mark.parametrize(
    ("query", "code", "message"),
    [
        ("", "MALFORMED_QUERY", None),
        ("SELECT FROM Account", "MALFORMED_QUERY", "unexpected token: 'FROM'"),
        ("SELECT Id FORM Account", "MALFORMED_QUERY", "unexpected token: 'FORM'"),
        ("SELECT Id FROM Account WHERE", "MALFORMED_QUERY", "unexpected token: '<EOF>'"),
        ("SELECT Id FROM Account WHERE Id IN ()", "MALFORMED_QUERY", "unexpected token: ')'"),
        (
            "SELECT Id FROM Account WHERE Name = 'a' AND Name = 'b' OR Name = 'c'",
            "MALFORMED_QUERY",
            "unexpected token: 'OR'",
        ),
        ("SELECT Id FROM Account LIMIT x", "MALFORMED_QUERY", "unexpected token: 'x'"),
        ("SELECT Id, Id FROM Account", "MALFORMED_QUERY", "duplicate field selected: Id"),
        ("SELECT Id FROM Account WHERE Name = 'open", "MALFORMED_QUERY", None),
        ("SELECT Id FROM XYZZY", "INVALID_TYPE", None),
        ("SELECT foo FROM Account", "INVALID_FIELD", None),
        ("SELECT Foo__r.Id FROM Account", "INVALID_FIELD", "Didn't understand relationship 'Foo__r' in field path."),
        ("SELECT Id, (SELECT Id FROM Foos__r) FROM Account", "INVALID_TYPE", None),
        ("SELECT Id FROM Account WHERE Name = 5", "INVALID_FIELD", None),
        ("SELECT Id FROM Account WHERE CreatedDate > 2026-01-01", "INVALID_FIELD", None),
        ("SELECT Id FROM Account WHERE Open_Balance__c = '5'", "INVALID_FIELD", None),
        ("SELECT Id FROM Account WHERE Description = 'x'", "INVALID_FIELD", None),
        ("SELECT Id FROM Account WHERE Id = 'x'", "INVALID_QUERY_FILTER_OPERATOR", "invalid ID field: x"),
        ("SELECT Id FROM Account OFFSET 2001", "NUMBER_OUTSIDE_VALID_RANGE", "Maximum SOQL offset allowed is 2000"),
    ],
)
def test_refused_queries(caller: Any, query: str, code: str, message: str | None) -> None:
    status, got, text = caller.refusal("GET", "/query/", params={"q": query})
    assert (status, got) == (400, code)
    assert text.endswith(message or "")


def test_parents_and_children(seeded: Any) -> None:
    answer = seeded.query(
        "SELECT o.Id, Account.ERP_Id__c, Account.Owner.Name, ActivatedBy.Name, Account.Name, "
        "(SELECT Quantity, UnitPrice, Product2.ERP_SKU__c, PricebookEntry.Product2.Name FROM OrderItems "
        "WHERE UnitPrice > 1 ORDER BY ERP_Line_No__c DESC), (SELECT Id FROM Invoices__r) FROM Order o"
    )
    (order,) = answer["records"]
    assert order["Account"]["ERP_Id__c"] == "00040277"
    assert order["Account"]["attributes"]["type"] == "Account"
    assert order["Account"]["Owner"]["Name"] == "Sales Rep"
    assert order["Invoices__r"] is None
    lines = order["OrderItems"]
    assert (lines["totalSize"], lines["done"]) == (2, True)
    assert [line["UnitPrice"] for line in lines["records"]] == [Decimal("201.25"), Decimal("47.7119")]
    assert [line["Quantity"] for line in lines["records"]] == [Decimal("2.25"), Decimal(4)]
    assert lines["records"][0]["Product2"]["ERP_SKU__c"] == "SLV-0345/Z"
    assert lines["records"][1]["PricebookEntry"]["Product2"]["Name"] == "Flange bolt M8"
    limited = seeded.query("SELECT Id, (SELECT Id FROM OrderItems LIMIT 1) FROM Order")
    assert limited["records"][0]["OrderItems"]["totalSize"] == 1


def test_missing_parent_is_null(seeded: Any) -> None:
    seeded.create("Order_Event__c", Event_Key__c="e")
    (event,) = seeded.query("SELECT Order__r.Account.Name, Event_Key__c FROM Order_Event__c")["records"]
    assert event["Order__r"] is None
    assert seeded.query("SELECT Id FROM Order_Event__c WHERE Order__r.ERP_Order_Id__c = null")["totalSize"] == 1


def test_pages_are_a_snapshot(caller: Any) -> None:
    for start in range(0, 450, 150):
        records = [
            {"attributes": {"type": "Inventory_Level__c"}, "Key__c": f"{number:04}|ATL", "On_Hand__c": 1}
            for number in range(start, start + 150)
        ]
        caller.call("PATCH", "/composite/sobjects/Inventory_Level__c/Key__c", {"records": records})
    option = {"Sforce-Query-Options": "batchSize=200"}
    first = caller.query("SELECT Id, On_Hand__c FROM Inventory_Level__c ORDER BY Key__c", **option)
    assert (first["totalSize"], first["done"], len(first["records"])) == (450, False, 200)
    caller.call("PATCH", f"/sobjects/Inventory_Level__c/{first['records'][0]['Id']}", {"On_Hand__c": 2})
    last = caller.query("SELECT Id FROM Inventory_Level__c WHERE Key__c = '0449|ATL'")["records"][0]["Id"]
    caller.call("DELETE", f"/sobjects/Inventory_Level__c/{last}")
    second = caller.http.get(caller.base + first["nextRecordsUrl"], timeout=10).json()
    third = caller.http.get(caller.base + second["nextRecordsUrl"], timeout=10)
    assert (len(second["records"]), second["done"]) == (200, False)
    assert third.json()["done"] is True
    assert "nextRecordsUrl" not in third.json()
    assert third.json()["records"][-1]["Id"] == last
    assert '"On_Hand__c":1.0' in third.text
    assert caller.refusal("GET", "/query/01gTW0000000000AAA-200")[:2] == (400, "INVALID_QUERY_LOCATOR")
    caller.control("PATCH", "/settings", {"page_rows": 100})
    assert len(caller.query("SELECT Id FROM Inventory_Level__c")["records"]) == 100
