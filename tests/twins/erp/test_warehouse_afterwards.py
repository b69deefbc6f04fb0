"""What comes after a shipment: returns, corrections, reversals, and how stock and order lines follow."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.twins.erp.conftest import Founded
from tests.twins.erp.reading import read
from tests.twins.erp.reading_text import read_inv410r, read_rtnrcv
from tests.twins.erp.town import CALM, Town
from twins.erp.requests import CannotExport
from twins.erp.warehouse.papers import NotPossible


def shipped(found: Founded, quantity: int = 10, *, confirmed: bool = True, **settings: object) -> tuple[Town, str, str]:
    """A town in which one order of ten pieces has left; its item and its shipment."""
    town = found(**{"shpcnf_minutes": 0, **settings})
    sku = town.item()
    town.put_stock(sku, 20)
    town.hand_in(("A", town.order("SO1", (sku, quantity, "4.5"))))
    town.pass_time(hours=4)
    if confirmed:
        town.write("SHPCNF")
    return town, sku, town.shipments_of("SO1")[0]["shipment_no"]


def test_good_returns_are_sold_again_and_damaged_ones_are_kept_apart(found: Founded) -> None:
    """Case O12: each is told once."""
    town, sku, number = shipped(found, quarantine_warehouse="QTN")
    with town.books.turn():
        town.life.afterwards.receive(number, 1, Decimal(3), "RESTOCK", town.now)
        town.life.afterwards.receive(number, 1, Decimal(2), "DAMAGED", town.now)
    _, records = read_rtnrcv(town.write("RTNRCV")[0])
    assert [record[1:] for record in records] == [
        ["RM9001", "SO1", number, "0001", sku, "3", "EA", "RESTOCK", "11/16/2026"],
        ["RM9002", "SO1", number, "0001", sku, "2", "EA", "DAMAGED", "11/16/2026"],
    ]
    rows = read_inv410r(town.write("INV410R")[0])[1]
    assert rows[sku, "ATL"] == (13, 0, 0, "A")
    assert rows[sku, "QTN"] == (2, 0, 0, "Q")
    assert town.told("SO1")["lines"][0]["returned"] == "5"
    with pytest.raises(CannotExport, match="no return"):
        town.write("RTNRCV")


def test_more_than_is_out_cannot_come_back(found: Founded) -> None:
    town, _, number = shipped(found)
    with pytest.raises(NotPossible, match="cannot come back"), town.books.turn():
        town.life.afterwards.receive(number, 1, Decimal(11), "RESTOCK", town.now)
    with town.books.turn():
        town.life.afterwards.receive(number, 1, None, "RESTOCK", town.now)
    with pytest.raises(NotPossible, match="cannot come back"), town.books.turn():
        town.life.afterwards.receive(number, 1, None, "RESTOCK", town.now)


@pytest.mark.parametrize(
    ("quantity", "reopen", "reason", "state"),
    [
        (8, False, "SS", {"shipped": "8", "cancelled": "2", "open": "0"}),
        (8, True, "BO", {"shipped": "8", "cancelled": "0", "open": "2"}),
        (12, False, "", {"shipped": "12", "overshipped": "2", "open": "0"}),
    ],
)
def test_a_correction_states_the_shipment_again(
    found: Founded, quantity: int, reopen: bool, reason: str, state: dict[str, str]
) -> None:
    """Case F9: the same number in a later file, other quantities; stock follows."""
    town, sku, number = shipped(found)
    with town.books.turn():
        town.life.afterwards.correct(number, {1: Decimal(quantity)}, town.now, reopen=reopen)
    content, truth = town.write("SHPCNF")
    assert [(s.number, s.lines[0][2:4], s.lines[0][5]) for s in read(content)] == [(number, (10, quantity), reason)]
    assert (truth["shipments"][0]["trouble"], truth["expected_invoices"]) == ("correction", [])
    assert truth["shipments"][0]["case"].startswith("correction: a shipment of file 000101 again")
    assert town.told("SO1")["lines"][0].items() >= state.items()
    assert town.stock_of(sku)["on_hand"] == str(20 - quantity)
    with pytest.raises(CannotExport, match="no shipment"):
        town.write("SHPCNF")


def test_a_piece_of_a_backordered_rest_is_not_given_up_alone(found: Founded) -> None:
    """Cases F9, O2: the paper says that the rest comes, so all of it does."""
    town, _, number = shipped(found, quantity=30)
    with town.books.turn():
        town.life.afterwards.correct(number, {1: Decimal(19)}, town.now, reopen=False)
    content, _ = town.write("SHPCNF")
    assert [(s.number, s.lines[0][3], s.lines[0][5]) for s in read(content)] == [(number, 19, "BO")]
    assert town.told("SO1")["lines"][0].items() >= {"shipped": "19", "cancelled": "0", "open": "11"}.items()


def test_a_reversal_states_the_shipment_again_with_nothing_in_it(found: Founded) -> None:
    """Cases O10, O11: what is reopened ships under another number."""
    town, sku, number = shipped(found)
    with town.books.turn():
        town.life.afterwards.reverse(number, town.now, reopen=True)
    content, truth = town.write("SHPCNF")
    (again,) = read(content)
    assert (again.number, again.lines[0][3], again.freight) == (number, 0, 0)
    assert truth["shipments"][0]["case"].startswith("reversal")
    assert town.stock_of(sku)["on_hand"] == "20"
    town.pass_time(hours=8)
    second = town.shipments_of("SO1")[1]
    assert (second["shipment_no"] != number, second["lines"][0]["shipped"]) == (True, "10")


def test_only_what_was_confirmed_can_be_corrected_and_not_below_what_came_back(found: Founded) -> None:
    town, _, number = shipped(found, confirmed=False)
    with pytest.raises(NotPossible, match="no file has confirmed"), town.books.turn():
        town.life.afterwards.reverse(number, town.now, reopen=False)
    town.write("SHPCNF")
    with town.books.turn():
        town.life.afterwards.receive(number, 1, Decimal(3), "RESTOCK", town.now)
    with pytest.raises(NotPossible, match="too little"), town.books.turn():
        town.life.afterwards.correct(number, {1: Decimal(2)}, town.now, reopen=False)
    with pytest.raises(NotPossible, match="says so already"), town.books.turn():
        town.life.afterwards.correct(number, {1: Decimal(10)}, town.now, reopen=False)
    with pytest.raises(NotPossible, match="cannot have left"), town.books.turn():
        town.life.afterwards.correct(number, {1: Decimal(10_000)}, town.now, reopen=False)


def test_a_line_that_is_being_picked_is_not_corrected_upwards(found: Founded) -> None:
    """What is missing ships anyway; both together would be more than was ordered."""
    town, _, number = shipped(found)
    town.settings.change({"pick_minutes": 0, "ship_minutes": 600})
    with town.books.turn():
        town.life.afterwards.correct(number, {1: Decimal(6)}, town.now, reopen=True)
    town.pass_time(minutes=5)
    assert town.told("SO1")["status"] == "K"
    with pytest.raises(NotPossible, match="being picked"), town.books.turn():
        town.life.afterwards.correct(number, {1: Decimal(7)}, town.now, reopen=True)
    with town.books.turn():
        town.life.afterwards.correct(number, {1: Decimal(5)}, town.now, reopen=True)


def test_chance_brings_goods_back_and_corrects_and_reverses(found: Founded) -> None:
    town = found(percent_return=100, percent_correct=100, percent_reverse=100, return_hours=1)
    sku = town.item()
    town.put_stock(sku, 50)
    town.hand_in(("A", town.order("SO1", (sku, 10, "1"))), ("A", town.order("SO2", (sku, 10, "1"))))
    town.pass_time(days=2)
    assert len(town.truth()["returns"]) >= 2
    assert {shipment["revision"] for shipment in town.truth()["shipments"]} >= {2}


def test_a_vendors_goods_go_back_to_the_vendor(found: Founded) -> None:
    """Case O15."""
    town = found(drop_ship_warehouses=["DRP"], **CALM)
    sku = town.item()
    town.hand_in(("A", town.order("SO1", (sku, 4, "1"), warehouse="DRP")))
    town.pass_time(hours=4)
    with town.books.turn():
        number = town.shipments_of("SO1")[0]["shipment_no"]
        town.life.afterwards.receive(number, 1, Decimal(1), "RESTOCK", town.now)
    assert all(row["warehouse"] != "DRP" for row in town.truth()["stock"])
    assert len(read_rtnrcv(town.write("RTNRCV")[0])[1]) == 1
