"""Messages to the ERP and the files that carry them: identity, order, no gap."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, text
from sqlmodel import Session

from domain.errors import Duplicate, Missing, Permanent
from domain.files import Replacement
from domain.order_messages import MessageState, OrderAction, OrderFileState, OrderMessage, OrderMessageLine
from store import order_files, order_messages
from store.causes import Cause
from store.order_files import OrderFile
from store.session import reading, transaction

AT = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def message(number: str = "SO1", quantity: str = "4", **more: Any) -> OrderMessage:
    line = OrderMessageLine(line_no=1, sku="BOLT", quantity=quantity, uom="EA", unit_price="2.50")
    usual = {
        "action": OrderAction.ADD,
        "order_number": number,
        "customer_number": "00000042",
        "ordered_on": date(2026, 11, 20),
        "warehouse": "ATL",
        "terms": "N30",
        "lines": (line,),
    }
    return OrderMessage.model_validate({**usual, **more})


def frozen(session: Session, sequence: int, content: bytes = b"bytes", **more: Any) -> OrderFile:
    given: dict[str, Any] = {
        "sequence": sequence,
        "name": f"ORDIMP.S{sequence:06}",
        "layout": "ordimp",
        "layout_digest": "d",
        "content": content,
        "replacements": (),
        "at": AT,
        **more,
    }
    return order_files.freeze(session, **given)


# Messages


def test_the_same_content_as_the_newest_adds_nothing(session: Session) -> None:
    first = order_messages.add(session, message(), AT)
    again = order_messages.add(session, message(quantity="4.00"), AT + timedelta(hours=1))

    assert again == first
    assert (first.revision, first.state, first.added_at) == (1, MessageState.PENDING, AT)
    assert len(order_messages.history(session, "SO1")) == 1


def test_what_was_said_before_but_not_last_is_said_again(session: Session) -> None:
    """Changed, and changed back: both are kept, and only the last one goes into a file."""
    for quantity in ("4", "5", "4"):
        order_messages.add(session, message(quantity=quantity, action=OrderAction.CHANGE), AT)
    said = order_messages.history(session, "SO1")
    assert [str(one.message.lines[0].quantity) for one in said] == ["4", "5", "4"]
    assert [one.revision for one in said] == [1, 2, 3]
    assert order_messages.of_order(session, "SO1") == said[-1]
    assert [one.state for one in said] == [MessageState.WITHDRAWN, MessageState.WITHDRAWN, MessageState.PENDING]
    assert order_messages.pending(session) == said[-1:]


def test_what_was_withdrawn_is_in_no_file_and_can_be_said_anew(session: Session) -> None:
    order_messages.add(session, message(), AT)
    order_messages.withdraw(session, "SO1", AT)
    assert order_messages.pending(session) == []
    assert order_messages.unsent(session, AT + timedelta(hours=1)) == []

    anew = order_messages.add(session, message(), AT)
    assert (anew.revision, anew.state) == (2, MessageState.PENDING)


def test_what_is_in_a_file_stays_in_it(session: Session) -> None:
    known = order_messages.add(session, message(), AT)
    frozen(session, 1)
    order_messages.take(session, [known], 1)
    order_messages.withdraw(session, "SO1", AT)
    order_messages.add(session, message(action=OrderAction.CANCEL), AT)
    assert [one.state for one in order_messages.history(session, "SO1")] == [MessageState.TAKEN, MessageState.PENDING]


def test_a_file_waits_for_looks_at_its_orders_and_has_nothing_that_they_withdrew(engine: Engine, cause: Cause) -> None:
    with transaction(engine, cause) as session:
        for number in ("SO1", "SO2"):
            order_messages.add(session, message(number), AT)
    asks = threading.Event()

    def write() -> list[str]:
        with transaction(engine, cause) as writing:
            asks.set()
            return [one.order_number for one in order_messages.pending(writing)]

    with ThreadPoolExecutor(1) as pool:
        with transaction(engine, cause) as looking:
            order_messages.lock_unwritten(looking, ["SO1", "SO9"])
            written = pool.submit(write)
            assert asks.wait(10)
            order_messages.withdraw(looking, "SO1", AT)
            order_messages.add(looking, message("SO3"), AT)
        assert written.result(30) == ["SO2"], "what came meanwhile is not locked: the next file has it"


def test_nothing_is_known_of_an_order_that_the_erp_was_not_told_of(session: Session) -> None:
    assert order_messages.of_order(session, "SO-never") is None


@pytest.mark.parametrize(
    "change",
    [
        {"action": OrderAction.CHANGE},
        {"customer_number": "00000043"},
        {"ordered_on": date(2026, 11, 21)},
        {"requested_on": date(2026, 12, 1)},
        {"warehouse": "RNO"},
        {"purchase_order": "PO-1"},
        {"terms": "COD"},
        {"quantity": "4.01"},
    ],
)
def test_every_field_makes_another_content(change: dict[str, Any]) -> None:
    assert message(**change).content_hash != message().content_hash


def test_an_order_without_lines_can_only_be_cancelled() -> None:
    with pytest.raises(ValueError, match="can only be cancelled"):
        message(lines=())
    assert message(lines=(), action=OrderAction.CANCEL).lines == ()
    line = message().lines[0]
    with pytest.raises(ValueError, match="stands once"):
        message(lines=(line, line))


def test_a_message_goes_from_pending_to_sent(session: Session) -> None:
    for number in ("SO2", "SO1", "SO3"):
        order_messages.add(session, message(number), AT)
    waiting = order_messages.pending(session)
    assert [one.order_number for one in waiting] == ["SO2", "SO1", "SO3"]
    assert [one.order_number for one in order_messages.pending(session, 2)] == ["SO2", "SO1"]

    frozen(session, 1)
    order_messages.take(session, waiting[:2], 1)
    taken = order_messages.of_order(session, "SO1")
    assert taken
    assert (taken.state, taken.file_sequence, taken.file_name, taken.sent_at) == (
        MessageState.TAKEN,
        1,
        "ORDIMP.S000001",
        None,
    )
    order_files.mark_written(session, 1, AT)
    sent = order_messages.of_order(session, "SO1")
    assert sent
    assert (sent.state, sent.sent_at) == (MessageState.SENT, AT)
    assert [one.order_number for one in order_messages.pending(session)] == ["SO3"]
    assert [one.order_number for one in order_messages.of_file(session, 1)] == ["SO2", "SO1"]
    assert order_messages.counts(session, [1, 2]) == {1: 2}


def test_a_refused_message_waits_last_and_until_a_newer_one_takes_its_place(session: Session) -> None:
    bad = order_messages.add(session, message("SO1"), AT)
    order_messages.refuse(session, bad, "too long")
    order_messages.add(session, message("SO2"), AT)
    known = order_messages.of_order(session, "SO1")
    assert known
    assert (known.state, known.refused) == (MessageState.REFUSED, "too long")
    assert [one.order_number for one in order_messages.pending(session)] == ["SO2", "SO1"]

    order_messages.add(session, message("SO1", terms="COD"), AT)
    assert [(one.order_number, one.revision) for one in order_messages.pending(session)] == [("SO2", 1), ("SO1", 2)]


def test_what_a_message_says_is_kept_as_it_was(engine: Engine, cause: Cause) -> None:
    with transaction(engine, cause) as session:
        order_messages.add(session, message(), AT)
    for statement in (
        "UPDATE order_messages SET body = '{}'",
        "UPDATE order_messages SET added_at = now()",
        "DELETE FROM order_messages",
    ):
        with pytest.raises(Permanent), transaction(engine, cause) as session:
            session.execute(text(statement))


def test_many_processes_that_add_the_same_add_it_once(engine: Engine, cause: Cause) -> None:
    gate = threading.Barrier(6)

    def add(_: int) -> int:
        gate.wait()
        with transaction(engine, cause) as session:
            return order_messages.add(session, message(), AT).revision

    with ThreadPoolExecutor(6) as pool:
        assert set(pool.map(add, range(6))) == {1}


# Files


def test_numbers_start_where_the_company_says_and_go_on(session: Session) -> None:
    assert order_files.next_sequence(session, 41) == 41
    frozen(session, 41)
    assert order_files.next_sequence(session, 1) == 42


def test_a_file_is_kept_as_it_was_frozen(engine: Engine, cause: Cause) -> None:
    given = Replacement(key="SO1", field="purchase_order", given="Ł", written="L")
    with transaction(engine, cause) as session:
        made = frozen(session, 1, b"\x00\xff", replacements=(given,))
    with reading(engine) as session:
        assert order_files.get(session, 1) == made == order_files.intended(session)
        assert order_files.content(session, 1) == b"\x00\xff"
    assert (made.state, made.byte_count, made.replacements) == (OrderFileState.INTENDED, 2, (given,))
    for statement in (
        "UPDATE order_files SET sha256 = 'x'",
        "UPDATE order_files SET replacements = '[]'",
        "DELETE FROM order_files",
        "UPDATE order_file_contents SET content = ''",
        "DELETE FROM order_file_contents",
        "TRUNCATE order_file_contents",
    ):
        with pytest.raises(Permanent), transaction(engine, cause) as session:
            session.execute(text(statement))


def test_no_second_file_is_made_while_one_is_on_its_way(engine: Engine, cause: Cause) -> None:
    """The database itself refuses it, whatever the code does."""
    with transaction(engine, cause) as session:
        frozen(session, 1)
    with pytest.raises(Duplicate), transaction(engine, cause) as session:
        frozen(session, 2)
    with transaction(engine, cause) as session:
        assert order_files.mark_written(session, 1, AT)
        assert not order_files.mark_written(session, 1, AT + timedelta(hours=1)), "the first time stays"
    with transaction(engine, cause) as session:
        frozen(session, 2)
        listed = order_files.page(session, limit=1)
        assert [file.sequence for file in listed.items] == [2]
        [first] = order_files.page(session, cursor=listed.next_cursor).items
        assert (first.sequence, first.written_at) == (1, AT)


def test_a_number_is_taken_once(engine: Engine, cause: Cause) -> None:
    with transaction(engine, cause) as session:
        frozen(session, 1)
        order_files.mark_written(session, 1, AT)
    with pytest.raises(Duplicate), transaction(engine, cause) as session:
        frozen(session, 1, name="ORDIMP.S000009")
    with reading(engine) as session, pytest.raises(Missing):
        order_files.content(session, 2)


def test_a_number_that_is_rolled_back_is_used_by_the_next(engine: Engine, cause: Cause) -> None:
    def dies(session: Session) -> None:
        frozen(session, order_files.next_sequence(session, 1))
        raise RuntimeError("the process dies")

    with pytest.raises(RuntimeError), transaction(engine, cause) as session:
        dies(session)
    with transaction(engine, cause) as session:
        assert frozen(session, order_files.next_sequence(session, 1)).sequence == 1


def test_processes_that_freeze_at_once_make_one_file_after_the_other(engine: Engine, cause: Cause) -> None:
    gate = threading.Barrier(5)

    def freeze(_: int) -> int | None:
        gate.wait()
        with transaction(engine, cause) as session:
            order_files.take_turn(session)
            if order_files.intended(session):
                return None
            sequence = frozen(session, order_files.next_sequence(session, 1)).sequence
            order_files.mark_written(session, sequence, AT)
            return sequence

    with ThreadPoolExecutor(5) as pool:
        assert sorted(one for one in pool.map(freeze, range(5)) if one) == [1, 2, 3, 4, 5]
