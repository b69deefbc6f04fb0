"""Proposed decisions in the store: kept on the exception until another person confirms, and the limit for it."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

from sqlalchemy import select
from sqlmodel import Session, col

from domain.approvals import same_person
from domain.errors import Duplicate, Malformed, Missing
from domain.exception_work import OTHERS
from domain.exceptions import ExceptionItem, ExceptionState, Proposal
from store.exceptions import item_of
from store.tables.exceptions import ExceptionRow, ExceptionRuleRow


def limit(session: Session) -> Decimal | None:
    """The limit of the rules that the workers took; None: there is none, or no worker ever ran."""
    found: Decimal | None = session.scalar(
        select(col(ExceptionRuleRow.money_limit)).where(col(ExceptionRuleRow.cause) == OTHERS)
    )
    return found


def locked(session: Session, exception_id: str) -> ExceptionItem | None:
    """An exception that nobody else decides about until the transaction ends; None where there is none."""
    row = _row(session, exception_id)
    return None if row is None else item_of(row)


def put(session: Session, exception_id: str, proposal: Proposal | None) -> ExceptionItem:
    """Keep a proposal on an open exception in place of what was proposed before; None: take that away."""
    row = _row(session, exception_id)
    if row is None:
        raise Missing(f"There is no exception {exception_id}.", reason="exception")
    if row.state != ExceptionState.OPEN:
        raise Duplicate("This exception is closed already.", reason="exception_closed")
    row.proposal = None if proposal is None else proposal.model_dump(mode="json")
    session.flush()
    return item_of(row)


def withdraw(session: Session, exception_id: str, by: str) -> ExceptionItem:
    """Take back what this person proposed; where nothing is proposed that changes nothing.

    Raises Missing, Duplicate where it is closed, and Malformed for what somebody else proposed.
    """
    item = locked(session, exception_id)
    if item is not None and item.proposal is not None and not same_person(item.proposal.proposed_by, by):
        detail = f"{item.proposal.proposed_by} proposed it and alone withdraws it. Another choice overrules it."
        raise Malformed(detail, reason="not_yours")
    return put(session, exception_id, None)


def _row(session: Session, exception_id: str) -> ExceptionRow | None:
    try:
        return session.get(ExceptionRow, UUID(exception_id), with_for_update=True, populate_existing=True)
    except ValueError:
        return None
