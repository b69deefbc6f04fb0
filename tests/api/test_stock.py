"""Stock as it is read: the number, its reasons and its age, now and as of a time (cases I3, I5, I7, I8; G-F4, G-B5)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest

from domain.exceptions import Cause, Choice, ExceptionKind
from domain.freshness import Confidence, FeedSchedule, Quiet, confidence, oldest
from store import items, orders
from store.session import reading
from store.stock import marks, shown
from tests import build
from tests.api import filling
from tests.api.served import Served, assert_problem, serving
from tests.api.stock_room import StockRoom, ago
from tests.database import cloned

STOCK = {("BOLT", "ATL"): (40, 18), ("BOLT", "RNO"): (5, 0), ("NUT/3-8", "ATL"): (7, 0), ("PIPE", "ATL"): (-3, 0)}


@pytest.fixture(scope="module")
async def shelf(postgres_url: str, temporal: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Served]:
    """One export of ten minutes ago, decided and shown, an order of six BOLT that the ERP has not seen, and a kit."""
    with cloned(postgres_url) as url:
        async with serving(url, temporal, tmp_path_factory.mktemp("api")) as running:
            with running.write() as session:
                items.upsert(session, [build.item(sku) for sku in ("BOLT", "NUT/3-8", "PIPE")])
                orders.upsert(session, [build.order(build.order_line(quantity=Decimal(6)))])
            room = StockRoom.of(running, KIT={"BOLT": 2, "NUT/3-8": 1})
            room.stock(STOCK, ago(minutes=10))
            yield running


async def read(served: Served, path: str, **params: object) -> dict[str, Any]:
    answer = await served.client.get(path, params={name: str(value) for name, value in params.items()})
    assert answer.status_code == 200, answer.text
    document: dict[str, Any] = answer.json()
    return document


async def row(served: Served, sku: str, warehouse: str | None = None, **params: object) -> dict[str, Any]:
    """One row of an item: by default its total."""
    rows = (await read(served, f"/stock/{sku}", **params))["rows"]
    (found,) = (one for one in rows if one["warehouse"] == warehouse)
    return dict(found)


async def keys(served: Served, **params: object) -> list[tuple[str, str | None]]:
    return [(one["sku"], one["warehouse"]) for one in (await read(served, "/stock", **params))["items"]]


async def test_the_list_has_the_number_its_age_and_what_salesforce_shows(shelf: Served) -> None:
    found = (await read(shelf, "/stock", sku="BOLT"))["items"]
    total, atlanta, _ = found
    assert [one["warehouse"] for one in found] == [None, "ATL", "RNO"]
    assert (total["value"], total["published"], total["confidence"]) == ("21", "21", "fresh")
    assert (atlanta["value"], atlanta["on_hand"], atlanta["allocated"]) == ("22", "40", "18")
    assert atlanta["confirmed_at"] == atlanta["as_of_at"]
    assert (atlanta["salesforce"]["available"], atlanta["salesforce"]["refused"]) == ("22", None)


async def test_the_list_is_filtered_and_paged_by_key(shelf: Served) -> None:
    everything = await keys(shelf)
    assert everything == sorted(everything, key=lambda one: (one[0], one[1] or ""))
    assert await keys(shelf, warehouse="RNO") == [("BOLT", "RNO")]
    assert ("KIT", None) in await keys(shelf, warehouse="")
    assert await keys(shelf, below=6) == [("BOLT", "RNO"), ("PIPE", None), ("PIPE", "ATL")]
    assert await keys(shelf, confidence="fresh") == everything
    assert await keys(shelf, confidence="stale") == []
    first = await read(shelf, "/stock", limit=4)
    rest = await read(shelf, "/stock", limit=50, cursor=first["next"])
    assert [(one["sku"], one["warehouse"]) for one in [*first["items"], *rest["items"]]] == everything


async def test_why_is_it_that_number(shelf: Served) -> None:
    """Feature G-F4, case I3: components, each with its sources, that add up to the number."""
    found = await row(shelf, "BOLT")
    assert found["explanation"].startswith("21 = 40 on hand in ATL at ")
    assert "- 6 in one order without a warehouse" in found["explanation"]
    assert "Sources: on hand in ATL: INV410R.411 line 1" in found["explanation"]
    assert sum(Decimal(one["quantity"]) for one in found["components"]) == Decimal(found["value"])
    unassigned = next(one for one in found["components"] if one["part"] == "unassigned")
    assert unassigned["sources"] == ["SO1 line 1 (6)"]
    (standing,) = found["standings"]
    assert (standing["order_number"], standing["unseen"]) == ("SO1", "6")
    assert found["salesforce_explanation"] == found["explanation"]


async def test_times_are_said_in_the_companys_zone(shelf: Served) -> None:
    found = await row(shelf, "BOLT", "RNO")
    cut = datetime.fromisoformat(found["as_of_at"]).astimezone(shelf.services.company.zone)
    assert found["explanation"].startswith(f"5 = 5 on hand at {cut:%H:%M}.")


async def test_a_kit_says_what_limits_it(shelf: Served) -> None:
    """Case O13: seven nuts, and bolts for ten kits."""
    found = await row(shelf, "KIT")
    assert (found["value"], found["confidence"]) == ("7", "fresh")
    assert found["explanation"].startswith("7 kits, limited by NUT/3-8")
    assert found["confirmed_at"] is not None


async def test_below_zero_nothing_is_published(shelf: Served) -> None:
    """Case I5."""
    found = await row(shelf, "PIPE", "ATL")
    assert (found["value"], found["published"], found["salesforce"]["available"]) == ("-3", "0", "0")
    assert found["explanation"].startswith("0 is published; -3 = ")


@pytest.mark.parametrize("address", ["NUT/3-8", "NUT%2F3-8"])
async def test_a_sku_may_hold_a_slash(shelf: Served, address: str) -> None:
    assert (await read(shelf, f"/stock/{address}"))["sku"] == "NUT/3-8"
    assert (await read(shelf, f"/stock/{address}/history"))["items"][0]["value"] == "7"


async def test_an_unknown_sku_says_what_to_do(shelf: Served) -> None:
    for path in (
        "/stock/NOPE",
        "/stock/NOPE/history",
        "/stock/BOLT?warehouse=SCR",
        "/stock/BOLT?as_of=2020-01-01T00:00Z",
    ):
        document = assert_problem(await shelf.client.get(path), 404, "missing")
        assert document["reason"] == "stock"
        assert "threeway stock list" in document["detail"]


async def test_the_past_of_the_list_knows_no_filter(shelf: Served) -> None:
    now = datetime.now(UTC).isoformat()
    assert await keys(shelf, as_of=now) == await keys(shelf)
    answer = await shelf.client.get("/stock", params={"as_of": now, "below": "5"})
    assert assert_problem(answer, 422, "malformed")["reason"] == "below"


async def test_feeds_and_exports(shelf: Served) -> None:
    (atlanta, reno) = (await read(shelf, "/stock/feeds"))["items"]
    assert (atlanta["warehouse"], atlanta["filename"], reno["warehouse"]) == ("ATL", "INV410R.411", "RNO")
    assert (atlanta["confidence"], atlanta["missed_exports"]) == ("fresh", 0)
    assert 600 <= atlanta["age_seconds"] < 660
    cut, due = (datetime.fromisoformat(atlanta[name]) for name in ("effective_at", "next_due_at"))
    assert due - cut == timedelta(hours=1)
    (export,) = (await read(shelf, "/stock/exports"))["items"]
    assert (export["filename"], export["rows"]) == ("INV410R.411", 9)
    assert 600 <= export["p99_seconds"] < 660


async def test_what_a_rep_saw_and_why(served: Served) -> None:
    """Feature G-B5: decided and shown are told apart, and each with its reasons."""
    room = StockRoom.of(served)
    room.stock({("BOLT", "ATL"): (40, 18)}, ago(minutes=50))
    seen = datetime.now(UTC)
    room.state({("BOLT", "ATL"): (30, 18)}, ago(minutes=5))
    room.decide()
    decided = datetime.now(UTC)
    room.show()
    first = await row(served, "BOLT", as_of=seen.isoformat())
    assert (first["value"], first["salesforce"]["available"]) == ("22", "22")
    assert "INV410R.411" in first["explanation"]
    between = await row(served, "BOLT", as_of=decided.isoformat())
    assert (between["value"], between["salesforce"]["available"]) == ("12", "22")
    assert between["explanation"].startswith("12 = 30 on hand")
    assert between["salesforce_explanation"].startswith("22 = 40 on hand")
    now = await row(served, "BOLT")
    assert (now["value"], now["salesforce"]["available"]) == ("12", "12")


async def test_the_history_of_a_number(served: Served) -> None:
    room = StockRoom.of(served)
    room.stock({("BOLT", "ATL"): (40, 18)}, ago(minutes=50))
    room.stock({("BOLT", "ATL"): (30, 18)}, ago(minutes=20))
    with served.write() as session:
        marks.mark(session, ["BOLT"], "nothing changed")
    room.decide()
    changes = (await read(served, "/stock/BOLT/history"))["items"]
    assert [(one["value_before"], one["value"]) for one in changes] == [("22", "12"), (None, "22")]
    assert changes[0]["cause"]["source"] == "gateway"
    page = await read(served, "/stock/BOLT/history", limit=1, warehouse="ATL")
    assert page["next"]
    assert len((await read(served, "/stock/BOLT", history=5))["history"]) == 2


async def test_the_trace_of_an_item_tells_its_stock(served: Served) -> None:
    room = StockRoom.of(served)
    room.stock({("BOLT", "ATL"): (40, 18)}, ago(minutes=50))
    room.stock({("BOLT", "ATL"): (10, 18)}, ago(minutes=20))
    with served.write() as session:
        filling.exception(session, "BOLT|ATL", record_type="stock", cause=Cause.STOCK_NEGATIVE)
    trace = await read(served, "/trace/BOLT")
    assert trace["kind"] == "item"
    told = [(event["what"], event["sentence"]) for event in trace["events"]]
    assert [sentence for what, sentence in told if what == "stock_stated"] == [
        "INV410R.411 line 1 states 40 on hand and 18 allocated in ATL.",
        "INV410R.412 line 1 states 10 on hand and 18 allocated in ATL.",
    ]
    assert [what for what, _ in told if what.startswith("stock_d")] == ["stock_decided", "stock_decided"]
    assert ("stock_shown", "Salesforce shows 22 in ATL, fresh.") in told
    assert "exception_stock_negative" in dict(told)


async def test_a_number_ages_while_no_export_comes(served: Served) -> None:
    """Case I7: the word is that of now although nobody has decided again; after the limit no number is told."""
    room = StockRoom.of(served)
    cut = ago(hours=7)
    room.state({("BOLT", "ATL"): (40, 18)}, cut)
    room.decide(cut + timedelta(minutes=5))
    found = await row(served, "BOLT", "ATL")
    assert (found["value"], found["published"], found["confidence"]) == ("22", None, "unknown")
    assert found["explanation"].startswith("unknown, because the feed is too old; it would be 22 = ")
    assert await keys(served, confidence="unknown") == [("BOLT", None), ("BOLT", "ATL")]
    assert await keys(served, confidence="fresh") == []
    then = await row(served, "BOLT", "ATL")
    assert then["confirmed_at"] == then["as_of_at"]
    (feed,) = (await read(served, "/stock/feeds"))["items"]
    assert (feed["confidence"], feed["next_due_at"]) == ("unknown", None)


async def test_a_later_export_confirms_a_row_that_did_not_change(served: Served) -> None:
    """Case I8: the number keeps its instant, and is known to stand as of the newest export."""
    room = StockRoom.of(served)
    cut = ago(minutes=70)
    room.stock({("BOLT", "ATL"): (40, 18), ("NUT", "ATL"): (1, 0)}, cut)
    room.stock({("BOLT", "ATL"): (40, 18), ("NUT", "ATL"): (2, 0)}, cut + timedelta(hours=1))
    found = await row(served, "BOLT", "ATL")
    as_of, confirmed = (datetime.fromisoformat(found[name]) for name in ("as_of_at", "confirmed_at"))
    assert (found["confidence"], confirmed - as_of) == ("fresh", timedelta(hours=1))


async def test_what_salesforce_refuses_is_told_and_what_it_shows_stays(served: Served) -> None:
    room = StockRoom.of(served)
    room.stock({("BOLT", "ATL"): (40, 18)}, ago(minutes=50))
    room.state({("BOLT", "ATL"): (30, 18)}, ago(minutes=10))
    room.decide()
    room.show(refused={("BOLT", "ATL"): "FIELD_CUSTOM_VALIDATION_EXCEPTION"})
    found = await row(served, "BOLT", "ATL")
    assert (found["published"], found["salesforce"]["available"]) == ("12", "22")
    assert found["salesforce"]["refused"] == "FIELD_CUSTOM_VALIDATION_EXCEPTION"


async def decided(served: Served, record_type: str, key: str, cause: Cause, choice: Choice) -> httpx.Response:
    with served.write() as session:
        item = filling.exception(
            session, key, record_type=record_type, cause=cause, kind=ExceptionKind.HOLD, choices=(choice,)
        )
    return await served.client.post(f"/exceptions/{item}/resolve", json={"choice": choice, "reason": "looked at it"})


async def test_a_decision_about_a_row_marks_its_item(served: Served) -> None:
    answer = await decided(served, "stock", "NUT/3-8|ATL", Cause.STOCK_SWING, Choice.CONFIRM_STOCK)
    assert answer.status_code == 200
    with served.write() as session:
        assert marks.take(session, 10) == ["NUT/3-8"]
    assert await served.services.client.get_workflow_handle("stock/all").describe()


async def test_a_retried_publication_is_said_again(served: Served) -> None:
    room = StockRoom.of(served)
    room.state({("BOLT", "ATL"): (40, 18)}, ago(minutes=10))
    room.decide()
    room.show(refused={("BOLT", "ATL"): "no such field"})
    answer = await decided(served, "stock publication", "no such field", Cause.STOCK_ROWS_REFUSED, Choice.RETRY)
    assert answer.status_code == 200
    with reading(served.engine) as session:
        assert list(shown.to_say(session, 10).rows) == [("BOLT", "ATL")]


@pytest.mark.parametrize("scope", ["ingest"])
async def test_stock_needs_the_scope_to_read(shelf: Served, scope: str) -> None:
    for path in ("/stock", "/stock/BOLT", "/stock/BOLT/history", "/stock/feeds", "/stock/exports", "/reservations"):
        assert_problem(await shelf.client.get(path, headers=shelf.as_scope(scope)), 403, "scope_missing")


def test_the_oldest_instant_of_a_word_is_where_the_word_ends() -> None:
    """Case I7: the way in which the list finds numbers of a word is the way in which each gets it."""
    at = datetime(2026, 11, 23, 14, 0, tzinfo=UTC)
    nights = tuple(
        Quiet(starts_at=at - timedelta(hours=16 + 24 * n), ends_at=at - timedelta(hours=9 + 24 * n)) for n in range(3)
    )
    tick = timedelta(seconds=1)
    for quiet in ((), nights, (Quiet(starts_at=at - tick, ends_at=at + timedelta(hours=1)),)):
        schedule = FeedSchedule(every=timedelta(hours=3), quiet=quiet)
        for word in (Confidence.FRESH, Confidence.AGING, Confidence.STALE):
            edge = oldest(word, at, schedule)
            assert edge is not None
            assert confidence(edge, at, schedule) is word
            assert confidence(edge - tick, at, schedule) is not word
    assert oldest(Confidence.UNKNOWN, at, FeedSchedule()) is None
