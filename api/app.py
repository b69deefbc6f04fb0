"""Composition root 2: settings, store, Temporal and the intake of files become the HTTP API."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi.responses import RedirectResponse
from fastapi_offline import FastAPIOffline

from activities.receiving import make_receiver
from api import problems
from api.operations import user_cause
from api.routes import (
    exceptions,
    files,
    health,
    invoices,
    keys,
    layouts,
    links,
    masters,
    orders,
    shipments,
    trace,
    workflows,
)
from api.services import Services
from api.shapes import Problem
from domain.company import Company
from runtime import logs
from runtime.settings import Settings, load_settings
from runtime.temporal import connect
from store import keys as stored_keys
from store.session import make_engine, transaction

DESCRIPTION = """The gateway between QuickBooks Online, Salesforce and the ERP.

Every route but the health probes needs an API key in `X-API-Key`. Errors are RFC 9457 problem documents."""

ROUTERS = (
    files.router,
    shipments.router,
    invoices.router,
    orders.router,
    masters.router,
    exceptions.router,
    links.router,
    trace.router,
    workflows.router,
    layouts.router,
    keys.router,
    health.router,
)


def build() -> FastAPI:
    """Build the app from the settings of this process."""
    settings = load_settings()
    logs.configure(style=settings.log_format, level=settings.log_level, role="api")
    return create_app(settings)


def create_app(settings: Settings) -> FastAPI:
    """Build the app; it connects when it starts, and starts while Temporal is still away."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        services = await open_services(settings)
        app.state.services = services
        try:
            yield
        finally:
            services.engine.dispose()

    app: FastAPI = FastAPIOffline(title="Threeway", version="0.1.0", description=DESCRIPTION, lifespan=lifespan)
    problems.install(app)
    for router in ROUTERS:
        app.include_router(router)
    declare_problem(app)

    @app.get("/", include_in_schema=False)
    async def home() -> RedirectResponse:
        """To the API's pages. Needs no key: they hold nothing but this description."""
        return RedirectResponse("/docs")

    return app


async def open_services(settings: Settings) -> Services:
    """Open the store and Temporal's client, and make sure that the first admin key is known."""
    engine = make_engine(settings.require_database_url())
    client = await connect(settings, lazy=True, identity="api")
    company = Company.parse((settings.config_dir / "company.toml").read_text(encoding="utf-8"))
    receiver = make_receiver(engine, client, settings.config_dir / "layouts", settings.data_dir / "files")
    if settings.admin_key is not None:
        with transaction(engine, user_cause("api")) as session:
            stored_keys.ensure(session, "admin", settings.admin_key, ["admin"])
    return Services(engine, client, receiver, company, settings.temporal_ui_url)


def declare_problem(app: FastAPI) -> None:
    """Name the problem document in the API's description, which routes refer to."""
    original = app.openapi

    def described() -> dict[str, object]:
        document = original()
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        schemas.setdefault("Problem", Problem.model_json_schema())
        return document

    app.openapi = described  # type: ignore[method-assign]
