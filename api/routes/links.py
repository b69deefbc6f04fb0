"""Links: which record of QuickBooks and Salesforce is which of ours."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Annotated, Literal

from fastapi import APIRouter, Body, Response
from pydantic import BaseModel, ConfigDict, Field

from api import operations
from api.auth import Operator, Viewer
from api.exports import FILE, in_csv
from api.routes.workflows import started
from api.services import Reading, Serving
from api.shapes import AsOf, Cursor, Flag, Limit, Listing, Started, listing, problems
from domain.links import Link, LinkKind, LinkRole
from domain.sources import System
from store import links
from store.links import StoredLink
from store.tables.links import LinkState

router = APIRouter(prefix="/links", tags=["links"])

LINKS_AT_ONCE = 20_000


class Matching(BaseModel):
    """What a linking run shall do."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"accept_exact": True}]})

    accept_exact: Flag = Field(default=False, description="Confirm pairs that are exact on a strong key at once.")


class Pair(BaseModel):
    """One of our records and one of another system."""

    kind: LinkKind
    system: Literal[System.QUICKBOOKS, System.SALESFORCE]
    local_key: str = Field(min_length=1, max_length=100, description="ERP customer number, SKU or terms code.")
    external_id: str = Field(min_length=1, max_length=100, description="The id of the record in the other system.")
    external_name: str = Field(default="", max_length=500)


class NewLink(Pair):
    """A pair to confirm."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"kind": "item", "system": "quickbooks", "local_key": "BOLT-38", "external_id": "42"},
                {
                    "kind": "customer",
                    "system": "salesforce",
                    "local_key": "00000042",
                    "external_id": "001DTW0000000421",
                },
                {
                    "kind": "customer",
                    "system": "quickbooks",
                    "local_key": "00000051",
                    "external_id": "58",
                    "role": "billed_to",
                },
            ]
        }
    )

    role: LinkRole = Field(
        default=LinkRole.OWN,
        description="`own`: the two are one thing. `billed_to`: invoices of this customer are booked under that record "
        "of QuickBooks, which is somebody else's.",
    )


class OldLink(Pair):
    """A confirmed pair that is wrong, and why."""

    model_config = ConfigDict(
        str_strip_whitespace=True,
        json_schema_extra={
            "examples": [
                {
                    "kind": "item",
                    "system": "quickbooks",
                    "local_key": "BOLT-38",
                    "external_id": "42",
                    "reason": "42 is the bolt of the old series",
                }
            ]
        },
    )

    reason: str = Field(min_length=3, max_length=500, description="Why, for whoever asks later.")


class Imported(BaseModel):
    """How many pairs were new."""

    confirmed: int


@router.get("", responses=problems() | FILE, summary="List links")
@in_csv("links")
def list_links(
    session: Reading,
    key: Viewer,
    kind: LinkKind | None = None,
    system: System | None = None,
    state: LinkState | None = None,
    role: LinkRole | None = None,
    as_of: AsOf = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Listing[StoredLink]:
    """Links and proposals with their scores."""
    if as_of is not None:
        narrowed = {"kind": kind, "system": system, "state": state, "role": role}
        alike = {name: str(value) for name, value in narrowed.items() if value is not None}
        return listing(links.past_page(session, as_of, alike, limit=limit, cursor=cursor))
    found = links.page(session, kind=kind, system=system, state=state, role=role, limit=limit, cursor=cursor)
    return listing(found)


@router.post("/match", status_code=HTTPStatus.ACCEPTED, responses=problems(413), summary="Propose links")
async def match_links(wanted: Matching, serving: Serving, response: Response, key: Operator) -> Started:
    """Compare our masters with QuickBooks and Salesforce. Nothing is ever written there."""
    workflow_id = await operations.match_links(serving, key.name, accept_exact=wanted.accept_exact)
    return started(response, workflow_id)


@router.post("/confirm", responses=problems(409, 413), summary="Confirm one link")
async def confirm_link(new: NewLink, serving: Serving, key: Operator) -> Link:
    """Confirm a pair; shipments that waited for it go on."""
    link = await asyncio.to_thread(operations.confirm_link, serving, Link(**new.model_dump()), key.name)
    await operations.wake_linked(serving)
    return link


@router.post("/import", responses=problems(409, 413), summary="Confirm many links")
async def import_links(
    new: Annotated[list[NewLink], Body(max_length=LINKS_AT_ONCE)], serving: Serving, key: Operator
) -> Imported:
    """Confirm many pairs, all or none; shipments that waited for them go on."""
    given = [Link(**one.model_dump()) for one in new]
    confirmed = await asyncio.to_thread(operations.import_links, serving, given, key.name)
    await operations.wake_linked(serving)
    return Imported(confirmed=confirmed)


@router.post("/retire", status_code=HTTPStatus.NO_CONTENT, responses=problems(404, 413), summary="Retire one link")
async def retire_link(old: OldLink, serving: Serving, key: Operator) -> None:
    """Stop using a wrong link. Nothing that was billed by it changes; shipments wait until a right one is confirmed."""
    link = Link(**old.model_dump(exclude={"reason"}))
    await asyncio.to_thread(operations.retire_link, serving, link, old.reason, key.name)
