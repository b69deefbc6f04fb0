"""The gate of `[orders] credit = "hold"`: a new order of a customer over its limit is kept back (case O17)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal

from sqlalchemy import func, select
from sqlmodel import Session

from domain.lifecycle import Lifecycle, Walk
from domain.lifecycle_declarations import Action
from domain.observations import Observation
from domain.order_ledger import OrderLedger
from domain.sources import System
from store import cursors, exposures
from store.order_cases import Loaded

HOLD = "hold"
EXCEEDED, CLEARED = "exposure_exceeded", "exposure_cleared"


class CreditGate:
    """One transaction's view of what customers may still order, in the order of the orders' numbers.

    Orders of one customer are weighed one after the other, in this process and in others: two that fit alone and not
    together never pass both. What is held back counts for nobody else.
    """

    def __init__(self, session: Session, lifecycle: Lifecycle, now: datetime) -> None:
        self._session, self._lifecycle, self._now = session, lifecycle, now
        self._held = held_states(lifecycle)
        self._weighed: defaultdict[str, dict[str, Decimal]] = defaultdict(dict)

    def lock(self, loaded: Mapping[str, Loaded]) -> None:
        """Let nobody else weigh orders of these customers until the transaction ends. Orders are locked before."""
        for customer in sorted({one.customer.number for one in loaded.values() if one.customer}):
            self._session.execute(select(func.pg_advisory_xact_lock(func.hashtext(f"credit of customer {customer}"))))

    def news(self, loaded: Loaded, walk: Walk, ledger: OrderLedger) -> Observation | None:
        """That a new order has to be held back, or that a held one may go on; None: nothing changes."""
        held = _is_held(walk)
        if loaded.customer is None or not (held or self._is_new(loaded, walk)) or _released(loaded):
            return None
        customer, weighed = loaded.customer.number, self._weighed[loaded.customer.number]
        without = [*weighed, loaded.case.number]
        exposure = exposures.of_customers(self._session, [customer], without, self._held).get(customer)
        if exposure is None:
            return None
        on_order = exposure.on_order + sum(weighed.values(), Decimal(0)) + ledger.open_amount
        with_this = exposure.model_copy(update={"on_order": on_order})
        if with_this.is_over == held:
            return None
        return Observation(
            system=System.GATEWAY,
            kind="order",
            value=EXCEEDED if with_this.is_over else CLEARED,
            reference=self._now.isoformat(),
            occurred_at=self._now,
            note=with_this.words() if with_this.is_over else "",
        )

    def passed(self, loaded: Loaded, walk: Walk, ledger: OrderLedger) -> None:
        """Let an order that was weighed count for those that come after it in this transaction."""
        state = self._lifecycle.state(walk.state)
        if loaded.customer is not None:
            is_asking = not (_is_held(walk) or state.closed or Action.RELEASE in state.does)
            amount = ledger.open_amount + ledger.unbilled_amount if is_asking else ledger.unbilled_amount
            self._weighed[loaded.customer.number][loaded.case.number] = amount

    def note(self, changed: Iterable[Loaded]) -> None:
        """Let the other orders of these customers be looked at: what one of them leaves, a held one may take."""
        customers = {one.customer.number for one in changed if one.customer}
        cursors.note(self._session, cursors.CUSTOMERS_TO_LOOK, sorted(customers))

    def _is_new(self, loaded: Loaded, walk: Walk) -> bool:
        sends = Action.SEND in self._lifecycle.state(walk.state).does
        return sends and not loaded.case.known_to_erp and not loaded.case.messages


def held_states(lifecycle: Lifecycle) -> tuple[str, ...]:
    """The states into which a customer's exposure puts an order."""
    exceeded = [name for name, event in lifecycle.events.items() if any(on.value == EXCEEDED for on in event.on)]
    led = {(state, lifecycle.reaction(name, state)) for name in exceeded for state in lifecycle.states}
    return tuple(sorted({to for state, to in led if to and to != state}))


def _is_held(walk: Walk) -> bool:
    """Whether the order stands where its customer's exposure has put it."""
    moves = [step for step in walk.steps if step.moved]
    return bool(moves) and moves[-1].observation.value == EXCEEDED


def _released(loaded: Loaded) -> bool:
    """Whether a person let it go on: what they decided is not taken back by the next look."""
    return any(one.value == "released" for one in loaded.case.lasting)
