"""Activities of stock: what changed is decided again, and the decisions are shown in Salesforce."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import structlog
from sqlalchemy import Engine
from temporalio import activity

from activities.boundary import at_boundary, beating
from activities.kit_promises import kit_rows, sold_with
from activities.stating import utc_now
from activities.stock_confirmation import confirm_held
from activities.stock_exceptions import note_late, note_promises, note_undecided
from domain.company import Company
from domain.errors import GatewayError
from domain.freshness import FeedSchedule, changes_at, missed_exports, widening
from domain.work import StockDecided, StockWork
from store import cursors
from store.causes import Cause, CauseSource
from store.session import reading, transaction
from store.stock import levels, marks, promises, reservations

log = structlog.get_logger()

BLOCK = 400  # items a transaction
NAMED = 200  # orders named in one answer; more of them come with the next look
TO_TELL = cursors.ORDERS_TO_TELL


class StockActivities:
    """Steps that decide what can be promised."""

    def __init__(self, engine: Engine, company: Company, clock: Callable[[], datetime] = utc_now) -> None:
        self._engine, self._company, self._clock = engine, company, clock

    @activity.defn(no_thread_cancel_exception=True)
    @at_boundary
    def decide_stock(self, work: StockWork) -> StockDecided:
        """Decide again about everything that is marked, a block of items at a time, and note what needs a person.

        A mark goes with the decision that it asked for, in one transaction: what dies between two blocks goes on.
        """
        with beating():
            self._begin(self._clock(), work.told)
            items = written = 0
            while done := self._decide_block():
                items, written = items + done.items, written + done.written
            orders = self._to_tell()
            return StockDecided(
                items=items,
                written=written,
                orders=orders[:NAMED],
                more=len(orders) > NAMED,
                next_at=self._next_change(self._clock()),
            )

    def _to_tell(self) -> list[str]:
        """The orders that other words belong on; they stay noted until somebody says them."""
        with reading(self._engine) as session:
            return cursors.noted(session, TO_TELL)

    def _begin(self, at: datetime, told: list[str]) -> None:
        """Strike what is said by now, and mark what time alone changes: exports that are late, quotes that ran out."""
        schedule = self._company.stock.schedule(self._company.zone, at)
        with transaction(self._engine, self._cause()) as session:
            cursors.strike(session, TO_TELL, told)
            feeds = levels.feeds(session)
            marks.mark_aged(
                session, {where: self._age(feed.effective_at, at, schedule) for where, feed in feeds.items()}
            )
            note_late(session, levels.feeds(session), self._company, at)
            marks.mark_found(session, marks.EXPIRED, "a reservation ran out", at=at)

    def _age(self, effective_at: datetime, at: datetime, schedule: FeedSchedule) -> tuple[int, int]:
        """How old a warehouse's numbers are: exports that are late, seconds by which buffers are widened."""
        widened = widening(effective_at, at, schedule, self._company.stock.buffer)
        return missed_exports(effective_at, at, schedule), int(widened.total_seconds())

    def _decide_block(self) -> StockDecided | None:
        """Decide about one block of marked items, and kits made of them; None when nothing is marked.

        The instant is taken after the marks: what a mark speaks of, a reservation or an order, was there before it.
        """
        try:
            return self._decide(BLOCK)
        except GatewayError:
            raise
        except Exception:  # one item of the block cannot be decided: it shall not hold up the others (case X5)
            log.exception("a block of items could not be decided")
            return self._decide_singly()

    def _decide_singly(self) -> StockDecided:
        """Decide about the items of a block one by one, up to the one that cannot be decided."""
        items = written = 0
        for _ in range(BLOCK):
            done = self._decide_alone()
            if done is None or not done.items:
                break
            items, written = items + done.items, written + done.written
        return StockDecided(items=items, written=written)

    def _decide_alone(self) -> StockDecided | None:
        """Decide about the next marked item by itself; one that cannot be decided becomes work for a person."""
        try:
            return self._decide(1)
        except GatewayError:
            raise
        except Exception as error:
            log.exception("an item could not be decided")
            with transaction(self._engine, self._cause()) as session:
                for sku in marks.take(session, 1):
                    note_undecided(session, sku, type(error).__name__)
            return StockDecided()

    def _decide(self, limit: int) -> StockDecided | None:
        with transaction(self._engine, self._cause()) as session:
            marked = marks.take(session, limit)
            if not marked:
                return None
            at = self._clock()
            rules = promises.rules_of(self._company, at)
            skus = sold_with(marked, rules.kits)
            confirm_held(session, skus, rules.guards)
            decided = promises.decide_items(session, skus, rules, at)
            written = promises.keep(session, decided, self._company.zone)
            written += promises.keep_rows(session, kit_rows(decided, rules.kits, at))
            promises.keep_policy(session, rules.promises.version, promises.policy_body(self._company))
            cursors.note(session, TO_TELL, note_promises(session, [one.said for one in decided], at))
            return StockDecided(items=len(skus), written=written)

    def _next_change(self, at: datetime) -> datetime | None:
        """The instant after which a number changes by itself: an export becomes late, or a reservation runs out."""
        schedule = self._company.stock.schedule(self._company.zone, at)
        with reading(self._engine) as session:
            feeds = {feed.effective_at for feed in levels.feeds(session).values()}
            expires_at = reservations.next_expiry(session, at)
        changes = [changes_at(one, at, schedule, self._company.stock.buffer) for one in feeds]
        return min([one for one in [*changes, expires_at] if one], default=None)

    def _cause(self) -> Cause:
        workflow_id = activity.info().workflow_id
        return Cause(source=CauseSource.GATEWAY, actor="worker", workflow_id=workflow_id)
