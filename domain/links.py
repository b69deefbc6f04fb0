"""Links: a record's identity in another system, and the proposals from which a person or an exact key makes them."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from domain.sources import System


class LinkKind(StrEnum):
    """What kind of record a link joins."""

    CUSTOMER = "customer"
    ITEM = "item"
    TERMS = "terms"


class Candidate(BaseModel):
    """A record of another system that may be one of ours: what matching needs to know of it and nothing more.

    `strong_key` is the value that identifies it across systems where the vendor has one: an item's `Sku`, Salesforce's
    `ERP_Id__c` or `ERP_SKU__c`, a term's number of due days.
    """

    model_config = ConfigDict(frozen=True)

    kind: LinkKind
    system: System
    external_id: str
    name: str
    strong_key: str | None = None
    active: bool = True
    version_token: str | None = None


class Link(BaseModel):
    """The identity of one of our records in another system. `local_key` is the ERP number, SKU or terms code."""

    model_config = ConfigDict(frozen=True)

    kind: LinkKind
    system: System
    local_key: str
    external_id: str
    external_name: str


class Proposal(BaseModel):
    """A pair that could become a link: score 0 to 1; exact pairs may be confirmed without a person (contract)."""

    model_config = ConfigDict(frozen=True)

    kind: LinkKind
    system: System
    local_key: str
    local_name: str
    external_id: str
    external_name: str
    score: Decimal
    exact: bool
    reason: str
