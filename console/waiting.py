"""Following work that the API started: a progress bar on a terminal, quiet otherwise."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from console.http import Api, ApiProblemError, Json
from console.output import document, err, print_json, reporting, say

OVER: Final = frozenset({"completed", "failed", "canceled", "cancelled", "terminated", "timed_out"})


class StillWorkingError(ApiProblemError):
    """The time to wait is over and the work is not; nothing is lost, it goes on."""

    def __init__(self, status_url: str, seconds: float) -> None:
        detail = f"Not finished after {seconds:.0f} s; the work goes on. Look again at {status_url}"
        super().__init__(202, {"title": "Still working", "detail": detail})


def follow(
    api: Api,
    status_url: str,
    *,
    done: Callable[[Json], bool],
    describe: Callable[[Json], tuple[str, float, float | None]],
    seconds: float,
) -> Json:
    """Watch until `done`; `describe` gives the words, the finished and the whole amount. Raises StillWorkingError."""
    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as progress:
        task = progress.add_task("waiting", total=None)
        for document in api.watch(status_url, seconds=seconds):
            words, finished, whole = describe(document)
            progress.update(task, description=words, completed=finished, total=whole)
            if done(document):
                return document
    raise StillWorkingError(status_url, seconds)


def follow_workflow(api: Api, started: Json, *, seconds: float) -> Json:
    """Watch a workflow without a record of its own; raises ApiProblemError when it did not complete."""
    document = follow(
        api,
        started["status_url"],
        done=lambda doc: str(doc.get("status", "")).casefold() in OVER,
        describe=lambda doc: (f"{doc.get('workflow_id', '')} {doc.get('status', '')}", 0, None),
        seconds=seconds,
    )
    if str(document.get("status", "")).casefold() != "completed":
        remedy = "Open the workflow in the Temporal Web UI to see why."
        detail = f"{document.get('workflow_id')} ended as {document.get('status')}."
        raise ApiProblemError(200, {"title": "The work failed", "detail": detail, "remedy": remedy})
    return document


def pull(path: str, seconds: float, *, as_json: bool) -> None:
    """Have the API look at something now, wait for it, and show what it came to."""
    with reporting(as_json=as_json), Api.of() as api:
        done = follow_workflow(api, api.post(path), seconds=seconds)
        if as_json:
            print_json(done)
            return
        say("Pulled.")
        document(done.get("result"))
