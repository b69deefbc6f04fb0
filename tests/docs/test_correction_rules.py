"""The page about the rules of corrections explains every key of `[corrections]`, with its default, and no other."""

from __future__ import annotations

import re

from domain.company import Company
from domain.correction_rules import CorrectionPolicy
from tests.architecture.project import ROOT

PAGE = (ROOT / "docs" / "reference" / "correction-rules.md").read_text()


def rows() -> dict[str, str]:
    return {key: text.strip("`") for key, text in re.findall(r"^\| `(\w+)` \| ([^|]+?) \|", PAGE, re.MULTILINE)}


def test_every_key_is_explained_with_its_default_and_no_other() -> None:
    told = {name: _words(field.default) for name, field in CorrectionPolicy.model_fields.items()}
    assert rows() == told


def test_the_shipped_rules_put_everything_before_a_person() -> None:
    company = Company.parse((ROOT / "config" / "company.toml").read_text())
    shipped = company.corrections.model_dump(exclude={"version"})
    assert shipped == CorrectionPolicy().model_dump(exclude={"version"})


def _words(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
