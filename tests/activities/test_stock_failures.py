"""Stock when answers are lost and processes die: in the end Salesforce shows the newest export, and no other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from temporalio.exceptions import ApplicationError

from tests.activities.stock_exports import export, hours, row
from tests.activities.stock_truth import figures
from tests.activities.stockroom import Stockroom, writes
from tests.activities.worker import Death, Life, MortalGateway, mortal_engine

SKUS = ("BOLT", "NUT", "PIPE")


@pytest.fixture
def room(stockroom: Stockroom) -> Stockroom:
    """Three items that Salesforce knows."""
    items = [{"sku": sku, "description": sku, "list_price": "1"} for sku in SKUS]
    stockroom.org.control("POST", "/seed", {"items": items})
    stockroom.at = hours(0) + timedelta(minutes=5)
    return stockroom


def stock(on_hand: int) -> list[object]:
    return [row(sku, on_hand) for sku in SKUS]


def on_hand(room: Stockroom) -> set[Decimal | None]:
    return {figure[0] for figure in figures(room.shown().values()).values()}


def next_export(room: Stockroom, number: int, pieces: int) -> None:
    """The export of some minutes later."""
    at = number / 10
    room.at = hours(at) + timedelta(minutes=1)
    room.export(*export(at, stock(pieces)))


def test_a_number_that_may_have_been_taken_is_said_again(room: Stockroom) -> None:
    """Cases I8, E13: 40 was answered, 7 was taken without an answer, and now it is 40 again."""
    next_export(room, 0, 40)
    room.settle()
    next_export(room, 1, 7)
    room.org.fault("commit_then_reset", path="/composite/sobjects", times=0)
    with pytest.raises(ApplicationError) as raised:
        room.settle()
    assert not raised.value.non_retryable
    room.org.clear_faults()
    assert on_hand(room) == {7}
    next_export(room, 2, 40)
    room.settle()
    assert on_hand(room) == {40}


def test_locked_rows_are_taken_in_the_end(room: Stockroom) -> None:
    """Case X5: what somebody else holds is tried again with jitter, and holds up nobody else."""
    next_export(room, 0, 40)
    room.org.fault("item_lock", contains="NUT", times=2)
    with writes(room.org) as calls:
        room.settle()
    assert on_hand(room) == {40}
    assert len(calls) > 2  # more than the rows and the totals


def test_the_newest_wins_while_salesforce_is_away(room: Stockroom) -> None:
    """Cases X1, I8: of the exports of an outage only the last is said, once."""
    room.org.fault("status", path="/services/data", status=503, times=0)
    for number, pieces in enumerate((40, 30, 20, 10)):
        next_export(room, number, pieces)
        room.decide()
        with pytest.raises(ApplicationError):
            room.show()
    room.org.clear_faults()
    with writes(room.org) as calls:
        room.show()
    assert len(calls) == 2
    assert on_hand(room) == {10}


def steps(room: Stockroom, number: int, pieces: int) -> list[Callable[[], object]]:
    return [lambda: next_export(room, number, pieces), room.decide, room.show]


def test_a_process_may_die_at_any_commit_and_any_call(room: Stockroom) -> None:
    """Feature G-G2: what comes after it finishes the work, and nothing is lost, doubled or old."""
    next_export(room, 0, 1)
    room.settle()
    url = room.engine.url.render_as_string(hide_password=False)
    number = 0
    while True:
        number += 1
        life = Life(dies_at=number)
        engine = mortal_engine(url, life)
        mortal = replace(room, engine=engine, gateway=MortalGateway(room.gateway, life))
        died = dies(mortal, number)
        engine.dispose()
        room.at = mortal.at
        for step in steps(room, number, number + 1):
            step()
        assert on_hand(room) == {number + 1}, life.passed
        with writes(room.org) as calls:
            room.settle()
        assert calls == []
        if not died:
            break
    assert number > 10  # it died at more than ten different places


def dies(room: Stockroom, number: int) -> bool:
    try:
        for step in steps(room, number, number + 1):
            step()
    except Death:
        return True
    return False
