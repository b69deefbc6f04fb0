"""The rules of exceptions in the store, so that whatever opens work knows whose it is and when it is due."""

from __future__ import annotations

from typing import Any

from sqlalchemy import delete, func, literal, select, text
from sqlmodel import Session, col

from domain.exception_work import OTHERS, ExceptionRules
from domain.exceptions import Cause
from store.tables.exceptions import ExceptionRuleRow
from store.upserts import upsert

_DUE_AGAIN = text("""
UPDATE exceptions item SET due_at = due.at
FROM (
    SELECT open.id, open.opened_at + make_interval(mins => coalesce(own.due_minutes, others.due_minutes)) AS at
    FROM exceptions open
    LEFT JOIN exception_rules own ON own.cause = open.cause
    LEFT JOIN exception_rules others ON others.cause = '*'
    WHERE open.state = 'open'
) due
WHERE item.id = due.id AND item.due_at IS DISTINCT FROM due.at
""")


def write(session: Session, rules: ExceptionRules) -> None:
    """Keep these rules, and let open work be due by them; running it again writes nothing."""
    rows = [{"cause": cause, "owner": owner, "due_minutes": minutes} for cause, owner, minutes in rules.rows()]
    gone = delete(ExceptionRuleRow).where(col(ExceptionRuleRow.cause).not_in([row["cause"] for row in rows]))
    removed = session.execute(gone.returning(col(ExceptionRuleRow.cause))).all()
    if upsert(session, ExceptionRuleRow, rows) or removed:
        session.execute(_DUE_AGAIN)


def owner_of(cause: Cause, otherwise: str) -> Any:
    """Whose work it is: as the rules say, or the desk that the flow names."""
    named = select(col(ExceptionRuleRow.owner)).where(col(ExceptionRuleRow.cause) == cause.value)
    return func.coalesce(named.scalar_subquery(), literal(otherwise))


def due_of(cause: Cause) -> Any:
    """When work that is opened now is due; NULL where no rules were ever kept."""
    rule = ExceptionRuleRow
    minutes = (
        select(col(rule.due_minutes))
        .where(col(rule.cause).in_([cause.value, OTHERS]))
        .order_by(col(rule.cause) == OTHERS)
        .limit(1)
    )
    return func.now() + func.make_interval(0, 0, 0, 0, 0, minutes.scalar_subquery())
