"""The reference pages name what there is, all of it and nothing else."""

from __future__ import annotations

import re
from typing import Any

import pytest
import typer

from adapters.erp.codes import CODES
from adapters.salesforce.connection import SalesforceNames
from adapters.salesforce.schema import needs
from api.app import ROUTERS
from api.problems import ApiCode
from cli import OWN
from console.program import build
from domain.files import FileState
from runtime import metrics
from runtime.settings import Settings
from runtime.settings_errors import variable
from store.tables.links import LinkState
from tests.architecture.project import ROOT
from tests.docs.pages import DOCS, Page, pages

REFERENCE = DOCS / "reference"


def in_first_column(name: str) -> set[str]:
    """Every code span in the first column of a page's tables."""
    rows = re.findall(r"^\| ([^|]+) \|", (REFERENCE / name).read_text(), re.MULTILINE)
    return {span for cell in rows for span in re.findall(r"`([^`]+)`", cell)}


def test_the_settings_page_names_no_setting_that_does_not_exist() -> None:
    settings = {variable(name) for name in Settings.model_fields}
    named = {name for name in in_first_column("settings.md") if name.startswith("THREEWAY_")}
    assert named == settings


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_no_page_speaks_of_a_setting_that_does_not_exist(page: Page) -> None:
    known = {variable(name) for name in Settings.model_fields} | {"THREEWAY_TEST_POSTGRES_URL"}
    named = {name.removesuffix("_FILE") for name in re.findall(r"\bTHREEWAY_[A-Z_]+[A-Z]\b", page.text)}
    assert named <= known


def test_every_code_of_a_finding_is_explained_and_no_other() -> None:
    assert in_first_column("file-errors.md") & {*CODES} == {*CODES}
    assert {name for name in in_first_column("file-errors.md") if re.fullmatch("[EW]_[A-Z]+", name)} <= {*CODES}


def test_every_route_is_in_the_api_page() -> None:
    text = (REFERENCE / "api.md").read_text()
    listed = {span for row in re.findall(r"^\|(.+)\|$", text, re.MULTILINE) for span in re.findall(r"`([^`]+)`", row)}
    missing = [route for route in _routes() if not _is_listed(*route, listed)]
    assert missing == []


def test_every_code_that_only_the_api_has_is_explained_and_no_other() -> None:
    text = (REFERENCE / "api.md").read_text()
    named = re.findall(r"^\| \d{3} \| `([a-z_]+)` \|", text, re.MULTILINE)
    assert sorted(named) == sorted(ApiCode)


def test_every_command_and_subcommand_is_in_the_commands_page() -> None:
    text = (REFERENCE / "commands.md").read_text()
    rows = {row.group(1): row.group(0) for row in re.finditer(r"^\| `threeway ([a-z]+)[^\n]*$", text, re.MULTILINE)}
    commands: dict[str, Any] = typer.main.get_command(build(OWN, None)).commands  # type: ignore[attr-defined]
    assert rows.keys() == commands.keys()
    missing = {
        f"{name} {sub}"
        for name, command in commands.items()
        for sub in getattr(command, "commands", {})
        if not re.search(rf"`{sub}\b", rows[name])
    }
    assert missing == set()


def test_every_option_is_in_the_row_of_its_command() -> None:
    text = (REFERENCE / "commands.md").read_text()
    rows = {row.group(1): row.group(0) for row in re.finditer(r"^\| `threeway ([a-z]+)[^\n]*$", text, re.MULTILINE)}
    commands: dict[str, Any] = typer.main.get_command(build(OWN, None)).commands  # type: ignore[attr-defined]
    missing = {
        f"{name} {option}"
        for name, command in commands.items()
        for one in (command, *getattr(command, "commands", {}).values())
        for option in _options(one)
        if not re.search(rf"{option}\b", rows[name])
    }
    assert missing == set()


def _options(command: Any) -> set[str]:
    """What a command takes beside `--json`, which every page explains once."""
    return {name for one in command.params for name in one.opts if name.startswith("--")} - {"--json", "--help"}


def test_every_make_target_is_explained() -> None:
    targets = re.findall(r"^([a-z-]+):.*##", (ROOT / "Makefile").read_text(), re.MULTILINE)
    text = "\n".join(page.text for page in pages())
    assert {one for one in targets if not re.search(rf"make {one}\b", text)} - {"help"} == set()


def test_no_page_speaks_of_a_metric_that_does_not_exist() -> None:
    explained = set(re.findall(r"^### (threeway_\w+)$", (REFERENCE / "metrics.md").read_text(), re.MULTILINE))
    named = {
        name for page in pages() for name in re.findall(r"\bthreeway_[a-z_]+_(?:total|seconds|left|open)\b", page.text)
    }
    assert named <= explained


def test_every_metric_is_moved_somewhere() -> None:
    folders = ("activities", "adapters", "api", "console", "runtime", "store", "workflows")
    code = "\n".join(path.read_text() for folder in folders for path in (ROOT / folder).rglob("*.py"))
    metric_names = {*metrics.COUNTERS, *metrics.GAUGES, *metrics.HISTOGRAMS}
    moved = set(re.findall(r"\b(?:count|gauge|observe|timed)\(\s*\"(\w+)\"", code))
    assert metric_names - moved == set()


def test_the_guide_to_files_knows_every_state() -> None:
    shown = set(re.findall(r"^\| `(\w+)` \|", (DOCS / "howto" / "hand-in-files.md").read_text(), re.MULTILINE))
    assert shown == {*FileState}


def test_the_guide_to_salesforce_names_every_field_that_is_checked() -> None:
    text = (DOCS / "howto" / "connect-salesforce.md").read_text()
    missing = {
        f"{need.sobject}.{field}"
        for need in needs(SalesforceNames())
        for field in (need.external_id, *need.read, *need.written)
        if field and not re.search(rf"^\| `{need.sobject}` \|.*`{field}`", text, re.MULTILINE)
    }
    assert missing == set()


def test_the_glossary_knows_every_state_of_a_link() -> None:
    (row,) = re.findall(r"^\| \*\*link\*\* \|(.+)$", (DOCS / "glossary.md").read_text(), re.MULTILINE)
    assert all(state in row for state in LinkState)


def test_the_readme_names_the_two_commands_and_the_promise() -> None:
    text = (ROOT / "README.md").read_text()
    assert "make demo" in text
    assert "make test" in text
    assert "within 90 seconds" in text


def _routes() -> list[tuple[str, str]]:
    found = [(method, route.path) for router in ROUTERS for route in router.routes for method in route.methods]  # type: ignore[attr-defined]
    return sorted((method, re.sub(r":\w+\}", "}", path)) for method, path in found)


def _is_listed(method: str, path: str, listed: set[str]) -> bool:
    """A row names `GET /x`, or goes on with further paths of the same method."""
    return f"{method} {path}" in listed or (method == "GET" and path in listed)
