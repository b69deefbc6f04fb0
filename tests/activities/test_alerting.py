"""Alerts from the exception to the receiver: bundled, once, in peace, and with their end (feature G-I7)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from domain.alerts import AlertRules, Severity
from domain.errors import Missing
from domain.exceptions import Cause, Choice, ExceptionKind, Resolution
from store import exceptions
from store.session import transaction
from tests.activities.alert_room import BY, ROUTE, AlertRoom
from tests.receivers import receiver

OPS = '[channels.ops]\nkind = "webhook"\n'


@pytest.fixture
def room(engine: Engine) -> Iterator[AlertRoom]:
    with receiver() as ops:
        yield AlertRoom(engine, ops, AlertRules.parse(OPS + ROUTE))


def said(room: AlertRoom) -> list[dict[str, Any]]:
    return [json.loads(body) for _, body in room.ops.calls]


def resolve(room: AlertRoom, exception_id: str) -> None:
    decided = Resolution(
        exception_id=exception_id,
        choice=Choice.HANDLED,
        reason="the customer's own words",
        decided_by="ana",
        decided_at=datetime.now(UTC),
    )
    with transaction(room.engine, BY) as session:
        exceptions.resolve(session, decided)


def test_what_is_new_is_told_once_and_its_end_too(room: AlertRoom) -> None:
    """G-I7."""
    first = room.open("SH1")
    assert room.round() == (1, 1)
    assert room.round() == (0, 0)
    resolve(room, first)
    assert room.round() == (1, 1)
    assert room.round() == (0, 0)
    new, over = said(room)
    assert (new["subject"], new["counts"]["opened"]) == ("[normal] New: price_differs shipment SH1", 1)
    assert new["items"][0]["address"] == f"https://gateway.example/ui/exceptions/{first}"
    assert over["subject"] == "[normal] Over: price_differs shipment SH1"
    assert over["items"][0]["ended"] == "Resolved by ana: handled."
    assert "own words" not in json.dumps(over), "why somebody decided so is nobody's business out there"


def test_what_closes_by_itself_says_why(room: AlertRoom) -> None:
    room.open("SH1")
    room.round()
    with transaction(room.engine, BY) as session:
        exceptions.close_by_itself(session, ("shipment", "SH1"), datetime.now(UTC))
    room.round()
    assert said(room)[1]["items"][0]["ended"] == "It closed by itself: The two prices agree now."


def test_what_was_over_before_anybody_heard_of_it_is_not_told(room: AlertRoom) -> None:
    room.rules = AlertRules.parse(f"{OPS}digest_at = [08:00:00]\n{ROUTE}when = 'digest'\n")
    first = room.open("SH1")
    assert room.round(timedelta(0)) == (0, 0)
    resolve(room, first)
    assert room.round(timedelta(days=2)) == (0, 0)
    assert room.round() == (0, 0)
    assert room.ops.calls == []


def test_a_storm_becomes_one_message(room: AlertRoom) -> None:
    """G-I7: a thousand exceptions are not a thousand calls; the dearest come first, the rest by their number."""
    for n in range(1000):
        room.open(f"SH{n:04d}", stake=f"{n}.00", cause=Cause.UNKNOWN_ITEM if n % 2 else Cause.PRICE_DIFFERS)
    assert room.round(timedelta(minutes=1)) == (1, 1)
    for n in range(50):
        room.open(f"late-{n}")
    assert room.round(timedelta(minutes=1)) == (0, 0), "the pause of the channel is not over"
    assert room.round(timedelta(minutes=5)) == (0, 0)
    assert room.round() == (1, 1)
    storm, rest = said(room)
    assert storm["subject"] == "[normal] 1000 new"
    assert [one["record_key"] for one in storm["items"]][:2] == ["SH0999", "SH0998"]
    assert len(storm["items"]) + sum(storm["more"].values()) == 1000
    assert storm["more"] == {"price_differs": 488, "unknown_item": 487}
    assert rest["counts"]["opened"] == 50


def test_what_is_more_urgent_does_not_wait_for_the_pause(room: AlertRoom) -> None:
    room.open("SH1")
    room.round(timedelta(0))
    room.open("SH2", cause=Cause.CONNECTION_REFUSED)
    assert room.round(timedelta(0)) == (1, 1)
    room.open("SH3", cause=Cause.AUDIT_BROKEN)
    assert room.round(timedelta(0)) == (0, 0), "as urgent as the one before"
    assert [one["severity"] for one in said(room)] == ["normal", "critical"]


def test_quiet_hours_hold_back_what_is_not_critical(room: AlertRoom) -> None:
    """G-I7."""
    days = '["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]'
    room.rules = AlertRules.parse(f"{OPS}quiet_days = {days}\n{ROUTE}")
    room.open("SH1")
    room.open("SH2", cause=Cause.AUDIT_BROKEN)
    assert room.round(timedelta(days=16)) == (1, 1)
    assert room.round() == (1, 1)
    assert [one["items"][0]["record_key"] for one in said(room)] == ["SH2", "SH1"]


def test_a_digest_gathers_until_its_time(room: AlertRoom) -> None:
    """G-I7."""
    room.rules = AlertRules.parse(f"{OPS}digest_at = [08:00:00]\n{ROUTE}when = 'digest'\n")
    for key in ("SH1", "SH2"):
        room.open(key)
        assert room.round(timedelta(0)) == (0, 0)
    room.passes(timedelta(days=1, minutes=1))
    assert room.round() == (1, 1)
    assert said(room)[0]["counts"]["opened"] == 2


def test_what_is_put_off_is_told_when_it_comes_back(room: AlertRoom) -> None:
    first = room.open("SH1")
    room.change("UPDATE exceptions SET snoozed_until = now() + interval '1 hour' WHERE id = :id", id=first)
    assert room.round() == (0, 0)
    room.change("UPDATE exceptions SET snoozed_until = now() - interval '1 hour' WHERE id = :id", id=first)
    assert room.round() == (1, 1)


def test_what_was_not_done_in_time_goes_further_up(room: AlertRoom) -> None:
    room.rules = AlertRules.parse(f"{OPS}{ROUTE}overdue = true\n")
    first = room.open("SH1")
    assert room.round() == (0, 0)
    room.change("UPDATE exceptions SET due_at = now() - interval '1 hour' WHERE id = :id", id=first)
    assert room.round() == (1, 1)
    assert room.round() == (0, 0)
    assert said(room)[0]["subject"] == "[normal] Overdue: price_differs shipment SH1"


def test_money_that_grows_reaches_a_route_that_it_was_too_small_for(room: AlertRoom) -> None:
    room.rules = AlertRules.parse(f"{OPS}{ROUTE}money_from = 1000\n")
    room.open("SH1", stake="999.99")
    assert room.round() == (0, 0)
    room.open("SH1", stake="1000.00")
    assert room.round() == (1, 1)


def test_a_text_holds_no_secret(room: AlertRoom) -> None:
    """G-I7: whatever another system says of itself."""
    room.open("SH1", sentence="Refused: Authorization: Bearer abcdef123456 at https://u:p4ss@host/?token=xyz789")
    room.round()
    text = json.dumps(said(room))
    assert not {"abcdef123456", "p4ss", "xyz789"} & set(text.replace("@", " ").replace("=", " ").split())
    for secret in ("abcdef123456", "p4ss", "xyz789"):
        assert secret not in text


def test_a_trial_says_that_nothing_is_wrong_and_changes_nothing(room: AlertRoom) -> None:
    room.open("SH1")
    made = room.desk().test("ops", "ana")
    assert (made.state, made.is_test, made.severity) == ("sent", True, Severity.NORMAL)
    assert said(room)[0]["subject"] == "[normal] A trial, asked for by ana: nothing is wrong"
    assert room.round() == (1, 1), "it is no reason to wait, and it told of nothing"
    room.ops.answers = [500]
    refused = room.desk().test("ops", "ana")
    assert (refused.state, refused.error) == ("given_up", "The receiver answered 500.")
    with pytest.raises(Missing):
        room.desk().test("nowhere", "ana")


def test_old_messages_are_dropped_and_what_is_open_is_not_told_again(room: AlertRoom) -> None:
    first, _ = room.open("SH1"), room.round()
    resolve(room, first)
    room.round()
    room.open("SH2", kind=ExceptionKind.UNCERTAIN)
    room.round(timedelta(days=100))
    assert room.round() == (0, 0)
    assert [one.content.items[0].record_key for one in room.messages()] == ["SH2"]
    assert len(room.ops.calls) == 3
