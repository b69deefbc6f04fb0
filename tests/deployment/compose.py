"""docker-compose.yml as Docker Compose would see it: merged, its variables filled in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import yaml

from tests.architecture.project import ROOT

FILE = ROOT / "docker-compose.yml"
_VARIABLE = re.compile(r"\$(?:\$|\{(\w+)(?::([-?])([^}]*))?\})")


@dataclass(frozen=True)
class Compose:
    """The file with these variables."""

    variables: Mapping[str, str]

    @cached_property
    def document(self) -> dict[str, Any]:
        """All of it, merged and filled in."""
        return dict(_filled(yaml.safe_load(FILE.read_text(encoding="utf-8")), self.variables))

    @property
    def services(self) -> dict[str, dict[str, Any]]:
        """Every service by name."""
        return dict(self.document["services"])

    def environment(self, name: str) -> dict[str, str]:
        """What a service is told by the file itself."""
        return {key: str(value) for key, value in self.services[name].get("environment", {}).items()}


def _filled(value: Any, variables: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _filled(one, variables) for key, one in value.items()}
    if isinstance(value, list):
        return [_filled(one, variables) for one in value]
    if isinstance(value, str):
        return _VARIABLE.sub(lambda found: _value(found, variables), value)
    return value


def _value(found: re.Match[str], variables: Mapping[str, str]) -> str:
    name, operator, other = found.groups()
    if name is None:
        return "$"
    value = variables.get(name, "")
    if value or operator is None:
        return value
    if operator == "?":
        raise KeyError(f"{name}: {other}")
    return str(other)
