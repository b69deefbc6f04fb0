"""`threeway orders`: orders that were placed in Salesforce."""

from __future__ import annotations

from typing import Annotated

import typer

from console.http import Api
from console.output import AsJson, document, print_json, reporting, say, table
from console.waiting import follow_workflow

app = typer.Typer(help="Orders: pull them from Salesforce now, list them.", no_args_is_help=True)


@app.command("pull")
def pull(
    *,
    timeout: Annotated[float, typer.Option("--timeout", help="How long to wait, in seconds.", min=1)] = 120,
    as_json: AsJson = False,
) -> None:
    """Read new and changed orders from Salesforce now, without waiting for the next turn."""
    with reporting(as_json=as_json), Api.of() as api:
        done = follow_workflow(api, api.post("/orders/pull"), seconds=timeout)
        if as_json:
            print_json(done)
            return
        say("Pulled.")
        document(done.get("result"))


@app.command("list")
def list_orders(
    *,
    customer: Annotated[str | None, typer.Option("--customer", help="The orders of one ERP customer number.")] = None,
    limit: Annotated[int, typer.Option("--limit", help="At most so many.", min=1)] = 50,
    as_json: AsJson = False,
) -> None:
    """List orders as Salesforce states them."""
    with reporting(as_json=as_json), Api.of() as api:
        items = list(api.items("/orders", limit, customer_number=customer))
        if as_json:
            print_json({"items": items})
            return
        names = ("number", "customer_number", "status", "active", "ordered_on", "purchase_order")
        rows = ([*(item.get(name) for name in names), len(item.get("lines") or [])] for item in items)
        table("Orders", ("Order", "Customer", "Status", "Active", "Ordered on", "Purchase order", "Lines"), rows)
