"""The unmodified simple-salesforce client in direct mode, its calls led to the twin by a transport adapter."""

from decimal import Decimal
from typing import Any

import pytest
import requests
from simple_salesforce import Salesforce
from simple_salesforce.exceptions import SalesforceExpiredSession, SalesforceMalformedRequest
from simple_salesforce.format import format_external_id, format_soql


def test_query_with_exact_numbers(client: Salesforce) -> None:
    found = client.query(format_soql("SELECT Id, UnitPrice FROM OrderItem WHERE Product2.ERP_SKU__c = {}", "FLB-0191"))
    assert found["records"][0]["UnitPrice"] == Decimal("47.7119")
    assert client.api_usage["api-usage"].used == 1


def test_all_pages(client: Salesforce) -> None:
    for start in range(0, 450, 150):
        records = [
            {"attributes": {"type": "Inventory_Level__c"}, "Key__c": f"{number}|ATL"}
            for number in range(start, start + 150)
        ]
        client.restful("composite/sobjects/Inventory_Level__c/Key__c", method="PATCH", json={"records": records})
    headers = {"Sforce-Query-Options": "batchSize=200"}
    everything = client.query_all("SELECT Id FROM Inventory_Level__c", headers=headers)
    assert len({record["Id"] for record in everything["records"]}) == 450


def test_session_dies_between_pages(client: Salesforce, seeded: Any) -> None:
    seeded.control("PATCH", "/settings", {"page_rows": 1})
    first = client.query("SELECT Id FROM Account")
    assert first["done"] is False
    seeded.control("POST", "/tokens/expire")
    with pytest.raises(SalesforceExpiredSession):
        client.query_more(first["nextRecordsUrl"], identifier_is_url=True)


def test_single_records(client: Salesforce) -> None:
    created = client.Account.create({"Name": "Acme", "ERP_Id__c": "C-1"})
    assert created["success"] is True
    assert client.Account.get(created["id"])["Name"] == "Acme"
    assert client.Account.update(created["id"], {"Phone": "555"}) == 204
    assert client.Account.upsert("ERP_Id__c/C-1", {"Phone": "556"}) == 200
    assert client.Account.upsert("ERP_Id__c/C-2", {"Name": "New"}) == 201
    assert client.Account.get_by_custom_id("ERP_Id__c", "C-1")["Phone"] == "556"
    assert client.Account.delete(created["id"]) == 204
    with pytest.raises(SalesforceMalformedRequest) as refused:
        client.Account.create({})
    assert refused.value.content[0]["errorCode"] == "REQUIRED_FIELD_MISSING"


@pytest.mark.parametrize("key", ["a#b", "a/b", "a b", "Größe", "a+b", "a%b"])
def test_odd_keys(client: Salesforce, key: str) -> None:
    path = format_external_id("ERP_SKU__c", key)
    assert client.Product2.upsert(path, {"Name": "x"}) == 201
    found = client.query(format_soql("SELECT Id FROM Product2 WHERE ERP_SKU__c = {}", key))
    assert found["totalSize"] == 1


def test_describe_and_limits(client: Salesforce) -> None:
    names = {entry["name"] for entry in client.describe()["sobjects"]}
    assert {"Account", "Order", "OrderItem", "Order_Event__c", "Invoice__c", "Inventory_Level__c"} <= names
    fields = {field["name"]: field for field in client.Inventory_Level__c.describe()["fields"]}
    assert (fields["Key__c"]["externalId"], fields["Key__c"]["unique"]) == (True, True)
    assert client.Order.metadata()["objectDescribe"]["name"] == "Order"
    assert client.limits()["DailyApiRequests"]["Max"] == 100000


def test_composite(client: Salesforce) -> None:
    body = {
        "allOrNone": True,
        "collateSubrequests": False,
        "compositeRequest": [
            {
                "method": "PATCH",
                "url": "/services/data/v67.0/sobjects/Invoice__c/Invoice_Key__c/i-1",
                "referenceId": "invoice",
                "body": {"Order__r": {"ERP_Order_Id__c": "SO700310"}, "Total__c": 12.5, "Status__c": "Drafted"},
            }
        ],
    }
    answer = client.restful("composite", method="POST", json=body)
    assert answer["compositeResponse"][0]["httpStatusCode"] == 201
    row = client.query("SELECT Name, Total__c, Order__r.PoNumber FROM Invoice__c")["records"][0]
    assert (row["Name"], row["Total__c"], row["Order__r"]["PoNumber"]) == ("INV-0000100", Decimal("12.5"), "PO-7249")


def test_timeout_fires(client: Salesforce, seeded: Any) -> None:
    seeded.control("POST", "/faults", {"kind": "hang_before", "path": "/limits", "seconds": 2})
    with pytest.raises(requests.exceptions.ReadTimeout):
        client.restful("limits", timeout=0.3)
