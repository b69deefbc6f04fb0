"""Everything that is compared, read once: the three stand-ins over HTTP, the canonical store by plain SQL, the folder.

No code of the product is used here: what the store means is read from its columns, as any outsider would.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import psycopg
from psycopg.rows import dict_row

Json = dict[str, Any]
OBJECTS = ("Order", "OrderItem", "Account", "Product2", "Order_Event__c", "Invoice__c", "Inventory_Level__c")
QUERIES = {
    "lines": "SELECT * FROM order_line_ledgers",
    "states": "SELECT * FROM order_states",
    "numbers": "SELECT * FROM order_numbers ORDER BY sequence",
    "messages": "SELECT * FROM order_messages ORDER BY id",
    "order_files": "SELECT sequence, name, state FROM order_files ORDER BY sequence",
    "shipments": "SELECT * FROM shipments",
    "shipment_lines": "SELECT * FROM shipment_lines",
    "invoices": "SELECT * FROM invoices",
    "credits": "SELECT * FROM credits",
    "returns": "SELECT * FROM returns",
    "balances": "SELECT * FROM customer_balances",
    "levels": "SELECT sku, warehouse, on_hand, counts FROM stock_levels",
    "exceptions": "SELECT cause, record_key, sentence FROM exceptions WHERE state = 'open'",
    "invoice_intents": "SELECT shipment_number, generation, state FROM invoice_intents",
    "credit_intents": "SELECT shipment_number, generation, state FROM credit_intents",
    "files": "SELECT filename, layout, sequence, state FROM source_files",
    "unstarted": "SELECT source, external_id FROM inbox WHERE started_at IS NULL",
    "unnumbered": "SELECT external_id, lacks FROM new_orders",
}


@dataclass(frozen=True)
class Addresses:
    """Where the systems are: base addresses of the stand-ins, the store, and the folder of order files."""

    quickbooks: str
    salesforce: str
    erp: str
    database: str
    outbox: Path


@dataclass(frozen=True)
class Evidence:
    """What the systems said at one moment; nothing in it is derived."""

    warehouse: Json
    schedule: Json
    ledger: Json
    org: dict[str, list[Json]]
    store: dict[str, list[Json]]
    order_files: dict[str, bytes]
    refused_files: tuple[str, ...] = ()

    @property
    def orders(self) -> dict[str, Json]:
        """The ERP's orders by number."""
        return {one["order_no"]: one for one in self.warehouse["orders"]}

    @property
    def shipments(self) -> list[Json]:
        """The shipments that the ERP has confirmed in a file."""
        return [one for one in self.warehouse["shipments"] if one["told"]]

    @property
    def org_orders(self) -> dict[str, Json]:
        """Salesforce's orders by the number that the ERP knows."""
        return {one["ERP_Order_Id__c"]: one for one in self.org["Order"] if one["ERP_Order_Id__c"]}

    def org_lines(self) -> dict[tuple[str, int], Json]:
        """Salesforce's order lines by order number and line number."""
        numbers = {one["Id"]: number for number, one in self.org_orders.items()}
        return {
            (numbers[one["OrderId"]], int(one["ERP_Line_No__c"])): one
            for one in self.org["OrderItem"]
            if one["OrderId"] in numbers and one["ERP_Line_No__c"] is not None
        }

    def of_order(self, name: str, field: str) -> dict[str, list[Json]]:
        """The rows of an object by the Salesforce id of their order."""
        found: defaultdict[str, list[Json]] = defaultdict(list)
        for one in self.org[name]:
            found[str(one[field])].append(one)
        return found


def gather(addresses: Addresses) -> Evidence:
    """Read everything."""
    with httpx.Client(trust_env=False, timeout=120) as http:

        def get(base: str, path: str) -> Any:
            answer = http.get(f"{base}/__twin__/{path}")
            answer.raise_for_status()
            return answer.json()

        warehouse, schedule = get(addresses.erp, "warehouse"), get(addresses.erp, "warehouse/schedule")
        ledger = get(addresses.quickbooks, "ledger")
        org = {name: get(addresses.salesforce, f"records/{name}")["records"] for name in OBJECTS}
    return Evidence(
        warehouse=warehouse,
        schedule=schedule,
        ledger=ledger,
        org=org,
        store=_store(addresses.database),
        order_files=_files(addresses.outbox / ".done"),
        refused_files=tuple(sorted(_files(addresses.outbox / ".bad"))),
    )


def number(value: object) -> Decimal:
    """A number of any of the systems, without trailing zeros; nothing is zero."""
    found = Decimal(str(value if value is not None else 0))
    return found.normalize() + Decimal(0)


def _store(url: str) -> dict[str, list[Json]]:
    """One snapshot of the store."""
    plain = url.replace("postgresql+psycopg://", "postgresql://")
    with psycopg.connect(plain, row_factory=dict_row) as connection:
        connection.read_only = True
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        return {name: connection.execute(query).fetchall() for name, query in QUERIES.items()}


def _files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())} if folder.is_dir() else {}
