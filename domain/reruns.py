"""Decisions made again from their stored inputs: the same bit for bit, or what a draft of the rules would say (G-C8).

A kind of decision is an entry of KINDS: how its inputs and its outcome are read, the pure function between them, and
by which file of rules it is made. A new kind of decision is one more entry.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from domain.billing import BillingDecision, BillingInput, decide
from domain.company import Company
from domain.corrections import CorrectionDecision, CorrectionInput, CorrectionKind, correct
from domain.merging import MergeInput, MergeOutcome, redecide
from domain.money import Money
from domain.policies import PolicyKind, Rules


@dataclass(frozen=True)
class DecisionKind:
    """How decisions of a kind are made again.

    `decide` takes the inputs and the rules; for None the rules stand among the inputs. `beside`: names that do not
    count where a draft is compared, because they change nothing of what follows. `money`: what an outcome moves.
    """

    inputs: type[BaseModel]
    outcome: type[BaseModel]
    decide: Callable[[Any, Any], BaseModel]
    rules: PolicyKind
    beside: frozenset[str] = frozenset({"policy_version"})
    money: Callable[[Any], Decimal] | None = None


def _bill(given: BillingInput, company: Company | None) -> BillingDecision:
    return decide(_billing_under(given, company))


def _billing_under(given: BillingInput, company: Company | None) -> BillingInput:
    return given if company is None else given.model_copy(update={"company": company})


def _correct(given: CorrectionInput, company: Company | None) -> CorrectionDecision:
    return correct(given.model_copy(update={"statement": _billing_under(given.statement, company)}))


def _billed(outcome: BillingDecision) -> Decimal:
    return outcome.draft.total if outcome.draft else Decimal(0)


def _corrected(outcome: CorrectionDecision) -> Decimal:
    """What the books move by: a supplement adds, a credit or a void takes away."""
    signs = {CorrectionKind.SUPPLEMENT: 1, CorrectionKind.SETTLED: 0}
    return sum((signs.get(one.kind, -1) * one.total for one in outcome.proposals), Decimal(0))


MERGE = "master_merge"
_OF_MERGES = frozenset({"policy_version", "reason", "losers", "moves", "echoes"})

KINDS: Mapping[str, DecisionKind] = MappingProxyType(
    {
        "billing": DecisionKind(BillingInput, BillingDecision, _bill, PolicyKind.COMPANY, money=_billed),
        "correction": DecisionKind(
            CorrectionInput,
            CorrectionDecision,
            _correct,
            PolicyKind.COMPANY,
            beside=frozenset({"policy_version", "digest"}),
            money=_corrected,
        ),
        MERGE: DecisionKind(MergeInput, MergeOutcome, redecide, PolicyKind.OWNERSHIP, beside=_OF_MERGES),
    }
)


class Difference(BaseModel):
    """What a decision said, and what it says when it is made again: `field` is the place, such as `draft.total`."""

    model_config = ConfigDict(frozen=True)

    field: str
    before: Any
    after: Any


class Again(BaseModel):
    """What making a decision again came to; no difference and no error: it is the same. `error`: why it could not be.

    `money_before` and `money_after`: what it moves, None where it is not about money.
    """

    model_config = ConfigDict(frozen=True)

    differences: tuple[Difference, ...] = ()
    error: str | None = None
    money_before: Money | None = None
    money_after: Money | None = None

    @property
    def same(self) -> bool:
        """Whether it came to the same."""
        return not self.differences and self.error is None


class Rerun(Again):
    """One decision made again: which it is, by which rules it was made, and what it came to."""

    kind: str
    record_type: str
    record_key: str
    decision_id: str | None
    policy_version: str


def decide_again(
    kind: str, inputs: Mapping[str, Any], outcome: Mapping[str, Any], rules: Rules | None = None, *, draft: bool = False
) -> Again:
    """Make a stored decision again; with `rules` by those, as a `draft` compared by what follows from it."""
    known = KINDS.get(kind)
    if known is None:
        return Again(error=f"Decisions of the kind {kind} cannot be made again.")
    try:
        given = known.inputs.model_validate(dict(inputs))
        was = known.outcome.model_validate(dict(outcome))
    except ValidationError as error:
        return Again(error=f"What was stored cannot be read any more: {_place(error)}.")
    made = known.decide(given, rules)
    plain = (was.model_dump(mode="json"), made.model_dump(mode="json"))
    found = tuple(differences(*plain, known.beside if draft else ()))
    if known.money is None:
        return Again(differences=found)
    return Again(differences=found, money_before=known.money(was), money_after=known.money(made))


def differences(before: Any, after: Any, beside: Collection[str] = ()) -> list[Difference]:
    """The places in which two outcomes are not alike, each as deep as it goes."""
    return list(_differ("", before, after, beside))


def _differ(place: str, before: Any, after: Any, beside: Collection[str]) -> Iterator[Difference]:
    if before == after:
        return
    parts = _parts(before), _parts(after)
    if parts[0] is None or parts[1] is None:
        yield Difference(field=place, before=before, after=after)
        return
    for name in sorted({*parts[0], *parts[1]} - {*beside}):
        inner = f"{place}.{name}" if place else name
        yield from _differ(inner, parts[0].get(name), parts[1].get(name), beside)


def _parts(value: Any) -> Mapping[str, Any] | None:
    """What a value is made of, by name; the fields of a merge by theirs, other lists by their place."""
    if isinstance(value, Mapping):
        return value
    if not isinstance(value, list):
        return None
    named = [one["field"] for one in value if isinstance(one, Mapping) and "field" in one]
    if value and len({*named}) == len(value):
        return dict(zip(named, value, strict=True))
    return {str(number): one for number, one in enumerate(value, start=1)}


def _place(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
