"""What a message says, made of what is due: the first ones by their sentence, the rest by their number."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from urllib.parse import quote

from sqlmodel import Session

from domain.alert_texts import LINES, AlertContent, AlertItem, shortened, subject_of
from domain.alerts import Phase, Severity
from domain.exceptions import ExceptionItem
from runtime.logs import redact_text
from store import alerts
from store.alerts import Due
from store.exceptions import item_of
from store.tables.alerts import AlertNoticeRow

PAGES = "/ui/exceptions"  # where the dashboard shows them


def content_of(session: Session, channel: str, due: Due, now: datetime, public_url: str | None) -> AlertContent:
    """The message about everything of a channel that is due."""
    first = alerts.first_due(session, channel, now, LINES)
    items = tuple(_item(notice, item_of(row), public_url) for notice, row in first)
    left = Counter(due.causes)
    left.subtract(one.cause for one in items)
    return AlertContent(
        subject=subject_of(items, due.counts, due.severity),
        severity=due.severity,
        counts=due.counts,
        items=items,
        more={cause: number for cause, number in left.most_common() if number},
        address=_address(public_url),
    )


def _item(notice: AlertNoticeRow, item: ExceptionItem, public_url: str | None) -> AlertItem:
    return AlertItem(
        exception_id=item.id,
        phase=Phase(notice.phase),
        severity=Severity(notice.severity),
        kind=item.kind,
        cause=item.cause,
        record_type=item.record_type,
        record_key=item.record_key,
        sentence=shortened(redact_text(item.sentence)),
        money_at_stake=item.money_at_stake,
        due_at=item.due_at,
        ended=_ending(item) if notice.phase == Phase.CLOSED else None,
        address=_address(public_url, item.id),
    )


def _ending(item: ExceptionItem) -> str:
    """How it was closed; why a person decided so is their own text, and stays where it is."""
    if item.resolution is not None:
        return f"Resolved by {item.resolution.decided_by}: {item.resolution.choice}."
    return f"It closed by itself: {item.closed_because or 'its cause went away.'}"


def _address(public_url: str | None, exception_id: str | None = None) -> str | None:
    if public_url is None:
        return None
    return f"{public_url}{PAGES}" + (f"/{quote(exception_id, safe='')}" if exception_id else "")


def trial(by: str, public_url: str | None) -> AlertContent:
    """A message that only tells that it arrives."""
    subject = f"[{Severity.NORMAL}] A trial, asked for by {shortened(redact_text(by))[:80]}: nothing is wrong"
    return AlertContent(subject=subject, severity=Severity.NORMAL, address=_address(public_url))
