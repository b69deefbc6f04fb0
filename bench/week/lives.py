"""The life of each order as its people drive it: a generator by fate, that yields until what it waits for is there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal

from bench.week.checks.bills import Bill, lives
from bench.week.evidence import Json, number
from bench.week.people import Bookkeeper, Foreman, Operator, Rep
from bench.week.plan import WAYS, PlannedLine, PlannedOrder

Waiting = Iterator[None]
MORE = Decimal(2)


@dataclass
class Situation:
    """What the people see at one moment: orders in Salesforce by purchase order, the warehouse, the books."""

    numbers: dict[str, str] = field(default_factory=dict)
    orders: dict[str, Json] = field(default_factory=dict)
    shipments: dict[str, list[Json]] = field(default_factory=dict)
    bills: dict[str, Bill] = field(default_factory=dict)


@dataclass
class People:
    """Who works on the orders, and what they see now."""

    rep: Rep
    bookkeeper: Bookkeeper
    foreman: Foreman
    operator: Operator
    now: Situation = field(default_factory=Situation)


class Life:
    """One order and those who drive it."""

    def __init__(self, planned: PlannedOrder, people: People, extra: PlannedLine) -> None:
        self.planned, self._people, self._extra = planned, people, extra
        self.record = ""
        self.waits_for = "its hour"

    @property
    def number(self) -> str:
        """The number that the gateway gave it; empty while it has none."""
        return self._people.now.numbers.get(self.planned.purchase_order, "")

    @property
    def order(self) -> Json | None:
        """The order in the warehouse."""
        return self._people.now.orders.get(self.number)

    @property
    def told(self) -> list[Json]:
        """Its shipments that a file has confirmed."""
        return [one for one in self._people.now.shipments.get(self.number, ()) if one["told"]]

    @property
    def billed(self) -> bool:
        """Every shipment of it that moved goods has an invoice, those that no file has confirmed yet included."""
        shipments = self._people.now.shipments.get(self.number, ())
        moved = [one for one in shipments if any(number(line["shipped"]) for line in one["lines"])]
        return bool(moved) and all(one["told"] and self._bill(one).living for one in moved)

    def run(self) -> Waiting:
        """From the draft to the last thing that its people do to it."""
        fate = self.planned.fate
        if fate in WAYS:
            self._people.foreman.plan(self.planned.purchase_order, WAYS[fate])
        self.record = self._people.rep.draft(self.planned)
        self._people.rep.activate(self.record)
        yield from self._until("its number", lambda: bool(self.number))
        drive: Callable[[], Waiting] | None = getattr(self, f"_{fate}", None)
        if drive is not None:
            yield from drive()
        yield from self._paid()

    def _until(self, what: str, there: Callable[[], bool]) -> Waiting:
        self.waits_for = what
        while not there():
            yield
        self.waits_for = ""

    def _settled(self) -> bool:
        """Nothing more is to be shipped of it, all that was is billed."""
        order = self.order
        if order is None or not order["closed"]:
            return False
        return self.billed or not any(number(line["shipped"]) for line in order["lines"])

    def _shipped(self) -> Waiting:
        yield from self._until("its first invoice", lambda: bool(self.told) and self.billed)

    def _changed_before(self) -> Waiting:
        """More of a line, and another line, while nothing has left; the warehouse may have been quicker."""
        yield from self._until("the warehouse", lambda: self.order is not None)
        self._people.rep.more_of_first_line(self.record, MORE)
        yield
        self._people.rep.add_line(self.record, self._extra)

    def _changed_after(self) -> Waiting:
        yield from self._shipped()
        self._people.rep.add_line(self.record, self._extra)
        yield from self._until(
            "the new line", lambda: self.order is not None and len(self.order["lines"]) > self._lines
        )

    @property
    def _lines(self) -> int:
        return len(self.planned.lines)

    def _cancelled_at_once(self) -> Waiting:
        yield from self._cancel()

    def _cancelled_before(self) -> Waiting:
        yield from self._until("the warehouse", lambda: self.order is not None)
        yield from self._cancel()

    def _cancelled_rest(self) -> Waiting:
        yield from self._shipped()
        yield from self._cancel()

    def _cancel(self) -> Waiting:
        """The gateway has to know the order before it can be told to cancel it."""
        for _ in range(10):
            answer = self._people.operator.begin(self.number, "cancel", "the customer does not want it any more")
            while not answer.done():
                yield
            if answer.result():
                return
            yield

    def _returned(self) -> Waiting:
        yield from self._bring_back("RESTOCK", Decimal(1))

    def _returned_damaged(self) -> Waiting:
        yield from self._bring_back("DAMAGED", Decimal(1))

    def _returned_whole(self) -> Waiting:
        yield from self._bring_back("RESTOCK", None)

    def _bring_back(self, condition: str, quantity: Decimal | None) -> Waiting:
        yield from self._until("everything billed", self._settled)
        for shipment in self.told:
            for line in shipment["lines"] if quantity is None else shipment["lines"][:1]:
                if number(line["shipped"]):
                    more = {} if quantity is None else {"quantity": str(quantity)}
                    self._people.foreman.try_to(
                        "return",
                        shipment_no=shipment["shipment_no"],
                        line=line["line"],
                        condition=condition,
                        **more,
                    )
            if quantity is not None:
                break
        if condition == "RESTOCK":
            yield from self._until("its credit memo", self._credited)

    def _corrected_down(self) -> Waiting:
        yield from self._count_again(Decimal(-1))
        yield from self._until("its credit memo", self._credited)

    def _corrected_up(self) -> Waiting:
        yield from self._count_again(Decimal(1))
        yield from self._until("its further invoice", lambda: any(len(self._bill(one).living) > 1 for one in self.told))

    def _count_again(self, more: Decimal) -> Waiting:
        """A line of its first shipment was miscounted; the most that is right is what was ordered and a piece over."""
        yield from self._until("everything billed", self._settled)
        shipment = self.told[0]
        line = max(shipment["lines"], key=lambda one: number(one["shipped"]))
        quantities = {str(line["line"]): str(number(line["shipped"]) + more)}
        self._people.foreman.try_to("correct", shipment_no=shipment["shipment_no"], quantities=quantities)

    def _reversed(self) -> Waiting:
        yield from self._take_back()

    def _reversed_paid(self) -> Waiting:
        yield from self._until("everything billed", self._settled)
        self._pay()
        yield from self._until("its payment", lambda: not self._owed())
        yield from self._take_back()
        yield from self._until("its credit memo", self._credited)

    def _take_back(self) -> Waiting:
        yield from self._until("everything billed", self._settled)
        for shipment in self.told:
            self._people.foreman.try_to("reverse", shipment_no=shipment["shipment_no"])
        yield from self._until(
            "nothing billed", lambda: not any(any(self._bill(one).net().values()) for one in self.told)
        )

    def _paid(self) -> Waiting:
        yield from self._until("everything billed", self._settled)
        if self.planned.payment != "unpaid" and self.planned.fate != "reversed_paid":
            self._pay()

    def _pay(self) -> None:
        """The first invoice in half, or all of them in full."""
        whole = self.planned.payment == "whole"
        for shipment in self.told if whole else self.told[:1]:
            bill = self._bill(shipment)
            for invoice in bill.living.values():
                credits = [one for one in bill.credits.values() if lives(one)] if whole else []
                self._people.bookkeeper.pay(invoice, Decimal(1) if whole else Decimal("0.5"), credits)

    def _owed(self) -> Decimal:
        return sum(
            (number(one["balance"]) for shipment in self.told for one in self._bill(shipment).living.values()),
            Decimal(0),
        )

    def _credited(self) -> bool:
        return any(self._bill(one).credits for one in self.told)

    def _bill(self, shipment: Json) -> Bill:
        return self._people.now.bills.get(shipment["shipment_no"], Bill())
