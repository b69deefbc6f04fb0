"""What a page shows can be typed: commands and options of the program, and targets of make."""

from __future__ import annotations

import re
from typing import Any

import click
import pytest
import typer

from cli import OWN
from console.program import build
from tests.architecture.project import ROOT
from tests.docs.pages import Page, pages

PAGES = pages()


@pytest.fixture(scope="module")
def program() -> Any:
    """The whole program, every command loaded."""
    return typer.main.get_command(build(OWN, None))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_that_is_shown_exists(page: Page, program: Any) -> None:
    slips = [" ".join(words) for words in page.shown("threeway") if _slip(program, words)]
    assert slips == []


@pytest.mark.parametrize(
    ("line", "known"),
    [
        ("drop FILE --wait", True),
        ("exceptions list --kind hold", True),
        ("exceptions resolve ID --choice retry --reason why", True),
        ("COMMAND --help", True),
        ("exceptions settle ID", False),
        ("drop FILE --force", False),
        ("dorp FILE", False),
    ],
)
def test_a_slip_is_told_from_a_command(line: str, known: bool, program: Any) -> None:
    assert bool(_slip(program, line.split())) is not known


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_make_target_that_is_shown_exists(page: Page) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert {words[0] for words in page.shown("make") if "=" not in words[0]} <= targets


def _slip(command: Any, words: list[str]) -> str | None:
    """The first word that the program does not know; words in capitals stand for something."""
    for word in words:
        name = word.strip("[]").split("=", 1)[0].rstrip(",")
        if name.startswith("--"):
            if name != "--help" and name not in _options(command):
                return word
        elif _has_commands(command) and not name.isupper():
            if name not in command.commands:
                return word
            command = command.commands[name]
    return None


def _has_commands(command: Any) -> bool:
    """Typer brings a click of its own, so a group is known by what it has."""
    return bool(getattr(command, "commands", None))


def _options(command: click.Command) -> set[str]:
    return {flag for parameter in command.params for flag in (*parameter.opts, *parameter.secondary_opts)}
