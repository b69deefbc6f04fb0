"""The page about the rules of stock explains every key of `[stock]` and `[kits]`, with its default, and no other."""

from __future__ import annotations

import re
from typing import Any

import pytest
from pydantic import BaseModel

from domain.freshness import BufferPolicy
from domain.stock_rules import FeedRules, KitRules, StockRules
from tests.architecture.project import ROOT

PAGE = (ROOT / "docs" / "reference" / "stock-rules.md").read_text()
SECTIONS: dict[str, type[BaseModel]] = {
    "[stock]": StockRules,
    "[stock.feed]": FeedRules,
    "[stock.buffer]": BufferPolicy,
    '[kits."SKU"]': KitRules,
}
NUMBER = re.compile(r"\d+|true|false|`[\w-]+`")


def rows(section: str) -> dict[str, str]:
    """The keys that a section of the page explains, with what it gives as their default."""
    text = PAGE.split(f"## {section}\n", 1)[1].split("\n## ", 1)[0]
    return dict(re.findall(r"^\| `(\w+)` \| ([^|]+?) \| [^|]+ \|$", text, re.MULTILINE))


@pytest.mark.parametrize("section", SECTIONS)
def test_every_key_is_explained_and_no_other(section: str) -> None:
    tables = {"feed", "buffer"} if section == "[stock]" else set()  # sections of their own
    assert rows(section).keys() == SECTIONS[section].model_fields.keys() - tables


@pytest.mark.parametrize("section", SECTIONS)
def test_a_default_is_the_one_that_holds(section: str) -> None:
    defaults = {name: field.default for name, field in SECTIONS[section].model_fields.items()}
    told = {key: text.strip("`") for key, text in rows(section).items() if NUMBER.fullmatch(text) and key != "sellable"}
    assert told == {key: _words(defaults[key]) for key in told}
    assert len(told) >= len(SECTIONS[section].model_fields) / 3 or section.startswith("[kits")


def _words(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
