"""Changed rules by HTTP: what they would change, and the second person that they need (features G-C6, G-C7, G-C8)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from activities.policies import take_rules
from domain.company import Company
from domain.merging import merge
from domain.policies import ApprovalMode, policy_of
from store import decisions, ownerships
from tests import build
from tests.api import filling
from tests.api.served import Served, assert_problem, serving
from tests.domain.merge_world import QUICKBOOKS, SALESFORCE, asked, owned, rule, side
from tests.looks import CONFIG

TEXT = (CONFIG / "company.toml").read_text(encoding="utf-8")
TWENTY_DAYS = TEXT.replace('name = "Net 30"\ndue_days = 30', 'name = "Net 30"\ndue_days = 20')
NO_N30 = TEXT.replace("[terms.N30]", "[terms.N31]")
JSON = {"content-type": "application/json"}
NEW = {"kind": "company", "text": TWENTY_DAYS, "reason": "agreed with the bank"}
BOOKS_OWN_PHONES = """
[customer.phone]
owner = "quickbooks"
takes_from = ["salesforce", "quickbooks"]
writes_to = ["salesforce", "quickbooks"]
sensitivity = "cosmetic"
"""


def billed(served: Served, *numbers: str) -> None:
    """Shipments of 25.00 that were billed."""
    with served.write() as session:
        filling.masters(session)
        for number in numbers:
            filling.ordered(session, f"SO-{number}")
            filling.confirmed(session, build.shipment(number=number, order_number=f"SO-{number}"))
            filling.billed(session, number, quickbooks_id=f"qb-{number}")


def merged(served: Served) -> None:
    """A rep and a bookkeeper gave a customer other phones; Salesforce had the word."""
    rules = owned(phone=rule())
    given = asked(side(SALESFORCE, "1"), side(QUICKBOOKS, "2"))
    with served.write() as session:
        ownerships.keep(session, rules)
        said = merge(given, rules)
        kept = decisions.Decision("master_merge", ("customer", given.key), said.policy_version, given, said, given.at)
        decisions.keep(session, kept)


def started(served: Served, text_of: str = TEXT, mode: ApprovalMode = ApprovalMode.REQUIRED) -> None:
    take_rules(served.engine, [Company.parse(text_of)], mode, Path("config"))


async def person(served: Served, name: str, *scopes: str) -> dict[str, str]:
    answer = await served.client.post("/keys", json={"name": name, "scopes": list(scopes)})
    return {"X-API-Key": answer.json()["key"]}


async def posted(served: Served, path: str, body: object, status: int = 200, **more: Any) -> Any:
    answer = await served.client.post(path, json=body, **more)
    assert answer.status_code == status, answer.text
    return answer.json()


async def test_what_changed_rules_would_change_is_told_before_they_come_into_force(served: Served) -> None:
    """G-C7: which invoices would be due on another day, and by how much money; nothing is kept."""
    billed(served, "SH1", "SH2")
    found = await posted(served, "/policies/what-if", {"kind": "company", "text": TWENTY_DAYS})
    part = found["part"]
    assert (part["decision"], part["checked"], part["differ"], part["money"]) == ("billing", 2, 2, "0.00")
    assert {one["record_key"] for one in part["first"]} == {"SH1", "SH2"}
    assert part["first"][0]["changes"] == [{"field": "draft.due_on", "before": "2026-12-20", "after": "2026-12-10"}]
    found = await posted(served, "/policies/what-if", {"kind": "company", "text": NO_N30, "first": 1})
    (one,) = found["part"]["first"]
    assert (found["part"]["differ"], found["part"]["money"]) == (2, "-50.00")
    assert (one["money_before"], one["money_after"]) == ("25.00", "0")
    assert {"draft", "findings.1"} <= {each["field"] for each in one["changes"]}
    unchanged = await posted(served, "/policies/what-if", {"kind": "company", "text": TEXT})
    assert (unchanged["part"]["checked"], unchanged["part"]["differ"]) == (2, 0)
    assert (await served.client.get("/policies")).json()["items"] == []


async def test_what_if_goes_through_all_kinds_part_by_part(served: Served) -> None:
    """G-C7: one decision at a time finds what one look at all finds."""
    billed(served, "SH1", "SH2", "SH3")
    parts, after = [], None
    while True:
        body = {"kind": "company", "text": TWENTY_DAYS, "limit": 1, "after": after}
        found = await posted(served, "/policies/what-if", body)
        parts.append((found["part"]["decision"], found["part"]["differ"]))
        after = found["next"]
        if after is None:
            break
    assert parts == [("billing", 1)] * 3 + [("correction", 0), ("stock", 0)]
    answer = await served.client.post("/policies/what-if", json={**body, "after": "elsewhere:x"})
    assert_problem(answer, 422, "malformed")


async def test_what_other_owners_of_fields_would_change_is_told(served: Served) -> None:
    """G-C7 for merges of masters."""
    merged(served)
    found = await posted(served, "/policies/what-if", {"kind": "ownership", "text": BOOKS_OWN_PHONES})
    (one,) = found["part"]["first"]
    assert (one["decision"], one["record_type"], one["record_key"]) == ("master_merge", "customer", "00000042")
    assert {"field": "fields.phone.value", "before": "1", "after": "2"} in one["changes"]
    assert one["money_before"] is None


async def test_a_change_is_proposed_by_one_person_and_approved_by_another(served: Served) -> None:
    """G-C6: with its text, reason and what it would change; the worker takes it only then."""
    billed(served, "SH1")
    started(served)
    ana, bo = await person(served, "ana", "operator"), await person(served, "bo", "admin")
    made = await posted(served, "/policies", NEW, 201, headers=ana)
    assert (made["state"], made["proposed_by"], made["body"]) == ("proposed", "ana", TWENTY_DAYS)
    assert (made["what_if"]["checked"], made["what_if"]["differ"], made["what_if"]["complete"]) == (1, 1, True)
    assert (await posted(served, "/policies", NEW, 201, headers=ana))["id"] == made["id"]
    path = f"/policies/{made['id']}"
    refused = await served.client.post(f"{path}/approve", json={"reason": "I am sure"}, headers=ana)
    assert_problem(refused, 403, "scope_missing")
    done = await posted(served, f"{path}/approve", {"reason": "the bank agreed"}, headers=bo)
    assert (done["state"], done["decided_by"], done["decided_because"]) == ("approved", "bo", "the bank agreed")
    started(served, TWENTY_DAYS)
    uses = (await served.client.get("/policies/uses")).json()["items"]
    assert [one["proposal_id"] for one in uses] == [made["id"], None]
    listed = (await served.client.get("/policies", params={"state": "approved"})).json()["items"]
    assert [one["id"] for one in listed] == [made["id"]]
    assert "body" not in listed[0]
    trail = (await served.client.get("/audit", params={"record_type": "policy"})).json()["items"]
    told = [(one["action"], one["actor"]) for one in reversed(trail)]
    steps = [("policy_used", "worker"), ("policy_proposed", "ana"), ("policy_decided", "bo"), ("policy_used", "worker")]
    assert told == steps


async def test_nobody_approves_alone(served: Served) -> None:
    """G-C6: not by a second key of the same name either."""
    started(served)
    ana, again = await person(served, "Ana", "admin"), await person(served, "ana", "admin")
    path = f"/policies/{(await posted(served, '/policies', NEW, 201, headers=ana))['id']}"
    for key in (ana, again):
        answer = await served.client.post(f"{path}/approve", json={"reason": "I am sure"}, headers=key)
        assert assert_problem(answer, 422, "malformed")["reason"] == "second_person"
    answer = await served.client.post(f"{path}/withdraw", json={"reason": "not mine"})
    assert assert_problem(answer, 422, "malformed")["reason"] == "not_yours"
    assert (await posted(served, f"{path}/withdraw", {"reason": "a slip"}, headers=ana))["state"] == "withdrawn"
    answer = await served.client.post(f"{path}/reject", json={"reason": "too late"})
    assert assert_problem(answer, 409, "duplicate")["reason"] == "proposal_decided"


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        ("/policies", {"kind": "company", "text": "code = ", "reason": "a slip"}, 422, "malformed"),
        ("/policies", {"kind": "taxes", "text": TEXT, "reason": "a slip"}, 422, "invalid_request"),
        ("/policies", {"kind": "company", "text": TEXT + "\n# \ud800", "reason": "a slip"}, 422, "invalid_request"),
        ("/policies", {"kind": "company", "text": TEXT, "reason": "a \0 slip"}, 422, "invalid_request"),
        ("/policies/what-if", {"kind": "ownership", "text": '[customer.fax]\nowner = "erp"'}, 422, "malformed"),
        ("/policies/none/approve", {"reason": "agreed"}, 404, "missing"),
        ("/policies/00000000-0000-4000-8000-000000000000/reject", {"reason": "no"}, 422, "invalid_request"),
    ],
)
async def test_what_makes_no_sense_is_refused(
    filled: Served, path: str, body: dict[str, str], status: int, code: str
) -> None:
    answer = await filled.client.post(path, content=json.dumps(body), headers=JSON)
    assert_problem(answer, status, code)


async def test_an_api_on_rules_that_nobody_approved_promises_nothing(
    database_url: str, temporal: str, tmp_path: Path
) -> None:
    """G-C6: the worker would not decide by them either; approvals still go through."""
    quote = {"reference": "Q-1", "lines": [{"line_no": 1, "sku": "BOLT", "quantity": "1"}]}
    async with serving(database_url, temporal, tmp_path, policy_approval="required") as served:
        with served.write() as session:
            filling.masters(session)
        started(served, TWENTY_DAYS)
        answer = await served.client.post("/reservations", json=quote)
        assert assert_problem(answer, 500, "misconfigured")["reason"] == "policy_not_approved"
        ana = await person(served, "ana", "operator")
        path = f"/policies/{(await posted(served, '/policies', {**NEW, 'text': TEXT}, 201, headers=ana))['id']}"
        await posted(served, f"{path}/approve", {"reason": "as it was before"})
        assert (await served.client.post("/reservations", json=quote)).status_code != 500


async def test_every_stored_decision_is_made_again(served: Served) -> None:
    """G-C8: bit for bit, part by part; one that was changed is told with its place."""
    billed(served, "SH1", "SH2")
    merged(served)
    assert await verified(served) == (3, [])
    with served.engine.begin() as connection:
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        changed = "outcome = jsonb_set(outcome, '{draft,total}', '\"24.00\"')"
        connection.execute(text(f"UPDATE decisions SET {changed} WHERE record_key = 'SH2'"))
        changed = "outcome = jsonb_set(outcome, '{fields,0,value}', '\"3\"')"
        connection.execute(text(f"UPDATE decisions SET {changed} WHERE kind = 'master_merge'"))
    checked, wrong = await verified(served, limit=1)
    assert checked == 3
    assert [(one["record_key"], one["differences"]) for one in wrong] == [
        ("SH2", [{"field": "draft.total", "before": "24.00", "after": "25.00"}]),
        ("00000042", [{"field": "fields.phone.value", "before": "3", "after": "1"}]),
    ]
    assert (await verified(served, kind="correction"))[0] == 0
    answer = await served.client.get("/decisions/verify", params={"kind": "unheard"})
    assert_problem(answer, 422, "malformed")


async def verified(served: Served, **params: Any) -> tuple[int, list[Any]]:
    """How many were made again, and those that came out otherwise."""
    checked, wrong, after = 0, [], None
    while True:
        given = {**params, **({"after": after} if after else {})}
        answer = await served.client.get("/decisions/verify", params=given)
        assert answer.status_code == 200, answer.text
        part = answer.json()
        checked, wrong, after = checked + part["checked"], wrong + part["differing"], part["next"]
        if after is None:
            return checked, wrong


def test_versions_of_rules_tell_apart_what_has_one_name() -> None:
    assert policy_of(Company.parse(TEXT)).version != policy_of(Company.parse(TWENTY_DAYS)).version
