"""Webhooks of the twin (S38): both forms, signed over the raw body; repeated, lost, late and in order."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from .conftest import REALM, Client, invoice

VERIFIER = "a-verifier-of-these-tests"


class Receiver:
    """An endpoint on this machine: what it heard, and what it answers."""

    def __init__(self) -> None:
        self.heard: list[tuple[dict[str, str], bytes]] = []
        self.status = 200
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.heard.append(({name.lower(): value for name, value in self.headers.items()}, body))
                self.send_response(receiver.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    def bodies(self) -> list[Any]:
        return [json.loads(body) for _, body in self.heard]


@pytest.fixture
def receiver(twin: Client) -> Iterator[Receiver]:
    one = Receiver()
    twin.settings(webhooks=True, hook_url=one.url, hook_verifier=VERIFIER)
    yield one
    twin.settings(webhooks=False, hook_url="")
    one.server.shutdown()
    one.server.server_close()


def until(condition: Callable[[], object], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


def states(twin: Client) -> list[str]:
    return [one["state"] for one in twin.control("GET", "hooks")["messages"]]


def together(twin: Client, act: Callable[[], object]) -> None:
    """Let what happens meanwhile leave in one notification."""
    twin.settings(hook_hold=True)
    act()
    twin.settings(hook_hold=False)


def test_cloud_events_are_an_array_and_signed(twin: Client, receiver: Receiver) -> None:
    made = twin.create(invoice())
    until(lambda: states(twin) == ["acknowledged"])
    ((headers, body),) = receiver.heard
    assert headers["content-type"] == "application/cloudevents+json"
    expected = base64.b64encode(hmac.new(VERIFIER.encode(), body, hashlib.sha256).digest()).decode()
    assert headers["intuit-signature"] == expected
    (event,) = json.loads(body)
    assert (event["type"], event["intuitentityid"]) == ("qbo.invoice.created.v1", made["Id"])
    assert (event["intuitaccountid"], event["specversion"], event["data"]) == (REALM, "1.0", {})
    assert len(event["time"].rpartition(".")[2]) == 10, "nine digits and a Z"


def test_the_legacy_form_groups_by_company(twin: Client, receiver: Receiver) -> None:
    twin.settings(hook_format="legacy")

    def act() -> None:
        made = twin.create(invoice())
        twin.post("invoice?operation=void", {"Id": made["Id"], "SyncToken": "0"})
        twin.control("POST", "hooks", {"entity": "Customer", "id": "1", "operation": "Merge", "deleted_id": "2"})
        twin.control("POST", "hooks", {"entity": "Invoice", "id": "5", "realm": "123"})

    together(twin, act)
    until(lambda: receiver.heard)
    mine, other = receiver.bodies()[0]["eventNotifications"]
    assert (mine["realmId"], other["realmId"]) == (REALM, "123")
    said = [(one["name"], one["operation"], one.get("deletedId")) for one in mine["dataChangeEvent"]["entities"]]
    assert said == [("Invoice", "Create", None), ("Invoice", "Void", None), ("Customer", "Merge", "2")]


def test_every_kind_of_change_has_its_word(twin: Client, receiver: Receiver) -> None:
    made = twin.create(invoice())
    twin.control("POST", "edit", {"entity": "Invoice", "id": made["Id"], "changes": {"PrivateNote": "x"}})
    twin.post(f"invoice/{made['Id']}/send?sendTo=a@b.example")
    twin.control("POST", "edit", {"entity": "Invoice", "id": made["Id"], "operation": "delete"})
    twin.control("POST", "edit", {"entity": "Customer", "id": "2", "changes": {"CompanyName": "New"}})
    until(lambda: sum(len(body) for body in receiver.bodies()) == 5)
    words = [event["type"] for body in receiver.bodies() for event in body]
    assert [word.split(".", 1)[1] for word in words] == [
        "invoice.created.v1",
        "invoice.updated.v1",
        "invoice.emailed.v1",
        "invoice.deleted.v1",
        "customer.updated.v1",
    ]


def test_what_is_refused_comes_again_and_holds_up_the_rest(twin: Client, receiver: Receiver) -> None:
    receiver.status = 500
    twin.create(invoice())
    until(lambda: receiver.heard)
    twin.create(invoice())
    time.sleep(0.4)
    assert len(receiver.heard) == 1, "the second waits behind the first"
    receiver.status = 200
    twin.control("PATCH", "clock", {"advance_seconds": 11})
    until(lambda: states(twin) == ["acknowledged", "acknowledged"])
    twin.control("PATCH", "clock", {"now": None})
    assert receiver.bodies()[0] == receiver.bodies()[1], "the same events under the same ids"


def test_repeated_shuffled_and_lost_on_demand(twin: Client, receiver: Receiver) -> None:
    twin.settings(hook_repeat=1, hook_shuffle=True)
    together(twin, lambda: [twin.create(invoice()) for _ in range(3)])
    until(lambda: len(receiver.heard) == 2)
    first, second = receiver.bodies()
    assert first == second
    assert [event["intuitentityid"] for event in first] == ["3", "2", "1"]
    twin.settings(hook_repeat=0, hook_shuffle=False, hook_lose_next=1)
    twin.create(invoice())
    until(lambda: states(twin)[-1] == "lost")
    assert len(receiver.heard) == 2


def test_a_good_answer_may_not_arrive(twin: Client, receiver: Receiver) -> None:
    twin.settings(hook_deaf_next=1)
    twin.create(invoice())
    until(lambda: receiver.heard)
    twin.control("PATCH", "clock", {"advance_seconds": 11})
    until(lambda: states(twin) == ["acknowledged"])
    twin.control("PATCH", "clock", {"now": None})
    assert len(receiver.heard) == 2
