"""Invoice intents: written before the call, frozen, one live one a shipment, and no way back from booked."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from decimal import Decimal
from threading import Barrier
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine, text
from sqlmodel import Session

from domain.billing import decide
from domain.errors import Duplicate, Permanent
from domain.files import StagedGroup
from domain.invoices import IntentState, InvoiceDraft, VendorRefs
from store import files, intents, shipments
from store.causes import Cause
from store.files import FileArrival
from store.intents import Intent
from store.session import reading, transaction
from store.tables.invoices import InvoiceIntentRow
from tests.build import billing_input, line, shipment

AT = datetime(2026, 11, 23, 14, 0, tzinfo=UTC)


def billed(number: str = "SH1", generation: int = 1, price: str = "2.50") -> tuple[InvoiceDraft, VendorRefs]:
    given = shipment(line(unit_price=Decimal(price)), number=number)
    outcome = decide(billing_input(given, generation=generation))
    assert outcome.draft is not None
    assert outcome.refs is not None
    return outcome.draft, outcome.refs


def known(session: Session, *numbers: str) -> None:
    arrival = FileArrival(sha256=uuid4().hex, filename="S", layout="shpcnf", byte_count=1, arrived_by="http")
    file_id = files.register(session, arrival)[0].id
    groups = [
        StagedGroup(
            seq=seq,
            key=number,
            line_from=1,
            line_to=2,
            byte_from=0,
            byte_to=1,
            payload=shipment(number=number).model_dump(mode="json"),
        )
        for seq, number in enumerate(numbers, start=1)
    ]
    shipments.record(session, shipments.Stating(file_id=file_id, seen_at=AT, stated_at=AT), groups)


def add(session: Session, number: str = "SH1", generation: int = 1) -> UUID:
    row = intents.add(session, *billed(number, generation), AT)
    session.flush()
    return row.id


def read(session: Session, *ids: UUID) -> list[Intent]:
    session.expire_all()
    return intents.get_many(session, [str(one) for one in ids])


@pytest.fixture
def ready(session: Session) -> Session:
    known(session, "SH1", "SH2", "SH3")
    return session


def test_an_intent_comes_back_as_it_was_meant(ready: Session) -> None:
    """G-E2: payload frozen and hashed."""
    draft, refs = billed()
    (found,) = read(ready, add(ready))
    assert (found.draft, found.refs) == (draft, refs)
    assert (found.state, found.attempts, found.sent_at) == (IntentState.INTENDED, 0, None)


def test_the_hash_leaves_the_generation_out(ready: Session) -> None:
    """Equal content is equal whatever it is called; another price or another link is not."""
    first, second, other = billed(), billed(generation=2), billed(price="2.51")
    assert intents.payload_hash(*first) == intents.payload_hash(*second) != intents.payload_hash(*other)
    moved = first[1].model_copy(update={"customer_id": "another"})
    assert intents.payload_hash(first[0], moved) != intents.payload_hash(*first)


def test_sending_makes_it_uncertain_and_counts(ready: Session) -> None:
    intent_id = add(ready)
    (sent,) = intents.mark_sent(ready, read(ready, intent_id))
    (found,) = read(ready, intent_id)
    assert (found.state, found.attempts, sent.attempts) == (IntentState.UNCERTAIN, 1, 1)
    assert found.sent_at is not None
    (again,) = intents.mark_sent(ready, [found])
    assert again.attempts == 2


def test_what_another_worker_sent_since_it_was_read_is_not_sent(ready: Session) -> None:
    ids = [add(ready, number) for number in ("SH1", "SH2")]
    mine = theirs = read(ready, *ids)
    intents.mark_sent(ready, theirs[:1])
    assert [one.draft.shipment_number for one in intents.mark_sent(ready, mine)] == ["SH2"]
    assert [one.attempts for one in read(ready, *ids)] == [1, 1]


def test_what_was_taken_back_is_not_sent(ready: Session) -> None:
    """O10: whichever came first in the database is what counts."""
    intent_id = add(ready)
    mine = read(ready, intent_id)
    assert intents.settle(ready, intent_id, IntentState.WITHDRAWN)
    assert intents.mark_sent(ready, mine) == []


def test_a_call_that_did_nothing_leaves_it_as_it_was(ready: Session) -> None:
    intent_id = add(ready)
    sent = intents.mark_sent(ready, read(ready, intent_id))
    intents.mark_unsent(ready, sent, "rate_limited", "x" * 900)
    (found,) = read(ready, intent_id)
    assert (found.state, found.attempts) == (IntentState.INTENDED, 1)
    assert len(ready.get(InvoiceIntentRow, intent_id).refusal_detail or "") == 500  # type: ignore[union-attr]


def test_a_call_that_did_nothing_says_nothing_about_a_later_one(ready: Session) -> None:
    intent_id = add(ready)
    first = intents.mark_sent(ready, read(ready, intent_id))
    intents.mark_sent(ready, first)
    intents.mark_unsent(ready, first, "rate_limited", "slow down")
    (found,) = read(ready, intent_id)
    assert (found.state, found.attempts) == (IntentState.UNCERTAIN, 2)


def test_trouble_is_kept_in_words(ready: Session) -> None:
    intent_id = add(ready)
    intents.mark_sent(ready, read(ready, intent_id))
    intents.note_trouble(ready, [intent_id], "outcome_unknown", "no answer")
    ready.expire_all()
    row = ready.get(InvoiceIntentRow, intent_id)
    assert row is not None
    assert (row.refusal_code, row.refusal_detail) == ("outcome_unknown", "no answer")


SENT = {
    IntentState.INTENDED: False,
    IntentState.UNCERTAIN: True,
}


@pytest.mark.parametrize(
    ("before", "end", "allowed"),
    [
        (IntentState.INTENDED, IntentState.WITHDRAWN, True),
        (IntentState.UNCERTAIN, IntentState.WITHDRAWN, False),
        (IntentState.INTENDED, IntentState.REFUSED, True),
        (IntentState.UNCERTAIN, IntentState.REFUSED, True),
        (IntentState.UNCERTAIN, IntentState.BOOKED, True),
        (IntentState.REFUSED, IntentState.BOOKED, True),
        (IntentState.WITHDRAWN, IntentState.BOOKED, True),
        (IntentState.REFUSED, IntentState.WITHDRAWN, False),
        (IntentState.BOOKED, IntentState.REFUSED, False),
        (IntentState.BOOKED, IntentState.WITHDRAWN, False),
        (IntentState.BOOKED, IntentState.BOOKED, False),
    ],
)
def test_how_an_intent_may_end(ready: Session, before: IntentState, end: IntentState, *, allowed: bool) -> None:
    """G-E4: an invoice that is there is a fact; what was sent is never taken back."""
    intent_id = add(ready)
    if before is not IntentState.INTENDED and before is not IntentState.WITHDRAWN:
        intents.mark_sent(ready, read(ready, intent_id))
    if before not in SENT:
        assert intents.settle(ready, intent_id, before, quickbooks_id="7" if before is IntentState.BOOKED else None)
    assert intents.settle(ready, intent_id, end, quickbooks_id="8" if end is IntentState.BOOKED else None) is allowed
    (found,) = read(ready, intent_id)
    assert found.state is (end if allowed else before)


def test_a_refusal_counts_for_the_newest_attempt_only(ready: Session) -> None:
    """An older call may be refused while a newer one is under way."""
    intent_id = add(ready)
    (first,) = intents.mark_sent(ready, read(ready, intent_id))
    (second,) = intents.mark_sent(ready, [first])
    assert not intents.settle(ready, intent_id, IntentState.REFUSED, attempts=first.attempts)
    assert intents.settle(ready, intent_id, IntentState.REFUSED, attempts=second.attempts, code="610", detail="gone")


def test_a_refused_intent_that_is_taken_up_again_is_looked_up_first(ready: Session) -> None:
    intent_id = add(ready)
    intents.settle(ready, intent_id, IntentState.REFUSED)
    ready.expire_all()
    intents.revive(ready, ready.get(InvoiceIntentRow, intent_id), quickbooks_id="12")  # type: ignore[arg-type]
    ready.flush()
    (found,) = read(ready, intent_id)
    assert (found.state, found.quickbooks_id) == (IntentState.UNCERTAIN, "12")


def test_the_newest_intent_and_the_count_of_open_ones(ready: Session) -> None:
    first = add(ready)
    intents.settle(ready, first, IntentState.REFUSED)
    second, third = add(ready, generation=2), add(ready, "SH2")
    assert intents.open_count(ready) == 2
    intents.mark_sent(ready, read(ready, third))
    intents.settle(ready, third, IntentState.BOOKED, quickbooks_id="9")
    assert {number: row.id for number, row in intents.latest(ready, ["SH1", "SH2", "SH3"]).items()} == {
        "SH1": second,
        "SH2": third,
    }
    assert intents.open_count(ready) == 1


def test_a_batch_has_a_name_for_each_item(ready: Session) -> None:
    ids = [add(ready, number) for number in ("SH1", "SH2")]
    intents.join_batch(ready, [ready.get(InvoiceIntentRow, one) for one in ids], "tw-batch")  # type: ignore[misc]
    ready.flush()
    assert [(one.batch_id, one.batch_item) for one in read(ready, *ids)] == [("tw-batch", "1"), ("tw-batch", "2")]


@pytest.mark.parametrize("column", ["payload = '{}'", "request_id = 'x'", "doc_number = 'x'", "generation = 9"])
def test_what_was_meant_cannot_be_changed(engine: Engine, cause: Cause, column: str) -> None:
    """G-E2: a trigger refuses it, whoever asks."""
    with transaction(engine, cause) as session:
        known(session, "SH1")
        add(session)
    with pytest.raises(Permanent), transaction(engine, cause) as session:
        session.execute(text(f"UPDATE invoice_intents SET {column}"))


def test_only_one_of_many_at_once_gets_the_live_intent(engine: Engine, cause: Cause) -> None:
    """G-E2: the unique index holds without any lock of ours."""
    with transaction(engine, cause) as session:
        known(session, "SH1")
    start = Barrier(4)

    def intend(generation: int) -> bool:
        try:
            with transaction(engine, cause) as session:
                start.wait()
                add(session, generation=generation)
        except Duplicate:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(intend, range(1, 5))) == [False, False, False, True]
    with reading(engine) as session:
        assert intents.open_count(session) == 1


def test_two_workers_mark_the_same_intents_without_waiting_in_a_circle(engine: Engine, cause: Cause) -> None:
    numbers = [f"SH{n}" for n in range(1, 13)]
    with transaction(engine, cause) as session:
        known(session, *numbers)
        ids = [add(session, number) for number in numbers]
    with reading(engine) as session:
        given = read(session, *ids)
    start = Barrier(2)

    def send(those: list[Intent]) -> int:
        with transaction(engine, cause) as session:
            start.wait()
            return len(intents.mark_sent(session, those))

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(send, [given, given[::-1]])) == [0, 12]
