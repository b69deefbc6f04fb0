"""Source files: what arrived, what was read, what was refused and why."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict


class FileState(StrEnum):
    """How far a source file is."""

    RECEIVED = "received"
    READ = "read"
    HELD = "held"
    APPLIED = "applied"
    REFUSED = "refused"


class Entity(StrEnum):
    """What the groups of a file are."""

    SHIPMENT_CONFIRMATION = "shipment_confirmation"
    CUSTOMER_MASTER = "customer_master"
    ITEM_MASTER = "item_master"
    INVENTORY_SNAPSHOT = "inventory_snapshot"
    ORDER_ACK = "order_ack"
    RETURNS = "returns"
    ORDER_EXPORT = "order_export"


class Severity(StrEnum):
    """How far a finding reaches: the whole file, its group, or nothing (a warning)."""

    FILE = "file"
    GROUP = "group"
    WARNING = "warning"


class Reject(BaseModel):
    """One finding in a file: where (line, record, columns from 1, both included), what is wrong, and what to do.

    `code` is stable (E_NUM, E_SHORT, ...: docs/reference/file-errors). `text` is the offending text, masked if private;
    `raw` the whole record as text of the file's code page.
    """

    model_config = ConfigDict(frozen=True)

    severity: Severity
    code: str
    message: str
    remedy: str
    line: int | None = None
    record_no: int | None = None
    byte_offset: int | None = None
    record_type: str | None = None
    group_key: str | None = None
    field: str | None = None
    column_from: int | None = None
    column_to: int | None = None
    text: str | None = None
    raw: str | None = None


class Replacement(BaseModel):
    """A text that a written file has otherwise than it was given: of which group (an order), in which field."""

    model_config = ConfigDict(frozen=True)

    key: str
    field: str
    given: str
    written: str


class StagedGroup(BaseModel):
    """One unit of a file that stands or falls together (a shipment, a master row), in canonical words.

    `seq` counts from 1 in file order. `payload` is JSON-ready: decimals are strings, times are ISO with offset.
    Bytes `byte_from` to `byte_to` (end not included) of the file are its records. `item_lines`: where each item of the
    payload's list (a shipment's lines) stands, None where it has none.
    """

    model_config = ConfigDict(frozen=True)

    seq: int
    key: str
    line_from: int
    line_to: int
    byte_from: int
    byte_to: int
    payload: dict[str, Any]
    item_lines: tuple[int, ...] | None = None


class FileSummary(BaseModel):
    """What reading a whole file came to. Bytes in groups, quarantined and skipped add up to `byte_count`.

    `group_count` groups passed, `rejected_group_count` did not: together they are all that the file states anew.
    `unchanged_group_count` groups stand byte by byte in the last accepted file: they are proven by the totals and their
    bytes are accepted, but they are not staged again and not in `group_count`. `compared_with` is the id of that file.
    """

    model_config = ConfigDict(frozen=True)

    layout: str
    layout_version: int
    layout_digest: str
    entity: Entity
    sequence: int | None = None
    created_at: datetime | None = None
    byte_count: int
    record_count: int
    group_count: int
    rejected_group_count: int = 0
    unchanged_group_count: int = 0
    compared_with: str | None = None
    accepted_bytes: int = 0
    quarantined_bytes: int = 0
    skipped_bytes: int = 0
    refused: bool = False
    totals: dict[str, str] = {}
    finding_counts: dict[str, int] = {}
    rejects: tuple[Reject, ...] = ()


def total(summary: FileSummary, name: str) -> Decimal | None:
    """A control total of the file, if the layout names one so."""
    value = summary.totals.get(name)
    return None if value is None else Decimal(value)
