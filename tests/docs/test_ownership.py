"""The page about ownership explains every key, field, comparator, policy and reason, and no other."""

from __future__ import annotations

import re

import pytest

from domain.exceptions import Cause, Choice
from domain.links import LinkKind
from domain.master_fields import FIELDS
from domain.master_questions import FIELD_CAUSES, SIDE_CAUSES
from domain.master_values import Comparator
from domain.merge_cases import Reason
from domain.ownership import Clocks, FieldRule, Flapping, Policy
from domain.ownership_reading import PHASES, read
from tests.architecture.project import ROOT

PAGE = (ROOT / "docs" / "reference" / "ownership.md").read_text(encoding="utf-8")
GUIDE = (ROOT / "docs" / "howto" / "decide-who-owns-a-field.md").read_text(encoding="utf-8")
EXCEPTIONS = (ROOT / "docs" / "reference" / "exceptions.md").read_text(encoding="utf-8")


def rows(title: str) -> dict[str, list[str]]:
    """The cells of the table under a heading, by the name in the first one."""
    section = PAGE.split(f"## {title}\n", 1)[1].split("\n## ", 1)[0]
    found = [[cell.strip() for cell in line.strip("|").split("|")] for line in section.splitlines() if "| `" in line]
    return {cells[0].strip("`"): cells[1:] for cells in found}


@pytest.mark.parametrize(("title", "words"), [("Comparators", Comparator), ("Policies", Policy), ("Reasons", Reason)])
def test_every_word_is_explained_and_no_other(title: str, words: type[Comparator | Policy | Reason]) -> None:
    assert rows(title).keys() == {one.value for one in words}


def test_every_key_of_a_rule_is_explained_and_no_other() -> None:
    assert rows("`[customer.FIELD]`, `[item.FIELD]`, `[terms.FIELD]`").keys() == {*FieldRule.model_fields}


def test_every_key_at_the_top_is_explained_with_its_default() -> None:
    parts = {"flapping": Flapping, "clocks": Clocks}
    wanted = {
        f"{part}.{name}": str(field.default)
        for part, model in parts.items()
        for name, field in model.model_fields.items()
    }
    assert {key: cells[0] for key, cells in rows("At the top").items()} == wanted


def test_every_field_is_told_with_who_keeps_it_and_its_parts() -> None:
    told = rows("Fields")
    assert told.keys() == {f"{kind.value}.{name}" for kind in LinkKind for name in FIELDS[kind]}
    for kind in LinkKind:
        for name, shape in FIELDS[kind].items():
            kept_by, merges_as = told[f"{kind.value}.{name}"]
            assert set(kept_by.split(", ")) == {one.value for one in shape.kept_by}
            assert (merges_as == "yes or no") is shape.is_flag
            parts = re.findall(r"\w+", merges_as.partition(":")[2])
            assert tuple(parts) == shape.parts


def test_every_phase_is_named() -> None:
    assert all(f"`{phase}`" in PAGE for phases in PHASES.values() for phase in phases)


def test_the_rule_of_the_guide_is_sound() -> None:
    shown, phase = re.findall(r"```\n((?:\[customer|phases).*?)```", GUIDE, re.DOTALL)
    rules = read(f"{shown}\n{phase}")
    assert rules.customer["bill_to"].in_phase("billed").policy is Policy.FROZEN


def test_every_cause_and_choice_of_masters_is_explained() -> None:
    assert {cause for cause in Cause if cause.value.startswith("master_")} == {*FIELD_CAUSES, *SIDE_CAUSES}
    for choice in (Choice.TAKE_SYSTEM, Choice.USE_VALUE, Choice.RETIRE_LINK):
        assert f"| `{choice.value}` |" in EXCEPTIONS
