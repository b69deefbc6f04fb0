"""What the distributor of the week has decided, as far as the checker has to know it: read from its own settings."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Rules:
    """`credit_damaged`: whether goods that came back damaged are given back in money. `kits`: kept as components.

    `given_up`: purchase orders that were taken back at once, so that the warehouse may never have heard of them.
    """

    credit_damaged: bool = False
    kits: frozenset[str] = frozenset()
    given_up: frozenset[str] = frozenset()

    @classmethod
    def read(cls, company: Path) -> Rules:
        """The rules of a `company.toml`."""
        given = tomllib.loads(company.read_text("utf-8"))
        credited = given.get("corrections", {}).get("credit_damaged", False)
        return cls(credit_damaged=bool(credited), kits=frozenset(given.get("kits", {})))
