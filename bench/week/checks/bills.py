"""The documents in QuickBooks by the shipment that they bill, as the marker in their notes says."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal

from bench.week.evidence import Evidence, Json, number

MARKER = re.compile(r"threeway:(?P<shipment>[^:\s]+):(?P<credit>C?)(?P<generation>\d+)(?![\w:])")
FREIGHT = "FREIGHT"
CENT = Decimal("0.01")


@dataclass
class Bill:
    """What was written for one shipment: invoices and credit memos by generation, those that are nothing included."""

    invoices: dict[int, Json] = field(default_factory=dict)
    credits: dict[int, Json] = field(default_factory=dict)
    twice: list[str] = field(default_factory=list)

    @property
    def living(self) -> dict[int, Json]:
        """The invoices that bill something."""
        return {generation: one for generation, one in self.invoices.items() if lives(one)}

    def net(self) -> dict[str, Decimal]:
        """Quantities by SKU: what living invoices bill, less what credit memos give back."""
        found: defaultdict[str, Decimal] = defaultdict(Decimal)
        for sign, documents in ((1, self.living.values()), (-1, filter(lives, self.credits.values()))):
            for line in (line for one in documents for line in goods(one)):
                found[line["sku"]] += sign * number(line["quantity"])
        return found

    def freight(self) -> Decimal:
        """Freight that is billed and not given back."""
        living = [line for one in self.living.values() for line in one["lines"] if line["sku"] == FREIGHT]
        back = [line for one in self.credits.values() if lives(one) for line in one["lines"] if line["sku"] == FREIGHT]
        return _amounts(living) - _amounts(back)


def lives(document: Json) -> bool:
    """Whether an invoice or credit memo is there and is something."""
    return not (document["deleted"] or document["voided"])


def goods(document: Json) -> list[Json]:
    """The lines that are goods: with a SKU, and no freight."""
    return [line for line in document["lines"] if line["sku"] not in {None, FREIGHT}]


def bills(evidence: Evidence) -> tuple[dict[str, Bill], list[Json]]:
    """The documents of each shipment, and the invoices that carry no marker."""
    found: defaultdict[str, Bill] = defaultdict(Bill)
    foreign: list[Json] = []
    for kind in ("invoices", "credit_memos"):
        for document in evidence.ledger[kind]:
            marked = MARKER.search(document["private_note"] or "")
            if marked is None:
                foreign.append(document)
                continue
            bill, generation = found[marked["shipment"]], int(marked["generation"])
            place = bill.credits if marked["credit"] else bill.invoices
            if generation in place and lives(document):
                bill.twice.append(str(document["doc_number"]))
            place.setdefault(generation, document)
    return found, foreign


def half_up(amount: Decimal) -> Decimal:
    """An amount in whole cents."""
    return amount.quantize(CENT, rounding=ROUND_HALF_UP)


def lines_by_sku(shipment: Json) -> dict[str, Json]:
    """The lines of a shipment by their SKU; the week orders no item twice in one order."""
    return {line["sku"]: line for line in shipment["lines"]}


def _amounts(lines: Iterable[Json]) -> Decimal:
    return sum((number(line["amount"]) for line in lines), Decimal(0))
