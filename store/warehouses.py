"""Warehouses in the store: the ERP's codes and their names."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import select
from sqlmodel import Session, col

from store.tables.master import WarehouseRow
from store.upserts import upsert as upsert_rows


def upsert(session: Session, names: Mapping[str, str]) -> list[str]:
    """Write warehouses (name by code) that are new or differ; answers their codes. Running it again writes nothing."""
    rows = [{"code": code, "name": name} for code, name in names.items()]
    return [code for (code,) in upsert_rows(session, WarehouseRow, rows)]


def get_all(session: Session) -> dict[str, str]:
    """Every warehouse's name by its code, in the order of the codes."""
    query = select(WarehouseRow).order_by(col(WarehouseRow.code))
    return {row.code: row.name for row in session.scalars(query)}
