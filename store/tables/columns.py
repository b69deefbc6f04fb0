"""Column types, defaults and constraints that all tables share, and the names that constraints get."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import BigInteger, CheckConstraint, DateTime, Index, MetaData, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.sql.elements import TextClause
from sqlmodel import SQLModel

# Constraint names are part of the contract with migrations and with store.errors: derive them, never let PostgreSQL.
SQLModel.metadata.naming_convention = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
).naming_convention

UTC_TIME = DateTime(timezone=True)
JSON = JSONB(none_as_null=True)
BIG = BigInteger()

NOW = {"server_default": func.now()}
FALSE = {"server_default": text("false")}
EMPTY_TEXT = {"server_default": text("''")}
EMPTY_OBJECT = {"server_default": text("'{}'::jsonb")}
EMPTY_LIST = {"server_default": text("'[]'::jsonb")}
THIS_TRANSACTION = {"server_default": text("pg_current_xact_id()::text::bigint")}
ZERO = {"server_default": text("0")}
ONE = {"server_default": text("1")}
NEW_UUID = {"server_default": text("gen_random_uuid()")}


def word(value: str) -> dict[str, TextClause]:
    """A server default of one of our own code words."""
    return {"server_default": text(f"'{value}'")}


def one_of(column: str, words: Iterable[str]) -> CheckConstraint:
    """The check constraint of a column that holds one of some code words (the values of a StrEnum)."""
    allowed = ", ".join(f"'{value}'" for value in words)
    return CheckConstraint(f"{column} IN ({allowed})", name=column)


def check(name: str, condition: str) -> CheckConstraint:
    """A named check constraint."""
    return CheckConstraint(condition, name=name)


def begins(table: str, column: str) -> Index:
    """An index for a search of what begins like this, which the usual order of texts does not serve."""
    return Index(f"ix_{table}_{column}_begins", column, postgresql_ops={column: "varchar_pattern_ops"})
