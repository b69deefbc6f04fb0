"""What is due and when: one table, in the order in which it happens."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from twins.web import Database

SCHEMA = """
CREATE TABLE IF NOT EXISTS agenda (
    n INTEGER PRIMARY KEY AUTOINCREMENT, at TEXT NOT NULL, rank INTEGER NOT NULL, kind TEXT NOT NULL,
    subject TEXT NOT NULL, body TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS agenda_turn ON agenda (at, rank, n);
CREATE INDEX IF NOT EXISTS agenda_subject ON agenda (kind, subject);
"""


class Kind(StrEnum):
    """What can be due."""

    LOOK = "look"
    ACKNOWLEDGE = "acknowledge"
    RELEASE = "release"
    PICK = "pick"
    SHIP = "ship"
    ARRIVE = "arrive"
    RETURN = "return"
    CORRECT = "correct"
    REVERSE = "reverse"
    EXPORT = "export"
    DELIVER = "deliver"


# At one instant goods move before a file tells of them, and a file is written before it is delivered: an export
# states all that happened up to its instant, that instant included.
_RANKS = {Kind.EXPORT: 1, Kind.DELIVER: 2}


@dataclass(frozen=True, slots=True)
class Due:
    """One thing that is due; `body` is what its handler wants to know."""

    n: int
    at: datetime
    kind: Kind
    subject: str
    body: dict[str, Any] = field(default_factory=dict)


class Agenda:
    """The queue of what is due. Instants are whole seconds; a row stays until what it asks for is done."""

    def __init__(self, database: Database) -> None:
        self._database = database
        database.script(SCHEMA)

    def add(self, at: datetime, kind: Kind, subject: str, **body: Any) -> None:
        """Make something due; the same thing twice is due twice."""
        self._database.execute(
            "INSERT INTO agenda (at, rank, kind, subject, body) VALUES (?, ?, ?, ?, ?)",
            _written(at),
            _RANKS.get(kind, 0),
            kind.value,
            subject,
            json.dumps(body),
        )

    def first(self, until: datetime) -> Due | None:
        """The first thing that is due by then."""
        found = self._read("WHERE at <= ? ORDER BY at, rank, n LIMIT 1", _written(until))
        return found[0] if found else None

    def done(self, due: Due) -> bool:
        """Take it off; False when it was off already."""
        return bool(self._database.execute("DELETE FROM agenda WHERE n = ? RETURNING n", due.n))

    def postpone(self, due: Due, at: datetime) -> None:
        """Make it due at another instant."""
        self._database.execute("UPDATE agenda SET at = ? WHERE n = ?", _written(at), due.n)

    def of(self, kind: Kind, subject: str) -> list[Due]:
        """What of this kind is due for the subject."""
        return self._read("WHERE kind = ? AND subject = ? ORDER BY at, rank, n", kind.value, subject)

    def drop(self, kind: Kind, subject: str) -> None:
        """Nothing of this kind is due for the subject any more."""
        self._database.execute("DELETE FROM agenda WHERE kind = ? AND subject = ?", kind.value, subject)

    def all(self) -> list[Due]:
        """Everything, in its order."""
        return self._read("ORDER BY at, rank, n")

    def _read(self, clause: str, *parameters: object) -> list[Due]:
        rows = self._database.execute(f"SELECT n, at, kind, subject, body FROM agenda {clause}", *parameters)  # noqa: S608 - clauses of this class
        return [
            Due(n, datetime.fromisoformat(at), Kind(kind), subject, json.loads(body))
            for n, at, kind, subject, body in rows
        ]


def _written(at: datetime) -> str:
    """Instants of one form sort as text."""
    return at.astimezone(UTC).replace(microsecond=0).isoformat()
