"""Commands against a scripted API: what they send, what they print, and their exit codes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from cli import OWN
from console.program import COMMANDS
from tests.console.conftest import PROJECT, Run, StubApi


def test_help_names_every_command_and_imports_nothing_heavy(program: Run) -> None:
    shown = program("--help")
    assert shown.returncode == 0
    for name in ("up", "demo", "worker", "api", "migrate", "drop", "trace", "layout", "exceptions", "links", "doctor"):
        assert f" {name} " in shown.stdout
    modules = "{'httpx', 'temporalio', 'sqlmodel', 'psycopg'}"
    heavy = f"import sys, cli; cli.build(cli.OWN, ''); print({modules} & set(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", heavy], capture_output=True, text=True, check=True, cwd=PROJECT)
    assert loaded.stdout == "set()\n"


def test_the_program_passes_its_exit_code_on(program: Run) -> None:
    assert program("nonsense").returncode == 2


@pytest.mark.parametrize("words", [["nonsense"], ["trace"], ["exceptions", "resolve", "e-1"], ["drop", "absent.txt"]])
def test_wrong_usage_ends_with_2(run: Run, words: list[str]) -> None:
    assert run(*words).returncode == 2


def test_a_wrong_setting_ends_with_2_and_names_the_variable(run: Run) -> None:
    shown = run("trace", "X", THREEWAY_PORT="many")
    assert shown.returncode == 2
    assert "THREEWAY_PORT" in shown.stderr
    assert json.loads(run("trace", "X", "--json", THREEWAY_PORT="many").stdout)["error"]["problems"]


def test_a_problem_is_told_with_its_remedy(run: Run) -> None:
    shown = run("trace", "SH-9")
    assert shown.returncode == 1
    assert "Not Found: There is no /trace/SH-9." in shown.stderr
    assert "What to do:" in shown.stderr
    assert shown.stdout == ""


def test_a_problem_is_json_for_a_program(api: StubApi, run: Run) -> None:
    api.on("GET", "/trace/SH-9", {"title": "Forbidden", "detail": "no scope", "code": "forbidden"}, status=403)
    shown = run("trace", "SH-9", "--json")
    assert shown.returncode == 1
    error = json.loads(shown.stdout)["error"]
    assert (error["status"], error["code"]) == (403, "forbidden")
    assert "threeway keys create" in error["remedy"]


def test_field_errors_are_listed(api: StubApi, run: Run) -> None:
    problem = {"title": "Unprocessable", "errors": [{"loc": ["body", "value"], "msg": "is needed"}]}
    api.on("POST", "/exceptions/e-1/resolve", problem, status=422)
    shown = run("exceptions", "resolve", "e-1", "--choice", "use_item", "--reason", "because")
    assert "body.value: is needed" in shown.stderr


def test_an_answer_that_is_not_json_is_told(api: StubApi, run: Run) -> None:
    api.on("GET", "/trace/X", b"<html>proxy</html>")
    shown = run("trace", "X")
    assert shown.returncode == 1
    assert "not JSON" in shown.stderr


def test_an_api_that_does_not_answer(run: Run) -> None:
    shown = run("trace", "X", THREEWAY_URL="http://127.0.0.1:1")
    assert shown.returncode == 1
    assert "The API does not answer" in shown.stderr
    assert "threeway up" in shown.stderr
    assert "k-for-tests" not in shown.stderr


def test_the_key_travels_in_its_header_and_never_shows(api: StubApi, run: Run) -> None:
    shown = run("trace", "X", THREEWAY_API_KEY="k-of-operator")
    assert api.requests[0].headers["x-api-key"] == "k-of-operator"
    assert "k-of-operator" not in shown.stdout + shown.stderr


def test_lists_follow_the_cursor(api: StubApi, run: Run) -> None:
    api.on(
        "GET", "/links", {"items": [{"local_key": "A"}], "next": "c1"}, {"items": [{"local_key": "B"}], "next": None}
    )
    shown = run("links", "list", "--kind", "item", "--json")
    assert [item["local_key"] for item in json.loads(shown.stdout)["items"]] == ["A", "B"]
    assert api.requests[0].query["kind"] == "item"
    assert api.requests[1].query["cursor"] == "c1"


def test_exceptions_lists_open_ones_by_default(api: StubApi, run: Run) -> None:
    item = {"id": "e-1", "kind": "hold", "cause": "unknown_item", "money_at_stake": "12.50", "choices": ["use_item"]}
    api.on("GET", "/exceptions", {"items": [item], "next": None})
    shown = run("exceptions")
    assert api.requests[0].query["state"] == "open"
    assert "unknown_item" in shown.stdout
    assert "12.50" in shown.stdout


def test_exceptions_resolve_sends_the_decision(api: StubApi, run: Run) -> None:
    api.on("POST", "/exceptions/e-1/resolve", {"id": "e-1", "state": "resolved"})
    shown = run("exceptions", "resolve", "e-1", "--choice", "use_item", "--value", "SKU-1", "--reason", "renamed")
    assert shown.returncode == 0
    assert api.requests[0].json() == {"choice": "use_item", "value": "SKU-1", "reason": "renamed"}


def test_links_match_follows_the_workflow(api: StubApi, run: Run) -> None:
    started = {"workflow_id": "links-match/1", "status_url": "https://gateway.example/workflows/links-match/1"}
    api.on("POST", "/links/match", started, status=202)
    result = {"counts": [{"system": "quickbooks", "exact": 4}]}
    api.on("GET", "/workflows/links-match/1", {"status": "running"}, {"status": "completed", "result": result})
    shown = run("links", "match", "--accept-exact")
    assert shown.returncode == 0
    assert api.requests[0].json() == {"accept_exact": True}
    assert "quickbooks" in shown.stdout


def test_a_workflow_that_fails_is_a_failure(api: StubApi, run: Run) -> None:
    api.on("POST", "/orders/pull", {"workflow_id": "w", "status_url": "/workflows/w"}, status=202)
    api.on("GET", "/workflows/w", {"workflow_id": "w", "status": "failed"})
    shown = run("orders", "pull")
    assert shown.returncode == 1
    assert "ended as failed" in shown.stderr


def test_links_import_reads_csv(api: StubApi, run: Run, tmp_path: Path) -> None:
    (tmp_path / "links.csv").write_text("\ufeffkind,system,local_key,external_id\nitem,quickbooks,SKU-1, 42\n", "utf-8")
    api.on("POST", "/links/import", {"confirmed": 1})
    assert run("links", "import", "links.csv").returncode == 0
    row = {"kind": "item", "system": "quickbooks", "local_key": "SKU-1", "external_id": "42"}
    assert api.requests[0].json() == [row]
    (tmp_path / "roles.csv").write_text(
        "kind,system,local_key,external_id,role\ncustomer,quickbooks,51,58,billed_to\nitem,quickbooks,SKU-1,42,\n"
    )
    assert run("links", "import", "roles.csv").returncode == 0
    branch = {"kind": "customer", "system": "quickbooks", "local_key": "51", "external_id": "58", "role": "billed_to"}
    assert api.requests[1].json() == [branch, row]
    (tmp_path / "wrong.csv").write_text("kind,system\n")
    assert run("links", "import", "wrong.csv").returncode == 2


@pytest.mark.parametrize(
    ("words", "path", "asked"),
    [
        (("orders", "list", "--customer", "7"), "/orders", {"customer_number": "7"}),
        (("stock", "list", "--warehouse", "ATL"), "/stock", {"warehouse": "ATL"}),
        (
            ("exceptions", "list", "--owner", "billing"),
            "/exceptions",
            {"owner": "billing", "state": "open", "order": "rank", "snoozed": "false"},
        ),
    ],
)
def test_a_list_is_a_csv_file(
    api: StubApi, run: Run, tmp_path: Path, words: tuple[str, ...], path: str, asked: dict[str, str]
) -> None:
    """The filters go along, the limit of the screen does not."""
    api.on("GET", path, b"number\r\nSO1\r\n")
    assert run(*words, "--csv", "list.csv").stdout == "Written to list.csv.\n"
    assert (tmp_path / "list.csv").read_bytes() == b"number\r\nSO1\r\n"
    assert api.requests[0].query == {**asked, "format": "csv"}
    assert run(*words, "--csv", "-").stdout.splitlines() == ["number", "SO1"]


def test_links_confirm_says_what_the_link_means(api: StubApi, run: Run) -> None:
    """Case M6."""
    pair = {"kind": "customer", "system": "quickbooks", "local_key": "51", "external_id": "58"}
    api.on("POST", "/links/confirm", {**pair, "role": "own"}, {**pair, "role": "billed_to"})
    assert run("links", "confirm", *pair.values()).stdout == "customer 51 is 58 in quickbooks.\n"
    shown = run("links", "confirm", *pair.values(), "--role", "billed_to")
    assert shown.stdout == "customer 51 is billed to 58 in quickbooks.\n"
    assert [one.json() for one in api.requests] == [pair, {**pair, "role": "billed_to"}]


def test_links_list_shows_the_role_and_is_narrowed_down_by_it(api: StubApi, run: Run) -> None:
    """Case M6."""
    api.on("GET", "/links", {"items": [{"local_key": "51", "role": "billed_to"}], "next": None})
    assert "billed_to" in run("links", "list", "--role", "billed_to").stdout
    assert api.requests[0].query["role"] == "billed_to"


RETIRED = ("links", "retire", "item", "quickbooks", "SKU-1", "42")


def test_links_retire_sends_the_pair_and_the_reason(api: StubApi, run: Run) -> None:
    api.on("POST", "/links/retire", b"", status=204)
    shown = run(*RETIRED, "--reason", "of the old series")
    pair = {"kind": "item", "system": "quickbooks", "local_key": "SKU-1", "external_id": "42"}
    assert (shown.returncode, shown.stdout) == (0, "item SKU-1 is no longer 42 in quickbooks.\n")
    assert api.requests[0].json() == {**pair, "reason": "of the old series"}
    assert json.loads(run(*RETIRED, "--reason", "again", "--json").stdout) == {**pair, "state": "retired"}


def test_links_retire_needs_a_reason_and_a_link_that_is_in_use(api: StubApi, run: Run) -> None:
    assert run(*RETIRED).returncode == 2
    assert api.requests == []
    problem = {"title": "Not Found", "detail": "item SKU-1 has no confirmed link to 42 in quickbooks."}
    api.on("POST", "/links/retire", problem, status=404)
    shown = run(*RETIRED, "--reason", "of the old series")
    assert shown.returncode == 1
    assert "has no confirmed link" in shown.stderr


def test_a_key_is_shown_once_and_revoked_by_id(api: StubApi, run: Run) -> None:
    api.on("POST", "/keys", {"id": "k1", "name": "bot", "scopes": ["viewer"], "key": "tw_x"}, status=201)
    api.on("DELETE", "/keys/k1", b"")
    assert "tw_x" in run("keys", "create", "bot", "--scope", "viewer", "--days", "30").stdout
    assert api.requests[0].json() == {"name": "bot", "scopes": ["viewer"], "expires_in_days": 30}
    assert run("keys", "revoke", "k1").returncode == 0


def test_layout_check_fails_with_its_problems(api: StubApi, run: Run, tmp_path: Path) -> None:
    (tmp_path / "l.yaml").write_text("name: x\n")
    api.on("POST", "/layouts/check", {"ok": False, "problems": ["fields overlap"]})
    shown = run("layout", "check", "l.yaml")
    assert shown.returncode == 1
    assert "fields overlap" in shown.stdout


def test_doctor_tells_what_is_missing(api: StubApi, run: Run) -> None:
    api.on("GET", "/readyz", {"ready": False, "checks": {"database": "ok", "worker": "no worker"}}, status=503)
    extra = {"THREEWAY_QUICKBOOK_REALM": "1", "THREEWAY_TWINS": "off", "THREEWAY_CONFIG_DIR": "absent"}
    shown = run("doctor", "--json", **extra)
    assert shown.returncode == 1
    checks = {item["check"] + "/" + item["result"]: item for item in json.loads(shown.stdout)["checks"]}
    assert "THREEWAY_QUICKBOOK_REALM" in checks["settings/warn"]["detail"]
    assert "worker: no worker" in checks["api/fail"]["detail"]
    assert "threeway up" in checks["postgresql/fail"]["remedy"]
    assert "threeway up" in checks["temporal/fail"]["remedy"]
    assert "company.toml" in checks["config/fail"]["detail"]
    assert checks["quickbooks/warn"]["detail"] == "not connected"
    assert "k-for-tests" not in shown.stdout


def _connections(api: StubApi, run: Run, *items: dict[str, object]) -> list[dict[str, str]]:
    api.on("GET", "/readyz", {"ready": True, "checks": {}})
    if items:
        api.on("GET", "/connections", {"items": [one for one in items if one], "next": None})
    found = json.loads(run("doctor", "--json", THREEWAY_TWINS="off").stdout)["checks"]
    return [item for item in found if item["check"] == "connections"]


def test_doctor_tells_what_a_worker_saw_of_the_connections(api: StubApi, run: Run) -> None:
    refused = {"system": "quickbooks", "ok": False, "sentence": "It refuses us.", "code": "not_authorized"}
    away = {"system": "salesforce", "ok": False, "sentence": "It does not answer.", "code": "unavailable"}
    well = {"system": "erp", "ok": True, "sentence": "It answers.", "code": None}
    first, second, third = _connections(api, run, refused, away, well)
    assert (first["result"], first["detail"]) == ("fail", "quickbooks: It refuses us.")
    assert "Connect it again" in first["remedy"]
    assert second["result"] == "fail"
    assert "looked at again every ten minutes" in second["remedy"]
    assert (third["result"], third["detail"], third["remedy"]) == ("ok", "erp: It answers.", "")


def test_doctor_warns_when_no_worker_has_looked(api: StubApi, run: Run) -> None:
    (found,) = _connections(api, run, {})
    assert (found["result"], found["detail"]) == ("warn", "no worker has looked yet")
    assert "Start a worker" in found["remedy"]


def test_doctor_warns_when_the_api_does_not_know_connections(api: StubApi, run: Run) -> None:
    (found,) = _connections(api, run)
    assert found["result"] == "warn"
    assert "does not tell about connections" in found["detail"]


@pytest.mark.parametrize(
    ("state", "detail", "remedy"),
    [
        ({"on": False}, "off", "THREEWAY_SALESFORCE_HOOK_SECRET"),
        ({}, "on, none came yet", ""),
        (
            {"last_call_at": "2026-11-25T10:55:00Z", "last_message_at": "2026-11-25T11:55:00Z"},
            "at 2026-11-25T11:55",
            "",
        ),
        ({"org_checked": False}, "on", "THREEWAY_SALESFORCE_ORG_ID"),
    ],
)
def test_doctor_tells_whether_salesforce_calls(
    api: StubApi, run: Run, state: dict[str, object], detail: str, remedy: str
) -> None:
    events = {"events_on": True, "last_event_at": None, "last_look_at": None}
    whole = {"on": True, "org_checked": True, "last_call_at": None, "last_message_at": None, **events, **state}
    api.on("GET", "/readyz", {"ready": True, "checks": {}})
    api.on("GET", "/hooks", whole)
    found = json.loads(run("doctor", "--json", THREEWAY_TWINS="off").stdout)["checks"]
    (hooks,) = (item for item in found if item["check"] == "hooks")
    assert hooks["result"] == "ok"
    assert detail in hooks["detail"]
    assert remedy in hooks["remedy"]
    assert bool(remedy) is bool(hooks["remedy"])


@pytest.mark.parametrize(
    ("state", "detail", "remedy"),
    [
        ({"events_on": False}, "off", "THREEWAY_QUICKBOOKS_WEBHOOK_VERIFIER"),
        ({}, "on, none came yet; no look yet", "developer portal"),
        (
            {"last_event_at": "2026-11-25T10:55:00Z", "last_look_at": "2026-11-25T10:56:00Z"},
            "the last one came at 2026-11-25T10:55:00Z; the last look was at 2026-11-25T10:56:00Z",
            "",
        ),
    ],
)
def test_doctor_tells_whether_events_of_quickbooks_arrive(
    api: StubApi, run: Run, state: dict[str, object], detail: str, remedy: str
) -> None:
    """X3."""
    hooks = {"on": True, "org_checked": True, "last_call_at": None, "last_message_at": None}
    events = {"events_on": True, "last_event_at": None, "last_look_at": None, **state}
    api.on("GET", "/readyz", {"ready": True, "checks": {}})
    api.on("GET", "/hooks", {**hooks, **events})
    found = json.loads(run("doctor", "--json", THREEWAY_TWINS="off").stdout)["checks"]
    (told,) = (item for item in found if item["check"] == "events")
    assert detail in told["detail"]
    assert remedy in told["remedy"]
    assert bool(remedy) is bool(told["remedy"])


def test_doctor_tells_how_old_the_stock_is(api: StubApi, run: Run) -> None:
    """Case I7."""
    feed = {"filename": "INV410R.1", "effective_at": "2026-11-25T10:55:00Z", "missed_exports": 2}
    fresh, aging = (
        {**feed, "warehouse": "ATL", "confidence": "fresh"},
        {**feed, "warehouse": "RNO", "confidence": "aging"},
    )
    api.on("GET", "/readyz", {"ready": True, "checks": {}})
    api.on("GET", "/stock/feeds", {"items": [fresh, aging], "next": None})
    found = json.loads(run("doctor", "--json", THREEWAY_TWINS="off").stdout)["checks"]
    first, second = (item for item in found if item["check"] == "stock")
    assert (first["result"], first["remedy"]) == ("ok", "")
    assert second["result"] == "warn"
    assert "RNO: aging, INV410R.1" in second["detail"]
    assert "2 exports are late" in second["remedy"]


def test_outbox_lists_files_and_shows_one(api: StubApi, run: Run) -> None:
    file = {
        "sequence": 12,
        "name": "ORDIMP.S000012",
        "state": "written",
        "message_count": 2,
        "replacement_count": 1,
        "layout": "ordimp",
    }
    detail = {
        **file,
        "messages": [{"order_number": "SO700310", "action": "add", "revision": 1}],
        "replacements": [{"key": "SO700310", "field": "purchase_order", "given": "Łódź", "written": "Lódz"}],
    }
    api.on("GET", "/erp/order-files", {"items": [file], "next": None})
    api.on("GET", "/erp/order-files/12", detail)

    assert "ORDIMP.S000012" in run("outbox", "list").stdout
    assert json.loads(run("outbox", "list", "--json").stdout)["items"] == [file]
    shown = run("outbox", "show", "12").stdout
    assert "ORDIMP.S000012: written" in shown
    assert "SO700310" in shown
    assert "Lódz" in shown
    assert json.loads(run("outbox", "show", "12", "--json").stdout) == detail
    assert run("outbox", "show", "13").returncode == 1


def test_doctor_tells_whether_files_for_the_erp_can_be_written(api: StubApi, run: Run, tmp_path: Path) -> None:
    api.on("GET", "/readyz", {"ready": True, "checks": {}})
    taken = tmp_path / "taken"
    taken.write_text("a file where the folder should be")

    def outbox(folder: Path) -> dict[str, str]:
        shown = run("doctor", "--json", THREEWAY_TWINS="off", THREEWAY_ERP_OUTBOX_DIR=str(folder))
        [found] = [one for one in json.loads(shown.stdout)["checks"] if one["check"] == "outbox"]
        return dict(found)

    assert outbox(tmp_path)["result"] == "ok"
    assert "made when needed" in outbox(tmp_path / "later")["detail"]
    assert outbox(taken)["result"] == "fail"
    assert "THREEWAY_ERP_OUTBOX_DIR" in outbox(taken)["remedy"]


def test_the_commands_page_names_every_command() -> None:
    page = (PROJECT / "docs" / "reference" / "commands.md").read_text()
    for name in (*COMMANDS, *OWN):
        assert f"`threeway {name}" in page
