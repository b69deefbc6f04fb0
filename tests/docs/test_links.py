"""Links lead somewhere, and every page can be reached from the index."""

from __future__ import annotations

import pytest

from tests.architecture.project import ROOT
from tests.docs.pages import DOCS, Page, pages

PAGES = pages()
AT_THE_TOP = ("README.md", "CHANGELOG.md", "CONTRIBUTING.md")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_a_file_and_to_a_heading_in_it(page: Page) -> None:
    broken = []
    for link in page.links:
        target = (page.path.parent / link.path).resolve() if link.path else page.path
        is_there = target.exists() and target.is_relative_to(ROOT)
        if not is_there or (link.anchor and link.anchor not in Page(target).anchors):
            broken.append(f"{link.path}#{link.anchor}" if link.anchor else link.path)
    assert broken == []


def test_every_page_can_be_reached_from_the_readme() -> None:
    seen = {ROOT / "README.md"}
    waiting = list(seen)
    while waiting:
        page = Page(waiting.pop())
        found = {(page.path.parent / link.path).resolve() for link in page.links if link.path.endswith(".md")}
        waiting += [path for path in found - seen if path.exists()]
        seen |= found
    assert [page.name for page in PAGES if page.path not in seen] == []


@pytest.mark.parametrize("folder", ["howto", "runbook", "adr"])
def test_the_index_lists_every_page_of_a_folder(folder: str) -> None:
    listed = {link.path for link in Page(DOCS / "index.md").links}
    assert {f"{folder}/{path.name}" for path in (DOCS / folder).glob("*.md")} <= listed


@pytest.mark.parametrize("name", AT_THE_TOP)
def test_what_a_visitor_looks_for_is_there(name: str) -> None:
    assert (ROOT / name).read_text().startswith("# ")


def test_the_licence_is_the_one_that_the_project_states() -> None:
    text = (ROOT / "LICENSE").read_text()
    assert "Apache License" in text
    assert "Version 2.0, January 2004" in text
    assert "END OF TERMS AND CONDITIONS" in text


@pytest.mark.parametrize("path", sorted((DOCS / "adr").glob("*.md")), ids=lambda path: path.stem)
def test_a_decision_says_why_what_and_what_enforces_it(path: object) -> None:
    text = Page(path).text  # type: ignore[arg-type]
    parts = ("Context.", "Decision.", "Consequences.", "Alternatives.", "Enforced by.")
    places = [text.find(f"**{part}**") for part in parts]
    assert all(place > 0 for place in places)
    assert places == sorted(places)


@pytest.mark.parametrize("path", sorted((DOCS / "runbook").glob("*.md")), ids=lambda path: path.stem)
def test_a_runbook_says_what_to_do_and_what_not(path: object) -> None:
    anchors = Page(path).anchors  # type: ignore[arg-type]
    assert {"what-to-do", "what-not-to-do"} <= anchors
    assert anchors & {"what-you-see", "what-to-back-up"}
    assert anchors & {"what-it-means", "what-it-means-to-restore"}
