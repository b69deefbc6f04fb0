"""Goods kept for quotes: no piece twice, once a reference, and an end to each (cases I3, I11, O13)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest

from api.problems import Refused
from api.quotes import Quote
from api.reservations import reserve
from store import items, orders
from store.session import reading
from store.stock import marks, reservations
from store.stock.reservations import Part, Request
from tests import build
from tests.api.served import Served, assert_problem
from tests.api.stock_room import StockRoom


@pytest.fixture
def room(served: Served) -> StockRoom:
    """40 BOLT of which 18 are allocated, 10 NUT, and a kit of two BOLT and a NUT; all in Atlanta."""
    with served.write() as session:
        items.upsert(session, [build.item("BOLT"), build.item("NUT")])
    found = StockRoom.of(served, KIT={"BOLT": 2, "NUT": 1})
    found.stock({("BOLT", "ATL"): (40, 18), ("NUT", "ATL"): (10, 0)})
    return found


def line(sku: str = "BOLT", quantity: str = "5", line_no: int = 1, **more: object) -> dict[str, object]:
    return {"line_no": line_no, "sku": sku, "quantity": quantity, "warehouse": "ATL", **more}


async def asked(served: Served, *lines: dict[str, object], reference: str = "Q-1", **more: object) -> httpx.Response:
    return await served.client.post("/reservations", json={"reference": reference, "lines": lines or [line()], **more})


async def kept(served: Served, *lines: dict[str, object], **more: Any) -> dict[str, Any]:
    answer = await asked(served, *lines, **more)
    assert answer.status_code == 201, answer.text
    document: dict[str, Any] = answer.json()
    return document


async def end(served: Served, reference: str, how: str, **body: object) -> httpx.Response:
    return await served.client.post(f"/reservations/{reference}/{how}", json=body)


async def published(served: Served, room: StockRoom, sku: str = "BOLT", warehouse: str = "ATL") -> str:
    room.decide()
    rows = (await served.client.get(f"/stock/{sku}", params={"warehouse": warehouse})).json()["rows"]
    return str(rows[0]["published"])


async def test_goods_are_kept_and_taken_off_the_promise(served: Served, room: StockRoom) -> None:
    """Case I3: a hard reservation is deducted, and named among the sources."""
    got = await kept(served, line(quantity="5"), minutes=30)
    (first,) = got["lines"]
    assert (first["promised"], first["short"], first["limited_by"]) == ("5", "0", None)
    created, expires = (datetime.fromisoformat(got[name]) for name in ("created_at", "expires_at"))
    assert expires - created == timedelta(minutes=30)
    assert await published(served, room) == "17"
    found = (await served.client.get("/stock/BOLT", params={"warehouse": "ATL"})).json()["rows"][0]
    assert "- 5 in one reservation" in found["explanation"]
    assert "reserved: Q-1/1/BOLT (5)" in found["explanation"]


async def test_the_reservation_marks_its_items_and_wakes_the_decision(served: Served, room: StockRoom) -> None:
    await kept(served, line("KIT", "1"))
    with served.write() as session:
        assert marks.take(session, 10) == ["BOLT", "NUT"]
    assert await served.services.client.get_workflow_handle("stock/all").describe()


async def test_units_are_converted_and_unknown_ones_refused(served: Served, room: StockRoom) -> None:
    answer = await asked(served, line(quantity="1", uom="BX"))
    assert assert_problem(answer, 409, "stock_short")["lines"][0]["quantity"] == "100"
    document = assert_problem(await asked(served, line(uom="PALLET")), 422, "malformed")
    assert document["reason"] == "uom"
    assert "BX, EA" in document["detail"]
    assert "no known item" in assert_problem(await asked(served, line("NOPE", uom="EA")), 422, "malformed")["detail"]


async def test_all_or_nothing(served: Served, room: StockRoom) -> None:
    answer = await asked(served, line("NUT", "4"), line("BOLT", "23", 2))
    document = assert_problem(answer, 409, "stock_short")
    assert "line 2: 1 of 23 BOLT" in document["detail"]
    assert [(one["short"], one["limited_by"]) for one in document["lines"]] == [("0", None), ("1", "BOLT")]
    assert (await served.client.get("/reservations")).json()["items"] == []
    with served.write() as session:
        assert marks.take(session, 10) == []


async def test_as_many_as_there_are(served: Served, room: StockRoom) -> None:
    got = await kept(served, line("BOLT", "30"), line("NOPE", "1", 2), all_or_nothing=False)
    assert [(one["promised"], one["short"], one["limited_by"]) for one in got["lines"]] == [
        ("22", "8", "BOLT"),
        ("0", "1", "NOPE"),
    ]
    (row,) = (await served.client.get("/reservations")).json()["items"]
    assert (row["sku"], row["quantity"]) == ("BOLT", "22")


async def test_what_was_kept_at_a_time_is_told_when_it_is_let_go_or_an_order(served: Served, room: StockRoom) -> None:
    """G-B5, I11: before anybody asked there was nothing."""

    async def at(time: datetime, path: str = "") -> httpx.Response:
        return await served.client.get(f"/reservations{path}", params={"as_of": time.isoformat()})

    def now() -> datetime:
        with reading(served.engine) as session:
            return reservations.now(session)

    with served.write() as session:
        orders.upsert(session, [build.order(build.order_line(quantity=Decimal(6)))])
    before = now()
    await kept(served, line(quantity="3"), reference="Q-1")
    await kept(served, line(quantity="4"), reference="Q-2")
    then = now()
    await end(served, "Q-1", "release")
    await end(served, "Q-2", "convert", order_number="SO1")
    assert (await served.client.get("/reservations")).json()["items"] == []
    assert [one["quantity"] for one in (await at(then)).json()["items"]] == ["3", "4"]
    assert (await at(before)).json()["items"] == (await at(now())).json()["items"] == []
    assert [(await at(then, f"/Q-{n}")).json()["state"] for n in (1, 2)] == ["held", "held"]
    assert [(await at(now(), f"/Q-{n}")).json()["state"] for n in (1, 2)] == ["released", "converted"]
    assert_problem(await at(before, "/Q-1"), 404, "missing")


async def test_a_batch_is_summed_with_the_components_of_its_kits(served: Served, room: StockRoom) -> None:
    """Case O13: each line alone would fit, all of them do not."""
    lines = (line("BOLT", "10", 1), line("KIT", "6", 2), line("BOLT", "1", 3))
    document = assert_problem(await asked(served, *lines), 409, "stock_short")
    assert [one["short"] for one in document["lines"]] == ["0", "0", "1"]
    await kept(served, *lines[:2])
    rows = (await served.client.get("/reservations")).json()["items"]
    assert {(one["sku"], one["quantity"]) for one in rows} == {("BOLT", "10"), ("BOLT", "12"), ("NUT", "6")}


async def test_kits_are_not_put_together_across_warehouses(served: Served) -> None:
    room = StockRoom.of(served, KIT={"BOLT": 2, "NUT": 1})
    room.stock({("BOLT", "ATL"): (40, 0), ("NUT", "RNO"): (10, 0)})
    answer = await asked(served, {"line_no": 1, "sku": "KIT", "quantity": "1"})
    assert assert_problem(answer, 409, "stock_short")["lines"][0]["limited_by"] == "KIT"


async def test_a_reference_names_one_request(served: Served, room: StockRoom) -> None:
    first = await kept(served, line(quantity="30"), all_or_nothing=False)
    assert await kept(served, line(quantity="30"), all_or_nothing=False) == first
    document = assert_problem(await asked(served, line(quantity="1"), all_or_nothing=False), 409, "duplicate")
    assert document["reason"] == "reference_taken"
    assert len((await served.client.get("/reservations")).json()["items"]) == 1


async def test_a_reservation_runs_out(served: Served, room: StockRoom) -> None:
    """Case I11: at the instant of its end the goods are free again, whoever has noticed."""
    with served.write() as session:
        at = reservations.now(session) - timedelta(minutes=9)
        body = {"reference": "Q-0", "lines": [], "created_at": at.isoformat(), "expires_at": at.isoformat()}
        reservations.keep(session, "Q-0", [Part(1, "BOLT", "ATL", Decimal(22))], at, at + timedelta(minutes=8), "dana")
        answer = {**body, "expires_at": (at + timedelta(minutes=8)).isoformat()}
        reservations.keep_request(session, "Q-0", Request({}, answer), at, "dana")
    assert (await served.client.get("/reservations/Q-0")).json()["state"] == "expired"
    await kept(served, line(quantity="22"))
    assert await published(served, room) == "0"
    document = assert_problem(await end(served, "Q-0", "convert", order_number="SO1"), 409, "duplicate")
    assert document["reason"] == "reservation_ended"


@pytest.mark.parametrize("reference", ["Q-1", "2026/Q-1"])
async def test_goods_are_let_go(served: Served, room: StockRoom, reference: str) -> None:
    await kept(served, line(quantity="22"), reference=reference)
    assert await published(served, room) == "0"
    for _ in range(2):
        released = (await end(served, reference, "release")).json()
        assert (released["state"], released["order_number"]) == ("released", None)
    assert await published(served, room) == "22"
    assert (await served.client.get(f"/reservations/{reference}")).json()["lines"][0]["promised"] == "22"


async def test_a_quote_becomes_an_order(served: Served, room: StockRoom) -> None:
    """Case I11: the order takes the goods at the instant at which the quote no longer does."""
    await kept(served, line(quantity="6"))
    document = assert_problem(await end(served, "Q-1", "convert", order_number="SO1"), 404, "missing")
    assert "the goods stay kept" in document["detail"]
    with served.write() as session:
        orders.upsert(session, [build.order(build.order_line(quantity=Decimal(6)))])
        marks.mark(session, ["BOLT"], "ordered")
    for _ in range(2):
        converted = (await end(served, "Q-1", "convert", order_number="SO1")).json()
        assert (converted["state"], converted["order_number"]) == ("converted", "SO1")
    assert await published(served, room, warehouse="") == "16"
    assert_problem(await end(served, "Q-1", "convert", order_number="SO2"), 409, "duplicate")


async def test_what_was_never_kept(served: Served, room: StockRoom) -> None:
    for answer in (
        await served.client.get("/reservations/Q-9"),
        await end(served, "Q-9", "release"),
        await end(served, "Q-9", "convert", order_number="SO1"),
    ):
        assert assert_problem(answer, 404, "missing")["reason"] == "reservation"


@pytest.mark.parametrize("lines", [[], [line(quantity="0")], [line(quantity="1e400")], [line(warehouse="")]])
async def test_what_cannot_be_asked(served: Served, lines: list[dict[str, object]]) -> None:
    answer = await served.client.post("/reservations", json={"reference": "Q-1", "lines": lines})
    assert_problem(answer, 422, "invalid_request")


async def test_a_line_is_asked_for_once(served: Served) -> None:
    """A schema cannot say so: the code tells that the shape was right."""
    answer = await served.client.post("/reservations", json={"reference": "Q-1", "lines": [line(), line("NUT")]})
    assert_problem(answer, 422, "malformed")


async def test_a_viewer_keeps_nothing(served: Served, room: StockRoom) -> None:
    body = {"reference": "Q-1", "lines": [line()]}
    assert_problem(
        await served.client.post("/reservations", json=body, headers=served.as_scope("viewer")), 403, "scope_missing"
    )


async def test_what_the_feed_does_not_know_is_not_promised(served: Served) -> None:
    """Case I7: after the limit nothing is kept, for nobody knows whether it is there."""
    room = StockRoom.of(served)
    room.stock({("BOLT", "ATL"): (40, 18)}, datetime.now(UTC) - timedelta(hours=9))
    assert_problem(await asked(served, line(quantity="1")), 409, "stock_short")


async def test_goods_are_kept_while_temporal_is_away(without_temporal: Served) -> None:
    room = StockRoom.of(without_temporal)
    room.stock({("BOLT", "ATL"): (40, 18)})
    await kept(without_temporal)
    with without_temporal.write() as session:
        assert marks.waiting(session)[0] == 1


def test_twenty_at_once_get_ten_pieces(served: Served) -> None:
    """Cases I11, O13: ten nuts, asked for by twenty, alone and as part of a kit; decisions go on beside them."""
    room = StockRoom.of(served, KIT={"BOLT": 2, "NUT": 1})
    room.stock({("BOLT", "ATL"): (40, 0), ("NUT", "ATL"): (10, 0)})

    def one(n: int) -> Decimal:
        wanted = [line("KIT", "1"), line("BOLT", "1", 2)] if n % 2 else [line("NUT", "1")]
        quote = Quote.model_validate({"reference": f"Q-{n}", "lines": wanted})
        try:
            return reserve(served.services, quote, "rep").lines[0].promised
        except Refused:
            return Decimal(0)
        finally:
            if n % 5 == 0:
                room.decide()

    with ThreadPoolExecutor(20) as threads:
        promised = list(threads.map(one, range(20)))
    assert sum(promised) == 10
    room.decide()
    with reading(served.engine) as session:
        held = reservations.page(session, reservations.now(session), limit=100).items
    assert sum(row.quantity for row in held if row.sku == "NUT") == 10


def test_one_reference_at_once_keeps_once(served: Served, room: StockRoom) -> None:
    quote = Quote.model_validate({"reference": "Q-1", "lines": [line("NUT", "2")]})

    def one(_: int) -> str:
        return reserve(served.services, quote, "rep").model_dump_json()

    with ThreadPoolExecutor(8) as threads:
        assert len(set(threads.map(one, range(8)))) == 1
    with reading(served.engine) as session:
        assert len(reservations.of_reference(session, "Q-1")) == 1
