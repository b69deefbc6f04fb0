"""Orders of one call live and fail on their own, against a server that fails as each test scripts."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from adapters.salesforce.client import SalesforceClient
from adapters.salesforce.connection import SalesforceNames
from adapters.salesforce.graphs import MOST_GRAPHS, MOST_NODES
from adapters.salesforce.statements import MISSING_LINE, MISSING_ORDER, Publisher
from adapters.salesforce.tokens import TokenKeeper
from domain import errors
from domain.publication import (
    InvoiceStatement,
    OrderEvent,
    OrderLineStatement,
    OrderPart,
    OrderStatement,
    OrderUnit,
    StatementOutcome,
)
from tests.adapters.salesforce.harness import MemoryVault, connection_to
from tests.adapters.salesforce.scripted import Answer, Scripted, Seen

AT = datetime(2026, 11, 25, 18, 0, tzinfo=UTC)
BASE = "/services/data/v67.0/sobjects"
Request = dict[str, Any]
Judge = Callable[[Request], tuple[int, str] | None]  # the status and code by which a node is refused
REFUSED = (400, "FIELD_CUSTOM_VALIDATION_EXCEPTION")
LOCKED = (400, "UNABLE_TO_LOCK_ROW")
HALTED = (400, "PROCESSING_HALTED")


def header(number: str) -> OrderStatement:
    return OrderStatement(order_number=number, status="Shipped", open_amount=Decimal("0.10"))


def line(number: str, line_no: int = 1) -> OrderLineStatement:
    return OrderLineStatement(
        line_no=line_no, external_id=f"802{number}{line_no}", shipped=Decimal(4), backordered=None, invoiced=Decimal(0)
    )


def invoice(number: str) -> InvoiceStatement:
    return InvoiceStatement(
        invoice_key=f"{number}:1",
        order_number=number,
        doc_number=number,
        status="Drafted",
        total=Decimal("1.10"),
        balance=Decimal("1.10"),
        invoiced_on=date(2026, 11, 25),
        quickbooks_id="145",
    )


def event(number: str) -> OrderEvent:
    return OrderEvent(event_key=f"e:{number}", order_number=number, type="Shipped", occurred_at=AT, source="erp")


def whole(number: str) -> OrderUnit:
    parts: tuple[OrderPart, ...] = (header(number), line(number), invoice(number), event(number))
    return OrderUnit(order_number=number, parts=parts)


def answered(graph: Request, judge: Judge) -> Request:
    """A graph as Salesforce answers it: the first node that is refused takes all others with it."""
    nodes = graph["compositeRequest"]
    refused = next((node for node in nodes if judge(node)), None)
    results = [_result(node, (judge(node) or HALTED) if node is refused else refused and HALTED) for node in nodes]
    return {
        "graphId": graph["graphId"],
        "graphResponse": {"compositeResponse": results},
        "isSuccessful": refused is None,
    }


def _result(node: Request, refusal: tuple[int, str] | None) -> Request:
    status, code = refusal or (200, "")
    body = [{"errorCode": code, "message": "no"}] if refusal else {"id": "801", "success": True, "created": False}
    return {"referenceId": node["referenceId"], "httpStatusCode": status, "body": body, "httpHeaders": {}}


def work_of(judge: Judge) -> Callable[[Seen], Answer]:
    """Salesforce: it stops working on a call after its fifteenth failed graph, and finds no order."""

    def decide(seen: Seen) -> Answer:
        if seen.method == "GET":
            return Answer(200, {"records": [], "done": True, "totalSize": 0})
        graphs, failures = [], 0
        for graph in json.loads(seen.body)["graphs"]:
            graphs.append(answered(graph, judge if failures < 15 else lambda _: HALTED))
            failures += not graphs[-1]["isSuccessful"]
        return Answer(200, {"graphs": graphs})

    return decide


def publisher(script: Scripted, vault: MemoryVault, judge: Judge | None = None, budget: float = 20) -> Publisher:
    script.decide = work_of(judge or (lambda _: None))
    client = SalesforceClient(connection := connection_to(script.url), TokenKeeper(connection, vault))
    return Publisher(client, SalesforceNames(), timedelta(seconds=budget))


def sent(script: Scripted) -> list[list[list[str]]]:
    """The paths of the nodes of each graph of each call."""
    return [
        [
            [node["url"].removeprefix(f"{BASE}/") for node in graph["compositeRequest"]]
            for graph in json.loads(seen.body)["graphs"]
        ]
        for seen in script.calls()
        if seen.method == "POST"
    ]


def reasons(outcomes: list[StatementOutcome]) -> list[str | None]:
    return [None if outcome.accepted else outcome.reason for outcome in outcomes]


def about(text: str, refusal: tuple[int, str]) -> Judge:
    return lambda node: refusal if text in node["url"] else None


def test_an_order_goes_as_one_graph_of_rows_found_by_their_keys(script: Scripted, vault: MemoryVault) -> None:
    (outcomes,) = publisher(script, vault).publish_orders([whole("SO/1")])
    assert [outcome.key for outcome in outcomes] == ["SO/1", "SO/1/1", "SO/1:1", "e:SO/1"]
    assert all(outcome.accepted for outcome in outcomes)
    assert sent(script) == [
        [
            [
                "Order/ERP_Order_Id__c/SO%2F1?updateOnly=true",
                "OrderItem/802SO%2F11",
                "Invoice__c/Invoice_Key__c/SO%2F1%3A1",
                "Order_Event__c/Event_Key__c/e%3ASO%2F1",
            ]
        ]
    ]
    (seen,) = script.calls()
    bodies = [node["body"] for node in json.loads(seen.body)["graphs"][0]["compositeRequest"]]
    assert bodies[0] == {"Gateway_Status__c": "Shipped", "Gateway_Message__c": None, "Open_Amount__c": 0.1}
    assert bodies[1] == {"Qty_Shipped__c": 4, "Qty_Invoiced__c": 0}, "what is not known stays as it is"
    assert '"Open_Amount__c":0.10' in seen.body
    assert bodies[2]["Order__r"] == bodies[3]["Order__r"] == {"ERP_Order_Id__c": "SO/1"}
    assert "Invoice_Key__c" not in bodies[2]


def test_calls_are_filled_to_their_limits(script: Scripted, vault: MemoryVault) -> None:
    small = [OrderUnit(order_number=f"S{number:03d}", parts=(header(f"S{number:03d}"),)) for number in range(76)]
    large = [
        OrderUnit(order_number=f"L{number}", parts=tuple(line(f"L{number}", at) for at in range(250)))
        for number in range(3)
    ]
    huge = OrderUnit(order_number="H", parts=tuple(line("H", at) for at in range(501)))
    outcomes = publisher(script, vault).publish_orders([*small, *large, huge])
    assert all(outcome.accepted for unit in outcomes for outcome in unit)
    calls = sent(script)
    shape = [(len(call), sum(map(len, call))) for call in calls]
    assert shape == [(1, MOST_NODES), (2, 251), (2, 500), (MOST_GRAPHS, 75), (1, 1)]


def test_a_refused_part_is_left_out_and_the_rest_is_said(script: Scripted, vault: MemoryVault) -> None:
    judge = about("Order/ERP_Order_Id__c/SO2", REFUSED)
    good, bad = publisher(script, vault, judge).publish_orders([whole("SO1"), whole("SO2")])
    assert reasons(good) == [None] * 4
    assert reasons(bad) == ["FIELD_CUSTOM_VALIDATION_EXCEPTION", None, None, None]
    assert not bad[0].retryable
    assert [[len(graph) for graph in call] for call in sent(script)] == [[4, 4], [3]]


def test_many_refused_parts_of_one_order_cost_few_calls(script: Scripted, vault: MemoryVault) -> None:
    """A graph names only the first: after the second one each part goes on its own."""
    gone = {f"802SO1{number}" for number in (2, 4, 6, 8)}
    judge: Judge = lambda node: (404, "ENTITY_IS_DELETED") if node["url"].rsplit("/", 1)[1] in gone else None  # noqa: E731
    parts = (header("SO1"), *(line("SO1", number) for number in range(1, 10)))
    (outcomes,) = publisher(script, vault, judge).publish_orders([OrderUnit(order_number="SO1", parts=parts)])
    assert reasons(outcomes) == [None, *(MISSING_LINE if number % 2 == 0 else None for number in range(1, 10))]
    assert [len(call) for call in sent(script)] == [1, 1, 8]


@pytest.mark.parametrize("code", ["INVALID_CROSS_REFERENCE_KEY", "ENTITY_IS_DELETED", "NOT_FOUND"])
def test_a_line_that_is_gone_is_an_outcome(script: Scripted, vault: MemoryVault, code: str) -> None:
    (outcomes,) = publisher(script, vault, about("OrderItem", (404, code))).publish_orders([whole("SO1")])
    assert reasons(outcomes) == [None, MISSING_LINE, None, None]
    assert not outcomes[1].retryable


def test_a_line_without_a_record_is_not_sent(script: Scripted, vault: MemoryVault) -> None:
    lost = line("SO1").model_copy(update={"external_id": None})
    (outcomes,) = publisher(script, vault).publish_orders([OrderUnit(order_number="SO1", parts=(lost,))])
    assert reasons(outcomes) == [MISSING_LINE]
    assert script.seen == []


@pytest.mark.parametrize("code", ["NOT_FOUND", "ENTITY_IS_DELETED", "REQUIRED_FIELD_MISSING"])
def test_an_order_that_is_gone_takes_its_parts_with_it(script: Scripted, vault: MemoryVault, code: str) -> None:
    judge = about("Order/ERP_Order_Id__c/SO2", (404, code))
    good, gone = publisher(script, vault, judge).publish_orders([whole("SO1"), whole("SO2")])
    assert reasons(good) == [None] * 4
    assert reasons(gone) == [MISSING_ORDER, MISSING_LINE, MISSING_ORDER, MISSING_ORDER]
    assert len(script.calls()) == 1


def test_a_key_field_that_is_not_there_is_no_missing_order(script: Scripted, vault: MemoryVault) -> None:
    message = "Provided external ID field does not exist or is not accessible: ERP_Order_Id__c"

    def decide(seen: Seen) -> Answer:
        (graph,) = json.loads(seen.body)["graphs"]
        refused = answered(graph, lambda _: (404, "NOT_FOUND"))
        refused["graphResponse"]["compositeResponse"][0]["body"][0]["message"] = message
        return Answer(200, {"graphs": [refused]})

    one = publisher(script, vault)
    script.decide = decide
    ((outcome,),) = one.publish_orders([OrderUnit(order_number="SO1", parts=(header("SO1"),))])
    assert (outcome.reason, outcome.retryable) == ("NOT_FOUND", False)


def test_locked_orders_alone_are_sent_again(script: Scripted, vault: MemoryVault) -> None:
    locks = {"SO1": 2, "SO3": 1}

    def judge(node: Request) -> tuple[int, str] | None:
        number = next((one for one in locks if f"ERP_Order_Id__c/{one}?" in node["url"]), None)
        return LOCKED if number and locks[number] > 0 else None

    one = publisher(script, vault)

    def decide(seen: Seen) -> Answer:
        answer = work_of(judge)(seen)
        for number in locks:
            locks[number] -= 1
        return answer

    script.decide = decide
    outcomes = one.publish_orders([whole(f"SO{number}") for number in range(5)])
    assert all(outcome.accepted for unit in outcomes for outcome in unit)
    assert [len(call) for call in sent(script)] == [5, 2, 1]


def test_a_lock_that_outlasts_the_time_is_left_to_the_caller(script: Scripted, vault: MemoryVault) -> None:
    judge = about("Order/ERP_Order_Id__c/SO1", LOCKED)
    outcomes = publisher(script, vault, judge, budget=0.05).publish_orders([whole("SO1"), whole("SO2")])
    assert (outcomes[0][0].reason, outcomes[0][0].retryable) == ("UNABLE_TO_LOCK_ROW", True)
    assert all(outcome.retryable for outcome in outcomes[0])
    assert reasons(outcomes[1]) == [None] * 4
    assert len(script.calls()) == 1
    publisher(script, vault, judge).publish_orders([whole("SO1")])
    assert len(script.calls()) == 6


def test_what_salesforce_did_not_reach_is_sent_again(script: Scripted, vault: MemoryVault) -> None:
    """After fifteen failures it stops: orders that it has go again, the others are asked for once."""
    gone = {f"SO{number:02d}" for number in range(1, 31, 2)} | {"SO32", "SO34"}

    def judge(node: Request) -> tuple[int, str] | None:
        return (404, "NOT_FOUND") if any(f"ERP_Order_Id__c/{number}?" in node["url"] for number in gone) else None

    one = publisher(script, vault)

    def decide(seen: Seen) -> Answer:
        if seen.method == "GET":
            there = [f"SO{number:02d}" for number in range(40) if f"SO{number:02d}" not in gone]
            rows = [{"ERP_Order_Id__c": number} for number in there if f"'{number}'" in seen.path]
            return Answer(200, {"records": rows, "done": True, "totalSize": len(rows)})
        return work_of(judge)(seen)

    script.decide = decide
    units = [whole(f"SO{number:02d}") for number in range(40)]
    outcomes = one.publish_orders(units)
    for unit, said in zip(units, outcomes, strict=True):
        assert all(outcome.accepted for outcome in said) is (unit.order_number not in gone), said
    assert [len(call) for call in sent(script)] == [40, 8]
    assert len(script.calls()) == 3


def test_one_failing_order_among_thirty_leaves_the_others_alone(script: Scripted, vault: MemoryVault) -> None:
    judge = about("/Order/ERP_Order_Id__c/SO17", (400, "CANNOT_EXECUTE_FLOW_TRIGGER"))
    outcomes = publisher(script, vault, judge).publish_orders([whole(f"SO{number}") for number in range(30)])
    refused = [(unit[0].key, unit[0].retryable) for unit in outcomes if not unit[0].accepted]
    assert refused == [("SO17", False)]
    assert all(outcome.accepted for unit in outcomes for outcome in unit[1:])
    assert len(script.calls()) == 2


def test_an_order_that_makes_the_whole_call_fail_is_isolated(script: Scripted, vault: MemoryVault) -> None:
    one = publisher(script, vault)

    def decide(seen: Seen) -> Answer:
        if "SO17?" in seen.body:
            return Answer(500, [{"errorCode": "UNKNOWN_EXCEPTION", "message": "An unexpected error occurred."}])
        return work_of(lambda _: None)(seen)

    script.decide = decide
    outcomes = one.publish_orders([whole(f"SO{number:02d}") for number in range(30)])
    assert [unit[0].key for unit in outcomes if not unit[0].accepted] == ["SO17"]
    assert outcomes[17][0].retryable
    assert len(script.calls()) <= 11


def test_a_race_for_a_new_key_is_settled_by_one_more_call(script: Scripted, vault: MemoryVault) -> None:
    one = publisher(script, vault)
    refusals = iter([True, False])

    def decide(seen: Seen) -> Answer:
        refuse = next(refusals)
        return work_of(lambda _: (400, "DUPLICATE_VALUE") if refuse else None)(seen)

    script.decide = decide
    ((outcome,),) = one.publish_orders([OrderUnit(order_number="SO1", parts=(event("SO1"),))])
    assert outcome.accepted
    always = publisher(script, vault, lambda _: (400, "DUPLICATE_VALUE"))
    ((outcome,),) = always.publish_orders([OrderUnit(order_number="SO1", parts=(event("SO1"),))])
    assert (outcome.accepted, outcome.retryable) == (False, False)
    assert len(script.calls()) == 4


def test_a_failing_org_does_not_burn_the_pool(script: Scripted, vault: MemoryVault) -> None:
    judge: Judge = lambda _: (500, "UNKNOWN_EXCEPTION")  # noqa: E731
    outcomes = publisher(script, vault, judge).publish_orders([whole(f"SO{number:03d}") for number in range(300)])
    assert not any(outcome.accepted for unit in outcomes for outcome in unit)
    assert len(script.calls()) <= 40


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (Answer(503, "<html>maintenance</html>"), errors.Unavailable),
        (Answer(200, {"graphs": []}), errors.Unavailable),
        (Answer(200, {"odd": 1}), errors.Unavailable),
        (Answer(200, []), errors.Unavailable),
        (Answer(403, [{"errorCode": "REQUEST_LIMIT_EXCEEDED", "message": "TotalRequests"}]), errors.RateLimited),
        (Answer(404, [{"errorCode": "NOT_FOUND", "message": "The requested resource"}]), errors.Misconfigured),
    ],
)
def test_the_error_of_a_whole_call_is_raised(
    script: Scripted, vault: MemoryVault, answer: Answer, kind: type[errors.GatewayError]
) -> None:
    one = publisher(script, vault)
    script.decide = lambda _: answer
    with pytest.raises(kind):
        one.publish_orders([whole("SO1"), whole("SO2")])
    assert len(script.calls()) == 1
