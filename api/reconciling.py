"""What the API does of reconciliation: ask for a run, verify one, and put a month together."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime

from pydantic import BaseModel
from temporalio.service import RPCError

from activities import reconciling
from activities.starting import start_once
from api.operations import user_cause
from api.services import Services
from domain.errors import Malformed, Unavailable
from domain.reconcile_work import ReconcileWork
from domain.reconciliation_pack import Pack, PackFinding, PackRun
from store.paging import every
from store.reconciliation import findings, runs
from store.reconciliation.runs import Run
from store.session import reading, transaction


class Verified(BaseModel):
    """Whether a certificate follows from the stored inputs, and the chain back to the first one holds.

    `inputs_kept` false: the inputs were dropped by age, so only the certificate and the chain were checked.
    """

    run_id: str
    verified: bool
    inputs_kept: bool
    chain: int
    problems: list[str]


async def ask(services: Services, reason: str, by: str) -> tuple[Run, bool]:
    """Open a run and start it; joins the one that is under way. The run that could not be started is marked so."""
    run, new = await asyncio.to_thread(_begin, services, reason, by)
    work = ReconcileWork(run_id=run.id, reason=reason, requested_by=by)
    try:
        async with asyncio.timeout(10):
            await start_once(services.client, "Reconciliation", f"reconciliation/{run.id}", work)
    except (TimeoutError, RPCError, RuntimeError) as error:
        if new:
            await asyncio.to_thread(_give_up, services, run.id, by)
        detail = "Temporal does not answer, so the reconciliation could not be started. Try again in a moment."
        raise Unavailable(detail, reason=type(error).__name__) from error
    return run, new


def _begin(services: Services, reason: str, by: str) -> tuple[Run, bool]:
    now = datetime.now(UTC)
    company = services.company
    with transaction(services.engine, user_cause(by)) as session:
        code = reconciling.code_version()
        return runs.begin(session, company.local_date(now), company.reconciliation, code, (reason, by), now)


def _give_up(services: Services, run_id: str, by: str) -> None:
    with transaction(services.engine, user_cause(by, run=run_id)) as session:
        runs.fail(session, run_id, "Temporal did not answer when it was to be started.", datetime.now(UTC))


def verify(services: Services, run_id: str) -> Verified:
    """Weigh a run again from its stored inputs, and follow the chain of certificates."""
    with reading(services.engine) as session:
        found = reconciling.verify(session, runs.need(session, run_id))
    return Verified(
        run_id=run_id,
        verified=not found.problems,
        inputs_kept=found.inputs_kept,
        chain=found.chain,
        problems=found.problems,
    )


def pack_of(services: Services, month: str) -> Pack:
    """The certificates of a month, and everything that its last run has left. Malformed for what is no month."""
    try:
        first = date.fromisoformat(f"{month}-01")
    except ValueError:
        raise Malformed("Name the month as 2026-11.", reason="month") from None
    after = date(first.year + first.month // 12, first.month % 12 + 1, 1)
    with reading(services.engine) as session:
        made = runs.of_month(session, first, after)
        last = made[-1].id if made else None
        left = list(every(lambda **page: findings.page(session, last, **page))) if last else []
    return Pack(
        company=services.company.name,
        month=month,
        runs=tuple(PackRun.model_validate(one.model_dump()) for one in made),
        findings=tuple(PackFinding.model_validate(one.model_dump()) for one in left),
    )
