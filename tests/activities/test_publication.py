"""Publication under failures of Salesforce: what reps see in the end is what is true."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.publication import PublicationActivities
from adapters.salesforce.gateway import SalesforceGateway
from domain.exceptions import Cause as Why
from domain.work import Published, PublishWork
from store import exceptions
from store.causes import Cause, CauseSource
from store.session import transaction
from tests.adapters.salesforce.harness import MemoryVault, Twin, gateway_to, serving
from tests.adapters.salesforce.world import order, world
from tests.build import shipment
from tests.looks import rules
from tests.store.books import held, place_order, state
from twins.salesforce.app import create_app

BY = Cause(source=CauseSource.GATEWAY, actor="test")
WORK = PublishWork(shipments=["SH1"])


@pytest.fixture(scope="module")
def served_org() -> Iterator[Twin]:
    with serving(create_app()) as url:
        twin = Twin(url)
        yield twin
        twin.close()


@pytest.fixture
def org(served_org: Twin) -> Twin:
    """Salesforce with the order of our shipment."""
    served_org.reset()
    served_org.control("POST", "/seed", world([order("SO1")]))
    return served_org


@pytest.fixture
def salesforce(org: Twin) -> Iterator[SalesforceGateway]:
    gateway = gateway_to(org.url, MemoryVault())
    yield gateway
    gateway.close()


@pytest.fixture
def publication(engine: Engine, salesforce: SalesforceGateway) -> PublicationActivities:
    with transaction(engine, BY) as session:
        place_order(session, shipment())
        state(session, shipment())
    return PublicationActivities(engine, salesforce, rules())


def publish(publication: PublicationActivities) -> Published:
    published: Published = ActivityEnvironment().run(publication.publish, WORK)
    return published


def wait_for(engine: Engine, cause: Why, sentence: str) -> None:
    """From now on the shipment waits for this, and for nothing else."""
    with transaction(engine, BY) as session:
        exceptions.close_by_itself(session, ("shipment", "SH1"), datetime.now(UTC))
        held(session, "SH1", cause, sentence)


def shown(org: Twin) -> str:
    (row,) = org.control("GET", "/records/Order")["records"]
    return str(row["Gateway_Message__c"])


def test_what_is_true_again_is_said_again_after_an_answer_was_lost(
    engine: Engine, publication: PublicationActivities, org: Twin
) -> None:
    """The last answer was to A. B was taken and nobody knows: back at A, the record must not be thought to show it."""
    wait_for(engine, Why.UNKNOWN_ITEM, "Item X is unknown.")
    assert publish(publication).accepted == 3, "the order's words, that it is active, and what left"
    wait_for(engine, Why.UNKNOWN_CUSTOMER, "Customer Y is unknown.")
    org.fault("commit_then_reset", path="/composite/graph", times=0)
    with pytest.raises(ApplicationError) as raised:
        publish(publication)
    assert not raised.value.non_retryable
    org.clear_faults()
    assert shown(org) == "Customer Y is unknown."

    wait_for(engine, Why.UNKNOWN_ITEM, "Item X is unknown.")
    assert publish(publication).accepted == 1
    assert shown(org) == "Item X is unknown."


def test_what_salesforce_took_is_not_said_twice(engine: Engine, publication: PublicationActivities, org: Twin) -> None:
    wait_for(engine, Why.UNKNOWN_ITEM, "Item X is unknown.")
    publish(publication)
    written = len(org.calls("POST", "/composite/graph"))

    assert publish(publication) == Published(accepted=0, refused=0)
    assert len(org.calls("POST", "/composite/graph")) == written
