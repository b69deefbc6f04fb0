"""What was agreed to and tried before for the corrections of a shipment."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlmodel import Session

from activities.correction_findings import CORRECTION_CAUSES
from domain.corrections import Proposal
from domain.exceptions import Choice
from domain.invoices import IntentState
from store import credits, exceptions, intents
from store.outcomes import OPEN

_RESTATED = "the ERP states it otherwise now"


@dataclass(frozen=True)
class Agreed:
    """A person's word on one proposal."""

    choice: Choice
    at: datetime
    by: str


@dataclass(frozen=True)
class Tried:
    """A document that was intended for a proposal before, and how it ended."""

    proposal: str
    dated: date
    state: IntentState
    settled_at: datetime | None
    doc_number: str
    code: str | None
    detail: str | None

    @classmethod
    def of(cls, session: Session, number: str) -> list[Tried]:
        """All of a shipment, credits and supplements, each kind in the order of its making."""
        given_back = [
            cls(
                proposal=one.draft.proposal,
                dated=one.draft.credited_on,
                state=one.state,
                settled_at=one.settled_at,
                doc_number=one.draft.doc_number,
                code=one.refusal_code,
                detail=one.refusal_detail,
            )
            for one in credits.intents_of(session, [number])[number]
        ]
        billed = [
            cls(
                proposal=row.payload["draft"].get("proposal", ""),
                dated=date.fromisoformat(row.payload["draft"]["invoiced_on"]),
                state=IntentState(row.state),
                settled_at=row.settled_at,
                doc_number=row.doc_number,
                code=row.refusal_code,
                detail=row.refusal_detail,
            )
            for row in intents.supplements(session, [number])
        ]
        return given_back + billed


def agreed_upon(session: Session, number: str) -> dict[str, Agreed]:
    """What people have decided about which proposal of a shipment, the newest word on each."""
    found: dict[str, Agreed] = {}
    for item in exceptions.resolved_of_record(session, ("shipment", number), CORRECTION_CAUSES):
        said = item.resolution
        for finding in item.findings if said else ():
            if said and finding.subject and said.choice in finding.choices:
                found[finding.subject] = Agreed(said.choice, said.decided_at, said.decided_by)
    return found


def refusal_against(tries: Sequence[Tried], proposal: Proposal, said: Agreed | None) -> Tried | None:
    """The refusal that stands against a proposal: of the same content and day, and nobody has decided since."""
    mine = [one for one in tries if one.proposal == proposal.digest and one.state is IntentState.REFUSED]
    if not mine:
        return None
    last = mine[-1]
    moved = last.code == "period_closed" and last.dated != proposal.dated
    decided_since = said is not None and last.settled_at is not None and said.at > last.settled_at
    return None if moved or decided_since else last


def documents_under_way(session: Session, number: str, wanted: Container[str]) -> bool:
    """Whether documents of a shipment have no outcome yet: the next decision is made upon what came of them.

    What QuickBooks has not been asked for is taken back when it is not what is wanted now (cases O10, F9).
    """
    under_way = False
    for one in credits.intents_of(session, [number])[number]:
        if one.state in OPEN and (
            one.draft.proposal in wanted
            or not credits.OUTCOMES.settle(session, one.id, IntentState.WITHDRAWN, detail=_RESTATED)
        ):
            under_way = True
    for row in intents.supplements(session, [number]):
        if row.state in OPEN and (
            row.payload["draft"].get("proposal") in wanted
            or not intents.settle(session, row.id, IntentState.WITHDRAWN, detail=_RESTATED)
        ):
            under_way = True
    return under_way
