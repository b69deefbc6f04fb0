"""What the checker found: one typed finding for every difference, as a table for people and JSON for programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any


class System(StrEnum):
    """Whose record is wrong, as far as one can tell: the one that was compared with the truth."""

    ERP = "erp"
    QUICKBOOKS = "quickbooks"
    SALESFORCE = "salesforce"
    GATEWAY = "gateway"


@dataclass(frozen=True, order=True)
class Finding:
    """One difference. `rule` names the check, `expected` is what the systems of record say."""

    system: System
    rule: str
    record: str
    field: str
    expected: str
    found: str


@dataclass
class Report:
    """All differences, and how many comparisons were made by each rule: a check of nothing proves nothing."""

    findings: list[Finding] = field(default_factory=list)
    compared: Counter[str] = field(default_factory=Counter)

    def equal(self, system: System, rule: str, place: tuple[str, str], expected: object, found: object) -> bool:
        """Compare two values of a field of a record; a difference is kept."""
        self.compared[rule] += 1
        if expected == found:
            return True
        self.add(system, rule, place, expected, found)
        return False

    def there(self, system: System, rule: str, place: tuple[str, str], *, found: bool) -> bool:
        """A record has to be there."""
        self.compared[rule] += 1
        if not found:
            self.add(system, rule, place, "a record", None)
        return found

    def one_of(self, system: System, rule: str, place: tuple[str, str], allowed: Iterable[str], found: object) -> None:
        """The value has to be one of several that are right."""
        self.compared[rule] += 1
        words = sorted(allowed)
        if found not in words:
            self.add(system, rule, place, " or ".join(words), found)

    def add(self, system: System, rule: str, place: tuple[str, str], expected: object, found: object) -> None:
        """Keep a difference: `place` is the record and the field."""
        self.findings.append(Finding(system, rule, place[0], place[1], _told(expected), _told(found)))

    def to_json(self) -> dict[str, Any]:
        """The report as a document."""
        return {
            "compared": dict(sorted(self.compared.items())),
            "comparisons": sum(self.compared.values()),
            "differences": len(self.findings),
            "by_rule": dict(sorted(Counter(one.rule for one in self.findings).items())),
            "findings": [asdict(one) for one in sorted(self.findings)],
        }

    def table(self) -> str:
        """The report for people: how much was compared, then each difference in a line."""
        by_rule = Counter(one.rule for one in self.findings)
        width = max(map(len, [*self.compared, *by_rule, "rule"]), default=4)
        lines = [f"{'rule':<{width}}  compared  differences"]
        lines += [
            f"{rule:<{width}}  {self.compared[rule]:>8}  {by_rule[rule]:>11}"
            for rule in sorted({*self.compared, *by_rule})
        ]
        return "\n".join([*lines, *(_line(one) for one in sorted(self.findings))])


def _line(one: Finding) -> str:
    return f"{one.system}: {one.record} {one.field}: expected {one.expected}, found {one.found} ({one.rule})"


def _told(value: object) -> str:
    return "nothing" if value is None else str(value)
