"""Tables of how we reach others and others reach us: connection tokens, API keys, sync cursors, heartbeats."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ARRAY, Index, Text, UniqueConstraint
from sqlmodel import Field, SQLModel

from domain.sources import System
from store.tables.columns import EMPTY_OBJECT, JSON, NOW, UTC_TIME, ZERO, check, one_of

SCOPES = ("viewer", "operator", "admin", "ingest")


class ConnectionTokenRow(SQLModel, table=True):
    """The tokens of one connection, encrypted; its row lock makes sure that one worker renews at a time (case X2)."""

    __tablename__ = "connection_tokens"
    __table_args__ = (one_of("system", System),)

    system: str = Field(primary_key=True)
    account: str = Field(primary_key=True)
    ciphertext: bytes | None = None
    expires_at: datetime | None = Field(default=None, sa_type=UTC_TIME)
    updated_at: datetime = Field(sa_type=UTC_TIME, sa_column_kwargs=NOW)
    version: int = Field(default=0, sa_column_kwargs=ZERO)


class ApiKeyRow(SQLModel, table=True):
    """An API key: only the SHA-256 of it is kept, which is enough because the key is 32 random bytes."""

    __tablename__ = "api_keys"
    __table_args__ = (
        UniqueConstraint("key_hash"),
        check("scopes_known", f"scopes <@ ARRAY[{', '.join(repr(scope) for scope in SCOPES)}]"),
        check("scopes_some", "cardinality(scopes) > 0"),
    )

    id: str = Field(primary_key=True)
    name: str
    key_hash: str
    scopes: list[str] = Field(sa_type=ARRAY(Text))
    created_at: datetime = Field(sa_type=UTC_TIME, sa_column_kwargs=NOW)
    expires_at: datetime | None = Field(default=None, sa_type=UTC_TIME)
    revoked_at: datetime | None = Field(default=None, sa_type=UTC_TIME)
    last_used_at: datetime | None = Field(default=None, sa_type=UTC_TIME)


class RequestKeyRow(SQLModel, table=True):
    """A request that its sender named (`Idempotency-Key`), and what it was answered."""

    __tablename__ = "request_keys"
    __table_args__ = (Index("ix_request_keys_expires_at", "expires_at"),)

    caller: str = Field(primary_key=True)
    key: str = Field(primary_key=True)
    digest: str
    result: dict[str, Any] | None = Field(default=None, sa_type=JSON)
    created_at: datetime = Field(sa_type=UTC_TIME, sa_column_kwargs=NOW)
    expires_at: datetime = Field(sa_type=UTC_TIME)


class SyncCursorRow(SQLModel, table=True):
    """How far a sweep has read: an instant, and what else its owner needs to go on."""

    __tablename__ = "sync_cursors"

    name: str = Field(primary_key=True)
    position_at: datetime | None = Field(default=None, sa_type=UTC_TIME)
    position: dict[str, Any] | None = Field(default=None, sa_type=JSON)
    updated_at: datetime = Field(sa_type=UTC_TIME, sa_column_kwargs=NOW)


class HeartbeatRow(SQLModel, table=True):
    """A running process of ours and when it was last heard of."""

    __tablename__ = "heartbeats"

    process: str = Field(primary_key=True)
    role: str
    started_at: datetime = Field(sa_type=UTC_TIME, sa_column_kwargs=NOW)
    seen_at: datetime = Field(sa_type=UTC_TIME, sa_column_kwargs=NOW)
    details: dict[str, Any] = Field(default_factory=dict, sa_type=JSON, sa_column_kwargs=EMPTY_OBJECT)
