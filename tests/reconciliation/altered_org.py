"""What people may do in Salesforce behind the gateway's back, and what reconciliation must say of each."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from tests.reconciliation.deck import Alter, Deck, plain
from tests.reconciliation.lived import Json
from tests.reconciliation.oracle import Altered, Named

CENT = Decimal("0.01")
KEYS = {
    "OrderItem": ("lines", "order_line"),
    "Invoice__c": ("invoices", "invoice_shown"),
    "Inventory_Level__c": ("levels", "stock"),
    "Product2": ("products", "item"),
    "Account": ("accounts", "customer"),
}
NUMBERS = (  # object, field, rule, cause, how findings call it
    ("OrderItem", "Qty_Shipped__c", "R6", "order_line_shown_wrong", "shipped"),
    ("OrderItem", "Qty_Backordered__c", "R6", "order_line_shown_wrong", "backordered"),
    ("OrderItem", "Qty_Invoiced__c", "R6", "order_line_shown_wrong", "invoiced"),
    ("OrderItem", "Quantity", "R1", "order_line_not_as_stated", "quantity"),
    ("OrderItem", "UnitPrice", "R1", "order_line_not_as_stated", "unit_price"),
    ("Invoice__c", "Total__c", "R6", "invoice_shown_wrong", "total"),
    ("Invoice__c", "Balance__c", "R6", "invoice_shown_wrong", "balance"),
    ("Inventory_Level__c", "On_Hand__c", "R7", "stock_shown_wrong", "on_hand"),
    ("Inventory_Level__c", "Allocated__c", "R7", "stock_shown_wrong", "allocated"),
    ("Inventory_Level__c", "Available__c", "R7", "stock_shown_wrong", "available"),
    ("Product2", "Available_Qty__c", "R7", "stock_shown_wrong", "available"),
    ("Account", "Open_Balance__c", "R4", "account_shown_wrong", "open_balance"),
)


def _key(name: str, row: Json) -> str:
    if name == "OrderItem":
        return f"{row['order']}/{int(row['ERP_Line_No__c'])}"
    fields = {"Invoice__c": "Invoice_Key__c", "Inventory_Level__c": "Key__c", "Product2": "ERP_SKU__c"}
    return str(row[fields.get(name, "ERP_Id__c")])


def _taken(deck: Deck, name: str) -> tuple[Json, str] | None:
    found: list[Json] = getattr(deck, KEYS[name][0])
    return (row := found.pop(), _key(name, row)) if found else None


def _more(name: str, field: str, rule: str, cause: str, said: str) -> tuple[str, Alter]:
    """A number of a record is one more than it was."""

    def alter(deck: Deck) -> Altered | None:
        taken = _taken(deck, name)
        if taken is None:
            return None
        row, key = taken
        before = Decimal(str(row[field] or 0))
        deck.in_org(name, row, **{field: str(before + 1)})
        must = Named(rule, cause, KEYS[name][1], key, said)
        return Altered(f"{name}.{field}", (must,), before=plain(before), after=plain(before + 1))

    return f"{name}.{field}", alter


def _words(name: str, field: str, value: str, must: tuple[str, str, str]) -> tuple[str, Alter]:
    """A word of a record is another one."""
    rule, cause, said = must

    def alter(deck: Deck) -> Altered | None:
        taken = _taken(deck, name)
        if taken is None:
            return None
        row, key = taken
        deck.in_org(name, row, **{field: value})
        must = Named(rule, cause, KEYS[name][1], key, said)
        return Altered(f"{name}.{field}", (must,), before=row[field], after=value)

    return f"{name}.{field}", alter


def _order(field: str, value: object, said: str, rule: str, cause: str) -> tuple[str, Alter]:
    def alter(deck: Deck) -> Altered | None:
        if not deck.orders:
            return None
        row = deck.orders.pop()
        changed = value if value is not None else str(Decimal(str(row[field] or 0)) + CENT)
        deck.in_org("Order", row, **{field: changed})
        must = Named(rule, cause, "order", row["ERP_Order_Id__c"], said)
        if value is None:  # a row of the store that is altered, too, may bear on what an amount has to be
            return Altered(f"Order.{field}", (must,))
        return Altered(f"Order.{field}", (must,), before=row[field], after=str(value))

    return f"Order.{field}", alter


def _gone(name: str, rule: str, cause: str) -> tuple[str, Alter]:
    def alter(deck: Deck) -> Altered | None:
        taken = _taken(deck, name)
        if taken is None:
            return None
        row, key = taken
        deck.remove(name, row)
        return Altered(f"{name} deleted", (Named(rule, cause, KEYS[name][1], key),))

    return f"{name} deleted", alter


def _renumbered(deck: Deck) -> Altered | None:
    """A line of an order is another line of it: one is gone, and one is there that nobody stated."""
    if not deck.lines:
        return None
    row = deck.lines.pop()
    number = int(row["ERP_Line_No__c"])
    deck.in_org("OrderItem", row, ERP_Line_No__c=str(number + 700))
    gone = Named("R1", "order_line_gone", "order_line", f"{row['order']}/{number}")
    new = Named("R1", "order_line_unknown", "order_line", f"{row['order']}/{number + 700}")
    return Altered("OrderItem renumbered", (gone, new))


def _unknown_order(deck: Deck) -> Altered | None:
    number = f"NOBODY-{deck.chance.randint(1, 10**9)}"
    account, product = deck.accounts[0]["ERP_Id__c"], deck.products[0]["ERP_SKU__c"]
    line = {"line": 1, "sku": product, "quantity": "1", "unit_price": "9.99", "uom": "EA"}
    order = {"order_no": number, "customer_erp_no": account, "ordered_on": "2026-11-20", "lines": [line]}
    deck.lived.org.control("POST", "/orders", order)
    line_too = Named("R1", "order_line_unknown", "order_line", f"{number}/1")
    return Altered("Order invented", (Named("R1", "order_unknown", "order", number), line_too))


def _moved_invoice(deck: Deck) -> Altered | None:
    """An invoice is shown with another order."""
    if not deck.invoices:
        return None
    row = deck.invoices.pop()
    other = next(one for one in deck.orders if one["Id"] != row["Order__c"])
    deck.in_org("Invoice__c", row, Order__c=other["Id"])
    must = Named("R6", "invoice_shown_wrong", "invoice_shown", row["Invoice_Key__c"], "order")
    return Altered("Invoice__c moved", (must,))


def _held_otherwise(deck: Deck) -> Altered | None:
    """The credit hold of a customer with a limit is set or taken off; of others the gateway says nothing."""
    limited = set(deck.lived.column("SELECT number FROM customers WHERE credit_limit IS NOT NULL"))
    row = next((one for one in deck.accounts if one["ERP_Id__c"] in limited), None)
    if row is None or deck.lived.company.orders.credit == "off":
        return None
    deck.accounts.remove(row)
    before = bool(row["Credit_Hold__c"])
    deck.in_org("Account", row, Credit_Hold__c=not before)
    must = Named("R4", "account_shown_wrong", "customer", row["ERP_Id__c"], "credit_hold")
    words = {True: "yes", False: "no"}
    return Altered("Account.Credit_Hold__c", (must,), before=words[before], after=words[not before])


def _shown_twice(deck: Deck) -> Altered | None:
    if not deck.invoices:
        return None
    one = deck.invoices.pop()
    names = ("Order__c", "Doc_Number__c", "Status__c", "Total__c", "Balance__c", "Invoiced_On__c", "QuickBooks_Id__c")
    key = f"again-{one['Invoice_Key__c']}"
    deck.create("Invoice__c", Invoice_Key__c=key, **{name: one[name] for name in names})
    return Altered("Invoice__c twice", (Named("R6", "invoice_shown_twice", "invoice_shown", key),))


def _shown_invented(deck: Deck) -> Altered | None:
    key = f"nobody-{deck.chance.randint(1, 10**9)}"
    deck.create("Invoice__c", Invoice_Key__c=key, Doc_Number__c=key, Status__c="Paid", Total__c="9.99")
    return Altered("Invoice__c invented", (Named("R6", "invoice_shown_invented", "invoice_shown", key),))


def _level_invented(deck: Deck) -> Altered | None:
    key = f"NOSUCH-{deck.chance.randint(1, 10**9)}|ATL"
    deck.create("Inventory_Level__c", Key__c=key, Warehouse__c="ATL", On_Hand__c="5", Available__c="5")
    return Altered("Inventory_Level__c invented", (Named("R7", "stock_shown_invented", "stock", key),))


def ways() -> Iterator[tuple[str, Alter]]:
    """Every way to alter something in Salesforce."""
    yield _order("Gateway_Status__c", "Quote", "status", "R6", "order_shown_wrong")
    yield _order("Invoiced_Amount__c", None, "invoiced_amount", "R6", "order_shown_wrong")
    yield _order("Open_Amount__c", None, "open_amount", "R6", "order_shown_wrong")
    yield _order("PoNumber", "PO-BY-HAND", "purchase_order", "R1", "order_not_as_stated")
    yield from (_more(*number) for number in NUMBERS)
    yield _words("Invoice__c", "Status__c", "Voided", ("R6", "invoice_shown_wrong", "status"))
    yield _words("Invoice__c", "Doc_Number__c", "BY-HAND", ("R6", "invoice_shown_wrong", "doc_number"))
    yield _words("Invoice__c", "Invoiced_On__c", "2026-01-15", ("R6", "invoice_shown_wrong", "invoiced_on"))
    yield _words("Invoice__c", "QuickBooks_Id__c", "999999", ("R6", "invoice_shown_wrong", "quickbooks_id"))
    yield _words("Inventory_Level__c", "Confidence__c", "stale", ("R7", "stock_shown_wrong", "confidence"))
    yield _gone("Invoice__c", "R6", "invoice_not_shown")
    yield _gone("Inventory_Level__c", "R7", "stock_not_shown")
    yield "Account.Credit_Hold__c", _held_otherwise
    yield "OrderItem renumbered", _renumbered
    yield "Order invented", _unknown_order
    yield "Invoice__c moved", _moved_invoice
    yield "Invoice__c twice", _shown_twice
    yield "Invoice__c invented", _shown_invented
    yield "Inventory_Level__c invented", _level_invented
