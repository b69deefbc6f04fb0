"""Everything that is altered behind the product's back is found and named within one run, and nothing is invented.

`python -m bench.drift --alterations 300` lives a company, reconciles it at rest, alters records at random in all three
systems and in the store, reconciles again, and ends with 1 when anything was missed or invented.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import structlog

from bench.exactly_once import server
from store.schema import migrate
from tests.database import created
from tests.reconciliation.alterations import alter
from tests.reconciliation.lived import Lived, lived_in
from tests.reconciliation.oracle import invented, missed, said

FAILURES = ("missed", "invented", "differences at rest")
PER_SHIPMENT = 2  # so many alterations find records of their own in what one shipment leaves behind


def prove(alterations: int, seed: int) -> dict[str, Any]:
    """Live, alter and reconcile; answers the report."""
    shipments = max(30, alterations // PER_SHIPMENT)
    with server() as server_url, created(server_url) as url, tempfile.TemporaryDirectory() as folder:
        migrate(url)
        with lived_in(url, Path(folder)) as company:
            company.begin(seed=seed, customers=25, items=60, orders=shipments * 2)
            company.live(shipments)
            return _proven(company, url, alterations, seed)


def _proven(company: Lived, url: str, alterations: int, seed: int) -> dict[str, Any]:
    at_rest = said(url, company.reconcile().run_id)
    done = alter(company, alterations, seed)
    time.sleep(1.1)  # Salesforce's stamps know whole seconds
    began = time.monotonic()
    run_id = company.reconcile().run_id
    seconds = round(time.monotonic() - began, 1)
    found = said(url, run_id)
    return {
        "seed": seed,
        "alterations": alterations,
        "ways": len({one.name for one in done}),
        "to be named": sum(len(one.must) for one in done),
        "findings": len(found),
        "causes": dict(Counter(one.name.cause for one in found).most_common()),
        "differences at rest": [str(one) for one in at_rest],
        "missed": missed(done, found),
        "invented": invented(done, found),
        "seconds": seconds,
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the command line; 0 when all was found and nothing was invented."""
    parser = argparse.ArgumentParser(prog="python -m bench.drift", description=__doc__)
    parser.add_argument("--alterations", type=int, default=300)
    parser.add_argument("--seeds", type=int, nargs="+", default=[7], help="the whole of it once for each")
    parser.add_argument("--json", type=Path, help="write the report here, too")
    given = parser.parse_args(arguments)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    logging.disable(logging.CRITICAL)
    results = []
    for seed in given.seeds:
        results.append(prove(given.alterations, seed))
        sys.stderr.write(f"seed {seed}: {[len(results[-1][what]) for what in FAILURES]} {', '.join(FAILURES)}\n")
    text = json.dumps(results, indent=2)
    print(text)
    if given.json:
        given.json.write_text(text + "\n", encoding="utf-8")
    return 1 if any(one[what] for one in results for what in FAILURES) else 0


if __name__ == "__main__":
    sys.exit(main())
