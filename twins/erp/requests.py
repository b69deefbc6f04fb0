"""What can be asked of the ERP's twin: a world, and its exports."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from twins.erp.troubles import Damage, Trouble

Count = Annotated[int, Field(ge=0)]
Troubles = dict[Trouble, Count]


class CannotExport(Exception):
    """The export that is asked for cannot be made from what the ERP has; the message says what is missing."""


class ExportName(StrEnum):
    """The files that the ERP writes."""

    SHPCNF = "SHPCNF"
    CUSMST = "CUSMST"
    ITMMST = "ITMMST"
    INV410R = "INV410R"
    ORDACK = "ORDACK"
    RTNRCV = "RTNRCV"


class WorldRequest(BaseModel):
    """A world to make. `shipments` and `troubles` are what a shipment export has when it does not say itself."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    seed: int = 7
    customers: Annotated[int, Field(ge=1)] = 25
    items: Annotated[int, Field(ge=1)] = 60
    orders: Count = 40
    shipments: Annotated[int, Field(ge=1)] = 13
    troubles: Troubles = {}
    sequence: Annotated[int, Field(ge=1, le=999_999)] = 101
    today: date | None = None


class ExportRequest(BaseModel):
    """An export to write. None means the usual: of the world's request, of the clock, of the sequence's turn.

    SHPCNF: `shipments` in all, `troubles` among them. INV410R: rows that change and vanish since the snapshot before.
    ORDACK: how many of the last orders stand where. RTNRCV: `returns`. `again` writes an earlier file once more.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    sequence: Annotated[int, Field(ge=1, le=999_999)] | None = None
    created_at: AwareDatetime | None = None
    damage: Damage | None = None
    drop: bool = False
    again: str | None = None
    shipments: Annotated[int, Field(ge=1)] | None = None
    troubles: Troubles | None = None
    rows_changed: Count | None = None
    rows_vanished: Count = 2
    held: Count | None = None
    rejected: Count | None = None
    picking: Count = 0
    cancelled: Count = 0
    unseen: Count | None = None
    backordered: Count = 1
    returns: Annotated[int, Field(ge=1)] = 3
