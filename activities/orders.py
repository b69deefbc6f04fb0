"""Activities of orders: pull what changed in Salesforce into the canonical store."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import structlog
from sqlalchemy import Engine
from sqlmodel import Session
from temporalio import activity

from activities.acceptance import Acceptance
from activities.boundary import at_boundary, beating
from adapters.salesforce.gateway import SalesforceGateway
from adapters.salesforce.orders import IncompleteOrder, OrderPage
from domain.errors import Permanent
from domain.exceptions import Cause as Why
from domain.exceptions import Choice, ExceptionKind, Finding
from domain.order_acceptance import NumberRules
from domain.order_work import OrdersNamed, OrdersPulled, OrdersWork
from domain.orders import Order
from domain.sources import System
from runtime import metrics
from store import cursors, exceptions, inbox, order_marks, order_numbers, orders
from store.causes import Cause, CauseSource
from store.session import reading, transaction
from store.stock import marks

log = structlog.get_logger()

CURSOR = "salesforce-orders"
TO_WAKE = "salesforce-orders-to-wake"  # changed orders of pages that were kept; what waits for them was not woken yet
OTHER_CAUSES = tuple(cause for cause in Why if cause not in {Why.ORDER_INCOMPLETE, Why.ORDER_NUMBER_REFUSED})
SALES_DESK = "sales operations"
NAMED = 500  # changed orders that are named one by one; more of them wake everything that waits for an order
OVERLAP = timedelta(minutes=5)  # commits become visible later than their stamp (facts: SystemModstamp poll)


def version_of(order: Order) -> str:
    """A name for one state of an order: a line can change while the order's own stamp stays (within one second too)."""
    digest = hashlib.sha256(order.model_dump_json().encode()).hexdigest()
    return f"{order.version_at.isoformat()}/{digest[:16]}"


def _open_incomplete(session: Session, order: IncompleteOrder) -> None:
    """An order that cannot be read is work for whoever can complete it; shipments of it wait meanwhile."""
    sentence = f"Order {order.number} cannot be used as it stands in Salesforce: {order.reason}. Complete it there."
    finding = Finding(kind=ExceptionKind.HOLD, cause=Why.ORDER_INCOMPLETE, sentence=sentence, choices=(Choice.HANDLED,))
    exceptions.open_item(
        session,
        finding=finding,
        record=("order", order.number),
        owner=SALES_DESK,
    )


def _open_renumbered(session: Session, fresh: Sequence[Order]) -> None:
    """An order of ours that bears another number by now: the ERP knows it by the first one, so a person is told."""
    given = order_numbers.given(session, [order.external_id for order in fresh])
    for order in fresh:
        row = given.get(order.external_id)
        if row is None or row.written_at is None or row.number == order.number:
            continue
        sentence = (
            f"Order {row.number} bears the number {order.number} in Salesforce by now. The ERP knows it by the first: "
            "write that number there again. Until then nothing that is changed there reaches the order."
        )
        cause = Why.ORDER_NUMBER_REFUSED
        finding = Finding(kind=ExceptionKind.CONFLICT, cause=cause, sentence=sentence, choices=(Choice.HANDLED,))
        exceptions.open_item(session, finding=finding, record=("order", row.number), owner=SALES_DESK)


def differs(order: Order, known: Order | None) -> bool:
    """Whether anything but the version moved: what the gateway itself writes on an order comes back as an echo."""
    return known is None or known.model_copy(update={"version_at": order.version_at}) != order


def arrival_of(order: Order) -> inbox.Arrival:
    """The inbox row of one state of an order; the poll that found it is what deals with it."""
    return inbox.Arrival(
        source=System.SALESFORCE,
        external_id=f"Order/{order.external_id}/{version_of(order)}",
        kind="order",
        payload=order.model_dump(mode="json"),
        workflow_type="OrdersPull",
        workflow_id=f"orders-pull/{order.number}",
    )


class OrderActivities:
    """Steps that read orders from Salesforce."""

    def __init__(self, engine: Engine, salesforce: SalesforceGateway, rules: NumberRules) -> None:
        self._engine, self._salesforce, self._rules = engine, salesforce, rules

    @activity.defn(no_thread_cancel_exception=True)
    @at_boundary
    def pull_orders(self, work: OrdersWork) -> OrdersPulled:
        """Read one stretch of changed orders; versions seen before change nothing, the cursor never goes back.

        An attempt that died between two pages leaves what it kept to the next one.
        """
        with beating():
            with reading(self._engine) as session:
                since = cursors.position(session, CURSOR)
                changed = set(cursors.noted(session, TO_WAKE))
            read = unnumbered = incomplete = 0
            for page in self._salesforce.changed_orders(since, OVERLAP):
                changed.update(self._keep(page, work.reason))
                read += len(page.orders)
                unnumbered += len(page.unnumbered_ids)
                incomplete += len(page.incomplete)
            accepted = self._accept(work.reason)
            changed.update(accepted.changed)
        named = sorted(changed) if len(changed) <= NAMED else []
        return OrdersPulled(
            read=read + accepted.read,
            changed_count=len(changed),
            changed=named,
            unnumbered=unnumbered,
            incomplete=incomplete,
            accepted=accepted.accepted,
        )

    @activity.defn(no_thread_cancel_exception=True)
    @at_boundary
    def read_orders(self, work: OrdersNamed) -> OrdersPulled:
        """Read these orders again, because something is said to have happened to them; the poll does the same later.

        What is read is kept as the poll keeps it: a version that was seen before, or is older, changes nothing.
        """
        with beating():
            ids = [*work.order_ids, *self._salesforce.orders_of_lines(work.line_ids)]
            changed: set[str] = set()
            read = 0
            new: list[str] = []
            for page in self._salesforce.orders_by_id(ids):
                changed.update(self._keep(page, "hook"))
                read += len(page.orders)
                new += [one.external_id for one in page.acceptable]
                new += [one.external_id for one in page.incomplete]
            if work.hinted_at is not None:
                metrics.observe("hook_to_read_seconds", (datetime.now(UTC) - work.hinted_at).total_seconds())
            accepted = self._accept("hook", new)
            changed.update(accepted.changed)
        return OrdersPulled(
            read=read + accepted.read,
            changed_count=len(changed),
            changed=sorted(changed),
            accepted=accepted.accepted,
        )

    def _accept(self, reason: str, among: Sequence[str] | None = None) -> OrdersPulled:
        """Number the orders that wait for it, and keep them as they are then; `among` narrows to these.

        What Salesforce refuses for good as a whole holds up no reading: the log has it, and the next look tries again.
        """
        accepted = Acceptance(self._engine, self._salesforce, self._rules, self._cause(reason))
        changed: list[str] = []
        read = count = 0
        try:
            for numbers in accepted.batches(among):
                found = self._salesforce.orders_by_number(numbers)
                changed += self._keep(OrderPage(orders=tuple(found)), reason)
                read, count = read + len(found), count + len(numbers)
        except Permanent as error:
            log.warning("orders cannot be accepted", code=error.code, reason=error.reason, detail=error.detail)
        return OrdersPulled(read=read, changed=changed, accepted=count)

    def _cause(self, reason: str) -> Cause:
        return Cause(
            source=CauseSource.SALESFORCE,
            actor="poll",
            reference={"object": "Order", "reason": reason},
            workflow_id=activity.info().workflow_id,
        )

    def _keep(self, page: OrderPage, reason: str) -> list[str]:
        """One page, its inbox rows and the cursor in one transaction; answers the orders that really changed."""
        with transaction(self._engine, self._cause(reason)) as session:
            known = inbox.receive_many(session, [arrival_of(order) for order in page.orders])
            inbox.mark_started(session, [entry.id for entry, is_new in known if is_new])
            fresh = [order for order, (_, is_new) in zip(page.orders, known, strict=True) if is_new]
            before = orders.get_many(session, [order.number for order in fresh])
            orders.upsert(session, fresh)
            changed = [order.number for order in fresh if differs(order, before.get(order.number))]
            # What the gateway wrote comes back as a new version that differs in nothing: it moves no stock either.
            both = [order for order in [*fresh, *before.values()] if order.number in set(changed)]
            marks.mark(session, [line.sku for order in both for line in order.lines], "an order changed")
            if page.newest_version_at:
                cursors.advance(session, CURSOR, page.newest_version_at)
            for order in page.orders:
                exceptions.close_by_itself(session, ("order", order.number), datetime.now(UTC), keep=OTHER_CAUSES)
            for incomplete in page.incomplete:
                _open_incomplete(session, incomplete)
            _open_renumbered(session, fresh)
            self._note_new(session, page)
            order_marks.mark(session, changed, "changed in Salesforce")
            cursors.note(session, TO_WAKE, changed)
            return changed

    def _note_new(self, session: Session, page: OrderPage) -> None:
        """Note what is to be accepted, and orders of ours that got another line, which has no number yet."""
        ours = order_numbers.given(session, [one.external_id for one in page.incomplete])
        new = [one for one in page.acceptable if self._rules.accepts(one.status, active=one.active)]
        order_numbers.note_new(session, [*(one.external_id for one in new), *ours])
