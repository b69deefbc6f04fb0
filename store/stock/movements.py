"""Movements of stock since it was stated: the confirmed shipments, as the domain's deltas (cases I1, I4)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from sqlalchemy import select
from sqlmodel import Session, col

from domain.demand import base_quantity
from domain.items import Item
from domain.stock import Bucket
from domain.stock_events import Delta
from store.stock.levels import Key
from store.tables.files import SourceFileRow
from store.tables.shipments import ShipmentLineRow, ShipmentRow


def since(session: Session, skus: Sequence[str], after: datetime, items: Mapping[str, Item]) -> dict[Key, list[Delta]]:
    """What left the warehouses after an instant, by item and warehouse, in base units.

    A shipment moves the sellable bucket. A line whose unit the item lacks moves nothing: it is a finding of billing,
    and the next snapshot has it.
    """
    query = (
        select(ShipmentLineRow, col(ShipmentRow.warehouse), col(ShipmentRow.shipped_at), col(SourceFileRow.filename))
        .join(ShipmentRow, col(ShipmentRow.number) == col(ShipmentLineRow.shipment_number))
        .outerjoin(SourceFileRow, col(SourceFileRow.id) == col(ShipmentRow.source_file_id))
        .where(col(ShipmentLineRow.sku).in_(skus), col(ShipmentRow.shipped_at) > after)
    )
    found: defaultdict[Key, list[Delta]] = defaultdict(list)
    for line, warehouse, shipped_at, filename in session.execute(query):
        quantity = _in_base_units(line, items.get(line.sku))
        if quantity:
            found[line.sku, warehouse].append(
                Delta(
                    id=f"{line.shipment_number}/{line.line_no}",
                    effective_at=shipped_at,
                    sku=line.sku,
                    warehouse=warehouse,
                    bucket=Bucket.SELLABLE,
                    on_hand=-quantity,
                    reason="shipment",
                    reference=line.shipment_number,
                    source=f"shipment {line.shipment_number} line {line.line_no} ({filename or 'no file'})",
                )
            )
    return found


def _in_base_units(line: ShipmentLineRow, item: Item | None) -> Decimal:
    factor = item.convert(line.uom, item.base_uom) if item else None
    return Decimal(0) if factor is None else base_quantity(line.quantity_shipped, factor)
