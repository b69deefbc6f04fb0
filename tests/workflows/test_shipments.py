"""`shipments/<file>/<range>`: what is booked, what is handed over, and that Salesforce never holds it up."""

from __future__ import annotations

from domain.errors import NotAuthorized, Unavailable
from domain.work import Booked, HandOver, Prepared, Published, PublishWork, RangeWork
from tests.workflows.stage import Stage, until
from tests.workflows.steps import intent, number

THREE = RangeWork(file_id="f-1", sha256="ab" * 32, seq_from=1, seq_to=3)
ID = "shipments/abababababababab/1-3"
NUMBERS = [number(1), number(2), number(3)]


async def test_books_a_range_in_one_call_and_says_it(stage: Stage) -> None:
    prepared = await stage.run("ShipmentRange", THREE, ID, Prepared)

    assert prepared.shipments == NUMBERS
    assert [work.intent_ids for work in stage.steps.asked["book"]] == [[intent(one) for one in NUMBERS]]
    assert stage.steps.times("hand_over") == 0
    assert await stage.status(ID, str) == "done"
    await until(lambda: stage.steps.asked["publish"] == [PublishWork(shipments=NUMBERS)], "it is published")


async def test_hands_over_exactly_what_is_held_or_was_refused_or_is_uncertain(stage: Stage) -> None:
    five = RangeWork(file_id="f-1", sha256="ab" * 32, seq_from=1, seq_to=5)
    numbers = [number(seq) for seq in range(1, 6)]
    books = [intent(one) for one in numbers[1:4]]
    stage.steps.answer(
        "prepare_range", Prepared(shipments=numbers, book=books, held={"S-1": "x-1"}, settled=[numbers[4]])
    )
    stage.steps.answer("book", Booked(booked=["S-2"], refused=["S-4"], uncertain=["S-3"]))

    await stage.run("ShipmentRange", five, "shipments/abababababababab/1-5", Prepared)

    assert stage.steps.asked["hand_over"] == [HandOver(shipments=["S-1", "S-3", "S-4"])]
    await until(
        lambda: stage.steps.asked["publish"] == [PublishWork(shipments=["S-2", "S-5"])], "the rest is published"
    )


async def test_nothing_to_book_asks_quickbooks_nothing(stage: Stage) -> None:
    stage.steps.answer("prepare_range", Prepared(shipments=NUMBERS, settled=NUMBERS))

    await stage.run("ShipmentRange", THREE, ID, Prepared)

    assert stage.steps.times("book") == 0
    assert stage.steps.times("hand_over") == 0


async def test_all_held_publishes_nothing_here(stage: Stage) -> None:
    """Each of them publishes in its own workflow."""
    stage.steps.answer("prepare_range", Prepared(shipments=NUMBERS, held=dict.fromkeys(NUMBERS, "x-1")))

    await stage.run("ShipmentRange", THREE, ID, Prepared)

    assert stage.steps.asked["hand_over"] == [HandOver(shipments=NUMBERS)]
    assert stage.steps.times("publish") == 0


async def test_a_booking_that_fails_hands_over_all_that_is_unsettled(stage: Stage) -> None:
    stage.steps.answer("prepare_range", Prepared(shipments=NUMBERS, book=["intent/S-1"], settled=["S-3"]))
    stage.steps.answer("book", NotAuthorized())

    await stage.run("ShipmentRange", THREE, ID, Prepared)

    assert stage.steps.times("book") == 1
    assert stage.steps.asked["hand_over"] == [HandOver(shipments=["S-1", "S-2"])]


async def test_an_outage_of_salesforce_holds_nothing_up(stage: Stage) -> None:
    """The publication is a workflow of its own that outlives the range and ends when Salesforce is back."""
    stage.steps.answer("publish", Unavailable())

    await stage.run("ShipmentRange", THREE, ID, Prepared)

    await until(lambda: stage.steps.times("publish") >= 1, "it was tried")
    publication = stage.steps.attempts["publish"][0].workflow_id or ""
    assert publication == f"publication/{ID}"
    assert await stage.is_running(publication)
    assert await stage.status(publication, str) == "publishing"

    stage.steps.answer("publish", Published(accepted=3, refused=0))
    result = await stage.client.get_workflow_handle(publication, result_type=Published).result()
    assert result == Published(accepted=3, refused=0)


async def test_status_tells_the_step(stage: Stage) -> None:
    seen: list[str] = []

    async def book(_: object) -> Booked:
        seen.append(await stage.status(ID, str))
        return Booked(booked=NUMBERS)

    async def prepare(_: object) -> Prepared:
        seen.append("asked")
        return Prepared(shipments=NUMBERS, book=["intent/S-1"])

    stage.steps.answer("prepare_range", prepare)
    stage.steps.answer("book", book)

    await stage.run("ShipmentRange", THREE, ID, Prepared)

    assert seen == ["asked", "booking"]
