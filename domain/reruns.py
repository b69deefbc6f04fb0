"""Decisions made again from their stored inputs: the same bit for bit, or what a draft of the rules would say (G-C8).

A kind of decision is an entry of KINDS: how its inputs and its outcome are read, the pure function between them, and
where in the inputs the company's rules stand. A new kind of decision is one more entry.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from domain.billing import BillingDecision, BillingInput, decide
from domain.company import Company
from domain.corrections import CorrectionDecision, CorrectionInput, correct


@dataclass(frozen=True)
class DecisionKind:
    """How decisions of a kind are made again; `under` puts a company's rules into inputs."""

    inputs: type[BaseModel]
    outcome: type[BaseModel]
    decide: Callable[[Any], BaseModel]
    under: Callable[[Any, Company], BaseModel]


def _billing_under(given: BillingInput, company: Company) -> BillingInput:
    return given.model_copy(update={"company": company})


def _correction_under(given: CorrectionInput, company: Company) -> CorrectionInput:
    return given.model_copy(update={"statement": _billing_under(given.statement, company)})


KINDS: Mapping[str, DecisionKind] = MappingProxyType(
    {
        "billing": DecisionKind(BillingInput, BillingDecision, decide, _billing_under),
        "correction": DecisionKind(CorrectionInput, CorrectionDecision, correct, _correction_under),
    }
)


class Difference(BaseModel):
    """What a decision said, and what it says when it is made again: only the parts that differ."""

    model_config = ConfigDict(frozen=True)

    field: str
    was: Any
    now: Any


class Rerun(BaseModel):
    """One decision made again. `error`: it could not be, and why; no difference and no error: it is the same."""

    model_config = ConfigDict(frozen=True)

    kind: str
    record_type: str
    record_key: str
    decision_id: str | None
    policy_version: str
    differences: tuple[Difference, ...] = ()
    error: str | None = None

    @property
    def same(self) -> bool:
        """Whether it came to the same."""
        return not self.differences and self.error is None


class Again(BaseModel):
    """What making a decision again came to."""

    model_config = ConfigDict(frozen=True)

    differences: tuple[Difference, ...] = ()
    error: str | None = None


def decide_again(
    kind: str, inputs: Mapping[str, Any], outcome: Mapping[str, Any], company: Company | None = None
) -> Again:
    """Make a stored decision again; with `company` by that one's rules, whose version is then no difference."""
    known = KINDS.get(kind)
    if known is None:
        return Again(error=f"Decisions of the kind {kind} cannot be made again.")
    try:
        given = known.inputs.model_validate(dict(inputs))
        was = known.outcome.model_validate(dict(outcome)).model_dump(mode="json")
    except ValidationError as error:
        return Again(error=f"What was stored cannot be read any more: {_place(error)}.")
    now = known.decide(known.under(given, company) if company else given).model_dump(mode="json")
    ignored = {"policy_version"} if company else set()
    return Again(differences=tuple(differences(was, now, ignored)))


def differences(was: Mapping[str, Any], now: Mapping[str, Any], ignored: set[str] | None = None) -> list[Difference]:
    """The fields of two outcomes that are not alike."""
    names = sorted({*was, *now} - (ignored or set()))
    told = ((name, was.get(name), now.get(name)) for name in names)
    return [Difference(field=name, was=before, now=after) for name, before, after in told if before != after]


def _place(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
