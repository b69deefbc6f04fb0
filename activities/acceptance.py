"""Accepting orders that were born in Salesforce: numbered in the store first, then there, then kept like others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine
from sqlmodel import Session

from adapters.salesforce.gateway import SalesforceGateway
from domain.exceptions import Cause as Why
from domain.exceptions import Choice, ExceptionKind, Finding
from domain.items import Item
from domain.order_acceptance import NewOrder, NumberedOrder, NumberRules, numbered_lines, what_lacks
from domain.publication import StatementOutcome
from runtime import metrics
from store import exceptions, items, order_numbers
from store.causes import Cause
from store.session import reading, transaction
from store.tables.order_numbers import OrderNumberRow

SALES_DESK = "sales operations"
AT_A_TIME = 100  # orders that are accepted together: two calls to read, three to write
BATCHES = 20  # of them in one look at the orders; the next look goes on
LACKING_AFTER = timedelta(minutes=1)  # an account or an item may be completed without the order changing
REFUSED_AFTER = timedelta(minutes=5)
SOON = timedelta(seconds=10)
OTHER_CAUSES = tuple(cause for cause in Why if cause not in {Why.ORDER_INCOMPLETE, Why.ORDER_NUMBER_REFUSED})


@dataclass(frozen=True)
class Sorted:
    """New orders by what there is to do with them."""

    over: list[str] = field(default_factory=list)  # deleted, or not to be accepted any more
    numbered: list[NewOrder] = field(default_factory=list)  # nothing is left to write on them
    lacking: list[tuple[NewOrder, str]] = field(default_factory=list)
    ready: list[NewOrder] = field(default_factory=list)


class Acceptance:
    """Gives numbers to the orders that wait for one; whatever dies on the way, an order keeps its first number.

    A number is committed before it is written to Salesforce, for the order and for each line by its own Id, and written
    only where there is none: a process that dies in between, an answer that is lost and a second worker all come to the
    same numbers.
    """

    def __init__(self, engine: Engine, salesforce: SalesforceGateway, rules: NumberRules, cause: Cause) -> None:
        self._engine, self._salesforce, self._rules, self._cause = engine, salesforce, rules, cause

    def batches(self, among: Sequence[str] | None = None) -> Iterator[list[str]]:
        """Accept what waits; gives, batch by batch, the numbers of orders that can be read under them now."""
        for _ in range(BATCHES):
            with reading(self._engine) as session:
                waiting = order_numbers.waiting(session, AT_A_TIME, among)
            if not waiting:
                return
            numbers = self._accept(waiting)
            if numbers:
                yield numbers

    def _accept(self, waiting: Sequence[str]) -> list[str]:
        orders = self._salesforce.new_orders(waiting)
        skus = {line.sku for order in orders for line in order.lines if line.sku}
        with reading(self._engine) as session:
            known = items.get_many(session, sorted(skus))
            ours = order_numbers.given(session, waiting)
        found = self._sorted(waiting, orders, known, ours)
        self._settle(found, ours)
        given = self._number(found.ready, known)
        outcomes = self._salesforce.write_numbers(given) if given else {}
        return self._conclude(found, given, outcomes)

    def _sorted(
        self,
        waiting: Sequence[str],
        orders: Sequence[NewOrder],
        known: Mapping[str, Item],
        ours: Mapping[str, OrderNumberRow],
    ) -> Sorted:
        there = {order.external_id for order in orders}
        found = Sorted(over=[one for one in waiting if one not in there])
        for order in orders:
            row = ours.get(order.external_id)
            lacks = what_lacks(order, known)
            if order.deleted or not self._rules.accepts(order.status, active=order.active):
                found.over.append(order.external_id)
            elif order.is_whole or (order.number and (row is None or order.number != row.number)):
                found.numbered.append(order)
            elif lacks:
                found.lacking.append((order, lacks))
            else:
                found.ready.append(order)
        return found

    def _settle(self, found: Sorted, ours: Mapping[str, OrderNumberRow]) -> None:
        """What need not be written: orders that are over, that lack something, or that have a number already."""
        now = datetime.now(UTC)
        with transaction(self._engine, self._cause) as session:
            order_numbers.strike(session, [*found.over, *(one.external_id for one in found.numbered)])
            for external_id in found.over:
                exceptions.close_by_itself(session, ("order", external_id), now)
            for order in found.numbered:
                row = ours.get(order.external_id)
                if row is not None and row.number == order.number:
                    order_numbers.mark_written(session, [order.external_id], now)
                exceptions.close_by_itself(session, ("order", order.external_id), now, keep=OTHER_CAUSES)
                if row is not None and row.number != order.number:
                    _open(session, order, _other_number(order, row.number))
            for order, lacks in found.lacking:
                order_numbers.postpone(session, order.external_id, LACKING_AFTER, lacks)
                if not order.number:  # one with a number is work under its number
                    _open(session, order, _incomplete(order, lacks))

    def _number(self, ready: Sequence[NewOrder], known: Mapping[str, Item]) -> list[NumberedOrder]:
        """Commit the numbers of orders and of their lines, before any of them is written."""
        if not ready:
            return []
        given: list[NumberedOrder] = []
        now = datetime.now(UTC)
        with transaction(self._engine, self._cause) as session:
            rows = order_numbers.give(session, [one.external_id for one in ready], self._rules, now)
            for order in ready:
                row = rows.get(order.external_id)
                if row is None:
                    order_numbers.postpone(session, order.external_id, REFUSED_AFTER, "no number is left")
                    _open(session, order, _none_left(order, self._rules))
                else:
                    given.append(_numbered(session, order, row, known))
        return given

    def _conclude(
        self, found: Sorted, given: Sequence[NumberedOrder], outcomes: Mapping[str, StatementOutcome]
    ) -> list[str]:
        now = datetime.now(UTC)
        by_id = {one.external_id: one for one in found.ready}
        written = [one for one in given if outcomes[one.external_id].accepted]
        with transaction(self._engine, self._cause) as session:
            ids = [one.external_id for one in written]
            metrics.count("orders_accepted", order_numbers.mark_written(session, ids, now))
            order_numbers.strike(session, ids)
            for external_id in ids:
                exceptions.close_by_itself(session, ("order", external_id), now, keep=OTHER_CAUSES)
            for one in given:
                outcome, order = outcomes[one.external_id], by_id[one.external_id]
                if outcome.accepted:
                    continue
                wait = SOON if outcome.retryable else REFUSED_AFTER
                order_numbers.postpone(session, order.external_id, wait, outcome.reason)
                if not outcome.retryable:
                    _open(session, order, _refused(order, one.number, outcome))
        return [*(one.number for one in written), *(one.number for one in found.numbered if one.number)]


def _numbered(session: Session, order: NewOrder, row: OrderNumberRow, known: Mapping[str, Item]) -> NumberedOrder:
    """Keep the numbers of an order's lines, and say what is to be written."""
    before = order_numbers.line_numbers(session, order.external_id)
    lines = numbered_lines(order.lines, known, before, row.last_line_no)
    new = {line.external_id: line.line_no for line in lines if line.line_no is not None}
    order_numbers.give_lines(session, row, new)
    seen = [line.line_no for line in order.lines if line.line_no is not None]
    row.last_line_no = max([row.last_line_no, *new.values(), *seen])
    return NumberedOrder(
        external_id=order.external_id, number=row.number, has_number=order.number is not None, lines=lines
    )


def _open(session: Session, order: NewOrder, finding: Finding) -> None:
    exceptions.open_item(session, finding=finding, record=("order", order.external_id), owner=SALES_DESK)


def _incomplete(order: NewOrder, lacks: str) -> Finding:
    sentence = f"Order {order.name} cannot be accepted as it stands in Salesforce: {lacks}. Complete it there."
    return Finding(kind=ExceptionKind.HOLD, cause=Why.ORDER_INCOMPLETE, sentence=sentence, choices=(Choice.HANDLED,))


def _other_number(order: NewOrder, ours: str) -> Finding:
    sentence = (
        f"Order {order.name} was to be {ours} and got the number {order.number} in Salesforce from somebody else: that "
        f"one counts, {ours} is borne by none. Find out who numbers orders beside the gateway."
    )
    return _hold(sentence)


def _none_left(order: NewOrder, rules: NumberRules) -> Finding:
    sentence = (
        f"Order {order.name} cannot be numbered: no number that begins with {rules.prefix} is left. Choose another "
        "prefix in company.toml ([order_numbers]) and restart the workers."
    )
    return _hold(sentence)


def _refused(order: NewOrder, number: str, outcome: StatementOutcome) -> Finding:
    sentence = (
        f"Salesforce refused the number {number} of order {order.name} ({outcome.reason}): {outcome.detail} Mend the "
        "record or the rule there; the gateway tries again every few minutes."
    )
    return _hold(sentence)


def _hold(sentence: str) -> Finding:
    cause = Why.ORDER_NUMBER_REFUSED
    return Finding(kind=ExceptionKind.DEAD_LETTER, cause=cause, sentence=sentence, choices=(Choice.HANDLED,))
