"""The API's description: OpenAPI, and pages that show it, served from here alone under a strict policy."""

from __future__ import annotations

import json
from importlib import resources
from typing import Any

from fastapi import FastAPI
from fastapi.responses import HTMLResponse, Response
from fastapi.routing import APIRoute
from fastapi.staticfiles import StaticFiles
from starlette.types import Lifespan

from api import examples
from api.limits import EXEMPT
from api.shapes import FieldProblem, Problem, declared

VERSION = "0.1.0"
TEXT = """The gateway between QuickBooks Online, Salesforce and the ERP.

* **Keys** travel in the header `X-API-Key`. Scopes: `viewer` reads; `operator` reads, decides and hands in files;
  `admin` does all of that and makes keys; `ingest` may only hand in files.
* **Errors** are RFC 9457 problem documents (`application/problem+json`); `code` is stable, `trace_id` finds the log.
* **Lists** are paged by key: `next` of a page is the `cursor` of the following one, and stays right while rows come in.
* **Money and quantities** are decimal strings, times are UTC with their zone.
* **Work** that takes time answers 202 with a `status_url`."""
TAGS = {
    "overview": "How everything is, what happened, how long it took, and one search over all.",
    "files": "Exports of the ERP: handed in, read, and what in them was refused.",
    "order files": "What is written for the ERP: which orders it tells of, and what was replaced.",
    "shipments": "Confirmed shipments on their way to an invoice.",
    "invoices": "What was drafted in QuickBooks.",
    "orders": "Orders as Salesforce states them.",
    "customers": "Customers as the ERP's master states them.",
    "items": "Items as the ERP's master states them.",
    "stock": "What can be promised of items, how old that is, and why it is that number.",
    "reservations": "Goods kept for quotes.",
    "exceptions": "Work that waits for a person, and their decisions.",
    "alerts": "Who is told of what: messages, channels, a trial.",
    "reconciliations": "All systems compared with the store: runs, findings, certificates.",
    "links": "Which record of QuickBooks and Salesforce is which of ours.",
    "traces": "One thing across all systems.",
    "provenance": "Of every field what stated it, and every value that it had.",
    "audit": "What people decided, chained so that no change of it goes unseen.",
    "decisions": "What the gateway decided, made again from what was stored.",
    "policies": "Changed rules: what they would change, proposed by one person, approved by another.",
    "workflows": "Started work that has no record of its own.",
    "payloads": "What Temporal keeps encrypted, for its Web UI.",
    "connections": "Whether the other systems let the gateway in.",
    "layouts": "How the ERP's files are read.",
    "hooks": "Hints of Salesforce and QuickBooks that something changed: signed, not keyed.",
    "keys": "Keys of this API.",
    "people": "People who sign in to the dashboard.",
    "health": "For probes and for Prometheus.",
}
ASSETS = "/docs/assets"
# Styles are written into the page by both viewers; scripts come from files of ours only.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' "
    "data:; connect-src 'self'; worker-src 'self' blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Threeway API</title>
<link rel="icon" type="image/png" href="docs/assets/favicon.png">
{head}
</head>
<body>
{body}
</body>
</html>
"""
# The online validator of Swagger UI would be asked with this API's address: it is off.
FOLLOWED = {"200", "202"}
LOCATION = {"description": "The same as `status_url`.", "schema": {"type": "string"}}
START = """const root = new URL("..", document.currentScript.src).pathname.replace(/\\/$/, "");
SwaggerUIBundle({
  url: root + "/openapi.json",
  dom_id: "#api",
  deepLinking: true,
  validatorUrl: null,
  presets: [SwaggerUIBundle.presets.apis],
});
"""


def described_app(lifespan: Lifespan[FastAPI] | None) -> FastAPI:
    """An app with the description's front matter; operations are known by the names of their functions."""
    return FastAPI(
        title="Threeway",
        version=VERSION,
        description=TEXT,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=_operation_id,
        openapi_tags=[{"name": name, "description": text} for name, text in TAGS.items()],
    )


def install(app: FastAPI) -> None:
    """Add the pages, and the problem document that every route refers to."""
    app.mount(ASSETS, StaticFiles(directory=str(resources.files("fastapi_offline") / "static")), name="assets")
    app.add_api_route("/docs", _swagger, include_in_schema=False)
    app.add_api_route("/docs/start.js", _start, include_in_schema=False)
    app.add_api_route("/redoc", _redoc, include_in_schema=False)
    original = app.openapi

    def described() -> dict[str, Any]:
        if app.openapi_schema is not None:
            return app.openapi_schema
        document = original()
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        for model in (FieldProblem, Problem):
            schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
            schema.pop("$defs", None)
            schemas.setdefault(model.__name__, schema)
        examples.show(schemas)
        for path, methods in document["paths"].items():
            for operation in methods.values():
                _complete(path, operation)
        return document

    app.openapi = described  # type: ignore[method-assign]


def _complete(path: str, operation: dict[str, Any]) -> None:
    """Add what the envelope and the framework answer for every route, and where started work is to be followed."""
    answers: dict[str, Any] = operation["responses"]
    every = {414, 431} | (set() if path in EXEMPT else {429}) | ({400, 413} if "requestBody" in operation else set())
    for status in every - {int(one) for one in answers}:
        answers[str(status)] = declared(status)
    for followed in FOLLOWED & answers.keys():
        if any(one in json.dumps(answers[followed]) for one in ("/Started", "/FileAccepted")):
            answers[followed]["headers"] = {"Location": LOCATION}
    operation["responses"] = dict(sorted(answers.items()))


def _operation_id(route: APIRoute) -> str:
    return route.name


async def _swagger() -> Response:
    """The description to read and to try. Needs no key: it holds no fact of the business."""
    head = '<link rel="stylesheet" href="docs/assets/swagger-ui.css">'
    body = '<div id="api"></div>\n<script src="docs/assets/swagger-ui-bundle.js"></script>'
    return _page(head, f'{body}\n<script src="docs/start.js"></script>')


async def _start() -> Response:
    return Response(START, media_type="text/javascript")


async def _redoc() -> Response:
    """The description to read."""
    body = '<redoc spec-url="openapi.json"></redoc>\n<script src="docs/assets/redoc.standalone.js"></script>'
    return _page("", body)


def _page(head: str, body: str) -> Response:
    return HTMLResponse(PAGE.format(head=head, body=body), headers={"Content-Security-Policy": POLICY})
