"""What waits for a person about a customer or an item stands on its own record in Salesforce (feature G-I3)."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest
from temporalio.exceptions import ApplicationError

from domain.exceptions import Cause, Choice
from domain.links import Link, LinkKind
from domain.master_questions import record_words
from domain.ownership_reading import read
from domain.sources import System
from store import links
from store.session import transaction
from store.statements import doubt
from tests.activities.mastery import BY, CUSTOMER, SKU, Mastery
from tests.activities.test_master_conflicts import BY_HAND, BY_TIME, differ


@pytest.fixture
def met(mastery: Mastery) -> Mastery:
    """A company whose masters were seen once; the phone is decided by hand."""
    mastery.rule(read(BY_HAND))
    mastery.poll()
    return mastery


def test_the_record_says_the_question_and_takes_it_back(met: Mastery) -> None:
    """G-I3."""
    assert differ(met).untold
    assert met.tell()
    (item,) = met.open_work()
    assert met.account()["Gateway_Message__c"] == record_words([item])
    assert "Take one system's value or give another" in met.account()["Gateway_Message__c"]
    met.decide(item.id, Choice.TAKE_SYSTEM, "quickbooks")
    assert met.merge().untold
    assert met.tell()
    assert met.account()["Gateway_Message__c"] is None
    assert not met.merge().untold


def test_words_are_not_news_that_decides_the_question(mastery: Mastery) -> None:
    """G-C4: what was written on the account makes it newer there, and the tie is still a person's."""
    mastery.rule(read(BY_TIME))
    mastery.poll()
    mastery.rep_edits(Phone="404 555 0100")
    mastery.bookkeeper_edits(PrimaryPhone={"FreeFormNumber": "404 555 0199"})
    assert mastery.merge().waiting == 1
    before = mastery.side(System.SALESFORCE).changed_at
    time.sleep(1.1)  # the twin's clock ticks in seconds
    assert mastery.tell()
    mastery.poll()
    assert mastery.merge().waiting == 1
    assert mastery.side(System.SALESFORCE).changed_at == before


def test_words_follow_the_link_and_leave_the_old_record(met: Mastery) -> None:
    """M4: another account is the customer's from now on; whoever reads the old one is told nothing of it."""
    differ(met)
    met.tell()
    old, other = met.account()["Id"], met.account("00000043")["Id"]
    with transaction(met.engine, BY) as session:
        rows = links.rows_by_external_id(session, System.SALESFORCE, LinkKind.CUSTOMER, [old, other])
        mine, theirs = (Link.model_validate(rows[one], from_attributes=True) for one in (old, other))
        links.retire(session, theirs, datetime.now(UTC))
        assert links.move(session, mine, other, theirs.external_name, datetime.now(UTC)) is not None
    met.merge()
    met.tell()
    said = {one["Id"]: one["Gateway_Message__c"] for one in met._org_rows("Account")}
    assert said[old] is None
    assert bool(said[other]) == bool(met.open_work())


def test_it_is_said_once(met: Mastery) -> None:
    differ(met)
    met.tell()
    before = met.writes()
    assert not met.merge().untold
    assert met.tell()
    assert met.writes() == before


def test_a_record_without_a_question_is_left_alone(met: Mastery) -> None:
    before = met.writes()
    assert not met.merge().untold
    assert met.tell()
    assert met.writes() == before


def test_an_item_says_its_question(mastery: Mastery) -> None:
    mastery.poll()
    mastery.bookkeeper_edits(LinkKind.ITEM, SKU, Active=False)
    assert mastery.merge(LinkKind.ITEM, SKU).untold
    assert mastery.tell(LinkKind.ITEM, SKU)
    assert mastery.product()["Gateway_Message__c"].startswith(f"item {SKU} is inactive in QuickBooks")


def test_a_record_that_is_gone_is_told_nothing(met: Mastery) -> None:
    """M9: its question is that it was deleted."""
    met.org.control("DELETE", f"/records/Account/{met.account()['Id']}")
    decided = met.merge()
    assert (decided.waiting, decided.untold) == (1, False)


def test_died_between_saying_and_noting_it_is_said_again(met: Mastery) -> None:
    """The same words: nothing else changes."""
    differ(met)
    met.tell()
    with transaction(met.engine, BY) as session:  # the note did not get through
        doubt(session, [(("master", f"customer/{CUSTOMER}/{met.account()['Id']}"), "")])
    assert met.merge().untold
    assert met.tell()
    assert met.account()["Gateway_Message__c"]


def test_refused_words_are_work_until_they_are_taken(met: Mastery) -> None:
    """G-I2: the question itself stays as it was."""
    differ(met)
    rule = {"object": "Account", "field": "ERP_Id__c", "equals": CUSTOMER, "message": "Closed account."}
    met.org.control("PATCH", "/settings", {"validation_rules": [rule]})
    assert not met.tell()
    causes = sorted(one.cause for one in met.open_work())
    assert causes == sorted([Cause.MASTER_CONFLICT, Cause.PUBLICATION_REJECTED])
    assert met.merge().untold
    met.org.control("PATCH", "/settings", {"validation_rules": []})
    assert met.tell()
    assert [one.cause for one in met.open_work()] == [Cause.MASTER_CONFLICT]


def test_an_outage_is_for_the_next_attempt(met: Mastery) -> None:
    """X1."""
    differ(met)
    met.org.fault("status", method="PATCH", status=503, path="/sobjects/Account", times=1)
    with pytest.raises(ApplicationError, match="unavailable") as failed:
        met.tell()
    assert not failed.value.non_retryable
    assert met.tell()
