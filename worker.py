"""Composition root 1: settings become adapters, store and Temporal workers. Run it with `threeway worker`."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from datetime import timedelta

import structlog
from pydantic import SecretStr, ValidationError
from sqlalchemy import Engine
from temporalio.client import Client
from temporalio.worker import PollerBehaviorAutoscaling, Worker
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions
from temporalio.workflow import SandboxImportNotificationPolicy

from activities.folder import FolderWatch
from activities.housekeeping import keep_beating, process_name, write_company
from activities.receiving import make_receiver
from activities.registry import Activity, Parts, activities
from adapters.erp.arrival import Inbox
from adapters.quickbooks.connection import QuickBooksConnection
from adapters.quickbooks.gateway import QuickBooksGateway
from adapters.salesforce.connection import SalesforceConnection, SalesforceNames
from adapters.salesforce.gateway import SalesforceGateway
from domain.company import Company
from domain.errors import Misconfigured
from domain.work import OrdersWork, SweepWork
from runtime import temporal
from runtime.names import ERP_QUEUE, QUEUES, QUICKBOOKS_QUEUE, SALESFORCE_QUEUE, WORKFLOW_QUEUE
from runtime.settings import Settings, load_settings
from store.session import make_engine
from store.tokens import DatabaseTokenVault
from workflows.registry import WORKFLOWS

log = structlog.get_logger()

# Kept by the server for all workers together: each activity makes one call or a few. The adapters' own budgets, which
# count calls, stand below it in every process.
VENDOR_PACE = {QUICKBOOKS_QUEUE: 8.0, SALESFORCE_QUEUE: 20.0}
SWEEP_EVERY = timedelta(seconds=30)
# Loaded once, not once per run of a workflow: pure modules. A workflow's own module is the only one that its sandbox
# loads anew; whatever else it imports without saying so (`imports_passed_through`) ends the worker at its start.
PASSED_THROUGH = ("domain", "runtime", "workflows.policies")
SANDBOX = SandboxRestrictions.default.with_passthrough_modules(*PASSED_THROUGH).with_import_notification_policy(
    SandboxImportNotificationPolicy.RAISE_ON_UNINTENTIONAL_PASSTHROUGH
    | SandboxImportNotificationPolicy.WARN_ON_DYNAMIC_IMPORT
)


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
        company=Company.parse((settings.config_dir / "company.toml").read_text(encoding="utf-8")),
        realm=settings.quickbooks.realm_id,
        quickbooks=QuickBooksGateway(QuickBooksConnection(**quickbooks), vault),
        salesforce=SalesforceGateway(SalesforceConnection(**salesforce), SalesforceNames(), vault),
    )


def make_worker(client: Client, settings: Settings, queue: str, functions: Sequence[Activity]) -> Worker:
    """A worker of one queue; only the first queue runs workflows, so each system keeps its own pace."""
    runs_workflows = queue == WORKFLOW_QUEUE
    size = {
        WORKFLOW_QUEUE: settings.worker_activities + settings.worker_local_activities,
        QUICKBOOKS_QUEUE: settings.worker_quickbooks_activities,
        SALESFORCE_QUEUE: settings.worker_salesforce_activities,
        ERP_QUEUE: settings.worker_erp_activities,
    }[queue]
    return Worker(
        client,
        task_queue=queue,
        workflows=WORKFLOWS if runs_workflows else [],
        activities=functions,
        activity_executor=ThreadPoolExecutor(size, thread_name_prefix=queue),
        max_concurrent_activities=settings.worker_activities if runs_workflows else size,
        max_concurrent_local_activities=settings.worker_local_activities if runs_workflows else None,
        max_concurrent_workflow_tasks=settings.worker_workflow_tasks if runs_workflows else None,
        max_task_queue_activities_per_second=VENDOR_PACE.get(queue),
        max_cached_workflows=settings.worker_cached_workflows if runs_workflows else 0,
        workflow_runner=SandboxedWorkflowRunner(restrictions=SANDBOX),
        workflow_task_poller_behavior=PollerBehaviorAutoscaling(),
        activity_task_poller_behavior=PollerBehaviorAutoscaling(),
        workflow_failure_exception_types=[ValidationError],
        sticky_queue_schedule_to_start_timeout=timedelta(seconds=2),
        graceful_shutdown_timeout=timedelta(seconds=settings.worker_graceful_seconds),
        max_heartbeat_throttle_interval=timedelta(seconds=5),
    )


async def run(settings: Settings) -> None:
    """Work until SIGTERM or SIGINT; then finish what is under way."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    client = await temporal.connect(settings, identity=process_name())
    await temporal.offer_attributes(client)
    engine = make_engine(settings.require_database_url(), pool_size=40)
    built = parts(settings, client, engine)
    await asyncio.to_thread(write_company, engine, built.company)
    every = timedelta(seconds=settings.orders_poll_seconds)
    await temporal.ensure_schedule(client, "orders-pull", "OrdersPull", OrdersWork(), every)
    await temporal.ensure_schedule(client, "sweep", "Sweep", SweepWork(), SWEEP_EVERY)
    watch = FolderWatch(built.receiver, Inbox(settings.erp.inbox_dir, built.receiver.layouts))
    async with AsyncExitStack() as stack, asyncio.TaskGroup() as group:
        for queue, functions in activities(built).items():
            await stack.enter_async_context(make_worker(client, settings, queue, functions))
        beside = [group.create_task(one) for one in (keep_beating(engine, "worker"), watch.run())]
        log.info("the worker is ready", queues=list(QUEUES))
        await stop.wait()
        for task in beside:
            task.cancel()


def main() -> None:
    """Run a worker from the settings of this process."""
    asyncio.run(run(load_settings()))
