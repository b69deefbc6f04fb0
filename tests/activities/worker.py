"""Processes that prepare and book with the product's own activities, and that can die at any commit or call."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Engine, event
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.credits import CorrectingActivities, CreditBookingActivities
from activities.invoicing import BookingActivities, PreparingActivities
from activities.payments import PaymentActivities
from adapters.quickbooks.gateway import QuickBooksGateway
from domain.correction_rules import CorrectionPolicy
from domain.work import (
    Booked,
    BookWork,
    CreditBooked,
    CreditBookWork,
    CreditPrepared,
    CreditWork,
    InvoicesPulled,
    InvoicesWork,
    Prepared,
    RangeWork,
    ShipmentWork,
)
from store.session import close_engine, make_engine
from tests.activities.world import House
from tests.build import REALM

ATTEMPTS = 40


class Death(BaseException):
    """The process dies here."""


@dataclass
class Life:
    """Counts the boundaries that a worker passes, and ends its life at one of them (0: never)."""

    dies_at: int = 0
    passed: list[str] = field(default_factory=list)

    def boundary(self, name: str) -> None:
        self.passed.append(name)
        if len(self.passed) == self.dies_at:
            raise Death(name)


class MortalGateway:
    """A gateway whose caller may die before or after any call."""

    def __init__(self, gateway: QuickBooksGateway, life: Life) -> None:
        self._gateway, self._life = gateway, life

    def __getattr__(self, name: str) -> Callable[..., Any]:
        call = getattr(self._gateway, name)

        def mortal(*args: Any) -> Any:
            self._life.boundary(f"before {name}")
            answer = call(*args)
            self._life.boundary(f"after {name}")
            return answer

        return mortal


def mortal_engine(url: str, life: Life) -> Engine:
    """An engine whose user may die before or after any commit."""
    opened = make_engine(url, pool_size=4)

    @event.listens_for(opened, "commit")
    def commit(connection: Any) -> None:
        life.boundary("before commit")
        connection.connection.driver_connection.commit()
        life.boundary("after commit")

    return opened


class Worker:
    """One process that prepares and books: its own engine, its own gateway, the product's own activities."""

    def __init__(
        self,
        house: House,
        life: Life | None = None,
        *,
        read_timeout: float = 15.0,
        corrections: Mapping[str, Any] | None = None,
    ) -> None:
        rules = CorrectionPolicy(**{"version": "test", **(corrections or {})})
        company = house.company.model_copy(update={"corrections": rules})
        self._house, self._life, self._timeout = house, life, read_timeout
        self._own_engine = mortal_engine(house.url, life) if life else None
        self.engine = self._own_engine or house.engine
        self._gateways: list[QuickBooksGateway] = []
        self.preparing = PreparingActivities(self.engine, company, REALM)
        self.correcting = CorrectingActivities(self.engine, company, REALM)
        self.connect()

    def connect(self) -> None:
        """Connect to QuickBooks anew, as a process does that starts: with no pause left from the past."""
        self.gateway = self._house.gateway(self._timeout)
        self._gateways.append(self.gateway)
        seen: Any = MortalGateway(self.gateway, self._life) if self._life else self.gateway
        self.booking = BookingActivities(self.engine, seen)
        self.credits = CreditBookingActivities(self.engine, seen)
        self.payments = PaymentActivities(self.engine, seen)

    def close(self) -> None:
        for one in self._gateways:
            one.close()
        if self._own_engine:
            close_engine(self._own_engine)

    def prepare_range(self, work: RangeWork) -> Prepared:
        prepared: Prepared = ActivityEnvironment().run(self.preparing.prepare_range, work)
        return prepared

    def prepare(self, number: str) -> Prepared:
        prepared: Prepared = ActivityEnvironment().run(self.preparing.prepare, ShipmentWork(shipment_number=number))
        return prepared

    def book(self, intent_ids: Sequence[str]) -> Booked:
        booked: Booked = ActivityEnvironment().run(self.booking.book, BookWork(intent_ids=list(intent_ids)))
        return booked

    def note_unbooked(self, number: str) -> str | None:
        work = ShipmentWork(shipment_number=number)
        noted: str | None = ActivityEnvironment().run(self.preparing.note_unbooked, work)
        return noted

    def book_patiently(self, intent_ids: Sequence[str]) -> Booked:
        """Book as Temporal does: again after every error that says that it can help; without the waiting."""
        for _ in range(ATTEMPTS):
            try:
                return self.book(intent_ids)
            except ApplicationError as error:
                if error.non_retryable:
                    raise
                if error.type == "rate_limited":
                    self.connect()
        raise AssertionError(f"not settled after {ATTEMPTS} attempts")

    def prepare_credit(self, number: str) -> CreditPrepared:
        prepared: CreditPrepared = ActivityEnvironment().run(
            self.correcting.prepare_credit, CreditWork(shipment_number=number)
        )
        return prepared

    def book_credit(self, prepared: CreditPrepared) -> CreditBooked:
        work = CreditBookWork(credits=prepared.credits, invoices=prepared.invoices)
        booked: CreditBooked = ActivityEnvironment().run(self.credits.book_credit, work)
        return booked

    def note_unbooked_credit(self, number: str) -> str | None:
        work = CreditWork(shipment_number=number)
        noted: str | None = ActivityEnvironment().run(self.correcting.note_unbooked_credit, work)
        return noted

    def correct(self, number: str) -> str | None:
        """Bring an invoiced shipment's corrections as far as they come by themselves; answers what holds them."""
        for _ in range(ATTEMPTS):
            prepared = self.prepare_credit(number)
            if not (prepared.credits or prepared.invoices):
                return prepared.held
            try:
                self.book_credit(prepared)
            except ApplicationError as error:
                if error.non_retryable:
                    raise
                if error.type == "rate_limited":
                    self.connect()
        raise AssertionError(f"not settled after {ATTEMPTS} attempts")

    def pull_invoices(self) -> InvoicesPulled:
        pulled: InvoicesPulled = ActivityEnvironment().run(self.payments.pull_invoices, InvoicesWork(reason="test"))
        return pulled

    def bill(self, *numbers: str) -> dict[str, str]:
        """Bring shipments as far as they come by themselves; answers what is held, by shipment."""
        held: dict[str, str] = {}
        for number in numbers:
            prepared = self.prepare(number)
            while prepared.book:
                outcome = self.book_patiently(prepared.book)
                if outcome.refused:
                    self.note_unbooked(number)
                prepared = self.prepare(number)
            held |= prepared.held
        return held
