"""Reading declarations that people write: every problem at once, each with its place, in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from domain.errors import Misconfigured

Part = TypeVar("Part", bound=BaseModel)


def part(kind: type[Part], where: str, table: object, problems: list[str]) -> Part | None:
    """A part of a declaration; None where it has problems, which are added to the others."""
    try:
        return kind.model_validate(table)
    except ValidationError as error:
        problems += [f"{where}: {said}" for said in _in_words(error)]
        return None


def misconfigured(subject: str, problems: Sequence[str], reason: str) -> Misconfigured:
    """The error that lists them, one a line; `subject` begins its sentence: "The lifecycle has"."""
    count = "one problem" if len(problems) == 1 else f"{len(problems)} problems"
    lines = "".join(f"\n- {one}" for one in problems)
    return Misconfigured(f"{subject} {count}:{lines}", reason=reason)


def _in_words(error: ValidationError) -> Iterator[str]:
    for one in error.errors(include_url=False, include_context=False, include_input=False):
        place = ".".join(str(part) for part in one["loc"])
        if one["type"] == "missing":
            yield f"{place} is missing"
        elif one["type"] == "extra_forbidden":
            yield f"{place} is not a key that is known here"
        else:
            yield f"{place or 'it'}: {one['msg'][:1].lower()}{one['msg'][1:]}"
