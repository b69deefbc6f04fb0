"""`threeway keys`: who may call the API."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

import typer

from console.http import Api, Json
from console.output import AsJson, facts, print_json, reporting, say, table

app = typer.Typer(help="Keys of the API: create, list, revoke.", no_args_is_help=True)


@app.command("create")
def create(
    name: Annotated[str, typer.Argument(help="Whose key it is, for the records.")],
    *,
    scope: Annotated[list[str], typer.Option("--scope", help="viewer, operator, admin or ingest; repeatable.")],
    days: Annotated[int | None, typer.Option("--days", help="Valid for so many days; without end if left out.")] = None,
    as_json: AsJson = False,
) -> None:
    """Create a key. It is shown once and stored only as a hash."""
    with reporting(as_json=as_json), Api.of() as api:
        body: Json = {"name": name, "scopes": scope} | ({"expires_in_days": days} if days is not None else {})
        answer = api.post("/keys", body)
        if as_json:
            print_json(answer)
        else:
            facts({"Name": answer.get("name") or name, "Scopes": answer.get("scopes") or scope, "Id": answer.get("id")})
            say(f"Key (shown only now): {answer.get('key')}")


@app.command("list")
def list_keys(*, as_json: AsJson = False) -> None:
    """List the keys, never their values."""
    with reporting(as_json=as_json), Api.of() as api:
        items = list(api.items("/keys"))
        if as_json:
            print_json({"items": items})
            return
        names = ("id", "name", "scopes", "created_at", "last_used_at", "expires_at", "revoked_at")
        titles = ("Id", "Name", "Scopes", "Created", "Last used", "Expires", "Revoked")
        table("Keys", titles, ([item.get(name) for name in names] for item in items))


@app.command("revoke")
def revoke(
    key_id: Annotated[str, typer.Argument(help="The id that the list shows.")], *, as_json: AsJson = False
) -> None:
    """Make a key worthless at once."""
    with reporting(as_json=as_json), Api.of() as api:
        answer = api.delete(f"/keys/{quote(key_id, safe='')}")
        if as_json:
            print_json(answer or {"id": key_id, "state": "revoked"})
        else:
            say(f"Key {key_id} is revoked.")
