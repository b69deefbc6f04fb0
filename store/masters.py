"""When records of the masters were stated: files may come late, again and out of order (case F7)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlmodel import Session, col

from domain.files import Entity
from store.tables.master import MasterStatementRow
from store.upserts import upsert as upsert_rows

_NEWER = "stored.stated_at < excluded.stated_at"


def state(session: Session, entity: Entity, keys: Sequence[str], stated_at: datetime) -> set[str]:
    """Note that these records were stated at a time; answers those of which nothing newer was ever stated.

    What stands of the others is newer. Two files that state one record wait for each other here.
    """
    rows = [{"entity": entity.value, "key": key, "stated_at": stated_at} for key in keys]
    upsert_rows(session, MasterStatementRow, rows, guard=_NEWER)
    query = select(col(MasterStatementRow.key)).where(
        col(MasterStatementRow.entity) == entity.value,
        col(MasterStatementRow.key).in_(keys),
        col(MasterStatementRow.stated_at) == stated_at,
    )
    return set(session.scalars(query))
