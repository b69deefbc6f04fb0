"""The command `threeway`: the same operations as the API, and the commands that run the product's processes."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated, Any, Final

import typer

PROGRAM: Final = "threeway"
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for a program to read.")]

# Name -> (module:attribute, group in the overview, help). A module is imported only when its command runs.
COMMANDS: Final[dict[str, tuple[str, str, str]]] = {
    "up": ("console.up:up", "Run", "Run everything on this machine until Ctrl-C."),
    "demo": ("console.demo:demo", "Run", "Run everything and show the main job on a real shipment file."),
    "doctor": ("console.doctor:doctor", "Run", "Check what is configured, reachable and missing."),
    "drop": ("console.files:drop", "Work", "Hand over files of the ERP."),
    "trace": ("console.trace:trace", "Work", "Follow a shipment, order, invoice, SKU or file across all systems."),
    "exceptions": ("console.exceptions:app", "Work", "Work that waits for a person: list, show, resolve."),
    "links": ("console.links:app", "Work", "Which records of the systems are the same thing: match, confirm, list."),
    "orders": ("console.orders:app", "Work", "Orders: pull them from Salesforce now, list them."),
    "layout": ("console.layouts:app", "Work", "Layouts of the ERP's files: check one, preview a file."),
    "reconcile": ("console.reconcile:reconcile", "Work", "Prove that the three systems agree."),
    "keys": ("console.keys:app", "Work", "Keys of the API: create, list, revoke."),
}


def worker() -> None:
    """Run the worker: workflows, and the activities of every connected system."""
    from console.output import reporting  # noqa: PLC0415 (heavy)

    _configure_logs("worker")
    with reporting(as_json=False), _in_one_sentence():
        importlib.import_module("worker").main()
    _leave(0)


def api() -> None:
    """Run the API and the dashboard."""
    import uvicorn  # noqa: PLC0415 (heavy, and only this command needs it)

    settings = _configure_logs("api")
    uvicorn.run(
        "api.app:build",
        factory=True,
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=settings.log_level == "DEBUG",
        server_header=False,
        timeout_graceful_shutdown=5,
    )


def migrate(*, as_json: AsJson = False) -> None:
    """Bring the database schema up to date. Repeating it does nothing."""
    from console.output import print_json, reporting, say  # noqa: PLC0415

    with reporting(as_json=as_json), _in_one_sentence():
        settings = _configure_logs("migrate")
        importlib.import_module("store.schema").migrate(settings.require_database_url())
        if as_json:
            print_json({"state": "migrated"})
        else:
            say("The schema is up to date.")


OWN: Final[dict[str, Callable[..., None]]] = {"worker": worker, "api": api, "migrate": migrate}


def build(invoked: str | None) -> typer.Typer:
    """The program with the invoked command in full and the others as lines of the overview; None loads all."""
    # Plain tracebacks: boxes with local variables could show secrets, and logs are no place for boxes.
    app = typer.Typer(name=PROGRAM, no_args_is_help=True, pretty_exceptions_enable=False)
    app.callback()(_program)
    for name, (target, panel, text) in COMMANDS.items():
        if invoked == name or (invoked is None and _exists(target)):
            _register(app, name, _load(target), panel)
        else:
            app.command(name, help=text, rich_help_panel=panel)(_unloaded)
    for name, command in OWN.items():
        app.command(name, rich_help_panel="Processes")(command)
    return app


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point; exit codes: 0 done, 1 failed, 2 wrong usage."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    completing = f"_{PROGRAM.upper()}_COMPLETE" in os.environ
    invoked = None if completing else next((word for word in words if not word.startswith("-")), "")
    build(invoked)(args=words, prog_name=PROGRAM)


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


def _configure_logs(role: str) -> Any:
    from console.output import reporting  # noqa: PLC0415 (heavy)
    from runtime import logs  # noqa: PLC0415
    from runtime.settings import load_settings  # noqa: PLC0415

    with reporting(as_json=False):
        settings = load_settings()
    logs.configure(style=settings.log_format, level=settings.log_level, role=role)
    return settings


@contextmanager
def _in_one_sentence() -> Iterator[None]:
    """What the product knows how to say needs no traceback."""
    from console.output import CommandFailedError  # noqa: PLC0415
    from domain.errors import GatewayError  # noqa: PLC0415

    try:
        yield
    except GatewayError as error:
        raise CommandFailedError(error.detail) from error


def _leave(code: int) -> None:
    """End without the interpreter's teardown, which a Temporal core thread can abort after all work is done."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    main()
