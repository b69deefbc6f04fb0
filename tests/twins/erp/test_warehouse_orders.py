"""The life of an order in the ERP's warehouse, from the order file to the shipment."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from tests.twins.erp.conftest import Founded
from tests.twins.erp.reading import read
from tests.twins.erp.reading_text import read_inv410r, read_ordack
from tests.twins.erp.town import with_quantity
from twins.erp.warehouse.papers import NotPossible


def test_an_order_is_seen_acknowledged_picked_and_shipped(found: Founded) -> None:
    town = found()
    sku = town.item()
    town.put_stock(sku, 50)
    order = town.order("SO1", (sku, 10, "47.7119"))
    town.hand_in(("A", order))
    town.pass_time(minutes=2)
    assert town.told("SO1")["status"] in {"S", "A"}
    _, created, told = read_ordack(town.write("ORDACK")[0])
    assert told["SO1"] == ("A", "", [(1, sku, Decimal(10), Decimal(0), "")])
    assert created == town.now
    while town.told("SO1")["status"] != "K":
        town.pass_time(minutes=5)
    assert read_ordack(town.write("ORDACK")[0])[2] == {"SO1": ("K", "", [])}
    assert read_inv410r(town.write("INV410R")[0])[1][sku, "ATL"][:2] == (50, 10)
    town.pass_time(hours=2)
    line = town.told("SO1")["lines"][0]
    assert (line["shipped"], line["open"], line["allocated"]) == ("10", "0", "0")
    assert read_inv410r(town.write("INV410R")[0])[1][sku, "ATL"][:2] == (40, 0)
    files = sorted(town.drop.glob("SHPCNF.S*"))
    assert [(s.order, s.lines[0][:4]) for s in read(files[0].read_bytes())] == [("SO1", (1, sku, 10, 10))]
    assert len(files) == 1  # confirmed once


def test_what_is_not_there_is_backordered_bought_and_shipped_later(found: Founded) -> None:
    """Cases O1, O2: the rest comes with a promise, and in a shipment of its own."""
    town = found()
    sku = town.item()
    town.put_stock(sku, 4)
    town.hand_in(("A", town.order("SO1", (sku, 10, "5"))))
    town.pass_time(minutes=10)
    status, _, lines = read_ordack(town.write("ORDACK")[0])[2]["SO1"]
    assert (status, lines[0][2:4]) == ("A", (4, 6))
    assert lines[0][4]
    assert read_inv410r(town.write("INV410R")[0])[1][sku, "ATL"][:3] == (4, 4, 9)
    town.pass_time(hours=4)
    shipments = read(next(town.drop.glob("SHPCNF.S*")).read_bytes())
    assert shipments[0].lines == [(1, sku, 10, 4, 5, "BO")]
    status, _, lines = read_ordack(town.write("ORDACK")[0])[2]["SO1"]
    assert (status, lines[0][2:4]) == ("A", (0, 6))
    town.pass_time(days=4)
    assert [shipment["lines"][0]["shipped"] for shipment in town.shipments_of("SO1")] == ["4", "6"]
    assert [shipment["lines"][0]["reason"] for shipment in town.shipments_of("SO1")] == ["BO", ""]


def test_the_first_shipment_names_the_lines_that_are_not_in_it(found: Founded) -> None:
    """Case O5."""
    town = found(replenish_hours=0)
    here, gone = town.item(), town.item(place=1)
    town.put_stock(here, 9)
    town.put_stock(gone, 0)
    town.hand_in(("A", town.order("SO1", (gone, 3, "2"), (here, 2, "1"))))
    town.pass_time(hours=4)
    lines = town.shipments_of("SO1")[0]["lines"]
    assert [(line["line"], line["shipped"], line["reason"]) for line in lines] == [(1, "0", "BO"), (2, "2", "")]


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        ({"customer_erp_no": "00099999"}, "UNKNOWN CUSTOMER"),
        ({"warehouse": "XXX"}, "UNKNOWN WAREHOUSE"),
        ({"lines": ()}, "NO LINES"),
    ],
)
def test_what_the_erp_does_not_know_is_rejected(found: Founded, broken: dict[str, Any], reason: str) -> None:
    town = found()
    town.hand_in(("A", replace(town.order("SO1", (town.item(), 1, "1")), **broken)))
    town.pass_time(minutes=1)
    assert read_ordack(town.write("ORDACK")[0])[2]["SO1"] == ("R", reason, [])
    town.pass_time(days=2)
    assert town.shipments_of("SO1") == []


def test_an_unknown_item_is_rejected_until_a_change_mends_it(found: Founded) -> None:
    town = found()
    good = town.item()
    town.put_stock(good, 5)
    town.hand_in(("A", town.order("SO1", ("NO-SUCH", 1, "1"))))
    town.pass_time(hours=1)
    assert town.told("SO1")["reason"] == "UNKNOWN ITEM"
    town.hand_in(("C", town.order("SO1", (good, 1, "1"))))
    town.pass_time(hours=4)
    assert town.told("SO1")["lines"][0]["shipped"] == "1"


def test_a_held_order_is_released_by_itself_or_by_force(found: Founded) -> None:
    """Case O17: by the customer's switch; nothing is set aside while it is held."""
    town = found(hold_hours=10)
    sku = town.item()
    town.put_stock(sku, 50)
    town.settings.change({"hold_customers": [town.books.world().customers[0].erp_no]})
    town.hand_in(("A", town.order("SO1", (sku, 1, "1"))), ("A", town.order("SO2", (sku, 1, "1"))))
    town.pass_time(minutes=10)
    told = read_ordack(town.write("ORDACK")[0])[2]
    assert told["SO1"] == told["SO2"] == ("H", "CREDIT LIMIT", [])
    assert town.stock_of(sku)["allocated"] == "0"
    with town.books.turn():
        town.life.desk.release(town.life.house.papers.known_order("SO2"), town.now)
    town.pass_time(hours=4)
    assert [town.told(number)["lines"][0]["shipped"] for number in ("SO1", "SO2")] == ["0", "1"]
    town.pass_time(hours=15)
    assert town.told("SO1")["lines"][0]["shipped"] == "1"


def test_open_orders_beyond_the_limit_are_held(found: Founded) -> None:
    """Case O17: by the limit of the customer."""
    town = found(credit_check=True)
    sku = town.item()
    town.put_stock(sku, 500)
    limit = int(town.books.world().customers[0].credit_limit)
    half = limit // 20 + 1  # ten of them are more than a half
    town.hand_in(("A", town.order("SO1", (sku, 10, str(half)))), ("A", town.order("SO2", (sku, 10, str(half)))))
    town.pass_time(minutes=10)
    assert sorted(town.told(number)["status"] for number in ("SO1", "SO2")) == ["A", "H"]


def test_a_cancellation_before_picking_is_confirmed(found: Founded) -> None:
    """Case O9: what was set aside is free again."""
    town = found()
    sku = town.item()
    town.put_stock(sku, 5)
    order = town.order("SO1", (sku, 5, "1"))
    town.hand_in(("A", order))
    town.pass_time(minutes=8)
    assert town.stock_of(sku)["allocated"] == "5"
    town.hand_in(("X", replace(order, lines=())))
    town.pass_time(minutes=1)
    assert read_ordack(town.write("ORDACK")[0])[2]["SO1"] == ("C", "CUSTOMER REQUEST", [])
    assert town.stock_of(sku)["allocated"] == "0"
    town.pass_time(days=1)
    assert town.shipments_of("SO1") == []
    assert town.told("SO1")["lines"][0]["cancelled"] == "5"


def test_a_cancellation_while_goods_are_picked_is_too_late_and_says_so(found: Founded) -> None:
    """Case O9: what was picked ships, the rest is given up."""
    town = found(replenish_hours=0)
    sku, other = town.item(), town.item(place=1)
    town.put_stock(sku, 3)
    town.put_stock(other, 9)
    whole, part = town.order("SO1", (other, 2, "1")), town.order("SO2", (sku, 5, "1"))
    town.hand_in(("A", whole), ("A", part))
    town.pass_time(minutes=1)
    town.write("ORDACK")
    for number in ("SO1", "SO2"):
        with town.books.turn():
            order = town.life.house.papers.known_order(number)
            town.life.floor.pick(order, town.now)
            town.life.house.papers.keep(order)
    town.write("ORDACK")
    town.hand_in(("X", whole), ("X", part))
    town.pass_time(minutes=1)
    told = read_ordack(town.write("ORDACK")[0])[2]
    assert told == {"SO1": ("K", "CANCEL TOO LATE", []), "SO2": ("K", "CANCEL TOO LATE", [])}
    town.pass_time(hours=3)
    assert (town.told("SO1")["status"], town.told("SO1")["reason"]) == ("A", "CANCEL TOO LATE")
    assert (town.told("SO2")["status"], town.told("SO2")["reason"]) == ("C", "REST CANCELLED")
    line = town.told("SO2")["lines"][0]
    assert (line["shipped"], line["cancelled"], line["open"]) == ("3", "2", "0")


def test_an_order_that_nobody_saw_cannot_be_cancelled(found: Founded) -> None:
    town = found()
    town.hand_in(("X", town.order("SO404", (town.item(), 1, "1"))))
    town.pass_time(minutes=1)
    assert read_ordack(town.write("ORDACK")[0])[2]["SO404"][:2] == ("R", "UNKNOWN ORDER")


def test_a_change_before_shipment_changes_what_ships(found: Founded) -> None:
    """Case O8: more, less, a line gone, a line more, another price."""
    town = found()
    one, two, three = (town.item(place=place) for place in range(3))
    for sku in (one, two, three):
        town.put_stock(sku, 50)
    town.hand_in(("A", town.order("SO1", (one, 5, "10"), (two, 5, "10"))))
    town.pass_time(minutes=8)
    changed = town.order("SO1", (one, 7, "11"), (two, 5, "10"), (three, 2, "3"))
    town.hand_in(("C", replace(changed, lines=(changed.lines[0], changed.lines[2]))))
    town.pass_time(hours=4)
    lines = town.shipments_of("SO1")[0]["lines"]
    assert [(line["line"], line["shipped"], line["unit_price"]) for line in lines] == [
        (1, "7", "11.0000"),
        (3, "2", "3.0000"),
    ]
    assert town.told("SO1")["lines"][1]["cancelled"] == "5"
    assert town.stock_of(two)["allocated"] == "0"


def test_a_change_after_shipment_leaves_what_has_shipped(found: Founded) -> None:
    """Case O8: less than has left is not possible, more is new open quantity."""
    town = found()
    sku = town.item()
    town.put_stock(sku, 50)
    order = town.order("SO1", (sku, 5, "10"))
    town.hand_in(("A", order))
    town.pass_time(hours=4)
    town.hand_in(("C", with_quantity(order, 1, 2)))
    town.pass_time(minutes=5)
    assert (town.told("SO1")["reason"], town.told("SO1")["lines"][0]["ordered"]) == ("CHANGE IN PART", "5")
    town.hand_in(("C", with_quantity(order, 1, 8)))
    town.pass_time(hours=4)
    assert [shipment["lines"][0]["shipped"] for shipment in town.shipments_of("SO1")] == ["5", "3"]


def test_every_word_is_answered_once(found: Founded) -> None:
    """An add that comes again changes nothing and is acknowledged again; without news a file is empty."""
    town = found()
    sku = town.item()
    town.put_stock(sku, 50)
    order = town.order("SO1", (sku, 5, "10"))
    town.hand_in(("A", order))
    town.pass_time(minutes=1)
    assert set(read_ordack(town.write("ORDACK")[0])[2]) == {"SO1"}
    assert read_ordack(town.write("ORDACK")[0])[2] == {}
    town.hand_in(("A", order))
    town.pass_time(minutes=1)
    assert set(read_ordack(town.write("ORDACK")[0])[2]) == {"SO1"}
    town.settings.change({"ordack_lists": "open"})
    assert set(read_ordack(town.write("ORDACK")[0])[2]) == {"SO1"}


@pytest.mark.parametrize(
    ("way", "shipped", "reasons", "line"),
    [
        ("short", ["5"], ["SS"], {"shipped": "5", "cancelled": "5"}),
        ("part", ["5", "5"], ["BO", ""], {"shipped": "10", "cancelled": "0"}),
        ("over", ["11"], [""], {"shipped": "11", "overshipped": "1"}),
        ("split", ["5", "5"], ["", ""], {"shipped": "10", "backordered": "0"}),
    ],
)
def test_an_order_leaves_in_the_way_that_was_planned(
    found: Founded, way: str, shipped: list[str], reasons: list[str], line: dict[str, str]
) -> None:
    """Cases O1, O3, O4, O5."""
    town = found()
    sku = town.item()
    for warehouse in ("ATL", "RNO", "SCR"):
        town.put_stock(sku, 100, warehouse)
    with town.books.turn():
        town.life.house.papers.plan("SO1", [way])
    town.hand_in(("A", town.order("SO1", (sku, 10, "10"))))
    town.pass_time(hours=8)
    lines = [shipment["lines"][0] for shipment in town.shipments_of("SO1")]
    assert [one["shipped"] for one in lines] == shipped
    assert [one["reason"] for one in lines] == reasons
    assert town.told("SO1")["lines"][0].items() >= line.items()
    assert len({shipment["warehouse"] for shipment in town.shipments_of("SO1")}) == (2 if way == "split" else 1)
    left = sum(100 - int(town.stock_of(sku, warehouse)["on_hand"]) for warehouse in ("ATL", "RNO", "SCR"))
    assert left == sum(map(int, shipped))


def test_another_item_leaves_in_its_place(found: Founded) -> None:
    town = found()
    sku = town.item()
    for item in town.books.world().items:
        town.put_stock(item.sku, 100)
    with town.books.turn():
        town.life.house.papers.plan("SO1", ["substitute"])
    town.hand_in(("A", town.order("SO1", (sku, 10, "10"))))
    town.pass_time(hours=4)
    sent = town.shipments_of("SO1")[0]["lines"][0]
    assert sent["sku"] != sku
    assert (town.stock_of(sku)["on_hand"], town.stock_of(sent["sku"])["on_hand"]) == ("100", "90")
    assert town.told("SO1")["lines"][0]["shipped"] == "10"


def test_a_kit_ships_as_itself_and_takes_its_parts(found: Founded) -> None:
    """Case O13."""
    town = found(kits={"KIT-0001": {"HCS-0100/Z": 2, "SGG-0142": 1}}, replenish_hours=0)
    town.put_stock("HCS-0100/Z", 9)
    town.put_stock("SGG-0142", 30)
    town.hand_in(("A", town.order("SO1", ("KIT-0001", 6, "99"))))
    town.pass_time(hours=4)
    line = town.shipments_of("SO1")[0]["lines"][0]
    assert (line["sku"], line["shipped"], line["reason"]) == ("KIT-0001", "4", "BO")
    assert [town.stock_of(sku)["on_hand"] for sku in ("HCS-0100/Z", "SGG-0142")] == ["1", "26"]
    assert [town.stock_of(sku)["allocated"] for sku in ("HCS-0100/Z", "SGG-0142")] == ["0", "0"]


def test_a_sample_without_a_price_ships_without_a_price(found: Founded) -> None:
    """Case O16."""
    town = found()
    sku = town.item()
    town.put_stock(sku, 5)
    town.hand_in(("A", town.order("SO1", (sku, 1, "0"))))
    town.pass_time(hours=4)
    (shipment,) = read(next(town.drop.glob("SHPCNF.S*")).read_bytes())
    assert (shipment.lines[0][3], shipment.lines[0][4]) == (1, 0)


def test_a_drop_shipment_moves_no_stock(found: Founded) -> None:
    """Case O15."""
    town = found(drop_ship_warehouses=["DRP"])
    sku = town.item()
    before = read_inv410r(town.write("INV410R")[0])[1]
    town.hand_in(("A", town.order("SO1", (sku, 500, "1"), warehouse="DRP")))
    town.pass_time(hours=4)
    assert town.shipments_of("SO1")[0]["drop_ship"] is True
    assert town.told("SO1")["lines"][0]["shipped"] == "500"
    town.pass_time(minutes=1)
    assert read_inv410r(town.write("INV410R")[0])[1] == before
    with pytest.raises(NotPossible, match="holds no stock"):
        town.life.floor.replenish(sku, "DRP", Decimal(5), town.now)


def test_units_are_sold_and_pieces_are_stocked(found: Founded) -> None:
    town = found()
    box, hose = town.item("BX"), town.item("FT")
    town.put_stock(box, 250)  # two boxes and a half
    town.put_stock(hose, 10)
    order = town.order("SO1", (box, 5, "1"), (hose, 2, "1"))
    lines = (order.lines[0], replace(order.lines[1], quantity=Decimal("2.25")))
    town.hand_in(("A", replace(order, lines=lines)))
    town.pass_time(minutes=10)
    line, cut = town.told("SO1")["lines"]
    assert (line["allocated"], line["backordered"], cut["allocated"]) == ("2", "3", "2.25")
    assert [town.stock_of(sku)["allocated"] for sku in (box, hose)] == ["200", "2.25"]


def test_at_a_higher_pace_everything_comes_sooner(found: Founded) -> None:
    """A whole life within seconds: a week can be lived in minutes while all clocks agree."""
    town = found(pace=720).open()
    town.put_stock(town.item(), 10)
    town.hand_in(("A", town.order("SO1", (town.item(), 4, "2.50"))))
    town.pass_time(seconds=31)
    town.pass_time(seconds=20)

    assert town.told("SO1")["lines"][0]["shipped"] == "4"


def test_what_is_planned_by_a_purchase_order_meets_the_order_that_comes_with_it(found: Founded) -> None:
    """Nobody knows the number of an order that is still to come; case O15 by plan."""
    town = found(drop_ship_warehouses=["DSV"]).open()
    with town.books.turn():
        town.life.house.papers.plan("PO-77", ["drop_ship"])
    town.hand_in(("A", town.order("SO1", (town.item(), 4, "2.50"))))
    town.pass_time(hours=6)

    (shipment,) = town.shipments_of("SO1")
    assert (shipment["warehouse"], shipment["drop_ship"]) == ("DSV", True)
