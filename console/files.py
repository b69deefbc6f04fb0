"""`threeway drop` and `threeway amend`: hand over files of the ERP, see what became of them, put bad lines right."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Final

import typer

from console.http import Api, Json
from console.output import FAILED, AsJson, facts, print_json, reporting, say, table
from console.waiting import follow

DONE: Final = frozenset({"applied", "refused", "held"})
FINISHED: Final = ("invoiced", "held", "not_billed")

Files = Annotated[
    list[Path], typer.Argument(help="The files, any name: a file is known by its content.", exists=True, dir_okay=False)
]
Layout = Annotated[
    str | None, typer.Option("--layout", help="The layout's name; recognised from the file if left out.")
]
Wait = Annotated[bool, typer.Option("--wait", help="Wait until the files are applied, refused or held.")]
Seconds = Annotated[float, typer.Option("--timeout", help="How long to wait, in seconds, for each file.", min=1)]


def drop(
    files: Files, *, layout: Layout = None, wait: Wait = False, timeout: Seconds = 300, as_json: AsJson = False
) -> None:
    """Hand over files of the ERP.

    The same bytes again are recognised and do nothing. With --wait the exit code is 1 when a file was refused or held.
    """
    with reporting(as_json=as_json), Api.of() as api:
        results = [_drop(api, file, layout, timeout if wait else None) for file in files]
        if as_json:
            print_json({"items": results})
        else:
            for result in results:
                _show(result)
    if wait and any(result["state"] != "applied" for result in results):
        raise typer.Exit(FAILED)


def amend(
    file_id: Annotated[str, typer.Argument(help="The file's id.")],
    lines: Annotated[list[str], typer.Option("--line", help="A line as it is to be: its number, `=` and the text.")],
    reason: Annotated[str, typer.Option("--reason", help="Why, for whoever asks later.")],
    *,
    wait: Wait = False,
    timeout: Seconds = 300,
    as_json: AsJson = False,
) -> None:
    """Put refused lines of a file right and read it again.

    The file stays as it came: a copy with these lines is read, and says what it differs in.
    """
    wanted = [_line(one) for one in lines]
    with reporting(as_json=as_json), Api.of() as api:
        accepted = api.post(f"/erp/files/{file_id}/amendments", {"lines": wanted, "reason": reason})
        result = _followed(api, accepted, timeout if wait else None)
        if as_json:
            print_json(result)
        else:
            _show({"filename": "The copy", **result})
    if wait and result["state"] != "applied":
        raise typer.Exit(FAILED)


def _line(given: str) -> Json:
    number, equals, text = given.partition("=")
    if not equals or not number.isdecimal():
        raise typer.BadParameter(
            f"{given!r} is no line: write its number, `=` and its text, as in `--line '12=S2 ...'`."
        )
    return {"line": int(number), "text": text}


def _drop(api: Api, file: Path, layout: str | None, seconds: float | None) -> Json:
    accepted = api.send_file("/erp/files", file, layout=layout)
    return {"filename": file.name, "duplicate": False, **_followed(api, accepted, seconds)}


def _followed(api: Api, accepted: Json, seconds: float | None) -> Json:
    """What became of a file that was accepted, where somebody waits for it."""
    if seconds is None:
        return {"state": "received", **accepted}
    document = follow(
        api,
        accepted["status_url"],
        done=lambda status: status.get("state") in DONE,
        describe=_progress,
        seconds=seconds,
    )
    rejects = list(api.items(f"/erp/files/{accepted['file_id']}/rejects"))
    return {**accepted, **document, "rejects": rejects}


def _progress(status: Json) -> tuple[str, float, float | None]:
    shipments: dict[str, Any] = status.get("shipments") or {}
    finished = sum(int(shipments.get(name) or 0) for name in FINISHED)
    whole = sum(int(number) for number in shipments.values())
    return f"{status.get('filename', '')} {status.get('state', '')}", finished, whole or None


def _show(result: Json) -> None:
    repeated = " (received before: nothing is done twice)" if result.get("duplicate") else ""
    say(f"{result['filename']}: {result['state']}{repeated}")
    facts(
        {
            "File": result.get("file_id"),
            "Layout": result.get("layout"),
            "Sequence": result.get("sequence"),
            "Groups": result.get("group_count"),
            "Refused groups": result.get("rejected_group_count"),
            "Shipments": result.get("shipments"),
            "Status": result.get("status_url"),
        }
    )
    if result.get("rejects"):
        show_rejects(result["rejects"])


def show_rejects(rejects: list[Json]) -> None:
    """What was refused, where, why, and what to do."""
    columns = ("Line", "Columns", "Field", "Code", "Reason", "What to do")
    table(
        "Refused",
        columns,
        (
            (
                item.get("line"),
                _columns(item),
                item.get("field") or item.get("group_key") or item.get("record_type"),
                item.get("code"),
                item.get("message") or item.get("reason"),
                item.get("remedy"),
            )
            for item in rejects
        ),
    )


def _columns(item: Json) -> str | None:
    first, last = item.get("column_from"), item.get("column_to")
    if first is None:
        return None
    return str(first) if last in (None, first) else f"{first}-{last}"
