"""S25: outbound messages and flow calls: when they are sent, what they carry, what goes wrong with them on demand."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterator
from typing import Any
from xml.etree.ElementTree import Element

import pytest
from defusedxml.ElementTree import fromstring

from tests.twins.salesforce.conftest import WORLD
from tests.twins.salesforce.receiver import ACK, RIGHT, Heard, Receiver

SECRET = "a hook secret"
OUT = "{http://soap.sforce.com/2005/09/outbound}"
SF = "{urn:sobject.enterprise.soap.sforce.com}"
XSI = "{http://www.w3.org/2001/XMLSchema-instance}"
ORDER = {name: value for name, value in WORLD["orders"][0].items() if name != "order_no"}


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    ready = Receiver()
    yield ready
    ready.close()


@pytest.fixture
def listened(seeded: Any, receiver: Receiver) -> Iterator[Any]:
    """A seeded org that sends outbound messages to the receiver from now on."""
    switch(seeded, hook_url=receiver.base, hook_secret=SECRET, outbound_messages=True)
    yield seeded
    switch(seeded, hook_url="")


def switch(caller: Any, **values: object) -> None:
    caller.control("PATCH", "/settings", values)


def edit(caller: Any, order: str, **fields: object) -> None:
    caller.control("POST", "/records/Order", {"match": {"Id": order}, "fields": fields})


def order_of(caller: Any) -> str:
    return str(caller.control("GET", "/records/Order")["records"][0]["Id"])


def message(heard: Heard) -> Element:
    """The `notifications` element of a message."""
    found = fromstring(heard.body).find(f"{{http://schemas.xmlsoap.org/soap/envelope/}}Body/{OUT}notifications")
    assert found is not None
    return found


def ids(heard: Heard) -> list[str]:
    return [str(one.findtext(f"{OUT}Id")) for one in message(heard).findall(f"{OUT}Notification")]


def fields(notification: Element) -> dict[str, str]:
    record = notification.find(f"{OUT}sObject")
    return {} if record is None else {child.tag.removeprefix(SF): str(child.text) for child in record}


def settled(caller: Any, want: Callable[[list[dict[str, Any]]], bool]) -> list[dict[str, Any]]:
    """The messages, once they are as wanted."""
    ends = time.monotonic() + 10
    while True:
        told = caller.control("GET", "/hooks")
        if not told["queued"] and want(told["messages"]):
            return list(told["messages"])
        assert time.monotonic() < ends, told
        time.sleep(0.02)


def are(*states: str) -> Callable[[list[dict[str, Any]]], bool]:
    return lambda messages: [one["state"] for one in messages] == list(states)


def test_nothing_is_told_unless_it_is_switched_on(seeded: Any, receiver: Receiver) -> None:
    switch(seeded, hook_url=receiver.base, hook_secret=SECRET)
    edit(seeded, order_of(seeded), PoNumber="PO-1")
    assert seeded.control("GET", "/hooks") == {"messages": [], "queued": 0}


def test_the_envelope(listened: Any, receiver: Receiver) -> None:
    order = order_of(listened)
    edit(listened, order, PoNumber="<PO & more>")
    (heard,) = receiver.wait_for(1)
    assert heard.path == f"/hooks/salesforce/outbound-message/{SECRET.replace(' ', '%20')}"
    assert heard.headers["Content-Type"] == "text/xml; charset=utf-8"
    assert "X-Threeway-Signature" not in heard.headers
    told = message(heard)
    assert [child.tag.removeprefix(OUT) for child in told] == [
        *("OrganizationId", "ActionId", "SessionId", "EnterpriseUrl", "PartnerUrl", "Notification")
    ]
    organization = listened.query("SELECT Id FROM Organization")["records"][0]["Id"]
    assert told.findtext(f"{OUT}OrganizationId") == organization
    assert str(told.findtext(f"{OUT}ActionId")).startswith("04k")
    session = told.find(f"{OUT}SessionId")
    assert session is not None
    assert (session.get(f"{XSI}nil"), session.text) == ("true", None)
    notification = told.find(f"{OUT}Notification")
    assert notification is not None
    assert str(notification.findtext(f"{OUT}Id")).startswith("04l")
    record = notification.find(f"{OUT}sObject")
    assert record is not None
    assert record.get(f"{XSI}type") == "sf:Order"
    shown = fields(notification)
    assert list(shown) == ["Id", "ERP_Order_Id__c", "LastModifiedById", "LastModifiedDate", "Status"]
    assert (shown["Id"], shown["ERP_Order_Id__c"], shown["Status"]) == (order, "SO700310", "Activated")
    assert shown["LastModifiedDate"].endswith(".000Z")
    (done,) = settled(listened, are("acknowledged"))
    assert (done["attempts"], done["way"], done["sobject"]) == (1, "message", "Order")


def test_an_order_is_told_when_it_is_born_and_activated_not_its_draft_lines(listened: Any, receiver: Receiver) -> None:
    switch(listened, hook_hold=True)
    draft = listened.control("POST", "/orders", {**ORDER, "activate": False})
    listened.control("POST", "/records/Order", {"match": {"Id": draft["id"]}, "fields": {"Status": "Activated"}})
    switch(listened, hook_hold=False)
    (heard,) = receiver.wait_for(1)
    told = message(heard).findall(f"{OUT}Notification")
    assert len(told) == len(set(ids(heard))) == 2, "one notification a change, each with an id of its own"
    for one in told:
        shown = fields(one)
        assert (shown["Id"], shown["Status"]) == (draft["id"], "Activated"), "both carry what the order is now"
        assert "ERP_Order_Id__c" not in shown, "what has no value is left out"


@pytest.mark.parametrize(
    ("sobject", "change"),
    [("Order", {"Description": "x"}), ("Order", {"PoNumber": "PO-7249"}), ("OrderItem", {"Description": "x"})],
)
def test_what_the_gateway_does_not_read_is_not_told(listened: Any, sobject: str, change: dict[str, str]) -> None:
    record = listened.control("GET", f"/records/{sobject}")["records"][0]["Id"]
    listened.control("POST", f"/records/{sobject}", {"match": {"Id": record}, "fields": change})
    assert listened.control("GET", "/hooks") == {"messages": [], "queued": 0}


def test_what_the_gateway_writes_is_not_told_back_to_it(listened: Any, receiver: Receiver) -> None:
    order = order_of(listened)
    listened.call("PATCH", f"/sobjects/Order/{order}", {"ERP_Order_Id__c": "SO1"})
    own = {"match": {"Id": order}, "fields": {"PoNumber": "PO-0"}, "user": "integration"}
    listened.control("POST", "/records/Order", own)
    edit(listened, order, PoNumber="PO-1")
    assert len(ids(receiver.wait_for(1)[0])) == 1
    modified = listened.query("SELECT LastModifiedBy.Name FROM Order")["records"][0]["LastModifiedBy"]["Name"]
    assert modified == "Sales Rep"


def test_a_line_of_an_activated_order_is_told(listened: Any, receiver: Receiver) -> None:
    line = listened.control("GET", "/records/OrderItem")["records"][0]
    change = {"match": {"Id": line["Id"]}, "fields": {"Quantity": 3}}
    listened.control("POST", "/records/OrderItem", change)
    (heard,) = receiver.wait_for(1)
    notification = message(heard).find(f"{OUT}Notification")
    assert notification is not None
    shown = fields(notification)
    assert (shown["Id"], shown["OrderId"]) == (line["Id"], line["OrderId"])


def test_an_undone_change_is_not_told(listened: Any) -> None:
    order = order_of(listened)
    bad = {"match": {"Id": order}, "fields": {"PoNumber": "PO-2", "Odd__c": 1}}
    assert listened.http.post(f"{listened.base}/__twin__/records/Order", json=bad, timeout=10).status_code == 400
    lines = [{"line": 1, "sku": "unknown", "quantity": "1", "uom": "EA", "unit_price": "1"}]
    refused = listened.http.post(f"{listened.base}/__twin__/orders", json={**ORDER, "lines": lines}, timeout=10)
    assert refused.status_code == 404
    assert listened.control("GET", "/hooks") == {"messages": [], "queued": 0}


def test_many_notifications_share_a_message_and_a_message_has_an_end(listened: Any, receiver: Receiver) -> None:
    switch(listened, hook_hold=True, hook_bundle=3)
    for number in range(5):
        edit(listened, order_of(listened), PoNumber=f"PO-{number}")
    switch(listened, hook_hold=False)
    first, second = receiver.wait_for(2)
    assert sorted(len(ids(one)) for one in (first, second)) == [2, 3]
    assert len({*ids(first), *ids(second)}) == 5


@pytest.mark.parametrize(
    "answer",
    [(200, ACK.format("false")), (200, '{"Ack": true}'), (200, ""), (202, RIGHT[1]), (401, RIGHT[1]), (503, "")],
)
def test_it_is_sent_until_it_is_acknowledged(listened: Any, receiver: Receiver, answer: tuple[int, str]) -> None:
    receiver.answer = lambda number: answer if number < 2 else RIGHT
    edit(listened, order_of(listened), PoNumber="PO-1")
    receiver.wait_for(1)
    (waiting,) = settled(listened, lambda messages: messages[0]["attempts"] == 1)
    assert waiting["state"] == "waiting"
    assert waiting["answer"].startswith(str(answer[0]))
    listened.control("PATCH", "/clock", {"advance_seconds": 61})
    receiver.wait_for(2)
    settled(listened, lambda messages: messages[0]["attempts"] == 2)
    listened.control("PATCH", "/clock", {"advance_seconds": 61})
    time.sleep(0.3)
    assert len(receiver.heard) == 2, "the gaps grow"
    listened.control("PATCH", "/clock", {"advance_seconds": 61})
    assert len({tuple(ids(one)) for one in receiver.wait_for(3)}) == 1, "a repetition has the same ids"
    settled(listened, are("acknowledged"))


def test_after_a_day_it_is_given_up(listened: Any, receiver: Receiver) -> None:
    receiver.answer = lambda _: (500, "")
    edit(listened, order_of(listened), PoNumber="PO-1")
    settled(listened, lambda messages: bool(messages) and messages[0]["attempts"] == 1)
    listened.control("PATCH", "/clock", {"advance_seconds": 86_500})
    settled(listened, are("dropped"))
    assert len(receiver.heard) == 1


def test_a_repetition_carries_what_the_record_is_by_then(listened: Any, receiver: Receiver) -> None:
    receiver.answer = lambda number: (500, "") if number == 0 else RIGHT
    order = order_of(listened)
    edit(listened, order, PoNumber="PO-1")
    settled(listened, lambda messages: bool(messages) and messages[0]["attempts"] == 1)
    switch(listened, outbound_messages=False)
    edit(listened, order, Status="Draft")
    listened.control("PATCH", "/clock", {"advance_seconds": 61})
    first, second = receiver.wait_for(2)
    statuses = [
        fields(one)["Status"] for heard in (first, second) for one in message(heard).findall(f"{OUT}Notification")
    ]
    assert statuses == ["Activated", "Draft"]


def test_a_record_that_is_gone_has_no_data(listened: Any, receiver: Receiver) -> None:
    switch(listened, hook_hold=True)
    draft = listened.control("POST", "/orders", {**ORDER, "activate": False})
    listened.control("DELETE", f"/records/Order/{draft['id']}")
    switch(listened, hook_hold=False)
    (heard,) = receiver.wait_for(1)
    (notification,) = message(heard).findall(f"{OUT}Notification")
    assert [child.tag for child in notification] == [f"{OUT}Id"]


def test_lost_repeated_and_unheard_on_demand(listened: Any, receiver: Receiver) -> None:
    order = order_of(listened)
    switch(listened, hook_lose_next=1)
    edit(listened, order, PoNumber="PO-1")
    settled(listened, are("lost"))
    switch(listened, hook_repeat=2)
    edit(listened, order, PoNumber="PO-2")
    settled(listened, are("lost", "acknowledged"))
    assert len({tuple(ids(one)) for one in receiver.wait_for(3)}) == 1
    switch(listened, hook_repeat=0, hook_deaf_next=1)
    edit(listened, order, PoNumber="PO-3")
    settled(listened, lambda messages: len(messages) == 3 and messages[2]["attempts"] == 1)
    listened.control("PATCH", "/clock", {"advance_seconds": 61})
    settled(listened, are("lost", "acknowledged", "acknowledged"))
    assert ids(receiver.heard[3]) == ids(receiver.heard[4])
    assert listened.control("GET", "/settings")["hook_lose_next"] == 0


def test_out_of_order_on_demand(listened: Any, receiver: Receiver) -> None:
    switch(listened, hook_hold=True, hook_shuffle=True, hook_bundle=2)
    for number in range(4):
        edit(listened, order_of(listened), PoNumber=f"PO-{number}")
    switch(listened, hook_hold=False)
    receiver.wait_for(2)
    messages = settled(listened, are("acknowledged", "acknowledged"))
    queued = [[notice["id"] for notice in one["notices"]] for one in messages]
    assert sorted(ids(one) for one in receiver.heard) == sorted(one[::-1] for one in queued)


def test_a_done_message_is_sent_again_on_command(listened: Any, receiver: Receiver) -> None:
    edit(listened, order_of(listened), PoNumber="PO-1")
    (done,) = settled(listened, are("acknowledged"))
    listened.control("POST", f"/hooks/{done['n']}/again")
    first, second = receiver.wait_for(2)
    assert ids(first) == ids(second)
    assert listened.http.post(f"{listened.base}/__twin__/hooks/77/again", timeout=10).status_code == 404


def test_the_api_does_not_wait_for_the_gateway(listened: Any, receiver: Receiver) -> None:
    receiver.slow = 2
    began = time.monotonic()
    edit(listened, order_of(listened), PoNumber="PO-1")
    assert listened.query("SELECT COUNT() FROM Order")["totalSize"] == 1
    receiver.wait_for(1)
    assert listened.query("SELECT COUNT() FROM Order")["totalSize"] == 1
    assert time.monotonic() - began < 1.5


def test_a_gateway_that_is_not_there_is_a_failure_like_others(listened: Any, receiver: Receiver) -> None:
    switch(listened, hook_url="http://127.0.0.1:9", hook_timeout_seconds=1)
    edit(listened, order_of(listened), PoNumber="PO-1")
    (waiting,) = settled(listened, lambda messages: bool(messages) and messages[0]["attempts"] == 1)
    assert "ConnectError" in waiting["answer"]
    switch(listened, hook_url=receiver.base)
    listened.control("PATCH", "/clock", {"advance_seconds": 61})
    receiver.wait_for(1)


def test_the_signed_call(listened: Any, receiver: Receiver) -> None:
    switch(listened, outbound_messages=False, flow_calls=True)
    receiver.answer = lambda _: (202, "{}")
    order = order_of(listened)
    edit(listened, order, PoNumber="PO-1")
    (heard,) = receiver.wait_for(1)
    assert heard.path == "/hooks/salesforce"
    assert heard.headers["Content-Type"] == "application/json"
    assert heard.headers["X-Threeway-Signature"] == hmac.new(SECRET.encode(), heard.body, hashlib.sha256).hexdigest()
    body = json.loads(heard.body)
    organization = listened.query("SELECT Id FROM Organization")["records"][0]["Id"]
    when = body.pop("occurredAt")
    assert body == {"orgId": organization, "object": "Order", "recordId": order, "event": "updated"}
    assert when.endswith(".000Z")
    settled(listened, are("acknowledged"))


def test_a_call_names_several_records_and_each_once(listened: Any, receiver: Receiver) -> None:
    switch(listened, outbound_messages=False, flow_calls=True, hook_hold=True)
    receiver.answer = lambda _: (202, "{}")
    placed = listened.control("POST", "/orders", ORDER)["id"]
    edit(listened, order_of(listened), PoNumber="PO-1")
    switch(listened, hook_hold=False)
    body = json.loads(receiver.wait_for(1)[0].body)
    assert (body["ids"], body["event"]) == ([placed, order_of(listened)], "changed")
    assert "recordId" not in body


def test_a_call_is_made_once(listened: Any, receiver: Receiver) -> None:
    switch(listened, outbound_messages=False, flow_calls=True)
    receiver.answer = lambda _: (503, "")
    edit(listened, order_of(listened), PoNumber="PO-1")
    settled(listened, are("failed"))
    listened.control("PATCH", "/clock", {"advance_seconds": 3600})
    time.sleep(0.3)
    assert len(receiver.heard) == 1


def test_both_ways_at_once(listened: Any, receiver: Receiver) -> None:
    switch(listened, flow_calls=True)
    edit(listened, order_of(listened), PoNumber="PO-1")
    receiver.wait_for(2)
    told = settled(listened, are("acknowledged", "acknowledged"))
    assert {one["way"] for one in told} == {"message", "call"}


def test_what_waits_survives_a_restart(start_server: Any, tmp_path: Any, receiver: Receiver) -> None:
    from tests.twins.salesforce.conftest import Caller

    path = str(tmp_path / "salesforce.sqlite")
    first = start_server(path)
    caller = Caller(first.base)
    caller.control("POST", "/seed", WORLD)
    switch(caller, hook_url=receiver.base, hook_secret=SECRET, outbound_messages=True, hook_hold=True)
    edit(caller, order_of(caller), PoNumber="PO-1")
    caller.http.close()
    first.stop()
    again = Caller(start_server(path).base)
    switch(again, hook_hold=False)
    assert len(ids(receiver.wait_for(1)[0])) == 1
    again.http.close()
