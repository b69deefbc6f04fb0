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
from domain.master_questions import RECORD_TYPE, TOLD_OF, WORDS, record_key, record_words, split_key, untold
from domain.master_work import MasterTold, MasterWork
from domain.merging import SideState
from domain.publication import MasterStatement
from domain.sources import System
from store import exceptions, links, mastering
from store.causes import Cause, CauseSource
from store.session import transaction
from store.statements import Subject, doubt, hash_of, remember, said_below


def unsaid(session: Session, kind: LinkKind, key: str) -> list[MasterStatement]:
    """What records in Salesforce should say and do not: the linked one what waits, one that was linked before nothing.

    A record that nothing was ever said on, and nothing is to be said on, is left alone.
    """
    if kind is LinkKind.TERMS:
        return []
    known = {
        name.rpartition("/")[2]: digest for name, digest in said_below(session, RECORD_TYPE, f"{kind.value}/{key}/")
    }
    wanted = dict.fromkeys(known, "")
    linked = links.own_id(session, System.SALESFORCE, kind, key)
    side = mastering.sides(session, kind, key).get(System.SALESFORCE)
    if linked and side is not None and side.state != SideState.DELETED:
        wanted[linked] = _words(session, kind, key)
    stated = (
        MasterStatement(kind=kind, key=key, external_id=one, message=message) for one, message in sorted(wanted.items())
    )
    return [
        one
        for one in stated
        if known.get(one.external_id) != hash_of(one) and (one.message or one.external_id in known)
    ]


class MasterWordsActivities:
    """The step that writes words on masters."""

    def __init__(self, engine: Engine, salesforce: SalesforceGateway) -> None:
        self._engine, self._salesforce = engine, salesforce

    @activity.defn(no_thread_cancel_exception=True)
    @at_boundary
    def tell_salesforce_master(self, work: MasterWork) -> MasterTold:
        """Say on the records what waits now, where they do not say so; again, it says nothing.

        What Salesforce refuses for good becomes work for a person, and is tried again at the record's next look.
        """
        with beating():
            with transaction(self._engine, _cause(work)) as session:
                news = unsaid(session, work.kind, work.key)
                doubt(session, [(_subject(one), "") for one in news])
            refused = [error for one in news if (error := self._say(work, one)) is not None]
            with transaction(self._engine, _cause(work)) as session:
                if refused:
                    _open(session, work, refused[0])
                else:
                    exceptions.close_by_itself(session, _record(work), datetime.now(UTC))
        return MasterTold(told=not refused)

    def _say(self, work: MasterWork, statement: MasterStatement) -> Permanent | None:
        """Say it, and keep what stands there now; answers why it was refused."""
        try:
            self._salesforce.tell_master(work.kind, statement.external_id, statement.message)
        except (NotAuthorized, Misconfigured):  # not this record's: its flow waits for the connection
            raise
        except Missing:  # it is gone, so nothing stands there; should it come back, it is told then
            statement = statement.model_copy(update={"message": ""})
        except Permanent as error:
            return error
        with transaction(self._engine, _cause(work)) as session:
            remember(session, [(_subject(statement), "", hash_of(statement))])
        return None


def _words(session: Session, kind: LinkKind, key: str) -> str:
    """What is open on the record, oldest first."""
    below = exceptions.open_below(session, RECORD_TYPE, record_key(kind, key, ""))
    return record_words([one for one in below if one.cause in TOLD_OF and split_key(one.record_key)[:2] == (kind, key)])


def _open(session: Session, work: MasterWork, error: Permanent) -> None:
    exceptions.open_item(
        session,
        finding=untold(work.kind, work.key, error.reason or error.code, error.detail),
        record=_record(work),
        owner=MASTER_DESK,
        workflow_id=f"{work.kind.value}/{work.key}",
    )


def _subject(statement: MasterStatement) -> Subject:
    return RECORD_TYPE, f"{statement.kind.value}/{statement.key}/{statement.external_id}"


def _record(work: MasterWork) -> tuple[str, str]:
    return RECORD_TYPE, record_key(work.kind, work.key, WORDS)


def _cause(work: MasterWork) -> Cause:
    return Cause(
        source=CauseSource.SALESFORCE,
        actor="merge",
        reference={"kind": work.kind.value, "key": work.key},
        workflow_id=activity.info().workflow_id,
    )
