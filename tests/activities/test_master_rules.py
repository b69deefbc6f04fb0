"""The rules of ownership on the disk, as a worker and `threeway doctor` see them."""

from __future__ import annotations

from pathlib import Path

import pytest

from activities.master_rules import ownership_as_it_is, read_ownership
from domain.errors import Misconfigured
from tests.looks import CONFIG


def test_the_rules_that_ship_are_told_in_one_sentence() -> None:
    rules = read_ownership(CONFIG)
    assert ownership_as_it_is(CONFIG, rules) == f"9 fields have an owner; version {rules.version}"


def test_a_file_that_changed_or_broke_since_the_start_is_told(tmp_path: Path) -> None:
    (tmp_path / "ownership.toml").write_text("[customer]\n")
    rules = read_ownership(tmp_path)
    (tmp_path / "ownership.toml").write_text('[customer.nam]\nowner = "erp"\n')
    with pytest.raises(Misconfigured, match="there is no such field"):
        ownership_as_it_is(tmp_path, rules)
    (tmp_path / "ownership.toml").write_text("[item]\n")
    with pytest.raises(Misconfigured, match="restart it"):
        ownership_as_it_is(tmp_path, rules)


def test_a_file_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=r"ownership\.toml cannot be read"):
        read_ownership(tmp_path)
