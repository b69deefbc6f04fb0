"""What people did to documents and the gateway knows of is explained; what it does not know of is not hidden by it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from activities.master_marking import mark_merged
from domain.exceptions import Cause, Choice, ExceptionItem, ExceptionKind, Finding, Resolution
from domain.links import Link, LinkKind
from domain.master_questions import RECORD_TYPE, record_key
from domain.reconciliation import Standing
from domain.sources import System
from store import document_versions, exceptions, links, mastering
from store.session import transaction
from tests.reconciliation.deck import shipment_of
from tests.reconciliation.lived import BY, Json, Lived
from tests.reconciliation.oracle import said


def _ours(lived: Lived, n: int) -> Json:
    """The n-th invoice of ours that nobody has paid."""
    found = [one for one in lived.books.ledger() if one["private_note"] and one["balance"] == one["total"]]
    return found[n]


def _about(lived: Lived, document: str) -> dict[str, set[str]]:
    """What a run says of a document: the standings by cause."""
    run_id = lived.reconcile().run_id
    found: dict[str, set[str]] = {}
    for one in said(lived.url, run_id):
        if one.name.record_key == document:
            found.setdefault(one.name.cause, set()).add(one.standing)
    return found


def _decide(lived: Lived, item: ExceptionItem, choice: Choice) -> None:
    resolution = Resolution(
        exception_id=item.id, choice=choice, reason="agreed", decided_by="dana", decided_at=datetime.now(UTC)
    )
    with transaction(lived.engine, BY) as session:
        exceptions.resolve(session, resolution)
        if item.cause is Cause.INVOICE_EDITED:
            subjects = [one.subject for one in item.findings if one.subject]
            document_versions.decide(session, item.record_key, subjects, resolution)


def _item(lived: Lived, document: Json, cause: Cause) -> ExceptionItem:
    (item,) = [
        one for one in lived.open_items("shipment") if one.record_key == shipment_of(document) and one.cause is cause
    ]
    return item


def test_an_edit_is_drift_then_held_then_waived_and_the_next_edit_is_drift_again(lived: Lived) -> None:
    """E8, R3: missed, heard of, accepted as booked, and edited once more."""
    document = _ours(lived, 0)
    lived.books.edit("Invoice", document["id"], TxnDate="2026-01-15")
    assert _about(lived, document["id"]) == {"invoice_edited": {Standing.DRIFT}}
    lived.hear()
    assert _about(lived, document["id"]) == {"invoice_edited": {Standing.HELD}}
    _decide(lived, _item(lived, document, Cause.INVOICE_EDITED), Choice.ACCEPT_AS_BOOKED)
    assert _about(lived, document["id"]) == {"invoice_edited": {Standing.WAIVED}}
    lived.hear()
    assert _about(lived, document["id"]) == {"invoice_edited": {Standing.WAIVED}}

    lived.books.edit("Invoice", document["id"], TxnDate="2026-01-16")

    assert _about(lived, document["id"]) == {"invoice_edited": {Standing.DRIFT}}
    lived.books.edit("Invoice", document["id"], TxnDate=document["txn_date"])
    lived.hear()
    assert _about(lived, document["id"]) == {}


def test_a_customer_who_was_merged_in_the_books_is_the_same_customer(lived: Lived) -> None:
    """M5, R3: by the link that went over, and by it alone."""
    document = _ours(lived, 0)
    merged, other = document["customer_id"], _another(lived, document)
    lived.books.edit("Invoice", document["id"], CustomerRef={"value": other})
    assert _about(lived, document["id"]) == {"invoice_edited": {Standing.DRIFT}}
    with _link_follows(lived, merged, other):
        assert _about(lived, document["id"]) == {}
    lived.books.edit("Invoice", document["id"], CustomerRef={"value": merged})
    assert _about(lived, document["id"]) == {}


def test_documents_of_a_merge_that_no_link_could_follow_are_held_by_its_one_question_then_waived(lived: Lived) -> None:
    """M5, M6, R3: both customers are ours; another edit of such a document is hidden by nothing."""
    document = _ours(lived, 0)
    merged, other = document["customer_id"], _another(lived, document)
    with transaction(lived.engine, BY) as session:
        (customer,) = mark_merged(session, System.QUICKBOOKS, LinkKind.CUSTOMER, merged, other)
    lived.books.edit("Invoice", document["id"], CustomerRef={"value": other})
    assert _about(lived, document["id"]) == {"invoice_edited": {Standing.HELD}}
    item = _merge_question(lived, customer, merged)
    (found,) = [one for one in lived.findings(lived.reconcile().run_id) if one.record_key == document["id"]]
    assert (found.field, str(found.exception_id)) == ("customer_id", item.id)
    assert found.why == "waits for a decision: master_deleted"
    lived.hear()
    assert lived.open_items("shipment") == []
    _decide(lived, item, Choice.RETIRE_LINK)
    assert _about(lived, document["id"]) == {"invoice_edited": {Standing.WAIVED}}
    lived.books.edit("Invoice", document["id"], TxnDate="2026-01-15")
    assert _about(lived, document["id"]) == {"invoice_edited": {Standing.WAIVED, Standing.DRIFT}}

    lived.books.edit("Invoice", document["id"], CustomerRef={"value": merged}, TxnDate=document["txn_date"])
    lived.hear()
    with transaction(lived.engine, BY) as session:
        mastering.drop_side(session, LinkKind.CUSTOMER, customer, System.QUICKBOOKS)
    assert _about(lived, document["id"]) == {}


def _merge_question(lived: Lived, customer: str, merged: str) -> ExceptionItem:
    """The question of the merge of masters about a customer in the books, as the flow of that customer asks it."""
    record = (RECORD_TYPE, record_key(LinkKind.CUSTOMER, customer, System.QUICKBOOKS))
    asked = Finding(
        kind=ExceptionKind.CONFLICT,
        cause=Cause.MASTER_DELETED,
        sentence="Merged into another customer of ours.",
        choices=(Choice.RETRY, Choice.RETIRE_LINK),
        subject=merged,
    )
    with transaction(lived.engine, BY) as session:
        exceptions.open_item(session, finding=asked, record=record, owner="master data", workflow_id="customer/x")
    (item,) = lived.open_items(RECORD_TYPE)
    return item


def _another(lived: Lived, document: Json) -> str:
    """The id of another customer of the books."""
    return next(
        str(one["customer_id"]) for one in lived.books.ledger() if one["customer_id"] != document["customer_id"]
    )


@contextmanager
def _link_follows(lived: Lived, loser: str, winner: str) -> Iterator[None]:
    """The link of one customer goes over to the other one's record for a while, and theirs is out of use."""
    now = datetime.now(UTC)
    with transaction(lived.engine, BY) as session:
        rows = links.rows_by_external_id(session, System.QUICKBOOKS, LinkKind.CUSTOMER, [loser, winner])
        moving, giving_way = (Link.model_validate(rows[one], from_attributes=True) for one in (loser, winner))
        links.retire(session, giving_way, now)
        moved = links.move(session, moving, winner, giving_way.external_name, now)
    assert moved is not None
    yield
    with transaction(lived.engine, BY) as session:
        links.retire(session, moved, now)
        links.import_links(session, [moving, giving_way], "taken back", now)


def test_an_edit_that_was_said_to_be_put_right_and_was_not_is_drift(lived: Lived) -> None:
    """E8: `handled` accepts nothing."""
    document = _ours(lived, 1)
    lived.books.edit("Invoice", document["id"], TxnDate="2026-01-15")
    lived.hear()
    _decide(lived, _item(lived, document, Cause.INVOICE_EDITED), Choice.HANDLED)

    assert _about(lived, document["id"]) == {"invoice_edited": {Standing.DRIFT}}

    lived.books.edit("Invoice", document["id"], TxnDate=document["txn_date"])
    lived.hear()


def test_a_second_invoice_is_drift_then_held_then_waived(lived: Lived) -> None:
    """E19, R5."""
    document = _ours(lived, 2)
    item, note = document["lines"][0]["item_id"], document["private_note"]
    copy = lived.books.invoice_by_hand(lived.token(), document["customer_id"], item, "3.33", PrivateNote=note)
    assert _about(lived, copy) == {"invoice_duplicated": {Standing.DRIFT}}
    lived.hear()
    assert _about(lived, copy) == {"invoice_duplicated": {Standing.HELD}}
    _decide(lived, _item(lived, document, Cause.INVOICE_DUPLICATE), Choice.HANDLED)
    assert _about(lived, copy) == {"invoice_duplicated": {Standing.WAIVED}}


def test_a_document_that_was_taken_away_is_held_then_waived(lived: Lived) -> None:
    """E9, R3: an invoice and a credit memo."""
    document = _ours(lived, 3)
    memo = next(one for one in lived.books._call("GET", "ledger")["credit_memos"] if not one["deleted"])
    lived.books.edit("Invoice", document["id"], "void")
    lived.books.edit("CreditMemo", memo["id"], "delete")
    lived.hear()
    assert _about(lived, document["id"]) == {"invoice_voided": {Standing.HELD}}
    assert _about(lived, memo["id"]).get("credit_deleted") == {Standing.HELD}
    for one in (document, memo):
        _decide(lived, _item(lived, one, Cause.INVOICE_REMOVED), Choice.HANDLED)
    assert _about(lived, document["id"]) == {"invoice_voided": {Standing.WAIVED}}
    assert _about(lived, memo["id"]).get("credit_deleted") == {Standing.WAIVED}


def test_a_row_that_was_changed_by_hand_is_found_until_it_is_put_back(lived: Lived) -> None:
    """R3: whatever the product does to other fields of it meanwhile."""
    number, limit = lived.column("SELECT number || ' ' || coalesce(credit_limit, 0) FROM customers ORDER BY 1")[
        0
    ].split()
    lived.by_hand(f"UPDATE customers SET credit_limit = 1 WHERE number = '{number}'")
    with transaction(lived.engine, BY) as session:
        session.connection().exec_driver_sql(f"UPDATE customers SET name = name || '.' WHERE number = '{number}'")
    assert _about(lived, number).get("changed_by_hand") == {Standing.DRIFT}

    lived.by_hand(f"UPDATE customers SET credit_limit = {limit} WHERE number = '{number}'")

    assert "changed_by_hand" not in _about(lived, number)


def test_an_export_with_other_bytes_is_one_finding_and_nothing_is_read_from_it(lived: Lived) -> None:
    """R8: what is not what was received proves nothing about stock."""
    (found,) = lived.column(
        "SELECT DISTINCT file.id || ' ' || sha256 FROM source_files file JOIN stock_feeds ON event_id = file.id::text"
    )
    file_id, sha256 = found.split()
    path: Path = lived.folder / sha256[:2] / sha256
    content = path.read_bytes()
    path.write_bytes(content[:-40] + b"\xff" + content[-39:])

    found_now = said(lived.url, lived.reconcile().run_id)

    assert [one.name.record_key for one in found_now if one.name.rule == "R8"] == [file_id]
    assert not [one for one in found_now if one.name.cause == "stock_not_as_exported"]
    path.write_bytes(content)
    assert not [one for one in said(lived.url, lived.reconcile().run_id) if one.name.rule in {"R7", "R8"}]


def test_the_oracle_shares_no_code_with_what_it_judges() -> None:
    text = Path(__file__).with_name("oracle.py").read_text(encoding="utf-8")
    imported = [line.split()[1] for line in text.splitlines() if line.startswith(("import ", "from "))]
    assert set(imported) == {"__future__", "collections.abc", "dataclasses", "typing", "psycopg"}
