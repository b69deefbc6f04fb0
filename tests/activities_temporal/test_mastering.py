"""Masters between real systems: real Temporal, real PostgreSQL, both twins over HTTP, from a change to its arrival."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack

import pytest
from pydantic import SecretStr
from sqlalchemy import Engine
from temporalio.client import Client

from activities.book_hooks import BookHookReceiver
from activities.hooks import Heard, Hint, HookReceiver, Sender
from activities.master_marking import MasterMarking
from activities.master_polls import QuickBooksMasterPoll, SalesforceMasterPoll
from activities.starting import wake_master
from activities.waiting import WaitingActivities
from domain.exceptions import Choice
from domain.links import LinkKind
from domain.master_work import MasterProgress, MastersPulled, MastersWork
from domain.sources import System
from domain.work import SweepWork
from runtime.names import QUICKBOOKS_QUEUE, SALESFORCE_QUEUE, WORKFLOW_QUEUE
from runtime.settings import Settings
from runtime.workers import make_worker
from tests.activities.mastery import CUSTOMER, Mastery, running_mastery
from tests.adapters.salesforce.harness import Twin, serving
from tests.api.book_events import VERIFIER, entity, legacy, signature
from tests.build import REALM
from tests.looks import looking
from tests.workflows.stage import until
from twins.salesforce.app import create_app
from workflows.registry import WORKFLOWS

FLOW = f"customer/{CUSTOMER}"


@pytest.fixture(scope="module")
def org() -> Iterator[Twin]:
    with serving(create_app()) as url:
        twin = Twin(url)
        yield twin
        twin.close()


@pytest.fixture
def mastery(engine: Engine, org: Twin) -> Iterator[Mastery]:
    with running_mastery(engine, org) as one:
        yield one


@pytest.fixture
async def working(mastery: Mastery, client: Client) -> AsyncIterator[Mastery]:
    """The product's workers of masters, on the product's own activities."""
    marking = MasterMarking(mastery.engine, client)
    waiting = WaitingActivities(mastery.engine, client, looking(mastery.engine, client), marking)
    org = SalesforceMasterPoll(mastery.engine, mastery.rules, mastery.salesforce)
    books = QuickBooksMasterPoll(mastery.engine, mastery.rules, mastery.quickbooks)
    steps = {
        WORKFLOW_QUEUE: [mastery.deciding.decide_master, mastery.deciding.settle_master, marking.wake_masters],
        SALESFORCE_QUEUE: [
            mastery.in_org.read_salesforce_master,
            mastery.in_org.write_salesforce_master,
            mastery.words.tell_salesforce_master,
            org.pull_salesforce_masters,
        ],
        QUICKBOOKS_QUEUE: [
            mastery.in_books.read_quickbooks_master,
            mastery.in_books.write_quickbooks_master,
            books.pull_quickbooks_masters,
        ],
    }
    steps[WORKFLOW_QUEUE].append(waiting.sweep)
    async with AsyncExitStack() as stack:
        for queue, functions in steps.items():
            flows = WORKFLOWS if queue == WORKFLOW_QUEUE else ()
            await stack.enter_async_context(
                make_worker(client, Settings(worker_graceful_seconds=0), queue, functions, flows)
            )
        yield mastery


async def pull(client: Client) -> MastersPulled:
    """One look at both systems by its own flow."""
    return await client.execute_workflow(
        "MastersPull",
        MastersWork(),
        id="masters-pull/test",
        task_queue=WORKFLOW_QUEUE,
        result_type=MastersPulled,
    )


async def done(client: Client) -> MasterProgress:
    progress: MasterProgress = await client.get_workflow_handle(FLOW, result_type=MasterProgress).result()
    return progress


async def test_what_a_rep_changes_arrives_in_quickbooks_by_the_poll(working: Mastery, client: Client) -> None:
    assert (await pull(client)).adopted == 8
    await asyncio.to_thread(working.rep_edits, Phone="404 555 0100")
    assert (await pull(client)).changed == 1
    assert (await done(client)).waiting == 0
    found = await asyncio.to_thread(working.in_quickbooks)
    assert found["PrimaryPhone"] == {"FreeFormNumber": "404 555 0100"}
    await pull(client)
    await done(client)
    assert await asyncio.to_thread(working.writes) == 1


async def test_what_the_erp_states_arrives_by_the_sweep(working: Mastery, client: Client) -> None:
    await pull(client)
    await asyncio.to_thread(working.state, working.stated_customer(name="Brightwater Supply"))
    await client.execute_workflow("Sweep", SweepWork(), id="sweep-1", task_queue=WORKFLOW_QUEUE)
    await done(client)
    assert (await asyncio.to_thread(working.account))["Name"] == "Brightwater Supply"
    assert (await asyncio.to_thread(working.in_quickbooks))["DisplayName"] == "Brightwater Supply"


async def test_a_hint_from_salesforce_is_kept_and_ends_in_the_same_flow(working: Mastery, client: Client) -> None:
    await pull(client)
    await asyncio.to_thread(working.rep_edits, Phone="404 555 0100")
    account = (await asyncio.to_thread(working.account))["Id"]
    receiver = HookReceiver(working.engine, client, None, Sender())
    hints = [
        Hint(event_id="call 1", record_id=account, master=LinkKind.CUSTOMER),
        Hint(event_id="call 2", record_id="001000000000999AAA", master=LinkKind.CUSTOMER),
    ]
    assert await receiver.receive(hints, "call") == Heard(hints=2, new=2)
    assert await receiver.receive(hints, "call") == Heard(hints=2, new=0)
    await done(client)
    found = await asyncio.to_thread(working.in_quickbooks)
    assert found["PrimaryPhone"] == {"FreeFormNumber": "404 555 0100"}


async def test_a_merge_in_quickbooks_is_followed_from_its_event(working: Mastery, client: Client) -> None:
    """Case M5: the legacy event names the one that is left; polls before and after the merge do not forget it."""
    await pull(client)
    loser = working.external_id(System.QUICKBOOKS)
    twin = {"customers": [{"erp_no": "x", "name": "Brightwater Two"}]}
    await asyncio.to_thread(working.books._call, "POST", "seed", json=twin)
    found = await asyncio.to_thread(working.quickbooks.candidates, LinkKind.CUSTOMER)
    winner = next(one.external_id for one in found if one.name == "Brightwater Two")
    receiver = BookHookReceiver(working.engine, client, SecretStr(VERIFIER), REALM)
    body = legacy(entity("Customer", winner, "Merge", deletedId=loser))
    opened = receiver.open(body, signature(body), SecretStr(VERIFIER))
    assert [(await receiver.receive(opened)).new for _ in range(2)] == [2, 0]
    await asyncio.to_thread(working.bookkeeper_edits, Active=False, Notes="merged")
    await pull(client)
    assert (await done(client)).waiting == 0
    assert working.external_id(System.QUICKBOOKS) == winner
    assert await asyncio.to_thread(working.open_work) == []


async def test_a_person_decides_and_the_waiting_flow_goes_on(working: Mastery, client: Client) -> None:
    """Feature G-C6."""
    await pull(client)
    await asyncio.to_thread(working.bookkeeper_edits, Taxable=False)
    await pull(client)

    async def waits() -> bool:
        progress = await client.get_workflow_handle(FLOW).query("status", result_type=MasterProgress)
        return progress.step == "waiting for a person"

    await until(waits)
    (item,) = await asyncio.to_thread(working.open_work)
    await asyncio.to_thread(working.decide, item.id, Choice.TAKE_SYSTEM, "erp")
    await wake_master(client, LinkKind.CUSTOMER, CUSTOMER, "a person decided")
    await done(client)
    assert (await asyncio.to_thread(working.in_quickbooks))["Taxable"] is True
    assert await asyncio.to_thread(working.open_work) == []


async def test_many_changes_at_once_end_equal_on_all_sides(working: Mastery, client: Client) -> None:
    """Feature G-G8: three people and the ERP change one record while its flow is at work."""
    await pull(client)
    for turn in range(4):
        await asyncio.to_thread(working.rep_edits, Phone=f"404 555 01{turn:02d}")
        await wake_master(client, LinkKind.CUSTOMER, CUSTOMER, "hook")
        await asyncio.to_thread(working.bookkeeper_edits, Notes=f"note {turn}")
        await asyncio.to_thread(working.state, working.stated_customer(name=f"Brightwater {turn}"))
        await wake_master(client, LinkKind.CUSTOMER, CUSTOMER, "hook")
    await done(client)
    await pull(client)
    await done(client)
    account, found = await asyncio.to_thread(working.account), await asyncio.to_thread(working.in_quickbooks)
    assert account["Name"] == found["DisplayName"] == "Brightwater 3"
    assert account["Phone"] == found["PrimaryPhone"]["FreeFormNumber"] == "404 555 0103"
    assert found["Notes"] == "note 3"
