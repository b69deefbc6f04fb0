"""What Orders, their products and price books demand beyond their schema.

The error codes of edits to an activated order differ between orgs and are not documented in full; the twin uses
FAILED_ACTIVATION, FIELD_INTEGRITY_EXCEPTION, INSUFFICIENT_ACCESS_OR_READONLY and DELETE_FAILED.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from twins.salesforce.errors import ApiError
from twins.salesforce.schema import SObject
from twins.salesforce.tables import Row, Tables
from twins.salesforce.values import scaled, stamp, to_json


class OrderRules:
    """The rules of Order, OrderItem and PricebookEntry; other objects pass untouched."""

    def __init__(
        self,
        tables: Tables,
        now: Callable[[], datetime],
        settings: Callable[[], Mapping[str, Any]],
        category: Callable[[str], str | None],
    ) -> None:
        self.tables = tables
        self.now = now
        self.settings = settings
        self.category = category

    def complete(self, sobject: SObject, row: Row) -> None:
        """Fill the product, its list price and the category of a status."""
        if sobject.name == "Order":
            row["TotalAmount"] = 0
            row["StatusCode"] = self.category(str(row.get("Status")))
        elif sobject.name == "OrderItem" and row.get("PricebookEntryId"):
            self._complete_item(row)
        elif sobject.name == "PricebookEntry" and row.get("Product2Id"):
            product = self._row("Product2", row["Product2Id"])
            row |= {"Name": product["Name"], "ProductCode": product["ProductCode"]}

    def check_insert(self, sobject: SObject, row: Row) -> None:
        """Refuse an order that is not a draft, a product outside the order's price book, a price without a standard."""
        if sobject.name == "Order" and row["StatusCode"] != "Draft":
            raise ApiError(400, "FAILED_ACTIVATION", "An order must be created with a status of Draft.", ["Status"])
        if sobject.name == "OrderItem":
            self._check_item(row)
        elif sobject.name == "PricebookEntry":
            self._check_price(row)

    def check_update(self, sobject: SObject, row: Row, changes: Row, user: str) -> None:
        """Hold to the two-step activation and to what an activated order still allows."""
        if sobject.name == "Order":
            self._check_order_update(row, changes, user)
        elif sobject.name == "OrderItem":
            if self._activated(row):
                self._check_edit()
                self._check_frozen(row, changes)
            self._price({**row, **changes}, changes)

    def check_delete(self, sobject: SObject, row: Row) -> None:
        """Refuse to delete what an order needs, and an order that is activated."""
        if sobject.name == "Order":
            if row["StatusCode"] == "Activated":
                raise ApiError(400, "DELETE_FAILED", "You can't delete an activated order.", [])
            for item in self._items(row["Id"]):
                self.tables.remove(self.tables.schema.get("OrderItem"), str(item["Id"]))
        elif sobject.name == "OrderItem" and self._activated(row):
            raise ApiError(400, "DELETE_FAILED", "You can't delete the products of an activated order.", [])
        elif sobject.name in {"Account", "Product2"}:
            self._check_unused(sobject, row)

    def saved(self, sobject: SObject, row: Row) -> None:
        """Roll the products of an order up into its total amount, which moves the order's stamp."""
        if sobject.name != "OrderItem":
            return
        order = self._row("Order", row["OrderId"])
        total = sum(int(item["TotalPrice"] or 0) for item in self._items(order["Id"]))
        if total != order["TotalAmount"]:
            moment = stamp(self.now())
            changes: Row = {"TotalAmount": total, "SystemModstamp": moment, "LastModifiedDate": moment}
            self.tables.update(self.tables.schema.get("Order"), str(order["Id"]), changes)

    def _row(self, name: str, record: object) -> Row:
        row = self.tables.by_id(self.tables.schema.get(name), str(record))
        if row is None:
            raise ApiError(400, "INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", [])
        return row

    def _items(self, order: object) -> list[Row]:
        return self.tables.select(self.tables.schema.get("OrderItem"), '"OrderId" = ?', order)

    def _activated(self, item: Row) -> bool:
        return self._row("Order", item["OrderId"])["StatusCode"] == "Activated"

    def _complete_item(self, row: Row) -> None:
        entry = self._row("PricebookEntry", row["PricebookEntryId"])
        if row.get("UnitPrice") is None:
            row["UnitPrice"] = entry["UnitPrice"]
        row.setdefault("Product2Id", entry["Product2Id"])
        row["ListPrice"] = entry["UnitPrice"]
        self._price(row, row)

    def _price(self, values: Row, changes: Row) -> None:
        item = self.tables.schema.get("OrderItem").by_name
        quantity = to_json(item["quantity"], values.get("Quantity"))
        price = to_json(item["unitprice"], values.get("UnitPrice"))
        if quantity is not None and price is not None:
            changes["TotalPrice"] = scaled(quantity * price, item["totalprice"].scale)  # type: ignore[operator]

    def _check_item(self, row: Row) -> None:
        order = self._row("Order", row["OrderId"])
        entry = self._row("PricebookEntry", row["PricebookEntryId"])
        if order["StatusCode"] == "Activated":
            message = "You can't add products to an activated order."
            raise ApiError(400, "FIELD_INTEGRITY_EXCEPTION", message, ["OrderId"])
        if order["Pricebook2Id"] != entry["Pricebook2Id"]:
            message = "The price book of the price book entry must be the price book of the order."
            raise ApiError(400, "FIELD_INTEGRITY_EXCEPTION", message, ["PricebookEntryId"])
        if row["Product2Id"] != entry["Product2Id"]:
            message = "The product must be the product of the price book entry."
            raise ApiError(400, "FIELD_INTEGRITY_EXCEPTION", message, ["Product2Id"])

    def _check_price(self, row: Row) -> None:
        entries = self.tables.select(
            self.tables.schema.get("PricebookEntry"), '"Product2Id" = ? AND "IsDeleted" = 0', row["Product2Id"]
        )
        if any(entry["Pricebook2Id"] == row["Pricebook2Id"] for entry in entries):
            message = "This price definition already exists in this price book"
            raise ApiError(400, "FIELD_INTEGRITY_EXCEPTION", message, [])
        book = self._row("Pricebook2", row["Pricebook2Id"])
        standard = {entry["Pricebook2Id"] for entry in entries}
        if not book["IsStandard"] and not any(self._row("Pricebook2", b)["IsStandard"] for b in standard):
            message = "Before creating a custom price, create a standard price."
            raise ApiError(400, "STANDARD_PRICE_NOT_DEFINED", message, [])

    def _check_order_update(self, row: Row, changes: Row, user: str) -> None:
        before, after = row["StatusCode"], self.category(str(changes.get("Status", row["Status"])))
        given = set(changes)
        if "Status" in changes:
            changes["StatusCode"] = after
        if before == "Draft" and after == "Activated":
            self._activate(row, given)
            changes |= {"ActivatedDate": stamp(self.now()), "ActivatedById": user}
        elif before == "Activated" and after == "Draft":
            changes |= {"ActivatedDate": None, "ActivatedById": None}
        elif before == "Activated":
            self._check_edit()
            if "AccountId" in changes and changes["AccountId"] != row["AccountId"]:
                message = "You can't change the account of an activated order."
                raise ApiError(400, "FIELD_INTEGRITY_EXCEPTION", message, ["AccountId"])
        if changes.get("Pricebook2Id", row["Pricebook2Id"]) != row["Pricebook2Id"] and self._items(row["Id"]):
            message = "You can't change the price book of an order that has products."
            raise ApiError(400, "FIELD_INTEGRITY_EXCEPTION", message, ["Pricebook2Id"])

    def _activate(self, row: Row, given: set[str]) -> None:
        if not self.settings()["activate_orders"]:
            raise ApiError(400, "INSUFFICIENT_ACCESS_OR_READONLY", "You don't have permission to activate orders.", [])
        if given != {"Status"}:
            message = "When you activate an order, you can't change any other field in the same update."
            raise ApiError(400, "FAILED_ACTIVATION", message, sorted(given - {"Status"}))
        if not self._items(row["Id"]):
            raise ApiError(400, "FAILED_ACTIVATION", "An order must have at least one product.", [])

    def _check_edit(self) -> None:
        if not self.settings()["edit_activated_orders"]:
            message = "insufficient access rights on object id"
            raise ApiError(400, "INSUFFICIENT_ACCESS_OR_READONLY", message, [])

    def _check_frozen(self, row: Row, changes: Row) -> None:
        """With Enhanced Commerce Orders no permission opens what an activated order was priced by."""
        moved = [name for name in ("Quantity", "UnitPrice") if changes.get(name, row[name]) != row[name]]
        if moved and self.settings()["enhanced_commerce_orders"]:
            message = "You can't change the quantity or the price of a product of an activated order."
            raise ApiError(400, "FIELD_INTEGRITY_EXCEPTION", message, moved)

    def _check_unused(self, sobject: SObject, row: Row) -> None:
        name, column = ("Order", "AccountId") if sobject.name == "Account" else ("OrderItem", "Product2Id")
        child = self.tables.schema.get(name)
        if self.tables.select(child, f'"{column}" = ? AND "IsDeleted" = 0', row["Id"]):
            message = (
                f"Your attempt to delete {row['Name']} could not be completed because it is associated with orders."
            )
            raise ApiError(400, "DELETE_FAILED", message, [])
