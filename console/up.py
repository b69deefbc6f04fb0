"""`threeway up`: run the whole gateway on this machine until Ctrl-C."""

from __future__ import annotations

import contextlib
import threading

from rich.console import Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from console.first_person import sign_in_words
from console.output import AsJson, err, facts, out, print_json, reporting, say
from console.stack import Stack, Status, interruptible
from runtime import logs
from runtime.embedded.processes import State
from runtime.embedded.secrets import ADMIN_KEY_FILE, secret_path
from runtime.settings import load_settings

MARKS = {
    State.WAITING: "[dim]waiting[/]",
    State.STARTING: "[yellow]starting ...[/]",
    State.READY: "[green]ready[/]",
    State.RESTARTING: "[yellow]restarting ...[/]",
    State.STOPPING: "[yellow]stopping ...[/]",
    State.STOPPED: "stopped",
    State.FAILED: "[bold red]failed[/]",
}


def up(*, as_json: AsJson = False) -> None:
    """Run everything on this machine: PostgreSQL, Temporal, stand-ins, worker and API. Ctrl-C stops it in order."""
    with reporting(as_json=as_json):
        settings = load_settings(attach=False)
        settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (settings.data_dir / "stack.log").open("a", encoding="utf-8") as log:
            logs.configure(style=settings.log_format, level=settings.log_level, role="stack", stream=log)
            _stay_up(Stack(settings), as_json=as_json)


def status_table(statuses: list[Status]) -> Table:
    """What runs, in which state, where."""
    grid = Table(box=None, header_style="bold", padding=(0, 2, 0, 0))
    for column in ("Service", "State", "Where", ""):
        grid.add_column(column, overflow="fold")
    for status in statuses:
        grid.add_row(status.name, MARKS[status.state], Text(status.address), status.detail)
    return grid


def start_with_table(stack: Stack) -> None:
    """Start the stack and show its services coming up; on a pipe only the final table."""
    if not out.is_terminal:
        stack.up()
        return
    with Live(get_renderable=lambda: Group(status_table(stack.statuses())), console=out, refresh_per_second=8):
        stack.up()


def introduce(stack: Stack) -> None:
    """Where to look, once everything is up."""
    facts(
        {
            "Dashboard": stack.api_url,
            "Sign in as": sign_in_words(stack),
            "API": stack.api_url,
            "API description": f"{stack.api_url}/docs",
            "Temporal Web UI": stack.temporal_ui_url,
            "Stand-ins": stack.twin_urls,
            "Drop folder": stack.settings.erp.inbox_dir,
            "Logs": stack.supervisor.logs,
            "Admin key": f"in {secret_path(stack.settings.data_dir, ADMIN_KEY_FILE)}"
            if ADMIN_KEY_FILE in stack.plan.generated
            else "THREEWAY_ADMIN_KEY",
        }
    )


def _stay_up(stack: Stack, *, as_json: bool) -> None:
    with interruptible(stack):
        try:
            if as_json:
                stack.up()
                print_json({"state": "ready", "started_at": stack.started_at.isoformat(), "addresses": stack.addresses})
            else:
                start_with_table(stack)
                if stack.leftovers:
                    say(f"Stopped what a crashed stack had left behind: {', '.join(stack.leftovers)}.")
                introduce(stack)
                say("Running. Ctrl-C stops everything in order; a second one at once.")
            out.file.flush()
            threading.Event().wait()
        except KeyboardInterrupt:
            _note("Stopping ...")
            stack.down()
            _note("Stopped.")


def _note(text: str) -> None:
    """Tell it if somebody still listens: the terminal may be closed by now."""
    with contextlib.suppress(OSError):
        err.print(text)
