"""Gives running twins one world: `python -m twins.begin`. The ERP's keeps the one it has; repeating is harmless."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any

import httpx

WORLD = {"seed": 2026, "customers": 25, "items": 60, "orders": 40, "sequence": 417}
MASTERS = ("CUSMST", "ITMMST")


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit codes: 0 all know the world and the masters lie in the drop folder, 1 a twin refused, 2 wrong usage."""
    options = _parser().parse_args(arguments)
    try:
        with httpx.Client(timeout=60, trust_env=False) as client:
            world = _world(client, options.erp)
            for url in (options.quickbooks, options.salesforce):
                _post(client, url, "seed", world)
            _post(client, options.erp, "warehouse/open", {})
            for name in MASTERS:
                _post(client, options.erp, "warehouse/export", {"name": name})
    except httpx.HTTPError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"the twins know {len(world['customers'])} customers and {len(world['orders'])} orders\n")
    return 0


def _world(client: httpx.Client, erp: str) -> Any:
    found = client.get(f"{erp}/__twin__/world")
    return found.json() if found.is_success else _post(client, erp, "world", WORLD)


def _post(client: httpx.Client, url: str, path: str, body: object) -> Any:
    answer = client.post(f"{url}/__twin__/{path}", json=body)
    answer.raise_for_status()
    return answer.json() if answer.content else None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m twins.begin", description=__doc__)
    for name, port in (("quickbooks", 8101), ("salesforce", 8102), ("erp", 8103)):
        parser.add_argument(f"--{name}", default=f"http://127.0.0.1:{port}", metavar="URL")
    return parser


if __name__ == "__main__":
    sys.exit(main())
