"""Single records: create, read, update, delete, upsert by external id, conditions and their refusals."""

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any
from urllib.parse import quote

import pytest
import requests

UNKNOWN = "001TW00000000ZZAAA"


def test_create_and_read(caller: Any) -> None:
    caller.control("PATCH", "/clock", {"now": "2026-11-20T05:55:00.900Z", "frozen": True})
    caller.log_in()
    answer = caller.call("POST", "/sobjects/Account/", {"Name": " Acme ", "Open_Balance__c": 12, "Phone": ""})
    record = answer.json()["id"]
    assert answer.status_code == 201
    assert answer.json() == {"id": record, "success": True, "errors": []}
    assert answer.headers["Location"] == f"/services/data/v67.0/sobjects/Account/{record}"
    assert len(record) == 18
    assert record.startswith("001")
    raw = caller.call("GET", f"/sobjects/Account/{record[:15]}")
    assert '"Open_Balance__c":12.0' in raw.text
    assert raw.headers["Last-Modified"] == "Fri, 20 Nov 2026 05:55:00 GMT"
    row = caller.read("Account", record)
    assert row["Name"] == "Acme"
    assert row["Phone"] is None
    assert row["Credit_Hold__c"] is False
    assert row["SystemModstamp"] == row["CreatedDate"] == "2026-11-20T05:55:00.000+0000"
    assert row["attributes"] == {"type": "Account", "url": f"/services/data/v67.0/sobjects/Account/{record}"}
    assert row["OwnerId"] == row["CreatedById"] == row["LastModifiedById"]


@pytest.mark.parametrize(
    ("name", "body", "expected"),
    [
        ("Account", {}, (400, "REQUIRED_FIELD_MISSING", "Required fields are missing: [Name]")),
        (
            "Order",
            {"PoNumber": "x"},
            (400, "REQUIRED_FIELD_MISSING", "Required fields are missing: [AccountId, EffectiveDate, Status]"),
        ),
        (
            "Account",
            {"Name": "x", "Foo__c": 1},
            (400, "INVALID_FIELD", "No such column 'Foo__c' on sobject of type Account"),
        ),
        (
            "Account",
            {"Name": "x", "ERP_Id__c": "1" * 21},
            (400, "STRING_TOO_LONG", f"ERP_Id__c: data value too large: {'1' * 21} (max length=20)"),
        ),
        (
            "Invoice__c",
            {"Status__c": "Odd"},
            (400, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", "Status__c: bad value for restricted picklist field: Odd"),
        ),
        ("Invoice__c", {"Order__c": "no id"}, (400, "MALFORMED_ID", "Order__c: id value of incorrect type: no id")),
        ("Contact", {"LastName": "x", "AccountId": UNKNOWN}, (400, "MALFORMED_ID", None)),
        ("Account", {"Name": "x", "Id": UNKNOWN}, (400, "INVALID_FIELD", None)),
        (
            "Account",
            {"Name": "x", "CreatedDate": "2026-01-01T00:00:00Z"},
            (400, "INVALID_FIELD_FOR_INSERT_UPDATE", None),
        ),
        ("Account", {"Name": "x", "Open_Balance__c": 10**17}, (400, "NUMBER_OUTSIDE_VALID_RANGE", None)),
        ("Invoice__c", {"Invoiced_On__c": "2026-02-30"}, (400, "JSON_PARSER_ERROR", None)),
        ("Invoice__c", {"Total__c": "many"}, (400, "JSON_PARSER_ERROR", None)),
        ("Inventory_Level__c", {"As_Of__c": "2026-11-20T05:55:00"}, (400, "JSON_PARSER_ERROR", None)),
        ("User", {"Name": "x"}, (400, "INVALID_TYPE_FOR_OPERATION", None)),
    ],
)
def test_refused_creations(caller: Any, name: str, body: dict[str, Any], expected: tuple[int, str, str | None]) -> None:
    status, code, message = caller.refusal("POST", f"/sobjects/{name}/", body)
    assert (status, code, message if expected[2] else None) == expected


@pytest.mark.parametrize("text", ["{", '{"Open_Balance__c": NaN}', "[]", ""])
def test_bodies_that_are_no_json_object(caller: Any, text: str) -> None:
    answer = caller.call("POST", "/sobjects/Account/", data=text, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400
    assert answer.json()[0]["errorCode"] == "JSON_PARSER_ERROR"


def test_numbers_are_rounded_half_up_to_the_scale(caller: Any) -> None:
    record = caller.create("Account", Name="x", Open_Balance__c=0.125)
    assert caller.read("Account", record)["Open_Balance__c"] == Decimal("0.13")
    text = f'{{"Open_Balance__c": {"1234567890123456.78"}}}'
    caller.call("PATCH", f"/sobjects/Account/{record}", data=text, headers={"Content-Type": "application/json"})
    assert caller.read("Account", record)["Open_Balance__c"] == Decimal("1234567890123456.78")


def test_moments_are_kept_in_utc(caller: Any) -> None:
    record = caller.create("Inventory_Level__c", Key__c="a|b", As_Of__c="2026-11-20T05:55:00.750-05:00")
    assert caller.read("Inventory_Level__c", record)["As_Of__c"] == "2026-11-20T10:55:00.000+0000"


def test_update(caller: Any) -> None:
    record = caller.create("Account", Name="x", ERP_Id__c="1", Phone="555")
    caller.control("PATCH", "/clock", {"advance_seconds": 5})
    before = caller.read("Account", record)
    assert caller.call("PATCH", f"/sobjects/Account/{record}", {"Phone": None}).status_code == 204
    after = caller.read("Account", record)
    assert after["Phone"] is None
    assert after["Name"] == "x"
    assert after["SystemModstamp"] > before["SystemModstamp"]
    path = f"/sobjects/Account/{record}"
    assert caller.refusal("PATCH", path, {"Id": record})[1:] == (
        "INVALID_FIELD",
        "The Id field should not be specified in the sobject data.",
    )
    assert caller.refusal("PATCH", path, {"Name": None})[1] == "REQUIRED_FIELD_MISSING"
    assert caller.refusal("PATCH", f"/sobjects/Account/{UNKNOWN[:15]}", {"Phone": "1"})[:2] == (
        404,
        "INVALID_CROSS_REFERENCE_KEY",
    )


def test_identity_of_records(caller: Any) -> None:
    assert caller.refusal("GET", "/sobjects/Account/nonsense")[:2] == (404, "NOT_FOUND")
    assert caller.refusal("GET", f"/sobjects/Account/{UNKNOWN[:15]}")[:2] == (404, "NOT_FOUND")
    assert caller.refusal("GET", "/sobjects/Account/Name/x")[:2] == (404, "NOT_FOUND")
    record = caller.create("Account", Name="x")
    assert caller.refusal("GET", f"/sobjects/Account/{record}?fields=Name,Odd")[1] == "INVALID_FIELD"
    shown = caller.call("GET", f"/sobjects/Account/{record}", params={"fields": "Name,Id"}).json()
    assert set(shown) == {"attributes", "Name", "Id"}
    assert caller.refusal("PUT", f"/sobjects/Account/{record}")[:2] == (405, "METHOD_NOT_ALLOWED")


def test_delete_frees_the_external_id(caller: Any) -> None:
    record = caller.create("Account", Name="x", ERP_Id__c="7")
    path = f"/sobjects/Account/{record}"
    assert caller.call("DELETE", path).status_code == 204
    for method in ("DELETE", "GET"):
        assert caller.refusal(method, path) == (404, "ENTITY_IS_DELETED", "entity is deleted")
    assert caller.refusal("PATCH", path, {"Phone": "1"})[1] == "ENTITY_IS_DELETED"
    assert caller.query("SELECT Id FROM Account")["totalSize"] == 0
    (gone,) = caller.query("SELECT Id, IsDeleted FROM Account WHERE IsDeleted = true", "queryAll")["records"]
    assert (gone["Id"], gone["IsDeleted"]) == (record, True)
    again = caller.call("PATCH", "/sobjects/Account/ERP_Id__c/7", {"Name": "y"})
    assert again.status_code == 201
    assert again.json()["id"] != record


def test_upsert(caller: Any) -> None:
    path = "/sobjects/Account/ERP_Id__c/C-1"
    created = caller.call("PATCH", path, {"Name": "Acme"})
    updated = caller.call("PATCH", path.replace("C-1", "c-1"), {"Phone": "555"})
    assert (created.status_code, updated.status_code) == (201, 200)
    assert created.json() == {"id": created.json()["id"], "success": True, "errors": [], "created": True}
    assert updated.json() == {**created.json(), "created": False}
    assert caller.call("GET", path).json()["Phone"] == "555"
    assert caller.refusal("PATCH", path, {"ERP_Id__c": "C-1"})[1:] == (
        "INVALID_FIELD",
        "The ERP_Id__c field should not be specified in the sobject data.",
    )
    assert caller.refusal("PATCH", "/sobjects/Account/ERP_Id__c/C-2?updateOnly=true", {"Phone": "1"})[0] == 404
    assert caller.refusal("PATCH", "/sobjects/Account/Phone/555", {"Name": "x"})[:2] == (404, "NOT_FOUND")
    old = caller.http.patch(
        f"{caller.base}/services/data/v45.0/sobjects/Account/ERP_Id__c/C-1", json={"Phone": "556"}, timeout=10
    )
    assert (old.status_code, old.text) == (204, "")
    assert caller.call("DELETE", path).status_code == 204


@pytest.mark.parametrize("key", ["a/b", "a#b", "a?b", "a b", "a+b", "a%2Fb", "Größe", "a&b=c"])
def test_odd_characters_of_external_ids(caller: Any, key: str) -> None:
    path = f"/sobjects/Product2/ERP_SKU__c/{quote(key, safe='')}"
    assert caller.call("PATCH", path, {"Name": "x"}).status_code == 201
    assert caller.call("GET", path).json()["ERP_SKU__c"] == key
    assert caller.call("PATCH", path, {"Name": "y"}).status_code == 200


def test_case_matters_only_where_the_field_says_so(caller: Any) -> None:
    caller.create("Account", Name="x", ERP_Id__c="abc")
    status, code, message = caller.refusal("POST", "/sobjects/Account", {"Name": "y", "ERP_Id__c": "ABC"})
    assert (status, code) == (400, "DUPLICATE_VALUE")
    assert message.startswith("duplicate value found: ERP_Id__c duplicates value on record with id: 001")
    caller.create("Inventory_Level__c", Key__c="abc|ATL")
    caller.create("Inventory_Level__c", Key__c="ABC|ATL")


def test_parents_by_external_id(seeded: Any) -> None:
    body = {"Order__r": {"ERP_Order_Id__c": "SO700310"}, "Type__c": "Shipped"}
    record = seeded.call("PATCH", "/sobjects/Order_Event__c/Event_Key__c/e-1", body).json()["id"]
    (order,) = seeded.query("SELECT Id FROM Order")["records"]
    assert seeded.read("Order_Event__c", record)["Order__c"] == order["Id"]
    missing = {"Order__r": {"ERP_Order_Id__c": "SO9"}}
    assert seeded.refusal("PATCH", "/sobjects/Order_Event__c/Event_Key__c/e-2", missing) == (
        400,
        "INVALID_FIELD",
        "Foreign key external ID: SO9 not found for field ERP_Order_Id__c in entity Order",
    )
    odd = {"Order__r": {"PoNumber": "PO-7249"}}
    assert seeded.refusal("PATCH", "/sobjects/Order_Event__c/Event_Key__c/e-3", odd)[1] == "INVALID_FIELD"


def test_validation_rules(caller: Any) -> None:
    rule = {"object": "Account", "field": "Name", "equals": "Bad", "message": "No such name.", "on_field": "Name"}
    caller.control("PATCH", "/settings", {"validation_rules": [rule]})
    answer = caller.call("POST", "/sobjects/Account", {"Name": "Bad"})
    assert answer.json() == [
        {"message": "No such name.", "errorCode": "FIELD_CUSTOM_VALIDATION_EXCEPTION", "fields": ["Name"]}
    ]


def test_conditional_requests(caller: Any) -> None:
    record = caller.create("Account", Name="x")
    path = f"/sobjects/Account/{record}"
    seen = caller.call("GET", path).headers["Last-Modified"]
    assert caller.call("GET", path, headers={"If-Modified-Since": seen}).status_code == 304
    guard = {"If-Unmodified-Since": seen}
    caller.control("PATCH", "/clock", {"advance_seconds": 2})
    assert caller.call("PATCH", path, {"Phone": "1"}, headers=guard).status_code == 204
    assert caller.call("PATCH", path, {"Phone": "2"}, headers=guard).status_code == 412
    assert caller.read("Account", record)["Phone"] == "1"
    assert caller.call("PATCH", path, {"Phone": "2"}, headers={"If-Unmodified-Since": "soon"}).status_code == 400


def test_updated_and_deleted(caller: Any) -> None:
    caller.control("PATCH", "/clock", {"now": "2026-11-20T10:00:00Z", "frozen": True})
    caller.log_in()
    record, gone = caller.create("Account", Name="x"), caller.create("Account", Name="y")
    caller.call("DELETE", f"/sobjects/Account/{gone}")
    span = {"start": "2026-11-20T09:00:00+00:00", "end": "2026-11-20T11:00:00+00:00"}
    covered = "2026-11-20T10:00:00.000+0000"
    assert caller.call("GET", "/sobjects/Account/updated/", params=span).json() == {
        "ids": [record],
        "latestDateCovered": covered,
    }
    assert caller.call("GET", "/sobjects/Account/deleted/", params=span).json() == {
        "deletedRecords": [{"id": gone, "deletedDate": covered}],
        "earliestDateAvailable": covered,
        "latestDateCovered": covered,
    }
    naive = {"start": "2026-11-20T09:00:00", "end": "2026-11-20T11:00:00"}
    assert caller.refusal("GET", "/sobjects/Account/updated/", params=naive)[0] == 400


def test_racing_upserts_create_one_record(caller: Any) -> None:
    def send(_: int) -> int:
        url = f"{caller.base}/services/data/v67.0/sobjects/Account/ERP_Id__c/race"
        headers = {"Authorization": str(caller.http.headers["Authorization"])}
        return requests.patch(url, json={"Name": "x"}, headers=headers, timeout=10).status_code

    with ThreadPoolExecutor(8) as pool:
        statuses = sorted(pool.map(send, range(16)))
    assert statuses == [200] * 15 + [201]
    assert caller.query("SELECT COUNT() FROM Account")["totalSize"] == 1
