"""Files of returns become what the store holds, and the orders that they are news of are noted (case O12)."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Engine, select
from sqlmodel import col
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.stating import StatingActivities
from domain.returns import ReturnCondition
from domain.work import FileWork, ReturnsStated
from store import order_marks, returns
from store.causes import Cause, CauseSource
from store.session import reading, transaction
from store.tables import OrderMarkRow
from tests.activities.stockroom import ERP, Stockroom

BY = Cause(source=CauseSource.USER, actor="test")
ORDERS = ["SO700310", "SO700319", "SO700325"]


def state(room: Stockroom, work: FileWork) -> ReturnsStated:
    stating = StatingActivities(room.engine, ERP, room.company)
    done: ReturnsStated = ActivityEnvironment().run(stating.state_returns, work)
    return done


def hand_in(room: Stockroom, filename: str, content: bytes) -> ReturnsStated:
    work = room.arrive(filename, content, layout="rtnrcv")
    assert not room.read(work).refused
    return state(room, work)


def noted(engine: Engine) -> list[str]:
    with reading(engine) as session:
        return sorted(session.scalars(select(col(OrderMarkRow.order_number))))


def file_of(*rows: str, created: str = "2026-11-22 16:20:00", sequence: int = 10) -> bytes:
    lines = [f"HDR|RTNRCV|{sequence:06}|{created}", *rows, f"END|{len(rows) + 2}"]
    return "".join(f"{line}\r\n" for line in lines).encode("cp1252")


def test_the_sample_is_stated_and_its_orders_are_noted(stockroom: Stockroom, samples: Path) -> None:
    work = stockroom.arrive("RTNRCV.S000009", (samples / "RTNRCV.S000009").read_bytes(), layout="rtnrcv")
    assert stockroom.read(work).group_count == 3

    assert state(stockroom, work) == ReturnsStated(orders=3)
    assert state(stockroom, work) == ReturnsStated(orders=0), "again changes nothing"

    assert noted(stockroom.engine) == ORDERS
    with reading(stockroom.engine) as session:
        found = returns.of_orders(session, ORDERS)
    assert [(one.receipt.rma, one.receipt.condition, one.source_line) for one in found] == [
        ("RM9001", ReturnCondition.RESTOCK, 2),
        ("RM9002", ReturnCondition.DAMAGED, 3),
        ("RM9003", ReturnCondition.RESTOCK, 4),
    ]
    assert str(found[0].source_file_id) == work.file_id


def test_what_was_looked_at_is_not_noted_again_by_an_older_file(stockroom: Stockroom) -> None:
    new = "RTN|RM1|SO1|SH1|0001|BOLT|2|EA|RESTOCK|11/22/2026"
    hand_in(stockroom, "RTNRCV.S000011", file_of(new, created="2026-11-23 16:20:00", sequence=11))
    with transaction(stockroom.engine, BY) as session:
        order_marks.strike(session, order_marks.read(session, ["SO1"]))

    old = new.replace("|2|EA", "|1|EA")
    assert hand_in(stockroom, "RTNRCV.S000010", file_of(old)) == ReturnsStated(orders=0)

    assert noted(stockroom.engine) == []
    with reading(stockroom.engine) as session:
        assert [str(one.receipt.quantity) for one in returns.of_orders(session, ["SO1"])] == ["2"]


def test_blocks_are_noted_with_what_they_state(stockroom: Stockroom, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that dies between two blocks has noted the orders of the first; the next one goes on."""
    monkeypatch.setattr("activities.stating.BLOCK", 2)
    rows = [f"RTN|RM{n}|SO{n}|SH{n}|0001|BOLT|1|EA|RESTOCK|11/22/2026" for n in range(1, 6)]
    work = stockroom.arrive("RTNRCV.S000010", file_of(*rows), layout="rtnrcv")
    stockroom.read(work)
    keep, kept = StatingActivities._keep_returns, []

    def dies(self: StatingActivities, given: FileWork, seq: int) -> list[str] | None:
        if kept:
            raise RuntimeError("the process dies")
        kept.append(seq)
        return keep(self, given, seq)

    monkeypatch.setattr(StatingActivities, "_keep_returns", dies)
    with pytest.raises(ApplicationError):
        state(stockroom, work)
    monkeypatch.setattr(StatingActivities, "_keep_returns", keep)
    assert noted(stockroom.engine) == ["SO1", "SO2"]

    assert state(stockroom, work) == ReturnsStated(orders=3)
    assert noted(stockroom.engine) == [f"SO{n}" for n in range(1, 6)]


def test_a_file_without_returns_notes_nobody(stockroom: Stockroom) -> None:
    assert hand_in(stockroom, "RTNRCV.S000010", file_of()) == ReturnsStated(orders=0)
    assert noted(stockroom.engine) == []
