"""`threeway trace`: one key across all systems, in order of time, and its lines from the file to Salesforce."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated
from urllib.parse import quote

import typer

from console.clock import Clock
from console.http import Api, Json
from console.output import AsJson, facts, print_json, reporting, say, table
from console.provenance import place

Key = Annotated[
    str,
    typer.Argument(help="A shipment, order or invoice number, a SKU, a file's id, hash or name, FILE:LINE, or an id."),
]


def trace(
    key: Key,
    *,
    at: Annotated[str | None, typer.Option("--at", help="What was known then: 10:04, or a date and time.")] = None,
    as_json: AsJson = False,
) -> None:
    """Follow a shipment, order, invoice, SKU, file or one line across all systems: events, times, ids, decisions."""
    with reporting(as_json=as_json), Api.of() as api:
        as_of = Clock.of_company().read(at, datetime.now(UTC)).isoformat() if at else None
        document = api.get(f"/trace/{quote(key, safe='')}", as_of=as_of)
        if as_json:
            print_json(document)
        else:
            _show(document)


def _show(document: Json) -> None:
    say(f"{document.get('kind', 'record')} {document.get('key', '')}")
    rows = (
        (event.get("at"), event.get("system"), event.get("what"), event.get("sentence"), event.get("reference"))
        for event in document.get("events", [])
    )
    table("Events", ("At", "System", "What", "In words", "Reference"), rows)
    if document.get("lineage"):
        columns = ("File", "Shipment line", "Item", "Shipped", "Invoiced by", "Credited by", "In Salesforce")
        table("Lines", columns, (_line(one) for one in document["lineage"]))
    workflows = sorted({event["workflow_id"] for event in document.get("events", []) if event.get("workflow_id")})
    leads_to = {name.capitalize(): document.get(name) for name in ("files", "orders", "shipments", "invoices")}
    facts({**leads_to, "Workflows": workflows})


def _line(one: Json) -> tuple[object, ...]:
    goods = one["shipment_line_no"]
    return (
        place(one["file"]) if one["file"] else None,
        f"{one['shipment_number']} {'as a whole' if goods is None else f'line {goods}'}",
        one["sku"],
        f"{one['quantity_shipped']} {one['uom']}" if one["sku"] else None,
        [f"{each['invoice']} line {each['line_no']}: {each['amount']}" for each in one["invoiced"]],
        [f"{each['document']} line {each['line_no']}: {each['amount']}" for each in one["credited"]],
        [f"{each['object']} {each['id'] or each['key']}" for each in one["salesforce"] if each["said_at"]],
    )
