"""`threeway masters`: customers and items, as the ERP's masters state them."""

from __future__ import annotations

from typing import Annotated

import typer

from console import waiting
from console.http import Api
from console.output import AsJson, print_json, reporting, table

app = typer.Typer(help="Customers and items: pull what changed, list them.", no_args_is_help=True)

CUSTOMERS = ("number", "name", "terms_code", "credit_limit", "tax_exempt", "changed_on")
ITEMS = ("sku", "description", "base_uom", "sell_uom", "units_per_sell_uom", "list_price", "taxable")
AsOf = Annotated[str | None, typer.Option("--as-of", help="As they stood at this time (ISO 8601, with its zone).")]
AtMost = Annotated[int, typer.Option("--limit", help="At most so many.", min=1)]


@app.command("pull")
def pull(
    *,
    timeout: Annotated[float, typer.Option("--timeout", help="How long to wait, in seconds.", min=1)] = 300,
    as_json: AsJson = False,
) -> None:
    """Read changed customers, items and terms from Salesforce and QuickBooks now, and merge what changed."""
    waiting.pull("/masters/pull", timeout, as_json=as_json)


@app.command("customers")
def customers(*, as_of: AsOf = None, limit: AtMost = 50, as_json: AsJson = False) -> None:
    """List customers in the order of their numbers."""
    _list("Customers", "/customers", CUSTOMERS, as_of, limit, as_json=as_json)


@app.command("items")
def items(*, as_of: AsOf = None, limit: AtMost = 50, as_json: AsJson = False) -> None:
    """List items in the order of their SKUs."""
    _list("Items", "/items", ITEMS, as_of, limit, as_json=as_json)


def _list(title: str, path: str, names: tuple[str, ...], as_of: str | None, limit: int, *, as_json: bool) -> None:
    with reporting(as_json=as_json), Api.of() as api:
        found = list(api.items(path, limit, as_of=as_of))
        if as_json:
            print_json({"items": found})
            return
        heads = [name.replace("_", " ").capitalize() for name in names]
        table(title, heads, ([one.get(name) for name in names] for one in found))
