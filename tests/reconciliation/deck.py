"""The records of a company, each to be altered once, and the hands that alter them: control planes and plain SQL."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from typing import Any

from tests.reconciliation.lived import Json, Lived
from tests.reconciliation.oracle import Altered, Named
from twins.web import load_json


class Deck:
    """Piles of records in a random order. A record lies in one pile, or is altered in a field of its own."""

    def __init__(self, lived: Lived, seed: int) -> None:
        self.lived, self.chance = lived, random.Random(seed)  # noqa: S311 - a seeded shuffle, no secret
        ledger = lived.books._call("GET", "ledger")
        ours = [one for one in ledger["invoices"] if one["private_note"] and not one["voided"] and not one["deleted"]]
        credited = set(lived.column("SELECT shipment_number FROM credits"))
        self.unpaid = self.shuffled(
            one for one in ours if one["balance"] == one["total"] and shipment_of(one) not in credited
        )
        self.credits = self.shuffled(one for one in ledger["credit_memos"] if not one["deleted"])
        self._of_the_org(set(lived.column("SELECT order_number FROM statements WHERE subject = 'order'")))
        self.customers = {one["customer_id"]: one["customer_name"] for one in ours}
        numbers = lived.column("SELECT number FROM customers ORDER BY number")
        self.numbers = dict(zip(lived.column("SELECT name FROM customers ORDER BY number"), numbers, strict=True))
        self.items = [line["item_id"] for one in ours for line in one["lines"] if line["item_id"]]
        self.balances = self.debts()
        self.rows: dict[str, list[str]] = {}
        self.files = self.shuffled(
            lived.column(
                "SELECT id || ' ' || sha256 || ' ' || filename FROM source_files WHERE layout <> 'inv410r' ORDER BY 1"
            )
        )

    def _of_the_org(self, shown: set[str]) -> None:
        orders = {one["Id"]: one for one in self.lived.records("Order")}
        self.orders = self.shuffled(one for one in orders.values() if one["ERP_Order_Id__c"] in shown)
        numbered = {key: one["ERP_Order_Id__c"] for key, one in orders.items()}
        lines = ({**one, "order": numbered[one["OrderId"]]} for one in self.lived.records("OrderItem"))
        self.lines = self.shuffled(one for one in lines if one["order"] in shown)
        self.invoices = self.shuffled(self.lived.records("Invoice__c"))
        self.levels = self.shuffled(self.lived.records("Inventory_Level__c"))
        products = self.lived.records("Product2")
        self.products = self.shuffled(one for one in products if one["Available_Qty__c"] is not None)
        billed = set(self.lived.column("SELECT DISTINCT customer_number FROM invoices"))
        self.accounts = self.shuffled(one for one in self.lived.records("Account") if one["ERP_Id__c"] in billed)

    def shuffled(self, found: Iterable[Any]) -> list[Any]:
        """These in a random order, which the seed alone decides."""
        listed = list(found)
        self.chance.shuffle(listed)
        return listed

    def row(self, table: str, query: str) -> str | None:
        """The key of a row of the store that nobody has altered; None when there is none any more."""
        if table not in self.rows:
            self.rows[table] = self.shuffled(self.lived.column(query))
        return self.rows[table].pop() if self.rows[table] else None

    def takes(self, pile: str, field: str, key: str) -> bool:
        """Take a record out of a pile by its key; False where it lies there no more: somebody has altered it."""
        before = len(getattr(self, pile))
        setattr(self, pile, [one for one in getattr(self, pile) if one[field] != key])
        return len(getattr(self, pile)) < before

    def debts(self) -> dict[str, str]:
        """What each customer owes, by the books of the stand-in."""
        rows = self.lived.books.app.database.execute("SELECT body FROM entity WHERE kind = 'Customer' ORDER BY id")
        found = [load_json(body) for (body,) in rows]
        return {one["DisplayName"]: plain(one.get("Balance", 0)) for one in found}

    def owed_otherwise(self) -> Altered | None:
        """What has to be said of customers who owe something else by the books than before all that was altered."""
        now = self.debts()
        moved = [self.numbers[name] for name, owed in now.items() if owed != self.balances[name]]
        must = tuple(Named("R4", "balance_not_pulled", "customer", number, "balance") for number in moved)
        return Altered("balances", must) if must else None

    def edit(self, document: Json, operation: str = "update", entity: str = "Invoice", **changes: Any) -> None:
        """Somebody changes a document in QuickBooks."""
        self.lived.books.edit(entity, document["id"], operation, **changes)

    def in_org(self, name: str, row: Json, **fields: object) -> None:
        """Somebody changes a record in Salesforce."""
        self.lived.org.control("POST", f"/records/{name}", {"match": {"Id": row["Id"]}, "fields": fields})

    def remove(self, name: str, row: Json) -> None:
        """Somebody deletes a record in Salesforce."""
        self.lived.org.control("DELETE", f"/records/{name}/{row['Id']}")

    def create(self, name: str, **fields: object) -> None:
        """Somebody makes a record in Salesforce."""
        self.lived.org.control("POST", f"/records/{name}", {"fields": fields})


Alter = Callable[[Deck], Altered | None]


def shipment_of(document: Json) -> str:
    """The shipment that a document of ours names by its marker."""
    return str(document["private_note"]).split()[0].split(":")[1]


def plain(value: object) -> str:
    """A number as findings write it: without trailing zeros."""
    text = format(value, "f") if not isinstance(value, str) else value
    return text.rstrip("0").rstrip(".") if "." in text else text
