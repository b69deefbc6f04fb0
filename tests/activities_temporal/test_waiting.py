"""Handing over, waking by cause, and the sweep that makes lost starts good."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlmodel import Session
from temporalio.client import Client
from temporalio.testing import ActivityEnvironment

from activities.looking import LookingActivities
from activities.order import SettlingActivities
from activities.orders import TO_WAKE
from activities.starting import is_running
from activities.waiting import WaitingActivities
from domain.errors import Unavailable
from domain.exceptions import Cause as Why
from domain.exceptions import Choice, ExceptionKind, Finding, Resolution
from domain.files import StagedGroup
from domain.order_work import OrdersLook
from domain.returned import Condition, ReturnedGoods
from domain.shipments import Shipment, ShipmentState
from domain.work import FileWork, HandOver, PublishWork, SweepWork, Swept, Wake
from store import cursors, exceptions, files, inbox, returned, shipments, statements
from store.causes import Cause, CauseSource
from store.session import transaction
from store.stock import marks
from tests.build import shipment
from tests.looks import looking, rules
from tests.store.books import take_back
from tests.workflows.stage import Stage, until

SHA = "0f" * 32
FILE = FileWork(file_id="f-1", sha256=SHA, filename="SHPCNF.S000417")
BY = Cause(source=CauseSource.GATEWAY, actor="test")


@pytest.fixture
def waiting(engine: Engine, client: Client) -> WaitingActivities:
    return WaitingActivities(engine, client, looking(engine, client))


async def run(step: Any, work: Any) -> Any:
    """Run an activity as a worker does."""
    return await ActivityEnvironment().run(step, work)


def arrive(engine: Engine, external_id: str, **changes: Any) -> int:
    """An inbox row whose workflow was never started."""
    fields = {
        "source": "erp",
        "external_id": external_id,
        "kind": "file",
        "payload": {},
        "workflow_type": "ErpFile",
        "workflow_id": f"erp-file/{external_id}",
        "workflow_input": FILE.model_copy(update={"sha256": external_id}).model_dump(mode="json"),
    }
    with transaction(engine, BY) as session:
        return inbox.receive(session, inbox.Arrival(**{**fields, **changes}))[0].id


def unstarted(engine: Engine) -> list[str]:
    with transaction(engine, BY) as session:  # the rows are locked while they are looked at
        return [one.external_id for one in inbox.unstarted(session, 10)]


def hold(engine: Engine, number: str, cause: Why) -> None:
    finding = Finding(kind=ExceptionKind.HOLD, cause=cause, sentence="It waits.", choices=(Choice.DO_NOT_BILL,))
    with transaction(engine, BY) as session:
        exceptions.open_item(
            session,
            finding=finding,
            findings=[finding],
            choices=finding.choices,
            record=("shipment", number),
            money_at_stake=None,
            owner="billing",
            workflow_id=f"shipment/{number}",
        )


def retried(session: Session, *record: str) -> None:
    """A person wanted all about a record to be said again, a while ago."""
    choices = (Choice.RETRY,)
    finding = Finding(
        kind=ExceptionKind.DEAD_LETTER, cause=Why.PUBLICATION_REJECTED, sentence="Refused.", choices=choices
    )
    exception_id = exceptions.open_item(session, finding=finding, record=(record[0], record[1]), owner="sales")
    decided_at = datetime.now(UTC) - timedelta(hours=1)
    exceptions.resolve(
        session,
        Resolution(
            exception_id=exception_id, choice=Choice.RETRY, reason="mended", decided_by="dana", decided_at=decided_at
        ),
    )


def state(session: Session, *stated: Shipment, sha256: str = SHA) -> None:
    """A file states these shipments."""
    now = datetime.now(UTC)
    arrival = files.FileArrival(
        sha256=sha256, filename=FILE.filename, layout="shpcnf", byte_count=1, arrived_by="folder", visible_at=now
    )
    file, _ = files.register(session, arrival)
    places = {"line_from": 1, "line_to": 2, "byte_from": 0, "byte_to": 1}
    groups = [
        StagedGroup(seq=seq, key=one.number, payload=one.model_dump(mode="json"), **places)
        for seq, one in enumerate(stated, start=1)
    ]
    shipments.record(session, shipments.Stating(file_id=file.id, seen_at=now, stated_at=now), groups)


async def test_the_sweep_starts_what_was_committed_but_never_started(
    engine: Engine, waiting: WaitingActivities, stage: Stage
) -> None:
    """The input of the row is JSON; the workflow gets the model that it declares."""
    arrive(engine, SHA)

    assert await run(waiting.sweep, SweepWork(older_than_seconds=0)) == Swept(inbox=1, shipments=0)

    await stage.client.get_workflow_handle(f"erp-file/{SHA}").result()
    assert stage.steps.asked["read_source_file"] == [FILE]
    assert unstarted(engine) == []
    assert await run(waiting.sweep, SweepWork(older_than_seconds=0)) == Swept(inbox=0, shipments=0)
    assert stage.steps.times("read_source_file") == 1


async def test_the_sweep_leaves_alone_what_has_just_come(engine: Engine, waiting: WaitingActivities) -> None:
    """Whoever received it is about to start it."""
    arrive(engine, SHA)

    assert await run(waiting.sweep, SweepWork(older_than_seconds=60)) == Swept(inbox=0, shipments=0)
    assert unstarted(engine) == [SHA]


async def test_an_arrival_that_cannot_be_started_holds_up_no_other(
    engine: Engine, waiting: WaitingActivities, stage: Stage
) -> None:
    arrive(engine, "bad", workflow_id="x" * 2000)
    arrive(engine, SHA)

    assert await run(waiting.sweep, SweepWork(older_than_seconds=0)) == Swept(inbox=1, shipments=0)

    assert unstarted(engine) == ["bad"]
    await stage.client.get_workflow_handle(f"erp-file/{SHA}").result()
    with transaction(engine, BY) as session:
        assert [one.attempts for one in inbox.unstarted(session, 10)] == [1]


class Blind(LookingActivities):
    """Orders cannot be looked at."""

    async def look_at_orders(self, _: OrdersLook) -> OrdersLook:
        raise Unavailable("The orders cannot be read.", reason="test")


async def test_a_part_of_the_sweep_that_fails_keeps_no_other_from_going_on(
    engine: Engine, client: Client, stage: Stage
) -> None:
    """It is told of all the same, so that the sweep is tried again."""
    arrive(engine, SHA)
    with transaction(engine, BY) as session:
        marks.mark(session, ["BOLT"], "test")
    blind = Blind(client, SettlingActivities(engine, rules()))
    with pytest.raises(Unavailable):
        await run(WaitingActivities(engine, client, blind).sweep, SweepWork(older_than_seconds=0))

    assert unstarted(engine) == []
    assert await is_running(client, "stock/all"), "orders come before stock"


async def test_the_sweep_hands_over_shipments_that_nobody_moves(
    engine: Engine, waiting: WaitingActivities, stage: Stage
) -> None:
    with transaction(engine, BY) as session:
        state(session, shipment(number="S-1"), shipment(number="S-2"), shipment(number="S-3"))
        rows = shipments.lock_many(session, ["S-1", "S-2", "S-3"])
        for row in rows.values():
            row.received_at = datetime.now(UTC) - timedelta(minutes=30)
            session.add(row)
        shipments.set_state(session, rows["S-3"], ShipmentState.INVOICED, at=datetime.now(UTC))
    hold(engine, "S-2", Why.UNKNOWN_ITEM)

    swept = await run(waiting.sweep, SweepWork())

    assert swept == Swept(inbox=0, shipments=1)
    await until(lambda: stage.steps.booked == {"S-1"}, "the stranded one goes on")


async def test_the_sweep_says_what_a_lost_publication_left_unsaid(
    engine: Engine, waiting: WaitingActivities, stage: Stage
) -> None:
    """Only when it is asked to, and one publication for all."""
    with transaction(engine, BY) as session:
        state(session, shipment(number="S-1"), shipment(number="S-2"))
        for row in shipments.lock_many(session, ["S-1", "S-2"]).values():
            shipments.set_state(session, row, ShipmentState.INVOICED, at=datetime.now(UTC) - timedelta(hours=1))

    assert (await run(waiting.sweep, SweepWork())).publications == 0
    assert (await run(waiting.sweep, SweepWork(republish=True))).publications == 2

    await stage.client.get_workflow_handle("publication/unpublished").result()
    assert [sorted(work.shipments) for work in stage.steps.asked["publish"]] == [["S-1", "S-2"]]


async def test_the_sweep_says_again_what_a_retry_could_not_ask_for(
    engine: Engine, waiting: WaitingActivities, stage: Stage
) -> None:
    """Temporal was away when a person asked for it. An order of which something was said since is left alone."""
    with transaction(engine, BY) as session:
        for name in ("AWAY", "SAID"):
            state(session, shipment(number=f"S-{name}", order_number=f"SO-{name}"), sha256=name)
            retried(session, "order", f"SO-{name}")
        retried(session, "customer", "42")
        statements.remember(session, [(("order", "SO-SAID"), "SO-SAID", "as it is now")])

    assert (await run(waiting.sweep, SweepWork(republish=True))).publications == 2

    await stage.client.get_workflow_handle("publication/unpublished").result()
    assert stage.steps.asked["publish"] == [PublishWork(shipments=["S-AWAY"], customers=["42"])]


async def test_hand_over_starts_each_shipment_and_repeating_it_is_harmless(
    waiting: WaitingActivities, stage: Stage
) -> None:
    numbers = [f"S-{n}" for n in range(1, 9)]

    for _ in range(2):
        assert await run(waiting.hand_over, HandOver(shipments=numbers)) == 8

    for number in numbers:
        await stage.client.get_workflow_handle(f"shipment/{number}").result()
    booked = [one for work in stage.steps.asked["book"] for one in work.intent_ids]
    assert sorted(booked) == sorted(f"intent/{number}" for number in numbers), "each is booked once"


async def test_waking_reaches_what_waits_for_the_cause_only(
    engine: Engine, waiting: WaitingActivities, stage: Stage
) -> None:
    hold(engine, "S-1", Why.UNKNOWN_ITEM)
    hold(engine, "S-2", Why.UNKNOWN_CUSTOMER)
    hold(engine, "S-3", Why.PRICE_DIFFERS)

    assert await run(waiting.wake, Wake(causes=[Why.UNKNOWN_ITEM, Why.UNKNOWN_CUSTOMER])) == 2

    await until(lambda: stage.steps.booked == {"S-1", "S-2"})
    assert await run(waiting.wake, Wake(causes=[Why.TERMS_UNKNOWN])) == 0


async def test_waking_for_orders_reaches_their_shipments_only(
    engine: Engine, waiting: WaitingActivities, stage: Stage
) -> None:
    with transaction(engine, BY) as session:
        state(session, shipment(number="S-1", order_number="SO-1"), shipment(number="S-2", order_number="SO-2"))
    for number in ("S-1", "S-2"):
        hold(engine, number, Why.UNKNOWN_ORDER)

    assert await run(waiting.wake, Wake(causes=[Why.UNKNOWN_ORDER], orders=["SO-2", "SO-9"])) == 1
    await until(lambda: stage.steps.booked == {"S-2"})

    assert await run(waiting.wake, Wake(causes=[Why.UNKNOWN_ORDER])) == 2, "no names: all that wait for an order"


@pytest.mark.parametrize("named", [["SO-2"], []], ids=["few", "many"])
async def test_waking_for_pulled_orders_strikes_them_out(
    engine: Engine, waiting: WaitingActivities, named: list[str]
) -> None:
    """Only when all were woken: until then the next poll wakes for them again."""
    with transaction(engine, BY) as session:
        cursors.note(session, TO_WAKE, ["SO-1", "SO-2"])
    await run(waiting.wake, Wake(causes=[Why.UNKNOWN_ITEM]))
    with transaction(engine, BY) as session:
        assert cursors.noted(session, TO_WAKE) == ["SO-1", "SO-2"], "that was about something else"

    await run(waiting.wake, Wake(causes=[Why.UNKNOWN_ORDER], orders=named, pulled=True))

    with transaction(engine, BY) as session:
        assert cursors.noted(session, TO_WAKE) == (["SO-1"] if named else [])


async def test_waking_says_that_it_goes_on(engine: Engine, waiting: WaitingActivities, stage: Stage) -> None:
    """Thousands may wait: an attempt that makes progress is not taken for dead."""
    beats: list[Any] = []
    environment = ActivityEnvironment()
    environment.on_heartbeat = lambda *details: beats.append(details)
    for seq in range(5):
        hold(engine, f"S-{seq}", Why.UNKNOWN_ITEM)

    await environment.run(waiting.wake, Wake(causes=[Why.UNKNOWN_ITEM]))

    assert len(beats) == 5


async def test_the_sweep_looks_at_shipments_of_which_goods_came_back(
    engine: Engine, waiting: WaitingActivities, stage: Stage
) -> None:
    """O12: a return whose waking was lost; one of a shipment that nobody knows yet waits for it."""
    goods = [
        ReturnedGoods(
            rma="R1",
            shipment_number=number,
            line_no=1,
            sku="BOLT",
            quantity=Decimal(2),
            uom="EA",
            condition=Condition.RESTOCK,
            received_on=date(2026, 11, 22),
        )
        for number in ("SH-BACK", "SH-NEVER")
    ]
    with transaction(engine, BY) as session:
        state(session, shipment(number="SH-BACK"))
        take_back(session, *goods)

    swept: Swept = await run(waiting.sweep, SweepWork())

    assert swept.shipments == 1
    await until(lambda: stage.steps.times("prepare") >= 1)
    assert stage.steps.asked["prepare"][0].shipment_number == "SH-BACK"
    with transaction(engine, BY) as session:
        assert "SH-NEVER" in cursors.noted(session, returned.SHIPMENTS_TO_LOOK)


async def test_corrections_are_handed_over_to_flows_of_their_own(waiting: WaitingActivities, stage: Stage) -> None:
    assert await run(waiting.hand_over_credits, HandOver(shipments=["S-1", "S-2"])) == 2

    await until(lambda: stage.steps.times("book_credit") == 2)
