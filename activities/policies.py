"""The rules that a worker takes at its start: the first of their kind, or approved by a second person (G-C6)."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import structlog
from sqlalchemy import Engine
from sqlmodel import Session

from domain.errors import Misconfigured
from domain.policies import ApprovalMode, Policy, Rules, Standing, policy_of
from store import policies
from store.causes import Cause, CauseSource
from store.session import transaction

log = structlog.get_logger()


def take_rules(engine: Engine, given: Iterable[Rules], mode: str, folder: Path) -> None:
    """Note by which rules this worker works. Raises Misconfigured, noting none, where one of them may not be used."""
    cause = Cause(source=CauseSource.GATEWAY, actor="worker", reference={"folder": folder.name})
    with transaction(engine, cause) as session:
        for policy in sorted(map(policy_of, given), key=lambda one: one.kind):
            policies.lock(session, policy.kind)
            may_use(session, policy, ApprovalMode(mode), folder)
            policies.note_use(session, policy)


def may_use(session: Session, policy: Policy, mode: ApprovalMode, folder: Path) -> None:
    """Raises Misconfigured, with what to do, for rules that need a second person and have none."""
    if policies.standing(session, policy) is not Standing.UNAPPROVED:
        return
    if mode is ApprovalMode.OFF:
        log.info("rules are used that nobody had to approve", kind=policy.kind.value, version=policy.version)
        return
    raise Misconfigured(_refusal(session, policy, folder / policy.kind.file), reason="policy_not_approved")


def _refusal(session: Session, policy: Policy, path: Path) -> str:
    said = f"{path} has rules that no second person approved ({policy.version})."
    waiting = policies.waiting(session, policy)
    if waiting is not None:
        todo = f"{waiting.proposed_by} proposed them: another person runs `threeway policies approve {waiting.id}`."
    else:
        todo = f"Propose them with `threeway policies propose {path}`, and let another person approve them."
    used = policies.current(session, policy.kind)
    back = (
        f"Or put back the rules that are in use ({used.version}, since {used.first_used_at:%Y-%m-%d})." if used else ""
    )
    return f"{said} {todo} {back}".strip()
