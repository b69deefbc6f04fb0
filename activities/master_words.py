"""Activity of words on masters: a customer or item in Salesforce says itself what waits for a person about it."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import Engine
from sqlmodel import Session
from temporalio import activity

from activities.boundary import at_boundary, beating
from activities.master_questions import MASTER_DESK
from adapters.salesforce.gateway import SalesforceGateway
from domain.errors import Misconfigured, Missing, NotAuthorized, Permanent
from domain.links import LinkKind
from domain.master_questions import RECORD_TYPE, TOLD_OF, WORDS, record_key, split_key, untold
from domain.master_work import MasterTold, MasterWork
from domain.merging import SideState
from domain.publication import MasterStatement
from domain.sources import System
from store import exceptions, mastering
from store.causes import Cause, CauseSource
from store.session import transaction
from store.statements import Subject, doubt, hash_of, remember, said


def unsaid(session: Session, kind: LinkKind, key: str) -> MasterStatement | None:
    """What the record in Salesforce should say and does not; None where it does, or where there is no record."""
    side = mastering.sides(session, kind, key).get(System.SALESFORCE)
    if kind is LinkKind.TERMS or side is None or side.state == SideState.DELETED:
        return None
    statement = MasterStatement(kind=kind, key=key, message=_words(session, kind, key))
    subject = _subject(statement)
    known = said(session, [subject]).get(subject)
    if known is None and not statement.message:  # nothing was ever said, nothing is to be taken back
        return None
    return None if known == hash_of(statement) else statement


class MasterWordsActivities:
    """The step that writes words on masters."""

    def __init__(self, engine: Engine, salesforce: SalesforceGateway) -> None:
        self._engine, self._salesforce = engine, salesforce

    @activity.defn(no_thread_cancel_exception=True)
    @at_boundary
    def tell_salesforce_master(self, work: MasterWork) -> MasterTold:
        """Say on the record what waits now, if it does not say so; again, it says nothing.

        What Salesforce refuses for good becomes work for a person, and is tried again at the record's next look.
        """
        with beating():
            with transaction(self._engine, _cause(work)) as session:
                statement, side = unsaid(session, work.kind, work.key), _side_id(session, work)
                if statement is None or side is None:
                    return MasterTold(told=statement is None)
                doubt(session, [(_subject(statement), "")])
            try:
                self._salesforce.tell_master(work.kind, side, statement.message)
            except (NotAuthorized, Misconfigured):  # not this record's: its flow waits for the connection
                raise
            except Missing:  # deleted meanwhile: the next reading finds it so
                return MasterTold()
            except Permanent as error:
                return self._refused(work, error)
            with transaction(self._engine, _cause(work)) as session:
                remember(session, [(_subject(statement), "", hash_of(statement))])
                exceptions.close_by_itself(session, _record(work), datetime.now(UTC))
        return MasterTold(told=True)

    def _refused(self, work: MasterWork, error: Permanent) -> MasterTold:
        finding = untold(work.kind, work.key, error.reason or error.code, error.detail)
        with transaction(self._engine, _cause(work)) as session:
            exceptions.open_item(
                session,
                finding=finding,
                record=_record(work),
                owner=MASTER_DESK,
                workflow_id=f"{work.kind.value}/{work.key}",
            )
        return MasterTold()


def _words(session: Session, kind: LinkKind, key: str) -> str:
    """The sentences of everything that is open on the record, oldest first."""
    below = exceptions.open_below(session, RECORD_TYPE, record_key(kind, key, ""))
    return " ".join(
        one.sentence for one in below if one.cause in TOLD_OF and split_key(one.record_key)[:2] == (kind, key)
    )


def _subject(statement: MasterStatement) -> Subject:
    return RECORD_TYPE, f"{statement.kind.value}/{statement.key}"


def _record(work: MasterWork) -> tuple[str, str]:
    return RECORD_TYPE, record_key(work.kind, work.key, WORDS)


def _side_id(session: Session, work: MasterWork) -> str | None:
    side = mastering.sides(session, work.kind, work.key).get(System.SALESFORCE)
    return side.external_id if side else None


def _cause(work: MasterWork) -> Cause:
    return Cause(
        source=CauseSource.SALESFORCE,
        actor="merge",
        reference={"kind": work.kind.value, "key": work.key},
        workflow_id=activity.info().workflow_id,
    )
