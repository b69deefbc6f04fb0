"""Links: a record's identity in another system, and the proposals from which a person or an exact key makes them."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from domain.errors import Malformed
from domain.sources import System


class LinkKind(StrEnum):
    """What kind of record a link joins."""

    CUSTOMER = "customer"
    ITEM = "item"
    TERMS = "terms"


class LinkRole(StrEnum):
    """What a link says (case M6): the two records are one thing, or our documents are booked under that record.

    Of `own` there is one for each record there; many of ours can be `billed_to` the same one, which is somebody else's
    own, or nobody's.
    """

    OWN = "own"
    BILLED_TO = "billed_to"


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
    """One of our records and one of another system. `local_key` is the ERP number, SKU or terms code."""

    model_config = ConfigDict(frozen=True)

    kind: LinkKind
    system: System
    local_key: str
    external_id: str
    external_name: str
    role: LinkRole = LinkRole.OWN


def check_role(link: Link) -> None:
    """Only the documents of a customer are booked under somebody else, and only QuickBooks books any.

    Raises Malformed for any other link that is not its record's own.
    """
    if link.role is LinkRole.BILLED_TO and (link.kind, link.system) != (LinkKind.CUSTOMER, System.QUICKBOOKS):
        detail = f"Only a customer is billed to a record, and only in QuickBooks: not {link.kind} in {link.system}."
        raise Malformed(detail, reason="link_role")


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
