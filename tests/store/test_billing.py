"""What billing looks at: everything that bears on a shipment, loaded and locked at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from threading import Event

from sqlalchemy import Engine
from sqlmodel import Session

from domain.exceptions import Cause as Why
from domain.exceptions import Choice, Resolution
from domain.shipments import Shipment, ShipmentState
from store import billing, exceptions, orders, shipments
from store.billing import Situation
from store.causes import Cause
from store.session import transaction
from tests.build import line, order, order_for, order_line, shipment
from tests.store.books import book, held, intend, masters, place_order, state


def situation(session: Session, number: str = "SH1") -> Situation:
    session.flush()
    session.expire_all()
    (one,) = billing.situations(session, [number], ("FREIGHT",))
    return one


def decided(
    session: Session, why: Why, choice: Choice, value: str | None = None, *, ago: timedelta = timedelta(0)
) -> None:
    resolution = Resolution(
        exception_id=held(session, "SH1", why),
        choice=choice,
        value=value,
        reason="agreed",
        decided_by="dana",
        decided_at=datetime.now(UTC) - ago,
    )
    exceptions.resolve(session, resolution)


def test_all_that_bears_on_a_shipment_is_there(session: Session) -> None:
    given = shipment(line(1), line(2, sku="NUT"))
    masters(session, "BOLT", "NUT", "PIPE")
    place_order(session, given)
    state(session, given)
    one = situation(session)
    assert (one.shipment, one.order, one.intent, one.pending) == (given, order_for(given), None, None)
    assert one.customer is not None
    assert set(one.items) == {"BOLT", "NUT"}
    assert one.links.items == {sku: f"qb-{sku}" for sku in ("BOLT", "NUT", "FREIGHT")}
    assert one.links.customers == {"00000042": "qb-00000042"}
    assert one.stake == Decimal("50.00")


def test_what_is_not_known_is_none_and_the_rest_is_there(session: Session) -> None:
    """M1, M2, O6."""
    state(session, shipment())
    one = situation(session)
    assert (one.order, one.customer, dict(one.items), dict(one.links.items)) == (None, None, {}, {})


def test_situations_come_in_the_order_asked_for_and_unknown_shipments_are_left_out(session: Session) -> None:
    state(session, shipment(number="A"), shipment(number="B"))
    found = billing.situations(session, ["B", "nobody", "A"])
    assert [one.row.number for one in found] == ["B", "A"]


def test_shipped_before_counts_what_is_billed_or_being_billed_in_the_orders_unit(session: Session) -> None:
    """O3, O4, E3: others of the same order, never itself, never what is held."""
    masters(session, "BOLT")
    parts = {
        "A": line(quantity_shipped=Decimal(200)),
        "B": line(quantity_shipped=Decimal(3), uom="BX"),
        "C": line(quantity_shipped=Decimal(7)),
        "SH1": line(quantity_shipped=Decimal(1)),
    }
    made = {number: shipment(part, number=number) for number, part in parts.items()}
    orders.upsert(session, [order(order_line(quantity=Decimal(9), uom="BX", unit_price=Decimal(250)))])
    state(session, *made.values())
    for number, reached in (("A", ShipmentState.INTENDED), ("B", ShipmentState.INVOICED), ("C", ShipmentState.HELD)):
        shipments.set_state(session, shipments.lock_many(session, [number])[number], reached)
    assert situation(session).shipped_before[1] == Decimal(5)
    assert situation(session, "A").shipped_before[1] == Decimal(3)


def test_decisions_of_people_are_folded_in_order(session: Session) -> None:
    state(session, shipment())
    decided(session, Why.UNKNOWN_ORDER, Choice.DO_NOT_BILL, ago=timedelta(seconds=-5))
    decided(session, Why.PRICE_DIFFERS, Choice.BILL_AGAIN, ago=timedelta(seconds=-9))
    one = situation(session)
    assert not one.rulings.do_not_bill
    assert one.decided(Choice.BILL_AGAIN)
    assert not one.decided(Choice.BILL_ALL)


def test_an_item_named_for_one_exception_stands_for_its_subjects_only(session: Session) -> None:
    """M1."""
    masters(session, "BOLT")
    state(session, shipment(line(1, sku="WIDGET")))
    decided(session, Why.UNKNOWN_ITEM, Choice.USE_ITEM, "WIDGET=BOLT", ago=timedelta(seconds=-5))
    one = situation(session)
    assert dict(one.rulings.items) == {"WIDGET": "BOLT"}
    assert set(one.items) == {"BOLT"}


def test_a_decision_on_an_earlier_statement_does_not_bind_a_later_one(session: Session) -> None:
    state(session, shipment())
    decided(session, Why.UNKNOWN_ORDER, Choice.DO_NOT_BILL, ago=timedelta(minutes=1))
    state(session, shipment(freight=Decimal(9)))
    assert not situation(session).rulings.do_not_bill


def test_only_a_decision_after_a_refusal_answers_it(session: Session) -> None:
    state(session, shipment())
    decided(session, Why.INVOICE_REJECTED, Choice.RETRY, ago=timedelta(seconds=-5))
    one = situation(session)
    now = datetime.now(UTC)
    assert one.decision_after(None) == one.decision_after(now) == one.resolutions[-1]
    assert one.decision_after(now + timedelta(seconds=60)) is None


def test_a_later_statement_of_a_billed_shipment_is_pending(session: Session) -> None:
    """F9."""
    given = shipment()
    state(session, given)
    book(session, given, "7")
    later = given.model_copy(update={"freight": Decimal(9)})
    file_id = state(session, later)
    one = situation(session)
    assert one.pending is not None
    assert (one.shipment, one.pending.shipment, one.pending.row.revision) == (given, later, 2)
    assert one.pending.row.source_file_id == file_id
    assert billing.pending_of(session, one.row) == one.pending


def test_the_newest_intent_is_the_one_that_counts(session: Session) -> None:
    given = shipment()
    state(session, given)
    row = intend(session, given)
    found = situation(session).intent
    assert found is not None
    assert found.id == row.id


def test_two_looks_at_one_order_wait_for_each_other(engine: Engine, cause: Cause) -> None:
    """O3: whoever comes second is weighed against what the first has taken."""
    parts = [shipment(line(quantity_shipped=Decimal(6)), number=number) for number in ("A", "B")]
    with transaction(engine, cause) as session:
        masters(session, "BOLT")
        orders.upsert(session, [order()])
        state(session, *parts)
    looked = Event()

    def first() -> None:
        with transaction(engine, cause) as session:
            (one,) = billing.situations(session, ["A"])
            looked.set()
            shipments.set_state(session, one.row, ShipmentState.INTENDED)

    def second() -> Decimal:
        looked.wait(10)
        with transaction(engine, cause) as session:
            (one,) = billing.situations(session, ["B"])
            return one.shipped_before[1]

    with ThreadPoolExecutor(2) as pool:
        done = [pool.submit(first), pool.submit(second)]
        assert done[1].result() == Decimal(6)


def test_an_order_that_is_not_locked_does_not_count_yet(session: Session) -> None:
    """O6: an order that comes while the shipment is looked at is seen by the next look, under its lock."""
    given: Shipment = shipment()
    state(session, given)
    assert billing.lock_orders(session, [given.order_number]) == set()
    place_order(session, given)
    assert billing.lock_orders(session, [given.order_number, "other"]) == {given.order_number}
