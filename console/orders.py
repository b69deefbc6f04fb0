"""`threeway orders`: orders that were placed in Salesforce."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated
from urllib.parse import quote

import typer

from console import waiting
from console.csv_files import AsCsv, write_list
from console.http import Api
from console.output import AsJson, print_json, reporting, say, table

app = typer.Typer(
    help="Orders: pull them from Salesforce, list them, see where one stands, decide.", no_args_is_help=True
)

LEDGER_NAMES = (
    *("line_no", "sku", "uom", "ordered", "shipped", "backordered", "cancelled", "open"),
    *("overshipped", "billed", "returned", "credited"),
)
LEDGER = ("Line", *(name.capitalize() for name in LEDGER_NAMES[1:]))


class Act(StrEnum):
    """What may be decided about an order."""

    RELEASE = "release"
    CANCEL = "cancel"
    RESEND = "resend"


@app.command("pull")
def pull(
    *,
    timeout: Annotated[float, typer.Option("--timeout", help="How long to wait, in seconds.", min=1)] = 120,
    as_json: AsJson = False,
) -> None:
    """Read new and changed orders from Salesforce now, without waiting for the next turn."""
    waiting.pull("/orders/pull", timeout, as_json=as_json)


@app.command("list")
def list_orders(
    *,
    customer: Annotated[str | None, typer.Option("--customer", help="The orders of one ERP customer number.")] = None,
    limit: Annotated[int, typer.Option("--limit", help="At most so many.", min=1)] = 50,
    as_csv: AsCsv = None,
    as_json: AsJson = False,
) -> None:
    """List orders as Salesforce states them."""
    with reporting(as_json=as_json), Api.of() as api:
        if as_csv is not None:
            write_list(api, "/orders", as_csv, as_json=as_json, customer_number=customer)
            return
        items = list(api.items("/orders", limit, customer_number=customer))
        if as_json:
            print_json({"items": items})
            return
        names = ("number", "customer_number", "status", "active", "ordered_on", "purchase_order")
        rows = ([*(item.get(name) for name in names), len(item.get("lines") or [])] for item in items)
        table("Orders", ("Order", "Customer", "Status", "Active", "Ordered on", "Purchase order", "Lines"), rows)


@app.command("show")
def show(number: Annotated[str, typer.Argument(help="The order's number.")], *, as_json: AsJson = False) -> None:
    """Say where an order stands and why: its lines, what happened to it, and what the ERP was told."""
    with reporting(as_json=as_json), Api.of() as api:
        story = api.get(f"/orders/{quote(number)}/story")
        if as_json:
            print_json(story)
            return
        shown = f", shown as {story['shows']}" if story["shows"] else ""
        say(f"Order {number} is {story['state']}{shown}, since {story['since_at']}.")
        say(f"Ordered {story['ordered_amount']}, open {story['open_amount']}, not billed {story['unbilled_amount']}.")
        table("Lines", LEDGER, ([line[name] for name in LEDGER_NAMES] for line in story["lines"]))
        events = story["events"]
        names = ("occurred_at", "system", "kind", "value", "reference", "note")
        titles = ("When", "System", "What", "Value", "Reference", "Note")
        table("Events", titles, ([event[name] for name in names] for event in events))
        sent = (
            [one["file_name"] or one["state"], one["message"]["action"], one["sent_at"]] for one in story["messages"]
        )
        table("Told to the ERP", ("Order file", "Action", "Sent at"), sent)


@app.command("act")
def act(
    number: Annotated[str, typer.Argument(help="The order's number.")],
    what: Annotated[Act, typer.Argument(help="release a held one; cancel what has not left; resend to the ERP.")],
    reason: Annotated[str, typer.Option("--reason", help="Why, for whoever asks later.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Decide about an order; refused where its state does not allow it."""
    with reporting(as_json=as_json), Api.of() as api:
        done = api.post(f"/orders/{quote(number)}/acts", {"act": what.value, "reason": reason})
        if as_json:
            print_json(done)
            return
        say(f"Order {number} is {done['state']}.")
