"""Stock when answers are lost and processes die: in the end Salesforce shows the newest export, and no other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import text
from temporalio.exceptions import ApplicationError

from domain.stock_balances import Balance, Base
from domain.stock_events import BucketCount
from store.causes import Cause, CauseSource
from store.session import transaction
from store.stock import levels, marks
from tests.activities.stock_exports import export, hours, row
from tests.activities.stock_truth import figures
from tests.activities.stockroom import Stockroom, writes
from tests.activities.worker import Death, Life, MortalGateway, mortal_engine
from tests.build import item, order, order_line

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


def test_a_change_that_is_not_visible_yet_keeps_its_mark(room: Stockroom) -> None:
    """Feature G-G2: who marks an item again locks the mark: nobody decides past the change that it speaks of."""
    next_export(room, 0, 40)
    room.settle()
    room.mark("BOLT", "NUT")
    by = Cause(source=CauseSource.USER, actor="test")
    with transaction(room.engine, by) as session:
        marks.mark(session, ["BOLT"], "a change that is not committed yet")
        assert room.decide().items == 1  # the other one
    assert room.decide().items == 1


def test_orders_that_a_death_left_untold_are_told_by_the_next_look(room: Stockroom) -> None:
    """Feature G-F6."""
    room.stock_items(item("NUT", sell_uom="EA", units_per_sell_uom=1))
    next_export(room, 0, 2)
    line = order_line(sku="NUT", quantity=Decimal(5), uom="EA")
    room.know(order(line, number="SO1", version_at=hours(-1)))
    assert room.decide().orders == ["SO1"]
    assert room.decide().orders == ["SO1"], "nobody has said so yet"
    assert room.decide(told=["SO1"]).orders == []


def test_an_item_that_cannot_be_decided_holds_up_no_other(room: Stockroom) -> None:
    """Case X5: it is work for a person, which ends when a decision succeeds."""
    next_export(room, 0, 40)
    by = Cause(source=CauseSource.USER, actor="test")
    odd = "UPDATE stock_levels SET counts = '[{\"bucket\": \"sellable\"}]' WHERE sku = 'NUT'"
    with transaction(room.engine, by) as session:
        session.execute(text(odd))
    room.settle()
    assert {key for key, one in room.shown().items() if one["On_Hand__c"] == 40} == {"BOLT|ATL", "PIPE|ATL"}
    (undecided,) = room.work("stock_undecided")
    assert "of NUT could not be decided (KeyError)" in undecided.sentence
    with transaction(room.engine, by) as session:
        session.execute(
            text("UPDATE stock_levels SET counts = other.counts FROM stock_levels other WHERE other.sku = 'BOLT'")
        )
    room.mark("NUT")
    room.settle()
    assert on_hand(room) == {40}
    assert room.work("stock_undecided") == []


def test_a_part_that_is_older_than_the_whole_is_no_reason_to_keep_a_number(room: Stockroom) -> None:
    """Case I7: stock of another warehouse that nobody has confirmed for long makes the total unknown, at once."""
    next_export(room, 0, 40)
    room.settle()
    old = Base(
        effective_at=hours(-30),
        sequence=0,
        event_id="elsewhere",
        source="ELSEWHERE line 1",
        counts=(BucketCount(bucket="sellable", on_hand=Decimal(5)),),
    )
    by = Cause(source=CauseSource.USER, actor="test")
    with transaction(room.engine, by) as session:
        levels.write(session, [Balance(sku="BOLT", warehouse="RNO", base=old)], {})
    room.mark("BOLT")
    room.settle()
    products = room.shown("Product2", "ERP_SKU__c")
    assert products["BOLT"]["Available_Qty__c"] is None
    assert products["NUT"]["Available_Qty__c"] == 40


def test_a_row_that_fails_each_time_is_work_for_people_and_holds_up_nothing(room: Stockroom) -> None:
    """Case X5: with neighbours or alone, it makes no attempt fail; after a day it is said once more."""
    room.org.fault("status", path="/composite/sobjects", status=500, contains="NUT", times=0)
    next_export(room, 0, 40)
    assert (room.settle().refused, room.settle().refused) == (2, 0)  # the row and its total
    assert {key for key, one in room.shown().items() if one["On_Hand__c"] == 40} == {"BOLT|ATL", "PIPE|ATL"}
    (refused,) = room.work("stock_rows_refused")
    assert "2 rows of stock (UNKNOWN_EXCEPTION): NUT, NUT|ATL" in refused.sentence
    room.org.clear_faults()
    a_day_passes(room)
    assert room.settle().accepted == 2
    assert on_hand(room) == {40}
    assert room.work("stock_rows_refused") == []


def test_an_item_that_is_made_later_is_shown_after_a_day(room: Stockroom) -> None:
    """Case X5: nobody has to ask for it."""
    room.export(*export(0, [row("LATE", 40)]))
    assert (room.settle().refused, room.settle().refused) == (2, 0)
    a_day_passes(room)
    assert room.settle().refused == 2  # once more, and not again today
    assert room.settle().refused == 0
    room.org.control("POST", "/seed", {"items": [{"sku": "LATE", "description": "LATE", "list_price": "1"}]})
    assert room.settle().accepted == 0
    a_day_passes(room)
    assert room.settle().accepted == 2


def a_day_passes(room: Stockroom) -> None:
    by = Cause(source=CauseSource.USER, actor="test")
    with transaction(room.engine, by) as session:
        session.execute(text("UPDATE stock_statements SET said_at = said_at - interval '25 hours'"))


def test_refused_rows_are_work_while_others_wait(room: Stockroom) -> None:
    """Cases X1, X5: levels are answered, totals are not: what was answered is kept, and the refusal is told."""
    room.org.fault("status", path="/composite/sobjects/Product2", status=503, times=0)
    room.export(*export(0, [*stock(40), row("ALIEN", 40)]))
    with pytest.raises(ApplicationError):
        room.settle()
    (refused,) = room.work("stock_rows_refused")
    assert "1 rows of stock (item_not_in_salesforce): ALIEN|ATL" in refused.sentence
    room.org.clear_faults()
    with writes(room.org) as calls:
        room.show()
    assert len(calls) == 1  # the totals
