"""`threeway policies`: changed rules, what they would change, and the second person that they need."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Annotated

import typer

from console.http import Api, Json
from console.output import AsJson, err, facts, print_json, reporting, say, table, usage_error

app = typer.Typer(help="Changed rules: what they would change, propose them, approve them.", no_args_is_help=False)

FILES = ("company", "lifecycle", "ownership")
MARK = {"first": "the first ones", "approved": "approved", "unapproved": "need a second person"}

File = Annotated[Path, typer.Argument(help="The changed file of rules.", exists=True, dir_okay=False)]
Kind = Annotated[
    str | None, typer.Option("--kind", help="company, lifecycle or ownership; by the file's name if left out.")
]
Reason = Annotated[str, typer.Option("--reason", help="Why: it is kept.")]
Id = Annotated[str, typer.Argument(help="The id that the list shows.")]


@app.callback(invoke_without_command=True)
def overview(context: typer.Context) -> None:
    """Without a word after it: list what waits for a second person."""
    if context.invoked_subcommand is None:
        list_policies(state="proposed")


@app.command("list")
def list_policies(
    *,
    kind: Kind = None,
    state: Annotated[
        str | None, typer.Option("--state", help="proposed, approved, rejected or withdrawn; all if left out.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", help="At most so many.", min=1)] = 50,
    as_json: AsJson = False,
) -> None:
    """List proposals, the newest first."""
    with reporting(as_json=as_json), Api.of() as api:
        items = list(api.items("/policies", limit, kind=kind, state=state))
        if as_json:
            print_json({"items": items})
            return
        names = ("id", "kind", "version", "state", "proposed_by", "proposed_at", "reason", "decided_by")
        titles = ("Id", "Rules", "Version", "State", "Proposed by", "At", "Why", "Decided by")
        table(f"Proposals ({state or 'all'})", titles, ([item.get(name) for name in names] for item in items))


@app.command("uses")
def list_uses(*, as_json: AsJson = False) -> None:
    """List the rules that workers took, since when, and the proposal behind them."""
    with reporting(as_json=as_json), Api.of() as api:
        items = list(api.get("/policies/uses")["items"])
        if as_json:
            print_json({"items": items})
            return
        rows = ([one["kind"], one["version"], one["first_used_at"], one["proposal_id"]] for one in items)
        table("Rules in use", ("Rules", "Version", "Since", "Proposal"), rows)


@app.command("show")
def show(
    proposal: Id,
    *,
    text: Annotated[bool, typer.Option("--text", help="The file alone.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show a proposal: who made it and why, what it would change, and with --text the file itself."""
    with reporting(as_json=as_json), Api.of() as api:
        found = api.get(f"/policies/{proposal}")
        if as_json:
            print_json(found)
        elif text:
            typer.echo(found["body"], nl=False)
        else:
            facts({name.replace("_", " ").capitalize(): found[name] for name in found.keys() - {"body", "what_if"}})
            _show(found["what_if"] or {"parts": []})


@app.command("what-if")
def what_if(
    file: File,
    *,
    kind: Kind = None,
    first: Annotated[int, typer.Option("--first", help="Show so many decisions one by one.", min=0)] = 20,
    as_json: AsJson = False,
) -> None:
    """Make all stored decisions again by a changed file: how many, which and what would come out otherwise."""
    with reporting(as_json=as_json), Api.of() as api:
        draft = {"kind": kind or _kind_of(file), "text": _text(file)}
        found = _asked(api, draft, first, quiet=as_json)
        if as_json:
            print_json(found)
            return
        say(f"{found['kind']}.toml, version {found['version']}: {MARK[found['standing']]}.")
        _show(found)


@app.command("propose")
def propose(file: File, *, reason: Reason, kind: Kind = None, as_json: AsJson = False) -> None:
    """Propose a changed file; another person approves it. Proposing it again changes nothing."""
    with reporting(as_json=as_json), Api.of() as api:
        draft = {"kind": kind or _kind_of(file), "text": _text(file), "reason": reason}
        made = api.post("/policies", draft)
        if as_json:
            print_json(made)
            return
        _show(made["what_if"] or {"parts": []})
        say(f"Proposed as {made['id']}. Another person runs: threeway policies approve {made['id']} --reason ...")


@app.command("approve")
def approve(proposal: Id, *, reason: Reason, as_json: AsJson = False) -> None:
    """Agree to what somebody else proposed. Put the file in place and restart the workers then."""
    _decide(proposal, "approve", reason, as_json=as_json)


@app.command("reject")
def reject(proposal: Id, *, reason: Reason, as_json: AsJson = False) -> None:
    """Turn a proposal down."""
    _decide(proposal, "reject", reason, as_json=as_json)


@app.command("withdraw")
def withdraw(proposal: Id, *, reason: Reason, as_json: AsJson = False) -> None:
    """Take back your own proposal."""
    _decide(proposal, "withdraw", reason, as_json=as_json)


def _decide(proposal: str, act: str, reason: str, *, as_json: bool) -> None:
    with reporting(as_json=as_json), Api.of() as api:
        made = api.post(f"/policies/{proposal}/{act}", {"reason": reason})
        if as_json:
            print_json(made)
        else:
            say(f"{made['kind']}.toml, version {made['version']}: {made['state']} by {made['decided_by']}.")


def _kind_of(file: Path) -> str:
    """By the file's name: `company.toml`, or another one that begins so."""
    found = next((kind for kind in FILES if file.name.startswith(kind)), None)
    if found is None:
        raise usage_error(f"{file.name} does not say which rules it has: add --kind {', '.join(FILES)}.")
    return found


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise usage_error(f"{file.name} is no text in UTF-8.") from None


def _asked(api: Api, draft: Json, first: int, *, quiet: bool) -> Json:
    """Part by part, summed up by kind of decision."""
    parts: dict[str, Json] = {}
    after: str | None = None
    while True:
        answer = api.post("/policies/what-if", {**draft, "after": after, "first": first})
        part = answer["part"]
        sums = parts.setdefault(part["decision"], {**part, "checked": 0, "differ": 0, "failed": 0, "first": []})
        before = Decimal(sums["money"]) if sums["checked"] else Decimal(0)
        sums |= {name: sums[name] + part[name] for name in ("checked", "differ", "failed")}
        sums |= {"money": str(before + Decimal(part["money"])), "first": (sums["first"] + part["first"])[:first]}
        sums["complete"] = part["complete"]
        if not quiet:
            err.print(f"{part['decision']}: {sums['checked']} made again", highlight=False)
        after = answer["next"]
        if after is None:
            head = {name: answer[name] for name in ("kind", "version", "digest", "standing")}
            totals = {name: sum(one[name] for one in parts.values()) for name in ("checked", "differ", "failed")}
            money = str(sum((Decimal(one["money"]) for one in parts.values()), Decimal(0)))
            return {**head, **totals, "money": money, "parts": list(parts.values())}


def _show(found: Json) -> None:
    for part in found["parts"]:
        money = f", {part['money']} of money" if Decimal(part["money"]) else ""
        failed = f", {part['failed']} cannot be made again" if part["failed"] else ""
        newest = "" if part["complete"] else " newest"
        say(f"{part['decision']}: {part['differ']} of {part['checked']}{newest} come out otherwise{money}{failed}.")
    columns = ("Decision", "Record", "Where", "Before", "After", "Money before", "Money after")
    rows = [row for part in found["parts"] for one in part["first"] for row in _rows(one)]
    if rows:
        table("Come out otherwise", columns, rows)


def _rows(one: Json) -> list[tuple[object, ...]]:
    """The record and its money stand in the first of its rows."""
    head: tuple[object, ...] = (one["decision"], f"{one['record_type']} {one['record_key']}")
    money: tuple[object, ...] = (one["money_before"], one["money_after"])
    if one["error"]:
        return [(*head, one["error"], None, None, *money)]
    rows: list[tuple[object, ...]] = []
    for change in one["changes"]:
        rows.append((*head, change["field"], _short(change["before"]), _short(change["after"]), *money))
        head, money = ("", ""), ("", "")
    return rows


def _short(value: object) -> object:
    """What is made of much is named by its kind: --json has it whole."""
    return "..." if isinstance(value, dict | list) and value else value
