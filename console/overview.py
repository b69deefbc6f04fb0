"""`threeway overview`, `feed`, `latency`, `find`: what the dashboard begins with, for a terminal."""

from __future__ import annotations

from typing import Annotated

import typer

from console.http import Api
from console.output import AsJson, facts, print_json, reporting, table


def overview(*, as_json: AsJson = False) -> None:
    """How everything is: one word for each flow, and the number that caused it."""
    with reporting(as_json=as_json), Api.of() as api:
        found = api.get("/overview")
        if as_json:
            print_json(found)
            return
        flows = ((one["flow"], one["health"], one["sentence"]) for one in found["flows"])
        table("Flows", ("Flow", "Health", "Because"), flows)
        work = ((one["kind"], one["cause"], one["count"], one["money"]) for one in found["work"])
        table("Open work", ("Kind", "Cause", "Count", "Money"), work)


def feed(
    *,
    limit: Annotated[int, typer.Option("--limit", help="At most so many.", min=1, max=200)] = 20,
    as_json: AsJson = False,
) -> None:
    """What happened, the newest first."""
    with reporting(as_json=as_json), Api.of() as api:
        found = api.get("/feed", limit=limit)
        if as_json:
            print_json(found)
            return
        table("Feed", ("At", "Flow", "What"), ((one["at"], one["flow"], one["sentence"]) for one in found["events"]))


def latency(
    *,
    hours: Annotated[int, typer.Option("--hours", help="So many hours back.", min=1)] = 24,
    as_json: AsJson = False,
) -> None:
    """How long invoices took against the promise of 90 seconds, and which took longest."""
    with reporting(as_json=as_json), Api.of() as api:
        found = api.get("/latency", hours=hours)
        if as_json:
            print_json(found)
            return
        whole = found["whole"]
        words = {"Half within": "p50_seconds", "95 % within": "p95_seconds", "99 % within": "p99_seconds"}
        facts(
            {"Invoices": whole["count"], "Late": whole["late"]} | {name: whole[field] for name, field in words.items()}
        )
        rows = ((one["number"], one["received_at"], one["seconds"]) for one in found["slowest"])
        table("Slowest", ("Shipment", "Received", "Seconds"), rows)


def find(
    words: Annotated[str, typer.Argument(help="A number, a purchase order, a name or a SKU, or how it begins.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Find shipments, orders, invoices, customers, items and files."""
    with reporting(as_json=as_json), Api.of() as api:
        found = api.get("/search", q=words)
        if as_json:
            print_json(found)
            return
        rows = ((one["kind"], one["key"], one["about"], one["field"]) for one in found["items"])
        table("Found", ("Kind", "Key", "About", "By"), rows)
