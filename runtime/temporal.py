"""The Temporal client: connection, queues, search attributes, retention and schedules."""

from __future__ import annotations

import asyncio
import itertools
import os
from collections.abc import Awaitable, Callable, Mapping
from datetime import time, timedelta
from time import monotonic
from typing import Final, NamedTuple

import structlog
from temporalio.api.common.v1 import Payload
from temporalio.api.enums.v1 import IndexedValueType, TaskQueueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest, ListSearchAttributesRequest
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest, DescribeTaskQueueRequest, UpdateNamespaceRequest
from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleCalendarSpec,
    ScheduleIntervalSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleRange,
    ScheduleSpec,
    ScheduleUpdate,
    ScheduleUpdateInput,
)
from temporalio.envconfig import ClientConfig, ClientConnectConfig
from temporalio.service import RPCError, RPCStatusCode

from runtime.embedded.state import running_stack_state
from runtime.names import KEYWORDS, WORKFLOW_QUEUE
from runtime.payloads import PayloadCipher, data_converter
from runtime.settings import Settings
from runtime.settings_errors import SettingsError
from runtime.settings_sources import read_dotenv

ATTRIBUTES: Final[Mapping[str, IndexedValueType.ValueType]] = {
    key.name: IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD for key in KEYWORDS
}
CONNECT_SECONDS: Final = 60.0
CATCH_UP: Final = timedelta(minutes=5)
PATIENCE_SECONDS: Final = 10
HOPELESS: Final = frozenset(
    {
        RPCStatusCode.INVALID_ARGUMENT,
        RPCStatusCode.PERMISSION_DENIED,
        RPCStatusCode.UNAUTHENTICATED,
        RPCStatusCode.UNIMPLEMENTED,
    }
)

log = structlog.get_logger(__name__)


class Nightly(NamedTuple):
    """Once a day at a time of a zone, whatever its clocks do."""

    at: time
    zone: str

    def spec(self) -> ScheduleSpec:
        """The same in Temporal's words."""
        hour, minute = ScheduleRange(self.at.hour), ScheduleRange(self.at.minute)
        calendar = ScheduleCalendarSpec(hour=[hour], minute=[minute])
        return ScheduleSpec(calendars=[calendar], time_zone_name=self.zone)


def configured_connection() -> ClientConnectConfig:
    """What the environment, `.env` and a Temporal config file say; without `target_host` nothing is configured."""
    from_dotenv = {name: value for name, value in read_dotenv().items() if name.startswith("TEMPORAL_") and value}
    return ClientConfig.load_client_connect_config(override_env_vars={**from_dotenv, **os.environ})


def connection(settings: Settings) -> ClientConnectConfig:
    """Where Temporal is: the environment, `.env`, a Temporal config file, else the stack running on this data folder.

    Raises SettingsError when there is none of them.
    """
    found = configured_connection()
    if not found.get("target_host"):
        state = running_stack_state(settings.data_dir)
        if state is None or "temporal" not in state.addresses:
            raise SettingsError(
                ["TEMPORAL_ADDRESS: is not set; start the embedded stack with `threeway up`, or set it to host:port."]
            )
        found["target_host"] = state.addresses["temporal"]
    return found


async def connect(
    settings: Settings,
    *,
    lazy: bool = False,
    identity: str | None = None,
    within_seconds: float = CONNECT_SECONDS,
) -> Client:
    """A client with the product's converter; waits for the server, or returns at once when lazy.

    Lazy suits the API, which must start while Temporal is down; a worker needs a real connection.
    Raises the last RuntimeError when the server does not answer within the time.
    """
    config, converter = connection(settings), data_converter(settings)
    deadline, pause = monotonic() + within_seconds, 0.1
    while True:
        try:
            return await Client.connect(**config, data_converter=converter, lazy=lazy, identity=identity)
        except RuntimeError as error:
            if monotonic() + pause > deadline:
                raise
            log.info("waiting for Temporal", address=config.get("target_host"), error=str(error))
            await asyncio.sleep(pause)
            pause = min(pause * 2, 2.0)


async def register_attributes(
    client: Client, attributes: Mapping[str, IndexedValueType.ValueType] = ATTRIBUTES
) -> tuple[str, ...]:
    """Register the search attributes that are missing and return their names.

    Idempotent. Raises SettingsError when a name exists with another type, which Temporal cannot migrate.
    """
    listed = await client.operator_service.list_search_attributes(
        ListSearchAttributesRequest(namespace=client.namespace), timeout=timedelta(seconds=10), retry=True
    )
    clashes = [n for n, kind in attributes.items() if listed.custom_attributes.get(n, kind) != kind]
    if clashes:
        raise SettingsError([f"Temporal search attribute {name}: exists with another type." for name in clashes])
    missing = {name: kind for name, kind in attributes.items() if name not in listed.custom_attributes}
    if missing:
        await _add_attributes(client, missing)
    return tuple(missing)


async def offer_attributes(client: Client) -> None:
    """Register the missing search attributes on whatever server the worker is given: without them no flow can run.

    Where a worker may not do that (Temporal Cloud, a locked-down server) the log says what an operator has to add.
    """
    try:
        added = await register_attributes(client)
    except RPCError as error:
        if error.status not in {RPCStatusCode.PERMISSION_DENIED, RPCStatusCode.UNIMPLEMENTED}:
            raise
        log.warning(
            "search attributes cannot be registered from here, all of them must exist as Keyword",
            names=sorted(ATTRIBUTES),
            error=error.message,
        )
        return
    if added:
        log.info("registered search attributes", names=added)


async def _add_attributes(client: Client, missing: Mapping[str, IndexedValueType.ValueType]) -> None:
    try:
        await client.operator_service.add_search_attributes(
            AddSearchAttributesRequest(namespace=client.namespace, search_attributes=dict(missing)),
            timeout=timedelta(seconds=10),
            retry=True,
        )
    except RPCError as error:  # another worker was faster
        if error.status is not RPCStatusCode.ALREADY_EXISTS:
            raise


async def keep_closed_workflows(client: Client, retention: timedelta) -> None:
    """Set how long closed workflows stay visible (the embedded server starts with a day). Idempotent."""
    service, timeout = client.workflow_service, timedelta(seconds=10)
    described = await service.describe_namespace(
        DescribeNamespaceRequest(namespace=client.namespace), timeout=timeout, retry=True
    )
    if described.config.workflow_execution_retention_ttl.ToTimedelta() == retention:
        return
    request = UpdateNamespaceRequest(namespace=client.namespace)
    request.config.workflow_execution_retention_ttl.FromTimedelta(retention)
    await service.update_namespace(request, timeout=timeout, retry=True)


async def ensure_schedule(
    client: Client, schedule_id: str, workflow: str, argument: object, every: timedelta | Nightly
) -> None:
    """Create the schedule, or bring an existing one to this definition. Idempotent.

    A run that is still going makes the next one skip. A pause that an operator set stays.
    """
    wanted = Schedule(
        action=ScheduleActionStartWorkflow(workflow, argument, id=schedule_id, task_queue=WORKFLOW_QUEUE),
        spec=every.spec()
        if isinstance(every, Nightly)
        else ScheduleSpec(intervals=[ScheduleIntervalSpec(every=every)]),
        policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP, catchup_window=CATCH_UP),
    )

    def bring_up_to_date(known: ScheduleUpdateInput) -> ScheduleUpdate:
        wanted.state = known.description.schedule.state
        return ScheduleUpdate(schedule=wanted)

    try:
        await client.create_schedule(schedule_id, wanted)
    except ScheduleAlreadyRunningError:
        await client.get_schedule_handle(schedule_id).update(bring_up_to_date)


async def prove_keys(client: Client, schedule_id: str) -> None:
    """Raise PayloadError when this process lacks the key of what others wrote: the input of a schedule tells.

    Without this check a process with other keys would start, fail whatever it touches, and write what no other reads.
    """
    try:
        described = await client.get_schedule_handle(schedule_id).describe()
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:  # nothing was written yet
            return
        raise
    action = described.schedule.action
    if isinstance(action, ScheduleActionStartWorkflow):
        codec = client.data_converter.payload_codec or PayloadCipher(None)
        await codec.decode([one for one in action.args if isinstance(one, Payload)])


async def patiently(step: Callable[[], Awaitable[None]], what: str) -> None:
    """Try a step until Temporal takes it: a server under load may refuse what it takes a moment later.

    What no second try can cure (a refused key, a request that the server does not understand) is raised at once.
    """
    for attempt in itertools.count(1):
        try:
            await step()
        except RPCError as error:
            if error.status in HOPELESS:
                raise
            log.warning("Temporal did not take it, it is tried again", what=what, attempt=attempt, error=error.message)
            await asyncio.sleep(min(attempt, PATIENCE_SECONDS))
        else:
            return


async def prepare_namespace(client: Client, settings: Settings) -> None:
    """Retention and search attributes of the embedded server: after every start of it, before any worker."""
    await keep_closed_workflows(client, timedelta(hours=settings.temporal_retention_hours))
    await register_attributes(client)


async def answering(address: str, namespace: str = "default") -> bool:
    """Whether a Temporal server answers for this namespace."""
    try:
        client = await Client.connect(address, namespace=namespace)
        await client.workflow_service.describe_namespace(
            DescribeNamespaceRequest(namespace=namespace), timeout=timedelta(seconds=2)
        )
    except (RuntimeError, RPCError):
        return False
    return True


async def polled_by(address: str, namespace: str, queue: str, pid: int, since: float) -> bool:
    """Whether a worker process asks this queue for workflow tasks.

    It is known by its identity when that is the SDK's own (process number and host), else by having asked after it was
    launched (`since`, seconds since the epoch): a server remembers a dead poller for minutes.
    """
    request = DescribeTaskQueueRequest(
        namespace=namespace,
        task_queue=TaskQueue(name=queue),
        task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
    )
    try:
        client = await Client.connect(address, namespace=namespace)
        answer = await client.workflow_service.describe_task_queue(request, timeout=timedelta(seconds=2))
    except (RuntimeError, RPCError):
        return False
    return any(
        poller.identity.startswith(f"{pid}@") or poller.last_access_time.ToMilliseconds() / 1000 > since
        for poller in answer.pollers
    )
