"""The project's documents as these tests see them: pages, their headings, links, and the commands that they show."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from tests.architecture.project import ROOT

DOCS = ROOT / "docs"
_FENCE = re.compile(r"^[ ]*```.*?^[ ]*```", re.MULTILINE | re.DOTALL)
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)


@dataclass(frozen=True)
class Link:
    """Where a page points: a path (empty: the page itself) and an anchor (empty: its beginning)."""

    path: str
    anchor: str


@dataclass(frozen=True)
class Page:
    """One Markdown file."""

    path: Path

    @property
    def name(self) -> str:
        """Its path as a reader knows it."""
        return self.path.relative_to(ROOT).as_posix()

    @cached_property
    def text(self) -> str:
        """What is in it."""
        return self.path.read_text(encoding="utf-8")

    @cached_property
    def prose(self) -> str:
        """The text without code blocks and comments."""
        return _COMMENT.sub("", _FENCE.sub("", self.text))

    @property
    def anchors(self) -> set[str]:
        """What can be linked to in it: its headings, as Git hosts name them."""
        return {_anchor(title) for title in re.findall(r"^#+ (.+)$", self.prose, re.MULTILINE)}

    @property
    def links(self) -> Iterator[Link]:
        """Its links into this project; addresses of the web are not followed."""
        for target in re.findall(r"\]\(([^)\s]+)\)", self.prose):
            if "://" not in target and not target.startswith("mailto:"):
                path, _, anchor = target.partition("#")
                yield Link(path, anchor)

    @property
    def code_lines(self) -> Iterator[str]:
        """The lines of its code blocks; a line that ends with a backslash goes on with the next."""
        for block in _FENCE.findall(self.text):
            lines = block.replace("\\\n", " ").splitlines()[1:-1]
            yield from (line.strip().removeprefix("$ ") for line in lines)

    @property
    def code_spans(self) -> list[str]:
        """What stands between single backticks, line breaks as blanks."""
        return [" ".join(span.split()) for span in re.findall(r"`([^`]+)`", self.prose)]

    def shown(self, program: str) -> Iterator[list[str]]:
        """Every call of a program that it shows, as words."""
        for line in [*self.code_lines, *self.code_spans]:
            words = line.split("#", 1)[0].split()
            if words[:1] == [program] and len(words) > 1:
                yield words[1:]


def _anchor(title: str) -> str:
    bare = re.sub(r"[`*]|\]\([^)]*\)|\[", "", title).strip().lower()
    return re.sub(r"[^\w\- ]", "", bare).replace(" ", "-")


def pages() -> list[Page]:
    """The pages of `docs/` and those at the top."""
    return [Page(path) for path in sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])]
