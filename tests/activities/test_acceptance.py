"""New orders of Salesforce get one number each, without a gap, whatever dies, is lost, repeats or comes between."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, cast

import pytest
from sqlalchemy import Engine, select, update
from sqlmodel import col
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.orders import TO_WAKE, OrderActivities
from adapters.salesforce.gateway import SalesforceGateway
from domain.exceptions import Cause as Why
from domain.exceptions import ExceptionItem
from domain.order_acceptance import NumberRules
from domain.orders import Order
from domain.work import OrdersNamed, OrdersPulled, OrdersWork
from store import cursors, exceptions, items, orders
from store.session import reading, transaction
from store.tables.files import InboxRow
from store.tables.lifecycle import OrderMarkRow
from store.tables.order_numbers import NewOrderRow
from tests.activities.salesroom import BY, CUSTOMER
from tests.activities.worker import Death, Life, MortalGateway, mortal_engine
from tests.adapters.salesforce import world
from tests.adapters.salesforce.harness import MemoryVault, Twin, gateway_to
from tests.build import item

SKU = world.SKUS[0]
RULES = NumberRules()
Row = dict[str, Any]


@dataclass
class Desk:
    """A store and an org; reps place orders in the one that the other knows nothing of."""

    engine: Engine
    url: str
    org: Twin
    gateway: SalesforceGateway
    rules: NumberRules = RULES
    made: list[str] = field(default_factory=list)

    def place(self, *lines: Row, activate: bool = True, number: str | None = None) -> str:
        """A rep places an order, and numbers neither it nor its lines."""
        bought = [{**line, "line": line.get("line")} for line in lines or (blank(), blank(quantity="2"))]
        body = {**world.order("", bought), "order_no": number, "activate": activate}
        placed = str(self.org.control("POST", "/orders", body)["id"])
        self.made.append(placed)
        return placed

    def change(self, sobject: str, match: Row, **fields: object) -> None:
        """Somebody edits records in Salesforce."""
        self.org.control("POST", f"/records/{sobject}", {"match": match, "fields": fields})

    def pull(self, engine: Engine | None = None, gateway: object = None) -> OrdersPulled:
        """The poll of one process; by default one that lives."""
        pulled: OrdersPulled = ActivityEnvironment().run(self._activities(engine, gateway).pull_orders, OrdersWork())
        return pulled

    def read(self, *ids: str, lines: tuple[str, ...] = (), gateway: object = None) -> OrdersPulled:
        """A hint named these."""
        work = OrdersNamed(order_ids=list(ids), line_ids=list(lines))
        pulled: OrdersPulled = ActivityEnvironment().run(self._activities(None, gateway).read_orders, work)
        return pulled

    def _activities(self, engine: Engine | None, gateway: object) -> OrderActivities:
        reading = cast("SalesforceGateway", gateway or self.gateway)
        return OrderActivities(engine or self.engine, reading, self.rules)

    def later(self) -> None:
        """What waits for its turn has it now."""
        with transaction(self.engine, BY) as session:
            session.execute(update(NewOrderRow).values(look_at=col(NewOrderRow.look_at) - timedelta(days=1)))

    def record(self, order_id: str, sobject: str = "Order") -> Row:
        rows: list[Row] = self.org.control("GET", f"/records/{sobject}")["records"]
        return next(row for row in rows if row["Id"] == order_id)

    def number(self, order_id: str) -> str | None:
        return cast("str | None", self.record(order_id)["ERP_Order_Id__c"])

    def lines(self, order_id: str) -> list[Row]:
        rows: list[Row] = self.org.control("GET", "/records/OrderItem")["records"]
        return sorted((row for row in rows if row["OrderId"] == order_id), key=lambda row: str(row["Id"]))

    def line_numbers(self, order_id: str) -> list[int | None]:
        return [None if row["ERP_Line_No__c"] is None else int(row["ERP_Line_No__c"]) for row in self.lines(order_id)]

    def known(self, *numbers: str) -> dict[str, Order]:
        with reading(self.engine) as session:
            return orders.get_many(session, numbers)

    def work_on(self, key: str) -> list[ExceptionItem]:
        with reading(self.engine) as session:
            return exceptions.open_of_record(session, ("order", key))

    def to_look(self) -> list[str]:
        with reading(self.engine) as session:
            return sorted(session.scalars(select(col(OrderMarkRow.order_number))))

    def waiting(self) -> dict[str, str | None]:
        with reading(self.engine) as session:
            return {row.external_id: row.lacks for row in session.scalars(select(NewOrderRow))}


def blank(sku: str = SKU, quantity: str = "4", **changes: Any) -> Row:
    """A line without a number and a unit."""
    return {**world.line(1, sku, quantity, "2.50"), "line": None, "uom": None, **changes}


@pytest.fixture
def desk(engine: Engine, database_url: str, served_org: Twin) -> Iterator[Desk]:
    served_org.reset()
    served_org.control("POST", "/seed", world.world([]))
    with transaction(engine, BY) as session:
        items.upsert(session, [item(sku, sell_uom="BX") for sku in world.SKUS])
    gateway = gateway_to(served_org.url, MemoryVault(), read_timeout=2)
    yield Desk(engine, database_url, served_org, gateway)
    gateway.close()


def test_a_new_order_gets_its_number_its_lines_and_their_units(desk: Desk) -> None:
    order = desk.place(blank(), blank(world.SKUS[1], uom="EA"), blank(unit_price="0"))
    pulled = desk.pull()

    assert (pulled.accepted, pulled.changed) == (1, ["SO900001"])
    assert desk.number(order) == "SO900001"
    assert desk.line_numbers(order) == [1, 2, 3]
    assert [row["UoM__c"] for row in desk.lines(order)] == ["BX", "EA", "BX"]
    kept = desk.known("SO900001")["SO900001"]
    assert kept.external_id == order
    assert kept.customer_number == CUSTOMER
    assert [(line.line_no, line.uom) for line in kept.lines] == [(1, "BX"), (2, "EA"), (3, "BX")]
    assert desk.to_look() == ["SO900001"]
    assert desk.record(order)["Status"] == "Activated", "nothing but our own fields is written"


def test_numbers_follow_one_another(desk: Desk) -> None:
    placed = [desk.place() for _ in range(3)]
    desk.pull()
    placed.append(desk.place())
    desk.pull()

    assert sorted(str(desk.number(one)) for one in placed) == [f"SO90000{place}" for place in (1, 2, 3, 4)]


def test_numbers_that_orders_have_are_passed_over(desk: Desk) -> None:
    desk.place(blank(line=1, uom="EA"), number="SO900001")
    desk.place(blank(line=1, uom="EA"), number="SO900003")
    desk.pull()
    placed = [desk.place(), desk.place()]
    desk.pull()

    assert sorted(str(desk.number(one)) for one in placed) == ["SO900002", "SO900004"]


def test_an_echo_of_our_own_writing_changes_nothing(desk: Desk) -> None:
    order = desk.place()
    desk.pull()
    with transaction(desk.engine, BY) as session:
        cursors.strike(session, TO_WAKE, ["SO900001"])
    writes = len(desk.org.calls("PATCH", "composite"))
    for again in (desk.pull(), desk.read(order)):
        assert (again.changed_count, again.accepted) == (0, 0)
    assert len(desk.org.calls("PATCH", "composite")) == writes


def test_a_hint_brings_the_number_too(desk: Desk) -> None:
    order, other = desk.place(), desk.place()
    read = desk.read(order)

    assert (read.accepted, read.changed) == (1, ["SO900001"])
    assert desk.number(order) == "SO900001"
    assert desk.number(other) is None, "nobody asked for it"


def test_a_hint_of_a_line_reads_its_order(desk: Desk) -> None:
    order = desk.place()
    desk.pull()
    line = str(desk.lines(order)[0]["Id"])
    desk.change("OrderItem", {"Id": line}, Quantity=9)

    assert desk.read(lines=(line,)).changed == ["SO900001"]
    assert desk.known("SO900001")["SO900001"].lines[0].quantity == 9


def test_hints_of_nothing_do_nothing(desk: Desk) -> None:
    unknown = "801TW0000000zzzYAA"
    assert desk.read(unknown, lines=("802TW0000000zzzYAA",)).read == 0


def test_an_order_that_is_gone_is_read_as_deleted(desk: Desk) -> None:
    order = desk.place()
    desk.pull()
    desk.change("Order", {"Id": order}, Status="Draft")
    desk.org.control("DELETE", f"/records/Order/{order}")

    assert desk.read(order).changed == ["SO900001"]
    assert desk.known("SO900001")["SO900001"].deleted


def test_a_hint_never_puts_an_older_state_over_a_newer_one(desk: Desk) -> None:
    order = desk.place()
    desk.pull()
    pages = list(desk.gateway.orders_by_id([order]))
    desk.org.control("PATCH", "/clock", {"advance_seconds": 5})
    desk.change("Order", {"Id": order}, PoNumber="PO-NEW")
    desk.pull()

    class Late:
        """A read that was on its way for long."""

        def orders_by_id(self, _: object) -> Any:
            return iter(pages)

        def orders_of_lines(self, _: object) -> list[str]:
            return []

    assert desk.read(order, gateway=Late()).changed == []
    assert desk.known("SO900001")["SO900001"].purchase_order == "PO-NEW"


def test_a_draft_is_left_alone_until_it_is_activated(desk: Desk) -> None:
    order = desk.place(activate=False)
    assert desk.pull().accepted == 0
    assert desk.number(order) is None
    assert desk.work_on(order) == []

    desk.change("Order", {"Id": order}, Status="Activated")
    assert desk.pull().accepted == 1


def test_the_statuses_that_count_can_be_named(desk: Desk) -> None:
    order, draft = desk.place(), desk.place(activate=False)
    desk.rules = NumberRules(statuses=("Draft",))
    desk.pull()
    assert (desk.number(order), desk.number(draft)) == (None, "SO900001")


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ((blank(quantity="0"),), "no quantity above zero"),
        ((blank(line=1), blank(line=1)), "2 lines have the number 1"),
        ((blank(line=0),), "a line has the number 0"),
    ],
)
def test_what_the_erp_cannot_take_is_work_for_a_person(desk: Desk, lines: tuple[Row, ...], said: str) -> None:
    order = desk.place(*lines)
    desk.pull()
    (work,) = desk.work_on(order)

    assert work.cause is Why.ORDER_INCOMPLETE
    assert said in work.sentence
    assert desk.number(order) is None
    assert desk.line_numbers(order) == [line["line"] for line in lines], "nothing is written until all is there"


def test_an_order_heals_when_what_it_lacks_is_there(desk: Desk) -> None:
    """The account is completed, the product and the item master; the order itself never changes."""
    order = desk.place(blank(world.SKUS[1]))
    account = desk.record(order)["AccountId"]
    product = desk.lines(order)[0]["Product2Id"]
    desk.change("Account", {"Id": account}, ERP_Id__c=None)
    desk.change("Product2", {"Id": product}, ERP_SKU__c="NEW-SKU")
    desk.pull()
    (work,) = desk.work_on(order)
    assert "its account has no ERP number" in work.sentence
    assert "no unit, and item NEW-SKU is not in the item master" in work.sentence

    desk.change("Account", {"Id": account}, ERP_Id__c=CUSTOMER)
    with transaction(desk.engine, BY) as session:
        items.upsert(session, [item("NEW-SKU")])
    desk.later()
    assert desk.pull().accepted == 1
    assert desk.work_on(order) == []
    assert desk.number(order) == "SO900001"
    assert desk.waiting() == {}


def test_what_lacks_something_is_not_asked_for_at_each_poll(desk: Desk) -> None:
    """Each look costs calls of the day's pool."""
    order = desk.place()
    desk.change("Account", {"Id": desk.record(order)["AccountId"]}, ERP_Id__c=None)
    desk.pull()
    desk.org.control("PATCH", "/clock", {"advance_seconds": 3600})
    with transaction(desk.engine, BY) as session:
        cursors.advance(session, "salesforce-orders", cursors_later(desk))
    before = len(desk.org.calls("GET", "queryAll"))
    desk.pull()
    assert len(desk.org.calls("GET", "queryAll")) - before == 2, "the poll alone: its orders and its lines"


def cursors_later(desk: Desk) -> Any:
    with reading(desk.engine) as session:
        at = cursors.position(session, "salesforce-orders")
    assert at is not None
    return at + timedelta(minutes=30)


def test_an_order_that_is_withdrawn_waits_no_longer(desk: Desk) -> None:
    order = desk.place(blank(quantity="0"))
    desk.pull()
    desk.change("Order", {"Id": order}, Status="Draft")
    desk.later()
    desk.pull()

    assert desk.work_on(order) == []
    assert desk.waiting() == {}


def test_a_refused_number_is_said_and_tried_again(desk: Desk) -> None:
    order, other = desk.place(), desk.place()
    rule = {"object": "Order", "field": "ERP_Order_Id__c", "equals": "SO900001", "message": "Frozen.", "on_field": ""}
    desk.org.control("PATCH", "/settings", {"validation_rules": [rule]})
    desk.pull()
    refused, fine = sorted((order, other), key=lambda one: desk.number(one) or "")
    (work,) = desk.work_on(refused)
    assert work.cause is Why.ORDER_NUMBER_REFUSED
    assert "SO900001" in work.sentence
    assert "Frozen." in work.sentence
    assert desk.number(fine) == "SO900002", "one that is refused holds up no other"

    desk.org.control("PATCH", "/settings", {"validation_rules": []})
    desk.later()
    desk.pull()
    assert desk.number(refused) == "SO900001"
    assert desk.work_on(refused) == []


def test_without_the_right_to_edit_activated_orders_it_says_so(desk: Desk) -> None:
    order = desk.place()
    desk.org.control("PATCH", "/settings", {"edit_activated_orders": False})
    pulled = desk.pull()

    assert pulled.accepted == 0
    (work,) = desk.work_on(order)
    assert work.cause is Why.ORDER_NUMBER_REFUSED


def test_a_number_that_somebody_else_gave_counts(desk: Desk) -> None:
    """It came after ours was committed, and before it was written."""
    order = desk.place(blank(line=1, uom="EA"))
    gateway = Meddled(desk.gateway, lambda: desk.change("Order", {"Id": order}, ERP_Order_Id__c="XX1"))
    pulled = desk.pull(gateway=gateway)
    assert pulled.accepted == 0
    assert desk.number(order) == "XX1", "never written over"

    desk.later()
    assert desk.pull().changed == ["XX1"]
    (work,) = desk.work_on(order)
    assert work.cause is Why.ORDER_NUMBER_REFUSED
    assert "was to be SO900001 and got the number XX1" in work.sentence
    assert desk.known("XX1", "SO900001").keys() == {"XX1"}
    assert desk.waiting() == {}


@dataclass
class Meddled:
    """A gateway before whose writing something happens."""

    gateway: SalesforceGateway
    meddle: Callable[[], None]

    def __getattr__(self, name: str) -> Any:
        if name == "write_numbers":
            self.meddle()
        return getattr(self.gateway, name)


def test_a_line_that_comes_later_gets_the_next_number_and_none_comes_twice(desk: Desk) -> None:
    """O8: the order went back to a draft, a line was removed, another one added."""
    order = desk.place()
    desk.pull()
    desk.change("Order", {"Id": order}, Status="Draft")
    gone = desk.lines(order)[1]
    kept = desk.lines(order)[0]
    desk.org.control("DELETE", f"/records/OrderItem/{gone['Id']}")
    entry = {"OrderId": order, "PricebookEntryId": kept["PricebookEntryId"], "Quantity": 3, "UnitPrice": 1}
    desk.org.control("POST", "/records/OrderItem", {"fields": entry})
    desk.change("Order", {"Id": order}, Status="Activated")
    desk.pull()

    assert sorted(number or 0 for number in desk.line_numbers(order)) == [1, 3]
    assert desk.number(order) == "SO900001"
    assert [line.line_no for line in desk.known("SO900001")["SO900001"].lines] == [1, 3]
    assert desk.work_on("SO900001") == []


@pytest.mark.parametrize("kind", ["commit_then_reset", "commit_then_hang", "reset_before", "hang_before"])
@pytest.mark.parametrize("nth", [0, 1])
def test_a_lost_answer_gives_no_second_number(desk: Desk, kind: str, nth: int) -> None:
    """Of the lines' call, and of the order's: whether it took effect or not."""
    order = desk.place()
    desk.org.fault(kind, method="PATCH", path="/composite/sobjects", skip=nth, times=2, seconds=5)
    for _ in range(4):
        assert may_be_tried_again(desk)
        desk.later()
    desk.org.clear_faults()
    desk.pull()

    assert desk.number(order) == "SO900001"
    assert desk.line_numbers(order) == [1, 2]
    assert desk.known("SO900001")
    assert desk.work_on(order) == []
    after = desk.place()
    desk.pull()
    assert desk.number(after) == "SO900002"


def may_be_tried_again(desk: Desk) -> bool:
    """Whether a poll did its work, or failed so that Temporal tries it again."""
    try:
        desk.pull()
    except ApplicationError as error:
        return not error.non_retryable
    return True


def boundaries(desk: Desk) -> int:
    """How many commits and calls one acceptance passes."""
    desk.place()
    return len(lived(desk, Life()).passed)


def lived(desk: Desk, life: Life) -> Life:
    """One poll in a process of its own, which may die."""
    mortal = mortal_engine(desk.url, life)
    try:
        desk.pull(mortal, MortalGateway(cast("Any", desk.gateway), life))
    except Death:
        pass
    finally:
        mortal.dispose()
    return life


def test_a_death_anywhere_leaves_one_number_and_no_gap(desk: Desk) -> None:
    """The process dies before and after every commit and every call; the next one goes on."""
    last = boundaries(desk)
    assert last > 15
    expected = 1
    for dies_at in range(1, last + 1):
        order = desk.place()
        lived(desk, Life(dies_at=dies_at))
        desk.later()
        desk.pull()
        expected += 1
        number = f"SO{900000 + expected}"
        assert desk.number(order) == number, dies_at
        assert desk.line_numbers(order) == [1, 2], dies_at
        assert desk.known(number), dies_at
    assert desk.waiting() == {}


def test_two_workers_and_many_hints_at_once_give_one_number_each(desk: Desk) -> None:
    placed = [desk.place() for _ in range(6)]
    together = threading.Barrier(8)

    def work(place: int) -> None:
        together.wait()
        if place % 2:
            desk.pull()
        else:
            desk.read(*placed)

    with ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(work, place) for place in range(8)]:
            done.result()
    desk.later()
    desk.pull()

    assert sorted(str(desk.number(one)) for one in placed) == [f"SO90000{place}" for place in range(1, 7)]
    assert all(desk.line_numbers(one) == [1, 2] for one in placed)
    assert len(desk.known(*(f"SO90000{place}" for place in range(1, 7)))) == 6
    assert all(desk.work_on(one) == [] for one in placed)


def test_many_orders_are_accepted_in_few_calls(desk: Desk) -> None:
    for _ in range(120):
        desk.place(blank())
    before = len(desk.org.calls("PATCH", "composite"))
    assert desk.pull().accepted == 120
    assert len(desk.org.calls("PATCH", "composite")) - before == 4, "two batches of a call for lines and one for orders"


def test_when_no_number_is_left_a_person_is_told(desk: Desk) -> None:
    desk.rules = NumberRules(prefix="ZZ", first=99_999_999, digits=8)
    placed = [desk.place(), desk.place()]
    desk.pull()

    numbers = [desk.number(one) for one in placed]
    assert sorted(map(str, numbers)) == ["None", "ZZ99999999"]
    (work,) = desk.work_on(placed[numbers.index(None)])
    assert "begins with ZZ" in work.sentence


def test_what_is_kept_of_a_hint_is_what_the_poll_keeps(desk: Desk) -> None:
    """The same version is one row, whichever way it came."""
    order = desk.place(blank(line=1, uom="EA"), number="SO700310")
    desk.read(order)
    desk.pull()
    with reading(desk.engine) as session:
        rows = session.scalars(select(col(InboxRow.external_id)).where(col(InboxRow.kind) == "order")).all()
    assert len(rows) == 1
