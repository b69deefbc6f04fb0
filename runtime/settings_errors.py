"""What a wrong setting looks like to the person who must repair it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from pydantic import ValidationError

PREFIX: Final = "THREEWAY_"


class SettingsError(ValueError):
    """One or more settings are wrong; every problem names its variable and what to do.

    Values are never quoted, because a wrong value may be a secret in the wrong place.
    """

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))

    @classmethod
    def from_validation(cls, error: ValidationError) -> SettingsError:
        """Turn pydantic's report into sentences; drops the input on purpose."""
        return cls(_sentence(item["loc"], item["msg"]) for item in error.errors(include_input=False, include_url=False))


def variable(field: str) -> str:
    """The environment variable of a field of `Settings`."""
    return PREFIX + field.upper()


def _sentence(location: tuple[int | str, ...], message: str) -> str:
    text = message.removeprefix("Value error, ")
    if not location:
        return text
    return f"{variable(str(location[0]))}: {text}"
