"""Returns in the store: identity, and nothing older over newer (cases F7, O12)."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, text
from sqlmodel import Session

from domain.errors import Malformed
from domain.files import Entity, FileSummary
from domain.returns import ReturnReceipt
from store import files, returns
from store.causes import Cause
from store.errors import translated
from store.files import FileArrival, SourceFile
from store.session import reading, transaction

AT = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def receipt(line_no: int = 1, **more: Any) -> ReturnReceipt:
    usual = {
        "rma": "RM1",
        "order_number": "SO1",
        "shipment_number": "SH1",
        "line_no": line_no,
        "sku": "BOLT",
        "quantity": "1",
        "uom": "BX",
        "condition": "restock",
        "received_on": date(2026, 11, 21),
    }
    return ReturnReceipt.model_validate({**usual, **more})


def source(session: Session, name: str, hours: int, sequence: int) -> SourceFile:
    arrival = FileArrival(
        sha256=name, filename=name, layout="rtnrcv", entity=Entity.RETURNS, byte_count=1, arrived_by="http"
    )
    file, _ = files.register(session, arrival)
    summary = FileSummary(
        layout="rtnrcv",
        layout_version=1,
        layout_digest="d",
        entity=Entity.RETURNS,
        sequence=sequence,
        created_at=AT + timedelta(hours=hours),
        byte_count=1,
        record_count=1,
        group_count=1,
    )
    files.save_summary(session, file.id, summary)
    session.expire_all()
    found = files.get(session, file.id)
    assert found
    return found


def quantities(session: Session, *numbers: str) -> list[str]:
    return [str(one.receipt.quantity) for one in returns.of_orders(session, numbers)]


def test_a_return_is_news_once_and_says_where_it_was_stated(session: Session) -> None:
    """O12."""
    file = source(session, "one", 0, 9)
    said = [(receipt(1), 2), (receipt(2, order_number="SO2"), 3)]

    assert returns.record(session, said, file) == ["SO1", "SO2"]
    assert returns.record(session, said, file) == []
    assert returns.record(session, [], file) == []

    [one] = returns.of_orders(session, ["SO2", "SO9"])
    assert one.receipt == receipt(2, order_number="SO2")
    assert (one.stated_at, one.source_file_id, one.source_line) == (AT, file.id, 3)


def test_an_older_statement_never_replaces_a_newer_one(session: Session) -> None:
    newer, older = source(session, "newer", 2, 10), source(session, "older", 1, 9)
    assert returns.record(session, [(receipt(quantity="3"), 2)], newer) == ["SO1"]
    assert returns.record(session, [(receipt(quantity="1"), 2)], older) == []
    assert quantities(session, "SO1") == ["3"]

    assert returns.record(session, [(receipt(quantity="0"), 2)], source(session, "newest", 3, 11)) == ["SO1"]
    assert quantities(session, "SO1") == ["0"]


def test_the_same_statement_in_a_newer_file_is_no_news_but_guards(session: Session) -> None:
    first, middle, last = (source(session, str(at), at, at) for at in (1, 2, 3))
    returns.record(session, [(receipt(), 2)], first)
    assert returns.record(session, [(receipt(quantity="1.00"), 2)], last) == []
    assert returns.record(session, [(receipt(quantity="2"), 2)], middle) == []
    assert quantities(session, "SO1") == ["1"]


def test_a_return_that_moves_to_another_order_is_news_of_both(session: Session) -> None:
    returns.record(session, [(receipt(), 2)], source(session, "a", 1, 1))
    moved = [(receipt(order_number="SO7"), 2)]
    assert returns.record(session, moved, source(session, "b", 2, 2)) == ["SO1", "SO7"]


def test_of_two_files_of_one_instant_the_later_arrival_counts(engine: Engine, cause: Cause) -> None:
    """F6: a person has accepted both; doing the first once more changes nothing."""
    with transaction(engine, cause) as session:
        first = source(session, "first", 1, 9)
    with transaction(engine, cause) as session:
        second = source(session, "second", 1, 9)
        assert second.received_at > first.received_at
        returns.record(session, [(receipt(), 2)], first)
        assert returns.record(session, [(receipt(quantity="2"), 2)], second) == ["SO1"]
        assert returns.record(session, [(receipt(), 2)], first) == []
        assert quantities(session, "SO1") == ["2"]


def test_the_change_log_tells_which_file_stated_a_return(engine: Engine, cause: Cause) -> None:
    with transaction(engine, cause) as session:
        returns.record(session, [(receipt(), 2)], source(session, "a", 1, 1))
    with reading(engine) as session:
        row = session.execute(text("SELECT row_key, cause FROM change_log WHERE table_name = 'returns'")).one()
    assert row.row_key == "RM1|SH1|1"
    assert row.cause["reference"] == {"file_id": "f-1", "line": 7}


def test_a_negative_return_is_refused(session: Session) -> None:
    file = source(session, "a", 1, 1)
    with pytest.raises(Malformed), translated(), session.begin_nested():
        returns.record(session, [(receipt(quantity="-1"), 2)], file)
