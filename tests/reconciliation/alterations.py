"""Random alterations behind the product's back, each on a record of its own, and what reconciliation must say of each.

Who alters uses the stand-ins' control planes and plain SQL, no code of the product.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from store.reconciliation.findings import FindingView
from tests.reconciliation.lived import Json, Lived
from twins.web import dump_json, load_json

CENT = Decimal("0.01")


@dataclass(frozen=True)
class Altered:
    """What was altered: the causes of which one must be named, the record, a word of the field, all that it touches."""

    name: str
    causes: tuple[str, ...]
    record: str
    field: str = ""
    touches: tuple[str, ...] = ()

    def is_named_by(self, finding: FindingView) -> bool:
        """Whether this finding tells exactly of it."""
        return finding.cause in self.causes and self.record in _words(finding) and self.field in finding.field

    def explains(self, finding: FindingView) -> bool:
        """Whether it can be the reason for a finding."""
        return bool({self.record, *self.touches} & _words(finding))


def _words(finding: FindingView) -> set[str]:
    key = finding.record_key
    parts = {key, *finding.belongs.values(), *key.split("|"), *key.split("/")}
    return parts | {key.rpartition(":")[0], key.rpartition("/")[0], key.rpartition("|")[0]}


class Deck:
    """The records of a company, each to be altered once."""

    def __init__(self, lived: Lived, seed: int) -> None:
        self.lived, self.chance = lived, random.Random(seed)  # noqa: S311 - a seeded shuffle, no secret
        ledger = lived.books._call("GET", "ledger")
        ours = [one for one in ledger["invoices"] if one["private_note"] and not one["voided"] and not one["deleted"]]
        credited = set(lived.column("SELECT shipment_number FROM credits"))
        self.unpaid = self._shuffled(
            one for one in ours if one["balance"] == one["total"] and _shipment(one) not in credited
        )
        self.credits = self._shuffled(one for one in ledger["credit_memos"] if not one["deleted"])
        orders = {one["Id"]: one["ERP_Order_Id__c"] for one in lived.records("Order")}
        shown = set(lived.column("SELECT order_number FROM statements WHERE subject = 'order'"))
        self.orders = self._shuffled(number for number in orders.values() if number in shown)
        lines = lived.records("OrderItem")
        self.lines = self._shuffled(
            {**one, "order": orders[one["OrderId"]]} for one in lines if orders[one["OrderId"]] in shown
        )
        self.invoices = self._shuffled(lived.records("Invoice__c"))
        self.levels = self._shuffled(lived.records("Inventory_Level__c"))
        products = lived.records("Product2")
        self.products = self._shuffled(one for one in products if one["Available_Qty__c"] is not None)
        billed = set(lived.column("SELECT DISTINCT customer_number FROM invoices"))
        self.accounts = self._shuffled(one for one in lived.records("Account") if one["ERP_Id__c"] in billed)
        self.customers = {one["customer_id"]: one["customer_name"] for one in ours}
        numbers = lived.column("SELECT number FROM customers ORDER BY number")
        self.numbers = dict(zip(lived.column("SELECT name FROM customers ORDER BY number"), numbers, strict=True))
        self.items = [line["item_id"] for one in ours for line in one["lines"] if line["item_id"]]
        self.rows = {table: self._shuffled(lived.column(query)) for table, query in _ROWS.items()}
        self.files = self._shuffled(
            lived.column("SELECT id || ' ' || sha256 FROM source_files WHERE layout <> 'inv410r'")
        )

    def _shuffled(self, found: Iterable[Any]) -> list[Any]:
        listed = list(found)
        self.chance.shuffle(listed)
        return listed

    def number_of(self, document: Json) -> str:
        """Our number of a document's customer."""
        return self.numbers[document["customer_name"]]

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


_ROWS = {
    "order_lines": "SELECT order_number || '|' || line_no FROM order_lines",
    "shipments": "SELECT number FROM shipments",
    "shipment_lines": "SELECT shipment_number || '|' || line_no FROM shipment_lines",
    "invoices": "SELECT shipment_number || '|' || generation FROM invoices",
    "invoice_lines": "SELECT shipment_number || '|' || generation || '|' || line_no FROM invoice_lines",
    "links": "SELECT system || '|' || kind || '|' || local_key || '|' || external_id FROM links WHERE kind = 'item'",
    "stock_levels": "SELECT sku || '|' || warehouse FROM stock_levels WHERE state = 'stated' AND follows",
    "customers": "SELECT number FROM customers",
    "items": "SELECT sku FROM items",
}
_BY_HAND = {  # table: the key's columns, what is changed, the column that is
    "order_lines": ("order_number || '|' || line_no", "quantity = quantity + 3", "quantity"),
    "shipments": ("number", "tracking = 'BY-HAND'", "tracking"),
    "shipment_lines": (
        "shipment_number || '|' || line_no",
        "quantity_shipped = quantity_shipped + 1",
        "quantity_shipped",
    ),
    "invoices": ("shipment_number || '|' || generation", "total = total + 7", "total"),
    "invoice_lines": (
        "shipment_number || '|' || generation || '|' || line_no",
        "unit_price = unit_price + 0.01",
        "unit_price",
    ),
    "links": (
        "system || '|' || kind || '|' || local_key || '|' || external_id",
        "external_name = 'X'",
        "external_name",
    ),
    "stock_levels": ("sku || '|' || warehouse", "on_hand = on_hand + 3", "on_hand"),
    "customers": ("number", "credit_limit = 1", "credit_limit"),
    "items": ("sku", "units_numerator = units_numerator + 1", "units_numerator"),
}
Alter = Callable[[Deck], Altered | None]


def _shipment(document: Json) -> str:
    return str(document["private_note"]).split()[0].split(":")[1]


def _sales(line: Json, *, price: int = 0, quantity: int = 0) -> Json:
    pieces = Decimal(line["quantity"] or "1") + quantity
    each = Decimal(line["unit_price"] or line["amount"]) + price
    detail = {"ItemRef": {"value": line["item_id"]}, "Qty": str(pieces), "UnitPrice": str(each)}
    amount = (each * pieces).quantize(CENT, rounding=ROUND_HALF_UP)
    return {"DetailType": "SalesItemLineDetail", "Amount": str(amount), "SalesItemLineDetail": detail}


def _document(name: str, causes: tuple[str, ...], field: str, how: Callable[[Deck, Json], object]) -> tuple[str, Alter]:
    def alter(deck: Deck) -> Altered | None:
        if not deck.unpaid:
            return None
        one = deck.unpaid.pop()
        how(deck, one)
        touched = (_shipment(one), deck.number_of(one), *deck.numbers.values()) if name == "customer" else ()
        return Altered(name, causes, one["id"], field, touched or (_shipment(one), deck.number_of(one)))

    return name, alter


def _other_customer(deck: Deck, one: Json) -> None:
    other = next(key for key in deck.customers if key != one["customer_id"])
    deck.edit(one, CustomerRef={"value": other})


def _of_documents() -> Iterator[tuple[str, Alter]]:
    edited, removed = ("invoice_edited",), ("invoice_voided", "invoice_deleted")
    yield _document("price", edited, "price", lambda d, o: d.edit(o, Line=[_sales(x, price=1) for x in o["lines"]]))
    yield _document(
        "quantity", edited, "quantity", lambda d, o: d.edit(o, Line=[_sales(x, quantity=1) for x in o["lines"]])
    )
    yield _document(
        "line more", edited, "line", lambda d, o: d.edit(o, Line=[_sales(x) for x in (*o["lines"], o["lines"][0])])
    )
    yield _document("customer", edited, "customer_id", _other_customer)
    yield _document("date", edited, "invoiced_on", lambda d, o: d.edit(o, TxnDate="2026-01-15"))
    yield _document("number", edited, "doc_number", lambda d, o: d.edit(o, DocNumber=f"H{o['id']}"))
    yield _document("voided", removed, "", lambda d, o: d.edit(o, "void"))
    yield _document("deleted", removed, "", lambda d, o: d.edit(o, "delete"))
    yield _document("payment missed", ("invoice_not_pulled",), "balance", lambda d, o: d.lived.pay(o, "0.50"))


def _duplicated(deck: Deck) -> Altered | None:
    """Somebody writes an invoice once more: same customer, day and amount."""
    if not deck.unpaid:
        return None
    one = deck.unpaid.pop()
    made = deck.lived.books.invoice_by_hand(
        deck.lived.token(), one["customer_id"], one["lines"][0]["item_id"], one["total"], TxnDate=one["txn_date"]
    )
    return Altered("duplicated", ("invoice_duplicated",), made, touches=(deck.number_of(one),))


def _invented(deck: Deck) -> Altered | None:
    customer = deck.chance.choice(sorted(deck.customers))
    amount = f"{deck.chance.randint(100_000, 900_000)}.77"
    made = deck.lived.books.invoice_by_hand(deck.lived.token(), customer, deck.items[0], amount)
    return Altered("invented", ("invoice_invented",), made, touches=(deck.numbers[deck.customers[customer]],))


def _credit_invented(deck: Deck) -> Altered | None:
    customer = deck.chance.choice(sorted(deck.customers))
    amount = f"{deck.chance.randint(10, 90)}.13"
    made = deck.lived.books.credit_by_hand(deck.lived.token(), customer, deck.items[0], amount)
    return Altered("credit invented", ("credit_invented",), made, touches=(deck.numbers[deck.customers[customer]],))


def _credit_edited(deck: Deck) -> Altered | None:
    """Somebody gives a dollar more than was meant; the stand-in has no such edit, so its books are opened."""
    if not deck.credits:
        return None
    one = deck.credits.pop()
    books = deck.lived.books.app.database
    ((body,),) = books.execute("SELECT body FROM entity WHERE kind = 'CreditMemo' AND id = ?", int(one["id"]))
    document = load_json(body)
    for line in document["Line"]:
        line["Amount"] += 1
    document["TotalAmt"] += 1
    books.execute(
        "UPDATE entity SET body = ? WHERE kind = 'CreditMemo' AND id = ?", dump_json(document), int(one["id"])
    )
    return Altered("credit edited", ("credit_edited",), one["id"], "amount", (_shipment(one), deck.number_of(one)))


def _credit_deleted(deck: Deck) -> Altered | None:
    if not deck.credits:
        return None
    one = deck.credits.pop()
    deck.edit(one, "delete", "CreditMemo")
    return Altered("credit deleted", ("credit_deleted",), one["id"], touches=(_shipment(one), deck.number_of(one)))


def _more(pile: str, name: str, key: str, field: str, cause: str, said: str) -> tuple[str, Alter]:
    """A number of a Salesforce record is another one."""

    def alter(deck: Deck) -> Altered | None:
        found: list[Json] = getattr(deck, pile)
        if not found:
            return None
        one = found.pop()
        deck.in_org(name, one, **{field: str(Decimal(str(one[field] or 0)) + 1)})
        record = f"{one['order']}/{int(one['ERP_Line_No__c'])}" if key == "line" else str(one[key])
        return Altered(f"{name}.{field}", (cause,), record, said)

    return f"{name}.{field}", alter


def _order(field: str, value: object, said: str, cause: str = "order_shown_wrong") -> tuple[str, Alter]:
    def alter(deck: Deck) -> Altered | None:
        if not deck.orders:
            return None
        number = deck.orders.pop()
        row = next(one for one in deck.lived.records("Order") if one["ERP_Order_Id__c"] == number)
        changed = value if value is not None else str(Decimal(str(row[field] or 0)) + CENT)
        deck.in_org("Order", row, **{field: changed})
        return Altered(f"Order.{field}", (cause,), number, said)

    return f"Order.{field}", alter


def _of_the_org() -> Iterator[tuple[str, Alter]]:
    yield _order("Gateway_Status__c", "Quote", "status")
    yield _order("Invoiced_Amount__c", None, "invoiced_amount")
    yield _order("Open_Amount__c", None, "open_amount")
    yield _order("PoNumber", "PO-BY-HAND", "purchase_order", "order_not_as_stated")
    shown, stated = "order_line_shown_wrong", "order_line_not_as_stated"
    for field, said in (
        ("Qty_Shipped__c", "shipped"),
        ("Qty_Backordered__c", "backordered"),
        ("Qty_Invoiced__c", "invoiced"),
    ):
        yield _more("lines", "OrderItem", "line", field, shown, said)
    yield _more("lines", "OrderItem", "line", "Quantity", stated, "quantity")
    yield _more("lines", "OrderItem", "line", "UnitPrice", stated, "unit_price")
    for field, said in (("Total__c", "total"), ("Balance__c", "balance")):
        yield _more("invoices", "Invoice__c", "Invoice_Key__c", field, "invoice_shown_wrong", said)
    for field, said in (("On_Hand__c", "on_hand"), ("Allocated__c", "allocated"), ("Available__c", "available")):
        yield _more("levels", "Inventory_Level__c", "Key__c", field, "stock_shown_wrong", said)
    yield _more("products", "Product2", "ERP_SKU__c", "Available_Qty__c", "stock_shown_wrong", "available")
    yield _more("accounts", "Account", "ERP_Id__c", "Open_Balance__c", "account_shown_wrong", "open_balance")


def _gone(pile: str, name: str, key: str, cause: str) -> Alter:
    def alter(deck: Deck) -> Altered | None:
        found: list[Json] = getattr(deck, pile)
        if not found:
            return None
        one = found.pop()
        deck.remove(name, one)
        return Altered(f"{name} deleted", (cause,), str(one[key]))

    return alter


def _shown_twice(deck: Deck) -> Altered | None:
    if not deck.invoices:
        return None
    one = deck.invoices.pop()
    names = ("Order__c", "Doc_Number__c", "Status__c", "Total__c", "Balance__c", "Invoiced_On__c", "QuickBooks_Id__c")
    key = f"again-{one['Invoice_Key__c']}"
    deck.create("Invoice__c", Invoice_Key__c=key, **{name: one[name] for name in names})
    return Altered("Invoice__c twice", ("invoice_shown_twice",), key)


def _shown_invented(deck: Deck) -> Altered | None:
    key = f"nobody-{deck.chance.randint(1, 10**9)}"
    deck.create("Invoice__c", Invoice_Key__c=key, Doc_Number__c=key, Status__c="Paid", Total__c="9.99")
    return Altered("Invoice__c invented", ("invoice_shown_invented",), key)


def _level_invented(deck: Deck) -> Altered | None:
    key = f"NOSUCH-{deck.chance.randint(1, 10**9)}|ATL"
    deck.create("Inventory_Level__c", Key__c=key, Warehouse__c="ATL", On_Hand__c="5", Available__c="5")
    return Altered("Inventory_Level__c invented", ("stock_shown_invented",), key)


def _row(table: str, *, past_triggers: bool) -> tuple[str, Alter]:
    key, change, field = _BY_HAND[table]
    name = f"{table} {'past triggers' if past_triggers else 'by hand'}"

    def alter(deck: Deck) -> Altered | None:
        if not deck.rows[table]:
            return None
        row = deck.rows[table].pop()
        statement = f"UPDATE {table} SET {change} WHERE {key} = '{row}'"
        deck.lived.by_hand(statement, past_triggers=past_triggers)
        return Altered(name, ("changed_by_hand",), row, field, _touched(deck, table, row))

    return name, alter


def _touched(deck: Deck, table: str, row: str) -> tuple[str, ...]:
    first, _, rest = row.partition("|")
    if table == "invoices":
        (document,) = deck.lived.column(f"SELECT quickbooks_id FROM invoices WHERE shipment_number = '{first}' LIMIT 1")
        orders = deck.lived.column(f"SELECT order_number FROM invoices WHERE shipment_number = '{first}'")
        return (document, first, *orders)
    if table == "stock_levels":
        return (row, first)
    return (f"{first}/{rest}", first)


def _file_lost(deck: Deck) -> Altered | None:
    if not deck.files:
        return None
    file_id, sha256 = deck.files.pop().split()
    path = deck.lived.folder / sha256[:2] / sha256
    path.write_bytes(path.read_bytes() + b"\n")
    return Altered("bytes", ("file_bytes_lost",), file_id)


ALTERATIONS: dict[str, Alter] = dict(
    [
        *_of_documents(),
        ("duplicated", _duplicated),
        ("invented", _invented),
        ("credit invented", _credit_invented),
        ("credit edited", _credit_edited),
        ("credit deleted", _credit_deleted),
        *_of_the_org(),
        ("Invoice__c deleted", _gone("invoices", "Invoice__c", "Invoice_Key__c", "invoice_not_shown")),
        ("Invoice__c twice", _shown_twice),
        ("Invoice__c invented", _shown_invented),
        ("Inventory_Level__c deleted", _gone("levels", "Inventory_Level__c", "Key__c", "stock_not_shown")),
        ("Inventory_Level__c invented", _level_invented),
        *(_row(table, past_triggers=past) for table in _BY_HAND for past in (True, False)),
        ("bytes", _file_lost),
    ]
)


def alter(lived: Lived, count: int, seed: int) -> list[Altered]:
    """Alter so many records, every way of altering about as often, in a random order."""
    deck = Deck(lived, seed)
    names = [name for _ in range(count // len(ALTERATIONS) + 2) for name in deck._shuffled(ALTERATIONS)]
    done: list[Altered] = []
    for name in names:
        if len(done) == count:
            break
        made = ALTERATIONS[name](deck)
        if made is not None:
            done.append(made)
    assert len(done) == count, f"only {len(done)} records could be altered"
    return done


def missed(done: Iterable[Altered], found: list[FindingView]) -> list[str]:
    """The alterations that no finding names."""
    return [f"{one.name} {one.record} {one.field}" for one in done if not any(one.is_named_by(f) for f in found)]


def invented(done: list[Altered], found: Iterable[FindingView]) -> list[str]:
    """The findings that no alteration explains."""
    return [
        f"{one.cause} {one.record_type} {one.record_key} {one.field} {one.expected} {one.found}"
        for one in found
        if not any(altered.explains(one) for altered in done)
    ]
