"""`threeway demo`: run everything, put a shipment file through, show it happening, and prove the books."""

from __future__ import annotations

import statistics
import sys
import tempfile
import threading
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from time import monotonic, sleep
from typing import Annotated, Any, Final

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from console.demo_proof import differences
from console.demo_stock import StockOutcome, show_stock
from console.demo_world import Export, World
from console.http import Api, Json
from console.output import FAILED, AsJson, CommandFailedError, err, facts, out, print_json, reporting, say, table
from console.stack import Stack, interruptible
from console.up import introduce, start_with_table
from console.waiting import follow_workflow
from runtime import logs
from runtime.settings import load_settings

PROMISE_SECONDS: Final = 90
WAIT_SECONDS: Final = 180.0
SHOWN: Final = 3  # pieces of work that are shown in full
FINISHED: Final = frozenset({"invoiced", "held", "not_billed"})

Once = Annotated[bool, typer.Option("--once", help="End after the books are proven: exit 0, or 1 if they are not.")]
Shipments = Annotated[int, typer.Option("--shipments", min=2, max=30, help="How many shipments the file has.")]


@dataclass(frozen=True)
class Outcome:
    """What the demo came to."""

    filename: str
    duplicate: bool
    shipments: list[Json]
    waiting: list[Json]
    problems: list[str]
    stock: StockOutcome

    @property
    def seconds(self) -> list[float]:
        """From file to draft, for each invoiced shipment."""
        return sorted(one["seconds_to_invoice"] for one in self.shipments if one["seconds_to_invoice"] is not None)

    def document(self, stack: Stack) -> Json:
        """The same for a program."""
        return {
            "proven": not self.problems,
            "problems": self.problems,
            "file": self.filename,
            "duplicate": self.duplicate,
            "invoiced": len(self.seconds),
            "seconds": {"p50": _median(self.seconds), "worst": max(self.seconds, default=None)},
            "promise_seconds": PROMISE_SECONDS,
            "shipments": [_row(one) for one in self.shipments],
            "waiting": self.waiting,
            "stock": self.stock.document(),
            "addresses": stack.addresses,
        }


def demo(*, once: Once = False, shipments: Shipments = 20, as_json: AsJson = False) -> None:
    """Run everything on this machine and show the main job: a shipment file becomes drafted invoices."""
    with reporting(as_json=as_json):
        settings = load_settings(attach=False)
        if not settings.twins_on:
            raise CommandFailedError("The demo works on the stand-ins only, and real systems are configured.")
        settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (settings.data_dir / "stack.log").open("a", encoding="utf-8") as log:
            logs.configure(style=settings.log_format, level=settings.log_level, role="stack", stream=log)
            proven = _run(Stack(settings), once=once, count=shipments, as_json=as_json)
    if not proven:
        raise typer.Exit(FAILED)


def _run(stack: Stack, *, once: bool, count: int, as_json: bool) -> bool:
    with interruptible(stack):
        try:
            if as_json:
                stack.up()
            else:
                start_with_table(stack)
            outcome = _main_job(stack, count)
            if as_json:
                print_json(outcome.document(stack))
            else:
                _show(outcome, stack)
            if not once:
                _stay(as_json=as_json)
            return not outcome.problems
        finally:
            stack.down()


def _stay(*, as_json: bool) -> None:
    if not as_json:
        say("Everything stays up for you to look around. Ctrl-C stops it.")
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        err.print("Stopping ...")


def _main_job(stack: Stack, count: int) -> Outcome:
    """Seed the stand-ins, load the masters, pull the orders, link the records, then drop the shipment file."""
    world = World(stack.twin_urls)
    try:
        with stack.api() as api, tempfile.TemporaryDirectory() as folder:
            world.begin()
            for master in world.masters():
                _hand_over(api, master, Path(folder), wait=True)
            follow_workflow(api, api.post("/orders/pull"), seconds=WAIT_SECONDS)
            follow_workflow(api, api.post("/links/match", {"accept_exact": True}), seconds=WAIT_SECONDS)
            export = world.shipments(count)
            accepted = _hand_over(api, export, Path(folder), wait=False)
            rows = _watch(api, accepted["file_id"], len(export.truth["shipments"]))
            stock = show_stock(world, api, lambda one: _hand_over(api, one, Path(folder), wait=False))
            waiting = sorted(api.items("/exceptions", state="open"), key=_worth, reverse=True)
            decided = {one["record_key"] for one in api.items("/exceptions", state="resolved")}
        problems = [*differences(world.ledger(), export.truth, decided), *stock.problems]
        return Outcome(export.filename, bool(accepted["duplicate"]), rows, waiting, problems, stock)
    finally:
        world.close()


def _hand_over(api: Api, export: Export, folder: Path, *, wait: bool) -> Json:
    path = folder / export.filename
    path.write_bytes(export.content)
    accepted = api.send_file("/erp/files", path)
    if wait:
        for status in api.watch(accepted["status_url"], seconds=WAIT_SECONDS, pause=0.1):
            if status["state"] == "applied":
                return accepted
            if status["state"] in {"refused", "held"}:
                break
        raise CommandFailedError(f"{export.filename} was not applied; see `threeway exceptions`.")
    return accepted


def _watch(api: Api, file_id: str, expected: int) -> list[Json]:
    """Show the file's shipments moving until each is invoiced, held or not billed."""
    columns: tuple[Any, ...] = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    deadline = monotonic() + WAIT_SECONDS
    with Progress(*columns, console=err, disable=not err.is_terminal) as progress:
        task = progress.add_task("shipments", total=expected)
        while True:
            rows = list(api.items("/shipments", file_id=file_id))
            done = [one for one in rows if one["state"] in FINISHED]
            last = f"{done[0]['number']} {done[0]['state']}" if done else "reading"
            progress.update(task, completed=len(done), description=f"shipments, the last: {last}")
            if len(done) >= expected:
                return sorted(rows, key=lambda one: one["number"])
            if monotonic() > deadline:
                raise CommandFailedError(f"Only {len(done)} of {expected} shipments were finished in {WAIT_SECONDS} s.")
            sleep(0.2)


def _worth(item: Json) -> tuple[bool, Decimal]:
    """What a person looks at first: what holds up a shipment, then what most money hangs on."""
    return item["record_type"] == "shipment", Decimal(item["money_at_stake"] or 0)


def _row(shipment: Json) -> Json:
    invoice = shipment["invoices"][0] if shipment["invoices"] else {}
    return {
        "shipment": shipment["number"],
        "order": shipment["order_number"],
        "state": shipment["state"],
        "invoice": invoice.get("doc_number"),
        "total": invoice.get("total"),
        "seconds": shipment["seconds_to_invoice"],
        "why": shipment["hold_reason"],
    }


def program() -> str:
    """How a person calls this program from where they are."""
    installed = Path(sys.prefix) / "bin" / "threeway"
    if not installed.exists():
        return "threeway"
    here = Path.cwd()
    return str(installed.relative_to(here) if installed.is_relative_to(here) else installed)


def _median(seconds: list[float]) -> float | None:
    return round(statistics.median(seconds), 3) if seconds else None


def _show(outcome: Outcome, stack: Stack) -> None:
    if outcome.duplicate:
        say(f"{outcome.filename} came in an earlier run: it is recognised by its content, nothing is done twice.")
    names = ("shipment", "order", "state", "invoice", "total", "seconds")
    rows = [_row(one) for one in outcome.shipments]
    table(
        f"{outcome.filename}: from the file being there to the drafted invoice",
        [name.capitalize() for name in names],
        ([row[name] for name in names] for row in rows),
    )
    worst = max(outcome.seconds, default=None)
    facts(
        {
            "Half were faster than": f"{_median(outcome.seconds)} s",
            "The slowest took": f"{worst} s of {PROMISE_SECONDS} s",
        }
    )
    facts(
        {
            f"Stock of {outcome.stock.filename}": f"{outcome.stock.rows} rows in Salesforce",
            "99 of 100 were shown after": f"{outcome.stock.seconds} s of {PROMISE_SECONDS} s",
            "Why this number?": outcome.stock.why,
        }
    )
    for item in outcome.waiting[:SHOWN]:
        out.rule()
        facts({"Waits for you": item["sentence"], "At stake": item["money_at_stake"], "Choices": item["choices"]})
        choice = item["choices"][0]
        say(f'{program()} exceptions resolve {item["id"]} --choice {choice} --reason "as ordered"')
    if len(outcome.waiting) > SHOWN:
        say(f"{len(outcome.waiting) - SHOWN} more wait: {program()} exceptions")
    out.rule()
    if outcome.problems:
        say("THE BOOKS ARE NOT RIGHT:")
        for problem in outcome.problems:
            say(f"  {problem}")
    else:
        say(f"Proven: the books hold exactly the {len(outcome.seconds)} invoices of this file, to the cent,")
        say(f"and Salesforce shows the {outcome.stock.rows} rows of stock as the ERP states them.")
    introduce(stack)
