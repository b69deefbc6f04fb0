"""Builders of fields, so that a schema reads as a table."""

from dataclasses import replace
from typing import Any

from twins.salesforce.schema import Field


def text(name: str, length: int = 255, **more: Any) -> Field:
    """A text field of at most `length` characters."""
    return Field(name, "string", length=length, **more)


def key(name: str, length: int, **more: Any) -> Field:
    """A text field that is an external id and unique."""
    return Field(name, "string", length=length, external_id=True, unique=True, **more)


def long_text(name: str, length: int) -> Field:
    """A long text area, which queries can neither filter nor sort."""
    return Field(name, "textarea", length=length)


def number(name: str, scale: int = 0, **more: Any) -> Field:
    """A number of 18 digits, `scale` of them after the point."""
    return Field(name, "double", precision=18, scale=scale, **more)


def money(name: str, scale: int = 2, **more: Any) -> Field:
    """A currency amount of 18 digits."""
    return Field(name, "currency", precision=18, scale=scale, **more)


def flag(name: str, default: bool = False) -> Field:  # noqa: FBT001, FBT002 - a schema reads as a table
    """A checkbox."""
    return Field(name, "boolean", default=default)


def choice(name: str, values: tuple[str, ...], **more: Any) -> Field:
    """A restricted picklist."""
    return Field(name, "picklist", length=255, values=values, restricted=True, **more)


def lookup(name: str, to: str, relationship: str, children: str = "", **more: Any) -> Field:
    """A reference to one object."""
    return Field(name, "reference", length=18, to=(to,), relationship=relationship, child_relationship=children, **more)


def fixed(name: str, to: str, relationship: str, children: str = "") -> Field:
    """A required reference that is set on create and never changed."""
    return lookup(name, to, relationship, children, required=True, updateable=False)


def computed(item: Field) -> Field:
    """The same field, kept by the platform and read-only for callers."""
    return replace(item, createable=False, updateable=False, calculated=True)


def auto_name(form: str) -> Field:
    """An auto-numbered Name."""
    return Field("Name", "string", length=80, createable=False, updateable=False, auto_number=form, open_to_all=True)


def address(prefix: str) -> tuple[Field, ...]:
    """The parts of a compound address."""
    parts = (("Street", 255), ("City", 40), ("State", 80), ("PostalCode", 20), ("Country", 80))
    return tuple(text(prefix + part, length) for part, length in parts)
