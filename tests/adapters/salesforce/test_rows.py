"""Rows of one call live and fail on their own, against a server that fails as each test scripts."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from adapters.salesforce.client import SalesforceClient
from adapters.salesforce.connection import SalesforceNames
from adapters.salesforce.rows import CHUNK, Row, RowSender, Target
from adapters.salesforce.statements import Publisher
from adapters.salesforce.tokens import TokenKeeper
from domain import errors
from domain.publication import StatementOutcome
from tests.adapters.salesforce.harness import MemoryVault, connection_to
from tests.adapters.salesforce.scripted import Answer, Scripted, Seen

Judge = Callable[[list[dict[str, Any]]], Answer]


def event(number: int) -> Row:
    key, parent = f"K{number:04d}", f"SO{number % 7}"
    return Row(key, parent, {"Event_Key__c": key, "Order__r": {"ERP_Order_Id__c": parent}})


def fine(record: dict[str, Any]) -> dict[str, Any]:
    return {"id": f"a00{record['Event_Key__c']}", "success": True, "errors": [], "created": True}


def failed(code: str, message: str = "no") -> dict[str, Any]:
    return {"success": False, "errors": [{"statusCode": code, "message": message, "fields": []}]}


@dataclass
class Sending:
    """Sends rows to a server that judges them."""

    client: SalesforceClient
    budget: timedelta

    def send(self, rows: Sequence[Row]) -> list[StatementOutcome]:
        target = Target("Order_Event__c", "Event_Key__c", "order_not_in_salesforce")
        outcomes = RowSender(self.client, target, self.budget).send(rows)
        return [outcomes[row.key] for row in rows]


def sending(script: Scripted, vault: MemoryVault, judge: Judge, budget: float = 20) -> Sending:
    def decide(seen: Seen) -> Answer:
        return judge(json.loads(seen.body)["records"])

    script.decide = decide
    connection = connection_to(script.url)
    return Sending(SalesforceClient(connection, TokenKeeper(connection, vault)), timedelta(seconds=budget))


def sent(script: Scripted) -> list[list[dict[str, Any]]]:
    return [json.loads(seen.body)["records"] for seen in script.calls()]


def test_outcomes_come_in_the_order_given_and_rows_go_in_that_of_their_parents(
    script: Scripted, vault: MemoryVault
) -> None:
    events = [event(number) for number in range(450)]
    outcomes = sending(script, vault, lambda rows: Answer(200, [fine(row) for row in rows])).send(events)
    assert [outcome.key for outcome in outcomes] == [said.key for said in events]
    assert all(outcome.accepted and outcome.external_id == f"a00{outcome.key}" for outcome in outcomes)
    chunks = sent(script)
    assert [len(chunk) for chunk in chunks] == [CHUNK, CHUNK, 50]
    parents = [row["Order__r"]["ERP_Order_Id__c"] for chunk in chunks for row in chunk]
    assert parents == sorted(parents)
    assert {seen.path for seen in script.calls()} == {
        "/services/data/v67.0/composite/sobjects/Order_Event__c/Event_Key__c"
    }
    assert all('"allOrNone":false' in seen.body for seen in script.calls())


def test_a_row_that_fails_leaves_the_others_alone(script: Scripted, vault: MemoryVault) -> None:
    def judge(rows: list[dict[str, Any]]) -> Answer:
        bad = {
            "K0003": failed("REQUIRED_FIELD_MISSING", "x" * 900),
            "K0004": {"id": "a00", "success": False, "errors": []},
        }
        return Answer(200, [bad.get(row["Event_Key__c"], fine(row)) for row in rows])

    outcomes = {o.key: o for o in sending(script, vault, judge).send([event(n) for n in range(6)])}
    assert [key for key, outcome in outcomes.items() if not outcome.accepted] == ["K0003", "K0004"]
    refused = outcomes["K0003"]
    assert (refused.reason, refused.retryable) == ("REQUIRED_FIELD_MISSING", False)
    assert refused.detail is not None
    assert refused.detail.count("x") == 200
    assert len(script.calls()) == 1


def test_only_locked_rows_are_sent_again(script: Scripted, vault: MemoryVault) -> None:
    locked = {"K0001": 2, "K0004": 1}

    def judge(rows: list[dict[str, Any]]) -> Answer:
        results = []
        for row in rows:
            key = row["Event_Key__c"]
            locked[key] = locked.get(key, 0) - 1
            results.append(failed("UNABLE_TO_LOCK_ROW") if locked[key] >= 0 else fine(row))
        return Answer(200, results)

    outcomes = sending(script, vault, judge).send([event(n) for n in range(6)])
    assert all(outcome.accepted for outcome in outcomes)
    assert [sorted(row["Event_Key__c"] for row in chunk) for chunk in sent(script)][1:] == [
        ["K0001", "K0004"],
        ["K0001"],
    ]


def test_a_lock_that_outlasts_the_time_is_left_to_the_caller(script: Scripted, vault: MemoryVault) -> None:
    judge: Judge = lambda rows: Answer(200, [failed("UNABLE_TO_LOCK_ROW") for _ in rows])  # noqa: E731
    (outcome,) = sending(script, vault, judge, budget=0.05).send([event(1)])
    assert (outcome.accepted, outcome.reason, outcome.retryable) == (False, "UNABLE_TO_LOCK_ROW", True)
    assert len(script.calls()) == 1
    sending(script, vault, judge).send([event(1)])
    assert len(script.calls()) == 6


def test_a_race_for_a_new_key_is_settled_by_one_more_call(script: Scripted, vault: MemoryVault) -> None:
    answers = iter([failed("DUPLICATE_VALUE"), {"id": "a00", "success": True, "errors": [], "created": False}])
    judge: Judge = lambda _rows: Answer(200, [next(answers)])  # noqa: E731
    (outcome,) = sending(script, vault, judge).send([event(1)])
    assert (outcome.accepted, outcome.created) == (True, False)
    always: Judge = lambda _rows: Answer(200, [failed("DUPLICATE_VALUE")])  # noqa: E731
    (outcome,) = sending(script, vault, always).send([event(1)])
    assert (outcome.accepted, outcome.retryable) == (False, False)
    assert len(script.calls()) == 4


@pytest.mark.parametrize("whole_call", [False, True])
def test_the_row_that_poisons_a_call_is_isolated(script: Scripted, vault: MemoryVault, whole_call: bool) -> None:
    def judge(rows: list[dict[str, Any]]) -> Answer:
        if not any(row["Event_Key__c"] == "K0123" for row in rows):
            return Answer(200, [fine(row) for row in rows])
        if whole_call:
            return Answer(500, [{"errorCode": "UNKNOWN_EXCEPTION", "message": "An unexpected error occurred."}])
        return Answer(200, [failed("CANNOT_EXECUTE_FLOW_TRIGGER", "the flow failed") for _ in rows])

    outcomes = sending(script, vault, judge).send([event(n) for n in range(CHUNK)])
    (poison,) = [outcome for outcome in outcomes if not outcome.accepted]
    assert poison.key == "K0123"
    assert poison.retryable is whole_call
    assert len(script.calls()) <= 17  # 200 rows are halved eight times


def test_a_failing_org_does_not_burn_the_pool(script: Scripted, vault: MemoryVault) -> None:
    judge: Judge = lambda rows: Answer(200, [failed("CANNOT_EXECUTE_FLOW_TRIGGER") for _ in rows])  # noqa: E731
    outcomes = sending(script, vault, judge).send([event(n) for n in range(CHUNK)])
    assert len(outcomes) == CHUNK
    assert not any(outcome.accepted for outcome in outcomes)
    assert sum(outcome.retryable for outcome in outcomes) > CHUNK / 2  # nobody knows that these are to blame
    assert len(script.calls()) <= 33


def test_failures_that_speak_of_each_row_are_not_halved(script: Scripted, vault: MemoryVault) -> None:
    judge: Judge = lambda rows: Answer(200, [failed("REQUIRED_FIELD_MISSING") for _ in rows])  # noqa: E731
    sending(script, vault, judge).send([event(n) for n in range(50)])
    assert len(script.calls()) == 1


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (Answer(503, "<html>maintenance</html>"), errors.Unavailable),
        (Answer(200, []), errors.Unavailable),
        (Answer(200, {"odd": 1}), errors.Unavailable),
        (Answer(200, "<html>maintenance</html>"), errors.Unavailable),
        (Answer(403, [{"errorCode": "REQUEST_LIMIT_EXCEEDED", "message": "TotalRequests"}]), errors.RateLimited),
        (Answer(400, [{"errorCode": "INVALID_FIELD", "message": "No such column"}]), errors.Misconfigured),
    ],
)  # fmt: skip
def test_the_error_of_a_whole_call_is_raised(
    script: Scripted, vault: MemoryVault, answer: Answer, kind: type[errors.GatewayError]
) -> None:
    with pytest.raises(kind):
        sending(script, vault, lambda _rows: answer).send([event(n) for n in range(3)])
    assert len(script.calls()) == 1


def test_nothing_to_say_costs_nothing(script: Scripted, vault: MemoryVault) -> None:
    quiet = sending(script, vault, lambda _rows: Answer(500))
    publisher = Publisher(quiet.client, SalesforceNames())
    assert quiet.send([]) == publisher.publish_orders([]) == publisher.publish_accounts([]) == []
    assert script.seen == []
