"""Merging one master record within one transaction: loaded, decided, planned, and what came of it kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from activities.master_questions import Asking
from activities.master_sides import agreed_into_canonical, home_values
from domain.company import Company
from domain.exceptions import Choice, ExceptionItem
from domain.links import Link, LinkKind
from domain.master_fields import FIELDS, HOME
from domain.master_questions import FIELD_CAUSES, RECORD_TYPE, SIDE_CAUSES, record_key, ruling
from domain.master_values import Value
from domain.master_work import MasterDecided, WriteState
from domain.merge_cases import Move, Reason, Ruling
from domain.merging import Base, MergeInput, MergeOutcome, Side, SideState, merge, next_base
from domain.ownership import Ownership
from domain.sources import System
from store import decisions, exceptions, links, mastering, ownerships
from store.links import Image
from store.tables.links import LinkRow
from store.tables.mastering import MasterRecordRow, MasterSideRow, MasterWriteRow

DECISION = "master_merge"
_TOLD = frozenset({Reason.UNCHANGED})


@dataclass(frozen=True)
class MasterRules:
    """By what masters are merged: who owns what, and the company's own terms."""

    ownership: Ownership
    company: Company


class MasterSettlement:
    """One record in one transaction. The flow of a record is the only one that plans writes; others only adopt."""

    def __init__(self, session: Session, rules: MasterRules, at: datetime) -> None:
        self._session, self._rules, self._at = session, rules, at

    def decide(self, kind: LinkKind, key: str) -> MasterDecided:
        """Decide from what every side had when it was read last; what has to be written is planned first.

        Where nothing has to be written, what was decided is kept at once.
        """
        row = mastering.lock(self._session, kind, key)
        if self._follow_merges(kind, key):
            return MasterDecided(again=True)
        self._retire_decided(kind, key)
        given = self._given(row)
        if given is None:
            Asking(self._session, kind, key, self._at).keep({})
            return MasterDecided(unlinked=True)
        outcome = merge(given, self._rules.ownership)
        if not outcome.writes:
            return self._keep(row, given, outcome)
        ownerships.keep(self._session, self._rules.ownership)  # whoever settles it may have other rules by then
        mastering.keep_plan(self._session, given, outcome)
        planned = {system: mastering.plan_write(self._session, given, outcome, system) for system in outcome.writes}
        return MasterDecided(writes=planned)

    def settle(self, kind: LinkKind, key: str) -> MasterDecided:
        """Keep what came of the writes of a decision: the new bases, the decision, and what a person is asked."""
        row = mastering.lock(self._session, kind, key)
        plan = mastering.plan_of(self._session, kind, key)
        return MasterDecided() if plan is None else self._keep(row, *plan)

    def adopt(self, kind: LinkKind, key: str) -> bool:
        """Take a record as it stands at first contact, or where nothing follows; False: its flow has to look."""
        row = mastering.lock(self._session, kind, key)
        given = self._given(row) if mastering.plan_of(self._session, kind, key) is None else None
        if given is None:
            return False
        outcome = merge(given, self._rules.ownership)
        if outcome.writes or outcome.conflicts or outcome.gone or outcome.moves:
            return False
        self._keep(row, given, outcome)
        return True

    def _given(self, row: MasterRecordRow) -> MergeInput | None:
        """Everything that bears on a record; None where no other system has it."""
        kind = LinkKind(row.kind)
        linked, seen = links.rows_of(self._session, kind, row.key), mastering.sides(self._session, kind, row.key)
        home = home_values(self._session, self._rules.company, kind, row.key, seen.get(HOME[kind]))
        if not linked or home is None:
            return None
        ours = Side(system=HOME[kind], external_id=row.key, values=home, base=mastering.base_of(row.home_base))
        pending = self._pending(kind, row.key)
        theirs = [
            _side(link, seen[system], pending.get((system, link.external_id), {}))
            for system, link in sorted(linked.items())
            if system in seen and seen[system].external_id == link.external_id
        ]
        return MergeInput(
            kind=kind,
            key=row.key,
            at=self._at,
            phase=self._phase(kind, row.key),
            agreed=row.agreed,
            sides=(ours, *theirs),
            rulings=tuple(self._rulings(row)),
            moves=tuple(Move.model_validate(one) for one in row.moves),
            held=row.held,
        )

    def _phase(self, kind: LinkKind, key: str) -> str:
        is_billed = kind is LinkKind.CUSTOMER and mastering.is_billed(self._session, key)
        return "billed" if is_billed else "open"

    def _pending(self, kind: LinkKind, key: str) -> dict[tuple[System, str], dict[str, Value]]:
        """What was set out to be written and not noted, by system and record there; later writes count over earlier."""
        found: dict[tuple[System, str], dict[str, Value]] = {}
        for one in mastering.unended(self._session, kind, key):
            if one.state in {WriteState.PLANNED, WriteState.DONE}:
                found.setdefault((System(one.system), one.external_id), {}).update(one.fields)
        return found

    def _rulings(self, row: MasterRecordRow) -> list[Ruling]:
        """What people decided on the questions that stand: each answers the very question that it was shown."""
        kind = LinkKind(row.kind)
        rules = self._rules.ownership.rules(kind)
        return [
            ruling(field, item.resolution, fingerprint, rules[field], kind)
            for field, fingerprint in row.held.items()
            for item in self._decided(record_key(kind, row.key, field))
            if field in rules and item.resolution and item.findings[0].subject == fingerprint
        ]

    def _decided(self, about: str) -> list[ExceptionItem]:
        return exceptions.resolved_of_record(self._session, (RECORD_TYPE, about), FIELD_CAUSES)

    def _follow_merges(self, kind: LinkKind, key: str) -> bool:
        """Move links of records that people merged into others (cases M4, M5): the old one stays as an alias."""
        seen, moved = mastering.sides(self._session, kind, key), False
        for system, link in links.rows_of(self._session, kind, key).items():
            side = seen.get(system)
            if side is None or side.merged_into is None or side.external_id != link.external_id:
                continue
            if side.state != SideState.PRESENT and links.move(
                self._session, _link(link), side.merged_into, link.external_name, self._at
            ):
                mastering.drop_side(self._session, kind, key, system)
                moved = True
        return self._follow_billed(kind, key, seen.get(System.QUICKBOOKS)) or moved

    def _follow_billed(self, kind: LinkKind, key: str, side: MasterSideRow | None) -> bool:
        """Move the links of all who are billed to a record that was merged, where it is nobody's own (case M6)."""
        if side is None or side.merged_into is None or side.state == SideState.PRESENT:
            return False
        there = System.QUICKBOOKS
        if links.own_id(self._session, there, kind, key) is not None:
            return False
        if not links.move_billed(self._session, there, kind, side.external_id, side.merged_into, self._at):
            return False
        mastering.drop_side(self._session, kind, key, there)
        return True

    def _retire_decided(self, kind: LinkKind, key: str) -> None:
        """Retire links that people decided to retire since they were confirmed."""
        for system, link in links.rows_of(self._session, kind, key).items():
            record = (RECORD_TYPE, record_key(kind, key, system.value))
            for item in exceptions.resolved_of_record(self._session, record, SIDE_CAUSES):
                found = item.resolution
                is_meant = found is not None and found.choice is Choice.RETIRE_LINK
                is_later = found is not None and link.confirmed_at is not None and found.decided_at > link.confirmed_at
                if is_meant and is_later and item.findings[0].subject == link.external_id:
                    links.retire(self._session, _link(link), self._at)
                    mastering.drop_side(self._session, kind, key, system)

    def _keep(self, row: MasterRecordRow, given: MergeInput, outcome: MergeOutcome) -> MasterDecided:
        kind = LinkKind(row.kind)
        unended = mastering.unended(self._session, kind, row.key)
        writes = [one for one in unended if one.planned_at == given.at]  # earlier ones belong to decisions given up
        linked = links.rows_of(self._session, kind, row.key)
        for side in given.sides:
            if side.state is SideState.PRESENT and side.system in linked:
                self._keep_base(linked[side.system], side, outcome, _last_done(writes, side))
        home = given.sides[0]
        row.home_base = next_base(home, outcome, {}).model_dump(mode="json")
        row.agreed, row.held = {**row.agreed, **outcome.agreed}, outcome.held
        row.moves = [one.model_dump(mode="json") for one in self._moves(given, outcome)]
        row.policy_version, row.decided_at = outcome.policy_version, self._at
        self._session.flush()
        agreed_into_canonical(self._session, kind, row.key, _settled(outcome))
        self._keep_decision(given, outcome)
        asked = Asking(self._session, kind, row.key, self._at).ask(given, outcome, writes)
        mastering.end_writes(self._session, unended, self._at)
        mastering.drop_plan(self._session, kind, row.key)
        return MasterDecided(waiting=asked)

    def _keep_base(self, link: LinkRow, side: Side, outcome: MergeOutcome, done: MasterWriteRow | None) -> None:
        if done is not None:
            mastering.note_written(self._session, done)
        if link.external_id != side.external_id:
            return
        base = next_base(side, outcome, done.answered or {} if done else {})
        version = done.version if done else side.version
        image = Image(base=base.model_dump(mode="json"), version_token=version)
        links.save_image(self._session, _link(link), image)

    def _moves(self, given: MergeInput, outcome: MergeOutcome) -> list[Move]:
        """What moved within the window, or waits for a person; a person's decision lets a field begin afresh."""
        since = self._at - self._rules.ownership.flapping.window
        afresh = {one.field for one in outcome.fields if one.reason is Reason.PERSON}
        known = [one for one in (*given.moves, *outcome.moves) if one.field not in afresh]
        return [one for one in known if one.at > since or one.field in outcome.held]

    def _keep_decision(self, given: MergeInput, outcome: MergeOutcome) -> None:
        """Every decision that is more than nothing, with its inputs and the rules (features G-C8, G-B4)."""
        is_news = any(one.reason not in _TOLD for one in outcome.fields) or outcome.gone or outcome.adopted
        if not is_news:
            return
        if outcome.policy_version == self._rules.ownership.version:
            ownerships.keep(self._session, self._rules.ownership)
        decisions.keep(
            self._session,
            decisions.Decision(
                kind=DECISION,
                record=(given.kind.value, given.key),
                policy_version=outcome.policy_version,
                inputs=given,
                outcome=outcome,
                made_at=given.at,
            ),
        )


def _side(link: LinkRow, seen: MasterSideRow, pending: Mapping[str, Value]) -> Side:
    kept = FIELDS[LinkKind(link.kind)]
    system = System(link.system)
    return Side(
        system=system,
        external_id=link.external_id,
        state=SideState(seen.state),
        values={name: seen.stated[name] for name in kept if name in seen.stated and system in kept[name].kept_by},
        base=_base(link),
        pending=pending,
        version=seen.version,
        known_version=link.version_token,
        changed_at=seen.changed_at,
        clock_offset_ms=seen.clock_offset_ms,
        clock_bound_ms=seen.clock_bound_ms,
        merged_into=seen.merged_into,
    )


def _base(link: LinkRow) -> Base | None:
    return mastering.base_of(link.base)


def _link(row: LinkRow) -> Link:
    return Link.model_validate(row, from_attributes=True)


def _last_done(writes: list[MasterWriteRow], side: Side) -> MasterWriteRow | None:
    """The last write that reached a side."""
    reached = [
        one
        for one in writes
        if (one.system, one.external_id, one.state) == (side.system.value, side.external_id, WriteState.DONE.value)
    ]
    return reached[-1] if reached else None


def _settled(outcome: MergeOutcome) -> dict[str, Value]:
    """What stands now; a field in conflict is left as it is."""
    return {one.field: one.value for one in outcome.fields if one.conflict is None}
