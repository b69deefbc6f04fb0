"""The checks of a layout: what must agree for a file, or a group of it, to be believed."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag, model_validator
from pydantic.functional_validators import AfterValidator

from adapters.erp.layout_fields import Strict
from domain.files import Severity


def _check_ref(value: str) -> str:
    if not re.fullmatch(r"[a-z_][a-z0-9_]*\.[a-z_][a-z0-9_]*", value):
        raise ValueError(f"{value!r} does not name a field: write `record.field`")
    return value


# A field by its record's and its own name: `tail.amount_total`.
Ref = Annotated[str, AfterValidator(_check_ref)]


def split_ref(ref: str) -> tuple[str, str]:
    """Record and field of a reference."""
    record, _, field = ref.partition(".")
    return record, field


def _read_power(value: object) -> object:
    """`10^10` is ten to the tenth."""
    found = re.fullmatch(r"([0-9]+)\^([0-9]+)", value) if isinstance(value, str) else None
    return int(found[1]) ** int(found[2]) if found else value


class CheckBase(Strict):
    """Where a check holds (`scope`: file or a group) and what a failure costs (`severity`).

    `as` names the computed value in the summary's totals.
    """

    scope: str = "file"
    severity: Literal["reject_file", "reject_group", "warn"] | None = None
    as_: str | None = Field(default=None, alias="as")
    note: str | None = None

    def reach(self) -> Severity:
        """How far a failure reaches: as declared, else as far as the scope."""
        declared = self.severity or ("reject_file" if self.scope == "file" else "reject_group")
        return {"reject_file": Severity.FILE, "reject_group": Severity.GROUP, "warn": Severity.WARNING}[declared]

    def refs(self) -> list[str]:
        """Every field that the check reads; none unless a kind of check says so."""
        return []


class CountCheck(CheckBase):
    """The number of records (or groups, or `any_record`) plus a constant is what a trailer states."""

    count: str
    plus: int = 0
    equals: Ref

    def refs(self) -> list[str]:
        return [self.equals]


class Product(Strict):
    """The product of fields of one record, rounded half up to `round` places where that is given."""

    product: tuple[Ref, ...] = Field(min_length=1)
    round: int | None = Field(default=None, ge=0, le=18)

    @model_validator(mode="after")
    def _one_record(self) -> Product:
        if len({split_ref(ref)[0] for ref in self.product}) != 1:
            raise ValueError("the factors of a product stand in one record")
        return self


def _as_terms(value: object) -> object:
    """One term or several; a plain reference is a product of one."""
    terms = value if isinstance(value, list) else [value]
    return [{"product": [term]} if isinstance(term, str) else term for term in terms]


class SumCheck(CheckBase):
    """The sum of fields or of products over the scope is what a trailer states."""

    sum: Annotated[tuple[Product, ...], BeforeValidator(_as_terms)]
    equals: Ref

    def refs(self) -> list[str]:
        return [self.equals, *(ref for term in self.sum for ref in term.product)]


class HashOf(Strict):
    """The sum of the digits part of a field, modulo a power of ten."""

    digits_of: Ref
    modulo: Annotated[int, BeforeValidator(_read_power), Field(gt=0)]


class HashCheck(CheckBase):
    """The hash total over the scope is what a trailer states."""

    hash: HashOf
    equals: Ref

    def refs(self) -> list[str]:
        return [self.equals, self.hash.digits_of]


class EqualsCheck(CheckBase):
    """Two fields say the same, each time that both are known in the scope."""

    equals: tuple[Ref, Ref]

    def refs(self) -> list[str]:
        return list(self.equals)


class UniqueCheck(CheckBase):
    """A key of one record stands once in the scope (case F8).

    `identical: collapse` drops a group that repeats an earlier one word for word, with a warning; only a repetition
    that says something else fails. Memory: 16 bytes of digest a key, the one check that grows with the file.
    """

    unique: tuple[Ref, ...] = Field(min_length=1)
    identical: Literal["collapse", "error"] = "error"

    @model_validator(mode="after")
    def _one_record(self) -> UniqueCheck:
        if len({split_ref(ref)[0] for ref in self.unique}) != 1:
            raise ValueError("the fields of a key stand in one record")
        return self

    def refs(self) -> list[str]:
        return list(self.unique)


def _kind(value: Any) -> str | None:
    words = value if isinstance(value, dict) else type(value).model_fields
    return next((word for word in ("count", "sum", "hash", "unique", "equals") if word in words), None)


AnyCheck = Annotated[
    Annotated[CountCheck, Tag("count")]
    | Annotated[SumCheck, Tag("sum")]
    | Annotated[HashCheck, Tag("hash")]
    | Annotated[UniqueCheck, Tag("unique")]
    | Annotated[EqualsCheck, Tag("equals")],
    Discriminator(
        _kind,
        custom_error_type="check_kind",
        custom_error_message="a check starts with count, sum, hash, unique or equals",
    ),
]
