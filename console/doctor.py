"""`threeway doctor`: what is configured, reachable and missing, each with what to do."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from http import HTTPStatus
from typing import Any, Final, Literal

import psycopg
import typer
from pydantic import BaseModel
from rich.table import Table
from rich.text import Text

from console.http import Api, ApiProblemError, ApiUnreachableError
from console.output import FAILED, AsJson, out, print_json
from console.plan import COMPANY_FILE, PROJECT
from console.probes import http_answers, temporal_answers
from runtime.embedded.state import read_state
from runtime.settings import Settings, load_settings
from runtime.settings_errors import SettingsError, variable
from runtime.settings_sources import unknown_names
from runtime.temporal import connection
from runtime.vendors import QuickBooksSettings, SalesforceSettings

FREE_WARN: Final = 2 * 1024**3
FREE_FAIL: Final = 256 * 1024**2
LOOKED_AT_AGAIN: Final = "It is looked at again every ten minutes; the log of the worker has the details."
REMEDIES: Final = {
    "not_authorized": "Connect it again: its credentials are missing, expired or revoked.",
    "misconfigured": "Correct what the detail names, there or in the settings.",
}
WORDS: Final = {"ok": "[green]ok[/]", "warn": "[yellow]warn[/]", "fail": "[bold red]FAIL[/]"}


class Finding(BaseModel):
    """One line of the examination."""

    check: str
    result: Literal["ok", "warn", "fail"]
    detail: str
    remedy: str = ""


def doctor(*, as_json: AsJson = False) -> None:
    """Check what is configured, reachable and missing. Exit 1 when something fails. Secrets are never shown."""
    findings = examine()
    failed = any(finding.result == "fail" for finding in findings)
    if as_json:
        print_json({"ok": not failed, "checks": [finding.model_dump() for finding in findings]})
    else:
        _show(findings)
    if failed:
        raise typer.Exit(FAILED)


def examine() -> list[Finding]:
    """All checks; with wrong settings only those, as nothing else could be trusted."""
    try:
        settings = load_settings()
    except SettingsError as error:
        remedy = "Correct the variable in the environment or in .env."
        return [Finding(check="settings", result="fail", detail=text, remedy=remedy) for text in error.problems]
    checks: tuple[Callable[[Settings], Iterator[Finding]], ...] = (
        _settings, _config, _disk, _outbox, _stack, _postgres, _temporal, _quickbooks, _salesforce, _api,
    )  # fmt: skip
    return [finding for check in checks for finding in check(settings)]


def _settings(_settings: Settings) -> Iterator[Finding]:
    named = sorted(variable(name) for name in load_settings(attach=False).model_fields_set)
    yield Finding(check="settings", result="ok", detail=f"set: {', '.join(named)}" if named else "all defaults")
    known = {variable(name) for name in Settings.model_fields}
    for name in unknown_names(known):
        yield Finding(check="settings", result="warn", detail=f"{name} means nothing", remedy="Check its spelling.")


def _config(settings: Settings) -> Iterator[Finding]:
    folder = settings.config_dir
    shipped = {path.name for path in (PROJECT / "config").glob("*.toml")}
    missing = [name for name in sorted({COMPANY_FILE, *shipped}) if not (folder / name).is_file()]
    layouts = len(list((folder / "layouts").glob("*.y*ml"))) if (folder / "layouts").is_dir() else 0
    if missing or not layouts:
        lacking = [*missing, *([] if layouts else ["layouts/"])]
        remedy = "Copy them from the product's config folder, or set THREEWAY_CONFIG_DIR."
        yield Finding(check="config", result="fail", detail=f"{folder} lacks {', '.join(lacking)}", remedy=remedy)
    else:
        yield Finding(check="config", result="ok", detail=f"{folder}, {layouts} layouts")


def _disk(settings: Settings) -> Iterator[Finding]:
    place = next(path for path in (settings.data_dir, *settings.data_dir.parents) if path.exists())
    free = shutil.disk_usage(place).free
    result: Literal["ok", "warn", "fail"] = "ok" if free > FREE_WARN else "warn" if free > FREE_FAIL else "fail"
    remedy = "" if result == "ok" else "Free space on this disk, or set THREEWAY_DATA_DIR to another one."
    yield Finding(check="disk", result=result, detail=f"{free / 1024**3:.1f} GiB free at {place}", remedy=remedy)


def _outbox(settings: Settings) -> Iterator[Finding]:
    """Whether files for the ERP can be written: by writing one that nobody sees."""
    folder = settings.erp.outbox_dir
    place = next(path for path in (folder, *folder.parents) if path.exists())
    try:
        with tempfile.TemporaryFile(dir=place) as probe:
            probe.write(b"x")
            probe.flush()
    except OSError as error:
        remedy = "Correct its rights, free space there, or set THREEWAY_ERP_OUTBOX_DIR: orders wait until then."
        detail = f"{folder} cannot be written to: {os.strerror(error.errno or 0)}"
        yield Finding(check="outbox", result="fail", detail=detail, remedy=remedy)
    else:
        yield Finding(check="outbox", result="ok", detail=f"{folder}{'' if place == folder else ', made when needed'}")


def _stack(settings: Settings) -> Iterator[Finding]:
    state = read_state(settings.data_dir)
    if state is None:
        yield Finding(check="stack", result="ok", detail=f"none runs on {settings.data_dir}")
    elif state.owner.alive():
        detail = f"process {state.owner.pid}, since {state.started_at:%Y-%m-%d %H:%M:%S} UTC"
        yield Finding(check="stack", result="ok", detail=detail)
    else:
        detail = f"a former one (process {state.owner.pid}) crashed"
        yield Finding(check="stack", result="warn", detail=detail, remedy="`threeway up` clears what it left behind.")


def _postgres(settings: Settings) -> Iterator[Finding]:
    try:
        url = settings.require_database_url()
        with psycopg.connect(url, connect_timeout=3) as session:
            row = session.execute("select version()").fetchone()
    except SettingsError:
        yield Finding(
            check="postgresql", result="fail", detail="no stack is running and THREEWAY_DATABASE_URL is not set",
            remedy="Start `threeway up`, or set THREEWAY_DATABASE_URL.",
        )  # fmt: skip
    except psycopg.Error as error:
        reason = type(error).__name__
        remedy = "Check that it runs and that THREEWAY_DATABASE_URL is right."
        yield Finding(check="postgresql", result="fail", detail=f"cannot connect ({reason})", remedy=remedy)
    else:
        yield Finding(check="postgresql", result="ok", detail=str(row[0]).split(" on ")[0] if row else "answers")


def _temporal(settings: Settings) -> Iterator[Finding]:
    try:
        config = connection(settings)
    except SettingsError:
        yield Finding(
            check="temporal", result="fail", detail="no stack is running and TEMPORAL_ADDRESS is not set",
            remedy="Start `threeway up`, or set TEMPORAL_ADDRESS.",
        )  # fmt: skip
        return
    address, namespace = str(config.get("target_host")), config.get("namespace") or "default"
    if config.get("tls") or config.get("api_key"):
        yield Finding(check="temporal", result="ok", detail=f"{address}, secured: the API tells whether it answers")
    elif temporal_answers(address, namespace):
        yield Finding(check="temporal", result="ok", detail=f"{address}, namespace {namespace}")
    else:
        remedy = "Check that it runs, its address and the namespace."
        yield Finding(check="temporal", result="fail", detail=f"{address} does not answer", remedy=remedy)


def _quickbooks(settings: Settings) -> Iterator[Finding]:
    view = settings.quickbooks
    yield from _vendor("quickbooks", view, view.api_url.removesuffix("/v3") if view else "")


def _salesforce(settings: Settings) -> Iterator[Finding]:
    view = settings.salesforce
    yield from _vendor("salesforce", view, view.url if view else "")


def _vendor(name: str, view: QuickBooksSettings | SalesforceSettings | None, base: str) -> Iterator[Finding]:
    if view is None:
        remedy = f"Set the {variable(name)}_ variables, or THREEWAY_TWINS=on for the stand-in."
        yield Finding(check=name, result="warn", detail="not connected", remedy=remedy)
    elif not view.twin:
        yield Finding(check=name, result="ok", detail=f"configured: {base}")
    elif http_answers(f"{base}/__twin__/health"):
        yield Finding(check=name, result="ok", detail=f"stand-in at {base}")
    else:
        remedy = "Start `threeway up`; it runs the stand-ins."
        yield Finding(check=name, result="fail", detail=f"the stand-in at {base} does not answer", remedy=remedy)


def _api(settings: Settings) -> Iterator[Finding]:
    with Api.of(settings) as api:
        try:
            api.get("/readyz")
        except ApiUnreachableError as error:
            yield Finding(check="api", result="fail", detail=f"{api.base_url} does not answer", remedy=error.remedy)
            return
        except ApiProblemError as error:
            checks: dict[str, str] = error.problem.get("checks") or {"api": str(error)}
            lacking = "; ".join(f"{name}: {text}" for name, text in checks.items() if text != "ok")
            remedy = f"See the logs in {settings.data_dir / 'logs'}."
            yield Finding(check="api", result="fail", detail=f"{api.base_url} is not ready: {lacking}", remedy=remedy)
            return
        yield Finding(check="api", result="ok", detail=f"{api.base_url} is ready")
        yield from _connections(api)
        yield from _hooks(api)
        yield from _stock(api)


def _connections(api: Api) -> Iterator[Finding]:
    try:
        items = list(api.items("/connections"))
    except ApiProblemError as error:
        missing = error.status == HTTPStatus.NOT_FOUND
        detail = f"{api.base_url} does not tell about connections" if missing else str(error)
        remedy = "Run the API in this version." if missing else str(error.document().get("remedy", ""))
        yield Finding(check="connections", result="warn", detail=detail, remedy=remedy)
        return
    if not items:
        remedy = "Start a worker: it looks at its start and then every ten minutes."
        yield Finding(check="connections", result="warn", detail="no worker has looked yet", remedy=remedy)
    for item in items:
        good = item.get("ok") is True
        detail = f"{item.get('system')}: {item.get('sentence')}"
        remedy = "" if good else REMEDIES.get(str(item.get("code")), LOOKED_AT_AGAIN)
        yield Finding(check="connections", result="ok" if good else "fail", detail=detail, remedy=remedy)


def _hooks(api: Api) -> Iterator[Finding]:
    """Whether Salesforce may call, and when it did last; without calls orders come by the poll, only later."""
    try:
        found = api.get("/hooks")
    except ApiProblemError as error:
        remedy = str(error.document().get("remedy", ""))
        yield Finding(check="hooks", result="warn", detail=str(error), remedy=remedy)
        return
    last = max((at for at in (found["last_call_at"], found["last_message_at"]) if at), default=None)
    if not found["on"]:
        detail = "off: orders are seen with the poll"
        remedy = "Set THREEWAY_SALESFORCE_HOOK_SECRET if Salesforce shall say at once what changed."
    else:
        detail = f"on, the last one came at {last}" if last else "on, none came yet"
        remedy = "" if found["org_checked"] else "Set THREEWAY_SALESFORCE_ORG_ID, so that a copied sandbox is refused."
    yield Finding(check="hooks", result="ok", detail=detail, remedy=remedy)
    yield _events(found)


def _events(found: dict[str, Any]) -> Finding:
    """Whether events of QuickBooks come, and when it was looked at last; without events changes are only seen later."""
    looked = f"; the last look was at {found['last_look_at']}" if found["last_look_at"] else "; no look yet"
    if not found["events_on"]:
        remedy = "Set THREEWAY_QUICKBOOKS_WEBHOOK_VERIFIER if QuickBooks shall say at once what people do there."
        return Finding(
            check="events", result="ok", detail=f"off: changes are seen with the look{looked}", remedy=remedy
        )
    if not found["last_event_at"]:
        remedy = "Check the endpoint and the entities of the webhooks in Intuit's developer portal."
        return Finding(check="events", result="ok", detail=f"on, none came yet{looked}", remedy=remedy)
    return Finding(check="events", result="ok", detail=f"on, the last one came at {found['last_event_at']}{looked}")


def _stock(api: Api) -> Iterator[Finding]:
    try:
        feeds = list(api.items("/stock/feeds"))
    except ApiProblemError as error:
        remedy = str(error.document().get("remedy", ""))
        yield Finding(check="stock", result="warn", detail=str(error), remedy=remedy)
        return
    if not feeds:
        yield Finding(check="stock", result="ok", detail="no stock export came yet")
    for feed in feeds:
        good = feed["confidence"] == "fresh"
        detail = f"{feed['warehouse']}: {feed['confidence']}, {feed['filename']} of {feed['effective_at']}"
        remedy = "" if good else f"{feed['missed_exports']} exports are late: ask the ERP's operators for the next one."
        yield Finding(check="stock", result="ok" if good else "warn", detail=detail, remedy=remedy)


def _show(findings: list[Finding]) -> None:
    grid = Table(box=None, header_style="bold", padding=(0, 2, 0, 0))
    for column in ("Check", "Result", "Detail", "What to do"):
        grid.add_column(column, overflow="fold")
    for finding in findings:
        grid.add_row(finding.check, WORDS[finding.result], Text(finding.detail), Text(finding.remedy))
    out.print(grid)
