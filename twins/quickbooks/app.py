"""The QuickBooks Online twin as an application: the API under `/v3`, OAuth 2.0, and its own control routes."""

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from twins.quickbooks import oauth
from twins.quickbooks.answers import BusinessFault, fault_answers, no_resource, respond, throttled
from twins.quickbooks.ledger import read_ledger
from twins.quickbooks.operations import change, kind_of, read
from twins.quickbooks.resources import Call, answer
from twins.quickbooks.seed import seed_world, start_company
from twins.quickbooks.state import DEFAULTS, Company
from twins.quickbooks.usage import Usage
from twins.quickbooks.webhook_routes import webhook_routes
from twins.quickbooks.webhook_sender import SETTINGS as HOOK_SETTINGS
from twins.quickbooks.webhook_sender import WebhookSender
from twins.web import CONTROL, Database, JsonObject, TwinApp, dump_json, load_json

_PDF = (
    b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj 2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj"
    b" 3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"
)


def create_app(database: str = ":memory:") -> TwinApp:
    """Build the twin on a database file; an empty file gets the accounts and the first refresh token."""
    return _Twin(Database(database)).app


class Edit(BaseModel):
    """Body of `POST /__twin__/edit`: fields that a QuickBooks user changes, or an operation, on one entity."""

    entity: str
    id: str
    changes: JsonObject = {}
    operation: str = "update"


class _Twin:
    """Wires the parts together and serves `/v3/company/{realm}/...`."""

    def __init__(self, storage: Database) -> None:
        answers = fault_answers(lambda: str(self.app.settings["throttle_body"]))
        self.app = TwinApp(
            "QuickBooks Online twin", storage, {**DEFAULTS, **HOOK_SETTINGS}, answers, self._seed, self._start
        )
        self.company = Company(storage, self.app.settings, self.app.clock)
        self.grants = oauth.Grants(self.company)
        self.usage = Usage(self.app.clock.now)
        self.company.prepare()
        if not storage.execute("SELECT 1 FROM entity LIMIT 1"):
            self._start()
        self.app.include_router(self._control())
        self.app.include_router(webhook_routes(self.company))
        self.app.background.append(WebhookSender(self.company).run)
        oauth.add_routes(self.app, self.grants)
        self.app.add_route("/v3/company/{realm}/{rest:path}", self._serve, methods=["GET", "POST"])
        self.app.add_route("/{path:path}", _unknown, methods=["GET", "POST"])

    def _start(self) -> None:
        with self.app.database.transaction():
            start_company(self.company)
            self.grants.start()
        self.usage.clear()

    def _seed(self, world: JsonObject) -> JsonObject:
        return seed_world(self.company, world)

    async def _serve(self, request: Request) -> Response:
        body = await request.body()
        resource = tuple(part for part in request.path_params["rest"].split("/") if part)
        resource = (resource[0].lower(), *resource[1:]) if resource else ()
        stopped = self._stopped(request, resource)
        if stopped is not None:
            return stopped
        if request.method == "GET" and len(resource) == 3 and resource[::2] == ("invoice", "pdf"):
            return self._pdf(resource[1])
        call = Call(request.method, request.url.path, resource, request.query_params, body)
        outcome = answer(self.company, call)
        entry: JsonObject = request.scope["journal"]
        if outcome.replayed:
            entry["replayed"] = True
        if outcome.code is not None:
            entry["fault_code"] = outcome.code
        return respond(outcome.text, outcome.status)

    def _stopped(self, request: Request, resource: tuple[str, ...]) -> Response | None:
        """Return the answer of what stands before the API: gateway, throttle, content negotiation."""
        refused = self.grants.refused(request.headers.get("authorization", ""), request.path_params["realm"])
        if refused is not None:
            return refused
        if self.usage.count(batch=resource == ("batch",)) and self.app.settings["throttle"]:
            self.usage.throttled()
            return throttled(str(self.app.settings["throttle_body"]))
        accept = request.headers.get("accept", "*/*")
        if not any(form in accept for form in ("application/json", "application/*", "*/*")):
            return respond("", 406, "text/plain")
        return None

    def _pdf(self, key: str) -> Response:
        try:
            read(self.company, "Invoice", key)
        except BusinessFault as fault:
            return _refuse(fault)
        response = respond("", media_type="application/pdf")
        return Response(_PDF, 200, {"intuit_tid": response.headers["intuit_tid"]}, media_type="application/pdf")

    def _control(self) -> APIRouter:
        router = APIRouter(prefix=CONTROL)

        @router.get("/ledger")
        async def ledger() -> JsonObject:
            return read_ledger(self.company)

        @router.get("/usage")
        async def usage() -> JsonObject:
            return self.usage.report()

        @router.post("/edit")
        async def edit(wanted: Edit) -> Response:
            try:
                with self.app.database.transaction():
                    return respond(dump_json(self._edit(wanted)))
            except BusinessFault as fault:
                raise HTTPException(422, fault.body()) from fault

        @router.post("/pay")
        async def pay(payment: JsonObject) -> Response:
            """A user enters a payment of a customer."""
            try:
                with self.app.database.transaction():
                    body = load_json(dump_json(payment))
                    return respond(dump_json(change(self.company, "Payment", "create", body, frozenset())))
            except BusinessFault as fault:
                raise HTTPException(422, fault.body()) from fault

        return router

    def _edit(self, wanted: Edit) -> JsonObject:
        """Change an entity as a user in QuickBooks does: with the present SyncToken, whatever it is."""
        kind = kind_of(wanted.entity, wanted.entity)
        token = read(self.company, kind, wanted.id)["SyncToken"]
        changes = load_json(dump_json(wanted.changes))  # fractions as Decimals
        body = {**changes, "Id": wanted.id, "SyncToken": token, "sparse": True}
        return change(self.company, kind, wanted.operation, body, frozenset())


async def _unknown(request: Request) -> Response:
    return _refuse(no_resource(request.url.path))


def _refuse(fault: BusinessFault) -> Response:
    return respond(dump_json({"Fault": fault.body()}), fault.status)
