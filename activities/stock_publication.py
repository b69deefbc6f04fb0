"""Activities of stock publication: Salesforce is shown what can be promised, and only what it does not show already."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine
from temporalio import activity

from activities.boundary import at_boundary, beating
from activities.holding import open_connection_item
from activities.publication import CONNECTION_PAUSE
from activities.stock_exceptions import note_refusals
from adapters.salesforce.gateway import SalesforceGateway
from adapters.salesforce.inventory import MISSING_ITEM
from domain.errors import GatewayError, Permanent, Transient, Unavailable
from domain.publication import StatementOutcome
from domain.sources import System
from domain.stock_events import stock_key
from domain.work import StockShown, StockWork
from runtime import metrics
from store import exceptions
from store.causes import Cause, CauseSource
from store.session import exclusive, reading, transaction
from store.stock import marks, shown
from store.stock.levels import Key
from store.stock.promises import TOTAL
from store.stock.shown import ToSay

BULK_FROM = 10_000  # so many rows at once are no news but a first load: minutes do not matter, calls do
BULK_AT_ONCE = 100_000
ONE_AT_A_TIME = "stock publication"
# What may end without anybody saying so, and when it is asked again: an item that is made meanwhile, a failure that
# Salesforce cannot explain.
MAY_PASS = {MISSING_ITEM: timedelta(days=1), "UNKNOWN_EXCEPTION": timedelta(minutes=2)}


class StockPublicationActivities:
    """Steps that show stock in Salesforce."""

    def __init__(self, engine: Engine, salesforce: SalesforceGateway) -> None:
        self._engine, self._salesforce = engine, salesforce

    @activity.defn(no_thread_cancel_exception=True)
    @at_boundary
    def publish_stock(self, _: StockWork) -> StockShown:
        """Show every promise that is decided and not shown so, until there is none; the newest wins (case I8).

        One publication at a time. What was sent without an answer is sent again. Rows that Salesforce refuses for good
        become one piece of work a reason; rows that it did not take yet make the attempt fail, and it is made again.
        """
        with beating(), exclusive(self._engine, [ONE_AT_A_TIME]):
            self._let_refusals_expire()
            try:
                accepted, refused = self._catch_up()
            except Permanent as error:
                raise self._waiting_for_connection(error) from error
            except Transient:
                self._note_refusals()
                raise
            self._finish()
        return StockShown(accepted=accepted, refused=refused)

    def _let_refusals_expire(self) -> None:
        with transaction(self._engine, _cause()) as session:
            for reason, pause in MAY_PASS.items():
                shown.expire_refusals(session, [reason], datetime.now(UTC) - pause)

    def _catch_up(self) -> tuple[int, int]:
        accepted = refused = 0
        while (said := self._load()).size:
            taken, turned_down, later = self._say(said)
            accepted, refused = accepted + taken, refused + turned_down
            if later is not None:
                raise Unavailable(f"Salesforce did not take a row of stock yet: {later.detail}", reason=later.reason)
        return accepted, refused

    def _load(self) -> ToSay:
        """What is to be said now; a first load in large parts."""
        with reading(self._engine) as session:
            said = shown.to_say(session, BULK_FROM)
            if said.size >= BULK_FROM:
                return shown.to_say(session, BULK_AT_ONCE)
        return said

    def _say(self, said: ToSay) -> tuple[int, int, StatementOutcome | None]:
        """Say it, and keep what was answered for good, also when what comes after it fails."""
        with transaction(self._engine, _cause()) as session:
            shown.doubt(session, said)
        outcomes: dict[Key, StatementOutcome] = {}
        try:
            for answered in self._outcomes(said):
                outcomes.update(answered)
        except GatewayError:
            self._keep(said, outcomes)
            raise
        taken, refused = self._keep(said, outcomes)
        later = (outcome for outcome in outcomes.values() if outcome.retryable and not outcome.accepted)
        return taken, refused, next(later, None)

    def _keep(self, said: ToSay, outcomes: Mapping[Key, StatementOutcome]) -> tuple[int, int]:
        """Keep what was answered for good: how many rows were taken, and how many refused."""
        taken = [key for key, outcome in outcomes.items() if outcome.accepted]
        refused = {
            key: outcome.reason or "refused"
            for key, outcome in outcomes.items()
            if not outcome.accepted and not outcome.retryable
        }
        with transaction(self._engine, _cause()) as session:
            shown.remember(session, said, taken, refused)
        metrics.count("stock_rows", len(taken), outcome="shown")
        metrics.count("stock_rows", len(refused), outcome="refused")
        return len(taken), len(refused)

    def _outcomes(self, said: ToSay) -> Iterator[dict[Key, StatementOutcome]]:
        """What is answered of the levels, then of the totals."""
        bulky = len(said.levels) >= BULK_FROM
        publish = self._salesforce.publish_levels_in_bulk if bulky else self._salesforce.publish_levels
        keys = {stock_key(one.sku, one.warehouse): (one.sku, one.warehouse) for one in said.levels}
        if said.levels:
            yield {keys[outcome.key]: outcome for outcome in publish(said.levels)}
        if said.items:
            yield {(outcome.key, TOTAL): outcome for outcome in self._salesforce.publish_items(said.items)}

    def _note_refusals(self) -> None:
        """Not everything is shown yet: what is refused is work for people all the same."""
        with transaction(self._engine, _cause()) as session:
            note_refusals(session, shown.refusals(session), datetime.now(UTC))

    def _finish(self) -> None:
        """Everything is shown: measure how long the newest export took, and renew the work on what was refused."""
        with transaction(self._engine, _cause()) as session:
            now = datetime.now(UTC)
            note_refusals(session, shown.refusals(session), now)
            exceptions.close_by_itself(session, ("connection", System.SALESFORCE), now)
            undecided, _ = marks.waiting(session)
            for export in [] if undecided else shown.measure(session):
                if export.p99_seconds is not None:
                    metrics.observe("stock_to_salesforce_seconds", float(export.p99_seconds))

    def _waiting_for_connection(self, error: GatewayError) -> Unavailable:
        with transaction(self._engine, _cause()) as session:
            open_connection_item(session, System.SALESFORCE, error.detail)
        return Unavailable(error.detail, reason=error.code, retry_after=CONNECTION_PAUSE)


def _cause() -> Cause:
    return Cause(source=CauseSource.SALESFORCE, actor="worker", workflow_id=activity.info().workflow_id)
