"""The checks of a layout while a file streams by: memory is the depth of the structure (and the keys of `unique`)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from adapters.erp.layout_checks import AnyCheck, EqualsCheck, HashCheck, SumCheck, UniqueCheck, split_ref
from adapters.erp.layout_guards import Guards
from adapters.erp.raw import Decoded
from adapters.erp.tallies import CountTally, Failure, Tally, tally_of
from adapters.erp.unit import content_of


class _Keys:
    """The keys of a unique check: digests only, so a key costs about 200 bytes whatever its length."""

    def __init__(self) -> None:
        self._seen: dict[bytes, tuple[bytes, int]] = {}

    def first(self, key: Iterable[object], content: bytes, line: int) -> tuple[bytes, int] | None:
        """The content and line of the first use of the key, or None when this is it."""
        digest = hashlib.blake2b("\x1f".join(map(str, key)).encode(), digest_size=16).digest()
        known = self._seen.get(digest)
        if known is None:
            self._seen[digest] = (content, line)
        return known


class _Unique:
    """A unique check with its fields and the keys so far."""

    def __init__(self, check: UniqueCheck) -> None:
        self.check = check
        self.record = split_ref(check.unique[0])[0]
        self._names = [split_ref(ref)[1] for ref in check.unique]
        self._keys = _Keys()

    def reset(self) -> None:
        """Start again with a new group."""
        self._keys = _Keys()

    def see(self, record: Decoded, content: bytes = b"") -> tuple[bool, Failure | None]:
        """Whether the key and the content stood before and may be passed over, or what is wrong."""
        if record.unread or not record.bad.isdisjoint(self._names):
            return False, None
        key = [record.values[name] for name in self._names]
        first = self._keys.first(key, content, record.raw.line)
        if first is None:
            return False, None
        alike = first[0] == content
        if alike and self.check.identical == "collapse":
            return True, None
        message = f"repeats {key[0]} of line {first[1]}{'' if alike else ', but says something else'}"
        return False, Failure(self.check, "E_DUP", message, record, self._names[0])


class _Pair:
    """An equals check with its two fields."""

    def __init__(self, check: EqualsCheck) -> None:
        self.check = check
        self.sides = [split_ref(ref) for ref in check.equals]

    def see(self, latest: dict[str, Decoded]) -> Failure | None:
        """What is wrong when both are known and differ."""
        (left, left_name), (right, right_name) = self.sides
        one, other = latest.get(left), latest.get(right)
        if one is None or other is None or not (one.known(left_name) and other.known(right_name)):
            return None
        if one.values[left_name] == other.values[right_name]:
            return None
        message = f"is {one.values[left_name]}, but {right_name} in line {other.raw.line} is {other.values[right_name]}"
        return Failure(self.check, "E_MATCH", message, one, left_name)


class _Zeros:
    """Counts the records that state zero in the field that a guard watches."""

    def __init__(self, guards: Guards) -> None:
        self.name = guards.zero_total or ""
        self.record, self._field = split_ref(guards.zero_share.of) if guards.zero_share else ("", "")
        self.count = 0

    def see(self, record: Decoded) -> None:
        value = record.values.get(self._field)
        self.count += value is not None and not value


class Checks:
    """All checks of one reading, looked up by the record type that they wait for."""

    def __init__(self, checks: Iterable[AnyCheck], guards: Guards | None = None) -> None:
        self.latest: dict[str, Decoded] = {}
        self._zeros = _Zeros(guards) if guards and guards.zero_share else None
        self._tallies = [tally for check in checks if (tally := tally_of(check))]
        counts = [tally for tally in self._tallies if isinstance(tally, CountTally)]
        self._any = [tally for tally in counts if tally.counted == "any_record"]
        self._by_record: dict[str, list[Tally]] = {}
        for tally in self._tallies:
            for record in tally.records():
                self._by_record.setdefault(record, []).append(tally)
        pairs = [_Pair(check) for check in checks if isinstance(check, EqualsCheck)]
        self._pairs = {
            name: [pair for pair in pairs if name in dict(pair.sides)] for pair in pairs for name, _ in pair.sides
        }
        self._uniques = [_Unique(check) for check in checks if isinstance(check, UniqueCheck)]
        self._inner = [unique for unique in self._uniques if unique.check.scope != "file"]
        self._outer = [unique for unique in self._uniques if unique.check.scope == "file"]
        refs = (check.refs() for check in checks if isinstance(check, SumCheck | HashCheck) and check.scope == "file")
        self._proven = {ref for some in refs for ref in some}

    def open(self, group: str, records: Iterable[str]) -> None:
        """A group starts: its checks start again, and what its records said before is forgotten."""
        for name in records:
            self.latest.pop(name, None)
        for tally in self._tallies:
            if tally.check.scope == group:
                tally.reset()
        for unique in self._inner:
            if unique.check.scope == group:
                unique.reset()
        for tally in self._by_record.get(group, ()):
            if isinstance(tally, CountTally) and group not in records:
                tally.started()

    def any_record(self) -> None:
        """One more record of any kind."""
        for tally in self._any:
            tally.started()

    def see(self, record: Decoded) -> list[Failure]:
        """Take a record into account; what fails at once is returned."""
        kind = record.type
        self.latest[kind] = record
        for tally in self._by_record.get(kind, ()):
            tally.see(record)
        if self._zeros and self._zeros.record == record.type:
            self._zeros.see(record)
        found = [pair.see(self.latest) for pair in self._pairs.get(record.type, ())]
        if self._inner:
            found += [unique.see(record)[1] for unique in self._inner if unique.record == record.type]
        return [failure for failure in found if failure] if found else []

    def pass_over(self, record: Decoded) -> list[Failure]:
        """Take a unit of one known record into account, of which only the fields that checks need were read.

        Only for layouts whose checks all have the scope of the file.
        """
        kind = record.type
        self.latest[kind] = record
        for tally in self._by_record.get(kind, ()):
            tally.see(record)
        if self._zeros and self._zeros.record == kind:
            self._zeros.see(record)
        failures = []
        for unique in self._outer:
            failure = unique.see(record, content_of(record.raw.body))[1] if unique.record == kind else None
            if failure:
                failures.append(failure)
        for pair in self._pairs.get(kind, ()):
            failure = pair.see(self.latest)
            if failure:
                failures.append(failure)
        return failures

    def unit(self, content: bytes) -> tuple[bool, list[Failure]]:
        """A whole unit was read: whether it repeats an earlier one word for word, and keys that contradict."""
        found = [
            unique.see(self.latest[unique.record], content) for unique in self._outer if unique.record in self.latest
        ]
        return any(repeats for repeats, _ in found), [failure for _, failure in found if failure]

    def close(self, scope: str) -> list[Failure]:
        """A group, or the file, ends: what does not hold in it."""
        settled = (tally.settle(self.latest) for tally in self._tallies if tally.check.scope == scope)
        return [failure for failure in settled if failure]

    def proves(self, record: str, name: str) -> bool:
        """Whether a total of the whole file covers the field."""
        return f"{record}.{name}" in self._proven

    def totals(self) -> dict[str, str]:
        """The computed values by the names that the layout gives them; one that cannot be proven is left out."""
        named = ((tally.check.as_, tally) for tally in self._tallies)
        totals = {name: f"{tally.computed:f}" for name, tally in named if name and tally.gap is None}
        return {**totals, self._zeros.name: str(self._zeros.count)} if self._zeros else totals
