"""`proof`: every night what is kept is proven: the change log is anchored, the chain checked, decisions made again."""

from __future__ import annotations

from temporalio import workflow

from domain.proof import ProofWork, Proved
from workflows import policies

with workflow.unsafe.imports_passed_through():
    from activities.proving import ProvingActivities


@workflow.defn(name="Proof")
class Proof:
    """Anchor first, so that what is checked then is in the chain; each step can be run again."""

    def __init__(self) -> None:
        self._proved = Proved()

    @workflow.run
    async def run(self, work: ProofWork) -> Proved:
        """Anchor, check, decide again; what is not as it was becomes an exception, never a failed workflow."""
        bulk = policies.STORE_BULK.options()
        anchored = await workflow.execute_activity_method(ProvingActivities.anchor_changes, work, **bulk)
        self._proved = Proved(anchored=anchored)
        audit = await workflow.execute_activity_method(ProvingActivities.check_audit, work, **bulk)
        self._proved = Proved(anchored=anchored, audit=audit)
        decisions = await workflow.execute_activity_method(ProvingActivities.prove_decisions, work, **bulk)
        self._proved = Proved(anchored=anchored, audit=audit, decisions=decisions)
        return self._proved

    @workflow.query
    def status(self) -> Proved:
        """How far the proof is."""
        return self._proved
