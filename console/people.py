"""`threeway people`: who may sign in to the dashboard."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

import typer

from console.http import Api, Json
from console.output import AsJson, facts, print_json, reporting, say, table

app = typer.Typer(help="People who sign in to the dashboard: add, list, disable, password.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="What they sign in with.")]
Ask = Annotated[bool, typer.Option("--ask", help="Ask for the password instead of making one up.")]


@app.command("add")
def add(
    name: Name,
    *,
    role: Annotated[str, typer.Option("--role", help="viewer, operator or admin.")] = "viewer",
    full_name: Annotated[str, typer.Option("--full-name", help="As people call them.")] = "",
    ask: Ask = False,
    as_json: AsJson = False,
) -> None:
    """Let somebody sign in. A password that is made up is shown once and stored only as a hash."""
    with reporting(as_json=as_json), Api.of() as api:
        body: Json = {"name": name, "role": role, "full_name": full_name} | _given(ask=ask)
        _shown(api.post("/people", body), as_json=as_json)


@app.command("list")
def list_people(*, as_json: AsJson = False) -> None:
    """List everybody who ever could sign in."""
    with reporting(as_json=as_json), Api.of() as api:
        items = list(api.items("/people"))
        if as_json:
            print_json({"items": items})
            return
        names = ("name", "full_name", "role", "created_at", "disabled_at")
        table(
            "People",
            ("Name", "Full name", "Role", "Created", "Disabled"),
            ([one.get(name) for name in names] for one in items),
        )


@app.command("disable")
def disable(name: Name, *, as_json: AsJson = False) -> None:
    """Let somebody sign in no more, and sign them out everywhere at once."""
    with reporting(as_json=as_json), Api.of() as api:
        answer = api.post(f"/people/{quote(name, safe='')}/disable")
        if as_json:
            print_json(answer)
        else:
            say(f"{name} cannot sign in any more.")


@app.command("password")
def password(name: Name, *, ask: Ask = False, as_json: AsJson = False) -> None:
    """Give somebody a new password; they are signed out everywhere."""
    with reporting(as_json=as_json), Api.of() as api:
        _shown(api.post(f"/people/{quote(name, safe='')}/password", _given(ask=ask)), as_json=as_json)


def _given(*, ask: bool) -> Json:
    return {"password": typer.prompt("Password", hide_input=True, confirmation_prompt=True)} if ask else {}


def _shown(answer: Json, *, as_json: bool) -> None:
    if as_json:
        print_json(answer)
        return
    facts({"Name": answer.get("name"), "Full name": answer.get("full_name"), "Role": answer.get("role")})
    if answer.get("password"):
        say(f"Password (shown only now): {answer['password']}")
