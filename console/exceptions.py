"""`threeway exceptions`: the work that waits for a person."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

import typer

from console.csv_files import AsCsv, write_list
from console.http import Api, Json
from console.output import AsJson, document, facts, print_json, reporting, say, table

app = typer.Typer(help="Work that waits for a person: list it, look at it, resolve it.", no_args_is_help=False)

Kind = Annotated[str | None, typer.Option("--kind", help="conflict, hold, dead_letter or uncertain.")]
State = Annotated[str | None, typer.Option("--state", help="open, resolved or self_resolved.")]
Mine = Annotated[str | None, typer.Option("--assignee", help="Only what this person took.")]
Owner = Annotated[str | None, typer.Option("--owner", help="Only what belongs to this desk.")]
Why = Annotated[str | None, typer.Option("--cause", help="Only this cause, such as item_not_linked.")]
Record = Annotated[str | None, typer.Option("--record", help="Only what is about the record with this key.")]
Reason = Annotated[str, typer.Option("--reason", help="Why: it is kept.")]
Limit = Annotated[int, typer.Option("--limit", help="At most so many.", min=1)]
Id = Annotated[str, typer.Argument(help="The id that the list shows.")]


@app.callback(invoke_without_command=True)
def overview(context: typer.Context) -> None:
    """Without a word after it: list what is open."""
    if context.invoked_subcommand is None:
        list_exceptions()


@app.command("list")
def list_exceptions(
    *,
    kind: Kind = None,
    state: State = "open",
    cause: Why = None,
    record: Record = None,
    owner: Owner = None,
    assignee: Mine = None,
    overdue: Annotated[bool, typer.Option("--overdue", help="Only what is late.")] = False,
    snoozed: Annotated[bool, typer.Option("--snoozed", help="Only what was put off.")] = False,
    proposed: Annotated[bool, typer.Option("--proposed", help="Only what waits for a second person.")] = False,
    order: Annotated[str, typer.Option("--order", help="rank (money and age together), money or newest.")] = "rank",
    limit: Limit = 50,
    as_csv: AsCsv = None,
    as_json: AsJson = False,
) -> None:
    """List exceptions, by default the open ones that are not put off: the dearest and oldest first."""
    with reporting(as_json=as_json), Api.of() as api:
        narrowed = {"kind": kind, "state": state, "cause": cause, "record_key": record, "owner": owner}
        more = {"assignee": assignee, "order": order, "overdue": "true" if overdue else None}
        more["proposed"] = "true" if proposed else None
        out_of_sight = "true" if snoozed else ("false" if state == "open" else None)
        if as_csv is not None:
            write_list(api, "/exceptions", as_csv, as_json=as_json, **narrowed, **more, snoozed=out_of_sight)
            return
        items = list(api.items("/exceptions", limit, **narrowed, **more, snoozed=out_of_sight))
        if as_json:
            print_json({"items": items})
            return
        columns = ("Id", "Kind", "Cause", "Record", "At stake", "Due", "With", "In words", "Choices")
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
            say(_outcome(exception_id, choice, answer))


@app.command("withdraw")
def withdraw(exception_id: Id, *, reason: Reason, as_json: AsJson = False) -> None:
    """Take back what you proposed and nobody has confirmed yet."""
    with reporting(as_json=as_json), Api.of() as api:
        answer = api.post(f"{_path(exception_id)}/withdraw", {"reason": reason})
        if as_json:
            print_json(answer)
        else:
            say(f"{exception_id}: nothing is proposed any more.")


@app.command("assign")
def assign(
    exception_id: Id,
    assignee: Annotated[str | None, typer.Argument(help="Who takes it; left out: back to its desk.")] = None,
    *,
    note: Annotated[str | None, typer.Option("--note", help="Something to know.")] = None,
    as_json: AsJson = False,
) -> None:
    """Give an exception to a person."""
    _act(exception_id, "assign", {"assignee": assignee, "note": note}, as_json=as_json)


@app.command("snooze")
def snooze(
    exception_id: Id,
    *,
    until: Annotated[str | None, typer.Option("--until", help="A time with its zone; left out: bring it back.")] = None,
    reason: Reason,
    as_json: AsJson = False,
) -> None:
    """Put an exception out of sight until a time."""
    _act(exception_id, "snooze", {"until": until, "reason": reason}, as_json=as_json)


@app.command("note")
def note(
    exception_id: Id, text: Annotated[str, typer.Argument(help="What to know.")], *, as_json: AsJson = False
) -> None:
    """Write a note on an exception."""
    _act(exception_id, "notes", {"text": text}, as_json=as_json)


@app.command("resolve-many")
def resolve_many(
    *,
    choice: Annotated[str, typer.Option("--choice", help="One of the choices that all of them offer.")],
    reason: Reason,
    value: Annotated[str | None, typer.Option("--value", help="What the choice needs, such as a SKU.")] = None,
    cause: Why = None,
    kind: Kind = None,
    record: Record = None,
    owner: Owner = None,
    assignee: Mine = None,
    expect: Annotated[
        int | None, typer.Option("--expect", help="The number that the dry run matched: really decide them.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Decide many alike. Without --expect it only shows what would become of each."""
    with reporting(as_json=as_json), Api.of() as api:
        narrowed = {"cause": cause, "kind": kind, "record_key": record, "owner": owner, "assignee": assignee}
        body: Json = {name: given for name, given in narrowed.items() if given is not None}
        body |= {"choice": choice, "reason": reason, "value": value, "dry_run": expect is None, "expected": expect}
        answer = api.post("/exceptions/resolve-many", body)
        refused = sum(one.get("outcome") == "refused" for one in answer.get("results", []))
        if as_json:
            print_json(answer)
        else:
            columns = ("Id", "Record", "Outcome", "In words")
            rows = ((one["id"], one["record_key"], one["outcome"], one["detail"]) for one in answer["results"])
            table("Exceptions", columns, rows)
            matched = answer.get("matched")
            proposed = f", {answer['proposed']} wait for another person" if answer.get("proposed") else ""
            say(f"{matched} match, {answer.get('resolved')} are resolved{proposed}, {refused} refused.")
            if expect is None and matched:
                say(f"Nothing was decided yet: the same again with --expect {matched} decides them.")
        if expect is not None and refused:
            raise typer.Exit(1)


def _act(exception_id: str, act: str, body: Json, *, as_json: bool) -> None:
    with reporting(as_json=as_json), Api.of() as api:
        answer = api.post(f"{_path(exception_id)}/{act}", body)
        if as_json:
            print_json(answer)
            return
        names = ("cause", "record_key", "owner", "assignee", "due_at", "snoozed_until", "notes")
        facts({name.replace("_", " ").capitalize(): answer.get(name) for name in names})


def _outcome(exception_id: str, choice: str, answer: Json) -> str:
    """It acts, or it waits for another person."""
    proposal = answer.get("proposal")
    if answer.get("state") == "open" and proposal:
        return (
            f"{exception_id}: {choice} is proposed by {proposal['proposed_by']}. {proposal['money_at_stake']} is at "
            "stake: it acts once another person decides the same."
        )
    return f"{exception_id}: {choice}, now {answer.get('state', 'resolved')}; the waiting work goes on."


def _path(exception_id: str) -> str:
    return f"/exceptions/{quote(exception_id, safe='')}"


def _row(item: Json) -> tuple[object, ...]:
    names = ("id", "kind", "cause", "record_key", "money_at_stake", "due_at", "assignee", "sentence")
    return (*(item.get(name) for name in names), [_choice(choice) for choice in item.get("choices") or []])


def _choice(choice: object) -> object:
    return choice.get("choice") or choice.get("name") if isinstance(choice, dict) else choice
