"""`threeway reconcile`: prove that the three systems agree."""

from __future__ import annotations

from typing import Annotated

import typer

from console import output
from console.http import Api, Json
from console.output import FAILED, AsJson, print_json, reporting, say
from console.waiting import follow

WORKING = frozenset({"started", "running", "reading", "pending"})


def reconcile(
    *,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Wait for the outcome.")] = True,
    timeout: Annotated[float, typer.Option("--timeout", help="How long to wait, in seconds.", min=1)] = 600,
    as_json: AsJson = False,
) -> None:
    """Read the three systems in full and compare them to the cent. Exit 1 when they differ."""
    with reporting(as_json=as_json), Api.of() as api:
        document = api.post("/reconciliations")
        if wait:
            document = follow(api, document["status_url"], done=_over, describe=_progress, seconds=timeout)
        if as_json:
            print_json(document)
        else:
            _show(document)
    if wait and (document.get("differences") or document.get("difference_count") or _state(document) == "failed"):
        raise typer.Exit(FAILED)


def _state(document: Json) -> str:
    return str(document.get("state") or document.get("status") or "").casefold()


def _progress(document: Json) -> tuple[str, float, float | None]:
    return f"reconciliation {_state(document)}", 0, None


def _over(document: Json) -> bool:
    return _state(document) not in WORKING


def _show(document: Json) -> None:
    say(f"Reconciliation: {_state(document) or 'started'}")
    output.document({name: value for name, value in document.items() if name not in {"state", "status"}})
