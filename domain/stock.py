"""Stock as the ERP states it: one row per item and warehouse, in base units of the item."""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from domain.money import Quantity


class Bucket(StrEnum):
    """What may be done with the units of a row: only `sellable` ones can be promised to a customer."""

    SELLABLE = "sellable"
    QUARANTINED = "quarantined"
    DAMAGED = "damaged"
    CONSIGNED = "consigned"


class StockRow(BaseModel):
    """The stock of one item in one warehouse at the instant of its snapshot (`created_at` of the file's summary).

    `on_hand` may be below zero: the ERP books a pick before the receipt that covers it.
    """

    model_config = ConfigDict(frozen=True)

    sku: str
    warehouse: str
    on_hand: Quantity
    allocated: Quantity
    on_order: Quantity
    bucket: Bucket
