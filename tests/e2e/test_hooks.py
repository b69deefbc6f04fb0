"""Salesforce says that something changed, and the gateway knows it at once: the poll is a day away."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.api.hints import ACK, CALL, call, message, notification, signed
from tests.e2e.generated_world import GeneratedWorld
from tests.e2e.stacks import stacked_gateway
from tests.e2e.test_order_life import in_salesforce, placed
from tests.e2e.waiting import wait_until

SECRET = "the-hook-secret-of-this-test"


@pytest.fixture(scope="module")
def generated() -> Iterator[GeneratedWorld]:
    variables = {"THREEWAY_ORDERS_POLL_SECONDS": "86400", "THREEWAY_SALESFORCE_HOOK_SECRET": SECRET}
    with stacked_gateway(**variables) as gateway:
        world = gateway.erp.make_world(seed=11, customers=2, items=3, orders=1, sequence=601)
        gateway.know(world, [gateway.erp.export("CUSMST"), gateway.erp.export("ITMMST")])
        yield GeneratedWorld(gateway, world)


def number_of(generated: GeneratedWorld, order_id: str) -> str:
    shown = wait_until(
        "the order has its number",
        lambda: in_salesforce(generated, order_id),
        lambda one: bool(one["ERP_Order_Id__c"]),
        seconds=20,
    )
    return str(shown["ERP_Order_Id__c"])


def say(generated: GeneratedWorld, body: bytes) -> httpx.Response:
    """A flow's call, by somebody who has no key of ours."""
    return httpx.post(f"{generated.gateway.url}{CALL}", content=body, headers=signed(body, SECRET), trust_env=False)


def test_a_new_order_is_numbered_as_soon_as_a_flow_names_it(generated: GeneratedWorld) -> None:
    order = str(placed(generated)["id"])
    assert say(generated, call(recordId=order)).status_code == 202

    number = number_of(generated, order)
    kept = wait_until(
        "it is kept", lambda: generated.gateway.items("/orders"), lambda all_: number in {one["number"] for one in all_}
    )
    assert next(one for one in kept if one["number"] == number)["external_id"] == order


def test_an_outbound_message_does_the_same(generated: GeneratedWorld) -> None:
    orders = [str(placed(generated)["id"]) for _ in range(2)]
    body = message(*(notification(place, one) for place, one in enumerate(orders, start=1)))
    address = f"{generated.gateway.url}{CALL}/outbound-message/{SECRET}"
    answer = httpx.post(address, content=body, headers={"Content-Type": "text/xml"}, trust_env=False)
    assert (answer.status_code, answer.text) == (200, ACK)

    assert len({number_of(generated, one) for one in orders}) == 2


@pytest.mark.parametrize("way", ["outbound_messages", "flow_calls"])
def test_the_org_itself_tells_that_a_rep_placed_an_order(generated: GeneratedWorld, way: str) -> None:
    """Case S25: as the package's flows tell it, and nothing that the gateway writes comes back to it."""
    settings = {"hook_url": generated.gateway.url, "hook_secret": SECRET, way: True}
    generated.gateway.salesforce.patch("/settings", settings)
    try:
        before = generated.gateway.salesforce.get("/hooks")["messages"]
        order = str(placed(generated)["id"])
        number_of(generated, order)
        told = wait_until(
            "everything is told",
            lambda: generated.gateway.salesforce.get("/hooks")["messages"][len(before) :],
            lambda all_: bool(all_) and all(one["state"] == "acknowledged" for one in all_),
        )
        assert {notice["record"] for one in told for notice in one["notices"]} == {order}
    finally:
        generated.gateway.salesforce.patch("/settings", {way: False})


def test_the_secret_of_the_address_is_in_no_log(generated: GeneratedWorld) -> None:
    logs = generated.gateway.stack.settings.data_dir / "logs"
    said = "".join(path.read_text(errors="replace") for path in logs.rglob("*") if path.is_file())
    assert SECRET not in said


def test_doctor_can_tell_that_calls_come(generated: GeneratedWorld) -> None:
    found = generated.gateway.get("/hooks")
    assert found["on"]
    assert found["last_call_at"]
    assert found["last_message_at"]
