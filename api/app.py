"""Composition root 2: settings, store, Temporal and the intake of files become the HTTP API."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import structlog
from fastapi import FastAPI
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError
from starlette.types import Lifespan

from activities.alert_channels import read_alerting
from activities.alerting import keep_alerting
from activities.book_hooks import BookHookReceiver
from activities.hooks import HookReceiver, Sender
from activities.receiving import make_receiver
from activities.registry import alert_desk
from api import dashboard, description, problems
from api.codec_origin import CodecOrigin
from api.envelope import Envelope
from api.limits import Limits, Rates
from api.oidc import OidcSignIn
from api.operations import user_cause
from api.outside import Outside, quickbooks_pages
from api.routes import (
    alerts,
    audit,
    codec,
    connections,
    decisions,
    exceptions,
    files,
    health,
    hooks,
    invoices,
    keys,
    layouts,
    links,
    masters,
    order_files,
    orders,
    overview,
    people,
    policies,
    provenance,
    reconciliations,
    reservations,
    shipments,
    stock,
    trace,
    workflows,
)
from api.services import Services
from domain.company import Company
from domain.errors import GatewayError
from domain.lifecycle import Lifecycle
from domain.policies import ApprovalMode, PolicyKind
from runtime import logs
from runtime.payloads import cipher
from runtime.settings import Settings, load_settings
from runtime.temporal import connect
from store import keys as stored_keys
from store import people as stored_people
from store.session import make_engine, transaction

log = structlog.get_logger()

ROUTERS = (
    overview.router,
    files.router,
    order_files.router,
    shipments.router,
    invoices.router,
    orders.router,
    masters.router,
    stock.router,
    reservations.router,
    exceptions.router,
    alerts.router,
    reconciliations.router,
    links.router,
    trace.router,
    provenance.router,
    audit.router,
    decisions.router,
    policies.router,
    workflows.router,
    codec.router,
    connections.router,
    hooks.router,
    layouts.router,
    keys.router,
    people.router,
    health.router,
)
STORE_PAUSE_SECONDS = 2.0


def build() -> FastAPI:
    """Build the app from the settings of this process."""
    settings = load_settings()
    logs.configure(style=settings.log_format, level=settings.log_level, role="api")
    return create_app(settings)


def create_app(settings: Settings) -> FastAPI:
    """Build the app; it connects when it starts, and starts while PostgreSQL or Temporal is still away."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        services = await open_services(settings)
        app.state.services = services
        keeper = asyncio.create_task(_keep_admin_key(services.engine, settings))
        alerting = asyncio.create_task(keep_alerting(services.alerts))
        await asyncio.wait([keeper], timeout=STORE_PAUSE_SECONDS)
        try:
            yield
        finally:
            for task in (keeper, alerting):
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
            services.close()

    return assemble(lifespan, Limits(_rates(settings)), settings.temporal_ui_url)


def assemble(
    lifespan: Lifespan[FastAPI] | None = None, limits: Limits | None = None, ui_url: str | None = None
) -> FastAPI:
    """Put the app together: routes, errors, description. Without `lifespan` it can be described but not serve."""
    app = description.described_app(lifespan)
    problems.install(app)
    if ui_url is not None:
        app.add_middleware(CodecOrigin, ui_url=ui_url)
    app.add_middleware(Envelope, limits=limits or Limits(Rates()))
    for router in ROUTERS:
        app.include_router(router)
    description.install(app)
    dashboard.install(app)
    return app


def _rates(settings: Settings) -> Rates:
    return Rates(settings.limit_key_per_minute, settings.limit_address_per_minute, settings.limit_hooks_per_minute)


async def open_services(settings: Settings) -> Services:
    """Open the store and Temporal's client; neither has to be there yet."""
    config = settings.config_dir
    alerting = read_alerting(config, settings.alerts)
    engine = make_engine(settings.require_database_url())
    client = await connect(settings, lazy=True, identity="api")
    company = Company.parse((config / PolicyKind.COMPANY.file).read_text(encoding="utf-8"))
    lifecycle = Lifecycle.parse((config / PolicyKind.LIFECYCLE.file).read_text(encoding="utf-8"))
    receiver = make_receiver(engine, client, config / "layouts", settings.data_dir / "files")
    salesforce = settings.salesforce
    sender = Sender(org_id=salesforce.org_id if salesforce else None, window=settings.hook_window)
    hooks = HookReceiver(engine, client, salesforce.hook_secret if salesforce else None, sender)
    quickbooks = settings.quickbooks
    verifier, realm = (quickbooks.webhook_verifier, quickbooks.realm_id) if quickbooks else (None, "")
    book_hooks = BookHookReceiver(engine, client, verifier, realm)
    return Services(
        engine=engine,
        client=client,
        receiver=receiver,
        company=company,
        lifecycle=lifecycle,
        config_dir=config,
        approval=ApprovalMode(settings.approval),
        hooks=hooks,
        book_hooks=book_hooks,
        alerts=alert_desk(engine, client, company, alerting),
        outside=_outside(settings, client.namespace),
        provider=OidcSignIn(settings.oidc) if settings.oidc else None,
        payloads=cipher(settings),
    )


def _outside(settings: Settings, namespace: str) -> Outside:
    """Where people find a record in the other systems; the stand-ins have no pages."""
    quickbooks, salesforce = settings.quickbooks, settings.salesforce
    return Outside(
        temporal=settings.temporal_ui_url,
        namespace=namespace,
        quickbooks=quickbooks_pages(quickbooks.api_url) if quickbooks and not quickbooks.twin else None,
        salesforce=salesforce.url if salesforce and not salesforce.twin else None,
    )


async def _keep_admin_key(engine: Engine, settings: Settings) -> None:
    """Make sure that the first admin's key and password are known, as soon as the store and its tables are there."""
    while True:
        if await asyncio.to_thread(_ensure_admin_key, engine, settings):
            return
        await asyncio.sleep(STORE_PAUSE_SECONDS)


def _ensure_admin_key(engine: Engine, settings: Settings) -> bool:
    if settings.admin_key is None and settings.admin_password is None:
        return True
    try:
        with transaction(engine, user_cause("api")) as session:
            if settings.admin_key is not None:
                stored_keys.ensure(session, "admin", settings.admin_key, ["admin"])
            if settings.admin_password is not None:
                stored_people.ensure_first(session, "admin", settings.admin_password)
    except (GatewayError, SQLAlchemyError) as error:
        log.warning("the store is not ready, the first admin is made known later", error=type(error).__name__)
        return False
    return True
