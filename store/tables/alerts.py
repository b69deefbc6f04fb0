"""Tables of alerts: what is to be told of which exception, and the messages that tell it (feature G-I7)."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Index, text
from sqlmodel import Field, SQLModel

from domain.alerts import Phase, Severity
from store.tables.columns import FALSE, JSON, NEW_UUID, NOW, UTC_TIME, ZERO, check, one_of, word

MESSAGE_STATES = ("waiting", "sent", "given_up")


class AlertMessageRow(SQLModel, table=True):
    """One message to one channel, frozen when it is made; by its id a receiver knows it, however often it comes.

    `claimed_until`: until then somebody is sending it; who dies meanwhile lets it go by that.
    """

    __tablename__ = "alert_messages"
    __table_args__ = (
        one_of("state", MESSAGE_STATES),
        one_of("severity", Severity),
        check("sent", "(state = 'sent') = (sent_at IS NOT NULL)"),
        Index(None, "next_try_at", postgresql_where=text("state = 'waiting'")),
        Index(None, "made_at", "id"),
        Index(None, "channel", "made_at"),
    )

    id: UUID = Field(default_factory=uuid4, primary_key=True, sa_column_kwargs=NEW_UUID)
    channel: str
    is_test: bool = Field(default=False, sa_column_kwargs=FALSE)
    severity: str
    content: dict[str, Any] = Field(sa_type=JSON)
    state: str = Field(default="waiting", sa_column_kwargs=word("waiting"))
    made_at: datetime = Field(sa_type=UTC_TIME, sa_column_kwargs=NOW)
    tries: int = Field(default=0, sa_column_kwargs=ZERO)
    next_try_at: datetime = Field(sa_type=UTC_TIME, sa_column_kwargs=NOW)
    claimed_until: datetime | None = Field(default=None, sa_type=UTC_TIME)
    sent_at: datetime | None = Field(default=None, sa_type=UTC_TIME)
    error: str | None = None


class AlertNoticeRow(SQLModel, table=True):
    """That a channel is told of a phase of an exception, once; `message_id` None: not said yet."""

    __tablename__ = "alert_notices"
    __table_args__ = (
        one_of("phase", Phase),
        one_of("severity", Severity),
        Index(None, "due_at", postgresql_where=text("message_id IS NULL")),
        Index(None, "message_id"),
    )

    exception_id: UUID = Field(primary_key=True, foreign_key="exceptions.id", ondelete="CASCADE")
    channel: str = Field(primary_key=True)
    phase: str = Field(primary_key=True)
    severity: str
    tells_end: bool = Field(default=False, sa_column_kwargs=FALSE)
    noted_at: datetime = Field(sa_type=UTC_TIME, sa_column_kwargs=NOW)
    due_at: datetime = Field(sa_type=UTC_TIME)
    message_id: UUID | None = Field(default=None, foreign_key="alert_messages.id", ondelete="CASCADE")
