"""What a merge leaves to people: conflicts, loops, deletions, merges and refusals; the rest of a record flows on."""

from __future__ import annotations

import pytest

from activities.master_marking import mark_merged
from domain.exceptions import Cause, Choice, ExceptionState
from domain.links import Link, LinkKind
from domain.master_work import MasterDecided, WriteState
from domain.ownership_reading import read
from domain.sources import System
from store import exceptions, links, master_views, merges
from store.session import reading, transaction
from store.tables import LinkState
from tests.activities.mastery import BY, CUSTOMER, NAME, RULES, Mastery

BY_HAND = RULES.replace('policy = "prefer_unless_empty"', 'policy = "manual"')
BY_TIME = RULES.replace('policy = "prefer_unless_empty"', 'policy = "newest"')


@pytest.fixture
def met(mastery: Mastery) -> Mastery:
    """A company whose masters were seen once; the phone is decided by hand."""
    mastery.rule(read(BY_HAND))
    mastery.poll()
    return mastery


def differ(met: Mastery) -> MasterDecided:
    """A rep and a bookkeeper give the customer different phones, and the ERP another name."""
    met.rep_edits(Phone="404 555 0100")
    met.bookkeeper_edits(PrimaryPhone={"FreeFormNumber": "404 555 0199"})
    met.state(met.stated_customer(name="Brightwater Supply"))
    return met.merge()


def test_a_conflict_waits_with_its_question_and_the_rest_of_the_record_flows(met: Mastery) -> None:
    assert differ(met).waiting == 1
    (item,) = met.open_work()
    assert (item.cause, item.record_key, item.workflow_id) == (
        Cause.MASTER_CONFLICT,
        f"customer/{CUSTOMER}/phone",
        f"customer/{CUSTOMER}",
    )
    assert '"404 555 0100"' in item.sentence
    assert '"404 555 0199"' in item.sentence
    assert met.account()["Name"] == met.in_quickbooks()["DisplayName"] == "Brightwater Supply"
    assert met.account()["Phone"] == "404 555 0100"


def test_the_record_shows_every_sides_word_and_what_was_written(met: Mastery) -> None:
    """G-C6: side by side, with what is agreed and the question."""
    differ(met)
    (item,) = met.open_work()
    with reading(met.engine) as session:
        shown = master_views.view(session, LinkKind.CUSTOMER, CUSTOMER)
        assert master_views.view(session, LinkKind.CUSTOMER, "nobody") is None
    assert shown is not None
    phone = next(one for one in shown.fields if one.field == "phone")
    assert phone.stated == {System.SALESFORCE: "404 555 0100", System.QUICKBOOKS: "404 555 0199"}
    assert (phone.exception_id, shown.open) == (item.id, (item.id,))
    assert [one.exception_id for one in shown.fields if one.field != "phone"] == [None] * 4
    assert {one.system for one in shown.sides} == {System.ERP, System.QUICKBOOKS, System.SALESFORCE}
    assert {(one.system, one.state) for one in shown.writes} == {
        (System.QUICKBOOKS, WriteState.DONE),
        (System.SALESFORCE, WriteState.DONE),
    }
    assert all(one.fields == {"name": "Brightwater Supply"} for one in shown.writes)


def test_looking_again_asks_once(met: Mastery) -> None:
    differ(met)
    for _ in range(3):
        met.merge()
    assert len(met.open_work()) == 1


@pytest.mark.parametrize(
    ("choice", "value", "phone"),
    [
        (Choice.TAKE_SYSTEM, "quickbooks", "404 555 0199"),
        (Choice.TAKE_SYSTEM, "salesforce", "404 555 0100"),
        (Choice.USE_VALUE, "404 555 0123", "404 555 0123"),
    ],
)
def test_a_persons_choice_is_written_everywhere(met: Mastery, choice: Choice, value: str, phone: str) -> None:
    differ(met)
    (item,) = met.open_work()
    met.decide(item.id, choice, value)
    assert met.merge().waiting == 0
    assert met.account()["Phone"] == met.in_quickbooks()["PrimaryPhone"]["FreeFormNumber"] == phone
    before = met.writes()
    met.poll()
    met.merge()
    assert met.writes() == before


def test_a_choice_on_values_that_moved_on_is_asked_again(met: Mastery) -> None:
    differ(met)
    (item,) = met.open_work()
    met.decide(item.id, Choice.TAKE_SYSTEM, "quickbooks")
    met.rep_edits(Phone="404 555 7777")
    assert met.merge().waiting == 1
    assert met.account()["Phone"] == "404 555 7777"
    assert len(met.open_work()) == 1


def test_a_conflict_whose_cause_went_away_closes_itself(met: Mastery) -> None:
    """Feature G-I2: the bookkeeper took the rep's number."""
    differ(met)
    (item,) = met.open_work()
    met.bookkeeper_edits(PrimaryPhone={"FreeFormNumber": "(404) 555-0100"})
    assert met.merge().waiting == 0
    with reading(met.engine) as session:
        closed = exceptions.get(session, item.id)
    assert closed is not None
    assert closed.state is ExceptionState.SELF_RESOLVED


def test_two_changes_that_the_clocks_cannot_tell_apart_wait_for_a_person(mastery: Mastery) -> None:
    """Feature G-C4: the twins' clocks are measured by their answers; the changes are within a second."""
    mastery.rule(read(BY_TIME))
    mastery.poll()
    mastery.rep_edits(Phone="404 555 0100")
    mastery.bookkeeper_edits(PrimaryPhone={"FreeFormNumber": "404 555 0199"})
    assert mastery.merge().waiting == 1
    (item,) = mastery.open_work()
    assert "the clocks cannot tell" in item.sentence
    reading_ = mastery.quickbooks.clock
    assert reading_ is not None
    assert abs(reading_.offset_ms) <= reading_.bound_ms + 1000


def test_a_robot_that_sets_a_name_back_is_stopped(met: Mastery) -> None:
    """Feature G-C5: after the third time nothing is written any more, and a person is asked."""
    for _ in range(5):
        met.bookkeeper_edits(DisplayName="Robot Plumbing")
        met.merge()
    (item,) = met.open_work()
    assert item.cause is Cause.MASTER_FLAPPING
    assert met.in_quickbooks()["DisplayName"] == "Robot Plumbing"
    assert met.writes() == 2
    met.decide(item.id, Choice.TAKE_SYSTEM, "erp")
    assert met.merge().waiting == 0
    assert met.in_quickbooks()["DisplayName"] == NAME


def test_a_record_that_was_deleted_is_asked_about_and_never_made_again(met: Mastery) -> None:
    """Case M9: deleted in Salesforce, changed by the ERP; QuickBooks gets the change all the same."""
    account = met.account()["Id"]
    met.org.control("DELETE", f"/records/Account/{account}")
    met.state(met.stated_customer(name="Brightwater Supply"))
    met.poll()
    assert met.merge().waiting == 1
    (item,) = met.open_work()
    assert (item.cause, item.record_key) == (Cause.MASTER_DELETED, f"customer/{CUSTOMER}/salesforce")
    assert met.in_quickbooks()["DisplayName"] == "Brightwater Supply"
    living = [one for one in met._org_rows("Account") if not one["IsDeleted"] and one["ERP_Id__c"] == CUSTOMER]
    assert living == []
    met.decide(item.id, Choice.RETIRE_LINK)
    assert met.merge().waiting == 0
    with reading(met.engine) as session:
        assert links.rows_of(session, LinkKind.CUSTOMER, CUSTOMER).keys() == {System.QUICKBOOKS}


def test_a_record_that_is_inactive_holds_what_is_to_be_written_there(met: Mastery) -> None:
    """Case M5: its name there gets a suffix by being made inactive, which is no change of the name."""
    met.bookkeeper_edits(Active=False)
    met.poll()
    assert met.merge().waiting == 1
    (item,) = met.open_work()
    assert item.cause is Cause.MASTER_INACTIVE
    assert met.account()["Name"] == NAME
    met.bookkeeper_edits(Active=True)
    assert met.merge().waiting == 0
    assert met.open_work() == []


def test_a_name_that_is_taken_in_quickbooks_is_for_a_person(met: Mastery) -> None:
    """Case M5, QuickBooks' 6240: Salesforce gets the name; once it is free, retry writes it there too."""
    met.state(met.stated_customer(name="Hale & Sons Supply"))
    assert met.merge().waiting == 1
    (item,) = met.open_work()
    assert item.cause is Cause.MASTER_REFUSED
    assert "6240" in item.sentence
    assert met.account()["Name"] == "Hale & Sons Supply"
    assert met.in_quickbooks()["DisplayName"] == NAME
    met.bookkeeper_edits(key="00000043", DisplayName="Hale and Sons")
    met.decide(item.id, Choice.RETRY)
    assert met.merge().waiting == 0
    assert met.in_quickbooks()["DisplayName"] == "Hale & Sons Supply"


def test_terms_that_were_changed_in_quickbooks_are_for_a_person(met: Mastery) -> None:
    """Case E7: the gateway never changes terms there."""
    met.bookkeeper_edits(LinkKind.TERMS, "N30", DueDays="45")
    met.poll()
    assert (LinkKind.TERMS, "N30") in met.marked()
    assert met.merge(LinkKind.TERMS, "N30").waiting == 1
    (item,) = met.open_work()
    assert item.record_key == "terms/N30/due_days"
    assert '"45"' in item.sentence


def _second_account(met: Mastery) -> str:
    """Another account for the same customer, which no link knows."""
    fields = {"Name": "Brightwater Plumbing Co", "Phone": "404 555 0111"}
    made = met.org.control("POST", "/records/Account", {"fields": fields})
    return str(made["ids"][0])


def test_a_merge_of_accounts_moves_the_link_and_keeps_the_old_one_as_an_alias(met: Mastery) -> None:
    """Case M4: nothing is written at first contact with the account that is left; the link can be taken back."""
    loser, winner = met.account()["Id"], _second_account(met)
    met.org.control("POST", "/merge/Account", {"loser": loser, "winner": winner})
    met.poll()
    assert met.marked() == {(LinkKind.CUSTOMER, CUSTOMER)}
    before = met.writes()
    assert met.merge().waiting == 0
    assert met.external_id(System.SALESFORCE) == winner
    assert met.writes() == before
    with reading(met.engine) as session:
        retired = links.page(session, system=System.SALESFORCE, state=LinkState.RETIRED).items
    assert [one.external_id for one in retired] == [loser]
    met.state(met.stated_customer(name="Brightwater Supply"))
    met.merge()
    (kept,) = [one for one in met._org_rows("Account") if one["Id"] == winner]
    assert kept["Name"] == "Brightwater Supply"
    _take_back(met, loser, winner)
    assert met.external_id(System.SALESFORCE) == loser


def _take_back(met: Mastery, loser: str, winner: str) -> None:
    given = {"kind": LinkKind.CUSTOMER, "system": System.SALESFORCE, "local_key": CUSTOMER, "external_name": NAME}
    at = met.record().decided_at
    assert at is not None
    with transaction(met.engine, BY) as session:
        links.retire(session, Link(**given, external_id=winner), at)
        links.import_links(session, [Link(**given, external_id=loser)], "dana", at)


def test_a_merge_into_an_account_that_is_another_customers_is_for_a_person(met: Mastery) -> None:
    """Case M3: two of our customers cannot be one account."""
    loser, winner = met.account()["Id"], met.account("00000043")["Id"]
    met.org.control("POST", "/merge/Account", {"loser": loser, "winner": winner})
    met.poll()
    assert met.merge().waiting == 1
    (item,) = met.open_work()
    assert (item.cause, winner in item.sentence) == (Cause.MASTER_DELETED, True)
    assert met.external_id(System.SALESFORCE) == loser


def test_a_merge_in_quickbooks_is_followed_by_what_its_event_says(met: Mastery) -> None:
    """Case M5: a merged customer is inactive there; which one is left, only the event tells."""
    loser = met.external_id(System.QUICKBOOKS)
    met.books._call("POST", "seed", json={"customers": [{"erp_no": "x", "name": "Brightwater Two"}]})
    winner = next(one for one in met.quickbooks.candidates(LinkKind.CUSTOMER) if one.name == "Brightwater Two")
    with transaction(met.engine, BY) as session:
        keys = mark_merged(session, System.QUICKBOOKS, LinkKind.CUSTOMER, loser, winner.external_id)
    assert keys == [CUSTOMER]
    met.merge()
    assert met.external_id(System.QUICKBOOKS) == loser  # it is still there: a hint alone moves nothing
    met.bookkeeper_edits(Active=False)
    met.poll()  # which sees no more than that it is inactive
    assert met.merge().waiting == 0
    assert met.external_id(System.QUICKBOOKS) == winner.external_id


def test_a_merge_in_quickbooks_of_two_customers_of_ours_is_one_question_that_says_the_way_out(met: Mastery) -> None:
    """Cases M5, M6: it cannot be undone there; what it did is remembered when the link is retired."""
    loser = met.external_id(System.QUICKBOOKS)
    with transaction(met.engine, BY) as session:
        winner = links.external_ids(session, System.QUICKBOOKS, LinkKind.CUSTOMER)["00000043"]
        mark_merged(session, System.QUICKBOOKS, LinkKind.CUSTOMER, loser, winner)
    met.bookkeeper_edits(Active=False)
    met.poll()
    assert met.merge().waiting == 1
    (item,) = met.open_work()
    assert (item.cause, item.record_key) == (Cause.MASTER_DELETED, f"customer/{CUSTOMER}/quickbooks")
    assert "cannot undo a merge" in item.sentence
    assert "restore it there" not in item.sentence
    assert "make a new record in QuickBooks" in item.sentence
    met.decide(item.id, Choice.RETIRE_LINK)
    met.merge()
    with transaction(met.engine, BY) as session:
        assert CUSTOMER not in links.external_ids(session, System.QUICKBOOKS, LinkKind.CUSTOMER)
        assert merges.went_into(session, loser, winner)
        assert not merges.went_into(session, winner, loser)
    assert met.open_work() == []
