"""The page about reconciliation explains every rule, every cause and every key of `[reconciliation]`, and no other."""

from __future__ import annotations

import re

from domain.company import Company
from domain.reconciliation import DriftCause, Rule
from domain.reconciliation_policy import Healing, ReconciliationPolicy
from tests.architecture.project import ROOT

PAGE = (ROOT / "docs" / "reference" / "reconciliation.md").read_text()


def _first_column(heading: str) -> list[str]:
    part = re.split(r"^## ", PAGE.split(f"\n## {heading}\n")[1], flags=re.MULTILINE)[0]
    return re.findall(r"^\| `(\w+)` \|", part, re.MULTILINE)


def test_every_rule_and_every_cause_is_explained() -> None:
    assert _first_column("Rules") == [*Rule]
    assert sorted(_first_column("Causes")) == sorted(DriftCause)


def test_every_key_is_explained_with_its_default() -> None:
    told = dict(re.findall(r"^\| `(\w+)` \| ([^|]+?) \|", PAGE.split("## [reconciliation]")[1], re.MULTILINE))
    fields = ReconciliationPolicy.model_fields
    assert told == {name: str(fields[name].default) for name in fields if name != "heal"}
    assert all(f"`{name}`" in PAGE for name in Healing.model_fields)


def test_the_shipped_rules_are_the_defaults() -> None:
    company = Company.parse((ROOT / "config" / "company.toml").read_text())
    assert company.reconciliation == ReconciliationPolicy()
