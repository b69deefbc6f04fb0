"""`threeway layout`: try a layout on a file before it is used."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from console.http import Api, Json
from console.output import FAILED, AsJson, print_json, reporting, say, table

app = typer.Typer(help="Layouts of the ERP's files: check one, preview a file.", no_args_is_help=True)


@app.command("check")
def check(
    file: Annotated[Path, typer.Argument(help="The layout (YAML).", exists=True, dir_okay=False)],
    *,
    as_json: AsJson = False,
) -> None:
    """Check a layout: is it complete, do its fields fit, do its totals refer to something. Exit 1 when not."""
    with reporting(as_json=as_json), Api.of() as api:
        answer = api.send_file("/layouts/check", file)
        problems = answer.get("problems") or answer.get("errors") or []
        good = bool(answer.get("ok", not problems))
        if as_json:
            print_json(answer)
        else:
            say(f"{file.name}: {'the layout is sound' if good else 'the layout has problems'}")
            for problem in problems:
                say(f"  {_problem(problem)}")
    if not good:
        raise typer.Exit(FAILED)


@app.command("preview")
def preview(
    file: Annotated[
        Path, typer.Argument(help="A file of the ERP; nothing of it is kept.", exists=True, dir_okay=False)
    ],
    *,
    layout: Annotated[str | None, typer.Option("--layout", help="The layout's name; recognised if left out.")] = None,
    as_json: AsJson = False,
) -> None:
    """Read a file with a layout and show what comes out, without applying anything."""
    with reporting(as_json=as_json), Api.of() as api:
        answer = api.send_file("/layouts/preview", file, layout=layout)
        if as_json:
            print_json(answer)
            return
        records: list[Json] = answer.get("records") or []
        table(f"Records of {file.name}", ("Line", "Record", "Values", "Problems"), (_row(record) for record in records))


def _row(record: Json) -> tuple[object, ...]:
    """The usual columns first; whatever else a record tells stays with its values."""
    line = record.get("line") or record.get("line_no") or record.get("record_no")
    kind = record.get("record") or record.get("record_type") or record.get("type")
    problems = record.get("problems") or record.get("rejects") or []
    return line, kind, record.get("values") or record.get("fields"), [_problem(problem) for problem in problems]


def _problem(problem: object) -> str:
    if not isinstance(problem, dict):
        return str(problem)
    place = problem.get("where") or problem.get("field") or problem.get("line")
    text = problem.get("message") or problem.get("detail") or problem.get("msg") or ""
    return f"{place}: {text}" if place else str(text)
