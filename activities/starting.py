"""Starting and waking workflows: the one place that asks Temporal to begin something that the store has committed."""

from __future__ import annotations

from typing import Any

from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.service import RPCError, RPCStatusCode

from domain.links import LinkKind
from domain.master_work import MasterWork
from domain.order_work import OrderWork
from domain.work import CreditWork, PublishWork, ShipmentWork, StockWork
from runtime.names import WORKFLOW_QUEUE


async def start_once(client: Client, workflow_type: str, workflow_id: str, work: Any) -> None:
    """Start a workflow that must run once for its business key; one that is under way is left alone.

    The store decides whether it has to run at all, so that a start after the history's retention is not a second run.
    """
    await client.start_workflow(
        workflow_type,
        work,
        id=workflow_id,
        task_queue=WORKFLOW_QUEUE,
        id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
    )


async def is_known(client: Client, workflow_id: str) -> bool:
    """Whether Temporal has a run of this workflow, open or closed."""
    try:
        await client.get_workflow_handle(workflow_id).describe()
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return False
        raise
    return True


async def say_again(client: Client, order_number: str, shipments: list[str]) -> None:
    """Let an order's own publication say what is to be said, once more when it is under way (signal with start)."""
    await client.start_workflow(
        "Publication",
        PublishWork(shipments=shipments),
        id=f"publication/order/{order_number}",
        task_queue=WORKFLOW_QUEUE,
        start_signal="again",
    )


async def say_account_again(client: Client, customer_number: str) -> None:
    """Let what is to be said of a customer be said, once more when that is under way (signal with start)."""
    await client.start_workflow(
        "Publication",
        PublishWork(shipments=[], customers=[customer_number]),
        id=f"publication/customer/{customer_number}",
        task_queue=WORKFLOW_QUEUE,
        start_signal="again",
    )


async def wake_shipment(client: Client, number: str) -> None:
    """Let a shipment's own workflow look again, starting it when it is not under way (signal with start)."""
    await client.start_workflow(
        "ShipmentInvoicing",
        ShipmentWork(shipment_number=number),
        id=f"shipment/{number}",
        task_queue=WORKFLOW_QUEUE,
        start_signal="recheck",
    )


async def look_at_records(client: Client, workflow_id: str, work: Any) -> None:
    """Let records of Salesforce be read again, once more when they are being read (signal with start)."""
    await client.start_workflow(
        "SalesforceEvent", work, id=workflow_id, task_queue=WORKFLOW_QUEUE, start_signal="again"
    )


async def look_at_books(client: Client, workflow_id: str, work: Any) -> None:
    """Let records of QuickBooks be read again, once more when they are being read (signal with start)."""
    await client.start_workflow(
        "QuickBooksEvent", work, id=workflow_id, task_queue=WORKFLOW_QUEUE, start_signal="again"
    )


async def wake_order(client: Client, number: str) -> None:
    """Let an order's own workflow look again, starting it when it is not under way (signal with start)."""
    await client.start_workflow(
        "OrderLifecycle",
        OrderWork(order_number=number),
        id=f"order/{number}",
        task_queue=WORKFLOW_QUEUE,
        start_signal="look",
    )


async def say_later(client: Client, work: PublishWork, publication_id: str) -> None:
    """Let Salesforce be told of what has no flow of its own, in one publication."""
    await client.start_workflow(
        "Publication",
        work,
        id=publication_id,
        task_queue=WORKFLOW_QUEUE,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
    )


async def wake_credit(client: Client, number: str) -> None:
    """Let the corrections of a shipment be looked at again, starting their workflow when it is not under way."""
    await client.start_workflow(
        "Correction",
        CreditWork(shipment_number=number),
        id=f"credit/{number}",
        task_queue=WORKFLOW_QUEUE,
        start_signal="recheck",
    )


async def wake_stock(client: Client, signal: str = "look") -> None:
    """Let what can be promised be decided again, starting its workflow when it is not under way (signal with start).

    The signal `recheck` also lets what was refused be shown again.
    """
    await client.start_workflow(
        "StockPromises", StockWork(), id="stock/all", task_queue=WORKFLOW_QUEUE, start_signal=signal
    )


async def wake_master(client: Client, kind: LinkKind, key: str, reason: str) -> None:
    """Let a master record's own flow look again, starting it when it is not under way (signal with start)."""
    await client.start_workflow(
        "MasterMerge",
        MasterWork(kind=kind, key=key, reason=reason),
        id=f"{kind.value}/{key}",
        task_queue=WORKFLOW_QUEUE,
        start_signal="look",
    )


async def is_running(client: Client, workflow_id: str) -> bool:
    """Whether a run of this workflow is open."""
    try:
        described = await client.get_workflow_handle(workflow_id).describe()
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return False
        raise
    return described.status is WorkflowExecutionStatus.RUNNING
