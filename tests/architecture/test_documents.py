"""The reference documents say everything that the code can say: a code without a heading fails here."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from prometheus_client import Counter

from domain import errors
from domain.errors import GatewayError
from domain.exceptions import Cause, Choice, ExceptionKind
from runtime import metrics
from tests.architecture.project import ROOT, pyproject

REFERENCE = ROOT / "docs" / "reference"


def sections(name: str) -> dict[str, str]:
    """The text under each heading of the third level."""
    parts = re.split(r"^### (\S+)\n", (REFERENCE / name).read_text(), flags=re.MULTILINE)
    return {heading: re.split(r"^## ", text, flags=re.MULTILINE)[0].strip() for heading, text in _pairs(parts[1:])}


def _pairs(parts: list[str]) -> zip[tuple[str, str]]:
    return zip(parts[::2], parts[1::2], strict=True)


def _kinds_of_error() -> set[type[GatewayError]]:
    """The error tree of the product."""
    return {one for one in vars(errors).values() if isinstance(one, type) and issubclass(one, GatewayError)}


def _exposed() -> dict[str, tuple[str, ...]]:
    """Every metric under the name that Prometheus shows, with its labels."""
    defined = [*metrics.COUNTERS.values(), *metrics.GAUGES.values(), *metrics.HISTOGRAMS.values()]
    return {
        metric._name + ("_total" if isinstance(metric, Counter) else ""): tuple(metric._labelnames)
        for metric in defined
    }


def test_every_cause_is_explained() -> None:
    assert sections("exceptions.md").keys() == set(Cause)


@pytest.mark.parametrize("cause", Cause)
def test_a_cause_says_what_may_be_chosen(cause: Cause) -> None:
    text, _, choices = sections("exceptions.md")[cause].rpartition("Choices: ")
    offered = re.findall(r"`(\w+)`", choices)
    assert len(text) > 40
    assert offered
    assert set(offered) <= set(Choice)


@pytest.mark.parametrize("word", [*Choice, *ExceptionKind])
def test_every_choice_and_kind_is_explained(word: str) -> None:
    assert f"\n| `{word}` |" in (REFERENCE / "exceptions.md").read_text()


def test_every_error_code_is_explained() -> None:
    assert sections("errors.md").keys() == {error.code for error in _kinds_of_error()}


@pytest.mark.parametrize("code", sorted({error.code for error in _kinds_of_error()}))
def test_an_error_says_whether_it_is_tried_again(code: str) -> None:
    (error,) = (one for one in _kinds_of_error() if one.code == code)
    said = re.search(r"Not tried again|Tried again|Never sent again blindly", sections("errors.md")[code])
    assert said
    assert (said[0] == "Not tried again") != issubclass(error, errors.Transient)


def test_every_kind_of_error_has_a_code_of_its_own() -> None:
    codes = [error.code for error in _kinds_of_error()]
    assert len(set(codes)) == len(codes)


def test_every_metric_is_explained() -> None:
    assert sections("metrics.md").keys() == _exposed().keys()


@pytest.mark.parametrize("name", sorted(_exposed()))
def test_a_metric_names_its_labels(name: str) -> None:
    first_sentence = sections("metrics.md")[name].split(".")[0]
    assert tuple(re.findall(r"`(\w+)`", first_sentence)) == _exposed()[name]


def test_links_between_documents_lead_somewhere() -> None:
    broken = [
        f"{path.name}: {target}"
        for path in REFERENCE.glob("*.md")
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", path.read_text())
        if not (path.parent / target).exists()
    ]
    assert broken == []


def test_the_changelog_begins_with_the_version() -> None:
    changelog = ROOT / "CHANGELOG.md"
    if not changelog.exists():
        pytest.skip("there is no CHANGELOG.md yet")
    assert _newest_version(changelog) == pyproject()["project"]["version"]


def _newest_version(changelog: Path) -> str | None:
    found = re.search(r"^## \[?(\d+\.\d+\.\d+)", changelog.read_text(), flags=re.MULTILINE)
    return found.group(1) if found else None
