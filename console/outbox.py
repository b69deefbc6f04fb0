"""`threeway outbox`: what was written for the ERP."""

from __future__ import annotations

from typing import Annotated

import typer

from console.http import Api, Json
from console.output import AsJson, facts, print_json, reporting, say, table

app = typer.Typer(help="Order files for the ERP: list them, show one.", no_args_is_help=True)

COLUMNS = ("Sequence", "File", "State", "Messages", "Replaced", "Frozen at", "Written at")
NAMES = ("sequence", "name", "state", "message_count", "replacement_count", "created_at", "written_at")


@app.command("list")
def list_files(
    *,
    limit: Annotated[int, typer.Option("--limit", help="At most so many.", min=1)] = 50,
    as_json: AsJson = False,
) -> None:
    """List the files that were written for the ERP, newest first."""
    with reporting(as_json=as_json), Api.of() as api:
        items = list(api.items("/erp/order-files", limit))
        if as_json:
            print_json({"items": items})
            return
        table("Order files", COLUMNS, ([item.get(name) for name in NAMES] for item in items))


@app.command("show")
def show(
    sequence: Annotated[int, typer.Argument(help="The number of the file.", min=0)], *, as_json: AsJson = False
) -> None:
    """Show one file: its orders, and the texts that it has otherwise than they were given."""
    with reporting(as_json=as_json), Api.of() as api:
        document = api.get(f"/erp/order-files/{sequence}")
        if as_json:
            print_json(document)
        else:
            _show(document)


def _show(document: Json) -> None:
    say(f"{document['name']}: {document['state']}")
    facts(
        {
            "Layout": document.get("layout"),
            "Bytes": document.get("byte_count"),
            "SHA-256": document.get("sha256"),
            "Frozen at": document.get("created_at"),
            "Written at": document.get("written_at"),
        }
    )
    messages: list[Json] = document.get("messages") or []
    rows = ([one.get(name) for name in ("order_number", "action", "revision", "added_at")] for one in messages)
    table("Orders", ("Order", "Action", "Revision", "Added at"), rows)
    replaced: list[Json] = document.get("replacements") or []
    if replaced:
        told = ([one.get(name) for name in ("key", "field", "given", "written")] for one in replaced)
        table("Replaced", ("Order", "Field", "Given", "Written"), told)
