"""What a run must say of alterations, and what it has said: plain tuples and plain SQL, no code of the product."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import psycopg


class Named(NamedTuple):
    """One finding by its name: the rule, the cause, the record and the field; `field` None stands for any."""

    rule: str
    cause: str
    record_type: str
    record_key: str
    field: str | None = ""

    def covers(self, said: Said) -> bool:
        """Whether this finding is the one that is named."""
        return self[:4] == said.name[:4] and self.field in {None, said.name.field}


class Said(NamedTuple):
    """One finding of a run, as it lies in the store."""

    name: Named
    standing: str
    expected: str | None
    found: str | None


@dataclass(frozen=True)
class Altered:
    """One alteration: every finding that it must lead to, and further ones that it may lead to.

    `before` and `after`, where they are given, are what the first of those findings must have expected and found.
    """

    name: str
    must: tuple[Named, ...]
    may: tuple[Named, ...] = ()
    before: str | None = None
    after: str | None = None


def said(url: str, run_id: str) -> list[Said]:
    """Everything that a run has found."""
    query = """
        SELECT rule, cause, record_type, record_key, field, standing, expected, found FROM reconciliation_findings
        WHERE run_id = %s ORDER BY n
    """
    with psycopg.connect(url.replace("postgresql+psycopg://", "postgresql://")) as connection:
        return [Said(Named(*row[:5]), *row[5:]) for row in connection.execute(query, (run_id,))]


def missed(done: Iterable[Altered], found: Sequence[Said]) -> list[str]:
    """What alterations should have led to and nothing names as drift, or names with other values."""
    drift = {(one.name, one.expected, one.found) for one in found if one.standing == "drift"}
    names = {name for name, _, _ in drift}
    lost = [f"{one.name}: {name}" for one in done for name in one.must if not _is_named(name, names)]
    wrong = [
        f"{one.name}: {one.must[0]} was {one.before} and is {one.after}"
        for one in done
        if one.after is not None and (one.must[0], one.before, one.after) not in drift
    ]
    return lost + wrong


def _is_named(name: Named, names: set[Named]) -> bool:
    return any(one[:4] == name[:4] for one in names) if name.field is None else name in names


def invented(done: Iterable[Altered], found: Iterable[Said]) -> list[str]:
    """What no alteration accounts for."""
    allowed: dict[tuple[str, ...], list[Named]] = {}
    for one in done:
        for name in (*one.must, *one.may):
            allowed.setdefault(name[:4], []).append(name)  # type: ignore[arg-type]
    return [
        f"{one.name} expected {one.expected} found {one.found} ({one.standing})"
        for one in found
        if not any(name.covers(one) for name in allowed.get(one.name[:4], ()))  # type: ignore[call-overload]
    ]
