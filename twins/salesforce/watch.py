"""What the package's flows tell the gateway: orders and order products that somebody other than the gateway changed.

Queued in the transaction of the change, so that what is told has happened and what has happened is told.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from twins.salesforce.ids import make_id
from twins.salesforce.schema import SObject
from twins.salesforce.tables import Database, Row, Tables
from twins.salesforce.values import stamp

MESSAGE, CALL = "message", "call"  # outbound message, and a flow's call in JSON
SWITCHES = {MESSAGE: "outbound_messages", CALL: "flow_calls"}
# What the entry conditions of the flows look at.
WATCHED = {
    "Order": ("Status", "AccountId", "EffectiveDate", "PoNumber", "ERP_Order_Id__c"),
    "OrderItem": ("Quantity", "UnitPrice", "UoM__c", "ERP_Line_No__c"),
}
TABLES = """
CREATE TABLE IF NOT EXISTS hook_notice (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL, way TEXT NOT NULL, sobject TEXT NOT NULL,
    record TEXT NOT NULL, event TEXT NOT NULL, at TEXT NOT NULL, message INTEGER
);
CREATE INDEX IF NOT EXISTS hook_notice_message ON hook_notice (message);
CREATE TABLE IF NOT EXISTS hook_message (
    n INTEGER PRIMARY KEY AUTOINCREMENT, way TEXT NOT NULL, sobject TEXT NOT NULL, state TEXT NOT NULL,
    attempts INTEGER NOT NULL, queued_at TEXT NOT NULL, due_at TEXT NOT NULL, answer TEXT
);
CREATE INDEX IF NOT EXISTS hook_message_state ON hook_message (state, due_at);
"""


class Change(NamedTuple):
    """One written row: as it was (empty: it is new) and as it is."""

    sobject: SObject
    before: Row
    after: Row
    user: str


class Watch:
    """Puts what the flows would tell into the queue; `own_user` is the gateway's, of which nothing is told."""

    def __init__(
        self, tables: Tables, now: Callable[[], datetime], settings: Callable[[], Mapping[str, Any]], own_user: str
    ) -> None:
        self._tables = tables
        self._now = now
        self._settings = settings
        self._own_user = own_user

    def see(self, change: Change) -> None:
        """Queue a change once for every way that is switched on."""
        if change.user == self._own_user or not self._is_told(change):
            return
        settings = self._settings()
        for way, switch in SWITCHES.items():
            if settings[switch]:
                self._queue(way, change)

    def _is_told(self, change: Change) -> bool:
        watched = WATCHED.get(change.sobject.name)
        if watched is None or change.after.get("IsDeleted"):
            return False
        if change.before and all(change.before[name] == change.after[name] for name in watched):
            return False
        return change.sobject.name == "Order" or self._is_activated(change.after["OrderId"])

    def _is_activated(self, order: object) -> bool:
        row = self._tables.by_id(self._tables.schema.get("Order"), str(order))
        return row is not None and row["StatusCode"] == "Activated"

    def _queue(self, way: str, change: Change) -> None:
        database: Database = self._tables.database
        event = "updated" if change.before else "created"
        database.execute(
            "INSERT INTO hook_notice (id, way, sobject, record, event, at) VALUES (?, ?, ?, ?, ?, ?)",
            *(make_id("04l", database.next_number("id notification")), way, change.sobject.name),
            *(change.after["Id"], event, stamp(self._now())),
        )
