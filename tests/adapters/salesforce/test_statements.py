"""Stating things in the twin over real HTTP: nothing is created by mistake or said twice, and all of it is exact."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from adapters.salesforce.gateway import SalesforceGateway
from adapters.salesforce.statements import MISSING_ACCOUNT, MISSING_LINE, MISSING_ORDER
from domain import errors
from domain.links import LinkKind
from domain.publication import (
    AccountStatement,
    InvoiceStatement,
    OrderEvent,
    OrderLineStatement,
    OrderPart,
    OrderStatement,
    OrderUnit,
    StatementOutcome,
)
from tests.adapters.salesforce.harness import MemoryVault, Twin, gateway_to
from tests.adapters.salesforce.world import SKUS, order, world

AT = datetime(2026, 11, 25, 18, 0, 7, tzinfo=UTC)
ODD = ("SO#1", "SO/2", "A+B", "Jürgen Ö", "it's", "50%")


@pytest.fixture
def gateway(twin: Twin, vault: MemoryVault) -> Iterator[SalesforceGateway]:
    twin.control("POST", "/seed", world([order(number) for number in ("SO1", "SO2", "SO3", *ODD)]))
    gateway = gateway_to(twin.url, vault)
    yield gateway
    gateway.close()


def stated(number: str, status: str = "Shipped", amount: str | None = None) -> OrderStatement:
    return OrderStatement(
        order_number=number,
        status=status,
        message="4 of 4 shipped",
        invoiced_amount=Decimal(amount) if amount is not None else None,
    )


def invoice(key: str, number: str | None, total: str = "1234567.05") -> InvoiceStatement:
    return InvoiceStatement(
        invoice_key=key,
        order_number=number,
        doc_number="INV-7",
        status="Drafted",
        total=Decimal(total),
        balance=Decimal("0.10"),
        invoiced_on=date(2026, 11, 25),
        quickbooks_id="145",
    )


def event(key: str, number: str) -> OrderEvent:
    return OrderEvent(
        event_key=key, order_number=number, type="Shipped", occurred_at=AT, source="erp", note="all of it"
    )


def line(line_no: int, external_id: str | None, shipped: str | None = "4") -> OrderLineStatement:
    amount = None if shipped is None else Decimal(shipped)
    return OrderLineStatement(
        line_no=line_no, external_id=external_id, shipped=amount, backordered=Decimal(0), invoiced=Decimal("2.5")
    )


def unit(*parts: OrderPart, number: str = "SO1") -> OrderUnit:
    return OrderUnit(order_number=number, parts=parts)


def publish(
    gateway: SalesforceGateway, *parts: OrderStatement | InvoiceStatement | OrderEvent
) -> list[StatementOutcome]:
    """Say each of these as the only news of its order."""
    answered = gateway.publish_orders([unit(part, number=part.order_number or "") for part in parts])
    return [outcome for (outcome,) in answered]


def rows(gateway: SalesforceGateway, soql: str) -> list[Any]:
    return list(gateway._client.rows(soql))


def test_orders_are_stated_in_the_order_given(gateway: SalesforceGateway) -> None:
    outcomes = publish(
        gateway, stated("SO3", amount="0.10"), stated("SO1", "Credit Hold"), stated("SO3", amount="807.55")
    )
    assert [(outcome.key, outcome.accepted, outcome.created) for outcome in outcomes] == [
        ("SO3", True, False),
        ("SO1", True, False),
        ("SO3", True, False),
    ]
    fields = "ERP_Order_Id__c, Gateway_Status__c, Gateway_Message__c, Invoiced_Amount__c"
    found = rows(gateway, f"SELECT {fields} FROM Order WHERE Gateway_Status__c != null ORDER BY ERP_Order_Id__c")
    assert [(row["ERP_Order_Id__c"], row["Gateway_Status__c"], row["Invoiced_Amount__c"]) for row in found] == [
        ("SO1", "Credit Hold", None),
        ("SO3", "Shipped", Decimal("807.55")),
    ]
    assert isinstance(found[1]["Invoiced_Amount__c"], Decimal)


def test_an_unknown_order_is_not_created(gateway: SalesforceGateway) -> None:
    before = len(rows(gateway, "SELECT Id FROM Order"))
    good, bad, blank = publish(gateway, stated("SO1"), stated("SO999"), stated(""))
    assert good.accepted
    assert (bad.accepted, bad.reason, bad.retryable) == (False, MISSING_ORDER, False)
    assert blank.reason == MISSING_ORDER
    assert len(rows(gateway, "SELECT Id FROM Order")) == before


def test_a_status_that_the_org_does_not_know_is_refused_for_its_row_only(gateway: SalesforceGateway) -> None:
    good, bad = publish(gateway, stated("SO1"), stated("SO2", "On the moon"))
    assert good.accepted
    assert (bad.accepted, bad.reason) == (False, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST")
    assert not bad.retryable


def test_a_long_message_is_cut_to_the_field(gateway: SalesforceGateway) -> None:
    statement = OrderStatement(order_number="SO1", status="Shipped", message="ä" * 700)
    (outcome,) = publish(gateway, statement)
    assert outcome.accepted
    (row,) = rows(gateway, "SELECT Gateway_Message__c FROM Order WHERE ERP_Order_Id__c = 'SO1'")
    assert len(row["Gateway_Message__c"]) == 255
    assert row["Gateway_Message__c"].endswith("…")


def item_ids(gateway: SalesforceGateway, number: str) -> list[str]:
    soql = f"SELECT Id FROM OrderItem WHERE Order.ERP_Order_Id__c = '{number}' ORDER BY ERP_Line_No__c"
    return [str(row["Id"]) for row in rows(gateway, soql)]


def test_an_activated_order_shows_how_far_its_lines_are(gateway: SalesforceGateway, twin: Twin) -> None:
    """Cases O1, O2. Nothing that the order was priced by is touched: that would be refused."""
    twin.control("PATCH", "/settings", {"enhanced_commerce_orders": True})
    (item_id,) = item_ids(gateway, "SO1")
    whole = stated("SO1", "Partially Invoiced").model_copy(update={"open_amount": Decimal("807.55")})
    (outcomes,) = gateway.publish_orders([unit(whole, line(1, item_id, "3.25"), event("e1", "SO1"))])
    assert [(outcome.key, outcome.accepted) for outcome in outcomes] == [("SO1", True), ("SO1/1", True), ("e1", True)]
    fields = "Qty_Shipped__c, Qty_Backordered__c, Qty_Invoiced__c, Quantity, UnitPrice, Order.Open_Amount__c"
    (row,) = rows(gateway, f"SELECT {fields} FROM OrderItem WHERE Id = '{item_id}'")
    shown = [row[name] for name in ("Qty_Shipped__c", "Qty_Backordered__c", "Qty_Invoiced__c")]
    assert shown == [Decimal("3.25"), Decimal(0), Decimal("2.5")]
    assert (row["Quantity"], row["UnitPrice"]) == (Decimal(4), Decimal("47.7119"))
    assert row["Order"]["Open_Amount__c"] == Decimal("807.55")
    gateway.publish_orders([unit(line(1, item_id, None))])
    (row,) = rows(gateway, f"SELECT {fields} FROM OrderItem WHERE Id = '{item_id}'")
    assert row["Qty_Shipped__c"] == Decimal("3.25"), "what is not known stays"


def test_without_the_permission_the_order_alone_is_refused(gateway: SalesforceGateway, twin: Twin) -> None:
    twin.control("PATCH", "/settings", {"edit_activated_orders": False})
    (item_id,) = item_ids(gateway, "SO1")
    (outcomes,) = gateway.publish_orders([unit(stated("SO1"), line(1, item_id), invoice("k", "SO1"))])
    assert [outcome.reason for outcome in outcomes] == ["INSUFFICIENT_ACCESS_OR_READONLY"] * 2 + [None]
    assert not any(outcome.retryable for outcome in outcomes)


def test_a_line_that_was_deleted_is_an_outcome(gateway: SalesforceGateway, twin: Twin) -> None:
    draft = twin.control("POST", "/orders", {**order("SO9"), "activate": False})
    (item_id,) = draft["items"]
    twin.control("DELETE", f"/records/OrderItem/{item_id}")
    (outcomes,) = gateway.publish_orders([unit(stated("SO9"), line(1, item_id), number="SO9")])
    assert [outcome.reason for outcome in outcomes] == [None, MISSING_LINE]


def test_an_order_that_was_deleted_is_missing(gateway: SalesforceGateway, twin: Twin) -> None:
    draft = twin.control("POST", "/orders", {**order("SO9"), "activate": False})
    twin.control("DELETE", f"/records/Order/{draft['id']}")
    (outcomes,) = gateway.publish_orders([unit(stated("SO9"), line(1, draft["items"][0]), number="SO9")])
    assert [outcome.reason for outcome in outcomes] == [MISSING_ORDER, MISSING_LINE]


def test_balances_and_holds_are_stated_of_customers_that_exist(gateway: SalesforceGateway) -> None:
    """Case O17."""
    before = len(rows(gateway, "SELECT Id FROM Account"))
    known, other = "00040017", "00040030"
    said = [
        AccountStatement(customer_number=known, open_balance=Decimal("0.30"), credit_hold=True),
        AccountStatement(customer_number="00099999", open_balance=Decimal(1), credit_hold=False),
        AccountStatement(customer_number=other, open_balance=Decimal("12.05")),
        AccountStatement(customer_number=known, open_balance=Decimal("0.40")),
    ]
    outcomes = gateway.publish_accounts(said)
    assert [outcome.reason for outcome in outcomes] == [None, MISSING_ACCOUNT, None, None]
    gateway.publish_accounts([AccountStatement(customer_number=other, credit_hold=True)])
    found = rows(gateway, "SELECT ERP_Id__c, Open_Balance__c, Credit_Hold__c FROM Account ORDER BY ERP_Id__c")
    assert [(row["Open_Balance__c"], row["Credit_Hold__c"]) for row in found] == [
        (Decimal("0.40"), False),
        (Decimal("12.05"), True),
    ]
    assert len(found) == before


@pytest.mark.parametrize("kind", ["item_lock", "lock_row", "trigger_failure"])
def test_one_troubled_order_among_thirty(gateway: SalesforceGateway, twin: Twin, kind: str) -> None:
    """The others are written by the first call, whatever befalls it; a lock that goes away is no refusal."""
    numbers = [f"SO2{number:02d}" for number in range(30)]
    twin.control("POST", "/seed", world([order(number) for number in numbers]))
    lasting = kind == "trigger_failure"
    twin.fault(kind, contains="SO217?updateOnly" if lasting else "SO217", times=0 if lasting else 2)
    (*outcomes,) = gateway.publish_orders([unit(stated(one), event(one, one), number=one) for one in numbers])
    refused = [outcome.key for both in outcomes for outcome in both if not outcome.accepted]
    assert refused == (["SO217"] if lasting else [])
    assert len(twin.calls("POST", "composite/graph")) <= 3


def test_an_invoice_is_stated_once_and_exactly(gateway: SalesforceGateway) -> None:
    (first,) = publish(gateway, invoice("5000101/1", "SO1"))
    (second,) = publish(gateway, invoice("5000101/1", "SO1", total="0.30"))
    assert (first.accepted, first.created, second.accepted, second.created) == (True, True, True, False)
    assert first.external_id == second.external_id
    fields = "Invoice_Key__c, Total__c, Balance__c, Invoiced_On__c, Status__c, Order__r.ERP_Order_Id__c"
    (row,) = rows(gateway, f"SELECT {fields} FROM Invoice__c")
    assert (row["Total__c"], row["Balance__c"]) == (Decimal("0.30"), Decimal("0.10"))
    assert (row["Invoiced_On__c"], row["Order__r"]["ERP_Order_Id__c"]) == ("2026-11-25", "SO1")


def test_keys_of_any_kind_stay_whole(gateway: SalesforceGateway) -> None:
    outcomes = publish(gateway, *(invoice(f"key {number}", number) for number in ODD))
    assert all(outcome.accepted for outcome in outcomes), outcomes
    found = rows(gateway, "SELECT Invoice_Key__c, Order__r.ERP_Order_Id__c FROM Invoice__c")
    assert {row["Invoice_Key__c"]: row["Order__r"]["ERP_Order_Id__c"] for row in found} == {
        f"key {number}": number for number in ODD
    }
    assert all(outcome.accepted for outcome in publish(gateway, *map(stated, ODD)))


def test_an_invoice_or_event_of_an_unknown_order_fails_alone(gateway: SalesforceGateway) -> None:
    good, bad, loose = publish(gateway, invoice("a", "SO1"), invoice("b", "SO999"), invoice("c", None))
    assert (good.accepted, loose.accepted) == (True, True)
    assert (bad.accepted, bad.reason, bad.retryable) == (False, MISSING_ORDER, False)
    good_event, bad_event = publish(gateway, event("e1", "SO1"), event("e2", "SO999"))
    assert good_event.accepted
    assert bad_event.reason == MISSING_ORDER


def test_events_are_appended_once(gateway: SalesforceGateway) -> None:
    for created in (True, False):
        outcomes = publish(gateway, event("SO1:1", "SO1"), event("SO2:1", "SO2"))
        assert [outcome.created for outcome in outcomes] == [created, created]
    found = rows(gateway, "SELECT Event_Key__c, Occurred_At__c FROM Order_Event__c ORDER BY Event_Key__c")
    assert [row["Event_Key__c"] for row in found] == ["SO1:1", "SO2:1"]
    assert found[0]["Occurred_At__c"] == "2026-11-25T18:00:07.000+0000"


@pytest.mark.parametrize("kind", ["item_lock", "lock_row"])
def test_locked_rows_are_sent_again(gateway: SalesforceGateway, twin: Twin, kind: str) -> None:
    twin.fault(kind, times=2)
    outcomes = publish(gateway, event("e1", "SO1"), event("e2", "SO2"))
    assert all(outcome.accepted for outcome in outcomes), outcomes
    assert len(twin.calls("POST", "composite/graph")) == 3


def test_a_write_that_happened_without_an_answer_is_repeated_safely(gateway: SalesforceGateway, twin: Twin) -> None:
    twin.fault("commit_then_reset", path="/composite/graph", times=1)
    (outcome,) = publish(gateway, invoice("5000101/1", "SO1"))
    assert outcome.accepted
    assert len(rows(gateway, "SELECT Id FROM Invoice__c")) == 1


def test_a_write_that_hangs_is_late_and_may_be_repeated(twin: Twin, gateway: SalesforceGateway) -> None:
    hasty = gateway_to(twin.url, MemoryVault(), read_timeout=1.5)
    hasty.candidates(LinkKind.TERMS)
    list(hasty.candidates(LinkKind.CUSTOMER))
    twin.fault("commit_then_hang", path="/composite/graph", times=1, seconds=4)
    started = time.monotonic()
    with pytest.raises(errors.TimedOut, match="safe"):
        publish(hasty, invoice("5000101/1", "SO1"))
    assert time.monotonic() - started < 3.8
    (outcome,) = publish(gateway, invoice("5000101/1", "SO1"))
    assert outcome.accepted
    assert len(rows(gateway, "SELECT Id FROM Invoice__c")) == 1


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ({"kind": "status", "status": 503, "body": "html"}, errors.Unavailable),
        ({"kind": "status", "status": 503, "body": "json"}, errors.Unavailable),
        ({"kind": "status", "status": 502, "body": "html"}, errors.Unavailable),
        ({"kind": "status", "status": 500, "body": "empty"}, errors.Unavailable),
        ({"kind": "status", "status": 504, "body": "text"}, errors.TimedOut),
        ({"kind": "status", "status": 429, "body": "json"}, errors.RateLimited),
        ({"kind": "html_200"}, errors.Unavailable),
        ({"kind": "request_limit"}, errors.RateLimited),
        ({"kind": "concurrent_limit"}, errors.RateLimited),
        ({"kind": "reset_before", "times": 4}, errors.Unavailable),
    ],
)
def test_faults_of_each_kind(
    gateway: SalesforceGateway, twin: Twin, fault: dict[str, Any], kind: type[errors.GatewayError]
) -> None:
    twin.fault(**{"path": "/composite/graph", "times": 1, **fault})
    with pytest.raises(kind):
        publish(gateway, event("e1", "SO1"))
    twin.clear_faults()
    (outcome,) = publish(gateway, event("e1", "SO1"))
    assert outcome.accepted


def test_threads_share_a_gateway_and_renew_once(twin: Twin, gateway: SalesforceGateway, vault: MemoryVault) -> None:
    publish(gateway, stated("SO1"))
    twin.control("POST", "/tokens/expire")
    together = threading.Barrier(4, timeout=10)

    def say(number: str) -> bool:
        together.wait()
        return publish(gateway, event(f"{number}:1", number))[0].accepted

    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(say, ["SO1", "SO2", "SO3", "A+B"])) == [True] * 4
    assert vault.logins == 2


def test_the_journal_shows_the_same_call_twice_after_a_refused_session(
    twin: Twin, gateway: SalesforceGateway, vault: MemoryVault
) -> None:
    publish(gateway, stated("SO1"))
    (found,) = gateway.orders_by_number(["SO1"])
    twin.control("POST", "/tokens/expire")
    stamp = "Wed, 25 Nov 2099 18:00:00 GMT"
    path = f"sobjects/Order/{found.external_id}"
    gateway._client.write("PATCH", path, {"PoNumber": "x"}, {"If-Unmodified-Since": stamp})
    refused, accepted = twin.calls("PATCH", path)
    assert (refused["status"], accepted["status"]) == (401, 204)
    for call in (refused, accepted):
        headers = {name.lower(): value for name, value in call["headers"].items()}
        assert headers["if-unmodified-since"] == stamp
    assert vault.logins == 2


def test_customers_and_items_are_candidates(gateway: SalesforceGateway) -> None:
    customers = {found.strong_key: found.name for found in gateway.candidates(LinkKind.CUSTOMER)}
    assert customers == {"00040017": "Brightwater Plumbing", "00040030": "Müller & Söhne"}
    items = list(gateway.candidates(LinkKind.ITEM))
    assert {item.strong_key for item in items} == set(SKUS)
    assert all(item.active and item.version_token and item.external_id for item in items)
    assert list(gateway.candidates(LinkKind.TERMS)) == []


def test_the_check_is_content_with_the_shipped_names(gateway: SalesforceGateway) -> None:
    assert gateway.check().startswith("Salesforce answers; 7 objects have every field")
    assert gateway.usage is not None
    assert gateway.usage.used > 0
