"""Order files for the ERP: nothing lost, nothing twice, no gap, whatever dies, races, is full or does not fit."""

from __future__ import annotations

import errno
import os
import shutil
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, select
from sqlmodel import col
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.order_export import OrderExportActivities
from activities.order_findings import order_file_record, order_record
from adapters.erp.layouts import Layouts
from adapters.erp.outbox import Outbox, Proof
from domain.exceptions import Cause as Why
from domain.order_messages import MessageState, OrderAction, OrderMessage, OrderMessageLine
from domain.work import ExportWork, OrdersWritten
from store import exceptions, order_files, order_messages
from store.causes import Cause, CauseSource
from store.session import make_engine, reading, transaction
from store.tables import OrderMarkRow
from tests.activities.worker import Death, Life, mortal_engine
from tests.build import company
from twins.erp.ordimp import read_ordimp

BY = Cause(source=CauseSource.USER, actor="test")
AT = datetime(2026, 11, 20, 11, 42, tzinfo=UTC)
LAYOUTS = Layouts.load(Path(__file__).parents[2] / "config" / "layouts")


def message(number: str, **more: Any) -> OrderMessage:
    line = OrderMessageLine(line_no=1, sku="FLB-0191", quantity="4", uom="BX", unit_price="47.7119")
    usual = {
        "action": OrderAction.ADD,
        "order_number": number,
        "customer_number": "00040277",
        "ordered_on": date(2026, 11, 20),
        "warehouse": "SCR",
        "terms": "N30",
        "lines": (line,),
    }
    return OrderMessage.model_validate({**usual, **more})


class MortalOutbox(Outbox):
    """An outbox whose process may die around any step."""

    def __init__(self, folder: Path, life: Life) -> None:
        super().__init__(folder)
        self._life = life

    def _write(self, name: str, content: bytes) -> Path:
        self._life.boundary("before temporary write")
        temporary = super()._write(name, content)
        self._life.boundary("after temporary write")
        return temporary

    def _reveal(self, temporary: Path, name: str, content: bytes) -> bool:
        self._life.boundary("before rename")
        done = super()._reveal(temporary, name, content)
        self._life.boundary("after rename")
        return done


@dataclass
class Desk:
    """One store and one folder that several processes write to."""

    engine: Engine
    url: str
    folder: Path
    opened: list[Engine] = field(default_factory=list)

    def process(self, life: Life | None = None, **rules: Any) -> OrderExportActivities:
        engine = mortal_engine(self.url, life) if life else self.engine
        self.opened += [engine] if life else []
        outbox = MortalOutbox(self.folder, life) if life else Outbox(self.folder)
        made = company()
        changed = made.model_copy(update={"order_files": made.order_files.model_copy(update=rules)})
        return OrderExportActivities(engine, LAYOUTS, outbox, changed, lambda: AT)

    def write(self, life: Life | None = None, **rules: Any) -> OrdersWritten:
        done: OrdersWritten = ActivityEnvironment().run(self.process(life, **rules).write_orders, ExportWork())
        return done

    def add(self, *messages: OrderMessage) -> None:
        for one in messages:
            with transaction(self.engine, BY) as session:
                order_messages.add(session, one, AT)

    def known(self, number: str) -> order_messages.KnownMessage:
        with reading(self.engine) as session:
            found = order_messages.of_order(session, number)
        assert found is not None
        return found

    def files(self) -> dict[str, list[tuple[str, str]]]:
        """What the ERP finds: the actions and orders of each file; nothing else lies there."""
        found = {}
        for path in sorted(self.folder.iterdir()):
            file = read_ordimp(path.read_bytes())
            assert path.name == f"ORDIMP.S{file.sequence:06}"
            found[path.name] = [(one.action.name, one.order.order_no) for one in file.orders]
        return found

    def stored(self) -> list[order_files.OrderFile]:
        with reading(self.engine) as session:
            return list(reversed(order_files.page(session).items))

    def open_items(self, record: tuple[str, str]) -> list[Why]:
        with reading(self.engine) as session:
            return [item.cause for item in exceptions.open_of_record(session, record)]

    def noted(self) -> list[str]:
        with reading(self.engine) as session:
            return sorted(session.scalars(select(col(OrderMarkRow.order_number))))


@pytest.fixture
def desk(engine: Engine, database_url: str, tmp_path: Path) -> Any:
    made = Desk(engine, database_url, tmp_path / "out")
    yield made
    for one in made.opened:
        one.dispose()


def test_what_waits_is_written_in_its_order_and_known_to_be_sent(desk: Desk) -> None:
    desk.add(message("SO1"), message("SO2"), message("SO1", warehouse="ATL"))
    assert desk.known("SO1").state is MessageState.PENDING

    done = desk.write()

    assert done == OrdersWritten(files=[1], orders=["SO2", "SO1"])
    assert desk.files() == {"ORDIMP.S000001": [("ADD", "SO2"), ("ADD", "SO1")]}
    known = desk.known("SO1")
    assert (known.state, known.sent_at, known.revision) == (MessageState.SENT, AT, 2)
    assert (known.file_sequence, known.file_name) == (1, "ORDIMP.S000001")
    assert desk.noted() == ["SO1", "SO2"]


def test_nothing_to_say_is_no_file(desk: Desk) -> None:
    assert desk.write() == OrdersWritten()
    assert not desk.folder.exists()
    desk.add(message("SO1"))
    desk.write()
    assert desk.write() == OrdersWritten()
    assert len(desk.files()) == 1


def test_numbers_go_on_from_the_store_and_the_name_is_the_companys(desk: Desk) -> None:
    desk.add(message("SO1"))
    desk.write(first_sequence=41)
    desk.add(message("SO2"))
    desk.write(first_sequence=9000)
    assert [file.name for file in desk.stored()] == ["ORDIMP.S000041", "ORDIMP.S000042"]


def test_what_the_code_page_lacks_is_reported_with_the_file(desk: Desk) -> None:
    desk.add(message("SO1", purchase_order="Łódź 7"))
    assert desk.write().replacements == 1
    [file] = desk.stored()
    [one] = file.replacements
    assert (one.key, one.field, one.given, one.written) == ("SO1", "purchase_order", "Łódź 7", "Lódz 7")


def test_an_order_that_does_not_fit_holds_up_nobody(desk: Desk) -> None:
    """It becomes work for a person, once; a corrected one goes, and the work closes by itself."""
    desk.add(message("SO1", purchase_order="x" * 15), message("SO2"))

    done = desk.write()

    assert (done.files, done.orders, list(done.refused)) == ([1], ["SO2"], ["SO1"])
    assert desk.open_items(order_record("SO1")) == [Why.ORDER_NOT_WRITABLE]
    assert desk.noted() == ["SO1", "SO2"], "both are news"
    known = desk.known("SO1")
    assert known.state is MessageState.REFUSED
    assert "columns 39-52" in (known.refused or "")
    assert desk.write() == OrdersWritten(), "a known refusal is not told again"

    desk.add(message("SO1", purchase_order="x" * 14))
    assert desk.write().orders == ["SO1"]
    assert desk.open_items(order_record("SO1")) == []
    assert desk.files()["ORDIMP.S000002"] == [("ADD", "SO1")]


def test_a_refused_order_goes_by_itself_when_the_layout_was_corrected(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.add(message("SO1", terms="N300"))
    assert list(desk.write().refused) == ["SO1"]
    wider = LAYOUTS.get("ordimp").model_dump(by_alias=True, mode="json")
    fields = wider["records"]["order"]["fields"]
    fields["terms"]["at"], fields["rest"]["at"] = "53-56", "57-120"
    wider["examples"] = []
    layout = type(LAYOUTS.get("ordimp")).model_validate(wider)
    monkeypatch.setattr("tests.activities.test_order_export.LAYOUTS", Layouts({"ordimp": layout}))

    assert desk.write().orders == ["SO1"]
    assert desk.open_items(order_record("SO1")) == []


BOUNDARIES = [
    "before commit",  # freezing: number, bytes and messages
    "after commit",
    "before temporary write",
    "after temporary write",
    "before rename",
    "after rename",
    "before commit",  # marking it written
    "after commit",
]


@pytest.mark.parametrize("dies_at", range(1, len(BOUNDARIES) + 1))
def test_a_process_that_dies_anywhere_loses_nothing_and_repeats_nothing(desk: Desk, dies_at: int) -> None:
    """The next one goes on: same number, same name, same bytes; what came meanwhile goes into the next file."""
    desk.add(message("SO1"), message("SO2"))
    life = Life(dies_at)
    with pytest.raises(Death):
        desk.write(life)
    assert life.passed == BOUNDARIES[:dies_at]
    frozen = desk.stored()
    assert len(frozen) == (dies_at >= 2)
    if desk.folder.exists():
        whole = [path for path in desk.folder.iterdir() if not path.name.startswith(".")]
        assert len(whole) == (dies_at >= 6)
    desk.add(message("SO3"))

    done = desk.write()

    if dies_at == 1:
        assert desk.files() == {"ORDIMP.S000001": [("ADD", "SO1"), ("ADD", "SO2"), ("ADD", "SO3")]}
    else:
        assert desk.files() == {
            "ORDIMP.S000001": [("ADD", "SO1"), ("ADD", "SO2")],
            "ORDIMP.S000002": [("ADD", "SO3")],
        }
        assert done.files == ([2] if dies_at == len(BOUNDARIES) else [1, 2])
    assert [file.sha256 for file in desk.stored()[: len(frozen)]] == [file.sha256 for file in frozen]
    assert {desk.known(number).state for number in ("SO1", "SO2", "SO3")} == {MessageState.SENT}
    assert desk.noted() == ["SO1", "SO2", "SO3"]


def test_dying_again_and_again_still_writes_every_file_once(desk: Desk) -> None:
    """Each process dies at its next boundary; orders keep coming."""
    sent = []
    for turn in range(24):
        number = f"SO{turn + 1}"
        sent.append(number)
        desk.add(message(number))
        try:
            desk.write(Life(turn % 8 + 1))
        except Death:
            continue
    desk.write()
    files = desk.files()
    assert [file.sequence for file in desk.stored()] == list(range(1, len(files) + 1))
    assert [number for orders in files.values() for _, number in orders] == sent


def test_a_file_that_the_erp_took_before_it_was_noted_is_written_again_the_same(desk: Desk) -> None:
    """The one repetition that cannot be told from a loss: same name, number and bytes, which the ERP knows."""
    desk.add(message("SO1"))
    with pytest.raises(Death):
        desk.write(Life(7))  # before it is marked written
    taken = desk.folder.parent / "taken"
    shutil.move(desk.folder / "ORDIMP.S000001", taken)

    assert desk.write().files == [1]
    assert (desk.folder / "ORDIMP.S000001").read_bytes() == taken.read_bytes()


def test_many_processes_at_once_write_each_message_once_without_a_gap(desk: Desk) -> None:
    engines = [make_engine(desk.url, pool_size=3) for _ in range(4)]
    gate = threading.Barrier(len(engines))

    def work(place: int) -> None:
        own = OrderExportActivities(engines[place], LAYOUTS, Outbox(desk.folder), company(), lambda: AT)
        gate.wait()
        for turn in range(6):
            with transaction(engines[place], BY) as session:
                order_messages.add(session, message(f"SO{place * 100 + turn + 1}"), AT)
            ActivityEnvironment().run(own.write_orders, ExportWork())

    with ThreadPoolExecutor(len(engines)) as pool:
        list(pool.map(work, range(len(engines))))
    for one in engines:
        one.dispose()

    files = desk.files()
    orders = [number for told in files.values() for _, number in told]
    assert sorted(orders) == sorted(f"SO{place * 100 + turn + 1}" for place in range(4) for turn in range(6))
    assert [file.sequence for file in desk.stored()] == list(range(1, len(files) + 1))


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EACCES, errno.EROFS])
def test_a_folder_that_takes_nothing_is_tried_again_and_nothing_is_lost(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    desk.add(message("SO1"))
    real = os.fsync

    def refuses(_descriptor: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", refuses)
    with pytest.raises(ApplicationError) as raised:
        desk.write()
    assert (raised.value.type, raised.value.non_retryable) == ("unavailable", False)
    assert desk.known("SO1").state is MessageState.TAKEN
    monkeypatch.setattr(os, "fsync", real)

    assert desk.write().orders == ["SO1"]
    assert desk.files() == {"ORDIMP.S000001": [("ADD", "SO1")]}


def test_a_name_that_foreign_bytes_have_blocks_until_they_are_moved_away(desk: Desk) -> None:
    """Nothing of others is written over, no number is passed over, and a person is told what to do."""
    desk.folder.mkdir()
    foreign = desk.folder / "ORDIMP.S000001"
    foreign.write_bytes(b"foreign")
    desk.add(message("SO1"))

    done = desk.write()

    assert (done.files, done.orders) == ([], [])
    assert done.blocked
    assert desk.open_items(order_file_record(1)) == [Why.ORDER_FILE_BLOCKED]
    assert foreign.read_bytes() == b"foreign"
    desk.add(message("SO2"))
    assert desk.write().blocked == done.blocked, "one piece of work, and no second file"
    assert len(desk.stored()) == 1

    foreign.unlink()
    assert desk.write().files == [1, 2]
    assert desk.open_items(order_file_record(1)) == []
    assert list(desk.files()) == ["ORDIMP.S000001", "ORDIMP.S000002"]


def test_a_name_that_the_layout_does_not_know_takes_no_number(desk: Desk) -> None:
    desk.add(message("SO1"))
    assert desk.write(prefix="ORDERS.").blocked
    assert desk.stored() == []
    assert desk.known("SO1").state is MessageState.PENDING
    assert desk.write().files == [1]
    assert desk.open_items(order_file_record(1)) == []


def test_a_file_that_was_frozen_by_an_earlier_layout_is_delivered_as_it_is(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.add(message("SO1"))
    with pytest.raises(Death):
        desk.write(Life(2))
    changed = LAYOUTS.get("ordimp").model_dump(by_alias=True, mode="json")
    changed["layout"]["version"] = 2
    changed["records"]["order"]["fields"]["action"]["map"] = {"1": "add", "2": "change", "3": "cancel"}
    changed["examples"] = []
    layout = type(LAYOUTS.get("ordimp")).model_validate(changed)
    monkeypatch.setattr("tests.activities.test_order_export.LAYOUTS", Layouts({"ordimp": layout}))
    assert desk.write().files == [1]
    assert desk.files() == {"ORDIMP.S000001": [("ADD", "SO1")]}


def test_a_file_that_reads_back_otherwise_is_not_shown_to_the_erp(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.add(message("SO1"))

    def spoiled(self: Outbox, name: str, content: bytes, proof: Proof) -> bool:
        return real(self, name, content.replace(b"FLB-0191", b"FLB-0192"), proof)

    real: Callable[[Outbox, str, bytes, Proof], bool] = Outbox.deliver
    monkeypatch.setattr(Outbox, "deliver", spoiled)
    assert desk.write().blocked
    assert list(desk.folder.iterdir()) == []
    monkeypatch.undo()
    assert desk.write().files == [1]


def test_more_than_a_file_holds_goes_into_several(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("activities.order_export.MESSAGES", 2)
    monkeypatch.setattr("activities.order_export.FILES", 2)
    desk.add(*(message(f"SO{number}") for number in range(1, 6)))
    assert (done := desk.write()).files == [1, 2]
    assert done.more
    assert desk.write() == OrdersWritten(files=[3], orders=["SO5"])
