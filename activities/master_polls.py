"""Activities that look for changed masters: a page at a time, told from echoes, and marked for their flows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice

from sqlalchemy import Engine
from sqlmodel import Session
from temporalio import activity

from activities.boundary import at_boundary, beating
from activities.master_settlement import MasterRules, MasterSettlement
from activities.master_sides import terms_in_our_words
from adapters.quickbooks.gateway import QuickBooksGateway
from adapters.salesforce.gateway import SalesforceGateway
from domain.links import LinkKind
from domain.master_seen import ClockReading, MasterSeen
from domain.master_values import digest
from domain.master_work import MastersPulled, MastersWork, MasterWork
from domain.merging import SideState
from domain.sources import System
from store import cursors, inbox, links, master_marks, mastering
from store.causes import Cause, CauseSource
from store.session import reading, transaction
from store.tables.links import LinkRow
from store.tables.mastering import MasterSideRow

OVERLAP = timedelta(minutes=5)  # a commit can become visible later than its stamp
BLOCK = 200
Since = tuple[datetime | None, str | None]  # from when on to read, and what tells whether it was rewound meanwhile
SALESFORCE_KINDS = (LinkKind.CUSTOMER, LinkKind.ITEM)


class MasterPolls:
    """What the polls of both systems share: one block in one transaction, with its inbox rows and its cursor."""

    def __init__(self, engine: Engine, rules: MasterRules, system: System) -> None:
        self._engine, self._rules, self._system = engine, rules, system

    def since(self, kind: LinkKind) -> Since:
        """From when on to read: with overlap, and everything at first or after a link was confirmed."""
        with reading(self._engine) as session:
            found = cursors.get(session, cursors.masters(self._system, kind))
        position = found.position_at if found else None
        return position - OVERLAP if position else None, found.rewound if found else None

    def keep(
        self, kind: LinkKind, block: Sequence[MasterSeen], clock: ClockReading | None, reason: str, since: Since
    ) -> MastersPulled:
        """Keep a block: what is new is marked for its flow, first contact is adopted, an echo changes nothing.

        A link that was confirmed since the poll began may be of a record that it has passed: the next one reads all.
        """
        with transaction(self._engine, self._cause(kind, reason)) as session:
            linked = links.rows_by_external_id(session, self._system, kind, [one.external_id for one in block])
            ours = [one for one in block if one.external_id in linked]
            worded = terms_in_our_words(session, [one.values for one in ours])
            seen = {
                linked[one.external_id].local_key: one.model_copy(update={"values": values})
                for one, values in zip(ours, worded, strict=True)
            }
            self._receive(session, kind, seen)
            fresh, changed = self._sorted(session, kind, seen, linked)
            mastering.keep_sides(session, self._system, seen, clock, datetime.now(UTC))
            adopted = self._adopted(session, kind, fresh)
            changed += [key for key in fresh if key not in adopted]
            master_marks.mark(session, kind, changed, f"changed in {self._system.value}")
            stamps = [one.changed_at for one in block if one.changed_at]
            if stamps:
                cursors.advance_unrewound(session, cursors.masters(self._system, kind), max(stamps), since[1])
        return MastersPulled(read=len(block), adopted=len(adopted), changed=len(changed))

    def _sorted(
        self, session: Session, kind: LinkKind, seen: Mapping[str, MasterSeen], linked: Mapping[str, LinkRow]
    ) -> tuple[list[str], list[str]]:
        """Those met for the first time, and those that changed since they were agreed on or asked about."""
        fresh, changed = [], []
        for key, one in sorted(seen.items()):
            link = linked[one.external_id]
            known = mastering.sides(session, kind, key).get(self._system)
            if mastering.base_of(link.base) is None and one.state is SideState.PRESENT:
                fresh.append(key)
            elif not _is_known(one, known):
                changed.append(key)
        return fresh, changed

    def _adopted(self, session: Session, kind: LinkKind, keys: Sequence[str]) -> set[str]:
        """First contact, in the transaction that found it: nothing is written anywhere (feature G-B3)."""
        settlement = MasterSettlement(session, self._rules, datetime.now(UTC))
        return {key for key in keys if settlement.adopt(kind, key)}

    def _receive(self, session: Session, kind: LinkKind, seen: Mapping[str, MasterSeen]) -> None:
        """Every state of a record is a row of the inbox, before anything acts on it; its mark starts the flow."""
        arrivals = [
            inbox.Arrival(
                source=self._system,
                external_id=f"{kind.value}/{one.external_id}/{one.version}/{digest(one.model_dump(mode='json'))}",
                kind="master",
                payload=one.model_dump(mode="json"),
                workflow_type="MasterMerge",
                workflow_id=f"{kind.value}/{key}",
                workflow_input=MasterWork(kind=kind, key=key, reason="poll").model_dump(mode="json"),
            )
            for key, one in seen.items()
        ]
        entries = inbox.receive_many(session, arrivals)
        inbox.mark_started(session, [entry.id for entry, is_new in entries if is_new])

    def _cause(self, kind: LinkKind, reason: str) -> Cause:
        return Cause(
            source=CauseSource(self._system.value),
            actor="poll",
            reference={"object": kind.value, "reason": reason},
            workflow_id=activity.info().workflow_id,
        )


class SalesforceMasterPoll:
    """The step that reads what changed in Salesforce's customers and items, by `SystemModstamp`."""

    def __init__(self, engine: Engine, rules: MasterRules, salesforce: SalesforceGateway) -> None:
        self._polls, self._salesforce = MasterPolls(engine, rules, System.SALESFORCE), salesforce

    @activity.defn(no_thread_cancel_exception=True)
    @at_boundary
    def pull_salesforce_masters(self, work: MastersWork) -> MastersPulled:
        """Read what changed since the last look, deleted and merged records among it."""
        with beating():
            pulled = [
                self._polls.keep(kind, block, self._salesforce.clock, work.reason, since)
                for kind in SALESFORCE_KINDS
                for since in [self._polls.since(kind)]
                for page in self._salesforce.changed_masters(kind, since[0])
                for block in _blocks(page)
            ]
        return _sum(pulled)


class QuickBooksMasterPoll:
    """The step that reads what changed in QuickBooks' customers, items and terms, by `LastUpdatedTime`."""

    def __init__(self, engine: Engine, rules: MasterRules, quickbooks: QuickBooksGateway) -> None:
        self._polls, self._quickbooks = MasterPolls(engine, rules, System.QUICKBOOKS), quickbooks

    @activity.defn(no_thread_cancel_exception=True)
    @at_boundary
    def pull_quickbooks_masters(self, work: MastersWork) -> MastersPulled:
        """Read what changed since the last look, inactive records among it.

        They come by id and not by time, so the cursor moves when all of them are kept.
        """
        with beating():
            pulled = []
            for kind in LinkKind:
                since = self._polls.since(kind)
                found = list(self._quickbooks.changed_masters(kind, since[0]))
                ordered = sorted(found, key=lambda one: one.changed_at or datetime.min.replace(tzinfo=UTC))
                pulled += [
                    self._polls.keep(kind, block, self._quickbooks.clock, work.reason, since)
                    for block in _blocks(ordered)
                ]
        return _sum(pulled)


def _is_known(one: MasterSeen, known: MasterSideRow | None) -> bool:
    """Whether this very state was kept before: the flow has seen it, or is about to."""
    if known is None or known.external_id != one.external_id:
        return False
    return (known.state, known.stated) == (one.state.value, dict(one.values)) and not (
        one.merged_into and one.merged_into != known.merged_into
    )


def _blocks(found: Iterable[MasterSeen]) -> Iterator[list[MasterSeen]]:
    rest = iter(found)
    while block := list(islice(rest, BLOCK)):
        yield block


def _sum(pulled: Sequence[MastersPulled]) -> MastersPulled:
    return MastersPulled(
        read=sum(one.read for one in pulled),
        adopted=sum(one.adopted for one in pulled),
        changed=sum(one.changed for one in pulled),
    )
