"""The QuickBooks twin over real HTTP, with its control plane."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import uvicorn

from tests.build import REALM
from twins.quickbooks.app import create_app
from twins.web import TwinApp


class Books:
    """The QuickBooks twin, seen by its control plane: its ledger, its journal, and what can go wrong there."""

    def __init__(self, app: TwinApp, root: str, control: httpx.Client) -> None:
        self.app, self.root, self._control = app, root, control

    def ledger(self) -> list[dict[str, Any]]:
        """Every invoice that stands: neither deleted nor voided."""
        found: list[dict[str, Any]] = self._call("GET", "ledger")["invoices"]
        return [one for one in found if not one["deleted"] and not one["voided"]]

    def billing(self, number: str) -> list[dict[str, Any]]:
        """The standing invoices that carry our marker for a shipment."""
        return [one for one in self.ledger() if f"threeway:{number}:" in (one["private_note"] or "")]

    def credits(self, number: str) -> list[dict[str, Any]]:
        """The standing credit memos that carry our marker for a shipment."""
        found = self._call("GET", "ledger")["credit_memos"]
        ours = [one for one in found if f"threeway:{number}:C" in (one["private_note"] or "")]
        return [one for one in ours if not one["deleted"]]

    def every(self, number: str) -> list[dict[str, Any]]:
        """Every invoice that carries our marker for a shipment, also what was voided or deleted."""
        found: list[dict[str, Any]] = self._call("GET", "ledger")["invoices"]
        return [one for one in found if f"threeway:{number}:" in (one["private_note"] or "")]

    def credit_by_hand(self, token: str, customer_id: str, item_id: str, amount: str, **more: object) -> str:
        """Somebody writes a credit memo in QuickBooks; answers its id."""
        line = {
            "DetailType": "SalesItemLineDetail",
            "Amount": amount,
            "SalesItemLineDetail": {"ItemRef": {"value": item_id}, "Qty": "1", "UnitPrice": amount},
        }
        body = {"CustomerRef": {"value": customer_id}, "Line": [line], **more}
        headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
        answer = self._control.post(f"/v3/company/{REALM}/creditmemo", json=body, headers=headers)
        answer.raise_for_status()
        return str(answer.json()["CreditMemo"]["Id"])

    def pay(self, token: str, customer_id: str, invoice_id: str, amount: str) -> str:
        """A customer pays (a part of) an invoice; answers the payment's id."""
        line = {"Amount": amount, "LinkedTxn": [{"TxnId": invoice_id, "TxnType": "Invoice"}]}
        body = {"CustomerRef": {"value": customer_id}, "TotalAmt": amount, "Line": [line]}
        headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
        answer = self._control.post(f"/v3/company/{REALM}/payment", json=body, headers=headers)
        answer.raise_for_status()
        return str(answer.json()["Payment"]["Id"])

    def send(self, token: str, invoice_id: str) -> None:
        """Somebody mails an invoice to the customer."""
        headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
        address = f"/v3/company/{REALM}/invoice/{invoice_id}/send"
        self._control.post(address, params={"sendTo": "a@b.example"}, headers=headers).raise_for_status()

    def place(self) -> int:
        """The number of the journal's newest entry."""
        return max((one["n"] for one in self._call("GET", "journal")["requests"]), default=0)

    def journal(self, after: int) -> list[dict[str, Any]]:
        """The requests on the company since a place, oldest first."""
        requests = self._call("GET", "journal", params={"after": after})["requests"]
        return [one for one in requests if "/company/" in one["path"]]

    def words(self, after: int) -> list[str]:
        """The same in short: `invoice`, `batch`, `query`."""
        return [one["path"].rsplit("/", 1)[1] for one in self.journal(after)]

    def fault(self, kind: str, **rule: object) -> None:
        self._call("POST", "faults", json={"kind": kind, "method": "POST", **rule})

    def set(self, **values: object) -> None:
        self._call("PATCH", "settings", json=values)

    def clear_faults(self) -> None:
        self._call("DELETE", "faults")

    def calm(self) -> None:
        """No faults, and the settings of a company that keeps our numbers."""
        self.clear_faults()
        self.set(
            custom_txn_numbers=True,
            warn_duplicate_numbers=True,
            supplied_number="override",
            using_sales_tax=False,
            book_close_on="",
        )

    def edit(self, entity: str, external_id: str, operation: str = "update", **changes: object) -> None:
        """A QuickBooks user changes something."""
        body = {"entity": entity, "id": external_id, "operation": operation, "changes": changes}
        self._call("POST", "edit", json=body)

    def forget_requests(self) -> None:
        """Drop every stored answer, as a request id that is older than QuickBooks remembers."""
        self.app.database.execute("DELETE FROM replay")

    def invoice_by_hand(self, token: str, customer_id: str, item_id: str, amount: str, **more: object) -> str:
        """Somebody writes an invoice in QuickBooks; answers its id."""
        line = {
            "DetailType": "SalesItemLineDetail",
            "Amount": amount,
            "SalesItemLineDetail": {"ItemRef": {"value": item_id}, "Qty": "1", "UnitPrice": amount},
        }
        body = {"CustomerRef": {"value": customer_id}, "Line": [line], **more}
        headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
        answer = self._control.post(f"/v3/company/{REALM}/invoice", json=body, headers=headers)
        answer.raise_for_status()
        return str(answer.json()["Invoice"]["Id"])

    def _call(self, method: str, what: str, **more: Any) -> Any:
        answer = self._control.request(method, f"/__twin__/{what}", **more)
        answer.raise_for_status()
        return answer.json()


@contextmanager
def running_books() -> Iterator[Books]:
    """A twin of its own on a free port, for as long as the body runs."""
    app = create_app(":memory:")
    server = uvicorn.Server(
        uvicorn.Config(
            app, port=0, log_level="critical", lifespan="on", timeout_keep_alive=120, timeout_graceful_shutdown=1
        )
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        threading.Event().wait(0.02)
    root = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    with httpx.Client(base_url=root, timeout=30) as control:
        yield Books(app, root, control)
    server.should_exit = True
    thread.join(10)
