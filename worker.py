"""Composition root 1: settings become adapters, store and Temporal workers. Run it with `threeway worker`."""

from __future__ import annotations

import asyncio
import signal
from contextlib import AsyncExitStack
from functools import partial

import structlog
from pydantic import SecretStr
from sqlalchemy import Engine
from temporalio.client import Client

from activities.alert_channels import read_alerting
from activities.connections import Checks, DailyCalls, Pools, keep_looking
from activities.folder import FolderWatch
from activities.housekeeping import keep_beating, process_name, write_company
from activities.master_rules import ownership_as_it_is, read_ownership
from activities.policies import take_rules
from activities.receiving import make_receiver
from activities.registry import Parts, activities
from activities.schedules import PollSeconds, keep_schedules, prove_payload_keys
from adapters.erp.arrival import Inbox
from adapters.erp.outbox import Outbox
from adapters.quickbooks.connection import QuickBooksConnection
from adapters.quickbooks.gateway import QuickBooksGateway
from adapters.salesforce.connection import SalesforceConnection, SalesforceNames
from adapters.salesforce.gateway import SalesforceGateway
from domain.company import Company
from domain.errors import Misconfigured
from domain.lifecycle import Lifecycle
from runtime import metrics, temporal
from runtime.names import QUEUES, WORKFLOW_QUEUE
from runtime.settings import Settings, load_settings
from runtime.workers import AT_WORK, make_worker
from store.session import make_engine
from store.tokens import DatabaseTokenVault
from workflows.registry import WORKFLOWS

log = structlog.get_logger()


def parts(settings: Settings, client: Client, engine: Engine) -> Parts:
    """Build everything that the activities work with. Raises Misconfigured when a system is not connected."""
    if settings.quickbooks is None or settings.salesforce is None:
        raise Misconfigured("QuickBooks and Salesforce must both be configured, or neither (then the twins serve).")
    vault = DatabaseTokenVault(engine, SecretStr(settings.require_secret_key()))
    quickbooks = settings.quickbooks.model_dump(include=set(QuickBooksConnection.model_fields))
    salesforce = settings.salesforce.model_dump(include=set(SalesforceConnection.model_fields))
    folder = settings.data_dir / "files"
    return Parts(
        engine=engine,
        client=client,
        receiver=make_receiver(engine, client, settings.config_dir / "layouts", folder),
        folder=folder,
        outbox=Outbox(settings.erp.outbox_dir),
        company=Company.parse((settings.config_dir / "company.toml").read_text(encoding="utf-8")),
        lifecycle=Lifecycle.parse((settings.config_dir / "lifecycle.toml").read_text(encoding="utf-8")),
        ownership=read_ownership(settings.config_dir),
        realm=settings.quickbooks.realm_id,
        quickbooks=QuickBooksGateway(QuickBooksConnection(**quickbooks), vault),
        salesforce=SalesforceGateway(SalesforceConnection(**salesforce), SalesforceNames(), vault),
        alerting=read_alerting(settings.config_dir, settings.alerts),
    )


async def run(settings: Settings) -> None:
    """Work until SIGTERM or SIGINT; then finish what is under way."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    client = await temporal.connect(settings, identity=process_name())
    await temporal.patiently(partial(prove_payload_keys, client), "the keys of payloads")
    await temporal.offer_attributes(client)
    engine = make_engine(settings.require_database_url(), pool_size=40)
    built = parts(settings, client, engine)
    await asyncio.to_thread(take_rules, engine, built.rules, settings.approval, settings.config_dir)
    await asyncio.to_thread(write_company, engine, built.company)
    watch = FolderWatch(built.receiver, Inbox(settings.erp.inbox_dir, built.receiver.layouts))
    async with AsyncExitStack() as stack, asyncio.TaskGroup() as group:
        for queue, functions in activities(built).items():
            flows = WORKFLOWS if queue == WORKFLOW_QUEUE else ()
            await stack.enter_async_context(make_worker(client, settings, queue, functions, flows, AT_WORK))
        words = tuple(built.company.status_words.model_dump().values())
        fits = partial(built.salesforce.check, built.lifecycle, words)
        owners = partial(ownership_as_it_is, settings.config_dir, built.ownership)
        checks: Checks = {"quickbooks": built.quickbooks.check, "salesforce": fits, "ownership": owners}
        pools: Pools = {"salesforce": partial(daily_calls, built.salesforce)}
        polls = PollSeconds(settings.orders_poll_seconds, settings.invoices_poll_seconds, settings.masters_poll_seconds)
        planning = temporal.patiently(partial(keep_schedules, client, polls, built.company), "the schedules")
        looking = keep_looking(engine, checks, pools)
        tasks = (keep_beating(engine, "worker", settings.data_dir), looking, watch.run(), planning)
        beside = [group.create_task(one) for one in tasks]
        log.info("the worker is ready", queues=list(QUEUES))
        await stop.wait()
        for task in beside:
            task.cancel()


def daily_calls(salesforce: SalesforceGateway) -> DailyCalls | None:
    """The day's pool as Salesforce stated it with its last answer to this worker."""
    seen = salesforce.usage
    return None if seen is None else DailyCalls.of(seen.used, seen.limit, seen.seen_at)


def main() -> None:
    """Run a worker from the settings of this process."""
    settings = load_settings()
    with metrics.served(settings.metrics_port, settings.host):
        asyncio.run(run(settings))
