"""An order's life end to end: born in Salesforce, numbered, told to the ERP, acknowledged, shipped, invoiced, paid."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.generated_world import GeneratedWorld
from tests.e2e.stacks import stacked_gateway
from tests.e2e.twin_clients import Json
from tests.e2e.waiting import wait_until


def placed(world: GeneratedWorld, quantity: int = 1) -> Json:
    """A rep places an order and activates it; nobody gave it a number, nor its lines."""
    customer = world.world["customers"][0]
    item = world.world["items"][0]
    line = {"sku": item["sku"], "quantity": quantity, "unit_price": item["list_price"], "line": None, "uom": None}
    return world.gateway.salesforce.place_order(
        {"customer_erp_no": customer["erp_no"], "ordered_on": "2026-11-20", "po_no": "PO-LIFE", "lines": [line]}
    )


def in_salesforce(world: GeneratedWorld, record: str) -> Json:
    return next(one for one in world.gateway.salesforce.records("Order") if one["Id"] == record)


def events_of(world: GeneratedWorld, record: str) -> list[Json]:
    return [one for one in world.gateway.salesforce.records("Order_Event__c") if one["Order__c"] == record]


def story(world: GeneratedWorld, number: str) -> Json:
    return dict(world.gateway.get(f"/orders/{number}/story"))


def outbox(world: GeneratedWorld) -> Path:
    return Path(world.gateway.stack.settings.erp.outbox_dir)


@pytest.fixture(scope="module")
def generated() -> Iterator[GeneratedWorld]:
    """A gateway and a small world of its own: what the ERP ships here is of no concern to other tests."""
    with stacked_gateway() as gateway:
        world = gateway.erp.make_world(seed=7, customers=3, items=6, orders=3, sequence=501)
        gateway.know(world, [gateway.erp.export("CUSMST"), gateway.erp.export("ITMMST")])
        yield GeneratedWorld(gateway, world)


@pytest.fixture(scope="module")
def born(generated: GeneratedWorld) -> Json:
    """An order that has its number, in Salesforce and in an order file."""
    record = placed(generated)["id"]
    generated.gateway.post("/orders/pull", {})
    order = wait_until(
        "the order has its number", lambda: in_salesforce(generated, record), lambda one: bool(one["ERP_Order_Id__c"])
    )
    wait_until(
        "it is told to the ERP",
        lambda: generated.gateway.http.get(f"/orders/{order['ERP_Order_Id__c']}/story"),
        lambda answer: answer.status_code == 200 and any(one["sent_at"] for one in answer.json()["messages"]),
    )
    return order


def test_it_is_numbered_and_told_to_the_erp(generated: GeneratedWorld, born: Json) -> None:
    number = born["ERP_Order_Id__c"]
    told = wait_until("it is sent", lambda: story(generated, number), lambda one: one["state"] == "sent")

    assert number == "SO900001"
    assert told["shows"] == "Submitted"
    (message,) = told["messages"]
    content = (outbox(generated) / message["file_name"]).read_bytes()
    assert number.encode() in content
    imported = generated.gateway.erp.take_orders(content)
    assert imported["add"] == [number]
    lines = [one for one in generated.gateway.salesforce.records("OrderItem") if one["OrderId"] == born["Id"]]
    assert [int(one["ERP_Line_No__c"]) for one in lines] == [1]
    assert lines[0]["UoM__c"] == generated.world["items"][0]["sell_uom"]


def test_salesforce_shows_its_way_through_the_erp(generated: GeneratedWorld, born: Json) -> None:
    number = born["ERP_Order_Id__c"]
    generated.gateway.hand_in_and_wait(*generated.gateway.erp.export("ORDACK", backordered=0))
    shown = wait_until(
        "Salesforce shows that it is allocated",
        lambda: in_salesforce(generated, born["Id"]),
        lambda one: one["Gateway_Status__c"] == "Allocated",
    )
    assert Decimal(str(shown["Open_Amount__c"])) > 0

    generated.gateway.hand_in_and_wait(*generated.gateway.erp.export("SHPCNF", shipments=10))
    wait_until(
        "Salesforce shows that it is invoiced",
        lambda: in_salesforce(generated, born["Id"]),
        lambda one: one["Gateway_Status__c"] == "Invoiced",
        seconds=60,
    )
    told = story(generated, number)
    (line,) = told["lines"]
    assert (line["ordered"], line["shipped"], line["billed"], line["open"]) == ("1", "1", "1", "0")
    events = wait_until(
        "Salesforce has the events of the order",
        lambda: [
            one for one in generated.gateway.salesforce.records("Order_Event__c") if one["Order__c"] == born["Id"]
        ],
        lambda found: {"Sent to the ERP", "Shipped", "Invoiced"} <= {one["Type__c"] for one in found},
    )
    assert len({one["Event_Key__c"] for one in events}) == len(events)


def test_a_person_cannot_cancel_what_has_left(generated: GeneratedWorld, born: Json) -> None:
    answer: Any = generated.gateway.http.post(
        f"/orders/{born['ERP_Order_Id__c']}/acts", json={"act": "cancel", "reason": "too late"}
    )
    assert answer.status_code == 409
    assert answer.json()["reason"] == "order_state"


def test_an_order_that_is_cancelled_in_time_is_told_to_the_erp(generated: GeneratedWorld, born: Json) -> None:
    """Case O9: by a person, before anything left; the ERP confirms it."""
    record = placed(generated, quantity=2)["id"]
    generated.gateway.post("/orders/pull", {})
    order = wait_until(
        "the order has its number", lambda: in_salesforce(generated, record), lambda one: bool(one["ERP_Order_Id__c"])
    )
    number = order["ERP_Order_Id__c"]
    assert number == "SO900002", "numbers follow one another"
    wait_until(
        "it is told to the ERP",
        lambda: generated.gateway.http.get(f"/orders/{number}/story"),
        lambda answer: answer.status_code == 200 and answer.json()["state"] == "sent",
    )
    done = generated.gateway.post(f"/orders/{number}/acts", {"act": "cancel", "reason": "ordered twice"})
    assert done["shows"] == "Cancel Requested"
    told = wait_until(
        "the cancellation is told to the ERP",
        lambda: story(generated, number),
        lambda one: len([message for message in one["messages"] if message["sent_at"]]) == 2,
    )
    assert [one["message"]["action"] for one in told["messages"]] == ["add", "cancel"]
    for message in told["messages"]:
        generated.gateway.erp.take_orders((outbox(generated) / message["file_name"]).read_bytes())
    generated.gateway.hand_in_and_wait(*generated.gateway.erp.export("ORDACK"))
    wait_until(
        "Salesforce shows that it is cancelled",
        lambda: in_salesforce(generated, record),
        lambda one: one["Gateway_Status__c"] == "Cancelled",
    )
    (line,) = story(generated, number)["lines"]
    assert (line["cancelled"], line["open"]) == ("2", "0")
