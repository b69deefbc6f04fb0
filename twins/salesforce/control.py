"""What the control plane has beside the common part: edits by a user, an oracle of all rows, orders, sessions."""

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from fastapi import APIRouter, Request, Response

from twins.salesforce.errors import ApiError
from twins.salesforce.ids import normalise
from twins.salesforce.oauth import Sessions
from twins.salesforce.org import INTEGRATION_USER, SALES_USER, Org
from twins.salesforce.rest import NEWEST
from twins.salesforce.schema import Field, SObject
from twins.salesforce.seeding import place_order
from twins.salesforce.tables import Row, live
from twins.salesforce.values import Stored, dump_json, load_json, to_json, to_stored
from twins.web import Database

BASE = f"/services/data/v{NEWEST}.0"
USERS = {"sales": SALES_USER, "integration": INTEGRATION_USER}


def routes(org: Org, database: Database, sessions: Sessions) -> APIRouter:
    """The routes under `/__twin__`; errors have the shape of the API's own."""
    router = APIRouter(prefix="/__twin__")
    _read_routes(router, org)
    _write_routes(router, org, database)
    _call_routes(router, database)

    @router.post("/tokens/expire")
    async def expire() -> dict[str, bool]:
        sessions.end_all()
        return {"ok": True}

    return router


def _read_routes(router: APIRouter, org: Org) -> None:
    @router.get("/records/{name}")
    def rows(name: str, deleted: bool = False, fields: str = "") -> Response:  # noqa: FBT001, FBT002 - query parameters
        sobject = org.schema.find(name)
        if sobject is None:
            return _answer(404, {"detail": f"no object named {name}"})
        if fields:
            return _columns(org, sobject, fields.split(","))
        found = org.tables.select(sobject)
        shown = [org.records.render(sobject, row, BASE) for row in (found if deleted else live(found))]
        return _answer(200, {"records": shown})


def _columns(org: Org, sobject: SObject, names: list[str]) -> Response:
    """Some fields of all live rows, as lists: the quick way to look at a hundred thousand of them."""
    chosen = [sobject.field_named(name) for name in names]
    if None in chosen:
        return _answer(404, {"detail": f"{sobject.name} has no such field"})
    fields = [item for item in chosen if item is not None]
    found = org.tables.columns(sobject, fields)
    return _answer(200, {"fields": [item.name for item in fields], "rows": [_cells(fields, row) for row in found]})


def _cells(fields: list[Field], row: Sequence[Stored]) -> list[object]:
    return [to_json(item, value) for item, value in zip(fields, row, strict=True)]


def _call_routes(router: APIRouter, database: Database) -> None:
    @router.get("/calls")
    def calls(after: int = 0) -> dict[str, Any]:
        """How often each resource was called since the journal's entry `after`; ids in paths are shown as `*`."""
        found = database.execute("SELECT n, entry FROM journal WHERE n > ? ORDER BY n", after)
        entries = [json.loads(entry) for _, entry in found]
        counts = Counter(f"{entry['method']} {_resource(entry['path'])}" for entry in entries)
        return {"last": found[-1][0] if found else after, "calls": dict(counts)}


def _resource(path: str) -> str:
    _, version, rest = path.partition("/services/data/")
    return "/".join("*" if normalise(part) else part for part in rest.split("/")[1:]) if version else path


def _write_routes(router: APIRouter, org: Org, database: Database) -> None:
    @router.post("/records/{name}")
    async def edit(name: str, request: Request) -> Response:
        body = await request.body()
        return _attempt(org, database, lambda: _edit(org, org.sobject(name), load_json(body)))

    @router.put("/records/{name}")
    async def place(name: str, request: Request) -> Response:
        """Upsert `records` by the external id `key`, in the name of a user and without counting a call."""
        body = await request.body()
        work = partial(_attempt, org, database, lambda: _place(org, org.sobject(name), load_json(body)))
        return await asyncio.to_thread(work)

    @router.delete("/records/{name}")
    async def remove_matching(name: str, request: Request) -> Response:
        body = await request.body()
        return _attempt(org, database, lambda: _remove(org, org.sobject(name), load_json(body).get("match") or {}))

    @router.delete("/records/{name}/{record}")
    async def remove(name: str, record: str) -> Response:
        return _attempt(org, database, lambda: _remove(org, org.sobject(name), {"Id": record}))

    @router.post("/merge/{name}")
    async def merge(name: str, request: Request) -> Response:
        """Merge the record `loser` into the record `winner`, as a person does."""
        body = await request.body()
        return _attempt(org, database, lambda: _merge(org, org.sobject(name), load_json(body)))

    @router.post("/orders")
    async def order(request: Request) -> Response:
        body = await request.body()
        return _attempt(org, database, lambda: place_order(org, load_json(body)))


def _attempt(org: Org, database: Database, work: Callable[[], dict[str, Any]]) -> Response:
    try:
        with database.transaction(), org.attempt():
            return _answer(200, work())
    except ApiError as refusal:
        return _answer(refusal.status, refusal.body())


def _place(org: Org, sobject: SObject, body: dict[str, Any]) -> dict[str, Any]:
    item = org.records.external_field(sobject, body["key"])
    created = 0
    for record in body["records"]:
        rest = {name: value for name, value in record.items() if name != item.name}
        created += org.records.upsert(sobject, (item, record[item.name]), rest, SALES_USER)[1]
    return {"created": created, "updated": len(body["records"]) - created}


def _edit(org: Org, sobject: SObject, body: dict[str, Any]) -> dict[str, Any]:
    """Change every record that matches, or create one when no match is asked for; as a sales rep unless told."""
    user = _user(body)
    if not body.get("match"):
        return {"ids": [org.records.create(sobject, body["fields"], user)], "created": True}
    ids = [str(row["Id"]) for row in _matching(org, sobject, body["match"])]
    for record in ids:
        org.records.update(sobject, record, body["fields"], user)
    return {"ids": ids, "created": False}


def _merge(org: Org, sobject: SObject, body: dict[str, Any]) -> dict[str, Any]:
    org.records.merge(sobject, body["loser"], body["winner"], SALES_USER)
    return {"ids": [body["winner"]]}


def _user(body: dict[str, Any]) -> str:
    name = body.get("user", "sales")
    if name not in USERS:
        raise ApiError(400, "INVALID_CROSS_REFERENCE_KEY", f"no user named {name}; known: {', '.join(USERS)}")
    return USERS[name]


def _remove(org: Org, sobject: SObject, match: dict[str, Any]) -> dict[str, Any]:
    ids = [str(row["Id"]) for row in _matching(org, sobject, match)]
    for record in ids:
        org.records.delete(sobject, record, SALES_USER)
    return {"ids": ids}


def _matching(org: Org, sobject: SObject, match: dict[str, Any]) -> list[Row]:
    wanted: Row = {}
    for name, value in match.items():
        item = sobject.field_named(name)
        if item is None:
            raise ApiError(400, "INVALID_FIELD", f"No such column '{name}' on sobject of type {sobject.name}")
        wanted[item.name] = value if item.type == "id" else to_stored(item, value)
    where = " AND ".join(f'"{name}" = ?' for name in wanted)
    found = live(org.tables.select(sobject, where or "0", *wanted.values()))
    if not found:
        raise ApiError(404, "NOT_FOUND", f"no {sobject.name} matches")
    return found


def _answer(status: int, body: object) -> Response:
    return Response(dump_json(body), status, media_type="application/json")
