"""The unit that is being read: the records that stand or fall together."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from adapters.erp.raw import Decoded, RawRecord


def content_of(body: bytes) -> bytes:
    """The digest of what one record says; the same as of a unit that holds this record alone."""
    return hashlib.blake2b(body + b"\n", digest_size=16).digest()


def key_of(record: Decoded, names: Sequence[str]) -> str | None:
    """The business key that the record states, or None where a part of it is not there."""
    parts = [record.values.get(name) for name in names]
    return None if None in parts else "|".join(map(str, parts))


class Unit:
    """Gathers the records of one group; past `limit` only bytes are counted and the group is quarantined."""

    def __init__(self, raw: RawRecord, key_record: str, key_fields: Sequence[str], limit: int) -> None:
        self.records: list[Decoded] = []
        self.bad = False
        self.line_from, self.line_to = raw.line, raw.line
        self.byte_from, self.byte_to = raw.offset, raw.offset
        self.size = 0
        self.count = 0
        self._key_record = key_record
        self._key_fields = key_fields
        self._limit = limit
        self._content = hashlib.blake2b(digest_size=16)
        self.key = f"line {raw.line}"

    @property
    def content(self) -> bytes:
        """A digest of what the records say, byte by byte."""
        return self._content.digest()

    @property
    def too_large(self) -> bool:
        """Whether just now the group has grown past its limit."""
        return self.count == self._limit + 1

    def cover(self, raw: RawRecord) -> None:
        """The bytes of a record belong to the group, whatever they hold."""
        self.size += raw.end - raw.offset
        self.line_to, self.byte_to = raw.line_to, raw.end
        self.count += 1
        self._content.update(raw.body + b"\n")

    def add(self, record: Decoded) -> None:
        """A decoded record joins."""
        if record.type == self._key_record:
            self.key = key_of(record, self._key_fields) or self.key
        if self.count > self._limit:
            self.bad = True
            self.records.clear()
        else:
            self.records.append(record)
