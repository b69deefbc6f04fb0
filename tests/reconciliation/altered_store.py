"""What hands may do to the store and to the kept bytes of the ERP's files, and what reconciliation must say of each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from tests.reconciliation.deck import Alter, Deck, shipment_of
from tests.reconciliation.oracle import Altered, Named

Names = tuple[Named, ...]


class Table(NamedTuple):
    """A table that is changed by hand: its key, what is set, the rule by which it is missed, and what follows.

    `query` finds rows; None: they belong to an invoice that nobody has touched in QuickBooks. `must` and `may` are made
    of the parts of the key: what must be said besides the row itself, and what may be.
    """

    key: str
    change: str
    field: str
    rule: str
    query: str | None
    must: Callable[[list[str]], Names] = lambda _: ()
    may: Callable[[list[str]], Names] = lambda _: ()


def _order_shown(number: str) -> Names:
    return (Named("R6", "order_shown_wrong", "order", number, None),)


def _line_shown(order: str, line: str) -> Names:
    shown = Named("R6", "order_line_shown_wrong", "order_line", f"{order}/{line}", None)
    return (shown, *_order_shown(order))


def _ledger(order: str, line: str) -> Names:
    names = {"R1": "ordered", "R2": "shipped"}
    return tuple(Named(rule, "ledger_unbalanced", "order_line", f"{order}/{line}", at) for rule, at in names.items())


def _stated(order: str, line: str) -> Names:
    return (Named("R1", "order_line_not_as_stated", "order_line", f"{order}/{line}", "quantity"),)


def _account(number: str) -> Names:
    return (Named("R4", "account_shown_wrong", "customer", number, None),)


TABLES = {
    "orders": Table(
        "number",
        "purchase_order = 'BY-HAND'",
        "purchase_order",
        "R1",
        "SELECT number FROM orders ORDER BY 1",
        lambda key: (Named("R1", "order_not_as_stated", "order", key[0], "purchase_order"),),
    ),
    "order_lines": Table(
        "order_number || '|' || line_no",
        "quantity = quantity + 3",
        "quantity",
        "R1",
        "SELECT order_number || '|' || line_no FROM order_lines ORDER BY 1",
        lambda key: _stated(*key),
        lambda key: _line_shown(*key),
    ),
    "order_line_ledgers": Table(
        "order_number || '|' || line_no",
        "shipped = shipped + 1",
        "shipped",
        "R1",
        "SELECT order_number || '|' || line_no FROM order_line_ledgers ORDER BY 1",
        lambda key: _ledger(*key),
        lambda key: _line_shown(*key),
    ),
    "shipments": Table("number", "tracking = 'BY-HAND'", "tracking", "R2", None),
    "shipment_lines": Table(
        "shipment_number || '|' || line_no", "quantity_shipped = quantity_shipped + 1", "quantity_shipped", "R2", None
    ),
    "invoices": Table("shipment_number || '|' || generation", "total = total + 7", "total", "R3", None),
    "invoice_lines": Table(
        "shipment_number || '|' || generation || '|' || line_no",
        "unit_price = unit_price + 0.01",
        "unit_price",
        "R3",
        None,
    ),
    "links": Table(
        "system || '|' || kind || '|' || local_key || '|' || external_id",
        "external_name = 'X'",
        "external_name",
        "R10",
        "SELECT system || '|' || kind || '|' || local_key || '|' || external_id FROM links"
        " WHERE kind = 'item' AND system = 'quickbooks' ORDER BY 1",
    ),
    "stock_levels": Table(
        "sku || '|' || warehouse",
        "on_hand = on_hand + 3",
        "on_hand",
        "R7",
        "SELECT sku || '|' || warehouse FROM stock_levels WHERE state = 'stated' AND follows ORDER BY 1",
        lambda key: (Named("R7", "stock_not_as_exported", "stock", "|".join(key), "on_hand"),),
    ),
    "customers": Table(
        "number",
        "credit_limit = 1",
        "credit_limit",
        "R3",
        "SELECT number FROM customers ORDER BY 1",
        may=lambda key: _account(key[0]),
    ),
    "customer_balances": Table(
        "customer_number",
        "balance = balance + 0.07",
        "balance",
        "R4",
        "SELECT customer_number FROM customer_balances ORDER BY 1",
        lambda key: (Named("R4", "balance_not_pulled", "customer", key[0], "balance"),),
        lambda key: _account(key[0]),
    ),
    "items": Table(
        "sku", "units_numerator = units_numerator + 1", "units_numerator", "R3", "SELECT sku FROM items ORDER BY 1"
    ),
}
# Where a row is not looked for by its own query, it is one of an invoice, by that invoice's shipment.
_OF_SHIPMENT = {
    "shipments": "SELECT number FROM shipments WHERE number = '{}'",
    "shipment_lines": "SELECT shipment_number || '|' || line_no FROM shipment_lines WHERE shipment_number = '{}'",
    "invoices": "SELECT shipment_number || '|' || generation FROM invoices WHERE shipment_number = '{}'",
    "invoice_lines": "SELECT shipment_number || '|' || generation || '|' || line_no FROM invoice_lines"
    " WHERE shipment_number = '{}'",
}
# Rows of which Salesforce shows the same field: one of the two is altered, not both.
OWN = {"orders": ("orders", "ERP_Order_Id__c"), "customer_balances": ("accounts", "ERP_Id__c")}
GONE = ("invoice_lines", "links", "stock_levels")


def _row(deck: Deck, table: str) -> tuple[str, Names, Names] | None:
    """The key of a row to alter, what must be said of it besides, and what may be."""
    told = TABLES[table]
    if told.query is not None:
        row = deck.row(table, told.query)
        if row is None or (table in OWN and not deck.takes(*OWN[table], row)):
            return None
        return row, told.must(row.split("|")), told.may(row.split("|"))
    if not deck.unpaid:
        return None
    document = deck.unpaid.pop()
    shipment = shipment_of(document)
    row = min(deck.lived.column(_OF_SHIPMENT[table].format(shipment)))
    (order,) = deck.lived.column(f"SELECT order_number FROM shipments WHERE number = '{shipment}'")
    lines = deck.lived.column(f"SELECT line_no FROM order_lines WHERE order_number = '{order}'")
    may = tuple(name for line in lines for name in _line_shown(order, str(line)))
    must: Names = ()
    if table == "invoices":
        if not deck.takes("invoices", "Invoice_Key__c", row.replace("|", ":")):
            return None
        must = (
            Named("R4", "invoice_not_pulled", "invoice", document["id"], "total"),
            Named("R6", "invoice_shown_wrong", "invoice_shown", row.replace("|", ":"), "total"),
        )
    return row, must, may


def _changed(table: str, *, past_triggers: bool) -> tuple[str, Alter]:
    told, name = TABLES[table], f"{table} {'past triggers' if past_triggers else 'by hand'}"

    def alter(deck: Deck) -> Altered | None:
        taken = _row(deck, table)
        if taken is None:
            return None
        row, must, may = taken
        deck.lived.by_hand(f"UPDATE {table} SET {told.change} WHERE {told.key} = '{row}'", past_triggers=past_triggers)
        by_hand = Named(told.rule, "changed_by_hand", table, row, told.field)
        return Altered(name, (by_hand, *must), may)

    return name, alter


def _deleted(table: str, *, past_triggers: bool) -> tuple[str, Alter]:
    told, name = TABLES[table], f"{table} deleted {'past triggers' if past_triggers else 'by hand'}"

    def alter(deck: Deck) -> Altered | None:
        taken = _row(deck, table)
        if taken is None:
            return None
        row, _, may = taken
        deck.lived.by_hand(f"DELETE FROM {table} WHERE {told.key} = '{row}'", past_triggers=past_triggers)
        also: Names = ()
        if table == "stock_levels":
            also = (Named("R7", "stock_not_as_exported", "stock", row),)
        return Altered(name, (Named(told.rule, "changed_by_hand", table, row), *also), may)

    return name, alter


def _item_invented(deck: Deck) -> Altered | None:
    sku = f"HAND-{deck.chance.randint(1, 10**9)}"
    deck.lived.by_hand(
        "INSERT INTO items (sku, description, base_uom, sell_uom, units_numerator, units_denominator, taxable)"
        f" VALUES ('{sku}', 'x', 'EA', 'EA', 1, 1, false)"
    )
    return Altered("items invented", (Named("R3", "changed_by_hand", "items", sku),))


def _invoice_lost(deck: Deck) -> Altered | None:
    """An invoice of ours is struck out of the store: an intent has no outcome, and the books hold one too many."""
    if not deck.unpaid:
        return None
    document = deck.unpaid.pop()
    shipment = shipment_of(document)
    if not deck.takes("invoices", "Invoice_Key__c", f"{shipment}:1"):
        return None
    (order,) = deck.lived.column(f"SELECT order_number FROM shipments WHERE number = '{shipment}'")
    lines = deck.lived.column(f"SELECT line_no FROM order_lines WHERE order_number = '{order}'")
    deck.lived.by_hand(f"DELETE FROM invoices WHERE shipment_number = '{shipment}'", past_triggers=True)
    must = (
        Named("R3", "changed_by_hand", "invoices", f"{shipment}|1"),
        Named("R9", "outcome_not_recorded", "intent", f"{shipment}:1"),
        Named("R2", "shipped_not_invoiced", "shipment", shipment),
        Named("R5", "invoice_invented", "invoice", document["id"]),
        Named("R6", "invoice_shown_invented", "invoice_shown", f"{shipment}:1"),
    )
    return Altered("invoices deleted", must, tuple(name for line in lines for name in _line_shown(order, str(line))))


def _group_lost(deck: Deck) -> Altered | None:
    """All that says that the ERP has stated a shipment is struck out of the store."""
    if not deck.unpaid:
        return None
    shipment = shipment_of(deck.unpaid.pop())
    deck.lived.by_hand(f"DELETE FROM shipment_revisions WHERE shipment_number = '{shipment}'", past_triggers=True)
    return Altered("shipment_revisions deleted", (Named("R8", "file_group_lost", "shipment", shipment),))


def _file_forgotten(deck: Deck) -> Altered | None:
    if not deck.files:
        return None
    file_id = deck.files.pop().split()[0]
    deck.lived.by_hand(f"UPDATE source_files SET state = 'read' WHERE id = '{file_id}'")
    return Altered("source_files set back", (Named("R8", "file_not_accounted", "file", file_id),))


def _bytes(name: str, how: Callable[[bytes], bytes | None]) -> tuple[str, Alter]:
    """The bytes of a file of the ERP's are others, or none."""

    def alter(deck: Deck) -> Altered | None:
        if not deck.files:
            return None
        file_id, sha256, filename = deck.files.pop().split()
        path = deck.lived.folder / sha256[:2] / sha256
        changed = how(path.read_bytes())
        if changed is None:
            path.unlink()
        else:
            path.write_bytes(changed)
        return Altered(name, (Named("R8", "file_bytes_lost", "file", file_id, filename),))

    return name, alter


def _another_digit(content: bytes) -> bytes:
    place = next(n for n in range(len(content) - 1, 0, -1) if content[n : n + 1].isdigit())
    return content[:place] + (b"1" if content[place : place + 1] != b"1" else b"2") + content[place + 1 :]


def ways() -> Iterator[tuple[str, Alter]]:
    """Every way to alter the store and the files."""
    for past in (True, False):
        yield from (_changed(table, past_triggers=past) for table in TABLES)
        yield from (_deleted(table, past_triggers=past) for table in GONE)
    yield "items invented", _item_invented
    yield "invoices deleted", _invoice_lost
    yield "shipment_revisions deleted", _group_lost
    yield "source_files set back", _file_forgotten
    yield _bytes("bytes more", lambda content: content + b"\n")
    yield _bytes("bytes others", _another_digit)
    yield _bytes("bytes none", lambda _: None)
