"""Twenty-five ways to make the systems disagree behind the gateway's back, and what the checker has to say of each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import psycopg

from bench.week.checks.bills import MARKER, lives
from bench.week.evidence import Evidence, Json
from bench.week.stage import Stage

Undo = Callable[[], object]

KEYS = {
    "order_line_ledgers": "order_number, line_no",
    "invoices": "shipment_number, generation",
    "customer_balances": "customer_number",
    "stock_levels": "sku, warehouse",
    "order_numbers": "external_id",
}
COMPARED = {  # of these tables, some rows only
    "invoices": "WHERE status NOT IN ('voided', 'deleted')",
    "customer_balances": "WHERE customer_number IN (SELECT customer_number FROM invoices)",
}


@dataclass(frozen=True)
class Alteration:
    """Something that is changed, and the finding that must come of it: system, rule, and words of record or field."""

    name: str
    system: str
    rule: str
    words: str
    do: Callable[[Hands, Evidence], Undo]


class Hands:
    """Somebody who changes records where they are."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._url = stage.addresses.database.replace("postgresql+psycopg://", "postgresql://")

    def edit(self, name: str, row: Json, **fields: object) -> Undo:
        """Change fields of a Salesforce record."""
        self._edit(name, row["Id"], fields)
        return lambda: self._edit(name, row["Id"], {field: row[field] for field in fields})

    def more(self, name: str, row: Json, field: str, by: str = "1") -> Undo:
        """Add to a number of a Salesforce record."""
        return self.edit(name, row, **{field: str(Decimal(str(row[field] or 0)) + Decimal(by))})

    def remove(self, name: str, row: Json, *fields: str) -> Undo:
        """Delete a Salesforce record; undone it is there again under another id."""
        self._stage.rep.http.delete(f"/__twin__/records/{name}/{row['Id']}").raise_for_status()
        return lambda: self.create(name, {field: row[field] for field in fields})

    def create(self, name: str, fields: Json) -> Undo:
        """Make a Salesforce record."""
        (record,) = self._stage.rep.post(f"records/{name}", {"fields": fields})["ids"]
        return lambda: self._stage.rep.http.delete(f"/__twin__/records/{name}/{record}").raise_for_status()

    def book(self, invoice: Json, operation: str = "update", **changes: Any) -> None:
        """Change an invoice as a QuickBooks user does."""
        wanted = {"entity": "Invoice", "id": invoice["id"], "changes": changes, "operation": operation}
        self._stage.bookkeeper.post("edit", wanted)

    def sql(self, statement: str, undo: str) -> Undo:
        """Change rows of the store without its triggers; nothing may be left unchanged."""
        self._execute(statement)
        return lambda: self._execute(undo)

    def hide(self, name: str) -> Undo:
        """Take an order file out of the ERP's folder."""
        path = self._stage.addresses.outbox / ".done" / name
        content = path.read_bytes()
        path.unlink()
        return lambda: path.write_bytes(content)

    def foreman(self, path: str, **body: object) -> None:
        """Do something in the warehouse."""
        self._stage.foreman.post(f"warehouse/{path}", body)

    def _edit(self, name: str, record: str, fields: Json) -> None:
        self._stage.rep.post(f"records/{name}", {"match": {"Id": record}, "fields": fields})

    def _execute(self, statement: str) -> None:
        with psycopg.connect(self._url) as connection:
            connection.execute("SET session_replication_role = replica")
            assert connection.execute(statement).rowcount > 0, statement


def alterations() -> Iterator[Alteration]:
    """All of them; those that cannot be undone come last."""
    yield from _of_lines()
    yield from _of_orders()
    yield from _of_the_store()
    yield from _of_the_books()


def _of_lines() -> Iterator[Alteration]:
    rule = "order product"
    yield Alteration("shipped", "salesforce", rule, "Qty_Shipped__c", lambda h, e: _line(h, e, "Qty_Shipped__c"))
    yield Alteration("invoiced", "salesforce", rule, "Qty_Invoiced__c", lambda h, e: _line(h, e, "Qty_Invoiced__c"))
    yield Alteration("backorder", "salesforce", rule, "Qty_Back", lambda h, e: _line(h, e, "Qty_Backordered__c"))
    yield Alteration("price", "salesforce", rule, "UnitPrice", lambda h, e: _line(h, e, "UnitPrice", "0.0001"))
    yield Alteration("ordered", "gateway", "what the ERP was told", "line of", lambda h, e: _line(h, e, "Quantity"))


def _of_orders() -> Iterator[Alteration]:
    events, shown = "events", "invoice shown"
    event = ("Event_Key__c", "Order__c", "Type__c", "Occurred_At__c", "Source__c", "Note__c")
    row = ("Invoice_Key__c", "Order__c", "Doc_Number__c", "Status__c", "Total__c", "Balance__c", "QuickBooks_Id__c")
    yield Alteration(
        "state", "salesforce", "order state", "Gateway_Status__c",
        lambda h, e: h.edit("Order", _billed(e), Gateway_Status__c="Picking"),
    )  # fmt: skip
    for field in ("Invoiced_Amount__c", "Open_Amount__c"):
        yield Alteration(
            field, "salesforce", "order amounts", field, lambda h, e, f=field: h.more("Order", _billed(e), f, "0.01")
        )
    yield Alteration(
        "event lost", "salesforce", events, "invoice",
        lambda h, e: h.remove("Order_Event__c", _invoiced_event(e), *event),
    )  # fmt: skip
    yield Alteration(
        "event twice", "salesforce", events, "Invoiced",
        lambda h, e: h.create(
            "Order_Event__c", {name: _invoiced_event(e)[name] for name in event} | {"Event_Key__c": "again"}
        ),
    )  # fmt: skip
    yield Alteration(
        "invoice hidden", "salesforce", shown, "rows", lambda h, e: h.remove("Invoice__c", e.org["Invoice__c"][0], *row)
    )
    yield Alteration(
        "balance", "salesforce", shown, "Balance__c",
        lambda h, e: h.more("Invoice__c", _shown(e), "Balance__c", "0.01"),
    )  # fmt: skip
    yield Alteration(
        "owed", "salesforce", "customer balance", "Open_Balance__c",
        lambda h, e: h.more("Account", _debtor(e), "Open_Balance__c", "0.01"),
    )  # fmt: skip
    yield Alteration(
        "stock", "salesforce", "stock", "On_Hand__c",
        lambda h, e: h.more("Inventory_Level__c", _level(e), "On_Hand__c"),
    )  # fmt: skip


def _of_the_store() -> Iterator[Alteration]:
    yield from (
        _number("ledger", "line ledger", "shipped", ("order_line_ledgers", "shipped")),
        _number("booked total", "invoice in the store", "total", ("invoices", "total")),
        _number("balance kept", "customer balance", "balance", ("customer_balances", "balance")),
        _number("level", "stock", "on_hand", ("stock_levels", "on_hand")),
        _number("number given", "sequences", "order numbers", ("order_numbers", "sequence"), 1000),
    )
    yield Alteration(
        "work", "gateway", "work left over", "exceptions",
        lambda h, _: h.sql(
            "INSERT INTO exceptions (kind, cause, sentence, record_type, record_key, owner)"
            " VALUES ('hold', 'order_event_early', 'left', 'order', 'left behind', 'nobody')",
            "DELETE FROM exceptions WHERE record_key = 'left behind'",
        ),
    )  # fmt: skip
    yield Alteration("file", "erp", "sequences", "files taken", lambda h, e: h.hide(min(e.order_files)))


def _of_the_books() -> Iterator[Alteration]:
    yield Alteration("price by hand", "quickbooks", "invoice total", "amount", _dearer)
    yield Alteration("voided", "quickbooks", "one living invoice", "invoices", lambda h, e: _gone(h, e, "void"))
    yield Alteration("deleted", "quickbooks", "billed net of credits", "quantity", lambda h, e: _gone(h, e, "delete"))
    yield Alteration("came back", "erp", "work left over", "not told", _brought_back)


def _number(name: str, rule: str, words: str, place: tuple[str, str], by: int = 1) -> Alteration:
    """A number of one row of the store is another one; `place` is the table and the column."""
    table, column = place
    keys = KEYS[table]
    first = f"({keys}) IN (SELECT {keys} FROM {table} {COMPARED.get(table, '')} ORDER BY {keys} LIMIT 1)"
    change = f"UPDATE {table} SET {column} = {column} + {{}} WHERE {first}"
    return Alteration(name, "gateway", rule, words, lambda h, _: h.sql(change.format(by), change.format(-by)))


def _line(hands: Hands, evidence: Evidence, field: str, by: str = "1") -> Undo:
    order = _billed(evidence)
    item = next(one for one in evidence.org["OrderItem"] if one["OrderId"] == order["Id"])
    return hands.more("OrderItem", item, field, by)


def _billed(evidence: Evidence) -> Json:
    """An order that was shipped, billed, and not given up."""
    closed = {number for number, one in evidence.orders.items() if one["status"] == "A"}
    words = {"Invoiced", "Paid", "Partially Paid"}
    return next(
        one
        for one in evidence.org["Order"]
        if one["ERP_Order_Id__c"] in closed and one["Gateway_Status__c"] in words and one["Invoiced_Amount__c"]
    )


def _invoiced_event(evidence: Evidence) -> Json:
    return next(one for one in evidence.org["Order_Event__c"] if one["Type__c"] == "Invoiced")


def _shown(evidence: Evidence) -> Json:
    return next(one for one in evidence.org["Invoice__c"] if one["Status__c"] != "Voided")


def _debtor(evidence: Evidence) -> Json:
    billed = {one["customer_erp_no"] for one in evidence.shipments}
    return next(one for one in evidence.org["Account"] if one["ERP_Id__c"] in billed)


def _level(evidence: Evidence) -> Json:
    rows = {f"{one['sku']}|{one['warehouse']}" for one in evidence.warehouse["stock"]}
    plenty = [one for one in evidence.org["Inventory_Level__c"] if one["Key__c"] in rows and one["Available__c"]]
    return max(plenty, key=lambda one: Decimal(str(one["Available__c"])))


def _unpaid(evidence: Evidence) -> Json:
    """An invoice that nothing was paid of."""
    ours = [one for one in evidence.ledger["invoices"] if lives(one) and MARKER.search(one["private_note"] or "")]
    return next(one for one in ours if Decimal(one["balance"]) == Decimal(one["total"]) > 0)


def _dearer(hands: Hands, evidence: Evidence) -> Undo:
    """Somebody sells a piece of each line for a dollar more."""
    invoice = _unpaid(evidence)

    def lines(more: int) -> list[Json]:
        return [_sales_line(line, more) for line in invoice["lines"]]

    hands.book(invoice, Line=lines(1))
    return lambda: hands.book(invoice, Line=lines(0))


def _sales_line(line: Json, more: int) -> Json:
    quantity = line["quantity"] or "1"
    price = Decimal(line["unit_price"] or line["amount"]) + more
    detail = {"ItemRef": {"value": line["item_id"]}, "Qty": quantity, "UnitPrice": str(price)}
    amount = (price * Decimal(quantity)).quantize(Decimal("0.01"), rounding=ROUND_HALF_UP)
    return {"DetailType": "SalesItemLineDetail", "Amount": str(amount), "SalesItemLineDetail": detail}


def _gone(hands: Hands, evidence: Evidence, operation: str) -> Undo:
    hands.book(_unpaid(evidence), operation)
    return lambda: None


def _brought_back(hands: Hands, evidence: Evidence) -> Undo:
    shipment = next(one for one in evidence.shipments if any(Decimal(line["shipped"]) for line in one["lines"]))
    line = next(one for one in shipment["lines"] if Decimal(one["shipped"]) > Decimal(one["returned"]))
    hands.foreman("return", shipment_no=shipment["shipment_no"], line=line["line"], condition="RESTOCK")
    return lambda: None
