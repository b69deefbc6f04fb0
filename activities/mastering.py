"""Activities of merging masters: each side is read fresh, one decision is made, and what it says is written."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from sqlalchemy import Engine
from temporalio import activity

from activities.boundary import at_boundary, beating
from activities.master_settlement import MasterRules, MasterSettlement
from activities.master_sides import terms_in_our_words
from activities.master_words import unsaid
from adapters.quickbooks.gateway import QuickBooksGateway
from adapters.quickbooks.master_records import left_alone
from adapters.salesforce.gateway import SalesforceGateway
from domain.errors import Missing, OutcomeUnknown, Permanent, StaleToken
from domain.links import LinkKind
from domain.master_seen import ClockReading, MasterSeen
from domain.master_values import Value
from domain.master_work import MasterDecided, MasterRead, MasterWork, MasterWrite, MasterWritten, WriteState
from domain.sources import System
from store import links, mastering
from store.causes import Cause, CauseSource
from store.session import reading, transaction
from store.tables.mastering import MasterWriteRow

DETAIL = 500  # characters of what a system said


class MergingActivities:
    """Steps that need the store alone."""

    def __init__(self, engine: Engine, rules: MasterRules) -> None:
        self._engine, self._rules = engine, rules

    @activity.defn(no_thread_cancel_exception=True)
    @at_boundary
    def decide_master(self, work: MasterWork) -> MasterDecided:
        """Merge what every side had when it was read; what has to be written is written down first."""
        with transaction(self._engine, _cause(work)) as session:
            decided = MasterSettlement(session, self._rules, datetime.now(UTC)).decide(work.kind, work.key)
            return decided.model_copy(update={"untold": bool(unsaid(session, work.kind, work.key))})

    @activity.defn(no_thread_cancel_exception=True)
    @at_boundary
    def settle_master(self, work: MasterWork) -> MasterDecided:
        """Keep what came of the writes: bases, decision and questions in one transaction. Again, it changes nothing."""
        with transaction(self._engine, _cause(work)) as session:
            decided = MasterSettlement(session, self._rules, datetime.now(UTC)).settle(work.kind, work.key)
            return decided.model_copy(update={"untold": bool(unsaid(session, work.kind, work.key))})


class QuickBooksMasterActivities:
    """Steps that read a record from QuickBooks and bring it to what is agreed."""

    def __init__(self, engine: Engine, quickbooks: QuickBooksGateway) -> None:
        self._engine, self._quickbooks = engine, quickbooks

    @activity.defn(no_thread_cancel_exception=True)
    @at_boundary
    def read_quickbooks_master(self, work: MasterWork) -> MasterRead:
        """Read the linked record by its id, and keep it as it is now; one that ours is billed to is not ours."""
        with beating():
            external_id = _linked(self._engine, System.QUICKBOOKS, work)
            if external_id is None:
                self._look_for_merge(work)
                return MasterRead()
            seen = self._quickbooks.read_master(work.kind, external_id)
            _keep(self._engine, System.QUICKBOOKS, work, seen, self._quickbooks.clock)
        return MasterRead(linked=True)

    def _look_for_merge(self, work: MasterWork) -> None:
        """Whether a record that ours is billed to is still in use, once it is said to be merged; nothing else of it."""
        with reading(self._engine) as session:
            said = mastering.sides(session, work.kind, work.key).get(System.QUICKBOOKS)
            billed = links.external_ids(session, System.QUICKBOOKS, work.kind, [work.key]).get(work.key)
        if said is None or said.merged_into is None or said.external_id != billed:
            return
        seen = self._quickbooks.read_master(work.kind, billed).model_copy(update={"values": {}})
        _keep(self._engine, System.QUICKBOOKS, work, seen, self._quickbooks.clock)

    @activity.defn(no_thread_cancel_exception=True)
    @at_boundary
    def write_quickbooks_master(self, work: MasterWrite) -> MasterWritten:
        """Do one write of the ledger. Where its outcome is not known the record is read and decided about again."""
        with beating():
            row = _planned(self._engine, work)
            if row.state != WriteState.PLANNED:
                return MasterWritten(state=WriteState(row.state))
            if not _is_still_ours(self._engine, row):
                return MasterWritten(state=WriteState.PLANNED, stale=True)
            try:
                fields = self._in_their_words(row.fields)
                seen = self._quickbooks.update_master(LinkKind(row.kind), row.external_id, row.based_on, fields)
            except (StaleToken, OutcomeUnknown):
                return MasterWritten(state=WriteState.PLANNED, stale=True)
            except Permanent as error:
                return _refused(self._engine, row, error)
            return self._done(row, seen)

    def _in_their_words(self, fields: Mapping[str, Value]) -> dict[str, Value]:
        """Terms by QuickBooks' id; terms without a link are for a person."""
        code = fields.get("terms")
        if not code:
            return dict(fields)
        with reading(self._engine) as session:
            known = links.external_ids(session, System.QUICKBOOKS, LinkKind.TERMS, [str(code)])
        if code not in known:
            raise Missing(f"Terms {code} have no link to QuickBooks: confirm one.", reason="terms_not_linked")
        return {**fields, "terms": known[str(code)]}

    def _done(self, row: MasterWriteRow, seen: MasterSeen) -> MasterWritten:
        with transaction(self._engine, _write_cause(row)) as session:
            (values,) = terms_in_our_words(session, [seen.values])
            came: dict[str, object] = {"answered": {name: values.get(name) for name in row.fields}}
            if left := left_alone(row.fields):
                came |= {"code": "left_alone", "detail": f"Without a value, left as it is there: {', '.join(left)}."}
            mastering.note_write(session, row.id or 0, WriteState.DONE, version=seen.version, **came)
        return MasterWritten(state=WriteState.DONE)


class SalesforceMasterActivities:
    """Steps that read a record from Salesforce and bring it to what is agreed."""

    def __init__(self, engine: Engine, salesforce: SalesforceGateway) -> None:
        self._engine, self._salesforce = engine, salesforce

    @activity.defn(no_thread_cancel_exception=True)
    @at_boundary
    def read_salesforce_master(self, work: MasterWork) -> MasterRead:
        """Read the linked record by its id, deleted or merged ones too, and keep it as it is now."""
        with beating():
            external_id = _linked(self._engine, System.SALESFORCE, work)
            if external_id is None:
                return MasterRead()
            seen = self._salesforce.read_master(work.kind, external_id)
            _keep(self._engine, System.SALESFORCE, work, seen, self._salesforce.clock)
        return MasterRead(linked=True)

    @activity.defn(no_thread_cancel_exception=True)
    @at_boundary
    def write_salesforce_master(self, work: MasterWrite) -> MasterWritten:
        """Do one write of the ledger, unless the record changed since it was decided about: then decide again."""
        with beating():
            row = _planned(self._engine, work)
            if row.state != WriteState.PLANNED:
                return MasterWritten(state=WriteState(row.state))
            if not _is_still_ours(self._engine, row):
                return MasterWritten(state=WriteState.PLANNED, stale=True)
            since = datetime.fromisoformat(row.based_on) if row.based_on else None
            try:
                self._salesforce.update_master(LinkKind(row.kind), row.external_id, since, row.fields)
            except StaleToken:
                return MasterWritten(state=WriteState.PLANNED, stale=True)
            except Permanent as error:
                return _refused(self._engine, row, error)
            with transaction(self._engine, _write_cause(row)) as session:
                # Salesforce answers with nothing: what it was given is what it has, its new version comes as an echo.
                mastering.note_write(session, row.id or 0, WriteState.DONE, answered=row.fields)
        return MasterWritten(state=WriteState.DONE)


def _linked(engine: Engine, system: System, work: MasterWork) -> str | None:
    if work.kind is LinkKind.TERMS and system is System.SALESFORCE:
        return None
    with reading(engine) as session:
        return links.own_id(session, system, work.kind, work.key)


def _keep(engine: Engine, system: System, work: MasterWork, seen: MasterSeen, clock: ClockReading | None) -> None:
    with transaction(engine, _cause(work)) as session:
        (values,) = terms_in_our_words(session, [seen.values])
        seen = seen.model_copy(update={"values": values})
        mastering.keep_sides(session, system, {work.key: seen}, clock, datetime.now(UTC))


def _planned(engine: Engine, work: MasterWrite) -> MasterWriteRow:
    with reading(engine) as session:
        return mastering.write(session, work.write_id)


def _is_still_ours(engine: Engine, row: MasterWriteRow) -> bool:
    """Whether the record is this one's own: people may have moved the link since the write was planned (case M6)."""
    with reading(engine) as session:
        return links.own_id(session, System(row.system), LinkKind(row.kind), row.key) == row.external_id


def _refused(engine: Engine, row: MasterWriteRow, error: Permanent) -> MasterWritten:
    """Refused for good: a person has to mend it; what else is agreed stands."""
    with transaction(engine, _write_cause(row)) as session:
        said = {"code": error.reason or error.code, "detail": error.detail[:DETAIL]}
        mastering.note_write(session, row.id or 0, WriteState.REFUSED, **said)
    return MasterWritten(state=WriteState.REFUSED)


def _cause(work: MasterWork) -> Cause:
    return Cause(
        source=CauseSource.GATEWAY,
        actor="merge",
        reference={"kind": work.kind.value, "key": work.key},
        workflow_id=activity.info().workflow_id,
    )


def _write_cause(row: MasterWriteRow) -> Cause:
    reference: dict[str, str | int] = {"system": row.system, "object": row.external_id, "write": row.id or 0}
    return Cause(
        source=CauseSource.GATEWAY, actor="merge", reference=reference, workflow_id=activity.info().workflow_id
    )
