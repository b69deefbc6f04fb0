"""`threeway stock`: what can be promised, why it is that number, how old it is; and goods kept for quotes."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Annotated
from urllib.parse import quote

import typer

from console.clock import Clock
from console.csv_files import AsCsv, write_list
from console.http import Api, Json
from console.output import AsJson, facts, print_json, reporting, say, sentence, table, usage_error

app = typer.Typer(
    help="Stock: what can be promised, why it is that number, goods kept for quotes.", no_args_is_help=True
)
WANTED = re.compile(r"(?P<sku>.+)=(?P<quantity>\d+(?:\.\d+)?)(?:(?P<uom>[A-Za-z]+))?(?:@(?P<warehouse>\w+))?")

Sku = Annotated[str, typer.Argument(help="The item's SKU.")]
Warehouse = Annotated[str | None, typer.Option("--warehouse", help="One warehouse; left out: the total over all.")]
At = Annotated[
    str | None, typer.Option("--at", help="As it was then: 10:04 (today), '2026-11-25 10:04', or ISO with its zone.")
]
Limit = Annotated[int, typer.Option("--limit", help="At most so many.", min=1)]
Reference = Annotated[str, typer.Argument(help="The quote's number, which names the reservation.")]


@app.command("list")
def list_stock(
    *,
    warehouse: Annotated[str | None, typer.Option("--warehouse", help="One warehouse; 'total': all of them.")] = None,
    confidence: Annotated[str | None, typer.Option("--confidence", help="fresh, aging, stale or unknown.")] = None,
    below: Annotated[str | None, typer.Option("--below", help="Only what publishes less than that.")] = None,
    limit: Limit = 50,
    as_csv: AsCsv = None,
    as_json: AsJson = False,
) -> None:
    """List what can be promised by item and warehouse, and what Salesforce shows."""
    with reporting(as_json=as_json), Api.of() as api:
        where = "" if warehouse == "total" else warehouse
        narrowed = {"warehouse": where, "confidence": confidence, "below": below}
        if as_csv is not None:
            write_list(api, "/stock", as_csv, as_json=as_json, **narrowed)
            return
        items = list(api.items("/stock", limit, **narrowed))
        if as_json:
            print_json({"items": items})
        else:
            _show_rows("Stock", items)


@app.command("show")
def show(sku: Sku, *, at: At = None, as_json: AsJson = False) -> None:
    """Show one item: its total and each warehouse, with the components of each number."""
    with reporting(as_json=as_json), Api.of() as api:
        item = _item(api, sku, None, at)
        if as_json:
            print_json(item)
            return
        clock = Clock.of_company()
        _show_rows(f"{sku} at {clock.say(item['at'])}", item["rows"])
        for row in item["rows"]:
            parts = row.get("components") or []
            rows = ([part["part"], part["quantity"], part["warehouse"], part["sources"]] for part in parts)
            table(f"{_where(row)}: {row['value']}", ("Part", "Quantity", "Warehouse", "Sources"), rows)


@app.command("why")
def why(sku: Sku, *, warehouse: Warehouse = None, at: At = None, as_json: AsJson = False) -> None:
    """Say in one sentence why it is that number, with its sources.

    With --at it is the number of that time; where Salesforce showed another one then, that follows with its own reason.
    """
    with reporting(as_json=as_json), Api.of() as api:
        item = _item(api, sku, warehouse or "", at)
        (row,) = item["rows"]
        if as_json:
            print_json(row)
            return
        clock = Clock.of_company()
        sentence(row["explanation"])
        shown, shown_words = row.get("salesforce"), row.get("salesforce_explanation")
        if at and shown and shown["available"] != row["published"]:
            sentence(
                f"Salesforce showed another number, since {clock.say(shown['said_at'])}: {shown_words or 'unknown'}"
            )


@app.command("feeds")
def feeds(*, as_json: AsJson = False) -> None:
    """Show the newest export of each warehouse: its age, how many are late, when the next one is due."""
    with reporting(as_json=as_json), Api.of() as api:
        items = list(api.items("/stock/feeds"))
        if as_json:
            print_json({"items": items})
            return
        clock = Clock.of_company()
        columns = ("Warehouse", "Export", "Of", "Age", "Confidence", "Late", "Next due")
        rows = (
            (
                item["warehouse"],
                item["filename"],
                clock.say(item["effective_at"]),
                f"{item['age_seconds'] / 60:.0f} min",
                item["confidence"],
                item["missed_exports"],
                clock.say(item["next_due_at"]),
            )
            for item in items
        )
        table("Feeds of stock", columns, rows)


@app.command("exports")
def exports(*, limit: Limit = 20, as_json: AsJson = False) -> None:
    """Show how long exports took from their file being there to their changes being shown in Salesforce."""
    with reporting(as_json=as_json), Api.of() as api:
        items = list(api.items("/stock/exports", limit))
        if as_json:
            print_json({"items": items})
            return
        clock = Clock.of_company()
        columns = ("Export", "Of", "There since", "Rows shown", "p50 s", "p99 s")
        rows = (
            (
                item["filename"],
                clock.say(item["effective_at"]),
                clock.say(item["visible_at"]),
                item["rows"],
                item["p50_seconds"],
                item["p99_seconds"],
            )
            for item in items
        )
        table("Exports of stock", columns, rows)


@app.command("reserve")
def reserve(
    reference: Reference,
    lines: Annotated[list[str], typer.Argument(help="SKU=QUANTITY, with a unit and a warehouse: BVB-0114=12BX@ATL.")],
    *,
    minutes: Annotated[int | None, typer.Option("--minutes", help="For how long.", min=1)] = None,
    partly: Annotated[bool, typer.Option("--partly", help="Keep what there is, if there is not all.")] = False,
    as_json: AsJson = False,
) -> None:
    """Keep goods for a quote, all or nothing: exit 1 when something is short. The same again changes nothing."""
    wanted = [_line(number, text) for number, text in enumerate(lines, start=1)]
    body = {"reference": reference, "lines": wanted, "minutes": minutes, "all_or_nothing": not partly}
    with reporting(as_json=as_json), Api.of() as api:
        kept = api.post("/reservations", body)
        if as_json:
            print_json(kept)
            return
        clock = Clock.of_company()
        say(f"Kept for {reference} until {clock.say(kept['expires_at'])}.")
        names = ("line_no", "sku", "warehouse", "quantity", "promised", "short", "limited_by")
        columns = ("Line", "Item", "Warehouse", "Asked", "Kept", "Short", "Limited by")
        table("In base units", columns, ([line[name] for name in names] for line in kept["lines"]))


@app.command("release")
def release(reference: Reference, *, as_json: AsJson = False) -> None:
    """Let go what is kept for a quote."""
    _end(f"/reservations/{quote(reference, safe='')}/release", None, as_json=as_json)


@app.command("convert")
def convert(
    reference: Reference,
    order: Annotated[str, typer.Argument(help="The number of the order that it became.")],
    *,
    as_json: AsJson = False,
) -> None:
    """End a reservation because it became an order, which from now on takes the goods."""
    _end(f"/reservations/{quote(reference, safe='')}/convert", {"order_number": order}, as_json=as_json)


@app.command("reserved")
def reserved(*, limit: Limit = 50, as_json: AsJson = False) -> None:
    """List what is kept for quotes now."""
    with reporting(as_json=as_json), Api.of() as api:
        items = list(api.items("/reservations", limit))
        if as_json:
            print_json({"items": items})
            return
        clock = Clock.of_company()
        rows = ([item["id"], item["warehouse"], item["quantity"], clock.say(item["expires_at"])] for item in items)
        table("Kept for quotes", ("Quote/line/item", "Warehouse", "Quantity", "Until"), rows)


def _item(api: Api, sku: str, warehouse: str | None, at: str | None) -> Json:
    as_of = Clock.of_company().read(at, datetime.now(UTC)).isoformat() if at else None
    return api.get(f"/stock/{quote(sku, safe='')}", warehouse=warehouse, as_of=as_of)


def _line(number: int, text: str) -> Json:
    found = WANTED.fullmatch(text)
    if found is None:
        raise usage_error(f"{text} is not SKU=QUANTITY, such as BVB-0114=12 or BVB-0114=12BX@ATL.")
    return {"line_no": number, **{name: value for name, value in found.groupdict().items() if value is not None}}


def _end(path: str, body: Json | None, *, as_json: bool) -> None:
    with reporting(as_json=as_json), Api.of() as api:
        found = api.post(path, body)
        if as_json:
            print_json(found)
            return
        facts({"Reservation": found["reference"], "State": found["state"], "Order": found["order_number"]})


def _show_rows(heading: str, items: Iterable[Json]) -> None:
    clock = Clock.of_company()
    columns = ("Item", "Warehouse", "Promise", "Confidence", "On hand", "Allocated", "As of", "Salesforce", "Held")
    rows = (
        (
            item["sku"],
            _where(item),
            item["published"] if item["published"] is not None else "unknown",
            item["confidence"],
            item["on_hand"],
            item["allocated"],
            clock.say(item["confirmed_at"]),
            _shown(item.get("salesforce")),
            item["held"],
        )
        for item in items
    )
    table(heading, columns, rows)


def _where(row: Json) -> str:
    return row["warehouse"] or "total"


def _shown(shown: Json | None) -> str | None:
    if shown is None:
        return None
    number = shown["available"] if shown["available"] is not None else "unknown"
    return f"{number} (refused: {shown['refused']})" if shown["refused"] else str(number)
