"""A gateway with many invoices and rows of stock, made fast: the store by SQL, the stand-ins from what it must show.

The speed of a comparison is measured with this, not its truth: what the systems hold is what the store expects of them.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, text
from sqlalchemy.engine import Connection

from twins.salesforce.app import SETTINGS
from twins.salesforce.ids import make_id
from twins.salesforce.org import SALES_USER, Org
from twins.salesforce.values import to_stored
from twins.web import Database

Json = dict[str, Any]
CUSTOMERS, ITEMS, PER_ORDER = 200, 200, 10
OLD = "2026-11-20T10:00:00-05:00"
STAMP = "2026-11-20T15:00:00.000+0000"
WAREHOUSES = ("ATL", "RNO", "SCR")

# One shipment an invoice, ten shipments an order, a line each; numbers follow from the shipment's place.
_STORE = """
INSERT INTO customers (number, name)
SELECT lpad(c::text, 8, '0'), 'Customer ' || c FROM generate_series(1, :customers) c;
INSERT INTO items (sku, description, base_uom, sell_uom, units_numerator, units_denominator, taxable)
SELECT 'ITEM-' || i, 'Item ' || i, 'EA', 'EA', 1, 1, false FROM generate_series(1, :items) i;
INSERT INTO links (system, kind, local_key, external_id, external_name, state, score, reason, confirmed_by,
                   confirmed_at)
SELECT 'quickbooks', 'customer', lpad(c::text, 8, '0'), c::text, 'x', 'confirmed', 1, 'x', 'bench', :at
FROM generate_series(1, :customers) c;
INSERT INTO orders (number, external_id, customer_number, status, active, version_at, ordered_on)
SELECT 'SO' || o, 'x' || o, lpad((1 + o % :customers)::text, 8, '0'), 'Activated', true, :at, '2026-11-16'
FROM generate_series(1, :orders) o;
INSERT INTO order_lines (order_number, line_no, sku, quantity, uom, unit_price)
SELECT 'SO' || (1 + (n - 1) / :per), 1 + (n - 1) % :per, 'ITEM-' || (1 + n % :items), 1 + n % 9, 'EA', 1 + n % 7
FROM generate_series(1, :invoices) n;
INSERT INTO shipments (number, state, order_number, customer_number, warehouse, shipped_at, content_hash, received_at,
                       intended_at, booked_at, published_at)
SELECT 'SH' || n, 'invoiced', 'SO' || (1 + (n - 1) / :per), lpad((1 + (1 + (n - 1) / :per) % :customers)::text, 8, '0'),
       'ATL', :at, 'x', :at, :at, :at, :at
FROM generate_series(1, :invoices) n;
INSERT INTO shipment_lines (shipment_number, line_no, sku, quantity_ordered, quantity_shipped, uom, unit_price)
SELECT 'SH' || n, 1 + (n - 1) % :per, 'ITEM-' || (1 + n % :items), 1 + n % 9, 1 + n % 9, 'EA', 1 + n % 7
FROM generate_series(1, :invoices) n;
INSERT INTO invoice_intents (shipment_number, generation, state, doc_number, request_id, payload, payload_hash,
                             intended_at, settled_at, quickbooks_id)
SELECT 'SH' || n, 1, 'booked', 'SH' || n, 'r' || n, jsonb_build_object(
           'refs', jsonb_build_object('customer_id', (1 + (1 + (n - 1) / :per) % :customers)::text,
                                      'item_ids', jsonb_build_object(
                                          'ITEM-' || (1 + n % :items), (1 + n % :items)::text)),
           'draft', jsonb_build_object('total', ((1 + n % 9) * (1 + n % 7))::text, 'lines', jsonb_build_array(
               jsonb_build_object('sku', 'ITEM-' || (1 + n % :items), 'quantity', (1 + n % 9)::text,
                                  'unit_price', (1 + n % 7)::text, 'amount', ((1 + n % 9) * (1 + n % 7))::text)))),
       'x', :at, :at, n::text
FROM generate_series(1, :invoices) n;
INSERT INTO invoices (shipment_number, generation, doc_number, quickbooks_id, sync_token, total, balance, invoiced_on,
                      customer_number, order_number, booked_at)
SELECT 'SH' || n, 1, 'SH' || n, n::text, '0', (1 + n % 9) * (1 + n % 7), (1 + n % 9) * (1 + n % 7), '2026-11-20',
       lpad((1 + (1 + (n - 1) / :per) % :customers)::text, 8, '0'), 'SO' || (1 + (n - 1) / :per), :at
FROM generate_series(1, :invoices) n;
INSERT INTO invoice_lines (shipment_number, generation, line_no, sku, description, quantity, uom, unit_price, amount,
                           taxable, shipment_line_no)
SELECT 'SH' || n, 1, 1, 'ITEM-' || (1 + n % :items), 'x', 1 + n % 9, 'EA', 1 + n % 7, (1 + n % 9) * (1 + n % 7), false,
       1 + (n - 1) % :per
FROM generate_series(1, :invoices) n;
INSERT INTO customer_balances (customer_number, balance, as_of_at)
SELECT customer_number, sum(balance), :at FROM invoices GROUP BY 1;
"""
_STOCK = """
INSERT INTO availabilities (sku, warehouse, value, published, confidence, as_of_at, on_hand, allocated, basis, given,
                            policy_version, content_hash, decided_at)
SELECT sku, warehouse, on_hand, on_hand, 'fresh', :at, on_hand, 0, 'x', '{}', 'bench', 'x', :at FROM stock_levels;
INSERT INTO stock_statements (sku, warehouse, content_hash, available, as_of_at, said_at)
SELECT sku, warehouse, 'x', on_hand, :at, :at FROM stock_levels;
"""


def fill_store(engine: Engine, invoices: int) -> None:
    """Customers, items, links, orders, shipments and as many invoices as are asked for, each with its change log."""
    given = {"customers": CUSTOMERS, "items": ITEMS, "invoices": invoices, "per": PER_ORDER}
    _run(
        engine, _STORE, {**given, "orders": max(1, invoices // PER_ORDER), "at": datetime(2026, 11, 20, 15, tzinfo=UTC)}
    )


def decide_stock(engine: Engine) -> None:
    """Every level can be promised as it is, and Salesforce took it."""
    _run(engine, _STOCK, {"at": datetime(2026, 11, 20, 15, tzinfo=UTC)})


def _run(engine: Engine, statements: str, given: Mapping[str, object]) -> None:
    with engine.begin() as connection:
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        cause = json.dumps({"source": "gateway", "actor": "bench"})
        connection.execute(text("SELECT set_config('threeway.cause', :cause, true)"), {"cause": cause})
        for statement in filter(str.strip, statements.split(";\n")):
            connection.execute(text(statement), {name: one for name, one in given.items() if f":{name}" in statement})


def fill_books(path: Path, engine: Engine, run_id: str) -> None:
    """Write QuickBooks' books from what the store expects of them."""
    books = sqlite3.connect(path)
    put = "INSERT INTO entity (kind, id, label, standing, updated_at, body) VALUES (?, ?, ?, 'live', ?, ?)"
    with engine.connect() as connection, books:
        for kind, entity in (("balance", "Customer"), ("invoice", "Invoice")):
            rows = ((entity, *_entity(entity, key, body)) for key, body, _ in _ours(connection, run_id, kind))
            books.executemany(put, rows)
    books.close()


def _entity(entity: str, key: str, body: Json) -> tuple[int, str, str, str]:
    common: Json = {
        "Id": key,
        "SyncToken": "0",
        "domain": "QBO",
        "MetaData": {"CreateTime": OLD, "LastUpdatedTime": OLD},
    }
    if entity == "Customer":
        document = {
            **common,
            "DisplayName": f"Customer {key}",
            "Active": True,
            "Balance": Decimal(body["balance"] or 0),
        }
        return int(key), f"customer {key}", OLD, _exact(document)
    lines = [
        {
            "DetailType": "SalesItemLineDetail",
            "Amount": Decimal(amount),
            "SalesItemLineDetail": {"ItemRef": {"value": item}, "Qty": Decimal(pieces), "UnitPrice": Decimal(price)},
        }
        for item, pieces, price, amount in body["lines"]
    ]
    document = {
        **common,
        "CustomerRef": {"value": body["customer_id"]},
        "DocNumber": body["doc_number"],
        "TxnDate": body["invoiced_on"],
        "TotalAmt": Decimal(body["total"]),
        "Balance": Decimal(body["balance"]),
        "PrivateNote": f"threeway:{body['doc_number']}:1",
        "EmailStatus": "NotSet",
        "Line": lines,
    }
    return int(key), str(body["doc_number"]).casefold(), OLD, _exact(document)


def _exact(document: Json) -> str:
    """Numbers are whole here, so that plain JSON is exact."""
    return json.dumps(document, default=int)


def fill_org(path: Path, engine: Engine, run_id: str) -> None:
    """Write Salesforce's records from what the store expects it to show."""
    database = Database(str(path))
    org = Org(database, lambda: datetime.now(UTC), lambda: SETTINGS)
    with database.transaction(), engine.connect() as connection:
        accounts = _accounts(org, connection, run_id)
        orders = _orders(org, connection, run_id, accounts)
        items = {sku: _insert(org, "Product2", Name=sku, ERP_SKU__c=sku) for sku in _skus(connection)}
        _lines(org, connection, run_id, orders, items)
        for key, body, facts in _ours(connection, run_id, "invoice_shown"):
            fields = {"Doc_Number__c": body["doc_number"], "Status__c": body["status"], "Total__c": body["total"]}
            fields |= {"Balance__c": body["balance"], "Invoiced_On__c": body["invoiced_on"]}
            order = orders[facts["order"]]
            _insert(
                org, "Invoice__c", Invoice_Key__c=key, QuickBooks_Id__c=body["quickbooks_id"], Order__c=order, **fields
            )
        for key, body, _ in _ours(connection, run_id, "level_shown"):
            numbers = {
                "On_Hand__c": body["on_hand"],
                "Allocated__c": body["allocated"],
                "Available__c": body["available"],
            }
            _insert(org, "Inventory_Level__c", Key__c=key, Confidence__c=body["confidence"], **numbers)
    database.close()


def _accounts(org: Org, connection: Connection, run_id: str) -> dict[str, str]:
    shown = {key: body for key, body, _ in _ours(connection, run_id, "account_shown")}
    found = {}
    for number in connection.scalars(text("SELECT number FROM customers ORDER BY 1")):
        body = shown.get(number, {})
        fields = {"Open_Balance__c": body.get("open_balance"), "Credit_Hold__c": body.get("credit_hold", False)}
        found[number] = _insert(org, "Account", Name=number, ERP_Id__c=number, **fields)
    return found


def _orders(org: Org, connection: Connection, run_id: str, accounts: Mapping[str, str]) -> dict[str, str]:
    shown = {key: body for key, body, _ in _ours(connection, run_id, "order_shown")}
    found = {}
    for key, body, _ in _ours(connection, run_id, "order"):
        told = shown.get(key, {})
        found[key] = _insert(
            org,
            "Order",
            ERP_Order_Id__c=key,
            AccountId=accounts[body["customer_number"]],
            Status=body["status"],
            EffectiveDate=body["ordered_on"],
            Gateway_Status__c=told.get("status"),
            Invoiced_Amount__c=told.get("invoiced_amount"),
            Open_Amount__c=told.get("open_amount"),
        )
    return found


def _lines(org: Org, connection: Connection, run_id: str, orders: Mapping[str, str], items: Mapping[str, str]) -> None:
    shown = {key: body for key, body, _ in _ours(connection, run_id, "line_shown")}
    for key, body, facts in _ours(connection, run_id, "order_line"):
        told = shown.get(key, {})
        _insert(
            org,
            "OrderItem",
            OrderId=orders[facts["order"]],
            ERP_Line_No__c=key.rpartition("/")[2],
            Product2Id=items[body["sku"]],
            Quantity=body["quantity"],
            UnitPrice=body["unit_price"],
            UoM__c=body["uom"],
            Qty_Shipped__c=told.get("shipped"),
            Qty_Backordered__c=told.get("backordered"),
            Qty_Invoiced__c=told.get("invoiced"),
        )


def _insert(org: Org, name: str, **fields: Any) -> str:
    """A record as it lies in the org, without what writing one by the API would check."""
    sobject = org.schema.get(name)
    record = make_id(sobject.prefix, org.database.next_number(f"id {name}"))
    row: dict[str, Any] = {field.name: 0 for field in sobject.fields if field.type == "boolean"}
    for field, value in fields.items():
        item = sobject.by_name[field.lower()]
        row[field] = to_stored(item, Decimal(value) if item.numeric and value is not None else value)
    stamps = dict.fromkeys(("CreatedDate", "LastModifiedDate", "SystemModstamp"), STAMP)
    users = dict.fromkeys(("CreatedById", "LastModifiedById"), SALES_USER)
    org.tables.insert(sobject, {**row, "Id": record, **stamps, **users})
    return record


def _skus(connection: Connection) -> Iterable[str]:
    return connection.scalars(text("SELECT sku FROM items ORDER BY 1"))


def _ours(connection: Connection, run_id: str, kind: str) -> Iterator[tuple[str, Json, Json]]:
    """What the store expects of a kind, as the run has staged it."""
    query = text("""
        SELECT key, body, facts FROM reconciliation_inputs
        WHERE run_id = :run AND kind = :kind AND side = 'gateway' ORDER BY key
    """)
    for row in connection.execute(query, {"run": run_id, "kind": kind}):
        yield row.key, row.body, row.facts
