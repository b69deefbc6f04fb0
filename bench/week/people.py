"""The people of the week: a sales rep, a bookkeeper, the warehouse's foreman, and an operator of the gateway."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import httpx

from bench.week.evidence import Json
from bench.week.plan import PlannedLine, PlannedOrder

REALM = "9130357849016486"
CLIENT = ("twin-client", "twin-secret")


class Stand:
    """A stand-in as somebody works at it: its control plane over HTTP."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.http = httpx.Client(base_url=url, trust_env=False, timeout=120)

    def close(self) -> None:
        """Let the connections go."""
        self.http.close()

    def get(self, path: str, **params: str) -> Any:
        """What the control plane shows."""
        return _answer(self.http.get(f"/__twin__/{path}", params=params))

    def post(self, path: str, body: object) -> Any:
        """Tell the control plane something."""
        return _answer(self.http.post(f"/__twin__/{path}", json=body))

    def set(self, **settings: object) -> None:
        """Turn switches."""
        _answer(self.http.patch("/__twin__/settings", json=settings))

    def fault(self, kind: str, **rule: object) -> None:
        """Something goes wrong there."""
        self.post("faults", {"kind": kind, **rule})

    def heal(self) -> None:
        """Nothing goes wrong any more."""
        _answer(self.http.delete("/__twin__/faults"))


class Rep(Stand):
    """Places orders in Salesforce as a sales rep does, and changes her mind."""

    def draft(self, order: PlannedOrder) -> str:
        """An order with its lines, not yet activated; answers its id."""
        lines = [
            {
                "sku": one.sku,
                "quantity": str(one.quantity),
                "unit_price": str(one.unit_price),
                "line": None,
                "uom": None,
            }
            for one in order.lines
        ]
        body = {
            "customer_erp_no": order.customer,
            "ordered_on": date.today().isoformat(),  # noqa: DTZ011 - the rep's own calendar
            "po_no": order.purchase_order,
            "lines": lines,
            "activate": False,
        }
        return str(self.post("orders", body)["id"])

    def activate(self, record: str) -> None:
        """It is an order now."""
        self._edit("Order", record, Status="Activated")

    def more_of_first_line(self, record: str, quantity: Decimal) -> None:
        """The customer wants more of the first line."""
        lines = [one for one in self.get("records/OrderItem")["records"] if one["OrderId"] == record]
        first = min(lines, key=lambda one: (one["ERP_Line_No__c"] or 0, one["Id"]))
        self._edit("OrderItem", first["Id"], Quantity=str(Decimal(str(first["Quantity"])) + quantity))

    def add_line(self, record: str, line: PlannedLine) -> None:
        """The customer wants something else besides: the order is a draft for a moment."""
        product = self._one("Product2", "ERP_SKU__c", line.sku)
        entry = next(one for one in self.get("records/PricebookEntry")["records"] if one["Product2Id"] == product["Id"])
        self._edit("Order", record, Status="Draft")
        fields = {
            "OrderId": record,
            "PricebookEntryId": entry["Id"],
            "Quantity": str(line.quantity),
            "UnitPrice": str(line.unit_price),
        }
        self.post("records/OrderItem", {"fields": fields})
        self.activate(record)

    def orders(self) -> list[Json]:
        """All orders, the quick way."""
        names = "Id,PoNumber,ERP_Order_Id__c,Gateway_Status__c"
        found = self.get("records/Order", fields=names)
        return [dict(zip(found["fields"], row, strict=True)) for row in found["rows"]]

    def _one(self, name: str, field: str, value: str) -> Json:
        return next(one for one in self.get(f"records/{name}")["records"] if one[field] == value)

    def _edit(self, name: str, record: str, **fields: object) -> None:
        self.post(f"records/{name}", {"match": {"Id": record}, "fields": fields})


class Bookkeeper(Stand):
    """Books payments in QuickBooks as a user there does, with an access of her own."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self._token = ""

    def ledger(self) -> Json:
        """The books."""
        return dict(self.get("ledger"))

    def pay(self, invoice: Json, share: Decimal, credits: list[Json]) -> None:
        """A customer pays (a part of) an invoice; what is left of credit memos is used for it."""
        amount = (Decimal(invoice["balance"]) * share).quantize(Decimal("0.01"), rounding=ROUND_HALF_UP)
        if not amount:
            return
        lines = [_applied(invoice["id"], "Invoice", amount)]
        left = amount
        for credit in credits:
            part = min(left, Decimal(credit["balance"]))
            if part > 0:
                lines.append(_applied(credit["id"], "CreditMemo", part))
                left -= part
        body = {"CustomerRef": {"value": invoice["customer_id"]}, "TotalAmt": str(left), "Line": lines}
        answer = self._book(body) if self._token else None
        if answer is None or answer.status_code == 401:
            self._sign_in()
            answer = self._book(body)
        _answer(answer)

    def _book(self, body: Json) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self._token}", "Accept": "application/json"}
        return self.http.post(f"/v3/company/{REALM}/payment", json=body, headers=headers)

    def _sign_in(self) -> None:
        settings = self.get("settings")
        form = {"grant_type": "authorization_code", "code": settings["authorization_code"], "redirect_uri": ""}
        answer = self.http.post("/oauth2/v1/tokens/bearer", data=form, auth=CLIENT)
        self._token = str(_answer(answer)["access_token"])


class Foreman(Stand):
    """Makes the warehouse do what the week's plan says."""

    def plan(self, purchase_order: str, way: str) -> None:
        """Something is to happen to an order that is still to come."""
        self.post("warehouse/plan", {"order_no": purchase_order, "ways": [way]})

    def truth(self) -> Json:
        """Everything that the warehouse knows."""
        return dict(self.get("warehouse"))

    def try_to(self, path: str, **body: object) -> bool:
        """Ask for something that may not be possible any more; whether it was."""
        answer = self.http.post(f"/__twin__/warehouse/{path}", json=body)
        if answer.status_code == 409:
            return False
        _answer(answer)
        return True


class Operator:
    """Decides through the API what the gateway puts before a person; by the rules below, and by nothing else."""

    WAITS: Mapping[str, str] = {  # what goes away by itself, and what is chosen when it has not after the patience
        "order_cancel_refused": "handled",
        "order_changed_after_shipment": "handled",
        "order_not_acknowledged": "retry",
        "stock_oversold": "backorder",
        "stock_negative": "handled",
        "stock_swing": "confirm_stock",
        "connection_refused": "retry",
        "invoice_uncertain": "retry",
        "invoice_rejected": "retry",
        "credit_uncertain": "retry",
        "publication_rejected": "retry",
        "stock_rows_refused": "retry",
        "stock_feed_late": "handled",
        "order_number_refused": "handled",
        "file_failed": "retry",
    }
    AT_ONCE: Mapping[str, str] = {"over_shipment": "bill_all", "price_differs": "bill_order_price"}
    CORRECTIONS = ("post_credit", "void_invoice", "post_supplement")
    PATIENCE = 6  # looks

    def __init__(self, url: str, key: str) -> None:
        self.http = httpx.Client(base_url=url, headers={"X-API-Key": key}, trust_env=False, timeout=60)
        self.seen: dict[str, int] = {}
        self.decided: dict[str, int] = {}
        self._hands = ThreadPoolExecutor(4)
        self._looking: Future[None] | None = None

    def close(self) -> None:
        """Let the connections go."""
        self._hands.shutdown(cancel_futures=True)
        self.http.close()

    def keep_looking(self) -> None:
        """Look again once the look before is over: a gateway that takes its time holds up nobody else."""
        if self._looking is None or self._looking.done():
            if self._looking is not None:
                self._looking.result()
            self._looking = self._hands.submit(self.look)

    def begin(self, order_no: str, act: str, reason: str) -> Future[bool]:
        """Begin to decide about an order."""
        return self._hands.submit(self.act, order_no, act, reason)

    def look(self) -> None:
        """Decide what is open; what could go away by itself gets its time."""
        for one in self.http.get("/exceptions", params={"state": "open", "limit": 200}).json()["items"]:
            self.seen[one["id"]] = self.seen.get(one["id"], 0) + 1
            choice = self._choice(one)
            if choice and choice in one["choices"]:
                body = {"choice": choice, "reason": "by the rules of the week"}
                answer = self.http.post(f"/exceptions/{one['id']}/resolve", json=body)
                if answer.is_success:
                    word = f"{one['cause']}: {choice}"
                    self.decided[word] = self.decided.get(word, 0) + 1

    def act(self, order_no: str, act: str, reason: str) -> bool:
        """A decision about an order; False where its state does not allow it any more."""
        body = {"act": act, "reason": reason}
        answer = self.http.post(f"/orders/{order_no}/acts", json=body, headers={"Idempotency-Key": f"{act} {order_no}"})
        return answer.is_success

    def _choice(self, one: Json) -> str:
        cause = str(one["cause"])
        if cause in self.AT_ONCE:
            return self.AT_ONCE[cause]
        corrections = [choice for choice in self.CORRECTIONS if choice in one["choices"]]
        if corrections:
            return corrections[0]
        if cause == "order_needs_decision":  # a hold ends by itself, a rejection does not
            return "cancel_order" if "Rejected" in one["sentence"] else ""
        return self.WAITS.get(cause, "") if self.seen[one["id"]] > self.PATIENCE else ""


def _applied(record: str, kind: str, amount: Decimal) -> Json:
    return {"Amount": str(amount), "LinkedTxn": [{"TxnId": record, "TxnType": kind}]}


def _answer(response: httpx.Response) -> Any:
    if response.is_error:
        request = response.request
        raise RuntimeError(f"{request.method} {request.url}: {response.status_code} {response.text[:500]}")
    return response.json() if response.content else {}
