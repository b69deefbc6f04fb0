"""The threat model names no control that does not exist."""

from __future__ import annotations

import re

import pytest

from tests.architecture.project import ROOT
from tests.docs.pages import DOCS

TEXT = (DOCS / "reference" / "threat-model.md").read_text(encoding="utf-8")
# The last cell of a row of a boundary: what holds a control.
HELD = re.findall(r"^\| \*\*[STRIDE, ]+\*\* .*\| (.+) \|$", TEXT, re.MULTILINE)
NAMED = sorted({span for cell in HELD for span in re.findall(r"`([^`]+)`", cell)})


def test_every_control_is_held_by_something() -> None:
    assert len(HELD) == len(re.findall(r"^\| \*\*[STRIDE, ]+\*\*", TEXT, re.MULTILINE)) > 30
    assert [cell for cell in HELD if "`" not in cell] == []


@pytest.mark.parametrize("name", NAMED)
def test_what_holds_a_control_exists(name: str) -> None:
    path, _, test = name.partition("::")
    assert (ROOT / path).is_file()
    if test:
        assert re.search(rf"^(async )?def {test}\(", (ROOT / path).read_text(encoding="utf-8"), re.MULTILINE)


def test_every_boundary_says_what_is_accepted() -> None:
    boundaries = re.split(r"^### \d ", TEXT, flags=re.MULTILINE)[1:]
    assert len(boundaries) == 8
    assert [one.splitlines()[0] for one in boundaries if "**Accepted:**" not in one] == []
