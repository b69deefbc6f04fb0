"""A seeded walk through everything that can go wrong with invoicing, and an oracle on QuickBooks' own ledger.

One walk bills a handful of shipments while calls fail, processes die, files come twice, two workers do the same work,
shipments are corrected and people decide. In the end the weather calms down, and each shipment must have exactly one
standing invoice with the right total, or none where a person said so.
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from random import Random
from typing import Any

from temporalio.exceptions import ApplicationError

from domain.exceptions import Cause, Choice, ExceptionItem
from domain.links import LinkKind
from domain.work import RangeWork
from tests.activities.walk_oracle import Oracle, Tally
from tests.activities.walk_plan import Plan
from tests.activities.worker import Death, Life, Worker
from tests.activities.world import House, amount_of

HASTE = 0.5  # seconds that a worker of a walk waits for an answer
SLOW = 0.8
ROUNDS = 40
CREATES, QUERIES, ANY = "/(invoice|batch)$", "/query$", "/company/"
FAULTS: tuple[tuple[int, dict[str, Any]], ...] = (
    (3, {"kind": "commit_then_reset"}),
    (1, {"kind": "commit_then_hang", "seconds": 20}),
    (2, {"kind": "status", "status": 500, "commit": True}),
    (2, {"kind": "reset_before"}),
    (1, {"kind": "hang_before", "seconds": 20}),
    (1, {"kind": "slow", "seconds": SLOW}),
    (1, {"kind": "status", "status": 500}),
    (1, {"kind": "status", "status": 502, "body": "empty"}),
    (1, {"kind": "status", "status": 503, "body": "html"}),
    (1, {"kind": "status", "status": 504, "body": "html"}),
    (1, {"kind": "status", "status": 429}),
    (1, {"kind": "fault_in_200"}),
    (1, {"kind": "stream_timeout"}),
    (1, {"kind": "inventory_lock"}),
    (1, {"kind": "expired_token_once"}),
)


class Walk:
    """One seed's walk over one company."""

    def __init__(self, house: House, seed: int, tally: Tally) -> None:
        self._house, self._tally, self._name = house, tally, f"seed {seed}"
        self._dice = Random(seed)  # noqa: S311 - a walk is to be walked again
        self._workers = [Worker(house, read_timeout=HASTE) for _ in range(2)]
        self._works: list[RangeWork] = []
        self._intents: set[str] = set()
        self._slow_until = 0.0
        self._plan = Plan(house, self._dice, f"P{seed:05d}")
        self._known = self._plan.known

    def run(self) -> None:
        """Walk, calm down, settle, and judge."""
        self._weather()
        acts: tuple[tuple[int, Callable[[], None]], ...] = (
            (6, self._deliver),
            (3, self._again),
            (3, self._look),
            (9, self._book),
            (14, self._trouble),
            (5, self._at_once),
            (5, self._die),
            (3, self._correct),
            (5, self._people),
            (2, self._forget),
            (2, self._close_books),
            (2, self._foreign),
            (3, self._order_comes),
        )
        try:
            for _ in range(self._dice.randint(24, 44)):
                self._weighted(acts)()
            self._settle()
            self._judge()
        except Exception as error:  # noqa: BLE001 - anything that escapes is a violation, with its seed
            self._violation(f"{type(error).__name__}: {error} ({traceback.extract_tb(error.__traceback__)[-1].name})")
        finally:
            for one in self._workers:
                one.close()

    def _weather(self) -> None:
        self._house.books.calm()
        self._house.books.set(
            custom_txn_numbers=self._dice.random() < 0.7,
            warn_duplicate_numbers=self._dice.random() < 0.6,
            using_sales_tax=self._dice.random() < 0.2,
        )

    def _weighted(self, choices: Any) -> Any:
        weights = [weight for weight, _ in choices]
        return self._dice.choices([one for _, one in choices], weights)[0]

    def _some(self) -> list[str]:
        return self._dice.sample(sorted(self._known), self._dice.randint(1, len(self._known)))

    def _count(self, what: str) -> None:
        self._tally.operations[what] += 1

    def _violation(self, what: str) -> None:
        self._tally.violations.append(f"{self._name}: {what}")

    # What happens

    def _deliver(self) -> None:
        self._count("file")
        self._prepare_range(self._dice.choice(self._workers), self._file()[1])

    def _file(self) -> tuple[list[str], RangeWork]:
        """Some shipments are stated in a new file, which is to be prepared next."""
        numbers = self._some()
        work = self._house.deliver(*(self._known[number].statements[-1] for number in numbers))
        self._works.append(work)
        for number in numbers:
            self._known[number].delivered = True
        return numbers, work

    def _again(self) -> None:
        if self._works:
            self._count("file again")
            self._prepare_range(self._dice.choice(self._workers), self._dice.choice(self._works))

    def _look(self) -> None:
        self._count("look")
        self._prepare(self._dice.choice(self._workers), self._dice.choice(sorted(self._known)))

    def _book(self) -> None:
        if self._intents:
            self._count("booking")
            self._try_booking(self._dice.choice(self._workers), self._pick())

    def _pick(self) -> list[str]:
        """The intents of one flow: all that are known, or some of them."""
        ids = sorted(self._intents)
        return ids if self._dice.random() < 0.5 else self._dice.sample(ids, self._dice.randint(1, len(ids)))

    def _trouble(self) -> None:
        rule = dict(self._weighted(FAULTS))
        path = self._dice.choices([CREATES, QUERIES, ANY], [7, 2, 1])[0]
        if rule["kind"] == "slow":
            self._slow_until = float("inf")
        self._house.books.fault(**rule, path=path, times=self._dice.randint(1, 2), skip=self._dice.randint(0, 1))

    def _at_once(self) -> None:
        """Two workers do the same, or what gets in each other's way, at the same moment."""
        self._count("two at once")
        ids = self._pick() if self._intents else []
        if ids and self._dice.random() < 0.4:
            jobs: list[Callable[[Worker], object]] = [lambda one: self._try_booking(one, ids)] * 2
        else:
            numbers, work = self._file()
            with_it = self._dice.choice(
                [
                    lambda one: self._prepare_range(one, work),
                    lambda one: self._try_booking(one, ids),
                    lambda one: self._prepare(one, numbers[0]),
                ]
            )
            jobs = [lambda one: self._prepare_range(one, work), with_it]
        with ThreadPoolExecutor(2) as pool:
            for done in [pool.submit(job, one) for job, one in zip(jobs, self._workers, strict=True)]:
                done.result()

    def _die(self) -> None:
        """A process starts, and dies at some step of what it does."""
        life = Life(dies_at=self._dice.randint(1, 14))
        mortal = Worker(self._house, life, read_timeout=HASTE)
        try:
            if self._works and self._dice.random() < 0.5:
                self._prepare_range(mortal, self._dice.choice(self._works))
            if self._intents:
                self._try_booking(mortal, self._pick())
        except Death:
            self._count("death")
        finally:
            mortal.close()

    def _correct(self) -> None:
        """The ERP states a shipment anew: less of a line, or another freight."""
        self._count("correction")
        known = self._known[self._dice.choice(sorted(self._known))]
        last = known.statements[-1]
        first = last.lines[0]
        if first.quantity_shipped > 1 and self._dice.random() < 0.7:
            less = first.model_copy(update={"quantity_shipped": first.quantity_shipped - 1})
            later = last.model_copy(update={"lines": (less, *last.lines[1:])})
        else:
            later = last.model_copy(update={"freight": last.freight + self._plan.money(1, 9)})
        known.statements.append(later)
        known.delivered = True
        work = self._house.deliver(later)
        self._works.append(work)
        self._prepare_range(self._dice.choice(self._workers), work)

    def _people(self) -> None:
        for number in self._some():
            for item in self._house.open_work(number):
                self._answer(number, item, self._choose(number, item, at_the_end=False))

    def _forget(self) -> None:
        """QuickBooks forgets every request id; what is still under way there has ended by then."""
        if self._slow_until == float("inf"):
            self._slow_until = time.monotonic() + SLOW + HASTE
        time.sleep(max(0.0, self._slow_until - time.monotonic()))
        self._count("request ids forgotten")
        self._house.books.forget_requests()

    def _close_books(self) -> None:
        self._count("books closed or opened")
        self._house.books.set(book_close_on=self._dice.choice(["2026-12-31", "", ""]))

    def _foreign(self) -> None:
        """Somebody bills a shipment by hand, under the number that we would take."""
        number = self._dice.choice(sorted(self._known))
        known = self._known[number]
        taken = self._house.books.app.settings["custom_txn_numbers"] and any(
            one["doc_number"] == number for one in self._house.books.ledger()
        )
        if known.foreign or taken:
            return
        self._house.books.clear_faults()
        self._house.books.set(book_close_on="")
        self._count("invoice by hand")
        known.foreign = self._house.books.invoice_by_hand(
            self._house.token(),
            self._house.external_id(LinkKind.CUSTOMER, known.statements[0].customer_number),
            self._house.external_id(LinkKind.ITEM, "BOLT"),
            str(amount_of(known.statements[0])),
            DocNumber=number,
        )

    def _order_comes(self) -> None:
        missing = [one for one in self._known.values() if not one.ordered]
        if missing:
            self._count("late order")
            self._plan.place_order(self._dice.choice(missing).statements[0].order_number)

    # How it is done

    def _prepare_range(self, worker: Worker, work: RangeWork) -> None:
        self._patiently(lambda: self._intents.update(worker.prepare_range(work).book))

    def _prepare(self, worker: Worker, number: str) -> None:
        self._patiently(lambda: self._intents.update(worker.prepare(number).book))

    def _patiently(self, step: Callable[[], object]) -> None:
        for _ in range(5):
            try:
                step()
            except ApplicationError as error:
                if error.non_retryable:
                    raise
            else:
                return
        raise AssertionError("the store did not let a step through")

    def _try_booking(self, worker: Worker, ids: list[str]) -> None:
        try:
            worker.book(ids)
        except ApplicationError as error:
            # Refused twice in a row with fresh tokens: nothing was sent, and a person would mend the connection.
            if error.non_retryable and error.type != "not_authorized":
                raise
            if error.type == "rate_limited":
                worker.connect()
            for number in self._some_of(ids):
                worker.note_unbooked(number)

    def _some_of(self, ids: list[str]) -> list[str]:
        found = self._house.intents(*self._known)
        return [number for number, one in found.items() if str(one.id) in ids][:2]

    def _choose(self, number: str, item: ExceptionItem, *, at_the_end: bool) -> Choice:
        wanted = [one for one in item.choices if one in _CHOSEN]
        if at_the_end:
            wanted = [one for one in wanted if one is not Choice.DO_NOT_BILL]
            if item.cause is Cause.DOC_NUMBER_TAKEN:
                wanted.remove(Choice.RETRY)
        if self._known[number].foreign is None and Choice.ADOPT_INVOICE in wanted:
            wanted.remove(Choice.ADOPT_INVOICE)
        rare = [one for one in wanted if one is not Choice.DO_NOT_BILL or self._dice.random() < 0.2]
        return self._dice.choice(rare or [Choice.RETRY])

    def _answer(self, number: str, item: ExceptionItem, choice: Choice) -> None:
        known = self._known[number]
        self._count(f"decision {choice.value}")
        known.given_up = known.given_up or choice is Choice.DO_NOT_BILL
        self._house.decide(item.id, choice, known.foreign if choice is Choice.ADOPT_INVOICE else None)

    # How it ends

    def _settle(self) -> None:
        """The weather is calm, the books are open, all is delivered, and people answer until nothing waits."""
        settings = dict(self._house.books.app.settings.all())
        self._house.books.calm()
        kept = ("custom_txn_numbers", "warn_duplicate_numbers", "using_sales_tax")
        self._house.books.set(**{name: settings[name] for name in kept})
        time.sleep(SLOW if self._slow_until == float("inf") else 0)
        for one in list(self._known.values()):
            if not one.ordered:
                self._plan.place_order(one.statements[0].order_number)
        late = [one.statements[-1] for one in self._known.values() if not one.delivered]
        worker = Worker(self._house, read_timeout=10)
        try:
            if late:
                worker.prepare_range(self._house.deliver(*late))
            for _ in range(ROUNDS):
                held = worker.bill(*sorted(self._known))
                waiting = [number for number in held if self._house.shipment(number).state != "invoiced"]
                if not waiting:
                    return
                for number in waiting:
                    for item in self._house.open_work(number):
                        self._answer(number, item, self._choose(number, item, at_the_end=True))
        finally:
            worker.close()
        raise AssertionError("some shipments never came to an end")

    def _judge(self) -> None:
        for violation in Oracle(self._house, self._tally).violations(self._known):
            self._violation(violation)


_CHOSEN = frozenset(
    {
        Choice.RETRY,
        Choice.BILL_AGAIN,
        Choice.ADOPT_INVOICE,
        Choice.BILL_WITHOUT_ORDER,
        Choice.DO_NOT_BILL,
        Choice.HANDLED,
    }
)
