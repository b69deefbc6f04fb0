"""The program `threeway`: every command by name, each module imported only when its command runs."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable, Mapping
from typing import Any, Final

import typer

PROGRAM: Final = "threeway"

# Name -> (module:attribute, group in the overview, help). A module is imported only when its command runs.
COMMANDS: Final[dict[str, tuple[str, str, str]]] = {
    "up": ("console.up:up", "Run", "Run everything on this machine until Ctrl-C."),
    "demo": ("console.demo:demo", "Run", "Run everything and show the main job on a real shipment file."),
    "doctor": ("console.doctor:doctor", "Run", "Check what is configured, reachable and missing."),
    "overview": ("console.overview:overview", "Work", "How everything is, and the number that caused it."),
    "feed": ("console.overview:feed", "Work", "What happened, the newest first."),
    "find": ("console.overview:find", "Work", "Find anything by a number, a purchase order, a name or a SKU."),
    "latency": ("console.overview:latency", "Work", "How long invoices took against the promise of 90 seconds."),
    "drop": ("console.files:drop", "Work", "Hand over files of the ERP."),
    "amend": ("console.files:amend", "Work", "Put refused lines of a file right and read it again."),
    "trace": ("console.trace:trace", "Work", "Follow a shipment, order, invoice, SKU or file across all systems."),
    "provenance": ("console.provenance:provenance", "Work", "Tell of every field of a record what stated it."),
    "audit": ("console.audit:app", "Work", "What people decided: list it, export it, check that nothing was changed."),
    "decisions": ("console.decisions:app", "Work", "What was decided: make it again from what was stored."),
    "policies": ("console.policies:app", "Work", "Changed rules: what they would change, propose them, approve them."),
    "exceptions": ("console.exceptions:app", "Work", "Work that waits for a person: list, take, resolve."),
    "alerts": ("console.alerts:app", "Work", "Who is told of what: messages, channels, a trial."),
    "links": ("console.links:app", "Work", "Which records of the systems are the same thing: match, confirm, list."),
    "orders": ("console.orders:app", "Work", "Orders: pull them from Salesforce now, list them."),
    "masters": ("console.masters:app", "Work", "Customers and items: pull what changed now, list them."),
    "outbox": ("console.outbox:app", "Work", "Order files for the ERP: list them, show one."),
    "stock": (
        "console.stock:app",
        "Work",
        "Stock: what can be promised, why it is that number, goods kept for quotes.",
    ),
    "reconcile": (
        "console.reconcile:reconcile",
        "Work",
        "Compare all systems with the store now; verify certificates, take a month's pack.",
    ),
    "layout": ("console.layouts:app", "Work", "Layouts of the ERP's files: check one, preview a file."),
    "people": ("console.people:app", "Work", "People who sign in to the dashboard: add, list, disable, password."),
    "keys": ("console.keys:app", "Work", "Keys of the API: create, list, revoke."),
}


def build(own: Mapping[str, Callable[..., None]], invoked: str | None) -> typer.Typer:
    """The program with the invoked command in full and the others as lines of the overview; None loads all.

    `own` are the commands that run the product's processes: only the root may import those.
    """
    # Plain tracebacks: boxes with local variables could show secrets, and logs are no place for boxes.
    app = typer.Typer(name=PROGRAM, no_args_is_help=True, pretty_exceptions_enable=False)
    app.callback()(_program)
    for name, (target, panel, text) in COMMANDS.items():
        if invoked == name or (invoked is None and _exists(target)):
            _register(app, name, _load(target), panel)
        else:
            app.command(name, help=text, rich_help_panel=panel)(_unloaded)
    for name, command in own.items():
        app.command(name, rich_help_panel="Processes")(command)
    return app


def _program() -> None:
    """Threeway: QuickBooks Online, Salesforce and a flat-file ERP as one system."""


def _unloaded() -> None:
    """Stands in the overview for a command whose module is not needed now."""


def _exists(target: str) -> bool:
    return importlib.util.find_spec(target.split(":", maxsplit=1)[0]) is not None


def _load(target: str) -> Any:
    module, attribute = target.split(":")
    return getattr(importlib.import_module(module), attribute)


def _register(app: typer.Typer, name: str, command: Any, panel: str) -> None:
    if isinstance(command, typer.Typer):
        app.add_typer(command, name=name, rich_help_panel=panel)
    else:
        app.command(name, rich_help_panel=panel)(command)
