"""Polls of masters: what people link and write while a poll is under way is neither passed over nor taken for news."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from sqlmodel import Session
from temporalio.testing import ActivityEnvironment

from activities.master_polls import MasterPolls
from domain.links import Link, LinkKind
from domain.master_seen import MasterSeen
from domain.sources import System
from store import links
from store.session import transaction
from tests.activities.mastery import BY, CUSTOMER, Mastery

OTHER = "00000043"


def _known(mastery: Mastery, system: System) -> Iterator[MasterSeen]:
    """Both customers of a system, the one that is not linked yet first."""
    gateway = mastery.salesforce if system is System.SALESFORCE else mastery.quickbooks
    for key in (OTHER, CUSTOMER):
        yield gateway.read_master(LinkKind.CUSTOMER, mastery.external_id(system, LinkKind.CUSTOMER, key))


def _unlinked(session: Session, system: System) -> Link:
    row = links.rows_of(session, LinkKind.CUSTOMER, OTHER)[system]
    link = Link.model_validate(row, from_attributes=True)
    links.retire(session, link, datetime.now(UTC))
    return link


@pytest.mark.parametrize("polls_before", [0, 1])
@pytest.mark.parametrize("system", [System.SALESFORCE, System.QUICKBOOKS])
def test_a_record_that_is_linked_when_a_poll_has_passed_it_is_adopted_by_the_next_one(
    mastery: Mastery, system: System, polls_before: int
) -> None:
    """During the very first poll, too, whose cursor is not there yet."""
    passed, rest = _known(mastery, system)
    with transaction(mastery.engine, BY) as session:
        link = _unlinked(session, system)
    for _ in range(polls_before):
        mastery.poll()
    polls = MasterPolls(mastery.engine, mastery.rules, system)
    since = polls.since(LinkKind.CUSTOMER)

    def keep(seen: MasterSeen) -> None:
        ActivityEnvironment().run(polls.keep, LinkKind.CUSTOMER, [seen], None, "test", since)

    keep(passed)
    with transaction(mastery.engine, BY) as session:
        links.confirm(session, link, "dana", datetime.now(UTC))
    keep(rest)
    assert polls.since(LinkKind.CUSTOMER)[0] is None
    mastery.poll()
    with transaction(mastery.engine, BY) as session:
        assert links.rows_of(session, LinkKind.CUSTOMER, OTHER)[system].base is not None
