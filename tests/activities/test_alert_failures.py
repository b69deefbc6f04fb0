"""Alerts when something dies, is slow, or happens twice: each arrives at least once, under one id."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import Engine

from activities.alerting import LEASE
from adapters.alerts import calls
from adapters.alerts.outgoing import Outgoing
from domain.alerts import AlertRules
from domain.exceptions import Cause
from store import alerts, exceptions
from store.session import reading, transaction
from tests.activities.alert_room import BY, ROUTE, SECRET, AlertRoom
from tests.receivers import receiver

TWO = '[channels.ops]\nkind = "webhook"\n[channels.night]\nkind = "webhook"\n'


@pytest.fixture
def room(engine: Engine) -> Iterator[AlertRoom]:
    with receiver() as ops:
        yield AlertRoom(engine, ops, AlertRules.parse(f'[channels.ops]\nkind = "webhook"\n{ROUTE}'))


class Killed(BaseException):
    """The process ends here: nothing after it is run."""


class DyingSender:
    """Dies before the message is out, or right after it."""

    def __init__(self, real: Any, *, after: bool) -> None:
        self._real, self._after = real, after

    def send(self, message: Outgoing) -> str | None:
        if self._after:
            self._real.send(message)
        raise Killed


def ids(room: AlertRoom) -> list[str]:
    return [json.loads(body)["id"] for _, body in room.ops.calls]


def undelivered(room: AlertRoom) -> list[str]:
    with reading(room.engine) as session:
        return [item.sentence for item in exceptions.open_of_causes(session, [Cause.ALERT_UNDELIVERED])]


@pytest.mark.parametrize("after", [False, True], ids=["before it is out", "after it is out"])
def test_a_process_that_dies_in_a_try_is_followed_by_another_one(room: AlertRoom, after: bool) -> None:
    """The message was written down first: nothing is lost, and what comes twice has the same id."""
    room.open("SH1")
    desk = room.desk()
    desk.make()
    dying = room.desk(ops=DyingSender(desk.alerting.senders["ops"], after=after))
    with pytest.raises(Killed):
        dying.send()
    assert desk.send().sent == 0, "it may still be under way"
    room.passes(LEASE)
    assert desk.send().sent == 1
    assert desk.send().sent == 0
    assert len(ids(room)) == 1 + after
    assert len(set(ids(room))) == 1


def test_a_process_that_dies_before_it_commits_has_noted_nothing(room: AlertRoom, monkeypatch: Any) -> None:
    room.open("SH1")

    def die(*_: Any) -> int:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(alerts, "forget_old", die)
        with pytest.raises(Killed):
            room.desk().make()
    assert room.messages() == ()
    assert room.round() == (1, 1)


def test_a_receiver_that_hangs_up_is_called_again_under_the_same_id(room: AlertRoom) -> None:
    room.open("SH1")
    room.ops.hangs_up = 1
    assert room.round(timedelta(seconds=29)) == (1, 0)
    assert room.round(timedelta(seconds=2)) == (0, 0), "not at once"
    assert room.round() == (0, 1)
    assert len(ids(room)) == 2
    assert len(set(ids(room))) == 1


def test_a_slow_receiver_does_not_hold_up_the_others(room: AlertRoom, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "TIMEOUT_SECONDS", 0.3)
    with receiver() as night:
        room.rules = AlertRules.parse(f'{TWO}{ROUTE}[[routes]]\nchannel = "night"\n')
        other = room.desk(night=calls.WebhookSender(SecretStr(night.address), SECRET))
        room.open("SH1")
        room.ops.slow = 1.0
        other.make()
        done = other.send()
        assert (done.sent, done.failed) == (1, 1)
        assert len(night.calls) == 1
        room.ops.slow = 0.0
        room.passes(timedelta(minutes=1))
        assert other.send().sent == 1
        assert len(night.calls) == 1


def test_several_processes_tell_it_once(room: AlertRoom) -> None:
    """The flow of a worker and an API, or two workers: at the same time."""
    for n in range(20):
        room.open(f"SH{n}")
    room.ops.slow = 0.1
    desks = [room.desk() for _ in range(4)]
    failures: list[BaseException] = []

    def work(desk: Any) -> None:
        try:
            desk.make()
            desk.send()
        except BaseException as error:  # noqa: BLE001 - the test fails with it
            failures.append(error)

    threads = [threading.Thread(target=work, args=(desk,)) for desk in desks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert failures == []
    assert len(ids(room)) == 1
    assert len(room.messages()) == 1


def test_only_one_of_several_takes_a_turn(room: AlertRoom) -> None:
    """The API looks after alerts where no worker does, and of several APIs one."""
    desks = [room.desk() for _ in range(3)]
    assert [desk.take_turn(timedelta(minutes=2)) for desk in desks] == [True, False, False]
    room.change("UPDATE sync_cursors SET position_at = position_at - interval '2 minutes'")
    assert [desk.take_turn(timedelta(minutes=2)) for desk in desks] == [True, False, False]
    assert desks[0].take_turn(timedelta(0)), "a worker's flow looks whoever looked before"


def test_a_channel_that_takes_nothing_is_work_for_a_person_until_it_does(room: AlertRoom) -> None:
    """Nothing is silent, alerts least of all."""
    room.open("SH1")
    room.ops.answers = [404] * 3
    for expected in (0, 0, 1):
        room.round(timedelta(hours=1))
        assert len(undelivered(room)) == expected
    assert "channel ops: The receiver answered 404." in undelivered(room)[0]
    assert room.ops.address not in undelivered(room)[0]
    assert room.round()[1] == 2, "what waited, and that it had to wait"
    assert undelivered(room) == []
    assert len(set(ids(room)[:4])) == 1


def test_after_a_day_a_message_is_given_up(room: AlertRoom) -> None:
    room.open("SH1")
    room.ops.answers = [500] * 100
    room.round(timedelta(hours=25))
    room.round(timedelta(minutes=1))
    assert {one.state for one in room.messages() if one.content.items[0].record_key == "SH1"} == {"given_up"}


def test_what_a_late_try_comes_to_changes_nothing_that_another_one_did(room: AlertRoom) -> None:
    """Out of order: the first try ends after the second one, which was taken."""
    room.open("SH1")
    desk = room.desk()
    desk.make()
    now = datetime.now(UTC)
    with transaction(room.engine, BY) as session:
        slow = alerts.claim(session, now, LEASE)
    assert slow is not None
    room.passes(LEASE)
    assert desk.send().sent == 1
    with transaction(room.engine, BY) as session:
        late = alerts.failed(session, slow.id, "The receiver did not answer in time.", now)
    assert (late.state, late.error) == ("sent", None)


def test_a_channel_that_is_declared_no_more_is_given_up(room: AlertRoom) -> None:
    room.open("SH1")
    room.open("SH2", cause=Cause.AUDIT_BROKEN)
    room.desk().make()
    room.rules = AlertRules()
    assert room.round() == (0, 0)
    assert [one.state for one in room.messages()] == ["given_up"]
    assert undelivered(room) == []
