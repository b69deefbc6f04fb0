"""The nightly proof: changes are anchored, the chain is checked, decisions come out as they did (G-B6, G-C8)."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Engine, text
from temporalio.testing import ActivityEnvironment

from activities.proving import ProvingActivities
from domain.lifecycle import Lifecycle
from domain.policies import PolicyKind, read_policy
from domain.proof import ProofWork
from domain.reruns import KINDS
from store import exception_work, reruns
from store.causes import Cause, CauseSource
from store.exception_work import Wanted
from store.session import reading, transaction
from tests import build
from tests.api import filling

CONFIG = Path(__file__).resolve().parents[2] / "config"
LIFECYCLE = Lifecycle.parse((CONFIG / "lifecycle.toml").read_text(encoding="utf-8"))
CAUSE = Cause(source=CauseSource.GATEWAY, actor="tests")
WORK = ProofWork()


@pytest.fixture
def proving(engine: Engine) -> ProvingActivities:
    return ProvingActivities(engine, LIFECYCLE)


def run(step: object) -> object:
    return ActivityEnvironment().run(step, WORK)  # type: ignore[arg-type]


def billed(engine: Engine) -> None:
    """A shipment is decided to be billed, by what the domain said."""
    given = build.shipment()
    with transaction(engine, CAUSE) as session:
        filling.ordered(session, "SO1")
        filling.confirmed(session, given)
        case = build.billing_input(given)
        said = KINDS["billing"].decide(case, None)
        kept = filling.decisions.Decision("billing", ("shipment", "SH1"), "2026-11", case, said, filling.AT)
        filling.decisions.keep(session, kept)


def tampered(engine: Engine, statement: str) -> None:
    with engine.begin() as connection:
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        connection.execute(text(statement))


def work(engine: Engine, state: str = "open") -> list[tuple[str, str]]:
    with reading(engine) as session:
        found = exception_work.page(session, Wanted(owner=reruns.OWNER)).items
    return [(one.cause.value, one.record_type) for one in found if one.state == state]


def test_changes_are_anchored_and_the_chain_is_whole(engine: Engine, proving: ProvingActivities) -> None:
    """G-B6: twice a night changes nothing."""
    billed(engine)
    assert run(proving.anchor_changes) > 0  # type: ignore[operator]
    checked = run(proving.check_audit)
    assert (checked.links, checked.broken) == (1, None)  # type: ignore[attr-defined]
    assert checked.changes > 0  # type: ignore[attr-defined]
    assert work(engine) == []


def test_a_changed_log_is_work_until_it_is_whole_again(engine: Engine, proving: ProvingActivities) -> None:
    """G-B6: one exception, closed by itself."""
    billed(engine)
    run(proving.anchor_changes)
    tampered(engine, "UPDATE change_log SET actor = 'eve' WHERE actor = 'tests'")
    for _ in range(2):
        assert "are not what they were" in run(proving.check_audit).broken  # type: ignore[attr-defined]
    assert work(engine) == [("audit_broken", "audit")]
    tampered(engine, "UPDATE change_log SET actor = 'tests' WHERE actor = 'eve'")
    assert run(proving.check_audit).broken is None  # type: ignore[attr-defined]
    assert work(engine) == []
    assert work(engine, "self_resolved") == [("audit_broken", "audit")]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("outcome = jsonb_set(outcome, '{money_at_stake}', '\"999.00\"')", "money_at_stake"),
        ("inputs = inputs - 'case'", "cannot be read"),
        ("kind = 'unheard'", None),
    ],
)
def test_a_decision_that_comes_out_otherwise_is_work(
    engine: Engine, proving: ProvingActivities, change: str, words: str | None
) -> None:
    """G-C8: an outcome that was changed, inputs that were lost; a kind that nobody knows is not looked at."""
    billed(engine)
    told = run(proving.prove_decisions)
    assert (told.checked, told.differ) == (1, 0)  # type: ignore[attr-defined]
    tampered(engine, f"UPDATE decisions SET {change}")
    told = run(proving.prove_decisions)
    assert told.differ == (0 if words is None else 1)  # type: ignore[attr-defined]
    with reading(engine) as session:
        found = exception_work.page(session, Wanted(owner=reruns.OWNER)).items
    assert [words in one.sentence for one in found] == ([] if words is None else [True])


def test_a_draft_of_the_rules_says_which_decisions_would_differ(engine: Engine) -> None:
    """G-C7: from stored inputs alone; another version alone is no difference."""
    billed(engine)
    body = (CONFIG / "company.toml").read_text(encoding="utf-8")
    renamed = body.replace('version = "2026-11"', 'version = "2027-01"')
    thirty, twenty = (f'name = "Net {days}"\ndue_days = {days}' for days in (30, 20))
    stricter = renamed.replace(thirty, twenty)
    assert stricter != renamed != body
    with reading(engine) as session:
        (same,) = reruns.under(session, "billing", read_policy(PolicyKind.COMPANY, renamed), limit=9).items
        (other,) = reruns.under(session, "billing", read_policy(PolicyKind.COMPANY, stricter), limit=9).items
        none = reruns.under(session, "lifecycle", read_policy(PolicyKind.COMPANY, stricter), limit=9).items
    assert (same.same, [one.field for one in other.differences], none) == (True, ["draft.due_on"], ())
