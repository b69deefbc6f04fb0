"""What was said, what is in doubt, and what a person wants to be said again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlmodel import Session

from domain.exceptions import Cause, Choice, ExceptionKind, Finding, Resolution
from store import exceptions, statements
from store.statements import IN_DOUBT, Subject

ORDER: Subject = ("order", "SO1")
LINE: Subject = ("line", "SO1/1")
OTHER: Subject = ("order", "SO2")
ALL = (ORDER, LINE, OTHER)
DAY = timedelta(days=1)


def said(session: Session) -> dict[Subject, str]:
    session.flush()
    session.expire_all()
    return statements.said(session, ALL)


def remember(session: Session) -> None:
    statements.remember(session, [(ORDER, "SO1", "a"), (LINE, "SO1", "b"), (OTHER, "SO2", "c")])


def test_what_is_in_doubt_is_still_known_to_have_been_said(session: Session) -> None:
    """Something that was said for the first time, in vain or not, may have to be taken back."""
    statements.doubt(session, [(ORDER, "SO1")])
    assert said(session) == {ORDER: IN_DOUBT}
    remember(session)
    statements.doubt(session, [(LINE, "SO1")])
    assert said(session) == {ORDER: "a", LINE: IN_DOUBT, OTHER: "c"}


def test_forgetting_an_order_concerns_all_of_it_and_no_other(session: Session) -> None:
    remember(session)
    statements.forget(session, "SO1")
    assert said(session) == {ORDER: IN_DOUBT, LINE: IN_DOUBT, OTHER: "c"}
    statements.remember(session, [(("account", "42"), "", "d")])
    statements.forget_account(session, "42")
    assert statements.said(session, [("account", "42")]) == {("account", "42"): IN_DOUBT}


def retried(session: Session, *record: str) -> datetime:
    """A person wanted all about a record to be said again; answers when."""
    finding = Finding(
        kind=ExceptionKind.DEAD_LETTER,
        cause=Cause.PUBLICATION_REJECTED,
        sentence="Refused.",
        choices=(Choice.RETRY,),
    )
    exception_id = exceptions.open_item(session, finding=finding, record=(record[0], record[1]), owner="sales")
    now = datetime.now(UTC)
    resolution = Resolution(
        exception_id=exception_id, choice=Choice.RETRY, reason="mended", decided_by="dana", decided_at=now
    )
    exceptions.resolve(session, resolution)
    return now


def test_an_order_is_to_be_said_again_until_something_was_answered(session: Session) -> None:
    remember(session)
    now = retried(session, "order", "SO1")
    assert statements.to_say_again(session, now - DAY, now + DAY) == [], "something was said of it"
    statements.forget(session, "SO1")
    assert statements.to_say_again(session, now - DAY, now + DAY) == ["SO1"]
    statements.doubt(session, [(ORDER, "SO1")])
    assert statements.to_say_again(session, now - DAY, now + DAY) == ["SO1"], "no answer came yet"
    remember(session)
    assert statements.to_say_again(session, now - DAY, now + DAY) == []


def test_a_customer_is_to_be_said_again_until_something_was_answered(session: Session) -> None:
    account = ("account", "42")
    statements.remember(session, [(account, "", "d"), (("order", "42"), "42", "e")])
    now = retried(session, "customer", "42")
    assert statements.accounts_to_say_again(session, now - DAY, now + DAY) == []
    statements.forget_account(session, "42")
    assert statements.accounts_to_say_again(session, now - DAY, now + DAY) == ["42"]
    assert statements.to_say_again(session, now - DAY, now + DAY) == []
    statements.remember(session, [(account, "", "d")])
    assert statements.accounts_to_say_again(session, now - DAY, now + DAY) == []
