"""Orders: drafts, products from the order's price book, activation in two steps, and what stays open afterwards."""

from decimal import Decimal
from typing import Any

import pytest


@pytest.fixture
def draft(seeded: Any) -> str:
    """The id of an order without products."""
    account = seeded.query("SELECT Id FROM Account LIMIT 1")["records"][0]["Id"]
    book = seeded.query("SELECT Id FROM Pricebook2 WHERE IsStandard = true")["records"][0]["Id"]
    return str(seeded.create("Order", AccountId=account, Pricebook2Id=book, EffectiveDate="2026-11-20", Status="Draft"))


def item(caller: Any, order: str, **fields: Any) -> dict[str, Any]:
    entry = caller.query("SELECT Id FROM PricebookEntry WHERE Product2.ERP_SKU__c = 'FLB-0191'")["records"][0]["Id"]
    return {"OrderId": order, "PricebookEntryId": entry, "Quantity": 3, **fields}


def test_seeded_order(seeded: Any) -> None:
    (order,) = seeded.query("SELECT Id FROM Order WHERE Status = 'Activated'")["records"]
    row = seeded.read("Order", order["Id"])
    assert row["OrderNumber"] == "00000100"
    assert row["StatusCode"] == "Activated"
    assert row["TotalAmount"] == Decimal("190.85") + Decimal("452.81")
    assert row["ActivatedDate"]
    assert row["ActivatedById"] == row["CreatedById"]
    text = seeded.call("GET", "/query", params={"q": "SELECT Quantity, UnitPrice, ListPrice FROM OrderItem"}).text
    for token in (
        '"Quantity":4.0',
        '"UnitPrice":47.7119',
        '"Quantity":2.25',
        '"UnitPrice":201.25',
        '"ListPrice":94.251',
    ):
        assert token in text


def test_an_order_is_born_as_a_draft(seeded: Any, draft: str) -> None:
    row = seeded.read("Order", draft)
    body = {name: row[name] for name in ("AccountId", "EffectiveDate")} | {"Status": "Activated"}
    assert seeded.refusal("POST", "/sobjects/Order", body)[:2] == (400, "FAILED_ACTIVATION")
    assert row["TotalAmount"] == 0


def test_products_fill_and_total_the_order(seeded: Any, draft: str) -> None:
    line = seeded.create("OrderItem", **item(seeded, draft))
    row = seeded.read("OrderItem", line)
    assert row["UnitPrice"] == row["ListPrice"] == Decimal("94.251")
    assert row["TotalPrice"] == Decimal("282.75")
    assert row["Product2Id"].startswith("01t")
    assert seeded.read("Order", draft)["TotalAmount"] == Decimal("282.75")
    seeded.call("PATCH", f"/sobjects/OrderItem/{line}", {"Quantity": 1, "UnitPrice": 10.5})
    assert seeded.read("Order", draft)["TotalAmount"] == Decimal("10.5")
    assert seeded.call("DELETE", f"/sobjects/OrderItem/{line}").status_code == 204
    assert seeded.read("Order", draft)["TotalAmount"] == 0
    assert seeded.refusal("GET", f"/sobjects/OrderItem/{line}")[1] == "NOT_FOUND"


def test_a_product_needs_the_price_book_of_the_order(seeded: Any, draft: str) -> None:
    account = seeded.read("Order", draft)["AccountId"]
    bare = seeded.create("Order", AccountId=account, EffectiveDate="2026-11-20", Status="Draft")
    assert seeded.refusal("POST", "/sobjects/OrderItem", item(seeded, bare))[1] == "FIELD_INTEGRITY_EXCEPTION"
    line = seeded.create("OrderItem", **item(seeded, draft))
    change = {"PricebookEntryId": item(seeded, draft)["PricebookEntryId"]}
    refused = seeded.refusal("PATCH", f"/sobjects/OrderItem/{line}", change)
    assert refused[1] == "INVALID_FIELD_FOR_INSERT_UPDATE"


def test_activation_takes_two_steps(seeded: Any, draft: str) -> None:
    path = f"/sobjects/Order/{draft}"
    empty = seeded.refusal("PATCH", path, {"Status": "Activated"})
    assert empty == (400, "FAILED_ACTIVATION", "An order must have at least one product.")
    line = seeded.create("OrderItem", **item(seeded, draft))
    assert seeded.refusal("PATCH", path, {"Status": "Activated", "PoNumber": "1"})[1] == "FAILED_ACTIVATION"
    seeded.control("PATCH", "/settings", {"activate_orders": False})
    assert seeded.refusal("PATCH", path, {"Status": "Activated"})[1] == "INSUFFICIENT_ACCESS_OR_READONLY"
    seeded.control("PATCH", "/settings", {"activate_orders": True})
    assert seeded.call("PATCH", path, {"Status": "Activated"}).status_code == 204
    assert seeded.refusal("POST", "/sobjects/OrderItem", item(seeded, draft))[1] == "FIELD_INTEGRITY_EXCEPTION"
    assert seeded.refusal("DELETE", f"/sobjects/OrderItem/{line}")[1] == "DELETE_FAILED"
    assert seeded.refusal("DELETE", path)[1] == "DELETE_FAILED"


def test_an_activated_order_still_takes_the_lifecycle(seeded: Any) -> None:
    (order,) = seeded.query("SELECT Id, (SELECT Id FROM OrderItems) FROM Order")["records"]
    path = f"/sobjects/Order/{order['Id']}"
    line = f"/sobjects/OrderItem/{order['OrderItems']['records'][0]['Id']}"
    assert seeded.call("PATCH", path, {"Gateway_Status__c": "Partially Shipped"}).status_code == 204
    assert seeded.call("PATCH", line, {"Qty_Shipped__c": 1.25}).status_code == 204
    assert seeded.refusal("PATCH", path, {"Gateway_Status__c": "Odd"})[1] == "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"
    other = seeded.query("SELECT Id FROM Account WHERE ERP_Id__c = '00040264'")["records"][0]["Id"]
    assert seeded.refusal("PATCH", path, {"AccountId": other})[1] == "FIELD_INTEGRITY_EXCEPTION"
    seeded.control("PATCH", "/settings", {"edit_activated_orders": False})
    for target, change in ((path, {"Gateway_Status__c": "Shipped"}), (line, {"Qty_Shipped__c": 2})):
        assert seeded.refusal("PATCH", target, change)[1] == "INSUFFICIENT_ACCESS_OR_READONLY"


def test_back_to_draft_opens_the_order(seeded: Any) -> None:
    order = seeded.query("SELECT Id FROM Order")["records"][0]["Id"]
    assert seeded.call("PATCH", f"/sobjects/Order/{order}", {"Status": "Draft"}).status_code == 204
    row = seeded.read("Order", order)
    assert (row["StatusCode"], row["ActivatedDate"]) == ("Draft", None)
    assert seeded.call("DELETE", f"/sobjects/Order/{order}").status_code == 204
    assert seeded.query("SELECT COUNT() FROM OrderItem", "queryAll")["totalSize"] == 0


def test_prices_start_in_the_standard_price_book(seeded: Any) -> None:
    book = seeded.create("Pricebook2", Name="Wholesale", IsActive=True)
    new = seeded.create("Product2", Name="New")
    price = {"Pricebook2Id": book, "UnitPrice": 1}
    refused = seeded.refusal("POST", "/sobjects/PricebookEntry", {**price, "Product2Id": new})
    assert refused[1] == "STANDARD_PRICE_NOT_DEFINED"
    priced = seeded.query("SELECT Product2Id, ProductCode FROM PricebookEntry LIMIT 1")["records"][0]
    assert priced["ProductCode"] == "FLB-0191"
    seeded.create("PricebookEntry", **price, Product2Id=priced["Product2Id"])
    again = seeded.refusal("POST", "/sobjects/PricebookEntry", {**price, "Product2Id": priced["Product2Id"]})
    assert again[1] == "FIELD_INTEGRITY_EXCEPTION"


def test_what_an_order_uses_is_not_deleted(seeded: Any) -> None:
    (order,) = seeded.query("SELECT AccountId, (SELECT Product2Id FROM OrderItems) FROM Order")["records"]
    assert seeded.refusal("DELETE", f"/sobjects/Account/{order['AccountId']}")[1] == "DELETE_FAILED"
    product = order["OrderItems"]["records"][0]["Product2Id"]
    assert seeded.refusal("DELETE", f"/sobjects/Product2/{product}")[1] == "DELETE_FAILED"


def test_order_status_values(caller: Any) -> None:
    values = caller.query("SELECT ApiName, MasterLabel, StatusCode, IsDefault FROM OrderStatus ORDER BY SortOrder")
    assert [(row["ApiName"], row["StatusCode"], row["IsDefault"]) for row in values["records"]] == [
        ("Draft", "Draft", True),
        ("Activated", "Activated", False),
    ]
