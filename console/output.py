"""What every command prints the same way: JSON for programs, tables for people, errors with a remedy and a code."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Annotated, Any, Final

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from console.http import ApiProblemError, ApiUnreachableError
from runtime.embedded.lock import StackAlreadyRunningError
from runtime.embedded.postgres import PostgresError
from runtime.embedded.processes import ProcessError
from runtime.embedded.temporal_server import TemporalServerError
from runtime.settings_errors import SettingsError

FAILED: Final = 1
WRONG_USAGE: Final = 2
INTERRUPTED: Final = 130

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for a program to read.")]

PIPE_WIDTH: Final = 160

out = Console(width=None if sys.stdout.isatty() else PIPE_WIDTH)
err = Console(stderr=True)


def print_json(value: object) -> None:
    """One JSON document on standard output."""
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False, default=str) + "\n")


class CommandFailedError(RuntimeError):
    """The work of a command failed; the text is one sentence for a person."""


@contextmanager
def reporting(*, as_json: bool) -> Iterator[None]:
    """Turn what can go wrong into a message that says what to do, and the exit code 1 (failed) or 2 (wrong usage)."""
    try:
        yield
    except SettingsError as error:
        _fail({"title": "A setting is wrong", "problems": error.problems}, WRONG_USAGE, as_json=as_json)
    except ApiProblemError as error:
        _fail(error.document(), FAILED, as_json=as_json)
    except ApiUnreachableError as error:
        _fail(
            {"title": "The API does not answer", "detail": str(error), "remedy": error.remedy}, FAILED, as_json=as_json
        )
    except StackAlreadyRunningError as error:
        state = error.state.model_dump(mode="json") if error.state is not None else None
        _fail({"title": "Already running", "detail": str(error), "stack": state}, FAILED, as_json=as_json)
    except (CommandFailedError, ProcessError, PostgresError, TemporalServerError, OSError) as error:
        _fail({"title": "Failed", "detail": str(error)}, FAILED, as_json=as_json)
    except KeyboardInterrupt:
        raise typer.Exit(INTERRUPTED) from None


def usage_error(message: str) -> typer.Exit:
    """Say what is wrong with the call; raise what this returns."""
    err.print(f"[bold]Wrong usage:[/] {escape(message)}")
    return typer.Exit(WRONG_USAGE)


def table(heading: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A table for people; an empty one says so in words."""
    grid = Table(title=heading, title_justify="left", header_style="bold")
    for column in columns:
        grid.add_column(column, overflow="fold", no_wrap=column == "Id")  # an id is there to be copied
    for row in rows:
        grid.add_row(*(cell(value) for value in row))
    if grid.row_count:
        out.print(grid)
    else:
        out.print(f"{escape(heading)}: none.")


def cell(value: object) -> str:
    """A value as text, safe for rich; nothing is a dash."""
    if value is None or value == "":
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return escape(", ".join(f"{key} {item}" for key, item in value.items())) or "-"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return escape(", ".join(str(item) for item in value)) or "-"
    return escape(str(value))


def facts(pairs: Mapping[str, object]) -> None:
    """Names and values, one a line, aligned; values that are absent are left out."""
    grid = Table.grid(padding=(0, 2))
    for name, value in pairs.items():
        if value not in (None, "", [], {}):
            grid.add_row(f"[bold]{escape(name)}[/]", cell(value))
    out.print(grid)


def document(value: object) -> None:
    """Whatever a flow answered: plain values as facts, lists of records as tables."""
    if not isinstance(value, Mapping):
        if value is not None:
            say(str(value))
        return
    facts({title(name): item for name, item in value.items() if not _is_table(item)})
    for name, item in value.items():
        if _is_table(item):
            columns = list(dict.fromkeys(key for row in item for key in row))
            table(title(name), [title(key) for key in columns], ([row.get(key) for key in columns] for row in item))


def title(name: str) -> str:
    """A name of the API as a heading."""
    return name.replace("_", " ").capitalize()


def _is_table(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(row, Mapping) for row in value)


def say(text: str) -> None:
    """One line for a person."""
    out.print(escape(text))


def sentence(text: str) -> None:
    """One sentence on one line, however long: it may be read by a program."""
    out.print(escape(text), soft_wrap=True)


def _fail(problem: Mapping[str, Any], code: int, *, as_json: bool) -> None:
    if as_json:
        print_json({"error": problem})
        raise typer.Exit(code)
    heading, detail = problem.get("title") or "Failed", problem.get("detail")
    err.print(f"[bold]{escape(str(heading))}[/]" + (f": {escape(str(detail))}" if detail else ""))
    for item in problem.get("problems") or ():
        err.print(f"  {escape(str(item))}")
    for item in problem.get("errors") or ():
        err.print(f"  {escape(_field_error(item))}")
    if problem.get("remedy"):
        err.print(f"What to do: {escape(str(problem['remedy']))}")
    raise typer.Exit(code)


def _field_error(item: object) -> str:
    if not isinstance(item, Mapping):
        return str(item)
    place = item.get("loc") or item.get("field") or item.get("pointer") or ""
    place = ".".join(map(str, place)) if isinstance(place, list | tuple) else str(place)
    return f"{place}: {item.get('msg') or item.get('message') or item.get('detail') or ''}"
