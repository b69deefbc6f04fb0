"""Branches whose documents are booked under their head office: right there, and nowhere else (case M6)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlmodel import Session

from domain.links import Link, LinkKind, LinkRole
from domain.reconciliation import Standing
from domain.sources import System
from store import links
from store.session import transaction
from tests.database import cloned
from tests.reconciliation.lived import BY, Json, Lived, lived_in
from tests.reconciliation.oracle import Said, said

LINKED = """
SELECT linked.local_key FROM links linked JOIN orders placed ON placed.customer_number = linked.local_key
WHERE linked.system = 'quickbooks' AND linked.kind = 'customer' AND linked.state = 'confirmed' AND linked.role = 'own'
GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 3
"""
BILLED = "SELECT DISTINCT customer_number FROM invoices ORDER BY 1"


@pytest.fixture(scope="module")
def chained(postgres_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Lived, list[Link]]]:
    """A company two of whose busiest customers are branches of the third; their links, the head office's last."""
    folder: Path = tmp_path_factory.mktemp("files")
    with cloned(postgres_url) as url, lived_in(url, folder) as lived:
        lived.begin()
        with transaction(lived.engine, BY) as session:
            found = links.confirmed(session, System.QUICKBOOKS, LinkKind.CUSTOMER, lived.column(LINKED))
            head, *others = found.values()
            for one in others:
                links.retire(session, one, datetime.now(UTC))
            branches = [
                head.model_copy(update={"local_key": one.local_key, "role": LinkRole.BILLED_TO}) for one in others
            ]
            links.import_links(session, branches, "test", datetime.now(UTC))
        lived.live()
        yield lived, [*branches, head]


def _documents(lived: Lived, customer: str) -> list[Json]:
    """The invoices of one of our customers, as the books have them."""
    query = f"SELECT quickbooks_id FROM invoices WHERE customer_number = '{customer}'"
    ids = set(lived.column(query))
    return [one for one in lived.books.ledger() if one["id"] in ids]


def _about(lived: Lived, document: Json) -> list[Said]:
    run_id = lived.reconcile().run_id
    return [one for one in said(lived.url, run_id) if one.name.record_key == document["id"]]


def test_what_is_booked_under_the_head_office_is_no_drift(chained: tuple[Lived, list[Link]]) -> None:
    """R3, R4, R10: invoices, credits, balances and links."""
    lived, found = chained
    assert {one.local_key for one in found} <= set(lived.column(BILLED))
    for one in found:
        assert {document["customer_id"] for document in _documents(lived, one.local_key)} == {one.external_id}
    concluded = lived.reconcile()
    assert said(lived.url, concluded.run_id) == []
    owed = lived.column("SELECT customer_number FROM customer_balances")
    assert {one.local_key for one in found} & set(owed) == {found[-1].local_key}


def test_a_branchs_invoice_that_went_under_a_wrong_customer_is_drift_until_it_is_heard_of(
    chained: tuple[Lived, list[Link]],
) -> None:
    """E8, R3: also where another branch of the head office is billed to that one now."""
    lived, (east, west, _) = chained
    document = _documents(lived, east.local_key)[0]
    other = next(one["customer_id"] for one in lived.books.ledger() if one["customer_id"] != document["customer_id"])
    lived.books.edit("Invoice", document["id"], CustomerRef={"value": other})
    with transaction(lived.engine, BY) as session:
        links.retire(session, west, datetime.now(UTC))
        links.import_links(session, [west.model_copy(update={"external_id": other})], "test", datetime.now(UTC))

    (drift,) = _about(lived, document)

    assert (drift.name.cause, drift.name.field, drift.standing) == ("invoice_edited", "customer_id", Standing.DRIFT)
    assert (drift.expected, drift.found) == (east.external_id, other)
    lived.hear()
    assert [one.standing for one in _about(lived, document)] == [Standing.HELD]
    lived.books.edit("Invoice", document["id"], CustomerRef={"value": east.external_id})
    with transaction(lived.engine, BY) as session:
        links.retire(session, west.model_copy(update={"external_id": other}), datetime.now(UTC))
        links.import_links(session, [west], "test", datetime.now(UTC))
    lived.hear()
    assert _about(lived, document) == []


@pytest.mark.parametrize("is_own", [True, False])
def test_a_merge_of_the_head_office_is_followed_by_the_documents_of_its_branches(
    chained: tuple[Lived, list[Link]], *, is_own: bool
) -> None:
    """M5, R3: by the link that went over, whose own the record was or nobody's."""
    lived, (east, _, head) = chained
    document = _documents(lived, east.local_key)[0]
    lived.books._call("POST", "seed", json={"customers": [{"name": f"Left of {is_own}"}]})
    winner = next(one for one in lived.quickbooks.candidates(LinkKind.CUSTOMER) if one.name == f"Left of {is_own}")
    with transaction(lived.engine, BY) as session:
        if is_own:
            assert links.move(session, head, winner.external_id, winner.name, datetime.now(UTC)) is not None
        else:
            _billed_go_over(session, head.external_id, winner.external_id)
    lived.books.edit("Invoice", document["id"], CustomerRef={"value": winner.external_id})
    assert _about(lived, document) == []
    lived.hear()
    assert lived.open_items("shipment") == []
    lived.books.edit("Invoice", document["id"], CustomerRef={"value": head.external_id})
    with transaction(lived.engine, BY) as session:
        _billed_go_over(session, winner.external_id, head.external_id)
        if is_own:
            links.retire(session, head.model_copy(update={"external_id": winner.external_id}), datetime.now(UTC))
            links.import_links(session, [head], "taken back", datetime.now(UTC))
    lived.hear()
    assert _about(lived, document) == []


def test_a_record_that_is_nobodys_own_is_looked_for_and_its_balance_is_nobodys(
    chained: tuple[Lived, list[Link]],
) -> None:
    """R4, R10."""
    lived, (_, west, head) = chained
    with transaction(lived.engine, BY) as session:
        links.retire(session, head, datetime.now(UTC))
    about_links = [one for one in said(lived.url, lived.reconcile().run_id) if one.name.rule in {"R4", "R10"}]
    assert about_links == []
    gone = west.model_copy(update={"external_id": "999999"})
    with transaction(lived.engine, BY) as session:
        links.retire(session, west, datetime.now(UTC))
        links.import_links(session, [gone], "test", datetime.now(UTC))
    found = [one.name for one in said(lived.url, lived.reconcile().run_id) if one.name.rule in {"R4", "R10"}]
    assert [(one.cause, one.record_key) for one in found] == [("link_target_missing", west.local_key)]
    with transaction(lived.engine, BY) as session:
        links.retire(session, gone, datetime.now(UTC))
        links.import_links(session, [west, head], "taken back", datetime.now(UTC))


def _billed_go_over(session: Session, loser: str, winner: str) -> None:
    links.move_billed(session, System.QUICKBOOKS, LinkKind.CUSTOMER, loser, winner, datetime.now(UTC))
