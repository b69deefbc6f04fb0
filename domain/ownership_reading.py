"""From the text of `ownership.toml` to checked rules, or to a report with every problem in it."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from domain.declarations import misconfigured, part
from domain.links import LinkKind
from domain.master_fields import FIELDS, NEVER_WRITTEN, Shape
from domain.master_values import Comparator
from domain.ownership import Clocks, FieldRule, Flapping, Ownership, Policy, Sensitivity

PHASES: Mapping[LinkKind, tuple[str, ...]] = {
    LinkKind.CUSTOMER: ("open", "billed"),
    LinkKind.ITEM: ("open",),
    LinkKind.TERMS: ("open",),
}
_PARTS: Mapping[str, type[BaseModel]] = {"flapping": Flapping, "clocks": Clocks}


def read(text: str) -> Ownership:
    """Read and check the rules. Raises Misconfigured with every problem at once, one a line."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise misconfigured("The ownership rules have", [f"it is not TOML: {error}"], "ownership") from error
    problems: list[str] = []
    found: dict[str, Any] = {"version": hashlib.sha256(text.encode()).hexdigest()[:16]}
    for name, model in _PARTS.items():
        made = part(model, name, table.pop(name, {}), problems)
        found |= {name: made} if made is not None else {}
    for kind in LinkKind:
        found[kind.value] = _rules(kind, table.pop(kind.value, {}), problems)
    problems += [f"{name} is not a table that is known here" for name in table]
    if problems:
        raise misconfigured("The ownership rules have", problems, "ownership")
    return Ownership(**found)


def _rules(kind: LinkKind, tables: object, problems: list[str]) -> dict[str, FieldRule]:
    if not isinstance(tables, Mapping):
        problems.append(f"{kind} must hold a table for each field")
        return {}
    rules: dict[str, FieldRule] = {}
    for name, table in tables.items():
        where = f"{kind}.{name}"
        shape = FIELDS[kind].get(name)
        if shape is None:
            problems.append(f"{where}: there is no such field; known are {', '.join(FIELDS[kind])}")
            continue
        rule = part(FieldRule, where, table, problems)
        if rule is not None:
            problems += [f"{where}: {said}" for said in problems_of(kind, rule, shape)]
            rules[name] = rule
    return rules


def problems_of(kind: LinkKind, rule: FieldRule, shape: Shape) -> Iterator[str]:
    """Everything that is wrong with one rule; none means that it can decide."""
    for phase in rule.phases:
        if phase not in PHASES[kind]:
            yield f"there is no phase {phase} of a {kind}; known are {', '.join(PHASES[kind])}"
    for phase in ("", *rule.phases):
        where = f"in phase {phase}, " if phase else ""
        yield from (f"{where}{said}" for said in _contradictions(rule.in_phase(phase), shape))


def _contradictions(rule: FieldRule, shape: Shape) -> Iterator[str]:
    named = {"owner": (rule.owner,), "takes_from": rule.takes_from, "writes_to": rule.writes_to, "rank": rule.rank}
    for key, systems in named.items():
        yield from (f"{key} names {one}, which does not keep this field" for one in systems if one not in shape.kept_by)
    yield from (f"writes_to names {one}, which takes no such changes" for one in rule.writes_to if one in NEVER_WRITTEN)
    if rule.takes_from and rule.owner not in rule.takes_from:
        yield f"takes_from leaves out the owner {rule.owner}: what it changes would never count"
    if rule.policy is Policy.NEWEST and rule.sensitivity is not Sensitivity.COSMETIC:
        yield f"{rule.sensitivity} may not be decided by time: newest is for what is cosmetic"
    if rule.policy is Policy.SOURCE_RANK and not set(rule.sources) <= {*rule.rank}:
        yield "source_rank needs a rank that names every system whose changes count"
    yield from _misfits(rule, shape)


def _misfits(rule: FieldRule, shape: Shape) -> Iterator[str]:
    """Policies that the kind of value cannot carry."""
    if rule.policy in {Policy.MAX, Policy.MIN} and (shape.parts or rule.comparator is not Comparator.DECIMAL):
        yield f"{rule.policy} needs a number: declare the comparator decimal"
    if rule.policy is Policy.UNION:
        yield "union needs a set of values, and this field holds one"
