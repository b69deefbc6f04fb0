"""Exception items: one open piece of work per record and cause, closed once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from threading import Thread
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import Engine, text
from sqlmodel import Session

from domain.errors import Duplicate, Missing
from domain.exceptions import Cause as Why
from domain.exceptions import Choice, ExceptionKind, ExceptionState, Finding, Resolution
from store import exception_work, exceptions
from store.causes import Cause
from store.exception_work import Order, Wanted
from store.session import reading, transaction

AT = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)


def finding(cause: Why = Why.UNKNOWN_ITEM, subject: str = "SKU-9", sentence: str = "No such item.") -> Finding:
    return Finding(
        kind=ExceptionKind.HOLD,
        cause=cause,
        sentence=sentence,
        choices=(Choice.USE_ITEM, Choice.DO_NOT_BILL),
        line_no=2,
        subject=subject,
    )


def opened(session: Session, key: str = "SHP-1", stake: str | None = "201.25", **more: Any) -> str:
    first = finding(**more)
    return exceptions.open_item(
        session,
        finding=first,
        findings=[first],
        choices=first.choices,
        record=("shipment", key),
        money_at_stake=None if stake is None else Decimal(stake),
        owner="billing",
        workflow_id=f"shipment/{key}",
    )


def resolution(exception_id: str, choice: Choice = Choice.DO_NOT_BILL) -> Resolution:
    return Resolution(exception_id=exception_id, choice=choice, reason="sample", decided_by="ana", decided_at=AT)


def test_an_item_comes_back_as_it_was_opened(session: Session) -> None:
    item = exceptions.get(session, opened(session))
    assert item is not None
    assert (item.kind, item.state, item.cause) == (ExceptionKind.HOLD, ExceptionState.OPEN, Why.UNKNOWN_ITEM)
    assert (item.money_at_stake, item.owner, item.workflow_id) == (Decimal("201.25"), "billing", "shipment/SHP-1")
    assert item.findings == (finding(),)
    assert item.choices == (Choice.USE_ITEM, Choice.DO_NOT_BILL)


def test_the_same_cause_on_the_same_record_collapses(session: Session) -> None:
    """G-I2: repeats bring the open item up to date, and are counted."""
    first = opened(session)
    assert exceptions.get(session, first) is not None
    assert opened(session, stake="99.00", sentence="Still no such item.") == first
    item = exceptions.get(session, first)
    assert item is not None
    assert (item.sentence, item.money_at_stake) == ("Still no such item.", Decimal("99.00"))
    assert session.execute(text("SELECT seen_count FROM exceptions")).scalars().all() == [2]
    assert opened(session, cause=Why.PRICE_DIFFERS) != first
    assert opened(session, "SHP-2") != first


def test_many_workers_open_one_item(engine: Engine, cause: Cause) -> None:
    ids: list[str] = []

    def work() -> None:
        with transaction(engine, cause) as mine:
            ids.append(opened(mine))

    threads = [Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(ids) == 6
    assert len(set(ids)) == 1


def test_a_person_decides_once(session: Session) -> None:
    exception_id = opened(session)
    item = exceptions.resolve(session, resolution(exception_id))
    assert (item.state, item.closed_at, item.resolution) == (ExceptionState.RESOLVED, AT, resolution(exception_id))
    assert exceptions.resolve(session, resolution(exception_id)) == item
    with pytest.raises(Duplicate):
        exceptions.resolve(session, resolution(exception_id, Choice.RETRY))
    for unknown in (str(uuid4()), "no id"):
        with pytest.raises(Missing):
            exceptions.resolve(session, resolution(unknown))
        assert exceptions.get(session, unknown) is None


def test_a_cause_that_comes_back_is_new_work(session: Session) -> None:
    first = opened(session)
    exceptions.resolve(session, resolution(first))
    assert opened(session) != first
    found = exceptions.latest_resolution(session, ("shipment", "SHP-1"), Why.UNKNOWN_ITEM)
    assert found == resolution(first)
    assert exceptions.latest_resolution(session, ("shipment", "SHP-1"), Why.PRICE_DIFFERS) is None


def test_what_went_away_closes_by_itself(session: Session) -> None:
    gone, kept = opened(session), opened(session, cause=Why.PRICE_DIFFERS)
    other = opened(session, "SHP-2")
    assert exceptions.close_by_itself(session, ("shipment", "SHP-1"), AT, keep=[Why.PRICE_DIFFERS]) == [gone]
    item = exceptions.get(session, gone)
    assert item is not None
    assert (item.state, item.closed_at) == (ExceptionState.SELF_RESOLVED, AT)
    assert [one.id for one in exceptions.open_of_record(session, ("shipment", "SHP-1"))] == [kept]
    assert exceptions.close_by_itself(session, ("shipment", "SHP-9"), AT) == []
    assert [one.id for one in exceptions.open_of_record(session, ("shipment", "SHP-2"))] == [other]


def test_what_waits_for_a_cause_is_found_by_its_subject(session: Session) -> None:
    opened(session, "SHP-1", subject="A")
    opened(session, "SHP-2", subject="B")
    opened(session, "SHP-3", cause=Why.UNKNOWN_CUSTOMER, subject="A")
    causes = [Why.UNKNOWN_ITEM, Why.ITEM_NOT_LINKED]
    assert sorted(exceptions.waiting_shipments(session, causes)) == ["SHP-1", "SHP-2"]
    assert exceptions.waiting_shipments(session, causes, ["A", "C"]) == ["SHP-1"]
    assert exceptions.waiting_shipments(session, [Why.TERMS_UNKNOWN]) == []


def test_items_are_listed_newest_first_or_by_money(engine: Engine, cause: Cause) -> None:
    """G-I1: ranked by age or by what they cost."""
    ids = {}
    for key, stake in (("SHP-1", "10.00"), ("SHP-2", None), ("SHP-3", "900.00"), ("SHP-4", "10.00")):
        with transaction(engine, cause) as session:
            ids[opened(session, key, stake)] = key
    with reading(engine) as session:
        listed: dict[bool, list[str]] = {True: [], False: []}
        for by_money, keys in listed.items():
            cursor = None
            while cursor is not None or not keys:
                found = exception_work.page(
                    session, order=Order.MONEY if by_money else Order.NEWEST, limit=1, cursor=cursor
                )
                keys.extend(ids[one.id] for one in found.items)
                cursor = found.next_cursor
        assert listed[False] == ["SHP-4", "SHP-3", "SHP-2", "SHP-1"]
        assert (listed[True][0], listed[True][3]) == ("SHP-3", "SHP-2")
        assert sorted(listed[True]) == ["SHP-1", "SHP-2", "SHP-3", "SHP-4"]


def test_lists_are_filtered(session: Session) -> None:
    first = opened(session)
    opened(session, "SHP-2", cause=Why.PRICE_DIFFERS)
    exceptions.resolve(session, resolution(first))
    assert [one.id for one in exception_work.page(session, Wanted(state=ExceptionState.RESOLVED)).items] == [first]
    assert [one.record_key for one in exception_work.page(session, Wanted(cause=Why.PRICE_DIFFERS)).items] == ["SHP-2"]
    assert exception_work.page(session, Wanted(kind=ExceptionKind.CONFLICT)).items == ()
    assert len(exception_work.page(session, Wanted(record_type="shipment", owner="billing")).items) == 2
    assert exceptions.open_counts(session) == {(ExceptionKind.HOLD, Why.PRICE_DIFFERS): (1, Decimal("201.25"))}


def test_closing_is_in_the_change_log(engine: Engine, cause: Cause) -> None:
    with transaction(engine, cause) as session:
        exception_id = opened(session)
    with transaction(engine, cause) as session:
        exceptions.close_by_itself(session, ("shipment", "SHP-1"), AT + timedelta(minutes=1))
    with reading(engine) as session:
        found = session.execute(text("SELECT row_key, before, after FROM change_log WHERE operation = 'update'")).one()
    assert found.row_key == exception_id
    assert found.before == {"state": "open", "closed_at": None, "closed_because": None}
    assert found.after["state"] == "self_resolved"
