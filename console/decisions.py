"""`threeway decisions`: what was decided, made again from what was stored."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import typer

from console.http import Api, Json
from console.output import FAILED, AsJson, err, print_json, reporting, say, table

app = typer.Typer(help="What was decided: make it again from what was stored.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Words after `decisions` are commands, even while there is only one."""


@app.command("verify")
def verify(
    *,
    kind: Annotated[str | None, typer.Option("--kind", help="Only this kind, such as billing or master_merge.")] = None,
    as_json: AsJson = False,
) -> None:
    """Make every stored decision again from its inputs, bit for bit; exit 1 where one comes out otherwise."""
    checked: dict[str, int] = {}
    wrong: list[Json] = []
    with reporting(as_json=as_json), Api.of() as api:
        for part in _parts(api, kind):
            checked[part["decision"]] = checked.get(part["decision"], 0) + part["checked"]
            wrong += part["differing"]
            if not as_json:
                err.print(f"{part['decision']}: {checked[part['decision']]} made again", highlight=False)
        if as_json:
            told = {"checked": sum(checked.values()), "differ": len(wrong), "by_kind": checked, "differing": wrong}
            print_json(told)
        else:
            _show(checked, wrong)
    if wrong:
        raise typer.Exit(FAILED)


def _parts(api: Api, kind: str | None) -> Iterator[Json]:
    after: str | None = None
    while True:
        part = api.get("/decisions/verify", kind=kind, after=after)
        yield part
        after = part["next"]
        if after is None:
            return


def _show(checked: dict[str, int], wrong: list[Json]) -> None:
    total = sum(checked.values())
    if not wrong:
        say(f"All {total} decisions come out as they did.")
        return
    columns = ("Decision", "Type", "Record", "Where", "Stored", "Made again")
    table("Come out otherwise", columns, (row for one in wrong for row in _rows(one)))
    say(f"{len(wrong)} of {total} decisions come out otherwise.")


def _rows(one: Json) -> Iterator[tuple[object, ...]]:
    name = (one["kind"], one["record_type"], one["record_key"])
    if one["error"]:
        yield (*name, one["error"], None, None)
    for each in one["differences"]:
        yield (*name, each["field"], each["before"], each["after"])
