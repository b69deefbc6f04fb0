"""The judge of a walk: QuickBooks' own ledger must show one invoice for each shipment, with the right total."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from domain.exceptions import Cause
from tests.activities.walk_plan import Known
from tests.activities.world import House, amount_of


@dataclass
class Tally:
    """What some walks came to."""

    operations: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    violations: list[str] = field(default_factory=list)

    def add(self, other: Tally) -> None:
        """Count another's in."""
        self.operations.update(other.operations)
        self.faults.update(other.faults)
        self.outcomes.update(other.outcomes)
        self.violations.extend(other.violations)


class Oracle:
    """Compares what is known of the shipments with what stands in QuickBooks and in the store."""

    def __init__(self, house: House, tally: Tally) -> None:
        self._house, self._tally = house, tally

    def violations(self, known: Mapping[str, Known]) -> Iterator[str]:
        """What is wrong, a sentence each; nothing when every shipment has its invoice, or none by a decision."""
        standing = self._house.books.ledger()
        for number, one in known.items():
            ours = [row for row in standing if f"threeway:{number}:" in (row["private_note"] or "")]
            problem = self._wrong(number, one, ours, {row["id"]: row for row in standing})
            if problem:
                yield f"{number}: {problem}"

    def _wrong(
        self, number: str, known: Known, ours: list[dict[str, Any]], standing: dict[str, dict[str, Any]]
    ) -> str | None:
        """What is wrong with a shipment, None when all is well. What counts is QuickBooks' ledger."""
        recorded = self._house.invoices(number)
        state = self._house.shipment(number).state
        if state == "not_billed":
            self._tally.outcomes["not billed, by a person"] += 1
            return None if known.given_up and not ours and not recorded else "not billed without a decision"
        if state != "invoiced" or len(recorded) != 1 or recorded[0].quickbooks_id not in standing:
            return f"it is {state} with {len(recorded)} recorded invoices"
        by_hand = recorded[0].quickbooks_id == known.foreign
        if len(ours) != (0 if by_hand else 1):
            return f"{len(ours)} invoices of ours stand"
        there = standing[recorded[0].quickbooks_id]
        self._tally.outcomes["adopted from a person's hand" if by_hand else "billed"] += 1
        return self._wrong_content(number, known, Decimal(there["total"]) - Decimal(there["tax"]), by_hand=by_hand)

    def _wrong_content(self, number: str, known: Known, total: Decimal, *, by_hand: bool) -> str | None:
        """The total is that of a statement; of the newest one, unless a person has the correction on the desk."""
        open_causes = {item.cause for item in self._house.open_work(number)}
        if not open_causes <= {Cause.CORRECTION_AFTER_INVOICE, *([Cause.INVOICE_DIFFERS] if by_hand else [])}:
            return f"work is left open: {sorted(open_causes)}"
        if total not in {amount_of(one) for one in known.statements}:
            return f"the total {total} is that of no statement"
        told = Cause.CORRECTION_AFTER_INVOICE in open_causes or self._handled(number) or by_hand
        if total != amount_of(known.statements[-1]) and not told:
            return "a correction was lost"
        return None

    def _handled(self, number: str) -> bool:
        row = self._house.shipment(number)
        return row.revision == self._house.counting_revision(number) > 1
