"""The credit gate on real PostgreSQL: new orders of one customer are weighed one after the other (case O17)."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import Engine

from activities.credit_gate import held_states
from activities.order import SettlingActivities
from activities.order_settlement import Settlement, SettlingRules
from domain.exceptions import Cause as Why
from domain.lifecycle import Lifecycle
from store import balances, customers
from tests.activities.test_order_settlement import LIFECYCLE, Desk
from tests.build import customer, order_line

CUSTOMER = "00000042"


class Gated(Desk):
    """A desk that holds new orders of customers over their limit, which is 100."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        held = self.rules.company.orders.model_copy(update={"credit": "hold"})
        self.rules = SettlingRules(self.rules.company.model_copy(update={"orders": held}), LIFECYCLE)
        self.looks = SettlingActivities(engine, self.rules, lambda: self.now)
        with self.writing() as session:
            customers.upsert(session, [customer(credit_limit=Decimal(100))])

    def owes(self, amount: int) -> None:
        with self.writing() as session:
            balances.keep(session, {CUSTOMER: (Decimal(amount), self.now)})

    def order(self, number: str, amount: int) -> None:
        """An order over so much money."""
        line = order_line(1, quantity=Decimal(amount), unit_price=Decimal(1))
        self.place(number=number, external_id=f"801{number}", lines=(line,))

    def states(self, *numbers: str) -> dict[str, str]:
        return {one.order_number: one.state for one in self.settle(*numbers)}

    def look_at_all(self) -> dict[str, str]:
        """Settle what is marked."""
        return {one.order_number: one.state for one in self.looks.settle_marked() or ()}


@pytest.fixture
def desk(engine: Engine) -> Gated:
    return Gated(engine)


def test_a_new_order_over_the_limit_waits_and_goes_on_when_it_is_paid(desk: Gated) -> None:
    desk.owes(90)
    desk.place()
    (settled,) = desk.settle()
    assert (settled.state, settled.shows, settled.allowed) == ("exposed", "Credit Hold", ["release", "cancel"])
    assert desk.open_causes() == [Why.ORDER_NEEDS_DECISION]

    desk.later()
    desk.owes(0)
    (settled,) = desk.settle()
    assert (settled.state, desk.open_causes()) == ("accepted", [])


def test_a_person_may_release_what_is_over_the_limit(desk: Gated) -> None:
    """Their word is not taken back by the next look."""
    desk.order("SO1", 101)
    assert desk.states("SO1") == {"SO1": "exposed"}
    desk.later()
    desk.decide("release")
    assert desk.states("SO1") == {"SO1": "accepted"}
    desk.later()
    assert desk.states("SO1") == {"SO1": "accepted"}


@pytest.mark.parametrize("together", [True, False])
def test_two_orders_that_fit_alone_do_not_both_pass(desk: Gated, together: bool) -> None:
    desk.order("SO1", 60)
    desk.order("SO2", 60)
    found = desk.states("SO2", "SO1") if together else desk.states("SO1") | desk.states("SO2")
    assert found == {"SO1": "accepted", "SO2": "exposed"}


def test_what_is_held_takes_nothing_from_other_orders(desk: Gated) -> None:
    desk.order("SO1", 150)
    assert desk.states("SO1") == {"SO1": "exposed"}
    desk.order("SO2", 90)
    assert desk.states("SO1", "SO2") == {"SO1": "exposed", "SO2": "accepted"}


def test_a_held_order_is_looked_at_when_another_order_of_its_customer_is_given_up(desk: Gated) -> None:
    desk.order("SO1", 60)
    desk.order("SO2", 60)
    desk.states("SO1", "SO2")
    desk.looks.forget_moved(desk.looks.moved_customers())
    desk.look_at_all()
    assert desk.looks.moved_customers() == {}, "a look that changed nothing is no news"

    desk.later()
    desk.place(number="SO1", external_id="801SO1", status="Cancelled", active=False)
    assert desk.states("SO1") == {"SO1": "cancelled"}
    assert list(desk.looks.moved_customers()) == [CUSTOMER]
    assert desk.look_at_all() == {"SO2": "accepted"}


def test_processes_weigh_orders_of_one_customer_in_turn(desk: Gated) -> None:
    """Six orders that fit alone, six processes: one passes."""
    numbers = [f"SO{number}" for number in range(6)]
    for number in numbers:
        desk.order(number, 60)
    gate = threading.Barrier(len(numbers))

    def settle(number: str) -> str:
        gate.wait()
        with desk.writing() as session:
            return Settlement(session, desk.rules, desk.now).settle([number])[0].state

    with ThreadPoolExecutor(len(numbers)) as pool:
        found = list(pool.map(settle, numbers))
    assert sorted(found) == ["accepted", *["exposed"] * 5]


def test_a_lifecycle_may_have_no_state_for_customers_over_their_limit() -> None:
    other = Path("config/examples/lifecycle-project-sales.toml").read_text(encoding="utf-8")
    assert held_states(LIFECYCLE) == ("exposed",)
    assert held_states(Lifecycle.parse(other)) == ()
