"""What comes round by itself: the schedules of the polls, the sweeps, the proof and the reconciliation."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from temporalio.client import Client

from domain.company import Company
from domain.master_work import MastersWork
from domain.order_work import OrdersWork
from domain.proof import ProofWork
from domain.reconcile_work import ReconcileWork
from domain.work import InvoicesWork, SweepWork
from runtime.temporal import Nightly, ensure_schedule

SWEEP_EVERY = timedelta(seconds=30)
REPUBLISH_EVERY = timedelta(minutes=10)
PROVE_EVERY = timedelta(days=1)  # at midnight UTC


@dataclass(frozen=True)
class PollSeconds:
    """How often each system is asked what changed there, in seconds."""

    orders: int
    invoices: int
    masters: int


async def keep_schedules(client: Client, polls: PollSeconds, company: Company) -> None:
    """Create what comes round by itself, or bring it up to date."""
    every = timedelta(seconds=polls.orders)
    await ensure_schedule(client, "orders-pull", "OrdersPull", OrdersWork(), every)
    often = timedelta(seconds=polls.invoices)
    await ensure_schedule(client, "invoices-pull", "InvoicesPull", InvoicesWork(), often)
    masters = timedelta(seconds=polls.masters)
    await ensure_schedule(client, "masters-pull", "MastersPull", MastersWork(), masters)
    await ensure_schedule(client, "sweep", "Sweep", SweepWork(), SWEEP_EVERY)
    await ensure_schedule(client, "proof", "Proof", ProofWork(), PROVE_EVERY)
    await ensure_schedule(client, "republish", "Sweep", SweepWork(republish=True), REPUBLISH_EVERY)
    comparing = nightly(company)
    await ensure_schedule(client, "reconciliation", "ReconciliationNight", ReconcileWork(), comparing)


def nightly(company: Company) -> Nightly:
    """When the systems are compared."""
    return Nightly(company.reconciliation.at, company.timezone)
