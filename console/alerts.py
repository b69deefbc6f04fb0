"""`threeway alerts`: who is told of what, and whether it arrives."""

from __future__ import annotations

from typing import Annotated

import typer

from console.http import Api
from console.output import AsJson, CommandFailedError, print_json, reporting, say, table

app = typer.Typer(help="Who is told of what: messages, channels, a trial.", no_args_is_help=False)


@app.callback(invoke_without_command=True)
def overview(context: typer.Context) -> None:
    """Without a word after it: list the newest messages."""
    if context.invoked_subcommand is None:
        list_alerts()


@app.command("list")
def list_alerts(
    *,
    channel: Annotated[str | None, typer.Option("--channel", help="Only what goes to this channel.")] = None,
    state: Annotated[str | None, typer.Option("--state", help="waiting, sent or given_up; all if left out.")] = None,
    limit: Annotated[int, typer.Option("--limit", help="At most so many.", min=1)] = 20,
    as_json: AsJson = False,
) -> None:
    """List messages, the newest first: what they say, and whether they were taken."""
    with reporting(as_json=as_json), Api.of() as api:
        items = list(api.items("/alerts", limit, channel=channel, state=state))
        if as_json:
            print_json({"items": items})
            return
        names = ("made_at", "channel", "state", "tries", "sent_at", "error")
        titles = ("Made", "Channel", "State", "Tries", "Sent", "Why not", "Says")
        rows = ((*(item[name] for name in names), item["content"]["subject"]) for item in items)
        table("Alerts", titles, rows)


@app.command("channels")
def list_channels(*, as_json: AsJson = False) -> None:
    """List the channels that alerts.toml declares, never their addresses."""
    with reporting(as_json=as_json), Api.of() as api:
        items = list(api.get("/alerts/channels")["items"])
        if as_json:
            print_json({"items": items})
            return
        names = ("name", "kind", "routes", "lets_through", "digest_at", "pause_minutes")
        titles = ("Channel", "Kind", "Routes", "In quiet hours", "Digest at", "Pause, minutes")
        table("Channels", titles, ([item[name] for name in names] for item in items))


@app.command("test")
def try_channel(
    channel: Annotated[str, typer.Argument(help="The name in alerts.toml.")], *, as_json: AsJson = False
) -> None:
    """Send a message that says that nothing is wrong; ends with 1 where it is not taken."""
    with reporting(as_json=as_json), Api.of() as api:
        made = api.post("/alerts/test", {"channel": channel})
        if as_json:
            print_json(made)
            raise typer.Exit(0 if made["state"] == "sent" else 1)
        if made["state"] != "sent":
            raise CommandFailedError(f"The channel {channel} did not take it. {made['error'] or ''}".strip())
        say(f"The channel {channel} took it.")
