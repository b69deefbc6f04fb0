"""A layout: everything that the gateway knows about one kind of ERP file, as validated data."""

from __future__ import annotations

import hashlib
import json
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, Field, ValidationError, field_validator, model_validator
from pydantic.functional_validators import AfterValidator

from adapters.erp.layout_checks import AnyCheck, Ref
from adapters.erp.layout_fields import AnyField, Pattern, Span, Strict, Texts, check_encoding
from adapters.erp.layout_guards import Guards
from adapters.erp.layout_map import AnyVerb, Join, Take
from adapters.erp.layout_report import ReportFormat
from adapters.erp.layout_rules import broken_rules
from adapters.erp.layout_tree import Node
from adapters.erp.layout_yaml import invalid_layout, read_yaml
from domain.files import Entity


class Identity(Strict):
    """Who the layout is for: `version` grows with every change of meaning; `timezone` is the zone of the ERP's clock.

    `direction: out` is a file that the gateway writes.

    `ambiguous_time`: an hour that the clock shows twice (autumn) is read as the earlier or later one, or is an error;
    `skipped_time`: an hour that no clock shows (spring) is an error, or is read as if the clock had not been moved
    yet (case F14).
    """

    id: str = Field(pattern=r"^[a-z][a-z0-9_-]*$")
    version: int = Field(ge=1)
    entity: Entity
    direction: Literal["in", "out"] = "in"
    timezone: str
    company: str | None = None
    ambiguous_time: Literal["earlier", "later", "error"] = "earlier"
    skipped_time: Literal["error", "forward"] = "error"

    @field_validator("timezone")
    @classmethod
    def _zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (KeyError, ValueError, OSError) as error:
            raise ValueError(f"{value!r} is not an IANA zone: write e.g. America/New_York") from error
        return value


class Signature(Strict):
    """What the first bytes of such a file look like: they `starts` with a text, or its first line matches `line`."""

    starts: str | None = None
    line: Pattern | None = None

    @model_validator(mode="after")
    def _one(self) -> Signature:
        if (self.starts is None) == (self.line is None):
            raise ValueError("give either `starts` or `line`")
        return self


class Complete(Strict):
    """How to see that a file is all there: its last record starts with `trailer`."""

    trailer: str | None = None


class Sequence(Strict):
    """Which header field numbers the files, and what a gap or a second file of one number means."""

    from_: Ref = Field(alias="from")
    on_gap: Literal["hold", "alert", "accept"] = "alert"
    on_duplicate: Literal["skip_if_same_bytes", "reject"] = "skip_if_same_bytes"


class Intake(Strict):
    """How a file is recognised: by content (`signature`), then by name (`match`, a regular expression)."""

    match: Pattern
    signature: Signature | None = None
    complete: Complete = Complete()
    sequence: Sequence | None = None


class FileRules(Strict):
    """The bytes around the records. Newline `any` takes LF and CR LF; a last record without its end is cut."""

    encoding: Annotated[str, AfterValidator(check_encoding)]
    newline: Literal["crlf", "lf", "cr", "any"]
    record_bytes: int | None = Field(default=None, ge=1)
    short_record: Literal["error", "pad_trailing_text"] = "error"
    long_record: Literal["error", "blank_tail_ok"] = "error"
    last_newline: Literal["required", "optional"] = "required"
    eof_marker: Annotated[str, Field(pattern=r"^[0-9a-fA-F]{2}$")] | None = None
    blank_lines: Literal["error", "skip"] = "error"
    form_feed: Literal["error", "strip"] = "error"
    bom: Literal["none", "optional"] = "none"
    max_record_bytes: int = Field(default=65536, ge=1)


class FixedFormat(Strict):
    """Every field stands at its byte position."""

    type: Literal["fixed"]


class DelimitedFormat(Strict):
    """Fields are separated by one character; `quote` may enclose one, doubled inside.

    `header: by_name` reads the columns by the names of the first line (case and order free, `aliases` renames);
    `must_equal` wants exactly `names`. With `columns: min` more columns than known are reported and passed over.
    """

    type: Literal["delimited"]
    delimiter: str = Field(min_length=1, max_length=1)
    quote: str | None = Field(default=None, min_length=1, max_length=1)
    embedded_newline: bool = False
    columns: Literal["exact", "min"] = "exact"
    header: Literal["none", "by_name", "must_equal"] = "none"
    names: Texts = ()
    aliases: dict[str, str] = Field(default_factory=dict)


def _as_list(value: object) -> object:
    return [value] if isinstance(value, dict) else value


def _as_texts(value: object) -> object:
    return [value] if isinstance(value, str) else value


class When(Strict):
    """A literal by which a record is known: at a place of a fixed record, or in a column of a delimited one.

    In a report also an expression: for the whole line, or for what stands `at` a place of it.
    """

    at: Span | None = None
    col: int | None = None
    is_: str | None = Field(default=None, alias="is", min_length=1)
    regex: Pattern | None = None

    @model_validator(mode="after")
    def _one_place(self) -> When:
        if self.is_ is not None and (self.at is None) == (self.col is None):
            raise ValueError("give either `at` or `col`")
        if (self.is_ is None) == (self.regex is None) or (self.regex and self.col):
            raise ValueError("give either `is`, or in a report `regex` (for the line, or `at` a place of it)")
        return self


class RecordType(Strict):
    """One kind of record; `into` names the list of the canonical group that it adds an element to."""

    when: Annotated[tuple[When, ...], BeforeValidator(_as_list)] = ()
    into: str | None = Field(default=None, pattern=r"^[a-z_]+\[\]$")
    ignore: bool = False
    fields: dict[str, AnyField] = Field(default_factory=dict)
    note: str | None = None


class Semantics(Strict):
    """What a group is: its business `key`, when the export was made, and what the absence of a key means.

    A key of several fields is written with a vertical bar between them: `HCS-0100|ATL`.
    """

    key: Annotated[tuple[Ref, ...], BeforeValidator(_as_texts), Field(min_length=1)]
    created_at: Join | Take | None = None
    absence: Literal["keep", "zero", "discontinue"] = "keep"


class SameCause(Strict):
    """When records of a type that fail alike are one defect of the file: so many, and more than so many percent."""

    at_least: int = Field(default=20, ge=1)
    percent: int = Field(default=30, ge=0, le=100)


class OnError(Strict):
    """What a finding costs. `unit` stands or falls together; codes in `refuse_file` in any unit refuse the whole file.

    Findings outside a unit (headers, trailers, totals, unknown records) always refuse the file.
    """

    unit: str
    refuse_file: Texts = ()
    max_group_records: int = Field(default=100_000, ge=1)
    same_cause: SameCause = SameCause()


class Example(Strict):
    """A raw line (as text, or `hex`) and what its fields must read as; run by `layout check`."""

    record: str
    line: str | None = None
    hex: str | None = None
    values: dict[str, str]


def _one_character(value: str) -> str:
    if len(value) != 1:
        raise ValueError(f"{value!r} is not one character")
    return value


class Output(Strict):
    """What a written file has in place of characters that its code page lacks; every replacement is reported.

    First the table `replace`, then, with `decompose`, the letter without its marks, else `otherwise`.
    """

    replace: dict[Annotated[str, AfterValidator(_one_character)], str] = Field(default_factory=dict)
    decompose: bool = True
    otherwise: Annotated[str, AfterValidator(_one_character)] = "?"


class Layout(Strict):
    """A whole layout. Equal meaning gives an equal digest; every read file is stored with id, version and digest."""

    layout: Identity
    intake: Intake
    file: FileRules
    format: Annotated[FixedFormat | DelimitedFormat | ReportFormat, Field(discriminator="type")]
    records: dict[str, RecordType] = Field(min_length=1)
    structure: tuple[Node, ...] = Field(min_length=1)
    checks: tuple[AnyCheck, ...] = ()
    guards: Guards | None = None
    semantics: Semantics
    on_error: OnError
    output: Output = Output()
    tables: dict[str, dict[str, str]] = Field(default_factory=dict)
    map: dict[str, AnyVerb] = Field(default_factory=dict)
    examples: tuple[Example, ...] = ()

    @model_validator(mode="after")
    def _rules(self) -> Layout:
        problems = broken_rules(self)
        if problems:
            raise ValueError("; ".join(problems))
        return self

    @property
    def name(self) -> str:
        """The layout's id."""
        return self.layout.id

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the canonical model: comments, order of keys and examples do not count."""
        model = self.model_dump(mode="json", by_alias=True, exclude={"examples"})
        return hashlib.sha256(json.dumps(model, sort_keys=True, ensure_ascii=True).encode()).hexdigest()

    @cached_property
    def zone(self) -> ZoneInfo:
        """The zone of the ERP's clock."""
        return ZoneInfo(self.layout.timezone)

    @cached_property
    def root(self) -> Node:
        """The structure as one tree: the file is its top."""
        return Node(name="file", min=1, max=1, children=self.structure)

    @cached_property
    def unit(self) -> Node:
        """The node that stands or falls together."""
        return next(node for node in self.root.walk() if node.name == self.on_error.unit)

    def field(self, ref: str) -> AnyField:
        """The field that `record.field` names."""
        record, _, name = ref.partition(".")
        return self.records[record].fields[name]

    @classmethod
    def load(cls, path: Path) -> Layout:
        """Read one layout file; raises `Misconfigured` with every problem and its path in the YAML."""
        try:
            return cls.model_validate(read_yaml(path))
        except ValidationError as error:
            raise invalid_layout(path, error) from error
