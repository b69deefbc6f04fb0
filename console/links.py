"""`threeway links`: which records of the systems are the same thing."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Annotated, Final

import typer

from console.http import Api
from console.output import AsJson, document, print_json, reporting, say, table, usage_error
from console.waiting import follow_workflow

app = typer.Typer(
    help="Which records of the systems are the same thing: match, confirm, list, import.", no_args_is_help=True
)

COLUMNS: Final = ("kind", "system", "local_key", "external_id")
ROLE: Final = "role"
OWN: Final = "own"
KindFilter = Annotated[str | None, typer.Option("--kind", help="customer, item, terms, order, invoice ...")]
SystemFilter = Annotated[str | None, typer.Option("--system", help="erp, quickbooks or salesforce.")]


@app.command("match")
def match(
    *,
    accept_exact: Annotated[
        bool, typer.Option("--accept-exact", help="Confirm pairs that are exact on a strong key; propose the rest.")
    ] = False,
    timeout: Annotated[float, typer.Option("--timeout", help="How long to wait, in seconds.", min=1)] = 300,
    as_json: AsJson = False,
) -> None:
    """Propose pairs between the systems, with a score. Writes nothing unless --accept-exact is given."""
    with reporting(as_json=as_json), Api.of() as api:
        started = api.post("/links/match", {"accept_exact": accept_exact})
        done = follow_workflow(api, started, seconds=timeout)
        if as_json:
            print_json(done)
            return
        say("Matched." if accept_exact else "Matched; nothing is confirmed yet (--accept-exact confirms exact pairs).")
        document(done.get("result"))


@app.command("list")
def list_links(
    *,
    kind: KindFilter = None,
    system: SystemFilter = None,
    state: Annotated[str | None, typer.Option("--state", help="proposed, confirmed or retired.")] = None,
    role: Annotated[str | None, typer.Option("--role", help="own or billed_to.")] = None,
    limit: Annotated[int, typer.Option("--limit", help="At most so many.", min=1)] = 200,
    as_json: AsJson = False,
) -> None:
    """List links and proposals."""
    with reporting(as_json=as_json), Api.of() as api:
        items = list(api.items("/links", limit, kind=kind, system=system, state=state, role=role))
        if as_json:
            print_json({"items": items})
            return
        names = ("kind", "system", "local_key", "external_id", "role", "state", "score", "reason")
        titles = ("Kind", "System", "Our key", "Their id", "Role", "State", "Score", "Why")
        table("Links", titles, ([item.get(name) for name in names] for item in items))


@app.command("confirm")
def confirm(
    kind: Annotated[str, typer.Argument(help="customer, item, terms ...")],
    system: Annotated[str, typer.Argument(help="erp, quickbooks or salesforce.")],
    local_key: Annotated[str, typer.Argument(help="Our key, such as a SKU or a customer number.")],
    external_id: Annotated[str, typer.Argument(help="The record's id in that system.")],
    *,
    role: Annotated[
        str, typer.Option("--role", help="billed_to: that record is somebody else's, under which it is invoiced.")
    ] = OWN,
    as_json: AsJson = False,
) -> None:
    """Say that our record and one of another system are the same thing, or that ours is billed to that one."""
    with reporting(as_json=as_json), Api.of() as api:
        pair = dict(zip(COLUMNS, (kind, system, local_key, external_id), strict=True))
        answer = api.post("/links/confirm", pair if role == OWN else {**pair, ROLE: role})
        if as_json:
            print_json(answer)
        else:
            word = "is" if role == OWN else "is billed to"
            say(f"{kind} {local_key} {word} {external_id} in {system}.")


@app.command("retire")
def retire(
    kind: Annotated[str, typer.Argument(help="customer, item or terms.")],
    system: Annotated[str, typer.Argument(help="quickbooks or salesforce.")],
    local_key: Annotated[str, typer.Argument(help="Our key, such as a SKU or a customer number.")],
    external_id: Annotated[str, typer.Argument(help="The record's id in that system.")],
    *,
    reason: Annotated[str, typer.Option("--reason", help="Why it is wrong.")],
    as_json: AsJson = False,
) -> None:
    """Stop using a confirmed link that is wrong; nothing that was billed by it changes."""
    with reporting(as_json=as_json), Api.of() as api:
        pair = dict(zip(COLUMNS, (kind, system, local_key, external_id), strict=True))
        api.post("/links/retire", {**pair, "reason": reason})
        if as_json:
            print_json({**pair, "state": "retired"})
        else:
            say(f"{kind} {local_key} is no longer {external_id} in {system}.")


@app.command("import")
def import_links(
    file: Annotated[
        Path,
        typer.Argument(help="CSV with the columns kind, system, local_key, external_id, and role if any.", exists=True),
    ],
    *,
    as_json: AsJson = False,
) -> None:
    """Confirm many links from a CSV file, all or none."""
    rows = _read(file)
    with reporting(as_json=as_json), Api.of() as api:
        answer = api.post("/links/import", rows)
        if as_json:
            print_json(answer)
        else:
            say(f"{answer.get('confirmed', 0)} of {len(rows)} links are new.")


def _read(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8-sig", newline="") as content:
        reader = csv.DictReader(content)
        missing = [name for name in COLUMNS if name not in (reader.fieldnames or [])]
        if missing:
            raise usage_error(f"{file.name} lacks the columns {', '.join(missing)}; it needs {', '.join(COLUMNS)}.")
        return [_pair(row) for row in reader]


def _pair(row: dict[str, str | None]) -> dict[str, str]:
    """A line of the file; one that leaves the role blank is a record's own."""
    role = (row.get(ROLE) or "").strip()
    return {name: (row[name] or "").strip() for name in COLUMNS} | ({ROLE: role} if role else {})
