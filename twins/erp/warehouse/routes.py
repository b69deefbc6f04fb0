"""The control routes of the warehouse: its truth, its clockwork, and every case by force."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Annotated, Literal, TypeVar

from fastapi import APIRouter, HTTPException
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from twins.erp.requests import CannotExport, ExportName, ExportRequest
from twins.erp.warehouse import telling
from twins.erp.warehouse.agenda import Kind
from twins.erp.warehouse.life import Life
from twins.erp.warehouse.orders import HouseOrder, order_to_json
from twins.erp.warehouse.papers import NotPossible
from twins.web import CONTROL, JsonObject, TwinApp

Way = Literal["hold", "reject", "split", "short", "part", "over", "substitute", "drop_ship"]
Result = TypeVar("Result")
Positive = Annotated[Decimal, Field(gt=0)]
NotNegative = Annotated[Decimal, Field(ge=0)]


class _Body(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Run(_Body):
    """How far time goes before what is due is done; without both, no further."""

    until: AwareDatetime | None = None
    advance_seconds: Annotated[float, Field(ge=0)] = 0


class OfOrder(_Body):
    """An order, and a reason for its acknowledgement."""

    order_no: str
    reason: str = ""


class Plan(_Body):
    """What is to happen to an order, each way once; to one that is still to come by its number or purchase order."""

    order_no: str
    ways: list[Way]


class Replenish(_Body):
    """Goods, in base units, that arrive at once or later."""

    sku: str
    warehouse: str
    quantity: Positive
    in_minutes: Annotated[float, Field(ge=0)] = 0


class Returned(_Body):
    """Goods of a shipment line that come back; without a quantity all that is out."""

    shipment_no: str
    line: int
    quantity: Positive | None = None
    condition: Literal["RESTOCK", "DAMAGED"] | None = None


class Correct(_Body):
    """New quantities of a confirmed shipment by line; `reopen` backorders what is missing now."""

    shipment_no: str
    quantities: dict[int, NotNegative]
    reopen: bool = False


class Reverse(_Body):
    """A confirmed shipment that is taken back."""

    shipment_no: str
    reopen: bool = False


class Write(_Body):
    """An export that is written now."""

    name: ExportName


def warehouse_routes(app: TwinApp, life: Life) -> APIRouter:
    """The routes under `/__twin__/warehouse`; 409 where the warehouse cannot do what is asked."""
    router = APIRouter(prefix=f"{CONTROL}/warehouse")
    _truth_routes(router, life)
    _clock_routes(router, app, life)
    _order_routes(router, life, app.clock.now)
    _goods_routes(router, life, app.clock.now)
    return router


def _truth_routes(router: APIRouter, life: Life) -> None:
    @router.get("")
    def warehouse() -> JsonObject:
        return telling.warehouse(life)

    @router.get("/schedule")
    def schedule() -> JsonObject:
        return telling.schedule(life)

    @router.get("/moves")
    def moves() -> JsonObject:
        return telling.moves(life.house)


def _clock_routes(router: APIRouter, app: TwinApp, life: Life) -> None:
    @router.post("/open")
    def open_doors() -> JsonObject:
        _do(lambda: life.open(_second(app.clock.now())))
        return telling.schedule(life)

    @router.post("/run")
    def run(asked: Run | None = None) -> JsonObject:
        with life.turn:  # the background must not see the new time before this run is counted
            _do(lambda: life.open(_second(app.clock.now())))
            if asked and asked.until:
                app.clock.advance(max(0.0, (asked.until - app.clock.now()).total_seconds()))
            app.clock.advance(asked.advance_seconds if asked else 0)
            ran = life.run(_second(app.clock.now()))
        return {"until": ran.until.isoformat(), "steps": ran.steps, "taken": ran.taken, "written": ran.written}

    @router.post("/look")
    def look() -> JsonObject:
        _must_be_open(life)
        with life.turn:
            return {"taken": life.intake.look(_second(app.clock.now()))}

    @router.post("/export")
    def export(asked: Write) -> JsonObject:
        at = _second(app.clock.now())
        _must_be_open(life)
        written = _do(lambda: life.write(asked.name, ExportRequest(), at, send=True))
        life.run(at)  # what is delivered at once lies in the folder when this is answered
        return {"filename": written.filename, "truth": written.truth}


def _order_routes(router: APIRouter, life: Life, now: Callable[[], datetime]) -> None:
    def order_route(path: str, act: Callable[[HouseOrder, str, datetime], object]) -> None:
        def force(asked: OfOrder) -> JsonObject:
            return _of_order(life, asked, now, act)

        router.add_api_route(f"/{path}", force, methods=["POST"], name=path)

    order_route("acknowledge", lambda order, _, at: life.desk.acknowledge(order, at))
    order_route("hold", life.desk.hold)
    order_route("release", lambda order, _, at: life.desk.release(order, at))
    order_route("reject", life.desk.reject)
    order_route("cancel", lambda order, reason, at: life.desk.cancel(order, reason or "CUSTOMER REQUEST", at))
    order_route("pick", lambda order, _, at: _pick(life, order, at))
    order_route("ship", lambda order, _, at: _ship(life, order, at))

    @router.post("/plan")
    def plan(asked: Plan) -> JsonObject:
        def planned() -> None:
            order = life.house.papers.order(asked.order_no)
            if order is None:
                life.house.papers.plan(asked.order_no, list(asked.ways))
            else:
                order.plan += asked.ways
                life.house.papers.keep(order)

        _forced(life, planned)
        return {"order_no": asked.order_no, "ways": asked.ways}


def _goods_routes(router: APIRouter, life: Life, now: Callable[[], datetime]) -> None:
    @router.post("/replenish")
    def replenish(asked: Replenish) -> JsonObject:
        at = _second(now())
        due_at = at + timedelta(minutes=asked.in_minutes)
        number = _forced(life, lambda: life.floor.replenish(asked.sku, asked.warehouse, asked.quantity, due_at))
        life.run(at)
        return {"number": number, "due_at": due_at.isoformat()}

    @router.post("/return")
    def take_back(asked: Returned) -> JsonObject:
        goods = _forced(
            life,
            lambda: life.afterwards.receive(
                asked.shipment_no, asked.line, asked.quantity, asked.condition, _second(now())
            ),
        )
        return {"rma": goods.rma, "condition": goods.condition, "quantity": str(goods.quantity)}

    @router.post("/correct")
    def correct(asked: Correct) -> JsonObject:
        sent = _forced(
            life,
            lambda: life.afterwards.correct(asked.shipment_no, asked.quantities, _second(now()), reopen=asked.reopen),
        )
        return {"shipment_no": sent.shipment_no, "revision": sent.revision}

    @router.post("/reverse")
    def reverse(asked: Reverse) -> JsonObject:
        sent = _forced(life, lambda: life.afterwards.reverse(asked.shipment_no, _second(now()), reopen=asked.reopen))
        return {"shipment_no": sent.shipment_no, "revision": sent.revision}


def _of_order(
    life: Life, asked: OfOrder, now: Callable[[], datetime], act: Callable[[HouseOrder, str, datetime], object]
) -> JsonObject:
    def forced() -> JsonObject:
        act(life.house.papers.known_order(asked.order_no), asked.reason, _second(now()))
        return order_to_json(life.house.papers.known_order(asked.order_no))

    return _forced(life, forced)


def _pick(life: Life, order: HouseOrder, at: datetime) -> None:
    life.floor.pick(order, at)
    life.house.agenda.drop(Kind.PICK, order.order_no)
    life.house.papers.keep(order)


def _ship(life: Life, order: HouseOrder, at: datetime) -> None:
    """Decide, pick and ship at once what is there; `NotPossible` when that is nothing."""
    life.desk.acknowledge(order, at)
    _pick(life, order, at)
    life.house.agenda.drop(Kind.SHIP, order.order_no)
    if not life.floor.ship(order, at):
        raise NotPossible(f"order {order.order_no} stands at {order.status}: nothing of it can leave")


def _forced(life: Life, act: Callable[[], Result]) -> Result:
    """Do it in a transaction of its own, between two runs."""
    _must_be_open(life)

    def together() -> Result:
        with life.turn, life.house.books.turn():
            return act()

    return _do(together)


def _must_be_open(life: Life) -> None:
    if not life.is_open:
        raise HTTPException(409, "the warehouse is closed: open it first")


def _do(act: Callable[[], Result]) -> Result:
    try:
        return act()
    except CannotExport as problem:
        raise HTTPException(409, str(problem)) from problem


def _second(at: datetime) -> datetime:
    return at.replace(microsecond=0)
