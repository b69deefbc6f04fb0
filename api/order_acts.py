"""Acts on orders: what a person decides is an update of the order's flow, checked there before it is kept."""

from __future__ import annotations

import asyncio
from typing import Any

from temporalio.client import WithStartWorkflowOperation, WorkflowUpdateFailedError
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError

from api.services import Services
from domain.errors import Duplicate, Malformed, Unavailable
from domain.order_work import OrderAct, OrderProgress, OrderWork
from runtime.names import WORKFLOW_QUEUE

PATIENCE = 20  # seconds: an act is answered within one look at the order


async def act_on_order(services: Services, decision: OrderAct) -> OrderProgress:
    """Let an order's flow take a decision, starting it when it is not under way; answers what the order is then.

    The same `key` of a decision again changes nothing. Raises Duplicate where the order's state does not allow the act.
    """
    start: WithStartWorkflowOperation[Any, Any] = WithStartWorkflowOperation(
        "OrderLifecycle",
        OrderWork(order_number=decision.order_number),
        id=f"order/{decision.order_number}",
        task_queue=WORKFLOW_QUEUE,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        result_type=OrderProgress,
    )
    try:
        async with asyncio.timeout(PATIENCE):
            answer: OrderProgress = await services.client.execute_update_with_start_workflow(
                "act", decision, start_workflow_operation=start, result_type=OrderProgress, id=decision.key
            )
            return answer
    except WorkflowUpdateFailedError as error:
        raise _refused(error) from error
    except (TimeoutError, RPCError, RuntimeError) as error:
        detail = "The order's flow does not answer. Whether the decision was kept, the order's events tell; try again."
        raise Unavailable(detail, reason=type(error).__name__) from error


def _refused(error: WorkflowUpdateFailedError) -> Malformed | Duplicate:
    cause = error.cause
    words = str(cause.message) if isinstance(cause, ApplicationError) else "The order's flow refused the decision."
    if isinstance(cause, ApplicationError) and cause.type == "reason":
        return Malformed(words, reason="reason")
    return Duplicate(words, reason="order_state")
