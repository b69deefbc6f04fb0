"""Customers who were merged in QuickBooks: what was billed to one is the same document under the other (case M5)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from activities.master_marking import mark_merged
from domain.exceptions import Cause, ExceptionState
from domain.links import Link, LinkKind
from domain.sources import System
from store import links
from store.session import transaction
from tests.activities.corrections import invoiced
from tests.activities.test_document_changes import changes, how_it_ended, id_of, lines, open_for, read_books
from tests.activities.worker import Worker
from tests.activities.world import CAUSE, House, fresh_number
from twins.quickbooks.exact_json import load_json


@pytest.fixture
def merged(house: House) -> Iterator[tuple[Link, Link]]:
    """The links of a customer who was merged into another record there: before, and after it has gone over."""
    name = f"Left of {fresh_number()}"
    house.books._call("POST", "seed", json={"customers": [{"name": name}]})
    rows = house.books.app.database.execute("SELECT body FROM entity WHERE kind = 'Customer'")
    winner = next(one["Id"] for one in (load_json(body) for (body,) in rows) if one["DisplayName"] == name)
    with transaction(house.engine, CAUSE) as session:
        before = links.confirmed(session, System.QUICKBOOKS, LinkKind.CUSTOMER, ["00000042"])["00000042"]
    after = before.model_copy(update={"external_id": winner, "external_name": name})
    yield before, after
    with transaction(house.engine, CAUSE) as session:
        links.retire(session, after, datetime.now(UTC))
        links.import_links(session, [before], "test", datetime.now(UTC))


def go_over(house: House, link: Link, winner: Link) -> None:
    with transaction(house.engine, CAUSE) as session:
        links.move(session, link, winner.external_id, winner.external_name, datetime.now(UTC))


def test_a_customer_who_was_merged_into_another_there_is_the_same(
    house: House, worker: Worker, merged: tuple[Link, Link]
) -> None:
    """M5, E8: invoices that go over to the record that is left are not edited, and other edits are told as ever."""
    made, late = (invoiced(house, worker, 10, customer_number="00000042") for _ in range(2))
    go_over(house, *merged)
    for one in (made, late):
        house.books.edit("Invoice", id_of(house, one), CustomerRef={"value": merged[1].external_id})
        read_books(worker, invoices=[id_of(house, one)])
    assert [row.edited for row in house.invoices(made.number)] == [False]
    assert "edited" not in changes(house, made)
    assert open_for(house, made, Cause.INVOICE_EDITED) == []
    house.books.edit("Invoice", id_of(house, late), Line=lines(house, ("BOLT", "8", "1.115")))
    read_books(worker, invoices=[id_of(house, late)])
    (item,) = open_for(house, late, Cause.INVOICE_EDITED)
    assert item.money_at_stake == Decimal("2.23")
    assert "the customer was" not in item.sentence


def test_a_merge_that_is_followed_late_closes_what_it_looked_like(
    house: House, worker: Worker, merged: tuple[Link, Link]
) -> None:
    """M5: the invoice was read before its customer's link went over."""
    made = invoiced(house, worker, 10, customer_number="00000042")
    house.books.edit("Invoice", id_of(house, made), CustomerRef={"value": merged[1].external_id})
    read_books(worker, invoices=[id_of(house, made)])
    (item,) = open_for(house, made, Cause.INVOICE_EDITED)
    go_over(house, *merged)
    house.books.send(house.token(), id_of(house, made))
    read_books(worker, invoices=[id_of(house, made)])
    assert open_for(house, made, Cause.INVOICE_EDITED) == []
    assert how_it_ended(house, item).state is ExceptionState.SELF_RESOLVED


def test_a_merge_that_no_link_can_follow_edits_no_invoice(
    house: House, worker: Worker, merged: tuple[Link, Link]
) -> None:
    """M5, M6: the record that is left is another customer's of ours; what is edited besides is told as ever."""
    loser, winner = merged
    other = winner.model_copy(update={"local_key": "00000099"})
    made, late = (invoiced(house, worker, 10, customer_number="00000042") for _ in range(2))
    with transaction(house.engine, CAUSE) as session:
        links.import_links(session, [other], "test", datetime.now(UTC))
        mark_merged(session, System.QUICKBOOKS, LinkKind.CUSTOMER, loser.external_id, winner.external_id)
    assert _went_over(house, loser, winner) is None
    for one in (made, late):
        house.books.edit("Invoice", id_of(house, one), CustomerRef={"value": winner.external_id})
        read_books(worker, invoices=[id_of(house, one)])
        assert open_for(house, one, Cause.INVOICE_EDITED) == []
    house.books.edit("Invoice", id_of(house, late), Line=lines(house, ("BOLT", "8", "1.115")))
    read_books(worker, invoices=[id_of(house, late)])
    (item,) = open_for(house, late, Cause.INVOICE_EDITED)
    assert item.money_at_stake == Decimal("2.23")
    assert open_for(house, made, Cause.INVOICE_EDITED) == []
    with transaction(house.engine, CAUSE) as session:
        links.retire(session, other, datetime.now(UTC))


def test_an_invoice_that_goes_to_a_customer_without_a_merge_is_edited(
    house: House, worker: Worker, merged: tuple[Link, Link]
) -> None:
    """M5, E8: only what is known to have been merged is left alone."""
    winner = merged[1].model_copy(update={"local_key": "00000098"})
    made = invoiced(house, worker, 10, customer_number="00000042")
    with transaction(house.engine, CAUSE) as session:
        links.import_links(session, [winner], "test", datetime.now(UTC))
    house.books.edit("Invoice", id_of(house, made), CustomerRef={"value": winner.external_id})
    read_books(worker, invoices=[id_of(house, made)])
    assert len(open_for(house, made, Cause.INVOICE_EDITED)) == 1
    with transaction(house.engine, CAUSE) as session:
        links.retire(session, winner, datetime.now(UTC))


def _went_over(house: House, link: Link, winner: Link) -> Link | None:
    with transaction(house.engine, CAUSE) as session:
        return links.move(session, link, winner.external_id, winner.external_name, datetime.now(UTC))
