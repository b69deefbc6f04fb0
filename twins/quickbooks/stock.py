"""Inventory items on invoices: what they demand of a line, and how a sale moves the quantity on hand."""

from collections import Counter
from decimal import Decimal

from twins.quickbooks.answers import BusinessFault
from twins.quickbooks.state import Company
from twins.web import JsonObject


def check_stock(company: Company, lines: list[JsonObject], txn_date: str) -> None:
    """Refuse a line of an inventory item without quantity (6520) or before the item's start date (6270)."""
    for line in lines:
        item = _inventory_item(company, line)
        if item is None:
            continue
        if "Qty" not in line["SalesItemLineDetail"]:
            raise BusinessFault(6520, "Quantity required for inventory item", "Line")
        if txn_date < item["InvStartDate"]:
            detail = f"Transaction date is prior to start date for inventory item : {item['Name']}"
            raise BusinessFault(6270, detail, "TxnDate")


def move_stock(company: Company, old: list[JsonObject], new: list[JsonObject]) -> None:
    """Give back what the old lines took and take what the new lines sell."""
    moved: Counter[str] = Counter()
    for lines, sign in ((old, 1), (new, -1)):
        for line in lines:
            item = _inventory_item(company, line)
            if item is not None:
                moved[item["Id"]] += sign * line["SalesItemLineDetail"].get("Qty", Decimal(0))
    for key, quantity in moved.items():
        found = company.find("Item", key)
        if quantity and found is not None:
            company.update("Item", {**found, "QtyOnHand": found["QtyOnHand"] + quantity}, bump=False)


def _inventory_item(company: Company, line: JsonObject) -> JsonObject | None:
    detail = line.get("SalesItemLineDetail")
    if detail is None:
        return None
    item = company.find("Item", detail["ItemRef"]["value"])
    return item if item is not None and item["Type"] == "Inventory" else None
