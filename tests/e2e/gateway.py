"""A running gateway as its users see it: its API, its watched folder, and the three systems around it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

import httpx

from tests.e2e.twin_clients import ErpTwin, Json, QuickBooksTwin, SalesforceTwin
from tests.e2e.waiting import wait_until

ENDED = frozenset({"applied", "refused"})


class Gateway:
    """One gateway over HTTP, with the control planes of its twins."""

    def __init__(self, api_url: str, admin_key: str, twins: dict[str, str]) -> None:
        self.url, self.admin_key = api_url, admin_key
        headers = {"X-API-Key": admin_key}
        self.http = httpx.Client(base_url=api_url, headers=headers, trust_env=False, timeout=30)
        self.quickbooks = QuickBooksTwin(twins["quickbooks"])
        self.salesforce = SalesforceTwin(twins["salesforce"])
        self.erp = ErpTwin(twins["erp"])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()
        for twin in (self.quickbooks, self.salesforce, self.erp):
            twin.close()

    def get(self, path: str, **params: str | int) -> Any:
        """A document of the API."""
        return _answer(self.http.get(path, params=params))

    def items(self, path: str, **params: str | int) -> list[Json]:
        """All items of a list, page after page."""
        found: list[Json] = []
        cursor: str | None = None
        while True:
            page = self.get(path, limit=200, **params, **({"cursor": cursor} if cursor else {}))
            found += page["items"]
            cursor = page.get("next")
            if not cursor:
                return found

    def post(self, path: str, body: object) -> Any:
        """Ask for work."""
        return _answer(self.http.post(path, json=body))

    def post_file(self, filename: str, content: bytes, layout: str | None = None) -> httpx.Response:
        """Hand in a file; the answer as it is."""
        params = {"layout": layout} if layout else {}
        return self.http.post("/erp/files", content=content, params=params, headers={"X-Filename": filename})

    def hand_in(self, filename: str, content: bytes) -> str:
        """Hand in a file that is new; its id."""
        answer = self.post_file(filename, content)
        assert answer.status_code == 202, answer.text
        return str(answer.json()["file_id"])

    def hand_in_and_wait(self, filename: str, content: bytes, seconds: float = 45) -> Json:
        """Hand in a file that is new and wait until it is dealt with; how it ended."""
        return self.file_ended(self.hand_in(filename, content), seconds)

    def file_ended(self, file_id: str, seconds: float = 45) -> Json:
        """Wait until a file is applied or refused; how it ended."""
        what = f"file {file_id} is applied or refused"
        return wait_until(
            what, lambda: self.get(f"/erp/files/{file_id}"), lambda file: file["state"] in ENDED, seconds=seconds
        )

    def file_named(self, filename: str) -> Json | None:
        """The newest file of this name, None when none has come."""
        return next((file for file in self.items("/erp/files") if file["filename"] == filename), None)

    def run(self, path: str, body: object) -> Json:
        """Start work that has a flow of its own, and wait for its result."""
        started = self.post(path, body)
        what = f"{started['workflow_id']} is completed"
        flow = wait_until(what, lambda: self.get(started["status_url"]), lambda one: one["status"] != "running")
        assert flow["status"] == "completed", flow
        return dict(flow["result"])

    def pull_orders(self) -> Json:
        """Look at Salesforce's orders now."""
        return self.run("/orders/pull", {})

    def pull_masters(self) -> Json:
        """Look at both systems' masters now."""
        return self.run("/masters/pull", {})

    def match_links(self) -> None:
        """Pair customers, items and terms with QuickBooks and Salesforce where a strong key says so."""
        self.run("/links/match", {"accept_exact": True})

    def know(self, world: Json, masters: Iterable[tuple[str, bytes]]) -> None:
        """Bring a world into the twins and everything that billing needs of it into the gateway."""
        for twin in (self.quickbooks, self.salesforce):
            twin.seed(world)
        for filename, content in masters:
            file = self.hand_in_and_wait(filename, content)
            assert file["state"] == "applied", file
        self.pull_orders()
        self.match_links()

    def shipments(self, file_id: str) -> dict[str, Json]:
        """The shipments that a file stated last, by number."""
        return {one["number"]: one for one in self.items("/shipments", file_id=file_id)}

    def exceptions(self, state: str = "open") -> list[Json]:
        """The exceptions of one state."""
        return self.items("/exceptions", state=state)

    def exception_of(self, record_key: str, state: str = "open") -> Json:
        """The one exception of a record in this state."""
        found = [one for one in self.exceptions(state) if one["record_key"] == record_key]
        assert len(found) == 1, f"{record_key} has {len(found)} exceptions that are {state}: {found}"
        return found[0]

    def resolve(self, exception: Json, choice: str, value: str | None = None) -> Json:
        """Decide an exception as an operator."""
        decision = {"choice": choice, "value": value, "reason": "decided in a test"}
        return dict(self.post(f"/exceptions/{exception['id']}/resolve", decision))

    def trace(self, key: str) -> Json:
        """Everything that is known of a key."""
        return dict(self.get(f"/trace/{quote(key)}"))


def read_files(folder: Path, *names: str) -> list[tuple[str, bytes]]:
    """Files with their names, ready to be handed in."""
    return [(name, (folder / name).read_bytes()) for name in names]


def _answer(response: httpx.Response) -> Any:
    if response.is_error:
        raise AssertionError(
            f"{response.request.method} {response.request.url}: {response.status_code} {response.text}"
        )
    return response.json() if response.content else {}
