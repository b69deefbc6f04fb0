"""The stand-in org as an ASGI application."""

import asyncio
from typing import Any

from fastapi import HTTPException, Request, Response
from starlette.responses import JSONResponse

from twins.salesforce import bulk, bulk_jobs, composite, graphs, oauth, queries, resources, row_collections, watch
from twins.salesforce.bulk_loader import Loader
from twins.salesforce.control import routes
from twins.salesforce.errors import ApiError
from twins.salesforce.faults import JSON, OrgFaults, answers, refusal
from twins.salesforce.hook_routes import hook_routes, picklist_routes
from twins.salesforce.hooks import SETTINGS as HOOK_SETTINGS
from twins.salesforce.hooks import HookSender
from twins.salesforce.oauth import Refused, Sessions
from twins.salesforce.org import INTEGRATION_USER, SETTINGS, Org
from twins.salesforce.rest import UNTROUBLED, Answer, Call, Router, split_target
from twins.salesforce.seeding import seed
from twins.salesforce.usage import count_call
from twins.salesforce.values import dump_json
from twins.web import Database, TwinApp

_KEPT_HEADERS = ("sforce-", "if-", "x-")


def api_router(loader: Loader) -> Router:
    """All resources below the version; the loader does the work of bulk jobs."""
    router = Router()
    router.add("", get=resources.resource_map)
    router.add("limits", get=resources.limits)
    router.add("query", get=queries.query)
    router.add("query/*", get=queries.query_more)
    router.add("queryAll", get=queries.query_all)
    router.add("queryAll/*", get=queries.query_more)
    router.add("sobjects", get=resources.describe_global)
    router.add("sobjects/*", get=resources.metadata, post=resources.create)
    router.add("sobjects/*/describe", get=resources.describe_object)
    router.add("sobjects/*/updated", get=resources.updated)
    router.add("sobjects/*/deleted", get=resources.deleted)
    router.add("sobjects/*/*", get=resources.read, patch=resources.update, delete=resources.delete)
    router.add("sobjects/*/*/*", get=resources.read_external, patch=resources.upsert, delete=resources.delete_external)
    router.add("composite", post=composite.composite(router))
    router.add("composite/graph", post=graphs.graphs(router))
    router.add(
        "composite/sobjects", post=row_collections.create, patch=row_collections.update, delete=row_collections.delete
    )
    router.add("composite/sobjects/*", get=row_collections.retrieve, post=row_collections.retrieve)
    router.add("composite/sobjects/*/*", patch=row_collections.upsert)
    router.add("jobs/ingest", get=bulk.listing, post=bulk.create)
    router.add("jobs/ingest/*", get=bulk.reading(loader), patch=bulk.changing(loader), delete=bulk.remove)
    router.add("jobs/ingest/*/batches", put=bulk.upload)
    router.add("jobs/ingest/*/*", get=bulk.results)
    return router


def create_app(database: str = ":memory:") -> TwinApp:
    """Build the twin on a SQLite file, which is furnished when it is new."""
    store = Database(database)
    org: Org
    sessions: Sessions
    sender: HookSender

    def start() -> None:
        sender.forget()
        org.furnish()

    def fill(world: dict[str, Any]) -> dict[str, Any]:
        try:
            return seed(org, world)
        except ApiError as problem:
            raise HTTPException(422, str(problem)) from problem

    def end_sessions() -> None:
        sessions.end_all()

    kinds = answers(end_sessions)

    app = TwinApp("Salesforce twin", store, {**SETTINGS, **HOOK_SETTINGS}, kinds, fill, start)
    org = Org(store, app.clock.now, app.settings.all)
    store.execute("PRAGMA cache_size = -64000")  # 64 MB: the indexes of 200,000 rows do not fit in the usual two
    store.script(queries.TABLES)
    store.script(bulk_jobs.TABLES)
    store.script(watch.TABLES)
    sessions = Sessions(org)
    app.faults = OrgFaults(store, kinds)
    with store.transaction():
        org.furnish()
    sender = HookSender(org, store, app.settings)
    app.background.append(sender.run)
    app.include_router(routes(org, store, sessions))
    app.include_router(hook_routes(org, store))
    app.include_router(picklist_routes(org, store))
    _vendor_routes(app, org, sessions)
    return app


def _vendor_routes(app: TwinApp, org: Org, sessions: Sessions) -> None:
    api = api_router(Loader(org, app.database))

    @app.post("/services/oauth2/token")
    async def token(request: Request) -> Response:
        form = oauth.read_form(await request.body())
        try:
            return JSONResponse(sessions.token(form, request.headers, _origin(request)), media_type=JSON)
        except Refused as problem:
            return JSONResponse(problem.body, 400, media_type=JSON)

    @app.get("/services/data")
    @app.get("/services/data/")
    async def versions() -> Response:
        return JSONResponse(resources.versions(), media_type=JSON)

    @app.api_route("/services/data/{rest:path}", methods=["GET", "POST", "PATCH", "PUT", "DELETE", "HEAD"])
    async def data(request: Request) -> Response:
        content = await request.body()
        return await asyncio.to_thread(_serve, (org, sessions, app), api, request, content)

    @app.api_route("/{rest:path}", methods=["GET", "POST", "PATCH", "PUT", "DELETE"])
    async def other() -> Response:
        return refusal(404, "NOT_FOUND", "The requested resource does not exist")


def _serve(parts: tuple[Org, Sessions, TwinApp], api: Router, request: Request, content: bytes) -> Response:
    """Answer one data call in one transaction, counted against the daily pool."""
    org, sessions, app = parts
    _note(org, request, content)
    with app.database.transaction():
        if not sessions.valid(request.headers.get("authorization")):
            return _unauthorised(org)
        used, maximum = count_call(org.database), int(org.settings()["daily_limit"])
        if used > maximum:
            return refusal(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
        answer = _dispatch(org, api, request, content)
    request.scope.get("journal", {}).update(answer.notes)
    headers = {"Sforce-Limit-Info": f"api-usage={used}/{maximum}", **answer.headers}
    if answer.body is None or "Content-Type" in headers:
        return Response(answer.body, answer.status, headers)
    return Response(dump_json(answer.body), answer.status, headers, media_type=JSON)


def _dispatch(org: Org, api: Router, request: Request, content: bytes) -> Answer:
    raw = request.scope.get("raw_path") or request.url.path.encode()
    target = raw.decode("latin-1") + "?" + request.url.query
    try:
        version, path, query = split_target(target)
    except ApiError as problem:
        return Answer(problem.status, problem.body())
    trouble = request.scope.get("trouble", UNTROUBLED)
    call = Call(request.method, version, path, query, request.headers, content, INTEGRATION_USER, trouble)
    return api.dispatch(org, call)


def _unauthorised(org: Org) -> Response:
    """The 401 of an expired session: an array, and on demand the odd bodies that were seen in the wild."""
    shape = org.settings()["unauthorised_body"]
    if shape == "empty":
        return Response(None, 401)
    if shape == "dict":
        return JSONResponse({"error": "invalid_session"}, 401, media_type=JSON)
    return refusal(401, "INVALID_SESSION_ID", "Session expired or invalid")


def _note(org: Org, request: Request, content: bytes) -> None:
    """Add to the journal what tests want to see and what is no secret."""
    entry = request.scope.get("journal", {})
    entry["headers"] = {name: text for name, text in request.headers.items() if name.startswith(_KEPT_HEADERS)}
    if org.settings()["journal_bodies"]:
        entry["body"] = content.decode("utf-8", "replace")


def _origin(request: Request) -> str:
    """Scheme and host as the caller meant them: a My Domain host was reached through a rewriting adapter."""
    host = request.headers.get("host", "127.0.0.1")
    scheme = "https" if host.endswith(".salesforce.com") else request.url.scheme
    return f"{scheme}://{host}"
