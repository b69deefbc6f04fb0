"""How fields become canonical values: five verbs and no code."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

from adapters.erp.layout_checks import Ref
from adapters.erp.layout_fields import Strict


class Take(Strict):
    """The value of a field, as it is."""

    take: Ref

    def refs(self) -> tuple[str, ...]:
        """The fields that the verb reads."""
        return (self.take,)


class Const(Strict):
    """The same text for every group."""

    const: str

    def refs(self) -> tuple[str, ...]:
        """The fields that the verb reads."""
        return ()


class Join(Strict):
    """Several values as one text (`with` between), or a date and a time as an instant of the layout's zone."""

    join: tuple[Ref, ...] = Field(min_length=2)
    with_: str = Field(default=" ", alias="with")
    as_: Literal["text", "instant"] = Field(default="text", alias="as")

    def refs(self) -> tuple[str, ...]:
        """The fields that the verb reads."""
        return self.join


class Lookup(Strict):
    """The value of a field, translated by a table of the layout."""

    lookup: Ref
    table: str

    def refs(self) -> tuple[str, ...]:
        """The fields that the verb reads."""
        return (self.lookup,)


class FirstNonBlank(Strict):
    """The first of several fields that has a value."""

    first_non_blank: tuple[Ref, ...] = Field(min_length=2)

    def refs(self) -> tuple[str, ...]:
        """The fields that the verb reads."""
        return self.first_non_blank


def _kind(value: Any) -> str | None:
    words = value if isinstance(value, dict) else type(value).model_fields
    return next((word for word in ("take", "const", "join", "lookup", "first_non_blank") if word in words), None)


AnyVerb = Annotated[
    Annotated[Take, Tag("take")]
    | Annotated[Const, Tag("const")]
    | Annotated[Join, Tag("join")]
    | Annotated[Lookup, Tag("lookup")]
    | Annotated[FirstNonBlank, Tag("first_non_blank")],
    Discriminator(
        _kind,
        custom_error_type="verb",
        custom_error_message="a value is made by take, const, join, lookup or first_non_blank",
    ),
]
