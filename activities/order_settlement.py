"""Settling orders within one transaction: cases are loaded, weighed by the lifecycle, and what follows is kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlmodel import Session

from activities.credit_gate import HOLD, CreditGate
from activities.order_work import OpenWork
from domain.company import Company
from domain.exceptions import Cause, Finding
from domain.lifecycle import Lifecycle, Outlook, Walk
from domain.lifecycle_declarations import Action
from domain.line_ledger import LineLedger
from domain.money import line_amount
from domain.observations import Observation
from domain.order_acts import allowed_acts
from domain.order_case import OrderCase
from domain.order_facts import facts_of
from domain.order_ledger import OrderLedger, check_order, derive_order
from domain.order_plan import OrderPlan, Standing, money_open, plan
from domain.order_reading import observed
from domain.order_words import early_words, sentence_of, unknown_words
from domain.order_work import OrderSettled
from domain.sources import System
from store import (
    acknowledgements,
    exceptions,
    observations,
    order_cases,
    order_marks,
    order_messages,
    order_states,
    orders,
)
from store.billing import lock_orders
from store.order_cases import Loaded
from store.stock import marks
from store.tables.lifecycle import OrderLineLedgerRow

STATUS = (System.SALESFORCE, "order_status")
DELETED = "deleted"
OTHER_CAUSES = tuple(one for one in Cause if one is not Cause.ORDER_NOT_WRITABLE)


@dataclass(frozen=True)
class SettlingRules:
    """By what an order is settled: the company's rules and its lifecycle."""

    company: Company
    lifecycle: Lifecycle


@dataclass(frozen=True)
class Weighed:
    """An order as it was loaded, and what the lifecycle, the ledger and the plan make of it."""

    loaded: Loaded
    walk: Walk
    ledger: OrderLedger
    plan: OrderPlan
    look_at: datetime | None
    exceptions: int

    @property
    def case(self) -> OrderCase:
        """The order with all that bears on it."""
        return self.loaded.case


class Settlement:
    """One transaction's look at some orders. Orders are locked first, in order: the newest look always wins."""

    def __init__(self, session: Session, rules: SettlingRules, now: datetime) -> None:
        self._session, self._now = session, now
        self._company, self._lifecycle = rules.company, rules.lifecycle
        self._rules = rules.company.orders
        self._gate = CreditGate(session, rules.lifecycle, now) if self._rules.credit == HOLD else None

    def settle(self, numbers: Sequence[str], *, strike: bool = False) -> list[OrderSettled]:
        """Settle those of these orders that Salesforce has; running it again writes nothing.

        `strike`: this look is the one that their marks ask for.
        """
        if not numbers:
            return []
        lock_orders(self._session, numbers)
        order_messages.lock_unwritten(self._session, numbers)
        seen_marks = order_marks.read(self._session, numbers) if strike else {}
        self._note_status(numbers)
        loaded = order_cases.load(self._session, sorted(numbers))
        if self._gate:
            self._gate.lock(loaded)
        facts = {number: facts_of(one.case, self._company.kits_by_sku) for number, one in loaded.items()}
        follows = {
            number: observed(one.case, facts[number], self._company.zone, self._rules.drop_ship)
            for number, one in loaded.items()
        }
        observations.restate(self._session, follows, self._now)
        seen = observations.of_orders(self._session, list(loaded))
        work = OpenWork(self._session, list(loaded), self._now)
        watermark = acknowledgements.watermark(self._session)
        weighed = [
            self._weigh(one, derive_order(facts[number]), seen.get(number, []), work, watermark)
            for number, one in loaded.items()
        ]
        for one in weighed:
            self._send(one)
        changed = self._keep(weighed)
        order_marks.strike(self._session, seen_marks)  # after all else, like everybody
        if self._gate:
            self._gate.note(one.loaded for one in weighed if one.case.number in changed)
        return [self._answer(one, changed) for one in weighed]

    def _note_status(self, numbers: Sequence[str]) -> None:
        """What Salesforce shows lasts: a status that it showed once is part of the order's story."""
        known = observations.of_orders(self._session, numbers)
        for number, order in orders.get_many(self._session, numbers).items():
            shown = [
                one.observation
                for one in known.get(number, [])
                if one.lasting and (one.observation.system, one.observation.kind) == STATUS
            ]
            word = DELETED if order.deleted else order.status
            if not shown or max(shown, key=lambda one: one.occurred_at).value != word:
                observations.note(self._session, number, _shown(word, order.version_at), self._now)

    def _weigh(
        self,
        loaded: Loaded,
        ledger: OrderLedger,
        seen: Sequence[observations.Seen],
        work: OpenWork,
        watermark: datetime | None,
    ) -> Weighed:
        walk, outlook = self._walk(loaded.case.number, seen)
        if self._gate and (news := self._gate.news(loaded, walk, ledger)) is not None:
            observations.note(self._session, loaded.case.number, news, self._now)
            seen = observations.of_orders(self._session, [loaded.case.number])[loaded.case.number]
            walk, outlook = self._walk(loaded.case.number, seen)
        if self._is_released(walk) and not loaded.case.known_to_erp:
            ledger = derive_order(facts_of(loaded.case, self._company.kits_by_sku, withdrawn=True))
        if self._gate:
            self._gate.passed(loaded, walk, ledger)
        standing = self._standing(walk, outlook, ledger)
        terms = loaded.customer.terms_code if loaded.customer else None
        made = plan(loaded.case, standing, terms or "", self._rules, watermark, self._now)
        return Weighed(
            loaded=loaded,
            walk=walk,
            ledger=ledger,
            plan=made,
            look_at=made.look_at,
            exceptions=self._open(loaded.case.number, made.findings, ledger, work),
        )

    def _walk(self, number: str, seen: Sequence[observations.Seen]) -> tuple[Walk, Outlook]:
        """Where the order stands; an order whose time is over is closed by an observation like any other."""
        known = [one.observation for one in seen]
        since = {one.observation.key: one.seen_at for one in seen}
        walk = self._lifecycle.walk(known)
        outlook = self._lifecycle.outlook(walk, since, self._now)
        if outlook.closing is not None:
            observations.note(self._session, number, outlook.closing, self._now)
            walk = self._lifecycle.walk([*known, outlook.closing])
            outlook = self._lifecycle.outlook(walk, since, self._now)
        return walk, outlook

    def _open(self, number: str, findings: Sequence[Finding], ledger: OrderLedger, work: OpenWork) -> int:
        return work.keep(number, findings, money_open(findings, ledger.open_amount, ledger.unbilled_amount))

    def _standing(self, walk: Walk, outlook: Outlook, ledger: OrderLedger) -> Standing:
        state = self._lifecycle.state(walk.state)
        moves = [step for step in walk.steps if step.moved]
        return Standing(
            state=state.label,
            does=frozenset(str(action) for action in state.does),
            person=state.person,
            closed=state.closed,
            since_at=walk.since or self._now,
            last_note=moves[-1].observation.note if moves else "",
            early=tuple(early_words(one, state.label) for one in outlook.overdue),
            unknown=tuple(unknown_words(one) for one in walk.unknown),
            broken=check_order(ledger),
            allowed=tuple(allowed_acts(self._lifecycle, walk.state)),
            shipped={line.line_no: line.shipped for line in ledger.lines},
            look_at=outlook.look_at,
        )

    def _send(self, weighed: Weighed) -> None:
        """Commit what the ERP has to be told with the state that asks for it; the flow writes it into a file."""
        if weighed.plan.withdraw:
            order_messages.withdraw(self._session, weighed.case.number, self._now)
            exceptions.close_by_itself(self._session, ("order", weighed.case.number), self._now, keep=OTHER_CAUSES)
        if weighed.plan.message is not None:
            order_messages.add(self._session, weighed.plan.message, self._now, again=weighed.plan.again)

    def _keep(self, weighed: Sequence[Weighed]) -> set[str]:
        states = [self._state_row(one) for one in weighed]
        ledgers = [row for one in weighed for row in _ledger_rows(one)]
        changed = order_states.keep(self._session, states, ledgers)
        order_states.mark_changed(self._session, changed, self._now)
        let_go = [
            line.sku
            for one in weighed
            if self._is_released(one.walk) != bool(one.loaded.before and one.loaded.before.released)
            for line in one.case.order.lines
        ]
        marks.mark(self._session, let_go, "an order was released")
        return changed

    def _is_released(self, walk: Walk) -> bool:
        state = self._lifecycle.state(walk.state)
        return Action.RELEASE in state.does or state.closed

    def _state_row(self, one: Weighed) -> dict[str, Any]:
        before, state = one.loaded.before, self._lifecycle.state(one.walk.state)
        return {
            "order_number": one.case.number,
            "state": one.walk.state,
            "shows": state.shows or None,
            "says": sentence_of(one.walk, state.label),
            "since_at": one.walk.since or (before.since_at if before else one.case.order.version_at),
            "policy_version": self._lifecycle.named_version,
            "closed": state.closed,
            "released": self._is_released(one.walk),
            "born_here": one.case.born_here,
            "ordered_amount": sum(
                (line_amount(line.ordered, line.unit_price) for line in one.ledger.lines), Decimal(0)
            ),
            "open_amount": one.ledger.open_amount,
            "unbilled_amount": one.ledger.unbilled_amount,
            "baseline": _baseline(one),
            "look_at": one.look_at,
        }

    def _answer(self, one: Weighed, changed: set[str]) -> OrderSettled:
        state = self._lifecycle.state(one.walk.state)
        number = one.case.number
        waits = not one.plan.withdraw and any(sent.waits for sent in one.case.messages)
        send = one.plan.message is not None or waits
        awaits = bool(one.walk.waiting or one.exceptions or state.person or one.case.messages)
        return OrderSettled(
            order_number=number,
            state=one.walk.state,
            shows=state.shows or None,
            closed=state.closed and not send,
            send=send,
            tell=number in changed or _is_untold(one.loaded),
            flow=send or one.case.born_here or (awaits and not state.closed),
            allowed=allowed_acts(self._lifecycle, one.walk.state),
            look_at=one.look_at,
            exceptions=one.exceptions,
        )


def _is_untold(loaded: Loaded) -> bool:
    before = loaded.before
    return before is None or before.said_at is None or before.said_at < before.changed_at


def _shown(status: str, at: datetime) -> Observation:
    system, kind = STATUS
    return Observation(system=system, kind=kind, value=status, reference=at.isoformat(), occurred_at=at)


def _ledger_rows(one: Weighed) -> list[dict[str, Any]]:
    names = set(LineLedger.model_fields) & set(OrderLineLedgerRow.model_fields)
    return [{"order_number": one.case.number, **line.model_dump(include=names)} for line in one.ledger.lines]


def _baseline(one: Weighed) -> Mapping[str, Any] | None:
    """What the ERP is taken to know of an order that it had before the gateway: what it was when it was first seen."""
    before = one.loaded.before
    if one.case.born_here:
        return None
    if before is not None and before.baseline is not None:
        return before.baseline
    if one.plan.content is None:
        return None
    return one.plan.content.model_dump(mode="json")
