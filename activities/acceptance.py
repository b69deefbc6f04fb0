"""Accepting orders that were born in Salesforce: numbered in the store first, then there, then kept like others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

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

SALES_DESK = "sales operations"
AT_A_TIME = 100  # orders that are accepted together: two calls to read, two to write
OTHER_CAUSES = tuple(cause for cause in Why if cause not in {Why.ORDER_INCOMPLETE, Why.ORDER_NUMBER_REFUSED})


@dataclass(frozen=True)
class Sorted:
    """New orders by what there is to do with them."""

    over: list[str] = field(default_factory=list)  # deleted, or active no more
    numbered: list[NewOrder] = field(default_factory=list)  # they have a number by now
    lacking: list[tuple[NewOrder, str]] = field(default_factory=list)
    ready: list[NewOrder] = field(default_factory=list)


class Acceptance:
    """Gives numbers to the orders that wait for one; whatever dies on the way, an order keeps its first number."""

    def __init__(self, engine: Engine, salesforce: SalesforceGateway, rules: NumberRules, cause: Cause) -> None:
        self._engine, self._salesforce, self._rules, self._cause = engine, salesforce, rules, cause

    def run(self) -> list[str]:
        """Accept what waits; answers the numbers of orders that can be read under them now.

        A number is committed before it is written to Salesforce, and written only where the order has none: a process
        that dies in between, an answer that is lost and a second worker all come to the same number.
        """
        with reading(self._engine) as session:
            waiting = order_numbers.waiting(session, AT_A_TIME)
        if not waiting:
            return []
        found = self._sorted(waiting)
        self._settle(found)
        given = self._number(found.ready)
        outcomes = self._salesforce.write_numbers(given) if given else {}
        return self._conclude(found, given, outcomes)

    def _sorted(self, waiting: Sequence[str]) -> Sorted:
        orders = {one.external_id: one for one in self._salesforce.new_orders(waiting)}
        found = Sorted(over=[one for one in waiting if one not in orders])
        known = self._items(list(orders.values()))
        for order in orders.values():
            lacks = what_lacks(order, known)
            if order.number and not order.deleted:
                found.numbered.append(order)
            elif order.deleted or not order.active:
                found.over.append(order.external_id)
            elif lacks:
                found.lacking.append((order, lacks))
            else:
                found.ready.append(order)
        return found

    def _settle(self, found: Sorted) -> None:
        """What need not be written: orders that are over, that lack something, or that have a number already."""
        now = datetime.now(UTC)
        with transaction(self._engine, self._cause) as session:
            given = order_numbers.given(session, [one.external_id for one in found.numbered])
            for order in found.numbered:
                row = given.get(order.external_id)
                if row is not None and row.number != order.number:
                    _open(session, order, _other_number(order, row.number))
            over = [*found.over, *(one.external_id for one in found.numbered)]
            order_numbers.mark_written(session, over, now)
            order_numbers.strike(session, over)
            for external_id in over:
                exceptions.close_by_itself(session, ("order", external_id), now, keep=(Why.ORDER_NUMBER_REFUSED,))
            for order, lacks in found.lacking:
                order_numbers.note_new(session, [order.external_id])
                order_numbers.note_lack(session, order.external_id, lacks)
                _open(session, order, _incomplete(order, lacks))

    def _number(self, ready: Sequence[NewOrder]) -> list[NumberedOrder]:
        """Commit the numbers of orders and of their lines, before any of them is written."""
        if not ready:
            return []
        known = self._items(ready)
        given: list[NumberedOrder] = []
        with transaction(self._engine, self._cause) as session:
            rows = order_numbers.give(session, [one.external_id for one in ready], self._rules, datetime.now(UTC))
            for order in ready:
                row = rows[order.external_id]
                lines = numbered_lines(order.lines, known, row.last_line_no)
                row.last_line_no = max([row.last_line_no, *(line.line_no for line in lines)])
                given.append(NumberedOrder(external_id=order.external_id, number=row.number, lines=lines))
        return given

    def _conclude(
        self, found: Sorted, given: Sequence[NumberedOrder], outcomes: dict[str, StatementOutcome]
    ) -> list[str]:
        now = datetime.now(UTC)
        written = [one for one in given if outcomes[one.external_id].accepted]
        by_id = {one.external_id: one for one in found.ready}
        with transaction(self._engine, self._cause) as session:
            ids = [one.external_id for one in written]
            order_numbers.mark_written(session, ids, now)
            order_numbers.strike(session, ids)
            for external_id in ids:
                exceptions.close_by_itself(session, ("order", external_id), now, keep=OTHER_CAUSES)
            for one in given:
                outcome = outcomes[one.external_id]
                if not outcome.accepted and not outcome.retryable:
                    _open(session, by_id[one.external_id], _refused(by_id[one.external_id], one.number, outcome))
        metrics.count("orders_accepted", len(written))
        return [*(one.number for one in written), *(one.number for one in found.numbered if one.number)]

    def _items(self, orders: Sequence[NewOrder]) -> dict[str, Item]:
        skus = {line.sku for order in orders for line in order.lines if line.sku}
        with reading(self._engine) as session:
            return items.get_many(session, sorted(skus))


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


def _refused(order: NewOrder, number: str, outcome: StatementOutcome) -> Finding:
    sentence = (
        f"Salesforce refused the number {number} of order {order.name} ({outcome.reason}): {outcome.detail} Mend the "
        "record or the rule there; the gateway tries again with every look at the orders."
    )
    return _hold(sentence)


def _hold(sentence: str) -> Finding:
    cause = Why.ORDER_NUMBER_REFUSED
    return Finding(kind=ExceptionKind.DEAD_LETTER, cause=cause, sentence=sentence, choices=(Choice.HANDLED,))
