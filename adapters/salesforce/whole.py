"""The whole of what Salesforce shows, for reconciliation: full reads that know no cursor, each one query, in our words.

A query is a snapshot that Salesforce pages by itself, ordered by id. One row may say several things: an order says what
the rep stated and what the gateway shows on it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from adapters.salesforce.client import Record, SalesforceClient
from adapters.salesforce.connection import SalesforceNames, relationship
from adapters.salesforce.pool import CallPool, Priority
from adapters.salesforce.wire import in_lists, read_decimal, read_instant, select
from domain.errors import Unavailable
from domain.money import plain
from domain.reconciliation import Input, Kind

Said = Iterator[tuple[Kind, str, Mapping[str, Any], Mapping[str, Any]]]
# The objects, in the order in which they are read.
ORDERS, LINES, INVOICES, LEVELS, PRODUCTS, ACCOUNTS = ("orders", "lines", "invoices", "levels", "products", "accounts")
KINDS: Mapping[str, tuple[Kind, ...]] = {
    ORDERS: (Kind.ORDER, Kind.ORDER_SHOWN),
    LINES: (Kind.ORDER_LINE, Kind.LINE_SHOWN),
    INVOICES: (Kind.INVOICE_SHOWN,),
    LEVELS: (Kind.LEVEL_SHOWN,),
    PRODUCTS: (Kind.TOTAL_SHOWN,),
    ACCOUNTS: (Kind.ACCOUNT_SHOWN, Kind.ACCOUNT_LINK),
}


class _Object(NamedTuple):
    sobject: str
    fields: tuple[str, ...]
    key: str
    read: Callable[[Record], Said]


class WholeOrg:
    """Reads whole objects of one org; stops when the daily pool of calls runs low (case X4)."""

    def __init__(self, client: SalesforceClient, names: SalesforceNames, pool: CallPool) -> None:
        self._client, self._names, self._pool = client, names, pool
        self._objects = {
            ORDERS: self._orders(),
            LINES: self._lines(),
            INVOICES: self._invoices(),
            LEVELS: self._levels(),
            PRODUCTS: self._products(),
            ACCOUNTS: self._accounts(),
        }

    def whole(self, name: str) -> Iterator[Input]:
        """Every living record of an object."""
        one = self._objects[name]
        yield from self._read(one, "")

    def some(self, name: str, keys: Sequence[str]) -> Iterator[Input]:
        """The records of an object with these keys; the lines of an order by the order's number."""
        one = self._objects[name]
        wanted = [key.rpartition("/")[0] for key in keys] if name == LINES else keys
        for listed in in_lists(key for key in wanted if key):
            yield from self._read(one, f"{one.key} IN {listed}")

    def _read(self, one: _Object, where: str) -> Iterator[Input]:
        self._pool.draw(Priority.MASTER_DATA)
        soql = select(["Id", "SystemModstamp", *one.fields], one.sobject, where=where, order_by="Id")
        for row in self._client.rows(soql):
            try:
                at = read_instant(row["SystemModstamp"])
                for kind, key, body, facts in one.read(row):
                    yield Input(kind, key, body, facts, at)
            except (KeyError, TypeError, ValueError, ArithmeticError) as error:
                raise Unavailable("Salesforce gave a record that cannot be read.", reason="unreadable") from error

    def _orders(self) -> _Object:
        names, account = self._names.order, f"{self._names.order.account}.{self._names.account.erp_id}"

        def read(row: Record) -> Said:
            number = row.get(names.number)
            if not number:
                return
            stated = {
                "status": row.get(names.status) or "",
                "customer_number": _through(row, names.account, self._names.account.erp_id),
                "purchase_order": row.get(names.purchase_order) or None,
                "ordered_on": row.get(names.ordered_on),
            }
            yield Kind.ORDER, str(number), stated, {"order": number, "external_id": row["Id"]}
            shown = {
                "status": row.get(names.gateway_status) or None,
                "invoiced_amount": _zero(row.get(names.invoiced_amount)),
                "open_amount": _zero(row.get(names.open_amount)),
            }
            yield Kind.ORDER_SHOWN, str(number), shown, {"order": number, "external_id": row["Id"]}

        stated = (names.number, names.status, names.purchase_order, names.ordered_on, account)
        shown = (names.gateway_status, names.invoiced_amount, names.open_amount)
        return _Object(names.sobject, (*stated, *shown), names.number, read)

    def _lines(self) -> _Object:
        names, product = self._names.order_item, self._names.product
        order = f"{relationship(names.order)}.{self._names.order.number}"

        def read(row: Record) -> Said:
            number = _through(row, relationship(names.order), self._names.order.number)
            if not number or row.get(names.line_no) is None:
                return
            key = f"{number}/{int(read_decimal(row[names.line_no]))}"
            facts = {"order": number, "external_id": row["Id"]}
            stated = {
                "sku": _through(row, names.product, product.sku),
                "quantity": _number(row.get(names.quantity)),
                "uom": row.get(names.uom),
                "unit_price": _number(row.get(names.unit_price)),
            }
            yield Kind.ORDER_LINE, key, stated, facts
            shown = {
                "shipped": _zero(row.get(names.shipped)),
                "backordered": _zero(row.get(names.backordered)),
                "invoiced": _zero(row.get(names.invoiced)),
            }
            yield Kind.LINE_SHOWN, key, shown, facts

        stated = (order, names.line_no, names.quantity, names.uom, names.unit_price, f"{names.product}.{product.sku}")
        return _Object(names.sobject, (*stated, names.shipped, names.backordered, names.invoiced), order, read)

    def _invoices(self) -> _Object:
        names = self._names.invoice
        order = f"{relationship(names.order)}.{self._names.order.number}"

        def read(row: Record) -> Said:
            body = {
                "doc_number": row.get(names.doc_number) or "",
                "status": row.get(names.status),
                "total": _number(row.get(names.total)),
                "balance": _number(row.get(names.balance)),
                "invoiced_on": row.get(names.invoiced_on),
                "quickbooks_id": row.get(names.quickbooks_id),
                "order": _through(row, relationship(names.order), self._names.order.number),
            }
            facts = {"order": body["order"]}
            yield Kind.INVOICE_SHOWN, str(row.get(names.key) or row["Id"]), body, facts

        told = (names.doc_number, names.status, names.total, names.balance, names.invoiced_on, names.quickbooks_id)
        return _Object(names.sobject, (names.key, order, *told), names.key, read)

    def _levels(self) -> _Object:
        names = self._names.inventory

        def read(row: Record) -> Said:
            body = {
                "on_hand": _number(row.get(names.on_hand)),
                "allocated": _number(row.get(names.allocated)),
                "available": _number(row.get(names.available)),
                "confidence": row.get(names.confidence),
            }
            yield Kind.LEVEL_SHOWN, str(row.get(names.key) or row["Id"]), body, {}

        fields = (names.key, names.on_hand, names.allocated, names.available, names.confidence)
        return _Object(names.sobject, fields, names.key, read)

    def _products(self) -> _Object:
        names = self._names.product

        def read(row: Record) -> Said:
            if row.get(names.sku):
                yield Kind.TOTAL_SHOWN, str(row[names.sku]), {"available": _number(row.get(names.available))}, {}

        return _Object(names.sobject, (names.sku, names.available), names.sku, read)

    def _accounts(self) -> _Object:
        names = self._names.account

        def read(row: Record) -> Said:
            if not row.get(names.erp_id):
                return
            number = str(row[names.erp_id])
            shown = {
                "open_balance": _zero(row.get(names.open_balance)),
                "credit_hold": bool(row.get(names.credit_hold)),
            }
            yield Kind.ACCOUNT_SHOWN, number, shown, {"customer": number}
            yield Kind.ACCOUNT_LINK, number, {"id": str(row["Id"])}, {"customer": number}

        return _Object(names.sobject, (names.erp_id, names.open_balance, names.credit_hold), names.erp_id, read)


def _through(row: Record, relation: str, field: str) -> str | None:
    parent = row.get(relation)
    value = parent.get(field) if isinstance(parent, Mapping) else None
    return str(value) if value else None


def _number(value: object) -> str | None:
    return None if value is None else plain(read_decimal(value))


def _zero(value: object) -> str:
    """A number that was never said shows as nothing, which is zero to whoever reads it."""
    return plain(Decimal(0) if value is None else read_decimal(value))
