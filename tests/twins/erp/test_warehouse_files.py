"""The files of the warehouse: order files in their sequence, exports on their schedule, bad habits on switches."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.twins.erp.conftest import Founded
from tests.twins.erp.reading import read
from tests.twins.erp.reading_text import read_inv410r, read_ordack
from tests.twins.erp.town import MONDAY, Town, order_file
from twins.erp.requests import ExportName, ExportRequest
from twins.erp.warehouse import intake, life, telling
from twins.erp.warehouse.house import House


def dropped(town: Town) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(town.drop.iterdir())} if town.drop.exists() else {}


def die(*_: object) -> Path:
    raise KeyboardInterrupt


def deliveries(town: Town) -> list[dict[str, Any]]:
    return list(telling.schedule(town.life)["deliveries"])


def test_order_files_are_taken_in_their_sequence(found: Founded) -> None:
    """A gap waits; what was taken lies in `.done`."""
    town = found()
    orders = [("A", town.order(f"SO{number}", (town.item(), 1, "1"))) for number in range(4)]
    for sequence in (1, 2, 4):
        (town.orders_folder / f"ORDIMP.S{sequence:06d}").write_bytes(order_file(sequence, [orders[sequence - 1]]))
    assert town.pass_time(minutes=1).taken == ["ORDIMP.S000001", "ORDIMP.S000002"]
    assert town.pass_time(hours=5).taken == []
    (town.orders_folder / "ORDIMP.S000003").write_bytes(order_file(3, [orders[2]]))
    assert town.pass_time(minutes=1).taken == ["ORDIMP.S000003", "ORDIMP.S000004"]
    assert sorted(path.name for path in (town.orders_folder / ".done").iterdir()) == [
        f"ORDIMP.S{sequence:06d}" for sequence in (1, 2, 3, 4)
    ]
    assert not list(town.orders_folder.glob("ORDIMP*"))


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda content: content[:-10], "whole record"),
        (lambda content: content.replace(b"ORDIMP000001", b"ORDIMP000002"), "the name 1"),
        (lambda content: content.replace(b"000000100EA", b"00000010XEA"), ""),
    ],
)
def test_a_bad_file_is_refused_with_its_reason_and_waited_for(found: Founded, spoil: Any, reason: str) -> None:
    town = found()
    path = town.hand_in(("A", town.order("SO1", (town.item(), 1, "1"))))
    good = path.read_bytes()
    path.write_bytes(spoil(good))
    assert town.pass_time(minutes=1).taken == []
    bad = town.orders_folder / ".bad" / path.name
    assert bad.exists()
    assert reason in bad.with_name(f"{path.name}.reason.txt").read_text("utf-8")
    path.write_bytes(good)
    assert town.pass_time(minutes=1).taken == [path.name]
    assert town.told("SO1")["status"] in {"S", "A"}


def test_a_file_that_comes_again_is_taken_once_and_other_content_is_refused(found: Founded) -> None:
    town = found()
    path = town.hand_in(("A", town.order("SO1", (town.item(), 1, "1"))))
    content = path.read_bytes()
    town.hand_in(("A", town.order("SO2", (town.item(), 1, "1"))))
    town.pass_time(minutes=1)
    before = town.told("SO1")["seen_at"]
    path.write_bytes(content)
    town.pass_time(minutes=1)
    assert town.told("SO1")["seen_at"] == before
    assert len(list((town.orders_folder / ".done").iterdir())) == 3
    path.write_bytes(order_file(1, []))
    town.pass_time(minutes=1)
    assert (town.orders_folder / ".bad" / path.name).exists()


def test_a_death_between_taking_and_moving_takes_once(found: Founded, monkeypatch: pytest.MonkeyPatch) -> None:
    """The orders are committed, the file still lies there: the next life moves it and takes nothing."""
    town = found()
    path = town.hand_in(("A", town.order("SO1", (town.item(), 1, "1"))))
    with monkeypatch.context() as patched:
        patched.setattr(intake, "_move", die)
        with pytest.raises(KeyboardInterrupt):
            town.pass_time(minutes=1)
    assert path.exists()
    seen_at = town.told("SO1")["seen_at"]
    town.pass_time(minutes=1)
    assert not path.exists()
    assert town.told("SO1")["seen_at"] == seen_at


def test_a_death_before_the_commit_of_an_export_leaves_no_gap_and_tells_nothing_twice(
    found: Founded, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before, during and after the writing of a file: the next life writes it for the first time, or once more."""
    town = found(shpcnf_minutes=0)
    ship_one(town, "SO1")
    town.settings.change({"shpcnf_minutes": 15})
    for place, name in ((life, "deliveries"), (life, "deliver"), (House, "next_number")):
        with monkeypatch.context() as patched:
            patched.setattr(place, name, die)
            with pytest.raises(KeyboardInterrupt):
                town.pass_time(minutes=16)
    town.pass_time(minutes=1)
    assert [row["filename"] for row in town.books.exports()] == ["SHPCNF.S000101"]
    assert [shipment.order for shipment in read(dropped(town)["SHPCNF.S000101"])] == ["SO1"]
    assert len(deliveries(town)) == 1


def test_exports_are_written_on_their_schedule(tmp_path: Path) -> None:
    town = Town(tmp_path, inv410r_minutes=60, ordack_minutes=30, masters_minutes=1440).open()
    town.pass_time(hours=3)
    names = list(dropped(town))
    assert [name for name in names if name.startswith("INV410R")] == [
        f"INV410R.20261116.{hour:02d}00" for hour in (7, 8, 9, 10)
    ]
    assert [name for name in names if name.startswith("ORDACK")] == [f"ORDACK.S{n:06d}" for n in range(101, 108)]
    assert {"CUSMST.TXT", "ITMMST.TAB"} < set(names)
    assert not any(name.startswith(("SHPCNF", "RTNRCV")) for name in names)  # there was nothing to tell
    as_of = read_inv410r(dropped(town)["INV410R.20261116.1000"])[0]
    assert (as_of - MONDAY).total_seconds() == 3 * 3600
    town.settings.change({"empty_files": True, "shpcnf_minutes": 10})
    town.pass_time(minutes=10)
    assert read(dropped(town)["SHPCNF.S000101"]) == []
    due = telling.schedule(town.life)["due"]
    assert {row["subject"] for row in due if row["kind"] == "export"} == {
        "SHPCNF", "CUSMST", "ITMMST", "INV410R", "ORDACK", "RTNRCV",
    }  # fmt: skip
    town.close()


def test_an_acknowledgement_speaks_of_every_order_before_its_instant(found: Founded) -> None:
    """Case I4: the header's instant is the watermark, also for a file that nobody had looked at."""
    town = found(acknowledge_minutes=600, look_seconds=36_000)
    town.pass_time(hours=1)
    town.hand_in(("A", town.order("SO1", (town.item(), 1, "1"))))
    assert set(read_ordack(town.write("ORDACK")[0])[2]) == {"SO1"}


def ship_one(town: Town, number: str) -> None:
    sku = town.item()
    town.put_stock(sku, 100)
    town.hand_in(("A", town.order(number, (sku, 5, "1"))))
    town.pass_time(hours=3)


def test_a_renamed_file_has_the_same_bytes(found: Founded) -> None:
    town = found(renamed=True)
    ship_one(town, "SO1")
    assert [shipment.order for shipment in read(dropped(town)["shpcnf_s000101.txt"])] == ["SO1"]
    assert "SHPCNF.S000101" not in dropped(town)


def test_a_file_is_sent_again_under_another_name_soon_and_days_later(found: Founded) -> None:
    """Case F4."""
    town = found(resent=True, resent_late=True)
    ship_one(town, "SO1")
    town.pass_time(minutes=10)
    files = dropped(town)
    assert files["SHPCNF.S000101"] == files["SHPCNF.S000101.1"]
    assert "SHPCNF.S000101.2" not in files
    town.pass_time(days=2)
    assert dropped(town)["SHPCNF.S000101.2"] == files["SHPCNF.S000101"]


def test_a_half_written_file_grows_on_the_clock(found: Founded) -> None:
    """Case F1."""
    town = found(half_written=True, grow_seconds=600, shpcnf_minutes=0)
    ship_one(town, "SO1")
    export = town.life.write(ExportName.SHPCNF, ExportRequest(), town.now, send=True)
    town.pass_time(seconds=1)
    path = town.drop / export.filename
    sizes = [path.stat().st_size]
    for _ in range(2):
        town.pass_time(seconds=300)
        sizes.append(path.stat().st_size)
    whole = len(export.content)
    assert sizes == [whole // 2, int(whole * 0.75), whole]
    assert path.read_bytes() == export.content


@pytest.mark.parametrize(("habit", "minutes"), [("late", 22.5), ("missing", 60)])
def test_every_second_file_comes_behind_the_next_or_hours_later(found: Founded, habit: str, minutes: float) -> None:
    """Case F7: nothing is lost, the sequence is out of order."""
    town = found(**{habit: True}, empty_files=True, rtnrcv_minutes=0)
    town.pass_time(hours=3)
    came = [row for row in deliveries(town) if row["export"].startswith("SHPCNF")]
    order = [row["export"] for row in came]
    assert order[:2] == ["SHPCNF.S000101", "SHPCNF.S000103"]
    assert {row["habit"] for row in came} == {"", habit}
    waited = next(row for row in came if row["export"] == "SHPCNF.S000102")
    written = town.books.export("SHPCNF.S000102")
    assert written
    assert waited["at"] == (written.created_at + timedelta(minutes=minutes)).isoformat()
    town.settings.change({habit: False, "shpcnf_minutes": 0})
    town.pass_time(hours=3)
    numbers = sorted(row["export"] for row in deliveries(town))
    assert numbers == [f"SHPCNF.S{n:06d}" for n in range(101, 101 + len(numbers))]


def test_a_corrected_file_states_a_shipment_of_it_again(found: Founded) -> None:
    """Case F9."""
    town = found(corrected=True, correct_hours=2)
    ship_one(town, "SO1")
    town.pass_time(hours=5)
    first, second, *_ = (read(content) for name, content in dropped(town).items() if name.startswith("SHPCNF"))
    assert first[0].number == second[0].number
    assert first[0].lines[0][3] != second[0].lines[0][3]


def test_a_folder_that_is_away_is_tried_again(found: Founded, tmp_path: Path) -> None:
    town = found()
    blocked = tmp_path / "blocked"
    blocked.write_text("a file where the folder should be", "utf-8")
    town.settings.change({"drop_folder": str(blocked)})
    ship_one(town, "SO1")
    blocked.unlink()
    town.pass_time(minutes=2)
    assert [shipment.order for shipment in read((blocked / "SHPCNF.S000101").read_bytes())] == ["SO1"]
