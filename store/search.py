"""One box for everything: an exact number first, then what begins like it; a few of each kind."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy import String, cast, func, literal, select, union_all
from sqlalchemy.sql.elements import ColumnElement
from sqlmodel import Session, col

from store.tables.files import SourceFileNameRow
from store.tables.invoices import InvoiceRow
from store.tables.master import CustomerRow, ItemRow
from store.tables.orders import OrderRow
from store.tables.shipments import ShipmentRow

OF_EACH = 8
SHORTEST = 2  # of less than that nearly everything begins like it
LONGEST = 200


class MatchKind(StrEnum):
    """What was found."""

    SHIPMENT = "shipment"
    ORDER = "order"
    INVOICE = "invoice"
    CUSTOMER = "customer"
    ITEM = "item"
    FILE = "file"


class Match(BaseModel):
    """One thing that fits: its kind and key, a few words about it, and by which field; `exact`: the whole field."""

    model_config = ConfigDict(frozen=True)

    kind: MatchKind
    key: str
    about: str
    field: str
    exact: bool


def search(session: Session, words: str) -> list[Match]:
    """What fits the words, exact ones first; a field fits that is the words, or begins with them."""
    wanted = words.strip()[:LONGEST]
    if not wanted:
        return []
    begins = len(wanted) >= SHORTEST
    parts = [_part(*place, wanted, begins=begins).subquery() for place in _places()]
    found = session.execute(union_all(*(select(one) for one in parts))).all()
    matches = [Match(kind=row.kind, key=row.key, about=row.about, field=row.field, exact=row.exact) for row in found]
    return _each_once(sorted(matches, key=lambda one: (not one.exact, list(MatchKind).index(one.kind), one.key)))


Place = tuple[MatchKind, str, Any, Any, Any, Callable[[ColumnElement[str], str], Any]]


def _places() -> Iterable[Place]:
    shipment, order, invoice, file = ShipmentRow, OrderRow, InvoiceRow, SourceFileNameRow
    of_order = func.concat("order ", col(shipment.order_number), ", ", col(shipment.state))
    of_shipment = func.concat("shipment ", col(invoice.shipment_number), ", ", col(invoice.status))
    named = func.coalesce(col(invoice.doc_number), col(invoice.quickbooks_id))
    po = func.concat("PO ", col(order.purchase_order), ", ", col(order.status))
    po_shipped = func.concat("PO ", col(shipment.purchase_order), ", ", col(shipment.state))
    yield MatchKind.SHIPMENT, "number", col(shipment.number), col(shipment.number), of_order, _begins
    yield MatchKind.SHIPMENT, "purchase order", col(shipment.purchase_order), col(shipment.number), po_shipped, _begins
    yield MatchKind.ORDER, "number", col(order.number), col(order.number), col(order.status), _begins
    yield MatchKind.ORDER, "purchase order", col(order.purchase_order), col(order.number), po, _begins
    yield MatchKind.INVOICE, "number", col(invoice.doc_number), named, of_shipment, _begins
    yield MatchKind.INVOICE, "QuickBooks id", col(invoice.quickbooks_id), named, of_shipment, _never
    yield MatchKind.CUSTOMER, "number", col(CustomerRow.number), col(CustomerRow.number), col(CustomerRow.name), _begins
    yield MatchKind.CUSTOMER, "name", col(CustomerRow.name), col(CustomerRow.number), col(CustomerRow.name), _holds
    yield MatchKind.ITEM, "SKU", col(ItemRow.sku), col(ItemRow.sku), col(ItemRow.description), _begins
    yield MatchKind.FILE, "name", col(file.filename), cast(col(file.file_id), String), col(file.filename), _begins


def _part(  # noqa: PLR0913, PLR0917 - a place has these five parts
    kind: MatchKind,
    field: str,
    looked: Any,
    key: Any,
    about: Any,
    fits: Callable[[Any, str], Any],
    wanted: str,
    *,
    begins: bool,
) -> Any:
    condition = looked == wanted
    if begins and (more := fits(looked, wanted)) is not None:
        condition = condition | more
    exact = looked == wanted
    shown = (
        literal(kind.value).label("kind"),
        key.label("key"),
        func.coalesce(about, "").label("about"),
        literal(field).label("field"),
        exact.label("exact"),
    )
    return select(*shown).where(condition).order_by(exact.desc(), looked).limit(OF_EACH)


def _begins(looked: Any, wanted: str) -> Any:
    return looked.startswith(wanted, autoescape=True)


def _holds(looked: Any, wanted: str) -> Any:
    return looked.icontains(wanted, autoescape=True)


def _never(_looked: Any, _wanted: str) -> Any:
    return None


def _each_once(matches: Iterable[Match]) -> list[Match]:
    """A record that fits by two fields is shown by the better one."""
    return list({(one.kind, one.key): one for one in reversed(list(matches))}.values())[::-1]
