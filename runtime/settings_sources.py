"""Where settings come from: the process environment, `.env`, and files named by `NAME_FILE`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dotenv import dotenv_values
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from runtime.settings_errors import PREFIX, SettingsError, variable

DOTENV = Path(".env")


class NamedValues(PydanticBaseSettingsSource):
    """Read every field from `NAME`, or from the file that `NAME_FILE` points at.

    An empty value counts as unset, because compose files pass unset variables as empty ones.
    """

    def __init__(self, settings_cls: type[BaseSettings], values: Mapping[str, str | None]) -> None:
        super().__init__(settings_cls)
        self.values = values

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:  # noqa: ARG002
        """The text of one field, or None."""
        return named_value(variable(field_name), self.values), field_name, False

    def __call__(self) -> dict[str, Any]:
        """All fields that this source knows; raises SettingsError for a file that cannot be read."""
        found: dict[str, Any] = {}
        for name, field in self.settings_cls.model_fields.items():
            value, key, _ = self.get_field_value(field, name)
            if value is not None:
                found[key] = value
        return found


def named_value(name: str, values: Mapping[str, str | None]) -> str | None:
    """The value of NAME, directly or through NAME_FILE; both at once is refused as ambiguous."""
    direct, file_name = values.get(name) or None, values.get(f"{name}_FILE") or None
    if direct is not None and file_name is not None:
        raise SettingsError([f"{name}: set either {name} or {name}_FILE, not both."])
    if file_name is None:
        return direct
    try:
        return Path(file_name).expanduser().read_text(encoding="utf-8").strip() or None
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not a text file"
        raise SettingsError(
            [f"{name}_FILE: cannot read {file_name} ({reason}). Point it at a readable text file."]
        ) from None


def read_dotenv(path: Path | None = None) -> dict[str, str | None]:
    """The pairs of `.env` in the working directory; empty when there is none."""
    path = path or DOTENV
    return dict(dotenv_values(path)) if path.is_file() else {}


def environment() -> dict[str, str]:
    """The process environment over `.env`: what this process and its children see."""
    dotenv = {name: value for name, value in read_dotenv().items() if value}
    return {**dotenv, **{name: value for name, value in os.environ.items() if value or name not in dotenv}}


def unknown_names(known: set[str], values: Mapping[str, str | None] | None = None) -> list[str]:
    """Variables that look like ours but mean nothing: most often a slip of the pen."""
    values = environment() if values is None else values
    ours = (name for name in values if name.startswith(PREFIX))
    return sorted(name for name in ours if name not in known and name.removesuffix("_FILE") not in known)
