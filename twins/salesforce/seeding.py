"""The world of the demo as records of the org: customers, items with prices, and orders."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from twins.salesforce.errors import ApiError
from twins.salesforce.org import SALES_USER, STANDARD_PRICE_BOOK, Org
from twins.salesforce.schema import SObject
from twins.salesforce.tables import Row
from twins.salesforce.values import to_stored

World = Mapping[str, Any]


def seed(org: Org, world: World) -> dict[str, Any]:
    """Bring the org to what the world says; a second time it changes nothing. Orders that exist stay as they are."""
    accounts = sum(
        _keep(org, "Account", ("ERP_Id__c", one["erp_no"]), _account(one)) for one in world.get("customers", ())
    )
    products = sum(_keep(org, "Product2", ("ERP_SKU__c", one["sku"]), _product(one)) for one in world.get("items", ()))
    prices = sum(_price(org, one) for one in world.get("items", ()))
    orders = 0
    for order in world.get("orders", ()):
        if _find(org, "Order", "ERP_Order_Id__c", order["order_no"]) is None:
            place_order(org, order)
            orders += 1
    return {"written": {"Account": accounts, "Product2": products, "PricebookEntry": prices, "Order": orders}}


def place_order(org: Org, order: World) -> dict[str, Any]:
    """Create one order as a sales rep does: a draft, its products, and the activation unless `activate` is false.

    `status` names the draft's status where it is not the default one.
    """
    account = _need(org, "Account", "ERP_Id__c", order["customer_erp_no"])
    header = {
        "AccountId": account["Id"],
        "Pricebook2Id": STANDARD_PRICE_BOOK,
        "EffectiveDate": order["ordered_on"],
        "Status": order.get("status") or org.picklists.first_status,
        "PoNumber": order.get("po_no"),
        "ERP_Order_Id__c": order.get("order_no"),
    }
    sobject = org.schema.get("Order")
    record = org.records.create(sobject, header, SALES_USER)
    items = [
        org.records.create(org.schema.get("OrderItem"), _line(org, record, line), SALES_USER) for line in order["lines"]
    ]
    if order.get("activate", True):
        org.records.update(sobject, record, {"Status": org.picklists.activated_status}, SALES_USER)
    number = org.records.read(sobject, record)["OrderNumber"]
    return {"id": record, "order_number": number, "items": items}


def _line(org: Org, order: str, line: World) -> dict[str, Any]:
    product = _need(org, "Product2", "ERP_SKU__c", line["sku"])
    entry = _entry(org, product)
    return {
        "OrderId": order,
        "PricebookEntryId": entry and entry["Id"],
        "Product2Id": product["Id"],
        "Quantity": Decimal(str(line["quantity"])),
        "UnitPrice": Decimal(str(line["unit_price"])),
        "ERP_Line_No__c": line["line"],
        "UoM__c": line["uom"],
    }


def _account(customer: World) -> dict[str, Any]:
    address = customer.get("bill_to") or {}
    return {
        "Name": customer["name"],
        "AccountNumber": customer["erp_no"],
        "BillingStreet": address.get("line1"),
        "BillingCity": address.get("city"),
        "BillingState": address.get("state"),
        "BillingPostalCode": address.get("zip"),
    }


def _product(item: World) -> dict[str, Any]:
    return {
        "Name": item["description"],
        "ProductCode": item["sku"],
        "QuantityUnitOfMeasure": item.get("sell_uom"),
        "IsActive": True,
    }


def _price(org: Org, item: World) -> bool:
    product = _need(org, "Product2", "ERP_SKU__c", item["sku"])
    price = {"UnitPrice": Decimal(str(item["list_price"])), "IsActive": True}
    entry = _entry(org, product)
    sobject = org.schema.get("PricebookEntry")
    if entry is None:
        keys = {"Pricebook2Id": STANDARD_PRICE_BOOK, "Product2Id": product["Id"]}
        org.records.create(sobject, {**keys, **price}, SALES_USER)
        return True
    return _change(org, sobject, entry, price)


def _entry(org: Org, product: Row) -> Row | None:
    where = '"Product2Id" = ? AND "Pricebook2Id" = ? AND "IsDeleted" = 0'
    rows = org.tables.select(org.schema.get("PricebookEntry"), where, product["Id"], STANDARD_PRICE_BOOK)
    return rows[0] if rows else None


def _keep(org: Org, name: str, key: tuple[str, Any], values: dict[str, Any]) -> bool:
    """Create the record with that key or change what differs; returns whether anything was written."""
    sobject = org.schema.get(name)
    row = _find(org, name, *key)
    if row is None:
        org.records.create(sobject, {key[0]: key[1], **values}, SALES_USER)
        return True
    return _change(org, sobject, row, values)


def _change(org: Org, sobject: SObject, row: Row, values: dict[str, Any]) -> bool:
    wanted = {name: to_stored(sobject.by_name[name.lower()], value) for name, value in values.items()}
    if all(row[name] == value for name, value in wanted.items()):
        return False
    org.records.update(sobject, str(row["Id"]), values, SALES_USER)
    return True


def _find(org: Org, name: str, field: str, value: object) -> Row | None:
    sobject = org.schema.get(name)
    return org.records.find_external(sobject, sobject.by_name[field.lower()], value)


def _need(org: Org, name: str, field: str, value: object) -> Row:
    row = _find(org, name, field, value)
    if row is None:
        raise ApiError(404, "NOT_FOUND", f"{name} with {field} {value} is not in the org; seed it first")
    return row
