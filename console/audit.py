"""`threeway audit`: what people decided, and the check that nothing of it was changed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from console.csv_files import STANDARD_OUTPUT, write_pieces
from console.http import Api, Json
from console.output import AsJson, facts, print_json, reporting, say, table

app = typer.Typer(help="What people decided: list it, export it, check that nothing was changed.", no_args_is_help=True)

Action = Annotated[str | None, typer.Option("--action", help="Only this action, such as exception_resolved.")]
Actor = Annotated[str | None, typer.Option("--actor", help="Only what this person or key did.")]
Record = Annotated[str | None, typer.Option("--record", help="Only what is about the record with this key.")]
Since = Annotated[str | None, typer.Option("--since", help="From this time on, with its zone.")]
Until = Annotated[str | None, typer.Option("--until", help="Before this time, with its zone.")]


@app.command("list")
def list_audit(
    *,
    action: Action = None,
    actor: Actor = None,
    record: Record = None,
    since: Since = None,
    until: Until = None,
    limit: Annotated[int, typer.Option("--limit", help="At most so many.", min=1)] = 50,
    as_json: AsJson = False,
) -> None:
    """List entries, the newest first."""
    with reporting(as_json=as_json), Api.of() as api:
        narrowed = {"action": action, "actor": actor, "record_key": record, "since": since, "until": until}
        items = list(api.items("/audit", limit, **narrowed))
        if as_json:
            print_json({"items": items})
            return
        names = ("position", "at", "action", "actor", "record_type", "record_key", "details")
        titles = ("Place", "At", "Action", "By", "Type", "Record", "Details")
        table("Audit trail", titles, ([item.get(name) for name in names] for item in items))


@app.command("verify")
def verify(
    *,
    changes: Annotated[
        bool, typer.Option("--changes/--no-changes", help="Compare the change log with its anchors, too.")
    ] = True,
    head: Annotated[
        str | None, typer.Option("--head", help="POSITION:HASH that was noted earlier: it must still be there.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check the whole chain; fails at the first place that is not as it was written, and names it."""
    with reporting(as_json=as_json), Api.of() as api:
        found = _checked(api, changes=changes, head=head)
        broken, end = found["broken"], found["newest"]
        if as_json:
            print_json(found)
        elif broken:
            say(f"Broken at place {broken['position']}: {broken['sentence']}")
        else:
            facts({"Entries": found["links"], "Changes compared": found["changes"]})
            say(f"All is as it was written. Note this elsewhere: {end['position']}:{end['hash']}")
    if broken:
        raise typer.Exit(1)


def _checked(api: Api, *, changes: bool, head: str | None) -> Json:
    """Part by part, from the beginning."""
    links = compared = 0
    position, digest = 0, ""
    while True:
        told: dict[str, str | int | None] = {"changes": "true" if changes else "false", "head": head}
        part = api.get("/audit/verify", after=position, after_hash=digest, **told)
        links, compared = links + part["links"], compared + part["changes"]
        position, digest = part["end"]["position"], part["end"]["hash"]
        if part["complete"] or part["broken"]:
            return {**part, "links": links, "changes": compared}


@app.command("export")
def export(
    file: Annotated[Path | None, typer.Argument(help="Where to write it; left out: standard output.")] = None,
    *,
    action: Action = None,
    actor: Actor = None,
    record: Record = None,
    since: Since = None,
    until: Until = None,
    as_json: AsJson = False,
) -> None:
    """Write all entries as CSV, safe to open in a spreadsheet."""
    with reporting(as_json=as_json), Api.of() as api:
        narrowed = {"action": action, "actor": actor, "record_key": record, "since": since, "until": until}
        pieces = api.text("/audit/export", **narrowed)
        write_pieces(pieces, file or STANDARD_OUTPUT, as_json=as_json)
