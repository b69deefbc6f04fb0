"""Preparing shipments: record, match, price and intend in one transaction, again and again and at the same time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from sqlalchemy import text
from temporalio.exceptions import ApplicationError

from domain.billing import BillingDecision, BillingInput, decide
from domain.errors import Duplicate
from domain.exceptions import Cause, Choice, ExceptionState
from domain.invoices import InvoiceDraft, VendorRefs
from domain.links import LinkKind
from domain.shipments import Shipment
from domain.sources import System
from store import decisions, exceptions, intents, links
from store.session import reading, transaction
from tests.activities.statements import differing, open_causes, stated, unordered
from tests.activities.worker import Death, Life, Worker
from tests.activities.world import (
    CAUSE,
    CREATES,
    House,
    amount_of,
    check_exactly_one,
    fresh_number,
)
from tests.build import line, order, order_for, order_line

INTENDED = "intended/intended"


def snapshot(house: House) -> dict[str, int]:
    """How often anything of the canonical store was ever written."""
    with reading(house.engine) as session:
        rows = session.execute(text("SELECT table_name, count(*) FROM change_log GROUP BY 1"))
        found = {str(name): int(number) for name, number in rows}
        for table in ("shipment_revisions", "decisions", "exceptions"):
            found[table] = session.scalar(text(f"SELECT count(*) FROM {table}")) or 0
        return found


def test_a_range_is_recorded_matched_priced_and_intended_in_one_step(house: House, worker: Worker) -> None:
    """G-E1, G-E2: the intent is there, whole and frozen, before anybody asks QuickBooks."""
    good, unknown = stated(house, freight=Decimal("12.50")), unordered()
    empty = unordered(line(quantity_shipped=Decimal(0), quantity_ordered=Decimal(4)))
    house.order(order_for(empty))
    place = house.books.place()
    prepared = worker.prepare_range(house.deliver(good, unknown, empty))
    assert prepared.shipments == [good.number, unknown.number, empty.number]
    found = house.intents(good.number, unknown.number, empty.number)
    assert prepared.book == [str(found[good.number].id)]
    assert set(prepared.held) == {unknown.number}
    assert prepared.settled == [empty.number]  # O5: no invoice over nothing
    assert [house.state(one.number) for one in (good, unknown, empty)] == [INTENDED, "held/none", "not_billed/none"]
    assert found[good.number].draft.total == amount_of(good)
    assert found[good.number].attempts == 0
    assert house.books.words(place) == []


def test_preparing_twice_changes_nothing(house: House, worker: Worker) -> None:
    """F4: the same range again, as after an answer that was lost."""
    work = house.deliver(*(stated(house) for _ in range(3)))
    first = worker.prepare_range(work)
    before = snapshot(house)
    again = worker.prepare_range(work)
    assert (again.shipments, sorted(again.book)) == (first.shipments, sorted(first.book))
    assert snapshot(house) == before


def test_an_exception_that_is_seen_again_is_the_same_one(house: House, worker: Worker) -> None:
    """G-I2: repeats collapse."""
    work = house.deliver(unordered(), unordered())
    first, again = worker.prepare_range(work), worker.prepare_range(work)
    assert first.held == again.held
    assert len(first.held) == 2


@pytest.mark.parametrize("step", [1, 2], ids=["before the commit", "after the commit"])
def test_a_process_that_dies_at_its_commit_leaves_all_or_nothing(house: House, worker: Worker, step: int) -> None:
    """G-E2, G-E5."""
    made = [stated(house), stated(house)]
    work = house.deliver(*made)
    mortal = Worker(house, Life(dies_at=step))
    with pytest.raises(Death):
        mortal.prepare_range(work)
    mortal.close()
    assert len(house.intents(*(one.number for one in made))) == (0 if step == 1 else 2)
    prepared = worker.prepare_range(work)
    assert len(prepared.book) == 2
    worker.book_patiently(prepared.book)
    for one in made:
        check_exactly_one(house, one.number, amount_of(one))


def test_the_same_shipment_twice_in_a_file_is_one(house: House, worker: Worker) -> None:
    """F8: identical records collapse."""
    made = stated(house)
    prepared = worker.prepare_range(house.deliver(made, made))
    assert (prepared.shipments, len(prepared.book), house.revisions(made.number)) == ([made.number], 1, 1)


def test_a_correction_before_the_intent_replaces_what_was_stated(house: House, worker: Worker) -> None:
    """F8: another content of a shipment that waits is decided anew."""
    first = unordered(line(quantity_shipped=Decimal(9), quantity_ordered=Decimal(9)))
    worker.prepare_range(house.deliver(first))
    later = first.model_copy(update={"lines": (line(quantity_shipped=Decimal(6), quantity_ordered=Decimal(9)),)})
    house.order(order_for(first))
    assert len(worker.prepare_range(house.deliver(later)).book) == 1
    assert (house.revisions(first.number), house.shipment(first.number).revision) == (2, 2)
    worker.bill(first.number)
    check_exactly_one(house, first.number, amount_of(later))


def test_a_correction_of_what_was_never_sent_is_what_gets_billed(house: House, worker: Worker) -> None:
    """F9, O10: until QuickBooks is asked, the intent can be withdrawn and made anew from the later statement."""
    first = stated(house)
    prepared = worker.prepare_range(house.deliver(first))
    later = first.model_copy(update={"lines": (line(quantity_shipped=Decimal(8)),)})
    again = worker.prepare_range(house.deliver(later))
    assert again.book != prepared.book
    assert (house.revisions(first.number), house.shipment(first.number).revision) == (2, 2)
    worker.book_patiently(prepared.book)  # the first range's own attempt comes late: its intent is withdrawn
    worker.book_patiently(again.book)
    check_exactly_one(house, first.number, amount_of(later))
    assert not house.open_work(first.number)


def test_a_correction_that_is_taken_back_closes_by_itself(house: House, worker: Worker) -> None:
    """F9: the ERP states again what is invoiced, so nobody has to act on what it said in between."""
    first = stated(house)
    worker.prepare_range(house.deliver(first))
    worker.bill(first.number)
    later = first.model_copy(update={"freight": Decimal("5.00")})
    assert worker.prepare_range(house.deliver(later)).held
    assert worker.prepare_range(house.deliver(first)).settled == [first.number]
    assert not house.open_work(first.number)
    check_exactly_one(house, first.number, amount_of(first))


def test_a_tracking_number_that_is_filled_in_is_no_correction(house: House, worker: Worker) -> None:
    """F9: nothing that is billed differs, so the statement is taken over and nobody is asked."""
    first = stated(house)
    worker.prepare_range(house.deliver(first))
    worker.bill(first.number)
    later = first.model_copy(update={"tracking": "1Z999"})
    assert worker.prepare_range(house.deliver(later)).settled == [first.number]
    assert (house.shipment(first.number).tracking, house.shipment(first.number).state) == ("1Z999", "invoiced")
    assert not house.open_work(first.number)


def test_not_billing_does_not_carry_over_to_another_statement(house: House, worker: Worker) -> None:
    """F9: a decision not to bill binds what it was made about; a changed statement is decided again."""
    first = stated(house, customer_number="00000000")
    held = worker.prepare_range(house.deliver(first)).held
    house.decide(held[first.number], Choice.DO_NOT_BILL)
    worker.bill(first.number)
    tracked = first.model_copy(update={"tracking": "1Z999"})
    assert worker.prepare_range(house.deliver(tracked)).settled == [first.number]
    assert house.shipment(first.number).state == "not_billed"
    later = tracked.model_copy(update={"freight": Decimal("5.00")})
    assert worker.prepare_range(house.deliver(later)).held
    assert open_causes(house, first.number) == [Cause.NOT_BILLED]
    assert not house.books.billing(first.number)


def test_a_correction_while_the_outcome_is_uncertain_does_not_touch_the_payload(house: House, worker: Worker) -> None:
    """F9, E13: what was sent is what is looked up and, if need be, sent again."""
    first = stated(house)
    prepared = worker.prepare_range(house.deliver(first))
    house.books.fault("reset_before", path=CREATES["invoice"])
    with pytest.raises(ApplicationError):
        worker.book(prepared.book)
    later = first.model_copy(update={"freight": Decimal("30.00")})
    assert worker.prepare_range(house.deliver(later)).book == prepared.book
    assert worker.bill(first.number).keys() == {first.number}
    check_exactly_one(house, first.number, amount_of(first))
    assert open_causes(house, first.number) == [Cause.CORRECTION_AFTER_INVOICE]


def test_a_correction_that_came_while_quickbooks_refused_is_what_is_billed(house: House, worker: Worker) -> None:
    """F9: with nothing billed, the newest statement counts."""
    house.books.set(book_close_on="2026-11-30")
    first = stated(house)
    prepared = worker.prepare_range(house.deliver(first))
    later = first.model_copy(update={"lines": (line(quantity_shipped=Decimal(8), quantity_ordered=Decimal(10)),)})
    worker.prepare_range(house.deliver(later))
    worker.book_patiently(prepared.book)
    held = worker.bill(first.number)
    house.books.set(book_close_on="")
    house.decide(held[first.number], Choice.RETRY)
    assert not worker.bill(first.number)
    check_exactly_one(house, first.number, amount_of(later))
    assert house.intents(first.number)[first.number].draft.generation == 2


def test_the_same_correction_again_asks_nobody_again(house: House, worker: Worker) -> None:
    """F8, F9: a repeated correction that was handled is a repeat."""
    first = stated(house)
    worker.prepare_range(house.deliver(first))
    worker.bill(first.number)
    later = first.model_copy(update={"freight": Decimal("5.00")})
    held = worker.prepare_range(house.deliver(later)).held
    house.decide(held[first.number], Choice.HANDLED)
    worker.bill(first.number)
    assert worker.prepare_range(house.deliver(later, later)).settled == [first.number]
    assert not house.open_work(first.number)


def test_handling_another_exception_does_not_handle_the_correction(house: House, worker: Worker) -> None:
    """Each exception is answered for itself: a total that differs is not the correction."""
    first = stated(house)
    prepared = worker.prepare_range(house.deliver(first))
    house.books.fault("commit_then_reset", path=CREATES["invoice"])
    with pytest.raises(ApplicationError):
        worker.book(prepared.book)
    house.books.edit("Invoice", house.books.billing(first.number)[0]["id"], operation="void")
    worker.prepare_range(house.deliver(first.model_copy(update={"freight": Decimal("5.00")})))
    assert worker.book_patiently(prepared.book).again == [first.number]
    worker.bill(first.number)
    assert set(open_causes(house, first.number)) == {Cause.INVOICE_DIFFERS, Cause.CORRECTION_AFTER_INVOICE}
    differs = next(one for one in house.open_work(first.number) if one.cause is Cause.INVOICE_DIFFERS)
    house.decide(differs.id, Choice.HANDLED)
    worker.bill(first.number)
    assert open_causes(house, first.number) == [Cause.CORRECTION_AFTER_INVOICE]
    assert house.shipment(first.number).revision == 1


def split(order_number: str, *quantities: int) -> list[Shipment]:
    return [
        unordered(line(quantity_shipped=Decimal(quantity), quantity_ordered=Decimal(10)), order_number=order_number)
        for quantity in quantities
    ]


def test_a_split_order_in_one_range_is_never_billed_beyond_what_was_ordered(house: House, worker: Worker) -> None:
    """O3, O4: the third of three deliveries is too much."""
    number = f"SO-{fresh_number()}"
    house.order(order(order_line(quantity=Decimal(10)), number=number))
    parts = split(number, 6, 4, 1)
    prepared = worker.prepare_range(house.deliver(*parts))
    assert set(prepared.held) == {parts[2].number}
    assert open_causes(house, parts[2].number) == [Cause.OVER_SHIPMENT]
    assert len(prepared.book) == 2


def test_two_ranges_of_one_order_at_once_never_bill_it_twice(house: House) -> None:
    """O3, O4: whichever comes second sees what the first has taken."""
    workers = [Worker(house), Worker(house)]
    for _ in range(6):
        number = f"SO-{fresh_number()}"
        house.order(order(order_line(quantity=Decimal(10)), number=number))
        works = [house.deliver(one) for one in split(number, 6, 7)]
        with ThreadPoolExecutor(2) as pool:
            done = list(pool.map(lambda pair: pair[0].prepare_range(pair[1]), zip(workers, works, strict=True)))
        assert sorted(len(one.book) for one in done) == [0, 1]
        assert sorted(len(one.held) for one in done) == [0, 1]
    for one in workers:
        one.close()


def test_one_new_shipment_in_two_ranges_at_once_is_intended_once(house: House) -> None:
    """F8: two files bring it at the same moment; none of them fails, and the database keeps one live intent."""
    workers = [Worker(house), Worker(house)]
    for _ in range(6):
        made, beside = stated(house), [stated(house), stated(house)]
        works = [house.deliver(made, beside[0]), house.deliver(beside[1], made)]
        with ThreadPoolExecutor(2) as pool:
            done = list(pool.map(lambda pair: pair[0].prepare_range(pair[1]), zip(workers, works, strict=True)))
        assert {str(house.intents(made.number)[made.number].id)} == set(done[0].book) & set(done[1].book)
        with reading(house.engine) as session:
            query = text("SELECT count(*) FROM invoice_intents WHERE shipment_number = :number")
            assert session.scalar(query, {"number": made.number}) == 1
    for one in workers:
        one.close()


def test_the_database_itself_refuses_a_second_live_intent(house: House, worker: Worker) -> None:
    """G-E2: even for code that takes no lock, in two transactions at once."""
    made = stated(house)
    worker.prepare_range(house.deliver(made))
    (outcome,) = outcomes(house, made.number)
    draft, refs = outcome.draft, outcome.refs
    assert draft is not None
    assert refs is not None
    later = draft.model_copy(update={"generation": 2, "request_id": "tw-other", "doc_number": "other"})
    with pytest.raises(Duplicate) as raised:
        _intend(house, later, refs)
    assert raised.value.reason == "uq_invoice_intents_live"


def _intend(house: House, draft: InvoiceDraft, refs: VendorRefs) -> None:
    with transaction(house.engine, CAUSE) as session:
        intents.add(session, draft, refs, datetime.now(UTC))


def outcomes(house: House, number: str) -> list[BillingDecision]:
    """The stored outcomes of a shipment's decisions."""
    with reading(house.engine) as session:
        return [BillingDecision.model_validate(row.outcome) for row in decisions.of_record(session, "shipment", number)]


def test_exceptions_move_on_to_the_next_cause_and_close_themselves(house: House, worker: Worker) -> None:
    """G-I2: what is solved closes, what is next opens; in the end nothing is left."""
    made = unordered(line(sku="WIDGET"), customer_number="00000042")
    first = worker.prepare_range(house.deliver(made)).held[made.number]
    assert open_causes(house, made.number) == [Cause.UNKNOWN_ORDER]
    house.order(order_for(made))
    second = worker.bill(made.number)[made.number]
    assert open_causes(house, made.number) == [Cause.UNKNOWN_ITEM]
    house.decide(second, Choice.USE_ITEM, "BOLT")
    assert not worker.bill(made.number)
    assert not house.open_work(made.number)
    check_exactly_one(house, made.number, amount_of(made))
    with reading(house.engine) as session:
        ended = [exceptions.get(session, one) for one in (first, second)]
    assert [one.state for one in ended if one] == [ExceptionState.SELF_RESOLVED, ExceptionState.RESOLVED]


def test_a_missing_link_holds_until_it_is_confirmed(house: House, worker: Worker) -> None:
    """M2, G-I2: nothing is created in QuickBooks on the way."""
    made = stated(house, lines=(line(sku="VALVE"),))
    with transaction(house.engine, CAUSE) as session:
        session.execute(text("UPDATE links SET state = 'retired' WHERE local_key = 'VALVE'"))
    worker.prepare_range(house.deliver(made))
    assert open_causes(house, made.number) == [Cause.ITEM_NOT_LINKED]
    with transaction(house.engine, CAUSE) as session:
        session.execute(text("UPDATE links SET state = 'confirmed' WHERE local_key = 'VALVE'"))
    assert not worker.bill(made.number)
    check_exactly_one(house, made.number, amount_of(made))


def test_decisions_are_kept_and_give_the_same_answer_again(house: House, worker: Worker) -> None:
    """G-C8: bit for bit from the stored inputs, for what was billed, held and not billed."""
    made = [stated(house, freight=Decimal("8.40")), unordered(), differing(house)]
    empty = unordered(line(quantity_shipped=Decimal(0), quantity_ordered=Decimal(4)))
    house.order(order_for(empty))
    held = worker.prepare_range(house.deliver(*made, empty)).held
    house.decide(held[made[1].number], Choice.BILL_WITHOUT_ORDER)
    house.decide(held[made[2].number], Choice.BILL_ORDERED)
    worker.bill(*(one.number for one in made))
    kept = 0
    with reading(house.engine) as session:
        for one in [*made, empty]:
            for row in decisions.of_record(session, "shipment", one.number):
                again, then = (
                    decide(BillingInput.model_validate(row.inputs)),
                    BillingDecision.model_validate(row.outcome),
                )
                assert again == then
                assert again.model_dump_json() == then.model_dump_json()
                kept += 1
    assert kept == 6


def test_more_shipments_than_a_batch_takes_are_intended_in_several(house: House, worker: Worker) -> None:
    """QuickBooks takes thirty items a call: no range is too long to be billed."""
    made = [unordered() for _ in range(33)]
    house.order(*(order_for(one) for one in made))
    prepared = worker.prepare_range(house.deliver(*made))
    sizes = [one.batch_id for one in house.intents(*(one.number for one in made)).values()]
    assert sorted(sizes.count(batch) for batch in set(sizes)) == [3, 30]
    place = house.books.place()
    worker.book_patiently(prepared.book)
    assert house.books.words(place) == ["batch", "batch"]
    for one in made:
        check_exactly_one(house, one.number, amount_of(one))


def test_links_of_other_systems_do_not_matter(house: House, worker: Worker) -> None:
    """The links that a decision keeps are those that it may use, and no more."""
    made = stated(house)
    worker.prepare_range(house.deliver(made))
    with reading(house.engine) as session:
        (row,) = decisions.of_record(session, "shipment", made.number)
        known = links.external_ids(session, System.QUICKBOOKS, LinkKind.ITEM, ["BOLT", "FREIGHT"])
    assert row.inputs["links"]["items"] == known
    assert list(row.inputs["links"]["customers"]) == [made.customer_number]
