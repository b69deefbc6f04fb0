"""The control planes of the three twins as the tests use them: seeds, faults, and what really happened there."""

from __future__ import annotations

from typing import Any

import httpx

Json = dict[str, Any]

CREATES = r"/invoice$"  # QuickBooks: one invoice a call
BATCHES = r"/batch$"  # QuickBooks: up to thirty invoices a call
ANY_CREATE = r"/(invoice|batch)$"


class Twin:
    """What every twin has. Calls go to the loopback interface only."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._client = httpx.Client(base_url=f"{url}/__twin__", trust_env=False, timeout=60)

    def close(self) -> None:
        """Let the connections go."""
        self._client.close()

    def get(self, path: str, **params: str | int) -> Any:
        """What the control plane shows."""
        return _answer(self._client.get(path, params=params))

    def post(self, path: str, body: object) -> Any:
        """Tell the control plane something."""
        return _answer(self._client.post(path, json=body))

    def patch(self, path: str, body: object) -> Any:
        """Change something of the control plane, such as settings."""
        return _answer(self._client.patch(path, json=body))

    def seed(self, world: Json) -> Json:
        """Make the records of a world; a second time changes nothing."""
        return dict(self.post("/seed", world))

    def fault(self, kind: str, **rule: object) -> None:
        """From now on something goes wrong there."""
        self.post("/faults", {"kind": kind, **rule})

    def heal(self) -> None:
        """Nothing goes wrong any more."""
        _answer(self._client.delete("/faults"))

    def faults(self) -> list[Json]:
        """The rules, each with how many requests it has `matched`."""
        return list(self.get("/faults")["faults"])

    def requests(self, after: int = 0) -> list[Json]:
        """What was asked on the vendor's side, oldest first."""
        return list(self.get("/journal", after=after)["requests"])

    def last_request(self) -> int:
        """The number of the newest request, for `requests(after=...)`."""
        found = self.requests()
        return int(found[-1]["n"]) if found else 0


class QuickBooksTwin(Twin):
    """The books: the ledger is the oracle of every test."""

    def ledger(self) -> list[Json]:
        """Every invoice in the books, deleted ones marked."""
        return list(self.get("/ledger")["invoices"])


class SalesforceTwin(Twin):
    """The org: rows as they are, without the API's road."""

    def records(self, name: str) -> list[Json]:
        """All live rows of an object."""
        return list(self.get(f"/records/{name}")["records"])

    def place_order(self, order: Json) -> Json:
        """Create an order as a sales rep does, activated."""
        return dict(self.post("/orders", order))


class ErpTwin(Twin):
    """The warehouse: makes worlds, writes exports and tells the truth about each."""

    def make_world(self, **wanted: object) -> Json:
        """A world of its own numbers, from a seed."""
        return dict(self.post("/world", wanted))

    def export(self, name: str, **wanted: object) -> tuple[str, bytes]:
        """Write an export; its name and its bytes."""
        response = self._client.post(f"/exports/{name}", json=wanted)
        response.raise_for_status()
        return response.headers["X-Filename"], response.content

    def take_orders(self, content: bytes) -> Json:
        """Hand an order file in; the orders of it by action."""
        return dict(_answer(self._client.post("/imports", content=content)))

    def truth(self, filename: str) -> Json:
        """What the export says, told by who wrote it."""
        return dict(self.get(f"/truth/{filename}"))

    def drop_into(self, folder: str, *, half_written: bool, grow_seconds: int) -> None:
        """Where `drop=True` puts exports, and whether they grow there under the reader's eyes."""
        wanted = {"drop_folder": folder, "half_written": half_written, "grow_seconds": grow_seconds}
        _answer(self._client.patch("/settings", json=wanted))


def _answer(response: httpx.Response) -> Any:
    if response.is_error:
        raise AssertionError(
            f"{response.request.method} {response.request.url}: {response.status_code} {response.text}"
        )
    return response.json() if response.content else {}
