"""Rulings: what people have decided about one shipment, as inputs of the billing decision."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from domain.exceptions import Choice, Resolution


class PriceRuling(StrEnum):
    """Whose price is billed where order and shipment differ (case E2)."""

    ORDER = "order"
    SHIPMENT = "shipment"


class QuantityRuling(StrEnum):
    """How much is billed where more shipped than was ordered (case O4)."""

    ALL = "all"
    ORDERED = "ordered"


class Rulings(BaseModel):
    """The standing decisions on one shipment; later ones replace earlier ones on the same question."""

    model_config = ConfigDict(frozen=True)

    items: Mapping[str, str] = {}
    customer_number: str | None = None
    price: PriceRuling | None = None
    quantity: QuantityRuling | None = None
    without_order: bool = False
    do_not_bill: bool = False


def _item_map(value: str, subjects: tuple[str, ...]) -> dict[str, str]:
    """Read `NEW`, or `OLD=NEW, OLD2=NEW2` where several items are unknown."""
    if "=" not in value:
        return dict.fromkeys(subjects, value.strip())
    pairs = (part.split("=", 1) for part in value.split(",") if part.strip())
    return {old.strip(): new.strip() for old, new in pairs}


def _effect(resolution: Resolution, subjects: tuple[str, ...], items: Mapping[str, str]) -> dict[str, object]:
    value = resolution.value or ""
    effects: dict[Choice, dict[str, object]] = {
        Choice.USE_ITEM: {"items": {**items, **_item_map(value, subjects)}},
        Choice.USE_CUSTOMER: {"customer_number": value.strip()},
        Choice.BILL_ORDER_PRICE: {"price": PriceRuling.ORDER},
        Choice.BILL_SHIPMENT_PRICE: {"price": PriceRuling.SHIPMENT},
        Choice.BILL_ALL: {"quantity": QuantityRuling.ALL},
        Choice.BILL_ORDERED: {"quantity": QuantityRuling.ORDERED},
        Choice.BILL_WITHOUT_ORDER: {"without_order": True},
        Choice.DO_NOT_BILL: {"do_not_bill": True},
        Choice.BILL_AGAIN: {"do_not_bill": False},
    }
    return effects.get(resolution.choice, {})


def rulings_from(resolutions: Iterable[tuple[Resolution, tuple[str, ...]]]) -> Rulings:
    """Fold decisions, oldest first, each with the subjects (unknown SKUs) of its exception."""
    rulings = Rulings()
    for resolution, subjects in resolutions:
        rulings = rulings.model_copy(update=_effect(resolution, subjects, rulings.items))
    return rulings
