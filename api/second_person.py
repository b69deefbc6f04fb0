"""The second person: a decision over more money than one may decide about waits until another one decides the same."""

from __future__ import annotations

from sqlmodel import Session

from activities.order_work import LOOKED_AT
from api.services import Services
from domain.approvals import Verdict, judge, needs_two, proposal_of, strictest
from domain.errors import Duplicate, Malformed
from domain.exceptions import ExceptionItem, ExceptionState, Resolution
from domain.money import plain
from store import exceptions, proposals


def put_forward(
    session: Session, services: Services, decision: Resolution, sentence: str | None
) -> ExceptionItem | None:
    """Keep a decision as proposed where it may not act yet, and answer the exception; None: it may act.

    The exception stays locked: what is judged is what is decided. Raises Duplicate where its sentence moved on.
    """
    item = proposals.locked(session, decision.exception_id)
    if item is None or item.state is not ExceptionState.OPEN:
        return None
    if sentence is not None and item.sentence != sentence:
        raise Duplicate(f"It has moved on since you read it, decide anew: {item.sentence}", reason="moved_on")
    limit = strictest(proposals.limit(session), services.company.approvals.money_limit)
    match judge(item, decision, limit):
        case Verdict.PROPOSED:
            return proposals.put(session, item.id, proposal_of(item, decision))
        case Verdict.WAITS:
            return item
        case Verdict.ACTS:
            if item.proposal is not None and not needs_two(item.money_at_stake, limit):
                proposals.put(session, item.id, None)  # it is no matter for two any more
            return None


def waits_for_two(session: Session, services: Services, item: ExceptionItem, decision: Resolution) -> bool:
    """Whether a decision would wait for another person, as a dry run tells."""
    limit = strictest(proposals.limit(session), services.company.approvals.money_limit)
    return judge(item, decision, limit) is not Verdict.ACTS


def no_way_around(session: Session, services: Services, order_number: str) -> None:
    """Refuse an act on an order that would decide alone what two people have to. Raises Malformed."""
    limit = strictest(proposals.limit(session), services.company.approvals.money_limit)
    for item in exceptions.open_of_record(session, ("order", order_number)):
        if item.cause in LOOKED_AT and needs_two(item.money_at_stake, limit):
            money = plain(item.money_at_stake) if item.money_at_stake is not None else ""
            detail = f"{money} is at stake, which needs two people: decide the exception {item.id} instead."
            raise Malformed(detail, reason="second_person")
