"""Which canonical model the groups of a file become, and which paths it has."""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_args

from pydantic import BaseModel

from domain.acknowledgements import OrderAcknowledgement
from domain.customers import Customer
from domain.files import Entity
from domain.items import Item
from domain.order_messages import OrderMessage
from domain.returns import ReturnReceipt
from domain.shipments import Shipment
from domain.stock import StockRow

MODELS: dict[Entity, type[BaseModel]] = {
    Entity.SHIPMENT_CONFIRMATION: Shipment,
    Entity.CUSTOMER_MASTER: Customer,
    Entity.ITEM_MASTER: Item,
    Entity.INVENTORY_SNAPSHOT: StockRow,
    Entity.ORDER_ACK: OrderAcknowledgement,
    Entity.RETURNS: ReturnReceipt,
    Entity.ORDER_EXPORT: OrderMessage,
}


def _inner(annotation: object) -> type[BaseModel] | None:
    """The model inside an annotation: `Address`, `tuple[ShipmentLine, ...]`, `X | None`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for found in map(_inner, get_args(annotation)) if found), None)


def problem_of_target(model: type[BaseModel], path: str) -> str | None:
    """Why a path such as `lines[].sku` or `bill_to.city` is none of the model, or None."""
    current: type[BaseModel] | None = model
    for part in path.split("."):
        name = part.removesuffix("[]")
        if current is None or name not in current.model_fields:
            known = sorted(current.model_fields) if current else []
            return f"{current.__name__ if current else path} has no {name}; it has {known}"
        current = _inner(current.model_fields[name].annotation)
    return None


def required_targets(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """The paths without which the model cannot be built."""
    for name, info in model.model_fields.items():
        if not info.is_required():
            continue
        inner = _inner(info.annotation)
        if inner is None:
            yield f"{prefix}{name}"
        else:
            many = "[]" if "tuple" in str(info.annotation) else ""
            yield from required_targets(inner, f"{prefix}{name}{many}.")
