"""What-if: which past decisions would have come out otherwise under a draft of the rules (feature G-C7)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal

from pydantic import BaseModel, ConfigDict

from domain.money import Money
from domain.policies import PolicyKind
from domain.reruns import Difference, Rerun


class OtherDecision(BaseModel):
    """A decision that would come out otherwise; `error`: one that cannot be made again, and why.

    `money_before` and `money_after`: what it billed, or moved in the books; None where it is not about money.
    """

    model_config = ConfigDict(frozen=True)

    decision: str
    record_type: str
    record_key: str
    decision_id: str | None
    made_by: str
    changes: tuple[Difference, ...]
    money_before: Money | None = None
    money_after: Money | None = None
    error: str | None = None


class WhatIfPart(BaseModel):
    """What a draft would change of decisions of one kind; `first` are some of the `differ`, `money` what they move.

    `complete`: no older decisions of this kind are left to be looked at.
    """

    model_config = ConfigDict(frozen=True)

    decision: str
    checked: int = 0
    differ: int = 0
    failed: int = 0
    money: Money = Decimal(0)
    complete: bool = True
    first: tuple[OtherDecision, ...] = ()

    def __add__(self, more: WhatIfPart) -> WhatIfPart:
        """This part and the next one of its kind."""
        return WhatIfPart(
            decision=self.decision,
            checked=self.checked + more.checked,
            differ=self.differ + more.differ,
            failed=self.failed + more.failed,
            money=self.money + more.money,
            complete=more.complete,
            first=(*self.first, *more.first),
        )


class WhatIf(BaseModel):
    """What a draft would change of the newest decisions, kind by kind; `differ` in all."""

    model_config = ConfigDict(frozen=True)

    kind: PolicyKind
    version: str
    digest: str
    checked: int
    differ: int
    failed: int
    money: Money
    complete: bool
    parts: tuple[WhatIfPart, ...]


def part_of(decision: str, made: Sequence[Rerun], *, first: int, complete: bool) -> WhatIfPart:
    """Sum up decisions of one kind that were made again by a draft."""
    other = [one for one in made if not one.same]
    return WhatIfPart(
        decision=decision,
        checked=len(made),
        differ=sum(one.error is None for one in other),
        failed=sum(one.error is not None for one in other),
        money=sum(((one.money_after or 0) - (one.money_before or 0) for one in other), Decimal(0)),
        complete=complete,
        first=tuple(_told(one) for one in other[:first]),
    )


def whole_of(named: tuple[PolicyKind, str, str], parts: Iterable[WhatIfPart]) -> WhatIf:
    """All kinds together; `named`: the kind, version and digest of the draft."""
    kind, version, digest = named
    found = tuple(parts)
    return WhatIf(
        kind=kind,
        version=version,
        digest=digest,
        checked=sum(one.checked for one in found),
        differ=sum(one.differ for one in found),
        failed=sum(one.failed for one in found),
        money=sum((one.money for one in found), Decimal(0)),
        complete=all(one.complete for one in found),
        parts=found,
    )


def _told(one: Rerun) -> OtherDecision:
    return OtherDecision(
        decision=one.kind,
        record_type=one.record_type,
        record_key=one.record_key,
        decision_id=one.decision_id,
        made_by=one.policy_version,
        changes=one.differences,
        money_before=one.money_before,
        money_after=one.money_after,
        error=one.error,
    )
