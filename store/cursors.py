"""Sync cursors: how far each sweep of another system has read."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import uuid4

from pydantic import BaseModel, ConfigDict
from sqlalchemy import text
from sqlmodel import Session

from domain.links import LinkKind
from domain.sources import System
from store.tables.access import SyncCursorRow

# Orders on which a shortage of stock has changed the words, not said yet.
ORDERS_TO_TELL = "stock-orders-to-tell"
# Customers whose balance in QuickBooks moved, or one of whose orders where new ones are held over a limit; what that
# means for their orders was not looked at yet.
CUSTOMERS_TO_LOOK = "customers to look at"


Notes = Mapping[str, Any]


def masters(system: System, kind: LinkKind) -> str:
    """The cursor of the sweep that reads what changed in a system's customers, items or terms."""
    return f"{system.value}-masters-{kind.value}"


class SyncCursor(BaseModel):
    """How far a sweep has read: `position_at`, and in `position` what else it needs to go on (JSON-ready)."""

    model_config = ConfigDict(frozen=True)

    name: str
    position_at: datetime | None
    position: dict[str, Any] | None
    updated_at: datetime

    @property
    def rewound(self) -> str | None:
        """What tells its last rewinding from others; None where there was none."""
        return (self.position or {}).get("rewound")


_ADVANCE = text("""
INSERT INTO sync_cursors AS stored (name, position_at, position)
SELECT name, position_at, position
FROM json_to_recordset(CAST(:rows AS json)) AS given(name text, position_at timestamptz, position jsonb)
ON CONFLICT (name) DO UPDATE
SET position_at = excluded.position_at, position = excluded.position, updated_at = now()
WHERE stored.position_at IS NULL OR stored.position_at <= excluded.position_at
""")

# Whoever rewound it since a sweep began to read wants more read than that sweep is reading.
_ADVANCE_UNREWOUND = text("""
INSERT INTO sync_cursors AS stored (name, position_at) VALUES (:name, :position_at)
ON CONFLICT (name) DO UPDATE
SET position_at = excluded.position_at, updated_at = now()
WHERE (stored.position_at IS NULL OR stored.position_at <= excluded.position_at)
AND stored.position ->> 'rewound' IS NOT DISTINCT FROM CAST(:rewound AS text)
""")

# A row that is not there yet is made, from the beginning: the first sweep may be under way.
_REWIND = text("""
INSERT INTO sync_cursors AS stored (name, position) VALUES (:name, jsonb_build_object('rewound', CAST(:mark AS text)))
ON CONFLICT (name) DO UPDATE
SET position_at = :position_at, position = excluded.position, updated_at = now()
""")

_NOTE = text("""
INSERT INTO sync_cursors AS stored (name, position) VALUES (:name, CAST(:keys AS jsonb))
ON CONFLICT (name) DO UPDATE
SET position = coalesce(stored.position, '{}') || excluded.position, updated_at = now()
""")

_STRIKE = text("""
UPDATE sync_cursors SET position = position - CAST(:keys AS text[]), updated_at = now()
WHERE name = :name
""")

_STRIKE_NOTES = text("""
UPDATE sync_cursors
SET position = position - coalesce(array(
        SELECT dealt.key FROM jsonb_each(CAST(:keys AS jsonb)) dealt WHERE position -> dealt.key = dealt.value
    ), '{}'),
    updated_at = now()
WHERE name = :name
""")


def get(session: Session, name: str) -> SyncCursor | None:
    """A cursor, or None before its first sweep."""
    row = session.get(SyncCursorRow, name, populate_existing=True)
    return None if row is None else SyncCursor.model_validate(row, from_attributes=True)


def position(session: Session, name: str) -> datetime | None:
    """The instant up to which a sweep has read, or None before its first."""
    found = get(session, name)
    return found.position_at if found else None


def advance(session: Session, name: str, position_at: datetime, rest: dict[str, Any] | None = None) -> None:
    """Move a cursor on, with the rest of its position; a late sweep never moves it back."""
    row = SyncCursor(name=name, position_at=position_at, position=rest, updated_at=position_at)
    session.execute(_ADVANCE, {"rows": f"[{row.model_dump_json()}]"})


def note(session: Session, name: str, keys: Sequence[str]) -> None:
    """Note keys that a sweep has still to deal with; each time is a new reason to."""
    if keys:
        session.execute(_NOTE, {"name": name, "keys": json.dumps(dict.fromkeys(keys, uuid4().hex))})


def noted(session: Session, name: str) -> list[str]:
    """The keys that a sweep has still to deal with."""
    return list(notes(session, name))


def notes(session: Session, name: str) -> Notes:
    """The same, each key with what tells this note from the next one of the same key."""
    found = get(session, name)
    return dict(sorted((found.position or {}).items())) if found else {}


def strike(session: Session, name: str, keys: Sequence[str]) -> None:
    """Strike keys out whose latest note was dealt with; other keys stay."""
    session.execute(_STRIKE, {"name": name, "keys": list(keys)})


def strike_notes(session: Session, name: str, dealt: Notes) -> None:
    """Strike out the notes that were dealt with; what was noted meanwhile stays, be it of the same key."""
    if dealt:
        session.execute(_STRIKE_NOTES, {"name": name, "keys": json.dumps(dict(dealt))})


def advance_unrewound(session: Session, name: str, position_at: datetime, rewound: str | None) -> None:
    """Move a cursor on as `advance` does, unless it was rewound since `rewound` was read, before the sweep began."""
    session.execute(_ADVANCE_UNREWOUND, {"name": name, "position_at": position_at, "rewound": rewound})


def rewind(session: Session, name: str, position_at: datetime | None) -> None:
    """Move a cursor back, so that the next sweep reads again from there (None: from the beginning)."""
    session.execute(_REWIND, {"name": name, "mark": uuid4().hex, "position_at": position_at})
