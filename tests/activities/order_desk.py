"""Reps who place orders that nobody numbered, and the processes that accept them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, cast

from sqlalchemy import Engine, select, update
from sqlmodel import col
from temporalio.testing import ActivityEnvironment

from activities.orders import OrderActivities
from adapters.salesforce.gateway import SalesforceGateway
from domain.exceptions import ExceptionItem
from domain.order_acceptance import NumberRules
from domain.order_work import OrdersNamed, OrdersPulled, OrdersWork
from domain.orders import Order
from store import exceptions, orders
from store.session import reading, transaction
from store.tables.lifecycle import OrderMarkRow
from store.tables.order_numbers import NewOrderRow
from tests.activities.salesroom import BY
from tests.adapters.salesforce import world
from tests.adapters.salesforce.harness import Twin

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


@dataclass
class Meddled:
    """A gateway before whose writing something happens."""

    gateway: SalesforceGateway
    meddle: Callable[[], None]

    def __getattr__(self, name: str) -> Any:
        if name == "write_numbers":
            self.meddle()
        return getattr(self.gateway, name)
