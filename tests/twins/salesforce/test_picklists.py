"""What an administrator changes: statuses of orders with their category, and other words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.twins.salesforce.conftest import WORLD, Caller

QUOTES = [
    {"value": "Quote", "category": "Draft", "default": True},
    {"value": "In Approval", "category": "Draft"},
    {"value": "Approved", "category": "Activated"},
    {"value": "Cancelled", "category": "Activated"},
]
PLACED = {name: value for name, value in WORLD["orders"][0].items() if name != "order_no"}


def statuses(caller: Any) -> list[tuple[str, str, bool]]:
    rows = caller.query("SELECT ApiName, StatusCode, IsDefault FROM OrderStatus ORDER BY SortOrder")["records"]
    return [(row["ApiName"], row["StatusCode"], row["IsDefault"]) for row in rows]


def field(caller: Any, sobject: str, name: str) -> dict[str, Any]:
    described = caller.call("GET", f"/sobjects/{sobject}/describe").json()["fields"]
    return dict(next(one for one in described if one["name"] == name))


def values(caller: Any, sobject: str, name: str) -> list[str]:
    return [one["value"] for one in field(caller, sobject, name)["picklistValues"]]


def test_another_lifecycle_has_other_statuses(seeded: Any) -> None:
    seeded.control("PUT", "/order-statuses", QUOTES)
    assert statuses(seeded) == [
        ("Quote", "Draft", True),
        ("In Approval", "Draft", False),
        ("Approved", "Activated", False),
        ("Cancelled", "Activated", False),
    ]
    assert values(seeded, "Order", "Status") == ["Quote", "In Approval", "Approved", "Cancelled"]
    draft = seeded.control("POST", "/orders", {**PLACED, "activate": False, "status": "Quote"})
    path = f"/sobjects/Order/{draft['id']}"
    assert seeded.refusal("PATCH", path, {"Status": "Draft"})[1] == "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"
    for status, category in (("In Approval", "Draft"), ("Approved", "Activated"), ("Cancelled", "Activated")):
        assert seeded.call("PATCH", path, {"Status": status}).status_code == 204
        assert seeded.read("Order", draft["id"])["StatusCode"] == category


def test_statuses_survive_a_restart_and_end_with_a_reset(start_server: Any, tmp_path: Path) -> None:
    path = str(tmp_path / "salesforce.sqlite")
    first = start_server(path)
    caller = Caller(first.base)
    caller.control("PUT", "/order-statuses", QUOTES)
    caller.control("PUT", "/picklists/Order/Gateway_Status__c", {"values": ["On Site", "Settled"]})
    caller.http.close()
    first.stop()
    again = Caller(start_server(path).base)
    assert [name for name, _, _ in statuses(again)] == ["Quote", "In Approval", "Approved", "Cancelled"]
    assert values(again, "Order", "Gateway_Status__c") == ["On Site", "Settled"]
    again.control("POST", "/reset")
    again.log_in()
    assert statuses(again) == [("Draft", "Draft", True), ("Activated", "Activated", False)]
    assert "Credit Hold" in values(again, "Order", "Gateway_Status__c")
    again.http.close()


@pytest.mark.parametrize(
    "bad",
    [
        [],
        [{"value": "Draft", "category": "Draft"}],
        [{"value": "Draft", "category": "Draft", "default": True}, {"value": "Draft", "category": "Activated"}],
        [{"value": "Active", "category": "Activated", "default": True}],
        [{"value": "Draft", "category": "Superseded", "default": True}],
    ],
)
def test_statuses_that_no_org_could_have_are_refused(caller: Any, bad: list[dict[str, Any]]) -> None:
    answer = caller.http.put(f"{caller.base}/__twin__/order-statuses", json=bad, timeout=10)
    assert answer.status_code == 400
    assert statuses(caller) == [("Draft", "Draft", True), ("Activated", "Activated", False)]


@pytest.mark.parametrize(("place", "status"), [("Order/Status", 400), ("Order/Name", 404), ("Odd__c/Status__c", 404)])
def test_only_other_picklists_take_words(caller: Any, place: str, status: int) -> None:
    answer = caller.http.put(f"{caller.base}/__twin__/picklists/{place}", json={"values": ["A"]}, timeout=10)
    assert answer.status_code == status


def test_words_of_the_gateway_are_those_that_it_was_given(seeded: Any) -> None:
    order = seeded.control("GET", "/records/Order")["records"][0]["Id"]
    path = f"/sobjects/Order/{order}"
    assert seeded.refusal("PATCH", path, {"Gateway_Status__c": "On Fire"})[0] == 400
    seeded.control("PUT", "/picklists/order/gateway_status__c", {"values": ["On Fire"]})
    assert seeded.call("PATCH", path, {"Gateway_Status__c": "On Fire"}).status_code == 204
    assert field(seeded, "Order", "Gateway_Status__c")["restrictedPicklist"] is True


def test_a_rep_changes_a_quantity_and_cancels(seeded: Any) -> None:
    """Cases O8 and O9 begin like this: the order is activated, and somebody else than the gateway writes."""
    seeded.control(
        "PUT",
        "/order-statuses",
        [
            {"value": "Draft", "category": "Draft", "default": True},
            {"value": "Activated", "category": "Activated"},
            {"value": "Cancelled", "category": "Activated"},
        ],
    )
    line = seeded.control("GET", "/records/OrderItem")["records"][0]
    seeded.control("POST", "/records/OrderItem", {"match": {"Id": line["Id"]}, "fields": {"Quantity": 7}})
    cancel = {"match": {"ERP_Order_Id__c": "SO700310"}, "fields": {"Status": "Cancelled"}}
    seeded.control("POST", "/records/Order", cancel)
    row = seeded.query("SELECT Status, StatusCode, LastModifiedBy.Name, (SELECT Quantity FROM OrderItems) FROM Order")
    (order,) = row["records"]
    assert (order["Status"], order["StatusCode"]) == ("Cancelled", "Activated")
    assert order["LastModifiedBy"]["Name"] == "Sales Rep"
    assert order["OrderItems"]["records"][0]["Quantity"] == 7


def test_a_rep_deletes_a_line_of_a_draft_only(seeded: Any) -> None:
    draft = seeded.control("POST", "/orders", {**PLACED, "activate": False})
    seeded.control("DELETE", f"/records/OrderItem/{draft['items'][0]}")
    assert seeded.query(f"SELECT COUNT() FROM OrderItem WHERE OrderId = '{draft['id']}'")["totalSize"] == 1
    activated = seeded.query("SELECT Id FROM OrderItem WHERE Order.Status = 'Activated'")["records"][0]["Id"]
    refused = seeded.http.delete(f"{seeded.base}/__twin__/records/OrderItem/{activated}", timeout=10)
    assert refused.status_code == 400


def test_a_change_can_be_made_in_the_name_of_the_gateway(seeded: Any) -> None:
    match = {"match": {"ERP_Order_Id__c": "SO700310"}, "fields": {"PoNumber": "PO-9"}}
    seeded.control("POST", "/records/Order", {**match, "user": "integration"})
    row = seeded.query("SELECT PoNumber, LastModifiedBy.Name FROM Order")["records"][0]
    assert (row["PoNumber"], row["LastModifiedBy"]["Name"]) == ("PO-9", "Integration User")
    body = {**match, "user": "nobody"}
    assert seeded.http.post(f"{seeded.base}/__twin__/records/Order", json=body, timeout=10).status_code == 400


@pytest.mark.parametrize(
    ("sobject", "name", "expected"),
    [
        ("Order", "ERP_Order_Id__c", {"permissionable": True, "externalId": True, "unique": True, "updateable": True}),
        ("Order", "Open_Amount__c", {"permissionable": True, "type": "currency", "precision": 18, "scale": 2}),
        ("Order", "PoNumber", {"permissionable": True, "updateable": True}),
        ("Order", "EffectiveDate", {"permissionable": False, "nillable": False}),
        ("Product2", "IsActive", {"permissionable": False}),
        ("OrderItem", "Product2Id", {"permissionable": False, "updateable": False}),
        ("Order", "SystemModstamp", {"permissionable": False, "updateable": False}),
        ("Order_Event__c", "Note__c", {"permissionable": True, "length": 4000, "createable": True}),
    ],
)
def test_fields_are_described(caller: Any, sobject: str, name: str, expected: dict[str, object]) -> None:
    shown = field(caller, sobject, name)
    assert {key: shown[key] for key in expected} == expected
