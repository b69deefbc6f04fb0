"""Activities of the order lifecycle: what is true of orders is derived, kept, and turned into what follows."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from sqlalchemy import Engine
from temporalio import activity

from activities.boundary import at_boundary
from activities.order_settlement import Settlement, SettlingRules
from domain.order_acts import act_observation
from domain.order_work import OrderAct, OrderSettled, OrderWork
from store import cursors, observations, order_marks, order_states
from store.causes import Cause, CauseSource
from store.session import if_alone, reading, transaction

BLOCK = 200  # orders a transaction
AMONG = 1000  # marked orders of which they are taken: some are held by others
LOOKING = "looking at orders"


def utc_now() -> datetime:
    """The time, aware and in UTC."""
    return datetime.now(UTC)


class SettlingActivities:
    """Steps that derive where orders stand."""

    def __init__(self, engine: Engine, rules: SettlingRules, clock: Callable[[], datetime] = utc_now) -> None:
        self._engine, self._rules, self._clock = engine, rules, clock

    @activity.defn(no_thread_cancel_exception=True)
    @at_boundary
    def settle_order(self, work: OrderWork) -> OrderSettled:
        """Derive where an order stands and keep it, with what has to follow. Running it again changes nothing."""
        with transaction(self._engine, _cause()) as session:
            settled = Settlement(session, self._rules, self._clock()).settle([work.order_number], strike=True)
        return settled[0] if settled else OrderSettled(order_number=work.order_number, known=False)

    @activity.defn(no_thread_cancel_exception=True)
    @at_boundary
    def note_act(self, decision: OrderAct) -> bool:
        """Keep a person's decision about an order with who made it and why; the same one again changes nothing."""
        now = self._clock()
        words = f"{decision.decided_by}: {decision.reason}"
        act = act_observation(decision.act, decision.key, words, now)
        reference: dict[str, str | int] = {"order": decision.order_number, "reason": decision.reason}
        cause = Cause(source=CauseSource.USER, actor=decision.decided_by, reference=reference)
        with transaction(self._engine, cause) as session:
            is_new = observations.note(session, decision.order_number, act, now)
            order_marks.mark(session, [decision.order_number], "a person decided")
        return is_new

    def moved_customers(self) -> cursors.Notes:
        """The customers whose debts moved; their open orders are marked, because what they may do depends on it.

        They stay noted until `forget_moved` says that Salesforce is going to be told.
        """
        with transaction(self._engine, _cause()) as session:
            moved = cursors.notes(session, cursors.CUSTOMERS_TO_LOOK)
            if moved:
                theirs = order_states.open_of_customers(session, list(moved))
                order_marks.mark(session, theirs, "its customer's debts moved")
        return moved

    def forget_moved(self, moved: cursors.Notes) -> None:
        """Strike these out; a balance that moved once more meanwhile stays noted."""
        with transaction(self._engine, _cause()) as session:
            cursors.strike_notes(session, cursors.CUSTOMERS_TO_LOOK, moved)

    def has_marked(self) -> bool:
        """Whether an order is marked, or its wait is over by the clock."""
        with reading(self._engine) as session:
            return bool(order_marks.oldest(session, 1) or order_states.due(session, self._clock(), 1))

    def settle_marked(self) -> list[OrderSettled] | None:
        """Settle one block of orders that are marked, or whose wait is over by the clock; None while another does.

        Marks are taken in the transaction that settles: what changes afterwards marks anew. Orders that somebody holds
        are passed over, and stay marked.
        """
        with if_alone(self._engine, LOOKING) as is_alone:
            if not is_alone:
                return None
            with transaction(self._engine, _cause()) as session:
                now = self._clock()
                numbers = order_marks.oldest(session, AMONG)
                free = order_marks.take_free(session, numbers or order_states.due(session, now, AMONG), BLOCK)
                settled = Settlement(session, self._rules, now).settle(free, strike=True)
            with transaction(self._engine, _cause()) as session:
                order_marks.drop_unknown(session, numbers)
            return settled


def _cause() -> Cause:
    workflow_id = activity.info().workflow_id if activity.in_activity() else None
    return Cause(source=CauseSource.GATEWAY, actor="lifecycle", workflow_id=workflow_id)
