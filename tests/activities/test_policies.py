"""The rules that a worker takes at its start: the first of their kind, or approved by a second person (G-C6)."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine

from activities.policies import take_rules
from domain.approvals import same_person
from domain.company import Company
from domain.errors import Duplicate, Malformed, Misconfigured
from domain.lifecycle import Lifecycle
from domain.ownership_reading import read as read_ownership
from domain.policies import ApprovalMode, PolicyKind, ProposalState, Rules, policy_of, read_policy
from store import audit, policies
from store.audit import AuditFilter
from store.causes import Cause, CauseSource
from store.session import reading, transaction
from tests.looks import CONFIG

AT = datetime(2026, 11, 26, 9, 0, tzinfo=UTC)
TEXT = (CONFIG / "company.toml").read_text(encoding="utf-8")
STRICTER = TEXT.replace("price_tolerance_percent = 0", "price_tolerance_percent = 1")
LOOSER = TEXT.replace("price_tolerance_percent = 0", "price_tolerance_percent = 2")
FIRST, CHANGED, OTHER = (Company.parse(text) for text in (TEXT, STRICTER, LOOSER))
OWNED = read_ownership((CONFIG / "ownership.toml").read_text(encoding="utf-8"))
LIFE = Lifecycle.parse((CONFIG / "lifecycle.toml").read_text(encoding="utf-8"))


def start(engine: Engine, *rules: Rules, mode: ApprovalMode = ApprovalMode.REQUIRED) -> None:
    take_rules(engine, rules, mode, Path("config"))


def proposed(engine: Engine, text: str, by: str = "ana", kind: PolicyKind = PolicyKind.COMPANY) -> str:
    with transaction(engine, Cause(source=CauseSource.USER, actor=by)) as session:
        return policies.propose(session, read_policy(kind, text), text, "prices are agreed", by, None).id


def decided(engine: Engine, proposal: str, by: str, state: ProposalState = ProposalState.APPROVED) -> str:
    with transaction(engine, Cause(source=CauseSource.USER, actor=by)) as session:
        return policies.decide(session, proposal, state, by, "agreed", AT).state.value


def used(engine: Engine) -> list[tuple[str, bool]]:
    with reading(engine) as session:
        return [(one.version, one.proposal_id is not None) for one in policies.uses(session)]


def test_the_first_rules_of_their_kind_are_taken_and_noted_once(engine: Engine) -> None:
    """G-C6."""
    for _ in range(2):
        start(engine, FIRST, LIFE, OWNED)
    versions = {(policy_of(one).version, False) for one in (FIRST, LIFE, OWNED)}
    assert (set(used(engine)), len(used(engine))) == (versions, 3)


def test_changed_rules_that_nobody_approved_are_refused_with_what_to_do(engine: Engine) -> None:
    """G-C6: nothing is noted, not even rules beside them that are sound."""
    start(engine, FIRST)
    with pytest.raises(Misconfigured, match="no second person approved") as refused:
        start(engine, CHANGED, OWNED)
    said = refused.value.detail
    assert "threeway policies propose config/company.toml" in said
    assert f"put back the rules that are in use ({policy_of(FIRST).version}, since" in said
    assert used(engine) == [(policy_of(FIRST).version, False)]


def test_changed_rules_are_taken_once_a_second_person_agreed(engine: Engine) -> None:
    """G-C6: the proposal stands beside the use; going back to rules that may be used asks nobody."""
    start(engine, FIRST)
    proposal = proposed(engine, STRICTER)
    with pytest.raises(Misconfigured, match=f"ana proposed them: .*threeway policies approve {proposal}"):
        start(engine, CHANGED)
    assert decided(engine, proposal, "bo") == "approved"
    start(engine, CHANGED)
    start(engine, FIRST)
    assert used(engine) == [(policy_of(CHANGED).version, True), (policy_of(FIRST).version, False)]
    with pytest.raises(Misconfigured):
        start(engine, OTHER)


@pytest.mark.parametrize("name", ["ana", "Ana", " a n a "])
def test_nobody_approves_what_they_proposed(engine: Engine, name: str) -> None:
    """G-C6: capitals and blanks make nobody a second person."""
    start(engine, FIRST)
    proposal = proposed(engine, STRICTER)
    with pytest.raises(Malformed, match="second person"):
        decided(engine, proposal, name)
    with pytest.raises(Misconfigured):
        start(engine, CHANGED)


@pytest.mark.parametrize("state", [ProposalState.REJECTED, ProposalState.WITHDRAWN])
def test_rules_that_were_turned_down_or_taken_back_are_not_taken(engine: Engine, state: ProposalState) -> None:
    start(engine, FIRST)
    proposal = proposed(engine, STRICTER)
    decided(engine, proposal, "ana", state)
    with pytest.raises(Duplicate, match="already, by ana"):
        decided(engine, proposal, "bo")
    with pytest.raises(Misconfigured):
        start(engine, CHANGED)
    assert proposed(engine, STRICTER) != proposal


def test_only_who_proposed_rules_takes_them_back(engine: Engine) -> None:
    start(engine, FIRST)
    with pytest.raises(Malformed, match="reject it instead"):
        decided(engine, proposed(engine, STRICTER), "bo", ProposalState.WITHDRAWN)


def test_saying_the_same_again_changes_nothing(engine: Engine) -> None:
    start(engine, FIRST)
    proposal = proposed(engine, STRICTER)
    assert proposed(engine, STRICTER) == proposal
    assert [decided(engine, proposal, "bo") for _ in range(2)] == ["approved", "approved"]
    with pytest.raises(Duplicate, match="may be used already"):
        proposed(engine, STRICTER)


def test_without_approvals_any_rules_are_taken_and_what_nobody_agreed_to_is_known_later(engine: Engine) -> None:
    """G-C6: who asks for approvals later has to agree to what is in use."""
    start(engine, FIRST)
    start(engine, CHANGED, mode=ApprovalMode.OFF)
    assert used(engine) == [(policy_of(CHANGED).version, False), (policy_of(FIRST).version, False)]
    with pytest.raises(Misconfigured):
        start(engine, CHANGED)


def test_of_two_workers_with_other_rules_only_one_is_the_first(engine: Engine) -> None:
    """G-C6: they start at the same moment."""
    taken: list[str] = []
    both = threading.Barrier(2)

    def work(rules: Company) -> None:
        both.wait()
        try:
            start(engine, rules)
        except Misconfigured:
            return
        taken.append(policy_of(rules).version)

    threads = [threading.Thread(target=work, args=(one,)) for one in (FIRST, CHANGED)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert [(version, False) for version in taken] == used(engine)
    assert len(taken) == 1


def test_every_step_is_in_the_audit_trail(engine: Engine) -> None:
    """Features G-B6, G-C6: without the text of the file, which the proposal keeps."""
    start(engine, FIRST)
    proposal = proposed(engine, STRICTER)
    decided(engine, proposal, "bo")
    start(engine, CHANGED)
    with reading(engine) as session:
        found = audit.page(session, AuditFilter(record_type="policy")).items
        kept = policies.get(session, proposal)
    told = [(one.action, one.actor) for one in reversed(found)]
    assert told == [
        ("policy_used", "worker"),
        ("policy_proposed", "ana"),
        ("policy_decided", "bo"),
        ("policy_used", "worker"),
    ]
    assert all(TEXT[:40] not in str(one.details) for one in found)
    assert kept is not None
    assert kept.body == STRICTER


def test_rules_are_known_by_what_they_say() -> None:
    """A comment or the order of keys changes nothing; the place of an event does."""
    assert policy_of(Company.parse(f"# a note\n{TEXT}")).digest == policy_of(FIRST).digest
    assert policy_of(CHANGED).digest != policy_of(FIRST).digest
    owned = (CONFIG / "ownership.toml").read_text(encoding="utf-8")
    assert read_policy(PolicyKind.OWNERSHIP, f"{owned}\n# a note").digest == policy_of(OWNED).digest
    assert read_policy(PolicyKind.OWNERSHIP, owned.replace("times = 3", "times = 4")).digest != policy_of(OWNED).digest
    turned = LIFE.model_copy(update={"events": dict(reversed(LIFE.events.items()))})
    assert policy_of(turned).digest != policy_of(LIFE).digest
    assert not same_person("ana", "anna")


@pytest.mark.parametrize(
    ("kind", "text", "said"),
    [
        (PolicyKind.COMPANY, "code = ", "cannot be read"),
        (PolicyKind.COMPANY, TEXT.replace('currency = "USD"', "curency = 1"), "curency"),
        (PolicyKind.OWNERSHIP, '[customer.fax]\nowner = "erp"\n', "there is no such field"),
        (PolicyKind.LIFECYCLE, "", "version"),
    ],
)
def test_a_file_that_cannot_be_read_says_why(kind: PolicyKind, text: str, said: str) -> None:
    with pytest.raises(Malformed, match=said):
        read_policy(kind, text)
