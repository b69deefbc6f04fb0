"""sObject Collections: results in the order of the request, each record on its own or all together."""

from decimal import Decimal
from typing import Any

import pytest

UPSERT = "/composite/sobjects/Product2/ERP_SKU__c"


def product(sku: str | None, **fields: Any) -> dict[str, Any]:
    key = {} if sku is None else {"ERP_SKU__c": sku}
    return {"attributes": {"type": "Product2"}, **key, **({"Name": sku} | fields)}


def outcome(result: dict[str, Any]) -> object:
    return result.get("created", True) if result["success"] else result["errors"][0]["statusCode"]


def test_upsert_creates_and_updates(caller: Any) -> None:
    first = caller.call("PATCH", UPSERT, {"records": [product("A"), product("B")]}).json()
    second = caller.call("PATCH", UPSERT, {"records": [product("C"), product("a", Available_Qty__c=1.5)]}).json()
    assert [set(result) for result in first] == [{"id", "success", "errors", "created"}] * 2
    assert [outcome(result) for result in [*first, *second]] == [True, True, True, False]
    assert second[1]["id"] == first[0]["id"]
    assert caller.read("Product2", first[0]["id"])["Available_Qty__c"] == Decimal("1.5")


def test_each_record_has_its_own_result(caller: Any) -> None:
    records = [
        product("A"),
        product("B", Name=None),
        product("dup"),
        product("C", Odd__c=1),
        product("DUP"),
        product(None),
        product("D" * 41),
        product("E"),
    ]
    answer = caller.call("PATCH", UPSERT, {"allOrNone": False, "records": records})
    assert answer.status_code == 200
    assert [outcome(result) for result in answer.json()] == [
        True,
        "REQUIRED_FIELD_MISSING",
        "DUPLICATE_VALUE",
        "INVALID_FIELD",
        "DUPLICATE_VALUE",
        "MISSING_ARGUMENT",
        "STRING_TOO_LONG",
        True,
    ]
    assert answer.json()[1] == {
        "success": False,
        "errors": [
            {
                "statusCode": "REQUIRED_FIELD_MISSING",
                "message": "Required fields are missing: [Name]",
                "fields": ["Name"],
            }
        ],
    }
    assert answer.json()[4]["errors"][0]["message"] == "Duplicate external id specified: DUP"
    assert caller.query("SELECT COUNT() FROM Product2")["totalSize"] == 2
    assert answer.headers["Sforce-Limit-Info"].startswith("api-usage=1/")


def test_all_or_none_takes_everything_back(caller: Any) -> None:
    body = {"allOrNone": True, "records": [product("A"), product("B", Name=None), product("C")]}
    results = caller.call("PATCH", UPSERT, body).json()
    rolled_back = "ALL_OR_NONE_OPERATION_ROLLED_BACK"
    assert [outcome(result) for result in results] == [rolled_back, "REQUIRED_FIELD_MISSING", rolled_back]
    assert caller.query("SELECT COUNT() FROM Product2")["totalSize"] == 0


def test_missing_parent_fails_one_record(caller: Any) -> None:
    caller.create("Product2", Name="A", ERP_SKU__c="A")
    records = [
        {"attributes": {"type": "Inventory_Level__c"}, "Key__c": f"{sku}|ATL", "Product__r": {"ERP_SKU__c": sku}}
        for sku in ("A", "Z")
    ]
    good, bad = caller.call("PATCH", "/composite/sobjects/Inventory_Level__c/Key__c", {"records": records}).json()
    assert good["success"]
    assert bad["errors"] == [
        {
            "statusCode": "INVALID_FIELD",
            "message": "Foreign key external ID: Z not found for field ERP_SKU__c in entity Product2",
            "fields": [],
        }
    ]


@pytest.mark.parametrize(
    "body",
    [
        {"records": [product(str(number)) for number in range(201)]},
        {"records": [{"Name": "x"}]},
        {"records": [{"attributes": {"type": "Odd__c"}}]},
        {"records": [{"attributes": {"type": "Account"}, "Name": "x", "ERP_SKU__c": "1"}]},
        {"records": "none"},
        {"records": [product("A", Available_Qty__c="many")]},
        {},
    ],
)
def test_malformed_calls_are_refused_whole(caller: Any, body: dict[str, Any]) -> None:
    answer = caller.call("PATCH", UPSERT, body)
    assert answer.status_code == 400
    assert answer.json()[0]["errorCode"]
    assert caller.query("SELECT COUNT() FROM Product2")["totalSize"] == 0


def test_only_external_ids_are_keys(caller: Any) -> None:
    path = "/composite/sobjects/Product2/ProductCode"
    assert caller.refusal("PATCH", path, {"records": [product("A")]})[:2] == (404, "NOT_FOUND")


def test_create_update_delete_of_several_types(caller: Any) -> None:
    account = {"attributes": {"type": "Account"}, "Name": "x"}
    created = caller.call("POST", "/composite/sobjects", {"records": [account, product("A"), {**account, "Name": ""}]})
    one, two, bad = created.json()
    assert (one["id"][:3], two["id"][:3], bad["success"]) == ("001", "01t", False)
    changes = [
        {"attributes": {"type": "Product2"}, "id": two["id"], "Name": "B"},
        {"attributes": {"type": "Account"}, "Id": two["id"], "Name": "B"},
        {"attributes": {"type": "Account"}, "Id": "001TW00000000ZZ", "Name": "B"},
        {"attributes": {"type": "Account"}, "Name": "B"},
    ]
    updated = caller.call("PATCH", "/composite/sobjects", {"records": changes}).json()
    assert [outcome(result) for result in updated] == [
        True,
        "MALFORMED_ID",
        "INVALID_CROSS_REFERENCE_KEY",
        "MISSING_ARGUMENT",
    ]
    ids = ",".join([one["id"], two["id"], one["id"], "x"])
    deleted = caller.call("DELETE", f"/composite/sobjects?ids={ids}&allOrNone=false").json()
    assert [outcome(result) for result in deleted] == [True, True, "ENTITY_IS_DELETED", "MALFORMED_ID"]


def test_retrieve_keeps_the_order_of_the_request(caller: Any) -> None:
    one, two = caller.create("Account", Name="1"), caller.create("Account", Name="2")
    by_url = caller.call("GET", f"/composite/sobjects/Account?ids={two},001TW00000000ZZ,{one}&fields=Name")
    by_body = caller.call("POST", "/composite/sobjects/Account", {"ids": [two], "fields": ["Name"]})
    assert [row and row["Name"] for row in by_url.json()] == ["2", None, "1"]
    assert by_body.json()[0]["Name"] == "2"


def test_two_hundred_records_in_one_call(caller: Any) -> None:
    records = [product(f"S{number}", Available_Qty__c=number) for number in range(200)]
    assert all(result["created"] for result in caller.call("PATCH", UPSERT, {"records": records}).json())
    again = caller.call("PATCH", UPSERT, {"records": records}).json()
    assert not any(result["created"] for result in again)
