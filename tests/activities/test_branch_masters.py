"""Masters of a branch never touch the record that it is billed to, nor that record the branch (case M6)."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from sqlalchemy import select
from sqlmodel import col

from activities.master_marking import mark_merged
from domain.links import Link, LinkKind, LinkRole
from domain.master_work import WriteState
from domain.sources import System
from store import links, mastering
from store.session import reading, transaction
from store.tables import LinkState, MasterWriteRow
from tests.activities.mastery import BY, CUSTOMER, Died, Mastery

BRANCH = "00000043"


@pytest.fixture
def chain(mastery: Mastery) -> Mastery:
    """The second customer is a branch of the first one: an account of its own, and no customer in QuickBooks."""
    own, head = (_link(mastery, key) for key in (BRANCH, CUSTOMER))
    with transaction(mastery.engine, BY) as session:
        links.retire(session, own, datetime.now(UTC))
        billed = head.model_copy(update={"local_key": BRANCH, "role": LinkRole.BILLED_TO})
        links.import_links(session, [billed], "test", datetime.now(UTC))
    mastery.poll()
    for kind, key in mastery.marked():
        mastery.merge(kind, key)
    return mastery


def _link(mastery: Mastery, key: str) -> Link:
    with reading(mastery.engine) as session:
        return links.confirmed(session, System.QUICKBOOKS, LinkKind.CUSTOMER, [key])[key]


def _customers(mastery: Mastery) -> int:
    (row,) = mastery.books.app.database.execute("SELECT count(*) FROM entity WHERE kind = 'Customer'")
    return int(row[0])


def test_what_the_erp_changes_of_a_branch_goes_to_its_account_alone(chain: Mastery) -> None:
    there, count = chain.in_quickbooks(), _customers(chain)
    place = chain.books.place()
    branch = chain.stated_customer(number=BRANCH, name="Hale & Sons, East")
    assert chain.state(branch) == 1
    assert chain.marked() == {(LinkKind.CUSTOMER, BRANCH)}
    assert chain.merge(key=BRANCH).waiting == 0
    assert chain.account(BRANCH)["Name"] == "Hale & Sons, East"
    assert (chain.in_quickbooks(), _customers(chain)) == (there, count)
    assert [one["path"] for one in chain.books.journal(place) if "/customer" in one["path"]] == [], "not even read"
    assert chain.open_work() == []


def test_what_is_edited_of_the_head_offices_record_is_no_news_of_a_branch(chain: Mastery) -> None:
    chain.marked()
    chain.bookkeeper_edits(DisplayName="Brightwater (edited)")
    chain.poll()
    assert chain.marked() == {(LinkKind.CUSTOMER, CUSTOMER)}
    before = chain.account(BRANCH)
    chain.merge(key=BRANCH)
    chain.merge()
    assert chain.account(BRANCH) == before
    with reading(chain.engine) as session:
        sides = mastering.sides(session, LinkKind.CUSTOMER, BRANCH)
    assert sides[System.SALESFORCE].stated["name"] == before["Name"]
    assert System.QUICKBOOKS not in sides


def test_a_merge_of_the_head_office_is_followed_by_its_branches(chain: Mastery) -> None:
    """M5, M6: with the head office's own link, by the flow of the head office."""
    loser, winner = chain.external_id(System.QUICKBOOKS), _another(chain)
    with transaction(chain.engine, BY) as session:
        assert mark_merged(session, System.QUICKBOOKS, LinkKind.CUSTOMER, loser, winner) == [CUSTOMER]
    chain.merge()
    chain.bookkeeper_edits(Active=False)
    chain.merge()
    assert {_link(chain, key).external_id for key in (CUSTOMER, BRANCH)} == {winner}
    assert _link(chain, BRANCH).role is LinkRole.BILLED_TO


def test_a_merge_of_a_record_that_is_nobodys_own_is_followed_once_it_is_gone(chain: Mastery) -> None:
    """M5, M6: the branch's own flow looks whether the record is in use still, and keeps nothing else of it."""
    head, winner = _link(chain, CUSTOMER), _another(chain)
    with transaction(chain.engine, BY) as session:
        links.retire(session, head, datetime.now(UTC))
        assert mark_merged(session, System.QUICKBOOKS, LinkKind.CUSTOMER, head.external_id, winner) == [BRANCH]
    assert chain.merge(key=BRANCH).waiting == 0
    assert _link(chain, BRANCH).external_id == head.external_id  # it is still there: a hint alone moves nothing
    chain.bookkeeper_edits(key=BRANCH, Active=False)
    assert chain.merge(key=BRANCH).waiting == 0
    assert (_link(chain, BRANCH).external_id, _link(chain, BRANCH).role) == (winner, LinkRole.BILLED_TO)
    with reading(chain.engine) as session:
        kept = [one for one in links.page(session, state=LinkState.RETIRED).items if one.local_key == BRANCH]
        assert System.QUICKBOOKS not in mastering.sides(session, LinkKind.CUSTOMER, BRANCH)
    assert (head.external_id, LinkRole.BILLED_TO) in {(one.external_id, one.role) for one in kept}
    assert chain.merge(key=BRANCH).waiting == 0


def _another(chain: Mastery) -> str:
    """A further customer of QuickBooks, into which people merge."""
    chain.books._call("POST", "seed", json={"customers": [{"erp_no": "x", "name": "Brightwater Two"}]})
    found = chain.quickbooks.candidates(LinkKind.CUSTOMER)
    return next(one.external_id for one in found if one.name == "Brightwater Two")


def test_what_was_planned_for_a_record_that_is_not_ours_any_more_is_not_written(mastery: Mastery) -> None:
    """M6: a wrong link that people correct while QuickBooks is away leaves no write behind that comes later."""
    mastery.poll()
    for kind, key in mastery.marked():
        mastery.merge(kind, key)
    mastery.state(mastery.stated_customer(name="Hale & Sons, East"))
    there = mastery.in_quickbooks()
    with pytest.raises(Died):
        mastery.merge(dies="before write")
    own, planned = _link(mastery, CUSTOMER), _planned(mastery)
    with transaction(mastery.engine, BY) as session:
        links.retire(session, own, datetime.now(UTC))
        links.import_links(
            session, [own.model_copy(update={"external_id": _another(mastery)})], "test", datetime.now(UTC)
        )
    written = mastery.write(System.QUICKBOOKS, planned)
    assert (written.state, written.stale) == (WriteState.PLANNED, True)
    assert json.loads(_body(mastery, own.external_id)) == there
    mastery.merge()  # decided anew: what was planned is not tried for ever
    assert json.loads(_body(mastery, own.external_id)) == there


def _planned(mastery: Mastery) -> int:
    with reading(mastery.engine) as session:
        query = select(MasterWriteRow).where(col(MasterWriteRow.system) == System.QUICKBOOKS.value)
        return max(one.id or 0 for one in session.scalars(query))


def _body(mastery: Mastery, external_id: str) -> str:
    query = "SELECT body FROM entity WHERE kind = 'Customer' AND id = ?"
    (row,) = mastery.books.app.database.execute(query, external_id)
    return str(row[0])
