"""`python -m twins.erp` as a person or a bench runs it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.twins.erp.reading import read
from twins.erp.__main__ import main


def test_the_command_writes_a_world_its_exports_and_their_truth(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "twins.erp", "--seed", "7", "--orders", "40", "--shipments", "20", "--json"]
    asked = ["--troubles", "unknown_item=1,price_differs=1", "--sequence", "101", "--out", str(tmp_path)]
    done = subprocess.run([*command, *asked], capture_output=True, check=True, timeout=60)
    written = json.loads(done.stdout)
    truth = json.loads((tmp_path / "truth.json").read_text("utf-8"))
    assert [export["filename"] for export in written["exports"]] == list(truth)
    assert len(json.loads((tmp_path / "world.json").read_text("utf-8"))["orders"]) == 40
    assert len(read((tmp_path / "SHPCNF.S000101").read_bytes())) == 20
    troubles = [told["trouble"] for told in truth["SHPCNF.S000101"]["shipments"] if "trouble" in told]
    assert troubles == ["unknown_item", "price_differs"]


def test_the_same_seed_writes_the_same_folder(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        assert main(["--seed", "3", "--files", "2", "--out", str(tmp_path / folder)]) == 0
    one, two = ({path.name: path.read_bytes() for path in (tmp_path / folder).iterdir()} for folder in ("one", "two"))
    assert one == two
    assert {"SHPCNF.S000101", "SHPCNF.S000102", "RTNRCV.S000101"} <= one.keys()


def test_what_cannot_be_written_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--troubles", "correction=1", "--out", str(tmp_path)]) == 1
    assert "earlier file" in capsys.readouterr().err
    with pytest.raises(SystemExit) as wrong_usage:
        main(["--troubles", "bad_luck=1", "--out", str(tmp_path)])
    assert wrong_usage.value.code == 2
