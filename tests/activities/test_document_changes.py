"""What people do to our documents in QuickBooks: seen by what it means, told to a person, never written over."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import delete, text

from activities import payments
from activities.document_changes import DocumentsSeen
from domain.document_content import DocumentKind
from domain.exceptions import Cause, Choice, ExceptionState
from domain.links import LinkKind
from domain.shipments import Shipment
from domain.sources import System
from store import credits, cursors, master_marks, mastering
from store.session import reading, transaction
from store.tables import DocumentVersionRow
from tests.activities.corrections import AUTOMATIC, came_back, corrected, invoiced, paid
from tests.activities.documents import (
    changes,
    decide,
    how_it_ended,
    id_of,
    item_id,
    lines,
    open_for,
    read_books,
    versions,
)
from tests.activities.worker import Death, Life, Worker
from tests.activities.world import CAUSE, House
from twins.quickbooks.exact_json import dump_json, load_json

Look = Callable[[str], object]


@pytest.fixture(params=["event", "look", "queries"])
def look(request: pytest.FixtureRequest, house: House, worker: Worker, monkeypatch: pytest.MonkeyPatch) -> Look:
    """The three roads of one path: an event that names an invoice, change data capture, and queries after a gap."""
    if request.param == "event":
        return lambda quickbooks_id: read_books(worker, invoices=[quickbooks_id])
    if request.param == "queries":
        monkeypatch.setattr(payments, "REACH", timedelta(0))
        monkeypatch.setattr(payments, "SETTLED_AFTER", timedelta(0))
        monkeypatch.setattr(payments, "CHECKED", 10_000)
    return lambda _: worker.pull_invoices()


def test_a_financial_edit_is_told_once_with_both_sides(house: House, worker: Worker, look: Look) -> None:
    """E8: as shipped and as booked, the difference at stake, and QuickBooks is not written to."""
    made = invoiced(house, worker, 10)
    place = house.books.place()
    house.books.edit("Invoice", id_of(house, made), Line=lines(house, ("BOLT", "8", "1.115")))
    for _ in range(2):
        look(id_of(house, made))
    (item,) = open_for(house, made, Cause.INVOICE_EDITED)
    assert item.money_at_stake == Decimal("2.23")
    assert item.choices == (Choice.ACCEPT_AS_BOOKED, Choice.HANDLED)
    assert "shipped and booked was 10 BOLT at 1.115, there stands 8 BOLT at 1.115" in item.sentence
    assert "the total was 11.15 and is 8.92" in item.sentence
    (row,) = house.invoices(made.number)
    assert (row.status, row.total, row.edited) == ("edited", Decimal("8.92"), True)
    assert {one["path"].rsplit("/", 1)[1] for one in house.books.journal(place) if one["method"] == "POST"} <= {"query"}
    assert changes(house, made) == ["booked", "edited"]


def test_what_moves_no_money_is_accepted_and_kept(house: House, worker: Worker, look: Look) -> None:
    """E8: words and the order of lines are cosmetic; a number and a due date are followed."""
    made = invoiced(house, worker, 10, 5)
    quickbooks_id = id_of(house, made)
    house.books.edit("Invoice", quickbooks_id, CustomerMemo={"value": "Thanks!"})
    look(quickbooks_id)
    two = lines(house, ("PIPE", "5", "2.115"), ("BOLT", "10", "1.115"))
    house.books.edit("Invoice", quickbooks_id, Line=two)
    look(quickbooks_id)
    house.books.edit("Invoice", quickbooks_id, DocNumber=f"{made.number}-X", DueDate="2027-03-01")
    look(quickbooks_id)
    assert changes(house, made)[0] == "booked"
    assert changes(house, made)[-1] == "relabelled"
    assert not house.open_work(made.number)
    (row,) = house.invoices(made.number)
    assert (row.doc_number, str(row.due_on), row.edited) == (f"{made.number}-X", "2027-03-01", False)


def test_the_same_total_from_other_lines_is_an_edit(house: House, worker: Worker, look: Look) -> None:
    """E8: ten at 1 and one at 10 come to the same, and are not the same."""
    made = invoiced(house, worker, 10)
    house.books.edit("Invoice", id_of(house, made), Line=lines(house, ("BOLT", "1", "11.15")))
    look(id_of(house, made))
    (item,) = open_for(house, made, Cause.INVOICE_EDITED)
    assert item.money_at_stake == 0


def test_another_customer_puts_all_of_it_at_stake(house: House, worker: Worker, look: Look) -> None:
    """E8."""
    made = invoiced(house, worker, 10, customer_number="00000042")
    other = house.external_id(LinkKind.CUSTOMER, "00000043")
    house.books.edit("Invoice", id_of(house, made), CustomerRef={"value": other})
    look(id_of(house, made))
    (item,) = open_for(house, made, Cause.INVOICE_EDITED)
    assert item.money_at_stake == Decimal("11.15")
    assert "the customer was 00000042 and is 00000043" in item.sentence


def test_an_edit_that_is_undone_closes_by_itself_and_says_so(house: House, worker: Worker, look: Look) -> None:
    """E8."""
    made = invoiced(house, worker, 10)
    house.books.edit("Invoice", id_of(house, made), Line=lines(house, ("BOLT", "8", "1.115")))
    look(id_of(house, made))
    (item,) = open_for(house, made, Cause.INVOICE_EDITED)
    house.books.edit("Invoice", id_of(house, made), Line=lines(house, ("BOLT", "10", "1.115")))
    look(id_of(house, made))
    ended = how_it_ended(house, item)
    assert ended.state is ExceptionState.SELF_RESOLVED
    assert "it was undone there and stands as it was booked" in ended.sentence
    (row,) = house.invoices(made.number)
    assert (row.status, row.total, row.edited) == ("drafted", Decimal("11.15"), False)
    assert changes(house, made) == ["booked", "edited", "restored"]


@pytest.mark.parametrize("choice", [Choice.ACCEPT_AS_BOOKED, Choice.HANDLED])
def test_what_a_person_decided_stays_decided_until_another_edit(
    house: House, worker: Worker, look: Look, choice: Choice
) -> None:
    """E8: the reason is kept with the content that it is about."""
    made = invoiced(house, worker, 10)
    house.books.edit("Invoice", id_of(house, made), Line=lines(house, ("BOLT", "8", "1.115")))
    look(id_of(house, made))
    decide(house, open_for(house, made, Cause.INVOICE_EDITED)[0], choice)
    house.books.edit("Invoice", id_of(house, made), CustomerMemo={"value": "as agreed"})
    look(id_of(house, made))
    assert not house.open_work(made.number)
    assert [(one.decided, one.reason) for one in versions(house, made) if one.decided] == [(choice, "agreed by phone")]
    house.books.edit("Invoice", id_of(house, made), Line=lines(house, ("BOLT", "7", "1.115")))
    look(id_of(house, made))
    (item,) = open_for(house, made, Cause.INVOICE_EDITED)
    assert "there stands 7 BOLT" in item.sentence


def test_a_voided_and_a_deleted_invoice_are_seen_at_once(house: House, worker: Worker, look: Look) -> None:
    """E9: within one event or one look; never made again by itself."""
    for operation, status in (("void", "voided"), ("delete", "deleted")):
        made = invoiced(house, worker, 10)
        quickbooks_id = id_of(house, made)
        house.books.edit("Invoice", quickbooks_id, operation=operation)
        for _ in range(2):
            look(quickbooks_id)
        (item,) = house.open_work(made.number)
        assert (item.cause, item.money_at_stake) == (Cause.INVOICE_REMOVED, Decimal("11.15"))
        assert f"was {status} in QuickBooks" in item.sentence
        assert house.invoices(made.number)[0].status == status
        assert changes(house, made)[-1] == status
        assert not worker.bill(made.number)
        assert not house.books.billing(made.number)


def test_an_edit_of_what_is_then_deleted_is_no_edit_any_more(house: House, worker: Worker) -> None:
    """E8, E9."""
    made = invoiced(house, worker, 10)
    house.books.edit("Invoice", id_of(house, made), Line=lines(house, ("BOLT", "8", "1.115")))
    worker.pull_invoices()
    (item,) = house.open_work(made.number)
    house.books.edit("Invoice", id_of(house, made), operation="delete")
    worker.pull_invoices()
    assert [one.cause for one in house.open_work(made.number)] == [Cause.INVOICE_REMOVED]
    assert "it was taken away there" in how_it_ended(house, item).sentence


def test_our_own_void_is_nobodys_work(house: House) -> None:
    """E9, O11: what the gateway made nothing is not told to a person."""
    worker = Worker(house, corrections=AUTOMATIC)
    made = invoiced(house, worker, 10)
    corrected(house, worker, made, 0)
    worker.correct(made.number)
    assert house.invoices(made.number)[0].status == "voided"
    worker.pull_invoices()
    assert not house.open_work(made.number)
    worker.close()


def test_payments_are_read_by_their_events(house: House, worker: Worker) -> None:
    """E18: a payment names its invoices; one that is deleted names none, and is found all the same."""
    made = invoiced(house, worker, 10)
    customer = house.external_id(LinkKind.CUSTOMER, made.customer_number)
    payment = house.books.pay(house.token(), customer, id_of(house, made), "4.00")
    assert read_books(worker, payments=[payment]).shipments == [made.number]
    assert house.invoices(made.number)[0].status == "partly_paid"
    house.books.edit("Payment", payment, operation="delete")
    assert made.number in read_books(worker, payments=[payment], hinted_at=datetime.now(UTC)).shipments
    row = house.invoices(made.number)[0]
    assert (row.status, row.balance) == ("drafted", Decimal("11.15"))
    assert changes(house, made) == ["booked", "partly_paid", "unpaid"]


def test_paid_and_released_have_their_words(house: House, worker: Worker, look: Look) -> None:
    """E18."""
    made = invoiced(house, worker, 10)
    quickbooks_id = id_of(house, made)
    house.books.send(house.token(), quickbooks_id)
    look(quickbooks_id)
    paid(house, made)
    look(quickbooks_id)
    assert changes(house, made) == ["booked", "released", "paid"]
    assert house.invoices(made.number)[0].status == "paid"


def test_an_older_reading_never_replaces_a_newer_one(house: House, worker: Worker) -> None:
    """X3: two roads read at different times and commit in the wrong order; within one second the token decides."""
    made = invoiced(house, worker, 10)
    quickbooks_id = id_of(house, made)
    before = worker.gateway.read_invoice(quickbooks_id)
    house.books.edit("Invoice", quickbooks_id, Line=lines(house, ("BOLT", "8", "1.115")))
    worker.pull_invoices()
    assert before is not None
    with transaction(house.engine, CAUSE) as session:
        seen = DocumentsSeen(session, "hook", datetime.now(UTC))
        seen.take_invoices([before], ())
    assert not seen.moved
    assert house.invoices(made.number)[0].total == Decimal("8.92")
    house.books.edit("Invoice", quickbooks_id, operation="delete")
    worker.pull_invoices()
    with transaction(house.engine, CAUSE) as session:
        late = DocumentsSeen(session, "hook", datetime.now(UTC))
        late.take_invoices([before], ())
    assert house.invoices(made.number)[0].status == "deleted"


def test_an_invoice_of_the_time_before_versions_is_compared_with_what_was_meant(house: House, worker: Worker) -> None:
    """E8: an upgrade forgets no edit, and makes none up."""
    same, edited = invoiced(house, worker, 10), invoiced(house, worker, 10)
    with transaction(house.engine, CAUSE) as session:
        session.execute(text("SET LOCAL session_replication_role = replica"))  # they are kept for good otherwise
        session.execute(delete(DocumentVersionRow))
    house.books.edit("Invoice", id_of(house, same), CustomerMemo={"value": "Thanks!"})
    house.books.edit("Invoice", id_of(house, edited), Line=lines(house, ("BOLT", "8", "1.115")))
    worker.pull_invoices()
    assert not house.open_work(same.number)
    (item,) = house.open_work(edited.number)
    assert item.cause is Cause.INVOICE_EDITED


def credited(house: House) -> tuple[Shipment, str]:
    """A shipment with a credit memo of ours, and its id."""
    worker = Worker(house, corrections=AUTOMATIC)
    made = invoiced(house, worker, 10)
    came_back(house, made.number, 4)
    worker.correct(made.number)
    worker.close()
    (memo,) = house.books.credits(made.number)
    return made, memo["id"]


def edit_memo(house: House, memo: str) -> None:
    """Somebody makes two of the four returned in the credit memo."""
    body = house.books.app.database.execute("SELECT body FROM entity WHERE kind = 'CreditMemo' AND id = ?", int(memo))
    entity = load_json(body[0][0])
    line = entity["Line"][0]
    line["SalesItemLineDetail"]["Qty"], line["Amount"] = Decimal(2), Decimal("2.23")
    entity |= {"TotalAmt": Decimal("2.23"), "Balance": Decimal("2.23"), "RemainingCredit": Decimal("2.23")}
    stamp = (datetime.now(UTC) + timedelta(seconds=1)).isoformat(timespec="seconds")
    entity |= {"SyncToken": "1", "MetaData": {**entity["MetaData"], "LastUpdatedTime": stamp}}
    house.books.app.database.execute(
        "UPDATE entity SET body = ?, updated_at = ? WHERE kind = 'CreditMemo' AND id = ?",
        dump_json(entity), stamp, int(memo),
    )  # fmt: skip


def test_an_edited_credit_memo_is_seen_too(house: House, worker: Worker) -> None:
    """E8: what a person makes of a credit memo."""
    made, memo = credited(house)
    worker.pull_invoices()
    assert not house.open_work(made.number)
    edit_memo(house, memo)
    read_books(worker, credit_memos=[memo])
    (item,) = house.open_work(made.number)
    assert item.cause is Cause.INVOICE_EDITED
    assert item.sentence.startswith("Credit memo ")
    assert "there stands 2 BOLT at 1.115" in item.sentence


def test_a_deleted_credit_memo_is_work_and_is_not_written_again(house: House, worker: Worker) -> None:
    """E9: of a credit memo."""
    made, memo = credited(house)
    house.books.edit("CreditMemo", memo, operation="delete")
    for _ in range(2):
        worker.pull_invoices()
    (item,) = house.open_work(made.number)
    assert item.cause is Cause.INVOICE_REMOVED
    assert "Credit memo" in item.sentence
    with transaction(house.engine, CAUSE) as session:
        assert credits.memos_with(session, [memo])[memo].removed == "deleted"
    assert not house.books.credits(made.number)
    assert [one.change.value for one in versions(house, made) if one.kind is DocumentKind.CREDIT_MEMO] == [
        "booked",
        "deleted",
    ]


def test_an_edit_of_one_document_says_nothing_of_another_that_is_gone(house: House, worker: Worker) -> None:
    """E8, E9: the memo stands there as somebody made it, and the invoice of the same shipment is still gone."""
    made, memo = credited(house)
    worker.pull_invoices()
    house.books.edit("Invoice", id_of(house, made), operation="delete")
    worker.pull_invoices()
    edit_memo(house, memo)
    read_books(worker, credit_memos=[memo])
    causes = {one.cause for one in house.open_work(made.number)}
    assert causes == {Cause.INVOICE_REMOVED, Cause.INVOICE_EDITED}


def test_masters_that_were_edited_are_marked_for_their_flows(house: House, worker: Worker) -> None:
    """An edit is marked by whichever road it is seen; a balance that moved, or what the flow has read, is no edit."""
    worker.pull_invoices()
    customer, item = house.external_id(LinkKind.CUSTOMER, "00000044"), item_id(house, "VALVE")
    marked = {(LinkKind.CUSTOMER, "00000044"), (LinkKind.ITEM, "VALVE")}
    house.books.edit("Customer", customer, CompanyName="Northgate & Daughters")
    house.books.edit("Item", item, Description="Valve, brass")
    worker.pull_invoices()
    assert marked <= taken_marks(house)
    flows_have_read(house, customer=customer, item=item)
    invoiced(house, worker, 10, customer_number="00000044")
    read_books(worker, customers=[customer], items=[item])
    worker.pull_invoices()
    assert not marked & taken_marks(house)
    house.books.edit("Item", item, Description="Valve, steel")
    read_books(worker, items=[item])
    assert (LinkKind.ITEM, "VALVE") in taken_marks(house)


def taken_marks(house: House) -> set[tuple[LinkKind, str]]:
    """The masters that are marked; their marks are struck."""
    with transaction(house.engine, CAUSE) as session:
        marks = master_marks.oldest(session, 1000)
        master_marks.strike(session, marks)
    return {(kind, key) for kind, key, _ in marks}


def flows_have_read(house: House, *, customer: str, item: str) -> None:
    """As the flows of both masters do when they are woken."""
    books = house.gateway()
    for kind, key, record in ((LinkKind.CUSTOMER, "00000044", customer), (LinkKind.ITEM, "VALVE", item)):
        seen = books.read_master(kind, record)
        with transaction(house.engine, CAUSE) as session:
            mastering.keep_sides(session, System.QUICKBOOKS, {key: seen}, None, datetime.now(UTC))
    books.close()


def test_a_death_anywhere_loses_nothing_and_says_nothing_twice(house: House, worker: Worker) -> None:
    """E8, E9, X3: the worker dies at each boundary of a look, and the next one brings everything."""
    edited, removed = invoiced(house, worker, 10), invoiced(house, worker, 10)
    house.books.edit("Invoice", id_of(house, edited), Line=lines(house, ("BOLT", "8", "1.115")))
    house.books.edit("Invoice", id_of(house, removed), operation="delete")
    for boundary in range(1, 40):
        mortal = Worker(house, Life(dies_at=boundary))
        try:
            mortal.pull_invoices()
        except Death:
            continue
        finally:
            mortal.close()
        break
    worker.pull_invoices()
    assert boundary > 4
    assert changes(house, edited) == ["booked", "edited"]
    assert changes(house, removed) == ["booked", "deleted"]
    assert [one.cause for one in house.open_work(edited.number)] == [Cause.INVOICE_EDITED]
    assert [one.cause for one in house.open_work(removed.number)] == [Cause.INVOICE_REMOVED]


def test_the_place_is_quickbooks_own_time(house: House, worker: Worker) -> None:
    """X3: a clock of ours that is wrong skips nothing."""
    worker.pull_invoices()
    with reading(house.engine) as session:
        position = cursors.position(session, payments.CHANGES)
    assert position is not None
    assert abs(position - house.books.app.clock.now()) < timedelta(seconds=5)
