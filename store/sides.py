"""What the systems say of a record that waits for a person, side by side, field by field."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal

from pydantic import AwareDatetime, BaseModel, ConfigDict
from sqlmodel import Session

from domain.exceptions import ExceptionItem
from domain.invoices import InvoiceLine
from domain.links import LinkKind
from domain.master_questions import RECORD_TYPE, split_key
from domain.money import plain
from domain.orders import Order, OrderLine
from domain.shipments import ShipmentLine
from domain.sources import System
from store import invoice_views, mastering, orders, shipment_views

AGREED = "agreed"


class ComparedSide(BaseModel):
    """Who says something: a system, or what was agreed before; its record there, and since when it says so."""

    model_config = ConfigDict(frozen=True)

    name: str
    record: str | None = None
    said_at: AwareDatetime | None = None


class ComparedField(BaseModel):
    """One field: what each side has of it, None where it has nothing; `apart`: they do not all say the same."""

    model_config = ConfigDict(frozen=True)

    about: str
    field: str
    values: tuple[str | None, ...]
    apart: bool


class Comparison(BaseModel):
    """The sides, and their values in the same order."""

    model_config = ConfigDict(frozen=True)

    sides: tuple[ComparedSide, ...]
    fields: tuple[ComparedField, ...]


Column = Mapping[tuple[str, str], str | None]
NOTHING = Comparison(sides=(), fields=())


def compare(session: Session, item: ExceptionItem) -> Comparison:
    """The sides of an exception; none for work that no two systems have a say in."""
    if item.record_type == RECORD_TYPE:
        kind, key, _ = split_key(item.record_key)
        return _of_master(session, kind, key)
    if item.record_type == "shipment":
        return _of_shipment(session, item.record_key)
    return NOTHING


def _of_master(session: Session, kind: LinkKind, key: str) -> Comparison:
    record = mastering.get_many(session, kind, [key]).get(key)
    found = mastering.sides(session, kind, key)
    agreed = record.agreed if record else {}
    sides = [ComparedSide(name=AGREED, said_at=record.decided_at if record else None)]
    columns: list[Column] = [_master_column(key, agreed)]
    for system in sorted(found, key=list(System).index):
        side = found[system]
        sides.append(
            ComparedSide(name=system.value, record=side.external_id, said_at=side.changed_at or side.observed_at)
        )
        columns.append(_master_column(key, side.stated))
    return _compared(sides, columns, against_first=False)


def _master_column(key: str, values: Mapping[str, object]) -> Column:
    return {(key, name): _text(value) for name, value in values.items()}


def _of_shipment(session: Session, number: str) -> Comparison:
    view = shipment_views.get(session, number)
    if view is None:
        return NOTHING
    order = orders.get_many(session, [view.order_number]).get(view.order_number)
    invoice = invoice_views.get(session, number)
    sides = [ComparedSide(name="ERP shipment", record=view.number, said_at=view.received_at)]
    columns: list[Column] = [_shipped(view.customer_number, view.lines)]
    if order is not None:
        sides.append(ComparedSide(name="Salesforce order", record=order.external_id, said_at=order.version_at))
        columns.append(_ordered(order))
    if invoice is not None:
        record, at = invoice.quickbooks_id, invoice.booked_at
        sides.append(ComparedSide(name="QuickBooks invoice", record=record, said_at=at))
        columns.append(_billed(invoice.customer_number, invoice.lines))
    return _compared(sides, columns, against_first=True)


def _shipped(customer: str, lines: Iterable[ShipmentLine]) -> Column:
    found: dict[tuple[str, str], str | None] = {("shipment", "customer"): customer}
    for line in lines:
        found |= _line(line.line_no, line.sku, line.quantity_shipped, line)
    return found


def _ordered(order: Order) -> Column:
    found: dict[tuple[str, str], str | None] = {("shipment", "customer"): order.customer_number}
    for line in order.lines:
        found |= _line(line.line_no, line.sku, line.quantity, line)
    return found


def _billed(customer: str, lines: Iterable[InvoiceLine]) -> Column:
    found: dict[tuple[str, str], str | None] = {("shipment", "customer"): customer}
    for line in lines:
        if line.shipment_line_no is not None:
            found |= _line(line.shipment_line_no, line.sku, line.quantity, line)
    return found


def _line(
    line_no: int, sku: str, quantity: Decimal, line: ShipmentLine | OrderLine | InvoiceLine
) -> dict[tuple[str, str], str | None]:
    about = f"line {line_no}"
    said = {"item": sku, "quantity": plain(quantity), "unit": line.uom, "unit price": plain(line.unit_price)}
    return {(about, field): value for field, value in said.items()}


def _compared(sides: Iterable[ComparedSide], columns: list[Column], *, against_first: bool) -> Comparison:
    """With `against_first` only what the first side has is compared: a shipment does not speak of the other lines."""
    names = columns[0] if against_first else dict.fromkeys(name for column in columns for name in column)
    fields = []
    for about, field in names:
        values = tuple(column.get((about, field)) for column in columns)
        said = {value for value in values if value is not None}
        fields.append(ComparedField(about=about, field=field, values=values, apart=len(said) > 1))
    return Comparison(sides=tuple(sides), fields=tuple(fields))


def _text(value: object) -> str | None:
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return ", ".join(str(part) for part in value.values() if part) or None
    if isinstance(value, list):
        return ", ".join(map(str, value)) or None
    return str(value)
