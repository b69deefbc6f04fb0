"""Reconciliation's rules: what a difference is called, and whether it is under way, held, accepted, or drift."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from domain.certificates import FIRST, canonical, certificate, hash_of
from domain.exceptions import Cause, Choice, ExceptionState
from domain.reconciliation import Difference, DriftCause, Input, Kind, Pair, Remedy, Rule, Side, Standing
from domain.reconciliation_judgement import Bench, Work, differences, judge
from domain.reconciliation_kinds import Known
from domain.reconciliation_pack import Pack, PackFinding, as_csv, as_html
from domain.reconciliation_policy import ReconciliationPolicy

AT = datetime(2026, 11, 26, 2, 30, tzinfo=UTC)
OLD = AT - timedelta(hours=2)
LINES = [["7", "2", "5", "10"]]
INVOICE: dict[str, Any] = {
    "customer_id": "3",
    "doc_number": "S1",
    "voided": False,
    "invoiced_on": "2026-11-20",
    "total": "10",
    "balance": "10",
    "lines": LINES,
}
FACTS = {"shipment": "S1", "order": "SO1"}


def pair(kind: Kind, ours: dict[str, Any] | None, theirs: dict[str, Any] | None, **facts: Any) -> Pair:
    def side(body: dict[str, Any] | None, known: dict[str, Any]) -> Input | None:
        return None if body is None else Input(kind, "1", body, known, OLD)

    return Pair(kind, "1", side(ours, FACTS), side(theirs, facts))


def found(*pairs: Pair, known: Known | None = None) -> list[Difference]:
    return list(differences(pairs, {Kind.INVOICE: known or Known(began=OLD - timedelta(days=9))}))


@pytest.mark.parametrize(
    ("change", "field", "money"),
    [
        ({"customer_id": "4"}, "customer_id", None),
        ({"doc_number": "X"}, "doc_number", None),
        ({"invoiced_on": "2026-01-01"}, "invoiced_on", None),
        ({"lines": [["7", "3", "5", "15"]]}, "line 1 quantity", 5),
        ({"lines": [["8", "2", "5", "10"]]}, "line 1 item", 0),
        ({"lines": [*LINES, ["7", "1", "5", "5"]]}, "line 2", 5),
        ({"lines": []}, "line 1", 10),
    ],
)
def test_an_edited_invoice_is_named_by_what_was_edited(change: dict[str, Any], field: str, money: int | None) -> None:
    """R3."""
    first = found(pair(Kind.INVOICE, INVOICE, INVOICE | change))[0]
    assert (first.rule, first.cause, first.field) == (Rule.BOOKED_AS_MEANT, DriftCause.INVOICE_EDITED, field)
    assert first.money == money


def test_in_which_order_lines_stand_is_cosmetic() -> None:
    """E8: as whoever watches for edits sees it, too."""
    lines = [["7", "3", "5", "15"], ["8", "1", "2", "2"]]
    meant, turned = INVOICE | {"lines": lines}, INVOICE | {"lines": lines[::-1]}
    assert not found(pair(Kind.INVOICE, meant, turned))
    assert found(pair(Kind.INVOICE, meant, INVOICE | {"lines": [lines[0], lines[0]]}))


def test_an_adopted_invoice_has_lines_of_its_own() -> None:
    """E10: who found it there did not write its lines."""
    ours = Input(Kind.INVOICE, "1", INVOICE, {**FACTS, "adopted": True}, OLD)
    theirs = Input(Kind.INVOICE, "1", INVOICE | {"lines": []}, {}, OLD)
    assert found(Pair(Kind.INVOICE, "1", ours, theirs)) == []


def test_a_missed_payment_is_read_again() -> None:
    """R4."""
    (one,) = found(pair(Kind.INVOICE, INVOICE, INVOICE | {"balance": "4"}))
    assert (one.cause, one.remedy, one.money) == (DriftCause.INVOICE_NOT_PULLED, Remedy.REFRESH, 6)


def test_a_void_and_a_deletion_are_told_apart() -> None:
    nothing = {"customer_id": "3", "doc_number": "S1", "voided": True}
    assert [one.cause for one in found(pair(Kind.INVOICE, INVOICE, nothing))] == [DriftCause.INVOICE_VOIDED]
    assert [one.cause for one in found(pair(Kind.INVOICE, INVOICE, None))] == [DriftCause.INVOICE_DELETED]
    assert found(pair(Kind.INVOICE, nothing, nothing)) == []


NEW = (OLD - timedelta(days=1)).isoformat()
BEFORE = (OLD - timedelta(days=99)).isoformat()


@pytest.mark.parametrize(
    ("facts", "known", "cause"),
    [
        ({"created_at": NEW}, {}, DriftCause.INVOICE_INVENTED),
        ({"created_at": NEW}, {"numbers": {"S1": "SH1"}}, DriftCause.INVOICE_DUPLICATED),
        ({"created_at": NEW}, {"twins": {("3", "2026-11-20", "10"): "SH1"}}, DriftCause.INVOICE_DUPLICATED),
        (
            {"created_at": NEW, "marker": "threeway:S9:2"},
            {"shipments": frozenset({"S9"})},
            DriftCause.INVOICE_DUPLICATED,
        ),
        ({"created_at": BEFORE}, {}, None),
    ],
)
def test_a_foreign_invoice_is_a_duplicate_an_invention_or_older_than_we_are(
    facts: dict[str, Any], known: dict[str, Any], cause: DriftCause | None
) -> None:
    """R5; E19."""
    given = Known(began=OLD - timedelta(days=9), **known)
    made = found(pair(Kind.INVOICE, None, INVOICE, **facts), known=given)
    assert [one.cause for one in made] == ([cause] if cause else [])


def test_an_order_that_is_gone_speaks_for_its_lines() -> None:
    gone = Pair(Kind.ORDER, "SO1", Input(Kind.ORDER, "SO1", {"status": "A"}, {"order": "SO1"}, OLD), None)
    line = Pair(Kind.ORDER_LINE, "SO1/1", Input(Kind.ORDER_LINE, "SO1/1", {"sku": "A"}, {"order": "SO1"}, OLD), None)
    assert [one.cause for one in found(gone, line)] == [DriftCause.ORDER_GONE]
    assert [one.cause for one in found(line)] == [DriftCause.ORDER_LINE_GONE]


def bench(*work: Work, suspects: frozenset[str] | None = None) -> Bench:
    return Bench.of(ReconciliationPolicy(), dict.fromkeys(Side, AT), work, suspects)


def work(
    cause: Cause,
    state: ExceptionState,
    record: tuple[str, str],
    accepted: str = "",
    *,
    subject: str = "1",
    choice: Choice = Choice.HANDLED,
) -> Work:
    done = state is ExceptionState.RESOLVED
    some = frozenset({accepted} if accepted else ())
    return Work(
        "e1", cause, *record, state, "dana" if done else None, some, choice if done else None, frozenset({subject})
    )


def test_drift_is_what_stood_still_and_nobody_explains() -> None:
    (one,) = found(pair(Kind.INVOICE, INVOICE, None))
    assert judge(one, bench()).standing is Standing.DRIFT


@pytest.mark.parametrize("side", [Side.GATEWAY, Side.QUICKBOOKS])
def test_what_moved_within_its_grace_is_in_flight(side: Side) -> None:
    """G-H3: on whichever side it moved."""
    (one,) = found(pair(Kind.INVOICE, INVOICE, INVOICE | {"balance": "4"}))
    fresh = one.model_copy(update={"changed": {**one.changed, side: AT - timedelta(seconds=899)}})
    late = one.model_copy(update={"changed": {**one.changed, side: AT - timedelta(seconds=900)}})
    assert judge(fresh, bench()).standing is Standing.IN_FLIGHT
    assert judge(late, bench()).standing is Standing.DRIFT


def test_what_differs_otherwise_on_the_second_read_is_in_flight() -> None:
    (one,) = found(pair(Kind.INVOICE, INVOICE, INVOICE | {"balance": "4"}))
    (other,) = found(pair(Kind.INVOICE, INVOICE, INVOICE | {"balance": "5"}))
    assert judge(one, bench(suspects=frozenset({other.fingerprint}))).standing is Standing.IN_FLIGHT
    assert judge(one, bench(suspects=frozenset({one.fingerprint}))).standing is Standing.DRIFT
    assert one.identity == other.identity


def test_only_work_about_the_very_thing_holds_a_difference() -> None:
    (one,) = found(pair(Kind.INVOICE, INVOICE, None))
    about, other = ("shipment", "S1"), ("shipment", "S2")
    held = judge(one, bench(work(Cause.INVOICE_REMOVED, ExceptionState.OPEN, about)))
    assert (held.standing, held.exception_id) == (Standing.HELD, "e1")
    for unfit in (
        work(Cause.INVOICE_REMOVED, ExceptionState.OPEN, other),
        work(Cause.RETURN_AFTER_INVOICE, ExceptionState.OPEN, about),
        work(Cause.INVOICE_REMOVED, ExceptionState.SELF_RESOLVED, about),
        work(Cause.INVOICE_REMOVED, ExceptionState.OPEN, about, subject="2"),
    ):
        assert judge(one, bench(unfit)).standing is Standing.DRIFT
    settled = judge(one, bench(work(Cause.INVOICE_REMOVED, ExceptionState.RESOLVED, about)))
    assert (settled.standing, settled.why) == (Standing.WAIVED, "accepted by dana")


ABOUT = ("shipment", "S1")


@pytest.mark.parametrize(
    ("known", "standing"),
    [
        (work(Cause.INVOICE_EDITED, ExceptionState.OPEN, ABOUT, subject="seen"), Standing.HELD),
        (work(Cause.INVOICE_EDITED, ExceptionState.OPEN, ABOUT, subject="an edit before"), Standing.DRIFT),
        (
            work(
                Cause.INVOICE_EDITED,
                ExceptionState.RESOLVED,
                ABOUT,
                subject="seen",
                choice=Choice.ACCEPT_AS_BOOKED,
            ),
            Standing.WAIVED,
        ),
        (
            work(
                Cause.INVOICE_EDITED,
                ExceptionState.RESOLVED,
                ABOUT,
                subject="an edit before",
                choice=Choice.ACCEPT_AS_BOOKED,
            ),
            Standing.DRIFT,
        ),
        (work(Cause.INVOICE_EDITED, ExceptionState.RESOLVED, ABOUT, subject="seen"), Standing.DRIFT),
    ],
    ids=["asked", "asked of another", "accepted", "accepted another", "said to be put right"],
)
def test_an_edit_is_explained_by_work_about_that_very_content(known: Work, standing: Standing) -> None:
    """E8: what was asked of one edit, or accepted of it, says nothing of the next one."""
    edited = pair(Kind.INVOICE, INVOICE, INVOICE | {"lines": [["7", "3", "5", "15"]]}, content="seen")
    assert {judge(one, bench(known)).standing for one in found(edited)} == {standing}


@pytest.mark.parametrize(
    ("state", "subject", "standing"),
    [
        (ExceptionState.OPEN, "1", Standing.HELD),
        (ExceptionState.RESOLVED, "1", Standing.WAIVED),
        (ExceptionState.OPEN, "2", Standing.DRIFT),
    ],
)
def test_a_second_invoice_is_explained_by_work_about_it(
    state: ExceptionState, subject: str, standing: Standing
) -> None:
    """E19: the work stands at the shipment that is billed twice, and names the second invoice."""
    known = Known(began=OLD - timedelta(days=9), shipments=frozenset({"S1"}))
    (one,) = found(pair(Kind.INVOICE, None, INVOICE, created_at=NEW, marker="threeway:S1:1"), known=known)
    assert dict(one.belongs) == {"shipment": "S1"}
    about = work(Cause.INVOICE_DUPLICATE, state, ABOUT, subject=subject)
    assert judge(one, bench(about)).standing is standing


def test_a_link_whose_record_is_gone_is_explained_by_the_work_of_the_merge() -> None:
    """M9: one question about one account; what is asked about it elsewhere explains nothing."""
    ours = Input(Kind.ACCOUNT_LINK, "44", {"id": "001A"}, {"customer": "44"}, OLD)
    (one,) = found(Pair(Kind.ACCOUNT_LINK, "44", ours, None))
    assert one.cause is DriftCause.LINK_TARGET_MISSING
    here, there = ("master", "customer/44/salesforce"), ("master", "customer/44/quickbooks")
    assert judge(one, bench(work(Cause.MASTER_DELETED, ExceptionState.OPEN, here))).standing is Standing.HELD
    for other in (
        work(Cause.MASTER_DELETED, ExceptionState.OPEN, there),
        work(Cause.MASTER_CONFLICT, ExceptionState.OPEN, here),
        work(Cause.MASTER_DELETED, ExceptionState.SELF_RESOLVED, here),
    ):
        assert judge(one, bench(other)).standing is Standing.DRIFT


@pytest.mark.parametrize(
    ("state", "subject", "standing"),
    [
        (ExceptionState.OPEN, "3", Standing.HELD),
        (ExceptionState.OPEN, "5", Standing.HELD),
        (ExceptionState.RESOLVED, "3", Standing.WAIVED),
    ],
)
def test_the_customer_of_a_merge_is_explained_by_its_question_and_nothing_else_of_the_document(
    state: ExceptionState, subject: str, standing: Standing
) -> None:
    """M5, M6: a merge there that no link could follow; the question about another record is not named."""
    facts = {**FACTS, "customer": "44", "merged_into": "4"}
    theirs = INVOICE | {"customer_id": "4", "invoiced_on": "2026-01-01"}
    both = (Input(Kind.INVOICE, "1", INVOICE, facts, OLD), Input(Kind.INVOICE, "1", theirs, {}, OLD))
    customer, day = found(Pair(Kind.INVOICE, "1", *both))
    asked = work(Cause.MASTER_DELETED, state, ("master", "customer/44/quickbooks"), subject=subject)
    if state is ExceptionState.RESOLVED:
        asked = asked._replace(choice=Choice.RETIRE_LINK.value)
    found_so = judge(customer, bench(asked))
    assert found_so.standing is standing
    assert (found_so.exception_id == asked.id) is (subject == "3")
    assert judge(day, bench(asked)).standing is Standing.DRIFT


def test_what_somebody_accepted_is_waived_with_its_numbers_only() -> None:
    (one,) = found(pair(Kind.INVOICE, INVOICE, INVOICE | {"balance": "4"}))
    (later,) = found(pair(Kind.INVOICE, INVOICE, INVOICE | {"balance": "3"}))
    accepts = work(Cause.RECONCILIATION_DRIFT, ExceptionState.RESOLVED, ("drift", "x"), one.fingerprint)
    assert judge(one, bench(accepts)).standing is Standing.WAIVED
    assert judge(later, bench(accepts)).standing is Standing.DRIFT


def test_a_certificate_is_one_spelling_and_names_what_is_left() -> None:
    """G-H4."""
    (one,) = found(pair(Kind.INVOICE, INVOICE, None))
    made = certificate({"run": "r", "previous_sha256": FIRST}, [judge(one, bench())])
    assert made["zero_drift"] is False
    assert made["money_at_stake"] == "10"
    assert made["residuals"][0]["cause"] == "invoice_deleted"
    assert canonical({"b": 1, "a": 2}) == b'{"a":2,"b":1}'
    assert hash_of(made) == hash_of(dict(reversed(list(made.items()))))


def test_no_cell_of_a_pack_is_a_formula() -> None:
    found = PackFinding(
        **dict.fromkeys(("rule", "cause", "system", "record_type", "record_key", "field", "owner"), "=HYPERLINK(1)"),
        expected="-5.00",
        found="@SUM(A1)",
        money=None,
        standing=Standing.DRIFT,
        why="-2+3",
        exception_id=None,
        first_seen_on=date(2026, 11, 24),
    )
    *_, line, _ = as_csv(Pack(company="Acme", month="2026-11", runs=(), findings=(found,))).split("\r\n")[:-1]
    cells = line.split(",")
    assert cells.count("'=HYPERLINK(1)") == 7
    assert {"-5.00", "'@SUM(A1)", "'-2+3"} <= set(cells)


def test_an_empty_month_is_a_pack_too() -> None:
    pack = Pack(company="A <b> & Co", month="2026-11", runs=(), findings=())
    assert as_csv(pack).startswith("certificate,run,finished_at,zero_drift")
    assert "A &lt;b&gt; &amp; Co" in as_html(pack)
