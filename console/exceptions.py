"""`threeway exceptions`: the work that waits for a person."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

import typer

from console.http import Api, Json
from console.output import AsJson, document, print_json, reporting, say, table

app = typer.Typer(help="Work that waits for a person: list it, look at it, resolve it.", no_args_is_help=False)

Kind = Annotated[str | None, typer.Option("--kind", help="conflict, hold, dead_letter or uncertain.")]
State = Annotated[str | None, typer.Option("--state", help="open, resolved or self_resolved.")]
Limit = Annotated[int, typer.Option("--limit", help="At most so many.", min=1)]
Id = Annotated[str, typer.Argument(help="The id that the list shows.")]


@app.callback(invoke_without_command=True)
def overview(context: typer.Context) -> None:
    """Without a word after it: list what is open."""
    if context.invoked_subcommand is None:
        list_exceptions()


@app.command("list")
def list_exceptions(*, kind: Kind = None, state: State = "open", limit: Limit = 50, as_json: AsJson = False) -> None:
    """List exceptions, by default the open ones."""
    with reporting(as_json=as_json), Api.of() as api:
        items = list(api.items("/exceptions", limit, kind=kind, state=state))
        if as_json:
            print_json({"items": items})
            return
        columns = ("Id", "Kind", "Cause", "Record", "At stake", "In words", "Choices")
        table(f"Exceptions ({state or 'all'})", columns, (_row(item) for item in items))


@app.command("show")
def show(exception_id: Id, *, as_json: AsJson = False) -> None:
    """Show one exception with everything that helps to decide."""
    with reporting(as_json=as_json), Api.of() as api:
        item = api.get(_path(exception_id))
        if as_json:
            print_json(item)
            return
        say(str(item.get("sentence", "")))
        document({name: value for name, value in item.items() if name != "sentence"})


@app.command("resolve")
def resolve(
    exception_id: Id,
    *,
    choice: Annotated[str, typer.Option("--choice", help="One of the choices that the exception offers.")],
    reason: Annotated[str, typer.Option("--reason", help="Why: it is kept with the decision.")],
    value: Annotated[str | None, typer.Option("--value", help="What the choice needs, such as a SKU.")] = None,
    as_json: AsJson = False,
) -> None:
    """Decide: the workflow that waits goes on at once, and the decision is kept with its reason."""
    with reporting(as_json=as_json), Api.of() as api:
        body: Json = {"choice": choice, "reason": reason} | ({"value": value} if value is not None else {})
        answer = api.post(f"{_path(exception_id)}/resolve", body)
        if as_json:
            print_json(answer)
        else:
            say(f"{exception_id}: {choice}, now {answer.get('state', 'resolved')}; the waiting work goes on.")


def _path(exception_id: str) -> str:
    return f"/exceptions/{quote(exception_id, safe='')}"


def _row(item: Json) -> tuple[object, ...]:
    names = ("id", "kind", "cause", "record_key", "money_at_stake", "sentence")
    return (*(item.get(name) for name in names), [_choice(choice) for choice in item.get("choices") or []])


def _choice(choice: object) -> object:
    return choice.get("choice") or choice.get("name") if isinstance(choice, dict) else choice
