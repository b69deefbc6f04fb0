"""Tables of people: who may sign in, by what, and where they are signed in."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlmodel import Field, SQLModel

from store.tables.columns import EMPTY_TEXT, NOW, UTC_TIME, ZERO, check, one_of


class Role(StrEnum):
    """What a person may do: look; decide and set going; also keys, people and policies."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"


class PersonRow(SQLModel, table=True):
    """A person by the name that they sign in with, in lower case. Nobody is removed: their decisions stay theirs.

    `subject`: what an OpenID provider calls who signs in there, and has no password here.
    """

    __tablename__ = "people"
    __table_args__ = (one_of("role", Role), check("name_lower", "name = lower(name) AND name <> ''"))

    name: str = Field(primary_key=True)
    full_name: str = Field(default="", sa_column_kwargs=EMPTY_TEXT)
    role: str
    subject: str | None = Field(default=None, unique=True)
    created_at: datetime = Field(sa_type=UTC_TIME, sa_column_kwargs=NOW)
    disabled_at: datetime | None = Field(default=None, sa_type=UTC_TIME)


class PasswordRow(SQLModel, table=True):
    """A person's password as argon2 keeps it, apart from the person so that no history holds it."""

    __tablename__ = "passwords"

    person: str = Field(primary_key=True, foreign_key="people.name")
    password_hash: str
    changed_at: datetime = Field(sa_type=UTC_TIME, sa_column_kwargs=NOW)
    failed_count: int = Field(default=0, sa_column_kwargs=ZERO)
    failed_at: datetime | None = Field(default=None, sa_type=UTC_TIME)


class SignInRow(SQLModel, table=True):
    """A browser in which somebody is signed in: only the SHA-256 of its cookie is kept, whose value is random."""

    __tablename__ = "sign_ins"

    token_hash: str = Field(primary_key=True)
    person: str = Field(foreign_key="people.name", index=True)
    created_at: datetime = Field(sa_type=UTC_TIME, sa_column_kwargs=NOW)
    last_seen_at: datetime = Field(sa_type=UTC_TIME, sa_column_kwargs=NOW)
    expires_at: datetime = Field(sa_type=UTC_TIME)
