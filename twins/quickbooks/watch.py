"""What the company tells subscribers: each created, changed, voided, mailed or deleted entity.

Queued in the transaction of the change, so that what is told has happened and what has happened is told.
"""

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from twins.web import Database

TABLES = """
CREATE TABLE IF NOT EXISTS hook_event (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL, realm TEXT NOT NULL, entity TEXT NOT NULL,
    key TEXT NOT NULL, operation TEXT NOT NULL, deleted_key TEXT, at TEXT NOT NULL, message INTEGER
);
CREATE INDEX IF NOT EXISTS hook_event_message ON hook_event (message);
CREATE TABLE IF NOT EXISTS hook_message (
    n INTEGER PRIMARY KEY AUTOINCREMENT, state TEXT NOT NULL, attempts INTEGER NOT NULL, queued_at TEXT NOT NULL,
    due_at TEXT NOT NULL, answer TEXT
);
CREATE INDEX IF NOT EXISTS hook_message_state ON hook_message (state, due_at);
"""
CREATED, UPDATED, DELETED, VOIDED, EMAILED, MERGED = "Create", "Update", "Delete", "Void", "Emailed", "Merge"
OPERATIONS = (CREATED, UPDATED, DELETED, VOIDED, EMAILED, MERGED)


def operation_of(before: Mapping[str, Any] | None, after: Mapping[str, Any], was: str, now: str) -> str:
    """Name what happened to an entity, by how it was, how it is, and its standing before and after."""
    if before is None:
        return CREATED
    if now != was and now == "deleted":
        return DELETED
    if now != was and now == "voided":
        return VOIDED
    mailed = after.get("EmailStatus") == "EmailSent" != before.get("EmailStatus")
    return EMAILED if mailed else UPDATED


class Happening(NamedTuple):
    """What happened to an entity; `deleted_key` is what a merge took away."""

    realm: str
    entity: str
    key: str
    operation: str
    at: datetime
    deleted_key: str | None = None


def queue_event(database: Database, one: Happening) -> None:
    """Put one event into the queue."""
    database.execute(
        "INSERT INTO hook_event (id, realm, entity, key, operation, deleted_key, at) VALUES (?, ?, ?, ?, ?, ?, ?)",
        *(str(uuid.uuid4()), one.realm, one.entity, one.key, one.operation, one.deleted_key, one.at.isoformat()),
    )
