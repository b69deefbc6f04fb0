"""Branches whose invoices are booked under the head office's customer in QuickBooks (feature G-B2, case M6)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from sqlmodel import Session

from domain.exceptions import Cause
from domain.links import Link, LinkKind, LinkRole
from domain.sources import System
from store import balances, customers, links
from store.session import reading, transaction
from tests.activities.corrections import AUTOMATIC, check_kept, corrected, invoiced, stated
from tests.activities.documents import changes, id_of, item_id, lines, open_for, read_books
from tests.activities.worker import Worker
from tests.activities.world import CAUSE, House, amount_of, check_exactly_one, fresh_number
from tests.build import customer, order_for
from twins.quickbooks.exact_json import load_json


@dataclass
class Chain:
    """A head office with its record in QuickBooks, two branches of it, and another record there."""

    house: House
    head: str
    branches: tuple[str, str]
    theirs: str
    other: str

    def link(self, number: str, external_id: str = "", role: LinkRole = LinkRole.BILLED_TO) -> Link:
        return Link(
            kind=LinkKind.CUSTOMER,
            system=System.QUICKBOOKS,
            local_key=number,
            external_id=external_id or self.theirs,
            external_name="",
            role=role,
        )

    @property
    def own(self) -> Link:
        return self.link(self.head, role=LinkRole.OWN)

    def confirm(self, *given: Link) -> None:
        with transaction(self.house.engine, CAUSE) as session:
            links.import_links(session, given, "test", datetime.now(UTC))

    def retire(self, *given: Link) -> None:
        with transaction(self.house.engine, CAUSE) as session:
            for one in given:
                assert links.retire(session, one, datetime.now(UTC))

    def go_over(self, made: str, external_id: str) -> None:
        """An invoice goes under another customer in QuickBooks."""
        (there,) = self.house.books.billing(made)
        self.house.books.edit("Invoice", there["id"], CustomerRef={"value": external_id})


@pytest.fixture
def chain(house: House) -> Iterator[Chain]:
    """The head office and its branches are linked; at the end nothing of it is."""
    head, east, west, winner = (fresh_number("CH") for _ in range(4))
    house.books._call("POST", "seed", json={"customers": [{"name": f"Head {head}"}, {"name": f"Other {winner}"}]})
    rows = house.books.app.database.execute("SELECT body FROM entity WHERE kind = 'Customer'")
    ids = {one["DisplayName"]: one["Id"] for one in (load_json(body) for (body,) in rows)}
    with transaction(house.engine, CAUSE) as session:
        customers.upsert(session, [customer(one, name=f"Customer {one}") for one in (head, east, west)])
    made = Chain(house, head, (east, west), ids[f"Head {head}"], ids[f"Other {winner}"])
    made.confirm(made.own, *(made.link(one) for one in made.branches))
    yield made
    with transaction(house.engine, CAUSE) as session:
        for one in links.confirmed(session, System.QUICKBOOKS, LinkKind.CUSTOMER, [head, east, west]).values():
            links.retire(session, one, datetime.now(UTC))


@pytest.fixture
def automat(house: House) -> Iterator[Worker]:
    """A worker of a company that lets everything be made by itself."""
    one = Worker(house, corrections=AUTOMATIC)
    yield one
    one.close()


def test_each_branch_has_its_invoice_under_the_head_office(house: House, worker: Worker, chain: Chain) -> None:
    """Case M6: one invoice a shipment, all of them under one customer; a look at them finds nothing."""
    made = [stated(fresh_number("BR"), 10, customer_number=number) for number in (*chain.branches, chain.head)]
    house.order(*(order_for(one) for one in made))
    worker.prepare_range(house.deliver(*made))
    assert worker.bill(*(one.number for one in made)) == {}
    assert worker.bill(*(one.number for one in made)) == {}, "again makes no other"
    for one in made:
        check_exactly_one(house, one.number, amount_of(one))
        assert [there["customer_id"] for there in house.books.billing(one.number)] == [chain.theirs]
        assert [row.customer_number for row in house.invoices(one.number)] == [one.customer_number]
    worker.pull_invoices()
    for one in made:
        read_books(worker, invoices=[id_of(house, one)])
        assert house.open_work(one.number) == []
        assert "edited" not in changes(house, one)


def test_a_branchs_credit_goes_under_the_head_office(house: House, automat: Worker, chain: Chain) -> None:
    """Case M6, F9: and a further invoice, too."""
    less, more = (invoiced(house, automat, 10, customer_number=number) for number in chain.branches)
    corrected(house, automat, less, 8, customer_number=less.customer_number)
    corrected(house, automat, more, 12, customer_number=more.customer_number)
    assert automat.correct(less.number) is None
    assert automat.correct(more.number) is None
    check_kept(house, less.number, BOLT=8)
    check_kept(house, more.number, BOLT=12)
    (memo,) = house.books.credits(less.number)
    assert (memo["customer_id"], memo["total"]) == (chain.theirs, "2.23")
    assert {one["customer_id"] for one in house.books.billing(more.number)} == {chain.theirs}
    automat.pull_invoices()
    assert house.open_work(less.number) == house.open_work(more.number) == []


def test_a_branchs_invoice_under_a_wrong_record_is_found(house: House, worker: Worker, chain: Chain) -> None:
    """M6, E8: another branch's link tells nothing of it; put back, the question closes by itself."""
    east, west = chain.branches
    made = invoiced(house, worker, 10, customer_number=east)
    chain.retire(chain.link(west))
    chain.confirm(chain.link(west, chain.other))
    chain.go_over(made.number, chain.other)
    read_books(worker, invoices=[id_of(house, made)])
    (item,) = open_for(house, made, Cause.INVOICE_EDITED)
    assert "the customer was" in item.sentence
    chain.go_over(made.number, chain.theirs)
    read_books(worker, invoices=[id_of(house, made)])
    assert open_for(house, made, Cause.INVOICE_EDITED) == []


@pytest.mark.parametrize("is_own", [True, False])
def test_a_merge_of_the_head_office_edits_no_invoice(
    house: House, worker: Worker, chain: Chain, *, is_own: bool
) -> None:
    """M5, M6: all links follow, and so do the documents; whether the record is the head office's own or nobody's."""
    numbers = (*chain.branches, chain.head) if is_own else chain.branches
    if not is_own:
        chain.retire(chain.own)
    made = [invoiced(house, worker, 10, customer_number=number) for number in numbers]
    with transaction(house.engine, CAUSE) as session:
        if is_own:
            assert links.move(session, chain.own, chain.other, "Other", datetime.now(UTC)) is not None
        else:
            assert _billed_go_over(session, chain) == 2
    for one in made:
        chain.go_over(one.number, chain.other)
        read_books(worker, invoices=[id_of(house, one)])
        assert open_for(house, one, Cause.INVOICE_EDITED) == []
    house.books.edit("Invoice", id_of(house, made[0]), Line=lines(house, ("BOLT", "8", "1.115")))
    read_books(worker, invoices=[id_of(house, made[0])])
    (item,) = open_for(house, made[0], Cause.INVOICE_EDITED)
    assert (item.money_at_stake, "the customer was" in item.sentence) == (Decimal("2.23"), False)
    later = invoiced(house, worker, 5, customer_number=chain.branches[0])
    assert [one["customer_id"] for one in house.books.billing(later.number)] == [chain.other]


def test_a_second_invoice_of_a_branch_is_found_under_the_head_office(
    house: House, worker: Worker, chain: Chain
) -> None:
    """M6, E19."""
    made = invoiced(house, worker, 10, customer_number=chain.branches[0])
    house.books.set(warn_duplicate_numbers=False)
    house.books.invoice_by_hand(house.token(), chain.theirs, item_id(house, "BOLT"), "11.15", DocNumber=made.number)
    worker.pull_invoices()
    assert len(open_for(house, made, Cause.INVOICE_DUPLICATE)) == 1


def test_what_quickbooks_says_that_is_owed_is_the_head_offices(house: House, worker: Worker, chain: Chain) -> None:
    """M6, O17: a branch has no balance of its own there."""
    for number in chain.branches:
        invoiced(house, worker, 10, customer_number=number)
    worker.pull_invoices()
    with reading(house.engine) as session:
        found = balances.get_many(session, [chain.head, *chain.branches])
    assert list(found) == [chain.head]
    assert found[chain.head].balance >= Decimal("22.30")


def test_a_branch_waits_for_its_link_and_is_never_made_a_customer_there(
    house: House, worker: Worker, chain: Chain
) -> None:
    """M6, G-B2: retired, its shipments wait; confirmed again, they are billed."""
    branch = chain.branches[0]
    chain.retire(chain.link(branch))
    made = stated(fresh_number("BR"), 10, customer_number=branch)
    house.order(order_for(made))
    worker.prepare_range(house.deliver(made))
    assert list(worker.bill(made.number)) == [made.number]
    assert len(open_for(house, made, Cause.CUSTOMER_NOT_LINKED)) == 1
    place = house.books.place()
    chain.confirm(chain.link(branch))
    assert worker.bill(made.number) == {}
    check_exactly_one(house, made.number, amount_of(made))
    written = {one["path"].rsplit("/", 1)[1] for one in house.books.journal(place) if one["method"] == "POST"}
    assert "customer" not in written


def _billed_go_over(session: Session, chain: Chain) -> int:
    """As the flow of a branch does, where the record is nobody's own."""
    at, scope = datetime.now(UTC), (System.QUICKBOOKS, LinkKind.CUSTOMER)
    return links.move_billed(session, *scope, chain.theirs, chain.other, at)
