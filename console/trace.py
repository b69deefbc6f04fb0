"""`threeway trace`: one key across all systems, in order of time."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

import typer

from console.http import Api, Json
from console.output import AsJson, facts, print_json, reporting, say, table

Key = Annotated[str, typer.Argument(help="A shipment, order or invoice number, or a file's id, hash or name.")]


def trace(key: Key, *, as_json: AsJson = False) -> None:
    """Follow a shipment, order, invoice, SKU or file across all systems: events, times, ids, decisions."""
    with reporting(as_json=as_json), Api.of() as api:
        document = api.get(f"/trace/{quote(key, safe='')}")
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
    workflows = sorted({event["workflow_id"] for event in document.get("events", []) if event.get("workflow_id")})
    leads_to = {name.capitalize(): document.get(name) for name in ("files", "orders", "shipments", "invoices")}
    facts({**leads_to, "Workflows": workflows})
