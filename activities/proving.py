"""Activities of the nightly proof: the change log is anchored, the audit chain checked, decisions are made again."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import Engine
from temporalio import activity

from activities.boundary import at_boundary, beating
from domain.audit import BrokenLink, ChainEnd
from domain.exceptions import Cause, Choice, ExceptionKind, Finding
from domain.lifecycle import Lifecycle
from domain.proof import AuditChecked, DecisionsProved, ProofWork
from runtime import metrics
from store import audit, exceptions, reruns
from store.causes import Cause as ChangeCause
from store.causes import CauseSource
from store.session import reading, transaction

BLOCK = 200  # decisions made again between two looks at the store
CHAIN = ("audit", "chain")


class ProvingActivities:
    """Steps that prove that what is kept is what was written, and follows from its inputs."""

    def __init__(self, engine: Engine, lifecycle: Lifecycle) -> None:
        self._engine, self._lifecycle = engine, lifecycle

    @activity.defn(no_thread_cancel_exception=True)
    @at_boundary
    def anchor_changes(self, work: ProofWork) -> int:
        """Put digests of all changes since the last anchor into the chain; answers how many rows they cover."""
        covered = 0
        with beating():
            while True:
                with transaction(self._engine, self._cause(work)) as session:
                    rows = audit.anchor_changes(session)
                if not rows:
                    return covered
                covered += rows

    @activity.defn(no_thread_cancel_exception=True)
    @at_boundary
    def check_audit(self, work: ProofWork) -> AuditChecked:
        """Compute the whole chain again, and the change log's digests; a broken place is work for a person."""
        links = changes = 0
        end = ChainEnd()
        with beating():
            while True:
                with reading(self._engine) as session:
                    part = audit.check(session, end)
                links, changes, end = links + part.links, changes + part.changes, part.end
                if part.complete:
                    break
        self._tell(work, part.broken)
        metrics.count("proofs", what="audit", outcome="broken" if part.broken else "whole")
        broken = part.broken.sentence if part.broken else None
        return AuditChecked(links=links, changes=changes, broken=broken, position=end.position, hash=end.hash)

    def _tell(self, work: ProofWork, broken: BrokenLink | None) -> None:
        with transaction(self._engine, self._cause(work)) as session:
            if broken is None:
                exceptions.close_by_itself(session, CHAIN, datetime.now(UTC))
                return
            finding = Finding(
                kind=ExceptionKind.CONFLICT,
                cause=Cause.AUDIT_BROKEN,
                sentence=broken.sentence,
                choices=(Choice.HANDLED,),
            )
            exceptions.open_item(session, finding=finding, record=CHAIN, owner=reruns.OWNER)

    @activity.defn(no_thread_cancel_exception=True)
    @at_boundary
    def prove_decisions(self, work: ProofWork) -> DecisionsProved:
        """Make every kept decision again from its inputs; one that comes out otherwise is work for a person."""
        checked = differ = 0
        with beating():
            for kind in reruns.ALL_KINDS:
                made, wrong = self._prove(work, kind)
                checked, differ = checked + made, differ + wrong
        return DecisionsProved(checked=checked, differ=differ)

    def _prove(self, work: ProofWork, kind: str) -> tuple[int, int]:
        checked = differ = 0
        cursor: str | None = None
        while True:
            with reading(self._engine) as session:  # one snapshot: decisions and what they were made from
                found = reruns.again(session, kind, self._lifecycle, limit=BLOCK, cursor=cursor)
            with transaction(self._engine, self._cause(work)) as session:
                wrong = reruns.report(session, found.items, datetime.now(UTC))
            checked, differ = checked + len(found.items), differ + wrong
            metrics.count("proofs", len(found.items) - wrong, what=kind, outcome="whole")
            metrics.count("proofs", wrong, what=kind, outcome="broken")
            cursor = found.next_cursor
            if cursor is None:
                return checked, differ

    def _cause(self, work: ProofWork) -> ChangeCause:
        reference: dict[str, str | int] = {"reason": work.reason}
        workflow_id = activity.info().workflow_id
        return ChangeCause(source=CauseSource.GATEWAY, actor="proof", reference=reference, workflow_id=workflow_id)
