"""Customers in the store."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import select
from sqlmodel import Session, col

from domain.customers import Address, Customer
from store.history import page_as_of, rows_as_of
from store.paging import DEFAULT_LIMIT, Page, page_of
from store.tables.master import CustomerRow
from store.upserts import upsert as upsert_rows

_ADDRESS = {name: f"bill_to_{name}" for name in Address.model_fields}


def upsert(session: Session, customers: Iterable[Customer]) -> list[str]:
    """Write customers that are new or differ; answers their numbers. Running it again writes nothing."""
    rows = [
        {
            **customer.model_dump(exclude={"bill_to"}),
            **{_ADDRESS[k]: v for k, v in customer.bill_to.model_dump().items()},
        }
        for customer in customers
    ]
    return [number for (number,) in upsert_rows(session, CustomerRow, rows)]


def get_many(session: Session, numbers: Sequence[str], as_of: datetime | None = None) -> dict[str, Customer]:
    """The customers of these numbers that are known, now or as of a time."""
    if as_of is not None:
        return {key: _customer(row) for key, row in rows_as_of(session, CustomerRow, as_of, numbers).items()}
    query = select(CustomerRow).where(col(CustomerRow.number).in_(set(numbers)))
    return {row.number: _customer(row) for row in session.scalars(query)}


def page(
    session: Session, *, as_of: datetime | None = None, limit: int = DEFAULT_LIMIT, cursor: str | None = None
) -> Page[Customer]:
    """Customers in the order of their numbers, now or as of a time. A cursor holds for one of the two."""
    if as_of is not None:
        return page_as_of(session, CustomerRow, as_of, limit=limit, cursor=cursor).of(_customer)
    return page_of(session, select(CustomerRow), [col(CustomerRow.number)], limit=limit, cursor=cursor).of(_customer)


def _customer(row: CustomerRow) -> Customer:
    address = {name: getattr(row, column) for name, column in _ADDRESS.items()}
    return Customer(**row.model_dump(exclude=set(_ADDRESS.values())), bill_to=Address(**address))
