"""Links with a role: many customers are billed to one record of QuickBooks, one at most is that record (case M6)."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from sqlalchemy import Engine, text
from sqlmodel import Session

from domain.errors import Duplicate, GatewayError, Malformed
from domain.links import Link, LinkKind, LinkRole, Proposal
from domain.sources import System
from store import history, links, merges
from store.causes import Cause
from store.schema import migrate, roll_back
from store.session import reading, transaction
from store.tables import LinkRow, LinkState

AT = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)
SCOPE = (System.QUICKBOOKS, LinkKind.CUSTOMER)
HEAD, EAST, WEST = "100", "101", "102"


def link(local_key: str, external_id: str, role: LinkRole = LinkRole.OWN) -> Link:
    return Link(
        kind=LinkKind.CUSTOMER,
        system=System.QUICKBOOKS,
        local_key=local_key,
        external_id=external_id,
        external_name=f"theirs {external_id}",
        role=role,
    )


def billed(local_key: str, external_id: str) -> Link:
    return link(local_key, external_id, LinkRole.BILLED_TO)


def proposal(local_key: str, external_id: str) -> Proposal:
    return Proposal(
        kind=LinkKind.CUSTOMER,
        system=System.QUICKBOOKS,
        local_key=local_key,
        local_name="ours",
        external_id=external_id,
        external_name="theirs",
        score=Decimal(1),
        exact=True,
        reason="same name",
    )


@pytest.fixture
def chain(session: Session) -> Session:
    """A head office and two branches that are billed to it."""
    links.import_links(session, [link(HEAD, "h"), billed(EAST, "h"), billed(WEST, "h")], "ana", AT)
    return session


def test_documents_go_under_the_record_and_the_record_is_the_head_office_alone(chain: Session) -> None:
    """Case M6: ours to theirs by both roles, theirs to ours by the record's own."""
    assert links.external_ids(chain, *SCOPE) == {HEAD: "h", EAST: "h", WEST: "h"}
    assert links.local_keys(chain, *SCOPE, ["h"]) == {"h": HEAD}
    assert {key: row.local_key for key, row in links.rows_by_external_id(chain, *SCOPE, ["h"]).items()} == {"h": HEAD}
    assert [one.local_key for one in links.billed_to(chain, *SCOPE, "h")] == [EAST, WEST]
    assert links.rows_of(chain, LinkKind.CUSTOMER, EAST) == {}
    assert links.own_id(chain, *SCOPE, EAST) is None
    assert links.own_id(chain, *SCOPE, HEAD) == "h"


def test_a_record_that_is_nobodys_own_has_branches_all_the_same(session: Session) -> None:
    links.import_links(session, [billed(EAST, "h"), billed(WEST, "h")], "ana", AT)
    assert links.external_ids(session, *SCOPE, [EAST]) == {EAST: "h"}
    assert links.local_keys(session, *SCOPE, ["h"]) == {}


@pytest.mark.parametrize(
    "second",
    [link("9", "h"), billed(EAST, "k"), link(EAST, "k"), link(EAST, "h"), billed(HEAD, "h"), billed(HEAD, "k")],
)
def test_a_record_is_one_customers_own_and_a_customer_goes_under_one_record(
    engine: Engine, cause: Cause, second: Link
) -> None:
    """Case M6: another partner and another role are refused, in an import and one by one."""
    with transaction(engine, cause) as session:
        links.import_links(session, [link(HEAD, "h"), billed(EAST, "h")], "ana", AT)
    with pytest.raises(Duplicate), transaction(engine, cause) as session:
        links.import_links(session, [billed("8", "h"), second], "ana", AT)
    with reading(engine) as session:
        assert links.external_ids(session, *SCOPE) == {HEAD: "h", EAST: "h"}


@pytest.mark.parametrize(
    ("kind", "system"),
    [(LinkKind.ITEM, System.QUICKBOOKS), (LinkKind.TERMS, System.QUICKBOOKS), (LinkKind.CUSTOMER, System.SALESFORCE)],
)
def test_only_a_customer_is_billed_to_a_record_of_quickbooks(
    engine: Engine, cause: Cause, kind: LinkKind, system: System
) -> None:
    wrong = billed(EAST, "h").model_copy(update={"kind": kind, "system": system})
    with pytest.raises(Malformed, match="Only a customer"), transaction(engine, cause) as session:
        links.import_links(session, [wrong], "ana", AT)
    insert = text("""
        INSERT INTO links (system, kind, local_key, external_id, external_name, role, state, score, reason)
        VALUES (:system, :kind, '1', 'h', '', 'billed_to', 'proposed', 1, 'by hand')
    """)
    with pytest.raises(GatewayError), transaction(engine, cause) as session:
        session.execute(insert, {"system": system.value, "kind": kind.value})


def test_a_role_is_changed_by_retiring_and_confirming_again(chain: Session) -> None:
    links.retire(chain, billed(EAST, "h"), AT)
    links.import_links(chain, [link(EAST, "e")], "ana", AT)
    assert links.own_id(chain, *SCOPE, EAST) == "e"
    assert links.local_keys_ever(chain, *SCOPE, ["h", "e"]) == {"h": HEAD, "e": EAST}
    links.retire(chain, link(EAST, "e"), AT)
    links.confirm(chain, billed(EAST, "h"), "ana", AT)
    assert links.external_ids(chain, *SCOPE, [EAST]) == {EAST: "h"}
    assert links.local_keys_ever(chain, *SCOPE, ["h", "e"]) == {"h": HEAD, "e": EAST}
    with pytest.raises(Duplicate, match="another role"):
        links.confirm(chain, link(EAST, "h"), "ana", AT)


def test_matching_never_makes_it_and_may_find_the_record_that_branches_are_billed_to(session: Session) -> None:
    """M3, M6: a record with branches is taken for the head office's own as soon as that is exact."""
    links.import_links(session, [billed(EAST, "h")], "ana", AT)
    links.replace_proposals(session, *SCOPE, [proposal(HEAD, "h"), proposal(EAST, "e")])
    (accepted,) = links.accept_exact(session, *SCOPE, "api", AT)
    assert (accepted.local_key, accepted.external_id, accepted.role) == (HEAD, "h", LinkRole.OWN)
    assert links.external_ids(session, *SCOPE) == {HEAD: "h", EAST: "h"}


def test_a_merge_is_followed_by_everybody(chain: Session) -> None:
    """M4, M5, M6: the link of the head office and those of its branches, which stay as aliases."""
    moved = links.move(chain, link(HEAD, "h"), "w", "Winner", AT)
    assert moved is not None
    assert links.external_ids(chain, *SCOPE) == {HEAD: "w", EAST: "w", WEST: "w"}
    assert links.local_keys_ever(chain, *SCOPE, ["h", "w"]) == {"h": HEAD, "w": HEAD}
    roles = {one.local_key: one.role for one in links.page(chain, state=LinkState.RETIRED).items}
    assert roles == {HEAD: LinkRole.OWN, EAST: LinkRole.BILLED_TO, WEST: LinkRole.BILLED_TO}
    assert merges.is_followed(chain, EAST, "h", "w")
    assert not merges.is_followed(chain, EAST, "h", "x")


def test_branches_follow_a_merge_that_the_head_office_cannot(chain: Session) -> None:
    """M5, M6: the record that is left is another one of ours; those who are billed to it do not mind."""
    links.import_links(chain, [link("200", "w")], "ana", AT)
    assert links.move(chain, link(HEAD, "h"), "w", "Winner", AT) is None
    assert links.external_ids(chain, *SCOPE) == {HEAD: "h", EAST: "w", WEST: "w", "200": "w"}
    assert links.move(chain, link(HEAD, "h"), "w", "Winner", AT) is None, "again changes nothing"


def test_a_merge_of_an_item_moves_no_customer_of_the_same_number(chain: Session) -> None:
    """M5, M6: ids of QuickBooks are unique in their kind alone."""
    item = link("PIPE", "h").model_copy(update={"kind": LinkKind.ITEM})
    links.import_links(chain, [item], "ana", AT)
    assert links.move(chain, item, "w", "Other pipe", AT) is not None
    assert links.external_ids(chain, *SCOPE) == {HEAD: "h", EAST: "h", WEST: "h"}


def test_links_are_narrowed_down_by_role_also_in_the_past(engine: Engine, cause: Cause) -> None:
    with transaction(engine, cause) as session:
        links.import_links(session, [link(HEAD, "h"), billed(EAST, "h")], "ana", AT)
    with transaction(engine, cause) as session:
        # As the log of a link that was confirmed before there were roles.
        session.execute(text("ALTER TABLE change_log DISABLE TRIGGER USER"))
        session.execute(text("UPDATE change_log SET after = after - 'role' WHERE after ->> 'role' = 'own'"))
        session.execute(text("ALTER TABLE change_log ENABLE TRIGGER USER"))
    now = datetime.now(UTC)
    with reading(engine) as session:
        for role, key in ((LinkRole.OWN, HEAD), (LinkRole.BILLED_TO, EAST)):
            assert [one.local_key for one in links.page(session, role=role).items] == [key]
            assert [one.local_key for one in links.past_page(session, now, {"role": role}).items] == [key]
        stood = history.rows_as_of(session, LinkRow, now, [f"quickbooks|customer|{HEAD}|h"])
        assert [row.role for row in stood.values()] == [LinkRole.OWN]


def test_a_former_version_keeps_what_is_a_records_own(engine: Engine, database_url: str, cause: Cause) -> None:
    """Back and forth: who was billed to somebody else's record has no link there, and waits for one."""
    with transaction(engine, cause) as session:
        links.import_links(session, [link(HEAD, "h"), billed(EAST, "h")], "ana", AT)
    engine.dispose()
    roll_back(database_url, "0020")
    with engine.connect() as connection:
        found = connection.execute(text("SELECT local_key, external_id FROM links")).all()
    assert [tuple(row) for row in found] == [(HEAD, "h")]
    engine.dispose()
    migrate(database_url)
    with transaction(engine, cause) as session:
        assert links.own_id(session, *SCOPE, HEAD) == "h"
        assert links.import_links(session, [billed(EAST, "h")], "ana", AT) == 1
