"""Links: proposed, confirmed on exact keys or by a person, unique on both sides, retired but kept."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import Engine, text
from sqlmodel import Session

from domain.errors import Duplicate, Missing
from domain.links import Link, LinkKind, Proposal
from domain.sources import System
from store import links
from store.causes import Cause
from store.links import Image
from store.session import reading, transaction
from store.tables import LinkState

AT = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)
SCOPE = (System.QUICKBOOKS, LinkKind.CUSTOMER)


def proposal(local_key: str, external_id: str, *, exact: bool = False) -> Proposal:
    return Proposal(
        kind=LinkKind.CUSTOMER,
        system=System.QUICKBOOKS,
        local_key=local_key,
        local_name=f"ours {local_key}",
        external_id=external_id,
        external_name=f"theirs {external_id}",
        score=Decimal(1) if exact else Decimal("0.80"),
        exact=exact,
        reason="same name",
    )


def link(local_key: str, external_id: str) -> Link:
    name = f"theirs {external_id}"
    return Link(
        kind=LinkKind.CUSTOMER,
        system=System.QUICKBOOKS,
        local_key=local_key,
        external_id=external_id,
        external_name=name,
    )


def pairs(session: Session, state: LinkState) -> list[tuple[str, str]]:
    return [(one.local_key, one.external_id) for one in links.page(session, state=state).items]


def test_proposals_are_replaced_and_nothing_is_linked_by_them(session: Session) -> None:
    """G-B3: proposing writes no link."""
    assert links.replace_proposals(session, *SCOPE, [proposal("1", "a"), proposal("2", "b")]) == 2
    assert links.replace_proposals(session, *SCOPE, [proposal("2", "b"), proposal("3", "c")]) == 2
    assert pairs(session, LinkState.PROPOSED) == [("2", "b"), ("3", "c")]
    assert links.external_ids(session, *SCOPE) == {}
    assert links.replace_proposals(session, *SCOPE, []) == 0


def test_only_exact_pairs_are_accepted(session: Session) -> None:
    links.replace_proposals(session, *SCOPE, [proposal("1", "a", exact=True), proposal("2", "b")])
    assert links.accept_exact(session, *SCOPE, "api", AT) == [link("1", "a")]
    assert links.external_ids(session, *SCOPE) == {"1": "a"}
    assert links.accept_exact(session, *SCOPE, "api", AT) == []
    assert pairs(session, LinkState.PROPOSED) == [("2", "b")]


def test_an_ambiguous_exact_pair_waits_for_a_person(session: Session) -> None:
    """M3: two exact candidates of one record, or a record that is linked already, are left to a person."""
    links.import_links(session, [link("9", "z")], "ana", AT)
    rivals = [proposal("1", "a", exact=True), proposal("1", "b", exact=True), proposal("2", "z", exact=True)]
    links.replace_proposals(session, *SCOPE, [*rivals, proposal("3", "c", exact=True)])
    assert links.accept_exact(session, *SCOPE, "api", AT) == [link("3", "c")]
    assert pairs(session, LinkState.PROPOSED) == [("1", "a"), ("1", "b")]


def test_a_person_confirms_and_the_rivals_go(session: Session) -> None:
    links.replace_proposals(session, *SCOPE, [proposal("1", "a"), proposal("1", "b"), proposal("2", "a")])
    assert links.confirm(session, link("1", "a"), "ana", AT) == link("1", "a")
    assert links.confirm(session, link("1", "a"), "ben", AT + timedelta(days=1)) == link("1", "a")
    [stored] = links.page(session, system=System.QUICKBOOKS, kind=LinkKind.CUSTOMER).items
    assert (stored.state, stored.confirmed_by, stored.confirmed_at) == (LinkState.CONFIRMED, "ana", AT)


def test_a_pair_that_nobody_proposed_cannot_be_confirmed(session: Session) -> None:
    with pytest.raises(Missing):
        links.confirm(session, link("1", "a"), "ana", AT)


@pytest.mark.parametrize("second", [link("1", "b"), link("2", "a")])
def test_a_side_has_one_confirmed_link(engine: Engine, cause: Cause, second: Link) -> None:
    with transaction(engine, cause) as session:
        links.import_links(session, [link("1", "a")], "ana", AT)
    with pytest.raises(Duplicate), transaction(engine, cause) as session:
        links.import_links(session, [link("8", "h"), second], "ana", AT)
    with reading(engine) as session:
        assert links.external_ids(session, *SCOPE) == {"1": "a"}


def test_an_import_is_idempotent(session: Session) -> None:
    assert links.import_links(session, [link("1", "a"), link("2", "b")], "ana", AT) == 2
    before = session.execute(text("SELECT count(*) FROM change_log")).scalar_one()
    assert links.import_links(session, [link("1", "a"), link("2", "b")], "ben", AT) == 0
    assert session.execute(text("SELECT count(*) FROM change_log")).scalar_one() == before


def test_a_retired_link_is_kept_and_can_come_back(session: Session) -> None:
    """M4: the old identity stays as an alias."""
    links.import_links(session, [link("1", "a")], "ana", AT)
    assert links.retire(session, link("1", "a"), AT)
    assert not links.retire(session, link("1", "a"), AT)
    links.import_links(session, [link("1", "b")], "ana", AT)
    assert links.external_ids(session, *SCOPE, ["1"]) == {"1": "b"}
    assert pairs(session, LinkState.RETIRED) == [("1", "a")]
    assert links.replace_proposals(session, *SCOPE, [proposal("1", "a", exact=True)]) == 0
    links.retire(session, link("1", "b"), AT)
    links.confirm(session, link("1", "a"), "ana", AT)
    assert links.external_ids(session, *SCOPE) == {"1": "a"}


def test_links_are_found_from_both_sides(session: Session) -> None:
    links.import_links(session, [link("1", "a"), link("2", "b")], "ana", AT)
    assert links.confirmed(session, *SCOPE, ["2", "3"]) == {"2": link("2", "b")}
    assert links.local_keys(session, *SCOPE, ["a", "x"]) == {"a": "1"}
    assert links.external_ids(session, System.SALESFORCE, LinkKind.CUSTOMER) == {}


def test_links_are_paged(session: Session) -> None:
    links.import_links(session, [link(str(n), f"x{n}") for n in range(5)], "ana", AT)
    first = links.page(session, limit=3)
    rest = links.page(session, limit=3, cursor=first.next_cursor)
    assert [one.local_key for one in first.items + rest.items] == ["0", "1", "2", "3", "4"]
    assert rest.next_cursor is None


def test_the_last_agreed_image_is_kept(session: Session) -> None:
    links.import_links(session, [link("1", "a")], "ana", AT)
    assert links.image_of(session, link("1", "a")) == Image(base=None, version_token=None)
    image = Image(base={"name": "Acme", "limit": "10.50"}, version_token="3")
    links.save_image(session, link("1", "a"), image)
    assert links.image_of(session, link("1", "a")) == image
    assert links.image_of(session, link("2", "b")) is None
    with pytest.raises(Missing):
        links.save_image(session, link("2", "b"), image)
