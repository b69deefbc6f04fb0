"""A store and a Salesforce org that know the same orders, and what was shipped and billed of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, cast

from sqlalchemy import Engine, func, select, update
from sqlmodel import Session, col
from temporalio.testing import ActivityEnvironment

from activities.orders import TO_WAKE, OrderActivities
from activities.publication import PublicationActivities
from adapters.salesforce.gateway import SalesforceGateway
from domain.order_acceptance import NumberRules
from domain.order_work import OrdersPulled, OrdersWork
from domain.shipments import Shipment
from domain.work import Published, PublishWork
from store import cursors
from store.causes import Cause, CauseSource
from store.session import reading, transaction
from store.tables.files import InboxRow
from store.tables.invoices import InvoiceRow
from store.tables.stock import StockMarkRow
from tests.adapters.salesforce import world
from tests.adapters.salesforce.harness import Twin
from tests.build import line, shipment
from tests.looks import rules
from tests.store import books

BY = Cause(source=CauseSource.GATEWAY, actor="test")
SKU = "HCS-0100/Z"
CUSTOMER, OTHER_CUSTOMER = "00040017", "00040030"
Shown = dict[str, dict[str, Any]]


class Death(BaseException):
    """The worker dies here: nothing after it happens, and nobody is told."""


@dataclass
class Mortal:
    """A gateway at whose call the worker may die, before it or after Salesforce did its work."""

    gateway: SalesforceGateway
    dies: str = ""

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self.gateway, name)

        def call(*given: object) -> Any:
            if self.dies == f"before {name}":
                raise Death
            answer = method(*given)
            if self.dies == f"after {name}":
                raise Death
            return answer

        return call


@dataclass
class Salesroom:
    """Each order has one line of 10 EA at 2.50 unless its lines are given."""

    engine: Engine
    org: Twin
    gateway: SalesforceGateway
    mortal: Mortal = field(init=False)

    def __post_init__(self) -> None:
        self.mortal = Mortal(self.gateway)

    def place(self, *numbers: str, lines: Sequence[dict[str, Any]] | None = None, activate: bool = True) -> None:
        """Reps place orders, and the gateway reads them."""
        bought = lines or [world.line(1, SKU, "10", "2.50")]
        seed = world.world([])
        self.org.control("POST", "/seed", seed)
        for number in numbers:
            self.org.control("POST", "/orders", {**world.order(number, bought), "activate": activate})
        self.pull()
        self.settle()

    def pull(self) -> OrdersPulled:
        """The poll of orders."""
        activities = OrderActivities(self.engine, self.gateway, NumberRules())
        pulled: OrdersPulled = ActivityEnvironment().run(activities.pull_orders, OrdersWork())
        return pulled

    def settle(self) -> None:
        """Everybody who waited for an order was woken, and stock was decided again."""
        with transaction(self.engine, BY) as session:
            cursors.strike(session, TO_WAKE, cursors.noted(session, TO_WAKE))
            session.execute(StockMarkRow.__table__.delete())  # type: ignore[attr-defined]

    def bill(self, *given: Shipment) -> None:
        """These were shipped and have their invoices."""
        with transaction(self.engine, BY) as session:
            books.state(session, *given)
            for one in given:
                books.book(session, one, f"qb-{one.number}")

    def change_invoice(self, number: str, **values: object) -> None:
        """Somebody worked on an invoice in QuickBooks."""
        with transaction(self.engine, BY) as session:
            session.execute(update(InvoiceRow).where(col(InvoiceRow.shipment_number) == number).values(**values))

    def publish(self, *shipments: str, customers: Sequence[str] = ()) -> Published:
        """Say in Salesforce what is true."""
        activities = PublicationActivities(self.engine, cast("SalesforceGateway", self.mortal), rules())
        work = PublishWork(shipments=list(shipments), customers=list(customers))
        published: Published = ActivityEnvironment().run(activities.publish, work)
        return published

    def last_call(self) -> int:
        """Where the journal of calls ends now."""
        return int(self.org.control("GET", "/calls?after=0")["last"])

    def calls(self, after: int) -> dict[str, int]:
        """How often each resource was called since."""
        counts: dict[str, int] = self.org.control("GET", f"/calls?after={after}")["calls"]
        return counts

    def rows(self, name: str, key: str) -> Shown:
        """The records of an object by one of their fields."""
        return {str(row[key]): row for row in self.org.control("GET", f"/records/{name}")["records"]}

    def order(self, number: str) -> dict[str, Any]:
        return self.rows("Order", "ERP_Order_Id__c")[number]

    def lines(self, number: str) -> list[tuple[float | None, float | None, float | None]]:
        """Shipped, backordered and invoiced of each line, as Salesforce shows them."""
        order_id = self.order(number)["Id"]
        rows = [row for row in self.rows("OrderItem", "Id").values() if row["OrderId"] == order_id]
        return [
            (row["Qty_Shipped__c"], row["Qty_Backordered__c"], row["Qty_Invoiced__c"])
            for row in sorted(rows, key=lambda row: row["ERP_Line_No__c"])
        ]

    def count(self, table: type[InboxRow | StockMarkRow]) -> int:
        with reading(self.engine) as session:
            return _count(session, table)


def _count(session: Session, table: type[Any]) -> int:
    return session.scalar(select(func.count()).select_from(table)) or 0


def shipped(number: str, order_number: str, quantity: str = "10", **changes: Any) -> Shipment:
    """A shipment of the one line of an order."""
    goods = line(1, sku=SKU, quantity_shipped=Decimal(quantity), quantity_ordered=Decimal(10), **changes)
    return shipment(goods, number=number, order_number=order_number, customer_number=CUSTOMER)
