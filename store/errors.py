"""The one place where errors of PostgreSQL become errors of the domain."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from domain.errors import Duplicate, GatewayError, Malformed, Missing, Permanent, Transient, Unavailable

# https://www.postgresql.org/docs/current/errcodes-appendix.html
_AGAIN = {
    "40001": "Another transaction changed the same rows.",
    "40P01": "Two transactions waited for each other.",
    "55P03": "A row stayed locked for too long.",
    "57014": "The database took too long and the statement was cancelled.",
}
_UNAVAILABLE_CLASSES = ("08", "53", "57P", "58")
_CONSTRAINTS: dict[str, tuple[type[Permanent], str]] = {
    "23505": (Duplicate, "A record with this identity is stored already."),
    "23503": (Missing, "A record that is referred to is not stored."),
    "23514": (Malformed, "A value is outside what the store allows."),
    "23502": (Malformed, "A value that must be present is missing."),
    "55000": (Permanent, "The store keeps this record as it is."),
}


@contextmanager
def translated() -> Iterator[None]:
    """Turn database errors of the body into the error tree; `reason` is the constraint or the SQLSTATE.

    Values stay out of the message: they may be private. Errors of our own SQL pass as they are, they are bugs.
    """
    try:
        yield
    except PoolTimeout as error:
        raise Unavailable("Every database connection is in use.", reason="pool_timeout") from error
    except DBAPIError as error:
        meaning = _meaning(error.orig, broken=error.connection_invalidated)
        if meaning is None:
            raise
        raise meaning from error
    except psycopg.Error as error:
        meaning = _meaning(error, broken=False)
        if meaning is None:
            raise
        raise meaning from error


def _meaning(error: BaseException | None, *, broken: bool) -> GatewayError | None:
    if not isinstance(error, psycopg.Error):
        return None
    state = error.sqlstate or ""
    if state in _AGAIN:
        return Transient(_AGAIN[state], reason=state)
    if broken or state.startswith(_UNAVAILABLE_CLASSES) or (not state and _is_lost(error)):
        return Unavailable("The database cannot be reached.", reason=state or "connection")
    if state in _CONSTRAINTS:
        kind, sentence = _CONSTRAINTS[state]
        return kind(sentence, reason=error.diag.constraint_name or error.diag.table_name or state)
    if state.startswith("22") or (not state and isinstance(error, psycopg.DataError)):  # the driver: a NUL in a text
        return Malformed("A value cannot be stored.", reason=state)
    return None


def _is_lost(error: psycopg.Error) -> bool:
    return isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)
