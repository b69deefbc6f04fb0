"""`threeway provenance`: what stated each field of a record, and every value that it had."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated
from urllib.parse import quote

import typer

from console.clock import Clock
from console.http import Api, Json
from console.output import AsJson, print_json, reporting, table

NOUNS = "customers, items, orders, shipments, invoices, credits, stock, links, reservations or exceptions"


def provenance(
    noun: Annotated[str, typer.Argument(help=f"What it is: {NOUNS}.")],
    key: Annotated[str, typer.Argument(help="Its number, SKU or id.")],
    *,
    field: Annotated[str | None, typer.Option("--field", help="Only this field.")] = None,
    row: Annotated[str | None, typer.Option("--row", help="Only this row of it, such as 'SO1|2', a line.")] = None,
    history: Annotated[bool, typer.Option("--history", help="Every value that it had, the newest first.")] = False,
    at: Annotated[str | None, typer.Option("--at", help="As it stood then: 10:04, or a date and time.")] = None,
    limit: Annotated[int, typer.Option("--limit", help="At most so many.", min=1)] = 200,
    as_json: AsJson = False,
) -> None:
    """Tell of every field its value, since when, and the line, record, decision or person that it comes from."""
    with reporting(as_json=as_json), Api.of() as api:
        as_of = Clock.of_company().read(at, datetime.now(UTC)).isoformat() if at else None
        path = f"/provenance/{quote(noun, safe='')}/{quote(key, safe='')}" + ("/history" if history else "")
        items = list(api.items(path, limit, field=field, row=row, as_of=as_of))
        if as_json:
            print_json({"items": items})
            return
        table(f"{noun} {key}", ("Row", "Field", "Value", "Since", "From", "By"), (_row(item) for item in items))


def _row(item: Json) -> tuple[object, ...]:
    origin = item["origin"]
    value = "(removed)" if item.get("gone") else item["value"]
    return (item["row"], item["field"], value, origin["at"], source(origin), origin["actor"])


def source(origin: Json) -> str:
    """Where a change comes from, in short."""
    file, record, decision = origin.get("file"), origin.get("record"), origin.get("decision_id")
    if file:
        return place(file)
    if record:
        return f"{record['system']} {record['object']} {record['id'] or ''} version {record['version']}"
    if decision:
        return f"decision {decision}"
    return str(origin.get("system") or "unknown")


def place(file: Json) -> str:
    """A file and its lines."""
    first, last = file.get("line_from"), file.get("line_to")
    if first is None:
        return str(file["filename"])
    return f"{file['filename']} line {first}" if first == last else f"{file['filename']} lines {first} to {last}"
