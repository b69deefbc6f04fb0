"""Corrections, returns, payments, faults and people in any order on the twin: QuickBooks bills what was kept, once."""

from __future__ import annotations

import os
import random
from collections import Counter, defaultdict
from collections.abc import Iterator
from decimal import Decimal

import pytest
from temporalio.exceptions import ApplicationError

from domain.exceptions import Choice
from domain.shipments import Shipment
from tests.activities.corrections import (
    AUTOMATIC,
    WRITES,
    came_back,
    check_kept,
    corrected,
    invoiced,
    paid,
)
from tests.activities.worker import Worker
from tests.activities.world import House

SKUS = ("BOLT", "PIPE", "VALVE")
STEPS = 9
WALKS = int(os.environ.get("THREEWAY_TEST_WALKS", "8"))  # `make prove` takes many more
FAULTS = ("commit_then_reset", "reset_before", "status", "fault_in_200")
PREFERRED = (Choice.VOID_INVOICE, Choice.POST_CREDIT, Choice.POST_SUPPLEMENT, Choice.HANDLED)


class Walk:
    """One shipment's life after its invoice, by dice."""

    def __init__(self, house: House, seed: int) -> None:
        self.house, self.dice = house, random.Random(seed)  # noqa: S311 - dice
        rules = AUTOMATIC if self.dice.random() < 0.5 else {}
        self.worker = Worker(house, corrections={**rules, "restocking_fee_percent": 10})
        self.shipped = [self.dice.randint(1, 12) for _ in SKUS]
        self.returned: defaultdict[tuple[int, int], int] = defaultdict(int)
        self.made: Shipment = invoiced(house, self.worker, *self.shipped)
        self.done: Counter[str] = Counter()

    def run(self) -> None:
        """Walk, then let everything come to rest."""
        for _ in range(STEPS):
            step = self.dice.choice([self.correct, self.give_back, self.pay, self.break_something, self.look])
            self.done[step.__name__] += 1
            step()
        self.house.books.clear_faults()
        self.worker.connect()
        self.rest()
        kept = {sku: quantity for sku, quantity in self.kept() if quantity}
        check_kept(self.house, self.made.number, **kept)
        self.worker.close()

    def kept(self) -> Iterator[tuple[str, int]]:
        for place, (sku, quantity) in enumerate(zip(SKUS, self.shipped, strict=True), start=1):
            back = sum(amount for (line_no, _), amount in self.returned.items() if line_no == place)
            yield sku, max(quantity - back, 0)

    def correct(self) -> None:
        self.shipped = [0] * 3 if self.dice.random() < 0.15 else [self.dice.randint(0, 12) for _ in SKUS]
        corrected(self.house, self.worker, self.made, *self.shipped)

    def give_back(self) -> None:
        place, number, quantity = self.dice.randint(1, 3), self.dice.randint(1, 2), self.dice.randint(1, 4)
        self.returned[place, number] = quantity  # stated again, the newest word counts
        came_back(self.house, self.made.number, quantity, place, rma=f"R{number}-{self.made.number}")

    def pay(self) -> None:
        standing = self.house.books.billing(self.made.number)
        if standing and Decimal(standing[0]["balance"]) > 0:
            paid(self.house, self.made)
        if self.dice.random() < 0.5:
            self.worker.pull_invoices()

    def break_something(self) -> None:
        kind = self.dice.choice(FAULTS)
        more = {"status": 503, "body": "html"} if kind == "status" else {}
        self.house.books.fault(kind, path=self.dice.choice(list(WRITES.values())), **more)
        if self.dice.random() < 0.3:
            self.house.books.forget_requests()

    def look(self) -> None:
        prepared = self.worker.prepare_credit(self.made.number)
        if not (prepared.credits or prepared.invoices):
            self.decide()
            return
        try:
            self.worker.book_credit(prepared)
        except ApplicationError as error:
            if error.non_retryable:
                raise
            self.worker.note_unbooked_credit(self.made.number)

    def decide(self) -> None:
        for item in self.house.open_work(self.made.number):
            wanted = [one for one in PREFERRED if one in item.choices and one is not Choice.HANDLED]
            if wanted:
                self.house.decide(item.id, self.dice.choice(wanted))

    def rest(self) -> None:
        """People agree to what is proposed until nothing is."""
        for _ in range(20):
            self.worker.correct(self.made.number)
            asking = [one for one in self.house.open_work(self.made.number) if one.choices != (Choice.HANDLED,)]
            if not asking:
                return
            self.decide()
        raise AssertionError(f"never at rest: {[one.sentence for one in asking]}")


@pytest.mark.parametrize("seed", range(WALKS))
def test_quickbooks_bills_what_was_kept(house: House, seed: int) -> None:
    """F9, O11, O12, E13, R2: the twin's ledger is the oracle."""
    Walk(house, seed).run()
