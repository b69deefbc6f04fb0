"""Booking under every failure that QuickBooks knows: whatever goes wrong, each shipment gets exactly one invoice."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from temporalio.exceptions import ApplicationError

from domain.exceptions import Cause
from domain.links import LinkKind
from tests.activities.bookings import BOOKED, INTENDED, UNCERTAIN, check_all, intended
from tests.activities.worker import Worker
from tests.activities.world import CREATES, House


@dataclass(frozen=True)
class Trouble:
    """A fault, the state in which the first attempt leaves an intent, and whether the invoice was there by then."""

    kind: str
    state: str
    there: bool = False
    rule: dict[str, object] = field(default_factory=dict)

    def __str__(self) -> str:
        return "-".join([self.kind, *(str(value) for value in self.rule.values())])


TROUBLES = (
    Trouble("commit_then_hang", UNCERTAIN, there=True),
    Trouble("commit_then_reset", UNCERTAIN, there=True),
    Trouble("status", UNCERTAIN, there=True, rule={"status": 500, "commit": True}),
    Trouble("reset_before", UNCERTAIN),
    Trouble("hang_before", UNCERTAIN),
    Trouble("status", UNCERTAIN, rule={"status": 500, "body": "html"}),
    Trouble("status", UNCERTAIN, rule={"status": 503, "body": "html"}),
    Trouble("status", UNCERTAIN, rule={"status": 504, "body": "html"}),
    Trouble("status", UNCERTAIN, rule={"status": 502, "body": "empty"}),
    Trouble("fault_in_200", UNCERTAIN),
    Trouble("stream_timeout", UNCERTAIN),
    Trouble("status", INTENDED, rule={"status": 429}),  # in the twin's default form, XML
    Trouble("inventory_lock", INTENDED),
    Trouble("expired_token_once", BOOKED),
)


def request_ids(house: House, after: int) -> set[str]:
    creates = [one for one in house.books.journal(after) if one["path"].endswith(("/invoice", "/batch"))]
    return {part for one in creates for part in one["query"].split("&") if part.startswith("requestid")}


@pytest.mark.parametrize("way", ["single", "batch"])
@pytest.mark.parametrize("trouble", TROUBLES, ids=str)
def test_one_invoice_whatever_happens_to_the_call(house: House, worker: Worker, trouble: Trouble, way: str) -> None:
    """G-E3, G-E4, E13: an uncertain call is looked up by number, then by marker, then sent under the same id."""
    made, ids = intended(house, worker, 1 if way == "single" else 3)
    house.books.fault(trouble.kind, path=CREATES[{"single": "invoice"}.get(way, way)], seconds=30, **trouble.rule)
    place = house.books.place()
    if trouble.state is BOOKED:
        worker.book(ids)
    else:
        first = Worker(house, read_timeout=1.0) if "hang" in trouble.kind else worker
        with pytest.raises(ApplicationError) as raised:
            first.book(ids)
        assert not raised.value.non_retryable
        assert {house.state(one.number) for one in made} == {trouble.state}
        assert sum(len(house.books.billing(one.number)) for one in made) == (len(made) if trouble.there else 0)
        first.close()
        worker.connect()
        worker.book_patiently(ids)
    check_all(house, made)
    assert all(row.adopted is trouble.there for row in house.invoices(*(one.number for one in made)))
    assert len(request_ids(house, place)) == 1
    word = {"single": "invoice"}.get(way, way)
    looked_up = {UNCERTAIN: len(made) * (1 if trouble.there else 2), INTENDED: 0, BOOKED: 0}[trouble.state]
    again = [] if trouble.there else [word]
    assert house.books.words(place) == [word, *["query"] * looked_up, *again]


@pytest.mark.parametrize("way", ["single", "batch"])
def test_a_slow_quickbooks_is_not_asked_twice_for_one_invoice(house: House, way: str) -> None:
    """The first call is still under way there while the second is made: the request id makes them one (S30)."""
    hasty = Worker(house, read_timeout=0.4)
    made, ids = intended(house, hasty, 1 if way == "single" else 3)
    house.books.fault("slow", path=CREATES["invoice" if way == "single" else "batch"], seconds=0.8)
    with pytest.raises(ApplicationError):
        hasty.book(ids)
    hasty.close()
    steady = Worker(house, read_timeout=10)
    steady.book_patiently(ids)
    made_late, late = intended(house, steady, 1)
    steady.book_patiently(late)
    steady.close()
    check_all(house, made + made_late)


@pytest.mark.parametrize("kind", ["reset_before", "status"])
def test_trouble_while_looking_up_sends_nothing(house: House, worker: Worker, kind: str) -> None:
    """What cannot be looked up is not sent: the probe comes first, always."""
    made, ids = intended(house, worker, 2)
    house.books.fault("commit_then_reset", path=CREATES["batch"])
    house.books.fault(kind, path="/query$", status=503, body="html", times=3)
    place = house.books.place()
    worker.book_patiently(ids)
    assert house.books.words(place).count("batch") == 1
    check_all(house, made)


def test_a_batch_half_taken_is_completed_and_not_repeated(house: House, worker: Worker) -> None:
    """One item is refused, the answer to all is lost: what is there is adopted, the rest is asked for again."""
    made, ids = intended(house, worker, 3)
    customer_id = house.external_id(LinkKind.CUSTOMER, "00000042")
    item_id = house.external_id(LinkKind.ITEM, "PIPE")
    house.books.invoice_by_hand(house.token(), customer_id, item_id, "5.00", DocNumber=made[1].number)
    house.books.fault("commit_then_reset", path=CREATES["batch"])
    worker.book_patiently(ids)
    assert house.state(made[1].number) == "intended/refused"
    check_all(house, [made[0], made[2]])
    assert not house.books.billing(made[1].number)


@pytest.mark.parametrize("way", ["single", "batch"])
def test_a_number_that_quickbooks_replaced_is_found_by_our_marker(house: House, worker: Worker, way: str) -> None:
    """E11: custom numbers are off, so the lookup by number finds nothing."""
    house.books.set(custom_txn_numbers=False, supplied_number="override")
    made, ids = intended(house, worker, 1 if way == "single" else 3)
    house.books.fault("commit_then_reset", path=CREATES["invoice" if way == "single" else "batch"])
    place = house.books.place()
    worker.book_patiently(ids)
    check_all(house, made)
    assert house.books.words(place)[1:] == ["query"] * 2 * len(made)
    assert all(row.doc_number != row.shipment_number for row in house.invoices(*(one.number for one in made)))


@pytest.mark.parametrize("numbers", ["kept", "replaced"])
def test_a_forgotten_request_id_makes_no_second_invoice(house: House, worker: Worker, numbers: str) -> None:
    """The outcome stays uncertain for longer than QuickBooks remembers requests, and numbers need not be unique."""
    house.books.set(custom_txn_numbers=numbers == "kept", warn_duplicate_numbers=False)
    made, ids = intended(house, worker, 2)
    house.books.fault("commit_then_reset", path=CREATES["batch"])
    with pytest.raises(ApplicationError):
        worker.book(ids)
    house.books.forget_requests()
    worker.book_patiently(ids)
    check_all(house, made)


def test_a_voided_invoice_is_adopted_and_shown_and_never_made_again(house: House, worker: Worker) -> None:
    """E9: somebody voids it before the gateway knows that it is there."""
    (made,), ids = intended(house, worker, 1)
    house.books.fault("commit_then_reset", path=CREATES["invoice"])
    with pytest.raises(ApplicationError):
        worker.book(ids)
    house.books.edit("Invoice", house.books.billing(made.number)[0]["id"], operation="void")
    worker.book_patiently(ids)
    assert not house.books.billing(made.number)
    assert house.state(made.number) == BOOKED
    assert [one.cause for one in house.open_work(made.number)] == [Cause.INVOICE_DIFFERS]
