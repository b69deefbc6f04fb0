"""The command `threeway`: the same operations as the API, and the commands that run the product's processes."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated, Any, Final

import typer

from console.program import PROGRAM, build

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for a program to read.")]


def worker() -> None:
    """Run the worker: workflows, and the activities of every connected system."""
    from console.output import reporting  # noqa: PLC0415 (heavy)

    _configure_logs("worker")
    with reporting(as_json=False), _in_one_sentence():
        importlib.import_module("worker").main()
    _leave(0)


def api() -> None:
    """Run the API."""
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


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point; exit codes: 0 done, 1 failed, 2 wrong usage."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    completing = f"_{PROGRAM.upper()}_COMPLETE" in os.environ
    invoked = None if completing else next((word for word in words if not word.startswith("-")), "")
    build(OWN, invoked)(args=words, prog_name=PROGRAM)


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
