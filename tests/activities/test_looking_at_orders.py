"""Marks of orders on real PostgreSQL: nothing that is marked meanwhile is lost, and nobody waits in a circle."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine, text

from activities.order import LOOKING, SettlingActivities
from activities.order_settlement import Settlement
from store import order_marks
from store.billing import lock_orders
from store.session import if_alone, reading, transaction
from store.stock import marks
from tests.activities.test_order_settlement import CAUSE, Desk


class Hall(Desk):
    """A desk with the step that looks at what is marked."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self.looks = SettlingActivities(engine, self.rules, lambda: self.now)

    def order(self, *numbers: str) -> None:
        for number in numbers:
            self.place(number=number, external_id=f"801{number}")

    def mark(self, *numbers: str) -> None:
        with self.writing() as session:
            order_marks.mark(session, numbers, "test")

    def marked(self) -> list[str]:
        with reading(self.engine) as session:
            return sorted(order_marks.oldest(session, 100))

    def look(self) -> list[str] | None:
        settled = self.looks.settle_marked()
        return None if settled is None else [one.order_number for one in settled]


def until_somebody_waits(engine: Engine) -> None:
    """Until a transaction of this database waits for another one's lock."""
    waits = text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with reading(engine) as session:
            if session.scalar(waits):
                return
        time.sleep(0.02)
    raise AssertionError("nobody waits")


@pytest.fixture
def hall(engine: Engine) -> Hall:
    return Hall(engine)


def test_what_is_marked_is_looked_at_once(hall: Hall) -> None:
    hall.order("SO1", "SO2")
    hall.mark("SO1", "SO2", "SO-UNKNOWN")
    assert hall.looks.has_marked()
    assert hall.look() == ["SO1", "SO2"]
    assert hall.marked() == []
    assert not hall.looks.has_marked()
    assert hall.look() == []


def test_an_order_that_is_marked_again_during_its_look_is_looked_at_again(hall: Hall) -> None:
    """What was committed after the look had read it must not be struck with it."""
    hall.order("SO1")
    hall.mark("SO1")
    with ThreadPoolExecutor(1) as pool:
        with hall.writing() as changing:
            order_marks.mark(changing, ["SO1"], "changed, and not committed yet")
            looking = pool.submit(hall.look)
            until_somebody_waits(hall.engine)
        assert looking.result(30) == ["SO1"], "it had read all before"
    assert hall.marked() == ["SO1"]
    assert hall.look() == ["SO1"]
    assert hall.marked() == []


def test_orders_that_somebody_holds_are_passed_over_and_stay_marked(hall: Hall) -> None:
    hall.order("SO1", "SO2")
    hall.mark("SO1", "SO2")
    with hall.writing() as holding:
        lock_orders(holding, ["SO1"])
        assert hall.look() == ["SO2"]
    assert hall.marked() == ["SO1"]
    assert hall.look() == ["SO1"]


def test_a_second_look_leaves_it_to_the_first(hall: Hall) -> None:
    hall.order("SO1")
    hall.mark("SO1")
    with if_alone(hall.engine, LOOKING) as alone:
        assert alone
        assert hall.look() is None
    assert hall.look() == ["SO1"]


def test_looks_and_statements_of_the_erp_never_wait_in_a_circle(hall: Hall) -> None:
    """Orders are given up while the ERP speaks of them: both mark stock before they touch the marks of orders."""
    numbers = [f"SO{number}" for number in range(8)]
    hall.order(*numbers)
    hall.mark(*numbers)
    hall.look()
    for number in numbers:
        hall.place(number=number, external_id=f"801{number}", status="Cancelled", active=False)
    gate = threading.Barrier(3)

    def speak(turn: int) -> None:
        gate.wait()
        for _ in range(20):
            with transaction(hall.engine, CAUSE) as session:
                marks.mark(session, ["BOLT", "NUT"], f"stated {turn}")
                order_marks.mark(session, numbers, f"stated {turn}")

    def settle(_: int) -> None:
        gate.wait()
        for _ in range(20):
            for number in numbers:
                with transaction(hall.engine, CAUSE) as session:
                    Settlement(session, hall.rules, hall.now).settle([number], strike=True)

    with ThreadPoolExecutor(3) as pool:
        running = [pool.submit(speak, 1), pool.submit(speak, 2), pool.submit(settle, 0)]
        for one in running:
            one.result()
