"""Compares the three systems and the canonical store line by line, and shares no code with what keeps them equal.

`python -m bench.week.checker --quickbooks URL --salesforce URL --erp URL --database URL --outbox DIR` prints every
difference and ends with 1 when there is one. It writes nothing. It is meant for the end of a simulated week, when all
that the ERP has to say is said: what is still under way shows as a difference.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from bench.week.checks.invoices import check_invoices
from bench.week.checks.lines import check_lines
from bench.week.checks.papers import check_papers
from bench.week.checks.salesforce import check_salesforce
from bench.week.checks.shelves import check_shelves
from bench.week.checks.work import check_work
from bench.week.evidence import Addresses, Evidence, gather
from bench.week.findings import Report
from bench.week.rules import Rules


def check(evidence: Evidence, rules: Rules) -> Report:
    """Compare everything; pure."""
    report = Report()
    check_lines(evidence, report)
    check_invoices(evidence, report, rules)
    check_salesforce(evidence, report, rules)
    check_papers(evidence, report)
    check_shelves(evidence, report, rules)
    check_work(evidence, report)
    return report


def check_at(addresses: Addresses, rules: Rules) -> Report:
    """Read everything and compare it."""
    return check(gather(addresses), rules)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the command line; 0 when nothing differs."""
    parser = argparse.ArgumentParser(prog="python -m bench.week.checker", description=__doc__)
    for name in ("quickbooks", "salesforce", "erp", "database"):
        parser.add_argument(f"--{name}", required=True, metavar="URL")
    parser.add_argument("--outbox", required=True, type=Path, metavar="DIR", help="the folder of order files")
    parser.add_argument("--company", type=Path, default=Path("config/company.toml"), help="the distributor's settings")
    parser.add_argument("--json", type=Path, help="write the report here, too")
    given = parser.parse_args(arguments)
    addresses = Addresses(given.quickbooks, given.salesforce, given.erp, given.database, given.outbox)
    report = check_at(addresses, Rules.read(given.company))
    print(report.table())
    if given.json:
        given.json.write_text(json.dumps(report.to_json(), indent=2) + "\n", "utf-8")
    return 1 if report.findings else 0


if __name__ == "__main__":
    sys.exit(main())
