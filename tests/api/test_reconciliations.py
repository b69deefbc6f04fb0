"""Reconciliations over HTTP: asked for, joined, filtered, verified, taken along."""

from __future__ import annotations

from datetime import UTC, datetime

from domain.reconciliation import Difference, DriftCause, Kind, Rule, Side, Standing, Verdict
from store.reconciliation import findings, runs
from tests.api.served import Served, assert_problem

AT = datetime.now(UTC)


def _verdict(number: int, standing: Standing, cause: DriftCause = DriftCause.INVOICE_EDITED) -> Verdict:
    made = Difference(
        kind=Kind.INVOICE,
        key=str(number),
        rule=Rule.BOOKED_AS_MEANT,
        cause=cause,
        system=Side.QUICKBOOKS,
        record_type="invoice",
        record_key=str(number),
        field="=doc_number",
        expected="A",
        found="=1+1",
    )
    return Verdict(made, standing, "")


async def test_a_run_is_asked_for_and_joined_while_it_is_under_way(filled: Served) -> None:
    first = await filled.client.post("/reconciliations", json={"reason": "before the month is closed"})
    again = await filled.client.post("/reconciliations")
    assert (first.status_code, again.status_code) == (202, 202)
    assert first.headers["location"] == again.headers["location"] == first.json()["status_url"]

    shown = (await filled.client.get(first.json()["status_url"])).json()
    assert (shown["state"], shown["reason"]) == ("running", "before the month is closed")
    assert shown["findings"] == {"items": [], "next": None}
    with filled.write() as session:
        runs.fail(session, shown["id"], "the test is over", AT)
    failed = (await filled.client.get(f"/reconciliations/{shown['id']}")).json()
    assert (failed["state"], failed["error"]) == ("failed", "the test is over")


async def test_findings_are_paged_and_filtered(filled: Served) -> None:
    run_id = _finished(filled)
    page = (await filled.client.get(f"/reconciliations/{run_id}", params={"limit": 2})).json()["findings"]
    assert [one["n"] for one in page["items"]] == [1, 2]
    rest = await filled.client.get(f"/reconciliations/{run_id}", params={"limit": 2, "cursor": page["next"]})
    assert [one["n"] for one in rest.json()["findings"]["items"]] == [3]
    drift = (await filled.client.get(f"/reconciliations/{run_id}", params={"standing": "drift"})).json()["findings"]
    assert [one["n"] for one in drift["items"]] == [1, 3]
    deleted = await filled.client.get(f"/reconciliations/{run_id}", params={"cause": "invoice_deleted"})
    assert [one["record_key"] for one in deleted.json()["findings"]["items"]] == ["3"]
    listed = (await filled.client.get("/reconciliations")).json()["items"]
    assert run_id in {one["id"] for one in listed}
    await filled.client.get(f"/reconciliations/{run_id}", params={"standing": "nonsense"})


async def test_a_pack_holds_no_formula(filled: Served) -> None:
    _finished(filled)
    month = f"{AT:%Y-%m}"
    text = (await filled.client.get(f"/reconciliations/packs/{month}")).text
    assert "'=1+1" in text
    assert ",=1+1" not in text
    page = await filled.client.get(f"/reconciliations/packs/{month}", params={"kind": "html"})
    assert page.headers["content-security-policy"].startswith("default-src 'none'")
    assert "attachment" in page.headers["content-disposition"]
    assert_problem(await filled.client.get("/reconciliations/packs/soon"), 422, "malformed")


async def test_what_has_no_certificate_is_not_verified(filled: Served) -> None:
    started = (await filled.client.post("/reconciliations")).json()
    run_id = started["status_url"].rpartition("/")[2]
    answer = (await filled.client.get(f"/reconciliations/{run_id}/verification")).json()
    assert answer["verified"] is False
    assert "no certificate" in answer["problems"][0]
    with filled.write() as session:
        runs.fail(session, run_id, "the test is over", AT)
    assert_problem(await filled.client.get("/reconciliations/1999-01-01"), 404, "missing")


def _finished(filled: Served) -> str:
    """A run that has found three differences; its certificate is a stand-in's."""
    company = filled.services.company
    with filled.write() as session:
        day = company.local_date(AT)
        run, _ = runs.begin(session, day, company.reconciliation, "code", ("test", "test"), AT)
        kept = [_verdict(1, Standing.DRIFT), _verdict(2, Standing.HELD)]
        findings.keep(session, run, [*kept, _verdict(3, Standing.DRIFT, DriftCause.INVOICE_DELETED)], None)
        sequence, _ = runs.chain_end(session)
        runs.finish(session, run.id, AT, sequence + 1, {"inputs_sha256": "x", "zero_drift": False}, "y")
    return run.id
