"""Items in the store; their units of measure are rationals, kept as numerator and denominator (case E3)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from fractions import Fraction

from sqlalchemy import select
from sqlmodel import Session, col

from domain.items import Item
from store.history import page_as_of, rows_as_of
from store.paging import DEFAULT_LIMIT, Page, page_of
from store.tables.master import ItemRow
from store.upserts import upsert as upsert_rows


def upsert(session: Session, items: Iterable[Item]) -> list[str]:
    """Write items that are new or differ; answers their SKUs. Running it again writes nothing."""
    rows = [
        {
            **item.model_dump(exclude={"units_per_sell_uom"}),
            "units_numerator": item.units_per_sell_uom.numerator,
            "units_denominator": item.units_per_sell_uom.denominator,
        }
        for item in items
    ]
    return [sku for (sku,) in upsert_rows(session, ItemRow, rows)]


def get_many(session: Session, skus: Sequence[str], as_of: datetime | None = None) -> dict[str, Item]:
    """The items of these SKUs that are known, now or as of a time."""
    if as_of is not None:
        return {key: _item(row) for key, row in rows_as_of(session, ItemRow, as_of, skus).items()}
    query = select(ItemRow).where(col(ItemRow.sku).in_(set(skus)))
    return {row.sku: _item(row) for row in session.scalars(query)}


def page(
    session: Session, *, as_of: datetime | None = None, limit: int = DEFAULT_LIMIT, cursor: str | None = None
) -> Page[Item]:
    """Items in the order of their SKUs, now or as of a time. A cursor holds for one of the two."""
    if as_of is not None:
        return page_as_of(session, ItemRow, as_of, limit=limit, cursor=cursor).of(_item)
    return page_of(session, select(ItemRow), [col(ItemRow.sku)], limit=limit, cursor=cursor).of(_item)


def _item(row: ItemRow) -> Item:
    fields = row.model_dump(exclude={"units_numerator", "units_denominator"})
    return Item(**fields, units_per_sell_uom=Fraction(row.units_numerator, row.units_denominator))
