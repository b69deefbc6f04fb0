"""Which word of `Gateway_Status__c` an order deserves, from the ERP's truth and the books alone."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from bench.week.evidence import Json, number

ZERO = Decimal(0)


@dataclass(frozen=True)
class Standing:
    """An order by the ERP and the books. `billed`: everything that shipped is billed or came back."""

    order: Json
    invoices: tuple[Json, ...]
    billed: bool
    credited: bool
    reversed: bool

    def sum(self, name: str) -> Decimal:
        """A quantity of all lines."""
        return sum((number(line[name]) for line in self.order["lines"]), ZERO)

    @property
    def is_paid(self) -> bool:
        """Something was paid, and nothing is owed."""
        return self.is_partly_paid and sum((number(one["balance"]) for one in self.invoices), ZERO) <= 0

    @property
    def is_partly_paid(self) -> bool:
        """Something was paid."""
        return any(number(one["balance"]) < number(one["total"]) for one in self.invoices)


def words_of(standing: Standing) -> set[str]:
    """The words that are right; several where the order in time decides, of which the end state keeps no trace."""
    status, shipped = standing.order["status"], standing.sum("shipped")
    if status == "H":
        return {"Credit Hold"}
    if not shipped:
        return _nothing_shipped(standing, status)
    if standing.sum("open"):
        return {"Partially Invoiced"} if standing.billed else {"Partially Shipped", "Partially Invoiced"}
    if not standing.billed:
        return {"Shipped"}
    return _all_billed(standing)


def _nothing_shipped(standing: Standing, status: str) -> set[str]:
    if status == "R":
        return {"Rejected", "Cancelled"}  # the second once a person has given it up
    if status == "C":
        return {"Cancelled"}
    if standing.reversed and not standing.sum("open"):
        return {"Accepted", "Cancelled"}  # all that left was taken back, and nothing more will come
    if status == "K":
        return {"Picking"}
    return {"Allocated"} if standing.sum("open") and not standing.sum("backordered") else {"Backordered"}


def _all_billed(standing: Standing) -> set[str]:
    returned = standing.sum("returned")
    if returned and returned == standing.sum("shipped"):
        return {"Returned"}
    if returned and not standing.credited:  # what came back before its invoice was known is no news after it
        return {"Partially Returned", _by_money(standing)}
    if returned and not standing.is_paid:
        return {"Partially Returned"}
    return {_by_money(standing)}


def _by_money(standing: Standing) -> str:
    if standing.is_paid:
        return "Paid"
    return "Partially Paid" if standing.is_partly_paid else "Invoiced"
