"""Rules of ownership that were in force once, by their version: a kept decision is taken again under its own."""

from __future__ import annotations

from sqlalchemy import select
from sqlmodel import Session, col

from domain.errors import Missing
from domain.ownership import Ownership
from store.tables.mastering import OwnershipVersionRow
from store.upserts import append


def keep(session: Session, ownership: Ownership) -> None:
    """Keep rules that are in force now; keeping them again changes nothing."""
    row = {"version": ownership.version, "rules": ownership.model_dump(mode="json")}
    append(session, OwnershipVersionRow, [row])


def get(session: Session, version: str) -> Ownership:
    """The rules of a version. Raises Missing for one that was never in force."""
    row = session.get(OwnershipVersionRow, version)
    if row is None:
        raise Missing(f"No rules of ownership of version {version} were ever in force.", reason="ownership")
    return Ownership.model_validate(row.rules)


def versions(session: Session) -> list[str]:
    """Every version that was in force, the first one first."""
    query = select(col(OwnershipVersionRow.version)).order_by(col(OwnershipVersionRow.first_used_at))
    return list(session.scalars(query))
