"""What the nightly proof is asked and answers."""

from __future__ import annotations

from domain.work import Message


class ProofWork(Message):
    """Start of a proof."""

    reason: str = "schedule"


class AuditChecked(Message):
    """The chain of the audit trail: how much was checked, its end to be noted elsewhere, and what is broken."""

    links: int
    changes: int
    broken: str | None = None
    position: int = 0
    hash: str = ""


class DecisionsProved(Message):
    """Decisions that were made again, and how many came out otherwise."""

    checked: int
    differ: int


class Proved(Message):
    """What the proof has come to; None: not yet."""

    anchored: int = 0
    audit: AuditChecked | None = None
    decisions: DecisionsProved | None = None
