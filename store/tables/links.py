"""The table of links: a record's identity in another system, from proposal to retirement."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from sqlalchemy import Index, text
from sqlmodel import Field, SQLModel

from domain.links import LinkKind, LinkRole
from domain.sources import System
from store.tables.columns import FALSE, JSON, NOW, UTC_TIME, check, one_of, word


class LinkState(StrEnum):
    """How far a link is: only confirmed ones are used; retired ones are kept as aliases (case M4)."""

    PROPOSED = "proposed"
    CONFIRMED = "confirmed"
    RETIRED = "retired"


class LinkRow(SQLModel, table=True):
    """A pair of one of our records and one of another system's. Each of ours has one; of theirs, one is its own.

    `base` is the last agreed image for the three-way merge, `version_token` the other system's version of it.
    """

    __tablename__ = "links"
    __table_args__ = (
        one_of("state", LinkState),
        one_of("kind", LinkKind),
        one_of("system", System),
        one_of("role", LinkRole),
        check("billed_to", "role = 'own' OR (kind = 'customer' AND system = 'quickbooks')"),
        check("score_range", "score BETWEEN 0 AND 1"),
        check("confirmed", "state <> 'confirmed' OR (confirmed_by IS NOT NULL AND confirmed_at IS NOT NULL)"),
        Index(
            "uq_links_confirmed_local_key",
            "system",
            "kind",
            "local_key",
            unique=True,
            postgresql_where=text("state = 'confirmed'"),
        ),
        Index(
            "uq_links_confirmed_external_id",
            "system",
            "kind",
            "external_id",
            unique=True,
            postgresql_where=text("state = 'confirmed' AND role = 'own'"),
        ),
    )

    system: str = Field(primary_key=True)
    kind: str = Field(primary_key=True)
    local_key: str = Field(primary_key=True)
    external_id: str = Field(primary_key=True)
    external_name: str
    role: str = Field(default=LinkRole.OWN.value, sa_column_kwargs=word(LinkRole.OWN.value))
    state: str
    score: Decimal
    exact: bool = Field(default=False, sa_column_kwargs=FALSE)
    reason: str
    version_token: str | None = None
    base: dict[str, Any] | None = Field(default=None, sa_type=JSON)
    proposed_at: datetime = Field(sa_type=UTC_TIME, sa_column_kwargs=NOW)
    confirmed_by: str | None = None
    confirmed_at: datetime | None = Field(default=None, sa_type=UTC_TIME)
    retired_at: datetime | None = Field(default=None, sa_type=UTC_TIME)
