"""Any interleaving, repetition, loss and resending of exports, orders, shipments and acknowledgements ends the same."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from domain.stock_rules import StockRules
from store.session import make_engine
from tests.activities.stock_exports import T0, acknowledged, export, row
from tests.activities.stock_model import ITEMS, PLACES, Acknowledged, Event, Ordered, Place, Shipped, Snapshot, expected
from tests.activities.stock_truth import number
from tests.activities.stockroom import Stockroom
from tests.adapters.salesforce.harness import MemoryVault, Twin, gateway_to
from tests.build import company, item, order, order_line, shipment
from tests.build import line as shipped_line
from tests.database import cloned

EXAMPLES = int(os.environ.get("THREEWAY_TEST_ARRIVALS", "6"))  # `make prove` takes many more
NOW = 240
ORDERS = ("SO1", "SO2", "SO3")
EVERY_PLACE = tuple((sku, place) for sku in ITEMS for place in PLACES)


@st.composite
def snapshots(draw: st.DrawFn, minute: int, gap: Place) -> Snapshot:
    """An export that lists every row, or all but one."""
    missing = draw(st.sampled_from([None, gap]))
    amounts = st.tuples(st.integers(1, 30), st.integers(0, 6))
    return Snapshot(minute, tuple((place, draw(amounts)) for place in EVERY_PLACE if place != missing))


@st.composite
def histories(draw: st.DrawFn) -> list[Event]:
    """What happened, in the order of time: every event at a minute of its own."""
    kinds = draw(st.lists(st.sampled_from(["snapshot", "order", "order", "ship", "ack"]), min_size=3, max_size=10))
    gap = draw(st.sampled_from(EVERY_PLACE))  # nothing ships from there: what is not stated cannot be counted down
    happened: list[Event] = [draw(snapshots(0, gap))]
    for position, kind in enumerate(kinds, start=1):
        minute = position * 20
        name = draw(st.sampled_from(ORDERS))
        sku = ITEMS[ORDERS.index(name)]
        if kind == "snapshot":
            happened.append(draw(snapshots(minute, gap)))
        elif kind == "order":
            happened.append(
                Ordered(minute, name, sku, draw(st.integers(1, 9)), draw(st.sampled_from([True, True, False])))
            )
        elif kind == "ship":
            where = draw(st.sampled_from([one for one in PLACES if (sku, one) != gap]))
            happened.append(Shipped(minute, f"SH{position:05d}", name, sku, where, draw(st.integers(1, 5))))
        else:
            listed = draw(st.lists(st.sampled_from(ORDERS), min_size=1, unique=True))
            words = tuple((one, ITEMS[ORDERS.index(one)], draw(st.integers(0, 6))) for one in listed)
            happened.append(Acknowledged(minute, position, words))
    return happened


@st.composite
def arrivals(draw: st.DrawFn) -> tuple[list[Event], list[Event]]:
    """What happened, and how it arrived: in another order, some of it twice, some of it late."""
    happened = draw(histories())
    again = draw(st.lists(st.sampled_from(happened), max_size=4))
    return happened, draw(st.permutations([*happened, *again]))


@contextmanager
def empty_room(postgres_url: str, org: Twin) -> Iterator[Stockroom]:
    """A store and an org where nothing has happened, and rules that let every export pass."""
    org.reset()
    org.control("POST", "/seed", {"items": [{"sku": sku, "description": sku, "list_price": "1"} for sku in ITEMS]})
    rules = {"version": "open", "shrink_percent": None, "zero_percent": None, "feed": {"every_minutes": 600}}
    open_company = company().model_copy(update={"stock": StockRules.model_validate(rules)})
    with cloned(postgres_url) as url, TemporaryDirectory() as folder:
        engine, gateway = make_engine(url), gateway_to(org.url, MemoryVault())
        room = Stockroom(engine, org, gateway, Path(folder), open_company)
        room.at = T0 + timedelta(minutes=NOW)
        room.stock_items(*(item(sku) for sku in ITEMS))
        try:
            yield room
        finally:
            gateway.close()
            engine.dispose()


def arrive(room: Stockroom, event: Event) -> None:
    """One event comes in, as the file or the record that it is."""
    at = event.minute / 60
    if isinstance(event, Snapshot):
        rows = [row(sku, on_hand, place, allocated) for (sku, place), (on_hand, allocated) in event.rows]
        assert not room.export(*export(at, rows)).held
    elif isinstance(event, Ordered):
        line = order_line(sku=event.sku, quantity=Decimal(event.quantity), uom="EA")
        stated_at = T0 + timedelta(minutes=event.minute)
        room.know(order(line, number=event.name, external_id=event.name, version_at=stated_at, active=event.active))
    elif isinstance(event, Shipped):
        line = shipped_line(sku=event.sku, quantity_shipped=Decimal(event.quantity), uom="EA")
        left_at = T0 + timedelta(minutes=event.minute)
        room.ship(
            shipment(line, number=event.number, order_number=event.order, warehouse=event.warehouse, shipped_at=left_at)
        )
    else:
        words = [(name, "A", [(1, sku, allocated, 0)]) for name, sku, allocated in event.orders]
        room.acknowledge(*acknowledged(event.sequence, at, *words))


def something(rows: dict[str, tuple[Any, ...]]) -> dict[str, tuple[Any, ...]]:
    """Rows that hold something: one that only an overtaken export lists is shown as nothing, or not at all."""
    return {key: figures for key, figures in rows.items() if any(figures)}


def instants(room: Stockroom) -> dict[str, str]:
    """The instant that stands beside each number in Salesforce."""
    return {key: one["As_Of__c"] for key, one in room.shown().items()}


@given(arrivals(), st.data())
@settings(
    phases=[Phase.explicit, Phase.generate],  # a smaller example costs more than it tells
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_any_arrival_ends_in_the_numbers_of_the_plain_model(
    postgres_url: str, served_org: Twin, arrived: tuple[list[Event], list[Event]], data: st.DataObject
) -> None:
    """Cases I1, I2, I3, I4, I8, F4, F7: and an older instant never stands where a newer one stood."""
    happened, order_of_arrival = arrived
    with empty_room(postgres_url, served_org) as room:
        before: dict[str, str] = {}
        for event in order_of_arrival:
            arrive(room, event)
            if data.draw(st.booleans()):
                room.settle()
                now = instants(room)
                assert all(now[key] >= instant for key, instant in before.items())
                before = now
        room.settle()
        rows, totals = expected(happened, NOW)
        names = ("On_Hand__c", "Allocated__c", "Available__c")
        shown = {key: tuple(number(one[name]) for name in names) for key, one in room.shown().items()}
        listed = {f"{sku}|{place}": figures for (sku, place), figures in rows.items()}
        assert something(shown) == something(listed)
        assert shown.keys() <= listed.keys()
        products = room.shown("Product2", "ERP_SKU__c")
        assert {sku: number(products[sku]["Available_Qty__c"]) for sku in totals} == totals
