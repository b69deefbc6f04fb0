"""Exports from a made world, read back with an independent reader and held against their truth."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from tests.twins.erp.reading import read
from twins.erp.books import Books
from twins.erp.exports import export_file, handed_out
from twins.erp.requests import CannotExport, ExportName, ExportRequest, WorldRequest
from twins.erp.troubles import Damage, Trouble
from twins.web import Database

NOON = datetime(2026, 11, 20, 17, 0, tzinfo=UTC)


@pytest.fixture
def books() -> Iterator[Books]:
    database = Database()
    made = Books(database)
    made.begin_world(WorldRequest(seed=7, orders=60, today=NOON.date()))
    yield made
    database.close()


def shipped(books: Books, **asked: object) -> tuple[bytes, dict]:
    export = export_file(books, ExportName.SHPCNF, ExportRequest(created_at=NOON, **asked))
    return handed_out(export), export.truth


def test_a_file_says_what_its_truth_says(books: Books) -> None:
    content, truth = shipped(books, shipments=30)
    shipments = read(content)
    assert [s.number for s in shipments] == [told["shipment_no"] for told in truth["shipments"]]
    assert truth["totals"]["shipments"] == 30
    assert truth["totals"]["records"] == content.count(b"\r\n")
    assert Decimal(truth["totals"]["amount_total"]) == sum(s.worth for s in shipments)
    invoices = {invoice["shipment_no"]: Decimal(invoice["total"]) for invoice in truth["expected_invoices"]}
    assert invoices == {s.number: s.worth for s in shipments}


def test_every_way_of_shipping_is_in_a_file_of_ordinary_size(books: Books) -> None:
    """Cases O1 to O5: partial, backordered, split over two warehouses, short and closed, nothing of a line."""
    shipments = read(shipped(books, shipments=40)[0])
    reasons = Counter(line[5] for shipment in shipments for line in shipment.lines)
    assert reasons["BO"] >= 2
    assert reasons["SS"] >= 2
    warehouses: dict[str, set[str]] = {}
    for shipment in shipments:
        warehouses.setdefault(shipment.order, set()).add(shipment.warehouse)
    assert any(len(places) == 2 for places in warehouses.values())
    assert any(line[3] == 0 for shipment in shipments for line in shipment.lines)
    assert any(shipment.freight for shipment in shipments)


def test_a_split_order_is_shipped_exactly_once(books: Books) -> None:
    shipments = read(shipped(books, shipments=40)[0])
    sums: Counter[tuple[str, int]] = Counter()
    ordered = {}
    for shipment in shipments:
        for line in shipment.lines:
            ordered[shipment.order, line[0]] = line[2]
            sums[shipment.order, line[0]] += line[3] if not line[5] else line[2]  # type: ignore[assignment]
    assert dict(sums) == ordered


def test_lines_that_did_not_ship_are_not_billed(books: Books) -> None:
    """Case O5: no line of zero is on an invoice."""
    _, truth = shipped(books, shipments=40)
    assert all(line["quantity"] != "0" for invoice in truth["expected_invoices"] for line in invoice["lines"])


def test_further_files_ship_other_orders_under_the_next_sequence(books: Books) -> None:
    first, second = (shipped(books, shipments=10)[1] for _ in range(2))
    assert (first["sequence"], second["sequence"]) == (101, 102)
    for key in ("shipment_no", "order_no"):
        assert not {told[key] for told in first["shipments"]} & {told[key] for told in second["shipments"]}


def test_when_all_orders_have_left_there_is_nothing_to_write(books: Books) -> None:
    _, truth = shipped(books, shipments=500)
    assert len({told["order_no"] for told in truth["shipments"]}) == 56  # four stay back
    with pytest.raises(CannotExport, match="every order"):
        shipped(books, shipments=1)
    assert len(books.exports()) == 1


def test_the_same_seed_writes_the_same_bytes() -> None:
    contents = []
    for _ in range(2):
        database = Database()
        fresh = Books(database)
        fresh.begin_world(WorldRequest(seed=11, orders=50, today=NOON.date()))
        plan = [(name, ExportRequest(created_at=NOON)) for name in ExportName]
        contents.append([export_file(fresh, name, request).content for name, request in plan])
        database.close()
    assert contents[0] == contents[1]


@pytest.mark.parametrize("trouble", list(Trouble))
def test_troubles_are_in_the_file_as_often_as_asked_for(books: Books, trouble: Trouble) -> None:
    """Cases M1, M2, O4, O6, E2, F8, F9."""
    _, before = shipped(books, shipments=10)
    content, truth = shipped(books, shipments=6, troubles={trouble: 2})
    shipments = read(content)
    assert len(shipments) == 6
    troubled = [told for told in truth["shipments"] if told.get("trouble") == trouble]
    assert len(troubled) == 2
    assert {told["case"] for told in truth["shipments"]} - {"clean"} == {troubled[0]["case"]}
    assert len(truth["expected_invoices"]) == 4
    earlier = {told["shipment_no"]: told for told in before["shipments"]}
    repeated = trouble in {Trouble.CORRECTION, Trouble.EXACT_REPEAT}
    assert all((told["shipment_no"] in earlier) is repeated for told in troubled)


def test_each_trouble_is_what_its_name_says(books: Books) -> None:
    _, before = shipped(books, shipments=10)
    _, truth = shipped(books, shipments=7, troubles=dict.fromkeys(Trouble, 1))
    told = {shipment["trouble"]: shipment for shipment in truth["shipments"]}
    orders = {order.order_no: order for order in books.world().orders}
    first = {name: shipment["lines"][0] for name, shipment in told.items()}
    assert first["unknown_item"]["sku"] not in {item.sku for item in books.world().items}
    assert told["unknown_customer"]["customer_erp_no"] not in {c.erp_no for c in books.world().customers}
    over = first["over_shipment"]
    assert Decimal(over["quantity_shipped"]) == 2 * Decimal(over["quantity_ordered"])
    ordered = orders[told["price_differs"]["order_no"]].lines[0].unit_price
    assert Decimal(first["price_differs"]["unit_price"]) > ordered
    assert told["unknown_order"]["order_no"] not in orders
    earlier = {shipment["shipment_no"]: shipment for shipment in before["shipments"]}
    corrected = earlier[told["correction"]["shipment_no"]]["lines"][0]["quantity_shipped"]
    assert Decimal(first["correction"]["quantity_shipped"]) == Decimal(corrected) - 1
    repeat = {key: value for key, value in told["exact_repeat"].items() if key not in {"case", "trouble"}}
    assert repeat == earlier[repeat["shipment_no"]]


def test_a_repeat_needs_an_earlier_file_and_troubles_need_room(books: Books) -> None:
    with pytest.raises(CannotExport, match="earlier file"):
        shipped(books, shipments=3, troubles={Trouble.CORRECTION: 1})
    with pytest.raises(CannotExport, match="do not fit"):
        shipped(books, shipments=3, troubles={Trouble.UNKNOWN_ITEM: 4})
    assert shipped(books, shipments=3)[1]["sequence"] == 101  # a refusal uses up nothing


@pytest.mark.parametrize("damage", list(Damage))
def test_a_damaged_file_can_be_had_whole_afterwards(books: Books, damage: Damage) -> None:
    """Cases F2, F3, F10, F11: the reader refuses the damaged copy; the same file comes again whole."""
    content, truth = shipped(books, shipments=5, damage=damage)
    assert truth["damage"] == damage
    with pytest.raises((AssertionError, ArithmeticError, ValueError)):
        read(content)
    whole, truth_again = shipped(books, again="SHPCNF.S000101")
    assert len(read(whole)) == 5
    assert "damage" not in truth_again
    assert shipped(books, shipments=5)[1]["sequence"] == 102


def test_record_damage_is_for_shipment_files_only(books: Books) -> None:
    with pytest.raises(CannotExport, match="SHPCNF"):
        export_file(books, ExportName.CUSMST, ExportRequest(damage=Damage.BAD_NUMBER))
    export = export_file(books, ExportName.CUSMST, ExportRequest(damage=Damage.TRUNCATED))
    assert len(handed_out(export)) < len(export.content)


def test_snapshots_follow_each_other(books: Books) -> None:
    first = export_file(books, ExportName.INV410R, ExportRequest(created_at=NOON)).truth
    later = ExportRequest(created_at=NOON + timedelta(hours=1), rows_changed=9, rows_vanished=3)
    second = export_file(books, ExportName.INV410R, later)
    before = {(row["sku"], row["warehouse"]): row for row in first["rows"]}
    after = {(row["sku"], row["warehouse"]): row for row in second.truth["rows"]}
    assert sum(before[key] != row for key, row in after.items()) == second.truth["changed"] == 9
    assert {tuple(key) for key in second.truth["vanished"]} == before.keys() - after.keys()
    assert second.filename == "INV410R.20261120.1300"
    footer = second.content.decode("cp1252").splitlines()[-1].split()
    assert int(footer[4]) == len(after)
    assert int(footer[-1].replace(",", "")) == sum(int(row["on_hand"]) for row in after.values())


def test_acknowledgements_follow_what_has_left(books: Books) -> None:
    """Cases O2, O17: a backordered rest has a promise date; held, rejected and unseen orders do not leave."""
    truth = shipped(books, shipments=40)[1]
    export = export_file(books, ExportName.ORDACK, ExportRequest(created_at=NOON))
    lines = export.content.decode("cp1252").split("\r\n")[:-1]
    assert lines[-1] == f"END|{len(lines)}"
    told = {order["order_no"]: order for order in export.truth["orders"]}
    statuses = Counter(order["status"] for order in told.values())
    assert statuses == {"A": 56, "H": 1, "R": 1}
    rests = {
        (told_shipment["order_no"], line["line"]): Decimal(line["quantity_ordered"]) - Decimal(line["quantity_shipped"])
        for told_shipment in truth["shipments"]
        for line in told_shipment["lines"]
        if line.get("reason") == "BO"
    }
    assert rests
    for (order_no, number), rest in rests.items():
        line = told[order_no]["lines"][number - 1]
        assert (line["allocated"], Decimal(line["backordered"]), line["promise_on"]) == ("0", rest, "2026-12-04")


def test_what_the_newest_acknowledgement_accepts_may_leave(books: Books) -> None:
    export_file(books, ExportName.ORDACK, ExportRequest(held=0, rejected=0, unseen=0, cancelled=1))
    _, truth = shipped(books, shipments=500)
    assert len({told["order_no"] for told in truth["shipments"]}) == 59


def test_what_was_shipped_can_come_back_once(books: Books) -> None:
    """Case O12."""
    shipments = {told["shipment_no"]: told for told in shipped(books, shipments=10)[1]["shipments"]}
    back: list[dict] = []
    for _ in range(2):
        export = export_file(books, ExportName.RTNRCV, ExportRequest(created_at=NOON, returns=2))
        back += export.truth["returns"]
    assert len({goods["shipment_no"] for goods in back}) == 4
    assert [goods["rma"] for goods in back] == ["RM9001", "RM9002", "RM9003", "RM9004"]
    assert all(shipments[goods["shipment_no"]]["lines"][0]["sku"] == goods["sku"] for goods in back)


def test_ten_thousand_orders_make_one_file() -> None:
    """Case F15."""
    database = Database()
    books = Books(database)
    books.begin_world(WorldRequest(orders=10_000, items=5_000, customers=1_000, today=NOON.date()))
    content, truth = shipped(books, shipments=10_000)
    assert len(read(content)) == truth["totals"]["shipments"] == 10_000
    database.close()
