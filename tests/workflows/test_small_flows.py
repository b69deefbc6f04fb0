"""Publication, the pull of orders, linking and the sweep."""

from __future__ import annotations

import asyncio
import itertools
from datetime import timedelta

import pytest
from temporalio.client import WorkflowFailureError
from temporalio.exceptions import ActivityError, ApplicationError

from domain.errors import NotAuthorized, Rejected, Unavailable
from domain.exceptions import ORDER_CAUSES
from domain.links import LinkKind
from domain.order_work import OrdersPulled, OrdersWork
from domain.sources import System
from domain.work import (
    Booked,
    LinkingCount,
    LinkingReport,
    LinkingWork,
    PairWork,
    Published,
    PublishWork,
    ShipmentProgress,
    ShipmentWork,
    SweepWork,
    Swept,
    Wake,
)
from tests.workflows.stage import Stage, until
from tests.workflows.steps import held
from workflows.linking import LINK_CAUSES

TWO = PublishWork(shipments=["S-1", "S-2"])


async def test_publication_says_it_once(stage: Stage) -> None:
    published = await stage.run("Publication", TWO, "publication/a", Published)

    assert published == Published(accepted=2, refused=0)
    assert stage.steps.asked["publish"] == [TWO]
    assert await stage.status("publication/a", str) == "done"


async def test_publication_outlasts_an_evening_without_salesforce(skipping: Stage) -> None:
    began = await skipping.env.get_current_time()

    async def publish(_: object) -> Published | Unavailable:
        now = await skipping.env.get_current_time()
        return Unavailable() if now - began < timedelta(hours=4) else Published(accepted=2, refused=0)

    skipping.steps.answer("publish", publish)

    assert await skipping.run("Publication", TWO, "publication/a", Published) == Published(accepted=2, refused=0)
    gaps = [info.started_time for info in skipping.steps.attempts["publish"]]
    assert max(later - earlier for earlier, later in itertools.pairwise(gaps)) < timedelta(minutes=3)


async def test_publication_that_cannot_succeed_fails_in_the_open(stage: Stage) -> None:
    stage.steps.answer("publish", Rejected("no such field"))

    with pytest.raises(WorkflowFailureError):
        await stage.run("Publication", TWO, "publication/a", Published)
    assert stage.steps.times("publish") == 1


async def test_a_publication_that_is_asked_again_looks_once_more(stage: Stage) -> None:
    """What changes while Salesforce is away is said by the publication that waits: there is one at a time."""
    back = asyncio.Event()

    async def publish(work: PublishWork) -> Published:
        await back.wait()
        return Published(accepted=len(work.shipments), refused=0)

    stage.steps.answer("publish", publish)
    handle = await stage.start("Publication", TWO, "publication/a")
    await until(lambda: stage.steps.times("publish") == 1)
    for _ in range(5):
        await handle.signal("again")
    back.set()

    await handle.result()
    assert stage.steps.times("publish") == 2


async def test_a_long_outage_leaves_one_publication_for_each_shipment(skipping: Stage) -> None:
    """A shipment that asks again every five minutes does not pile them up."""
    skipping.steps.answer("book", *[Booked(uncertain=["S-1"])] * 5, skipping.steps._book)
    skipping.steps.answer("publish", Unavailable())

    await skipping.run("ShipmentInvoicing", ShipmentWork(shipment_number="S-1"), "shipment/S-1", ShipmentProgress)

    assert skipping.steps.times("book") == 6
    assert {info.workflow_id for info in skipping.steps.attempts["publish"]} == {"publication/shipment/S-1"}
    assert len({info.workflow_run_id for info in skipping.steps.attempts["publish"]}) == 1

    assert await skipping.is_running("publication/shipment/S-1")


async def test_a_shipment_that_changes_later_is_published_anew(stage: Stage) -> None:
    stage.steps.answer("prepare", held("S-1"), stage.steps._prepare)
    handle = await stage.start("ShipmentInvoicing", ShipmentWork(shipment_number="S-1"), "shipment/S-1")
    await until(lambda: stage.steps.times("publish") == 1)
    await stage.client.get_workflow_handle("publication/shipment/S-1").result()

    await handle.signal("recheck")
    await handle.result()

    await until(lambda: stage.steps.times("publish") == 2, "the invoice is news")


async def test_orders_that_did_not_change_wake_nobody(stage: Stage) -> None:
    stage.steps.answer("pull_orders", OrdersPulled(read=12))

    assert await stage.run("OrdersPull", OrdersWork(), "orders-pull/1", OrdersPulled) == OrdersPulled(read=12)
    assert stage.steps.times("wake") == 0
    assert await stage.status("orders-pull/1", OrdersPulled) == OrdersPulled(read=12)


@pytest.mark.parametrize("named", [["SO-1", "SO-2"], []], ids=["few", "too many to name"])
async def test_changed_orders_wake_what_waits_for_them(stage: Stage, named: list[str]) -> None:
    """Of very many changed orders the names do not travel: then all that waits for an order looks again."""
    stage.steps.answer("pull_orders", OrdersPulled(read=900, changed_count=len(named) or 900, changed=named))

    await stage.run("OrdersPull", OrdersWork(reason="hook"), "orders-pull/1", OrdersPulled)

    assert stage.steps.asked["wake"] == [Wake(causes=ORDER_CAUSES, orders=named, pulled=True)]
    assert stage.steps.asked["pull_orders"] == [OrdersWork(reason="hook")]


async def test_a_pull_gives_up_when_its_successor_is_due(skipping: Stage) -> None:
    skipping.steps.answer("pull_orders", Unavailable())

    with pytest.raises(WorkflowFailureError) as failure:
        await skipping.run("OrdersPull", OrdersWork(), "orders-pull/1", OrdersPulled)

    assert isinstance(failure.value.cause, ActivityError)
    first, last = (skipping.steps.attempts["pull_orders"][at].started_time for at in (0, -1))
    assert timedelta(minutes=9) < last - first <= timedelta(minutes=10)


def counted(confirmed: int):  # type: ignore[no-untyped-def]
    def count(work: PairWork) -> LinkingCount:
        return LinkingCount(
            system=work.system, kind=work.kind, records=3, candidates=3, exact=2, likely=1, confirmed=confirmed
        )

    return count


async def test_linking_looks_at_every_system_and_kind(stage: Stage) -> None:
    work = LinkingWork(accept_exact=True, requested_by="dana")

    report = await stage.run("LinksMatch", work, "links-match/1", LinkingReport)

    kinds = [(count.system, count.kind) for count in report.counts]
    assert kinds == [
        (System.QUICKBOOKS, LinkKind.CUSTOMER),
        (System.QUICKBOOKS, LinkKind.ITEM),
        (System.QUICKBOOKS, LinkKind.TERMS),
        (System.SALESFORCE, LinkKind.CUSTOMER),
        (System.SALESFORCE, LinkKind.ITEM),
    ]
    asked = stage.steps.asked["propose_quickbooks"] + stage.steps.asked["propose_salesforce"]
    assert {(one.accept_exact, one.requested_by) for one in asked} == {(True, "dana")}
    assert stage.steps.times("wake") == 0, "nothing was confirmed"
    assert await stage.status("links-match/1", LinkingReport) == report


async def test_new_links_wake_what_waited_for_them_once(stage: Stage) -> None:
    stage.steps.answer("propose_quickbooks", counted(2))
    stage.steps.answer("propose_salesforce", counted(2))

    await stage.run("LinksMatch", LinkingWork(accept_exact=True), "links-match/1", LinkingReport)

    assert stage.steps.asked["wake"] == [Wake(causes=LINK_CAUSES)]


async def test_shipments_do_not_wait_for_the_links_of_salesforce(stage: Stage) -> None:
    """What was held for a QuickBooks link is billed while Salesforce is away."""
    back = asyncio.Event()

    async def away(work: PairWork) -> LinkingCount:
        await back.wait()
        return LinkingCount.model_validate(counted(0)(work))

    stage.steps.answer("propose_quickbooks", counted(2))
    stage.steps.answer("propose_salesforce", away)
    handle = await stage.start("LinksMatch", LinkingWork(accept_exact=True), "links-match/1")

    await until(lambda: stage.steps.asked["wake"] == [Wake(causes=LINK_CAUSES)], "shipments are woken")
    assert await stage.status("links-match/1", LinkingReport) == LinkingReport(counts=[])
    back.set()
    assert len(LinkingReport.model_validate(await handle.result()).counts) == 5


async def test_linking_without_credentials_fails_at_once(stage: Stage) -> None:
    stage.steps.answer("propose_quickbooks", NotAuthorized())

    with pytest.raises(WorkflowFailureError) as failure:
        await stage.run("LinksMatch", LinkingWork(), "links-match/1", LinkingReport)
    assert isinstance(failure.value.cause, ActivityError)
    assert isinstance(failure.value.cause.cause, ApplicationError)
    assert failure.value.cause.cause.type == "not_authorized"


async def test_the_sweep_answers_what_it_set_going(stage: Stage) -> None:
    stage.steps.answer("sweep", Unavailable(), Swept(inbox=2, shipments=1))

    assert await stage.run("Sweep", SweepWork(), "sweep-1", Swept) == Swept(inbox=2, shipments=1)
    assert stage.steps.asked["sweep"] == [SweepWork(), SweepWork()]
    assert await stage.status("sweep-1", Swept) == Swept(inbox=2, shipments=1)
