"""Workers of the task queues, with the settings that matter (sandbox, pollers, pace, shutdown); knows no business."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

from pydantic import ValidationError
from temporalio.client import Client
from temporalio.worker import PollerBehaviorAutoscaling, Worker
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions
from temporalio.workflow import SandboxImportNotificationPolicy

from runtime.names import ERP_QUEUE, QUICKBOOKS_QUEUE, SALESFORCE_QUEUE, WORKFLOW_QUEUE
from runtime.settings import Settings

Activity = Callable[..., Any]

# Kept by the server for all workers together: each activity makes one call or a few. The adapters' own budgets, which
# count calls, stand below it in every process.
VENDOR_PACE = {QUICKBOOKS_QUEUE: 8.0, SALESFORCE_QUEUE: 20.0}
# Loaded once, not once per run of a workflow: pure modules. A workflow's own module is the only one that the strict
# sandbox loads anew; whatever else it imports without saying so (`imports_passed_through`) ends it at its start.
PASSED_THROUGH = ("domain", "runtime", "workflows.policies")
SANDBOX = SandboxRestrictions.default.with_passthrough_modules(*PASSED_THROUGH).with_import_notification_policy(
    SandboxImportNotificationPolicy.RAISE_ON_UNINTENTIONAL_PASSTHROUGH
    | SandboxImportNotificationPolicy.WARN_ON_DYNAMIC_IMPORT
)
# At work the flows' own modules are loaded once, too. Loading one anew takes 3 to 7 ms of the thread that wakes every
# flow of the process, and many times that while busy activities hold the interpreter: with some hundred orders alive,
# flows waited longer for being loaded than for anything else. What the strict sandbox finds (imports that nobody meant,
# state in a module, clocks, dice) it finds in the suite, which runs and replays every flow in it.
AT_WORK = SANDBOX.with_passthrough_modules("workflows")


def make_worker(
    client: Client,
    settings: Settings,
    queue: str,
    functions: Sequence[Activity],
    workflows: Sequence[type] = (),
    sandbox: SandboxRestrictions = SANDBOX,
) -> Worker:
    """A worker of one queue; only the workflow queue runs workflows, so each system keeps its own pace."""
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
        workflows=workflows,
        activities=functions,
        activity_executor=ThreadPoolExecutor(size, thread_name_prefix=queue),
        max_concurrent_activities=settings.worker_activities if runs_workflows else size,
        max_concurrent_local_activities=settings.worker_local_activities if runs_workflows else None,
        max_concurrent_workflow_tasks=settings.worker_workflow_tasks if runs_workflows else None,
        max_task_queue_activities_per_second=VENDOR_PACE.get(queue),
        max_cached_workflows=settings.worker_cached_workflows if runs_workflows else 0,
        workflow_runner=SandboxedWorkflowRunner(restrictions=sandbox),
        workflow_task_poller_behavior=PollerBehaviorAutoscaling(),
        activity_task_poller_behavior=PollerBehaviorAutoscaling(),
        workflow_failure_exception_types=[ValidationError],
        sticky_queue_schedule_to_start_timeout=timedelta(seconds=2),
        graceful_shutdown_timeout=timedelta(seconds=settings.worker_graceful_seconds),
        max_heartbeat_throttle_interval=timedelta(seconds=5),
    )
