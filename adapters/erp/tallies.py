"""Running totals: counts, sums and hashes of one check, kept while a file streams by."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal

from adapters.erp.layout_checks import AnyCheck, CheckBase, CountCheck, HashCheck, SumCheck, split_ref
from adapters.erp.raw import Decoded

# Wider than any product of fields (they have at most 60 digits) and any sum: nothing is ever rounded unasked.
_EXACT = Context(prec=1000, rounding=ROUND_HALF_UP)


@dataclass(slots=True)
class Failure:
    """A check that does not hold: the record and field that say otherwise."""

    check: CheckBase
    code: str
    message: str
    record: Decoded | None = None
    field: str | None = None


@dataclass(slots=True)
class Gap:
    """The first value that a total needed and could not read."""

    record: str
    field: str
    line: int


class Tally:
    """The running value of one check; with a `gap` it cannot be proven any more."""

    code = "E_TOTAL"

    def __init__(self, check: CountCheck | SumCheck | HashCheck) -> None:
        self.check = check
        self.value = Decimal(0)
        self.gap: Gap | None = None
        self._stated = split_ref(check.equals)

    def reset(self) -> None:
        """Start again with a new group."""
        self.value, self.gap = Decimal(0), None

    def records(self) -> set[str]:
        """The record types that it has to see."""
        return set()

    def see(self, record: Decoded) -> None:
        """Take a record into account."""

    def needs(self, record: Decoded, name: str) -> bool:
        """Whether the field was read; if not, remember the gap."""
        if record.known(name):
            return True
        self.gap = self.gap or Gap(record.type, name, record.raw.line)
        return False

    @property
    def computed(self) -> Decimal:
        """The value to compare with what is stated."""
        return self.value

    def what(self) -> str:
        """What was added up, in words."""
        return ""

    def settle(self, latest: Mapping[str, Decoded]) -> Failure | None:
        """Compare with what the file states; None when it agrees or when nothing is stated."""
        owner, name = self._stated
        stated = latest.get(owner)
        if stated is None or not stated.known(name):
            return None
        if self.gap:
            message = f"cannot be proven: {self.gap.field} of {self.gap.record} in line {self.gap.line} cannot be read"
            return Failure(self.check, "E_UNPROVEN", message, stated, name)
        value = stated.values.get(name)
        if value == self.computed:
            return None
        message = f"states {value}, but {self.what()} come to {self.computed:f}"
        return Failure(self.check, self.code, message, stated, name)


class CountTally(Tally):
    """Counts records of one type, groups of one name (`started`), or any records."""

    def __init__(self, check: CountCheck) -> None:
        super().__init__(check)
        self.counted = check.count
        self._plus = check.plus
        self._seen = 0

    def reset(self) -> None:
        self._seen = 0

    def records(self) -> set[str]:
        return {self.counted}

    def see(self, record: Decoded) -> None:  # noqa: ARG002 - a count needs no value of the record
        self._seen += 1

    def started(self) -> None:
        """One more of what is counted."""
        self._seen += 1

    @property
    def computed(self) -> Decimal:
        return Decimal(self._seen + self._plus)

    def what(self) -> str:
        counted = "all records" if self.counted == "any_record" else f"the {self.counted} records"
        return f"{counted} that were read"


def _number(value: object) -> Decimal:
    return value if isinstance(value, Decimal) else Decimal(int(value)) if isinstance(value, int) else Decimal(0)


class SumTally(Tally):
    """Adds up fields and products of fields, each product rounded half up where the layout says so."""

    def __init__(self, check: SumCheck) -> None:
        super().__init__(check)
        self._terms: dict[str, list[tuple[list[str], Decimal | None]]] = {}
        self._words = " and ".join(" x ".join(term.product) for term in check.sum)
        for term in check.sum:
            unit = None if term.round is None else Decimal(1).scaleb(-term.round)
            names = [split_ref(ref)[1] for ref in term.product]
            self._terms.setdefault(split_ref(term.product[0])[0], []).append((names, unit))

    def records(self) -> set[str]:
        return set(self._terms)

    def see(self, record: Decoded) -> None:
        for names, unit in self._terms[record.type]:
            if len(names) == 1 and unit is None and type(one := record.values.get(names[0])) is Decimal:
                self.value = _EXACT.add(self.value, one)  # the usual plain sum
                continue
            if not all(self.needs(record, name) for name in names):
                continue
            result = _number(record.values[names[0]])
            for name in names[1:]:
                result = _EXACT.multiply(result, _number(record.values[name]))
            if unit is not None:
                result = result.quantize(unit, context=_EXACT)
            self.value = _EXACT.add(self.value, result)

    def what(self) -> str:
        return f"the sums of {self._words}"


class HashTally(Tally):
    """Adds up the digits part of a field, modulo a power of ten."""

    code = "E_HASH"

    def __init__(self, check: HashCheck) -> None:
        super().__init__(check)
        self._owner, self._name = split_ref(check.hash.digits_of)
        self._modulo = check.hash.modulo
        self._sum = 0

    def reset(self) -> None:
        self._sum, self.gap = 0, None

    def records(self) -> set[str]:
        return {self._owner}

    def see(self, record: Decoded) -> None:
        if self.needs(record, self._name):
            digits = re.sub(r"[^0-9]", "", str(record.values[self._name] or ""))
            self._sum = (self._sum + int(digits or "0")) % self._modulo

    @property
    def computed(self) -> Decimal:
        return Decimal(self._sum)

    def what(self) -> str:
        return f"the digits of {self._owner}.{self._name}"


def tally_of(check: AnyCheck) -> Tally | None:
    """The tally of a check that has one."""
    if isinstance(check, CountCheck):
        return CountTally(check)
    if isinstance(check, SumCheck):
        return SumTally(check)
    return HashTally(check) if isinstance(check, HashCheck) else None
