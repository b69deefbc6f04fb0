"""What can be promised: orders that the ERP has not seen, what left since, exports that are late, kits, shortages."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from fractions import Fraction

import pytest

from domain.exceptions import Choice
from domain.orders import Order
from domain.stock_rules import KitRules, StockRules
from store.stock.promises import decided_again
from tests.activities.stock_exports import acknowledged, export, hours, row
from tests.activities.stock_truth import number
from tests.activities.stockroom import Stockroom, writes
from tests.adapters.salesforce.world import order as salesforce_order
from tests.build import item, order, order_line, shipment
from tests.build import line as shipped_line


@pytest.fixture
def room(stockroom: Stockroom) -> Stockroom:
    """Bolts and nuts in two warehouses, kept by the piece and sold in boxes of ten."""
    skus = [{"sku": sku, "description": sku, "list_price": "1", "taxable": True} for sku in ("BOLT", "NUT", "KIT")]
    customers = [{"erp_no": "00000042", "name": "Brightwater Plumbing", "terms_code": "N30"}]
    stockroom.org.control("POST", "/seed", {"items": skus, "customers": customers})
    stockroom.stock_items(item("BOLT", units_per_sell_uom=Fraction(10)), item("NUT", units_per_sell_uom=Fraction(10)))
    stockroom.at = hours(0) + timedelta(minutes=5)
    return stockroom


STOCK = (row("BOLT", 40, "ATL", allocated=18), row("BOLT", 10, "RNO"), row("NUT", 7, "ATL"))


def asked(name: str, quantity: int, *, sku: str = "BOLT", uom: str = "EA", at: float = -1, **changes: object) -> Order:
    """An order that Salesforce accepted so many hours after the first export."""
    line = order_line(sku=sku, quantity=Decimal(quantity), uom=uom)
    return order(line, number=name, external_id=f"801{name}", version_at=hours(at), **changes)


def product(room: Stockroom, sku: str) -> Decimal | None:
    return number(room.shown("Product2", "ERP_SKU__c")[sku]["Available_Qty__c"])


def test_an_order_counts_until_a_file_that_was_cut_after_it_lists_it(room: Stockroom) -> None:
    """Cases I3, I4: the acknowledgement alone is not enough, the stock must be of a later instant."""
    room.export(*export(0, STOCK))
    room.know(asked("SO1", 1, uom="BX"), asked("SO2", 2))
    room.settle()
    assert product(room, "BOLT") == 40 - 18 + 10 - 10 - 2
    room.acknowledge(*acknowledged(1, 0.5, ("SO1", "A", [(1, "BOLT", 1, 0)])))
    room.settle()
    assert product(room, "BOLT") == 20
    room.at = hours(1) + timedelta(minutes=5)
    later = (row("BOLT", 40, "ATL", allocated=28), *STOCK[1:])
    room.export(*export(1, later))
    room.settle()
    assert product(room, "BOLT") == 40 - 28 + 10 - 2
    why = room.promise("BOLT").basis
    assert (
        why == "20 = 40 on hand in ATL at 06:55 + 10 on hand in RNO at 06:55 - 28 allocated in ATL - 2 in one order "
        "without a warehouse, which count in the total only"
    )


def test_what_left_since_the_export_is_gone_at_once(room: Stockroom) -> None:
    """Case I1: a confirmed shipment is a movement; the next export has it inside, and nothing is counted twice."""
    room.export(*export(0, STOCK))
    room.know(asked("SO1", 8, at=-2))
    room.acknowledge(*acknowledged(1, -0.1, ("SO1", "A", [(1, "BOLT", 8, 0)])))
    room.settle()
    before = product(room, "BOLT")
    left = shipment(shipped_line(quantity_shipped=Decimal(8), uom="EA"), shipped_at=hours(0.5))
    room.at = hours(0.6)
    room.ship(left)
    room.settle()
    assert number(room.shown()["BOLT|ATL"]["On_Hand__c"]) == 32
    assert product(room, "BOLT") == before
    room.at = hours(1) + timedelta(minutes=5)
    room.export(*export(1, (row("BOLT", 32, "ATL", allocated=10), *STOCK[1:])))
    room.settle()
    assert product(room, "BOLT") == before


def test_a_finished_order_is_not_looked_at_again(room: Stockroom) -> None:
    """It stays active in Salesforce for ever, takes nothing, and must not make every decision longer."""
    room.export(*export(0, STOCK))
    room.know(asked("SO1", 8, at=-3), asked("SO2", 3, at=-3))
    room.ship(shipment(shipped_line(quantity_shipped=Decimal(8), uom="EA"), shipped_at=hours(-2)))
    room.settle()
    assert product(room, "BOLT") == 40 - 18 + 10 - 3
    assert {one["order_number"] for one in room.promise("BOLT").given["demands"]} == {"SO2"}
    room.at = hours(0.6)
    room.ship(
        shipment(
            shipped_line(quantity_shipped=Decimal(3), uom="EA"), number="SH2", order_number="SO2", shipped_at=hours(0.5)
        )
    )
    room.settle()
    assert {one["order_number"] for one in room.promise("BOLT").given["demands"]} == {"SO2"}  # it left since


def test_a_late_export_ages_the_numbers_until_they_are_unknown(room: Stockroom) -> None:
    """Cases I7, F13: by itself, with a buffer that widens and an alarm that ends when the export comes."""
    rules = {"version": "aging", "buffer": {"percent_per_hour": "10"}}
    room.company = room.company.model_copy(update={"stock": StockRules.model_validate(rules)})
    room.export(*export(0, STOCK))
    seen = []
    for late in (0.1, 2.5, 4.5, 6.5):
        room.at = hours(late)
        room.settle()
        shown = room.shown()["NUT|ATL"]
        seen.append((shown["Confidence__c"], number(shown["Available__c"])))
    assert seen == [("fresh", 7), ("aging", 5), ("stale", 4), ("unknown", None)]
    (alarm,) = room.work("stock_feed_late")
    assert alarm.record_key == "inv410r"
    assert "INV410R.20261120.1055" in alarm.sentence
    room.at = hours(7) + timedelta(minutes=5)
    assert room.export(*export(7, STOCK)).changed == 0
    room.settle()
    shown = room.shown()["NUT|ATL"]
    assert (shown["Confidence__c"], number(shown["Available__c"])) == ("fresh", 7)
    assert room.work("stock_feed_late") == []


def test_a_buffer_may_widen_between_two_exports(room: Stockroom) -> None:
    """Case I7: in steps of its own, each said when it comes, and only where it makes a difference."""
    buffer = {"units_per_hour": "4", "widen_every_minutes": 15}
    rules = StockRules.model_validate({"version": "steps", "buffer": buffer})
    room.company = room.company.model_copy(update={"stock": rules})
    room.at = hours(0)
    room.export(*export(0, STOCK))
    assert room.decide().next_at == hours(0.25)
    room.show()
    seen = [number(room.shown()["NUT|ATL"]["Available__c"])]
    for quarter in (0.26, 0.51, 0.6):
        room.at = hours(quarter)
        room.settle()
        seen.append(number(room.shown()["NUT|ATL"]["Available__c"]))
    assert seen == [7, 6, 5, 5]
    room.at = hours(1)
    room.export(*export(1, STOCK))
    room.settle()
    assert number(room.shown()["NUT|ATL"]["Available__c"]) == 7


def test_the_next_look_is_due_when_a_number_changes_by_itself(room: Stockroom) -> None:
    """Case I7: no file has to come."""
    room.export(*export(0, STOCK))
    assert room.decide().next_at == hours(1.25)
    room.at = hours(1.25) + timedelta(seconds=1)
    assert room.decide().next_at == hours(2.25)
    room.at = hours(30)
    assert room.decide().next_at is None


def test_a_shortage_names_the_orders_that_it_hits_and_tells_them(room: Stockroom) -> None:
    """Case I6, feature G-F6: at order time as at file time, with money and remedies; it ends by itself."""
    room.org.control("POST", "/seed", {**_world(), "orders": [salesforce_order(one) for one in ("SO1", "SO2")]})
    room.export(*export(0, (row("NUT", 7, "ATL"), *STOCK[:2])))
    room.know(asked("SO1", 5, sku="NUT", at=-2), asked("SO2", 6, sku="NUT"))
    decided = room.decide()
    (short,) = room.work("stock_oversold")
    assert short.record_key == "NUT|"
    assert "short of 4" in short.sentence
    assert short.money_at_stake == 10  # four pieces at 2.50
    assert short.choices == (Choice.SPLIT, Choice.BACKORDER, Choice.HANDLED)
    assert decided.orders == ["SO2"]
    assert room.tell(decided.orders) == 2, "its words, and that it is active"
    told = room.shown("Order", "ERP_Order_Id__c")["SO2"]
    assert told["Gateway_Status__c"] == "Needs Attention"
    assert told["Gateway_Message__c"].startswith("Cannot be filled from stock: line 1: 4 of 6 NUT. Possible: split")
    room.at = hours(1) + timedelta(minutes=5)
    room.export(*export(1, (row("NUT", 30, "ATL"), *STOCK[:2])))
    decided = room.decide()
    assert room.work("stock_oversold") == []
    assert decided.orders == ["SO2"]
    room.tell(decided.orders)
    told = room.shown("Order", "ERP_Order_Id__c")["SO2"]
    assert (told["Gateway_Status__c"], told["Gateway_Message__c"]) == ("Submitted", "Accepted by the gateway.")


def test_a_shortage_that_somebody_decided_stays_decided_until_it_changes(room: Stockroom) -> None:
    """Feature G-I2."""
    room.export(*export(0, (row("NUT", 7, "ATL"), *STOCK[:2])))
    room.know(asked("SO1", 9, sku="NUT"))
    room.decide()
    room.resolve(room.work("stock_oversold")[0], Choice.BACKORDER)
    room.mark("NUT")
    room.decide()
    assert room.work("stock_oversold") == []
    room.know(asked("SO2", 1, sku="NUT"))
    room.decide()
    assert "short of 3" in room.work("stock_oversold")[0].sentence


def test_kits_are_promised_as_many_as_the_scarcest_component_allows(room: Stockroom) -> None:
    """Case O13: and an order for kits takes its components."""
    kit = {"KIT": KitRules(parts={"BOLT": Decimal(4), "NUT": Decimal(2)})}
    room.company = room.company.model_copy(update={"kits": kit})
    room.stock_items(item("KIT", sell_uom="EA", units_per_sell_uom=Fraction(1)))
    room.export(*export(0, STOCK))
    room.settle()
    assert (number(room.shown()["KIT|ATL"]["Available__c"]), product(room, "KIT")) == (3, 3)
    room.know(asked("SO1", 1, sku="KIT"))
    room.settle()
    assert (product(room, "NUT"), product(room, "BOLT"), product(room, "KIT")) == (5, 28, 2)
    assert room.promise("KIT").basis.startswith("2 kits, limited by NUT")


def test_an_order_in_a_unit_that_nobody_knows_makes_the_number_unknown(room: Stockroom) -> None:
    """Case E3: until the item master has it."""
    room.export(*export(0, STOCK))
    room.know(asked("SO1", 1, uom="PALLET"))
    room.settle()
    assert product(room, "BOLT") is None
    (unknown,) = room.work("stock_unit_unknown")
    assert "SO1 line 1 asks 1 PALLET of BOLT" in unknown.sentence
    room.know(asked("SO1", 1, uom="EA", at=0))
    room.settle()
    assert product(room, "BOLT") == 31
    assert room.work("stock_unit_unknown") == []


def test_a_kept_decision_comes_to_the_same_again(room: Stockroom) -> None:
    """Feature G-C8: from its stored inputs, bit for bit."""
    room.export(*export(0, STOCK))
    room.know(asked("SO1", 3))
    room.settle()
    for warehouse in ("ATL", "RNO", ""):
        kept = room.promise("BOLT", warehouse)
        policy = room.company.stock.promises(room.company.zone, kept.decided_at)
        again = decided_again(kept, policy)
        assert (again.value, again.published, again.confidence.value) == (kept.value, kept.published, kept.confidence)


def test_nothing_is_said_of_what_did_not_change(room: Stockroom) -> None:
    """Feature G-F1: an export that states the same writes nothing, although every number has a newer instant."""
    room.export(*export(0, STOCK))
    room.know(asked("SO1", 3))
    room.settle()
    room.at = hours(1) + timedelta(minutes=5)
    with writes(room.org) as calls:
        room.export(*export(1, STOCK))
        room.settle()
    assert calls == []


def test_an_item_that_salesforce_lacks_is_one_piece_of_work(room: Stockroom) -> None:
    """Case X5: it holds up nobody else, and is said again when somebody has mended it."""
    room.export(*export(0, (*STOCK, row("ALIEN", 3), row("ALIEN", 4, "RNO"))))
    assert room.settle().refused == 3
    (refused,) = room.work("stock_rows_refused")
    assert "3 rows of stock (item_not_in_salesforce): ALIEN, ALIEN|ATL, ALIEN|RNO" in refused.sentence
    assert number(room.shown()["NUT|ATL"]["Available__c"]) == 7
    room.org.control("POST", "/seed", {"items": [{"sku": "ALIEN", "description": "x", "list_price": "1"}]})
    with writes(room.org) as calls:
        room.settle()
    assert calls == []
    room.say_refused_again()
    assert room.settle().refused == 0
    assert room.work("stock_rows_refused") == []


def _world() -> dict[str, object]:
    customers = [{"erp_no": "00040017", "name": "Hale & Sons", "terms_code": "N30"}]
    skus = ("BOLT", "NUT", "HCS-0100/Z")
    return {"items": [{"sku": one, "description": one, "list_price": "1"} for one in skus], "customers": customers}
