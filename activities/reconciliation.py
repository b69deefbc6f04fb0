"""Activities of reconciliation that need the store alone: open a run, stage our half, compare, conclude."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal

from sqlalchemy import Engine
from sqlmodel import Session
from temporalio import activity

from activities import reconciling
from activities.boundary import at_boundary, beating
from activities.order_settlement import SettlingRules
from activities.reconciliation_items import keep_items
from domain.errors import Missing
from domain.reconcile_work import (
    ReconcileConcluded,
    ReconcileCounted,
    ReconcileFailed,
    ReconcileOpened,
    ReconcilePart,
    ReconcileWork,
)
from domain.reconciliation import OTHER_SIDE, Difference, Input, Kind, Remedy, Side, Standing, Verdict
from runtime import metrics
from store import balances, cursors, statements
from store.causes import Cause, CauseSource
from store.reconciliation import findings, inputs, ours, runs, selfchecks, shown
from store.reconciliation.runs import Run
from store.session import reading, transaction
from store.stock import shown as stock_shown

STORE_KINDS = tuple(ours.SOURCES)


class ReconciliationActivities:
    """Steps of a run that need the store alone; each replaces what an earlier attempt has left."""

    def __init__(self, engine: Engine, rules: SettlingRules) -> None:
        self._engine, self._rules = engine, rules
        self._policy = rules.company.reconciliation

    @activity.defn(no_thread_cancel_exception=True)
    @at_boundary
    def reconcile_open(self, work: ReconcileWork) -> ReconcileOpened:
        """Open the run of the company's day, or go on with the one that was asked for; one is under way at a time."""
        now = datetime.now(UTC)
        with transaction(self._engine, _cause(work.run_id)) as session:
            if work.run_id:
                run, joined = runs.need(session, work.run_id), False
            else:
                day = self._rules.company.local_date(now)
                asked = (work.reason, work.requested_by)
                run, new = runs.begin(session, day, self._policy, reconciling.code_version(), asked, now)
                joined = not new
        return ReconcileOpened(run_id=run.id, joined=joined, second_read_seconds=run.rules.second_read_seconds)

    @activity.defn(no_thread_cancel_exception=True)
    @at_boundary
    def reconcile_store(self, part: ReconcilePart) -> ReconcileCounted:
        """Stage our half of every pair, and what the store has against itself; `again` only what differed."""
        with beating(), transaction(self._engine, _cause(part.run_id)) as session:
            run = runs.need(session, part.run_id)
            keys = reconciling.suspects_of(session, run.id) if part.again else None
            for kind in STORE_KINDS:
                if keys is None or keys.get(kind):
                    ours.stage(session, run.id, kind, None if keys is None else keys[kind])
            self._stage_shown(session, run, keys)
            if keys is None or keys.get(Kind.ROW) or keys.get(Kind.CHECK):
                selfchecks.stage(session, run.id)
            since = run.rules.books_since
            ours.stage_work(session, run.id, since.isoformat() if since else None)
            if keys is None:
                runs.note_totals(session, run.id, {"rows_checked": selfchecks.checked(session)})
            return ReconcileCounted(records=sum(one.ours for one in inputs.counts(session, run.id).values()))

    def _stage_shown(self, session: Session, run: Run, keys: dict[Kind, list[str]] | None) -> None:
        """What Salesforce shall show of orders, lines and accounts."""
        company = self._rules.company
        words = company.status_words.model_dump()
        orders = lines = accounts = None
        if keys is not None:
            orders, lines, accounts = (keys.get(kind, []) for kind in shown.KINDS)
        if keys is None or orders or lines:
            shown.stage_orders(session, run.id, words, orders, lines)
        if keys is None or accounts:
            shown.stage_accounts(session, run.id, holds=company.orders.credit != "off", keys=accounts)

    @activity.defn(no_thread_cancel_exception=True)
    @at_boundary
    def reconcile_compare(self, part: ReconcilePart) -> ReconcileCounted:
        """Find what differs on the first read, and stage it as suspects: what still differs on the second is news."""
        with beating(), transaction(self._engine, _cause(part.run_id)) as session:
            for side in Side:
                inputs.clear(session, part.run_id, side, [Kind.SUSPECT])
            found = list(reconciling.found(session, part.run_id))
            inputs.put(session, part.run_id, [_suspect(one) for one in found], Side.LOG)
        return ReconcileCounted(records=len(found))

    @activity.defn(no_thread_cancel_exception=True)
    @at_boundary
    def reconcile_conclude(self, part: ReconcilePart) -> ReconcileConcluded:
        """Judge what is left, write findings, work and certificate, and say what is to be put right; once a run.

        All of it is one transaction: a run that is concluded is answered as it was.
        """
        now = datetime.now(UTC)
        with beating(), transaction(self._engine, _cause(part.run_id)) as session:
            run = runs.need(session, part.run_id)
            if run.state == "finished":
                return ReconcileConcluded.model_validate(run.totals["concluded"])
            if run.state != "running":  # it was given up, and with it what it had read
                raise Missing(f"Reconciliation {run.id} was given up: begin another.", reason="run")
            sequence, before = runs.chain_end(session)
            weighed = reconciling.conclude(session, run, sequence + 1, before)
            earlier = runs.last_finished(session, but=run.id)
            findings.keep(session, run, weighed.verdicts, earlier)
            runs.finish(session, run.id, now, sequence + 1, weighed.certificate, weighed.digest)
            healing = self._heal(session, run, weighed.verdicts)
            runs.note_totals(session, run.id, {**run.totals, "concluded": healing.model_dump(mode="json")})
            keep_items(session, run, weighed.verdicts, now)
            runs.forget_inputs(session, run.rules.keep_inputs_runs)
        _measure(weighed.verdicts, self._engine, run, now)
        return healing

    def _heal(self, session: Session, run: Run, verdicts: Sequence[Verdict]) -> ReconcileConcluded:
        """Let what is unambiguous be put right: forget what was said of it, so that it is said again."""
        chosen = {
            n: one.difference
            for n, one in enumerate(verdicts, start=1)
            if one.standing is Standing.DRIFT and run.rules.heal.allows(one.difference.remedy)
        }
        findings.mark_healed(session, run.id, list(chosen))
        again = [one for one in chosen.values() if one.remedy is Remedy.SAY_AGAIN]
        stock = [one for one in chosen.values() if one.remedy is Remedy.STOCK_AGAIN]
        orders, customers = _named(again, "order"), _named(again, "customer")
        for order in orders:
            statements.forget(session, order)
        # A line that nothing was ever said of has to be said, too, although nothing has happened to it.
        lines = [(("line", one.key), dict(one.belongs)["order"]) for one in again if one.kind is Kind.LINE_SHOWN]
        statements.doubt(session, lines)
        moved = _take_balances(session, [one for one in chosen.values() if one.kind is Kind.BALANCE])
        for customer in sorted({*customers, *moved}):
            statements.forget_account(session, customer)
        stock_shown.say_rows_again(session, [_stock_key(one) for one in stock])
        refresh = sorted({one.key for one in chosen.values() if one.kind is Kind.INVOICE})
        return _counted(run, verdicts).model_copy(
            update={
                "orders": tuple(orders),
                "customers": tuple(sorted({*customers, *moved})),
                "shipments": tuple(_named([one for one in again if one.kind is Kind.INVOICE_SHOWN], "shipment")),
                "stock": bool(stock),
                "refresh": tuple(refresh),
            }
        )

    @activity.defn(no_thread_cancel_exception=True)
    @at_boundary
    def reconcile_fail(self, work: ReconcileFailed) -> None:
        """Note that a run could not be made; the next one begins anew."""
        with transaction(self._engine, _cause(work.run_id)) as session:
            runs.fail(session, work.run_id, work.why, datetime.now(UTC))
        metrics.count("reconciliation_runs", outcome="failed")


def _suspect(one: Difference) -> Input:
    side = OTHER_SIDE.get(one.kind, Side.GATEWAY)
    body = {"system": side.value, "kind": one.kind.value, "key": one.key}
    return Input(Kind.SUSPECT, one.fingerprint, body, {}, None)


def _named(some: Sequence[Difference], record_type: str) -> list[str]:
    return sorted({key for one in some for name, key in one.belongs if name == record_type})


def _stock_key(one: Difference) -> tuple[str, str]:
    if one.kind is Kind.TOTAL_SHOWN:
        return one.key, ""
    sku, _, warehouse = one.key.rpartition("|")
    return sku, warehouse


def _take_balances(session: Session, some: Sequence[Difference]) -> list[str]:
    """What customers owe by this road, where the store has not heard of it."""
    read = {
        one.record_key: (Decimal(one.found), one.changed[Side.QUICKBOOKS])
        for one in some
        if one.found is not None and one.field and Side.QUICKBOOKS in one.changed
    }
    moved = balances.keep(session, read)
    cursors.note(session, cursors.CUSTOMERS_TO_LOOK, moved)
    return moved


def _counted(run: Run, verdicts: Sequence[Verdict]) -> ReconcileConcluded:
    counts = reconciling.standing_counts(verdicts)
    return ReconcileConcluded(run_id=run.id, **{str(standing): number for standing, number in counts.items()})


def _measure(verdicts: Sequence[Verdict], engine: Engine, run: Run, now: datetime) -> None:
    metrics.count("reconciliation_runs", outcome="finished")
    metrics.gauge("reconciliation_finished_seconds", now.timestamp())
    for standing, number in reconciling.standing_counts(verdicts).items():
        metrics.gauge("reconciliation_differences", number, standing=str(standing))
    with reading(engine) as session:
        oldest = min((one.first_seen_on for one in findings.drift(session, run.id)), default=run.day)
    metrics.gauge("reconciliation_oldest_drift_days", (run.day - oldest).days)


def _cause(run_id: str) -> Cause:
    workflow_id = activity.info().workflow_id
    return Cause(source=CauseSource.GATEWAY, actor="reconciliation", reference={"run": run_id}, workflow_id=workflow_id)
