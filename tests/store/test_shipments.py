"""Shipments in the store: statements, revisions, and what was left lying."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine
from sqlmodel import Session

from domain.exceptions import Cause as Why
from domain.exceptions import Choice, ExceptionKind, Finding, Resolution
from domain.files import StagedGroup
from domain.shipments import Shipment, ShipmentState, content_hash
from store import exceptions, files, shipments
from store.causes import Cause
from store.files import FileArrival
from store.session import reading, transaction
from store.tables.shipments import ShipmentRow
from tests.build import line, shipment

SEEN_AT = datetime(2026, 11, 23, 14, 0, tzinfo=UTC)
LATER = SEEN_AT + timedelta(hours=1)


@pytest.fixture
def file_id(session: Session) -> UUID:
    return new_file(session)


def new_file(session: Session) -> UUID:
    arrival = FileArrival(sha256=uuid4().hex, filename="SHPCNF.DAT", layout="shpcnf", byte_count=1, arrived_by="folder")
    return files.register(session, arrival)[0].id


def group(stated: Shipment, seq: int = 1) -> StagedGroup:
    payload = stated.model_dump(mode="json")
    places = {"line_from": seq * 10, "line_to": seq * 10 + 4, "byte_from": 0, "byte_to": 1}
    return StagedGroup(seq=seq, key=stated.number, payload=payload, **places)


def record(session: Session, file_id: UUID, *stated: Shipment) -> list[str]:
    return shipments.record(
        session,
        shipments.Stating(file_id=file_id, seen_at=SEEN_AT, stated_at=datetime.now(UTC)),
        [group(one, seq) for seq, one in enumerate(stated, 1)],
    )


def row(session: Session, number: str = "SH1") -> ShipmentRow:
    return shipments.lock_many(session, [number])[number]


def stored(session: Session, number: str = "SH1") -> Shipment:
    return shipments.shipment_from(row(session, number), shipments.lines_of(session, [number])[number])


def held(session: Session, number: str = "SH1", why: Why = Why.UNKNOWN_ITEM) -> str:
    finding = Finding(kind=ExceptionKind.HOLD, cause=why, sentence="No such item.", choices=(Choice.RETRY,))
    return exceptions.open_item(
        session,
        finding=finding,
        findings=[finding],
        choices=finding.choices,
        record=("shipment", number),
        money_at_stake=Decimal(1),
        owner="billing",
        workflow_id=None,
    )


def decided(session: Session, exception_id: str, at: datetime) -> None:
    resolution = Resolution(
        exception_id=exception_id, choice=Choice.RETRY, reason="sample", decided_by="ana", decided_at=at
    )
    exceptions.resolve(session, resolution)


def test_a_statement_comes_back_as_it_was_stated(session: Session, file_id: UUID) -> None:
    stated = shipment(line(2, unit_price=Decimal("0.0375")), line(1, lot="L-7"), freight=Decimal("12.50"))
    assert record(session, file_id, stated) == ["SH1"]
    assert content_hash(stored(session)) == content_hash(
        stated.model_copy(update={"lines": tuple(sorted(stated.lines, key=lambda one: one.line_no))})
    )
    found = row(session)
    assert (found.state, found.revision, found.received_at) == (ShipmentState.RECEIVED, 1, SEEN_AT)
    assert (found.source_file_id, found.source_line) == (file_id, 10)


def test_the_same_content_again_changes_nothing(session: Session, file_id: UUID) -> None:
    """F4, F8: also in another file, and with numbers written otherwise."""
    record(session, file_id, shipment(freight=Decimal("4.5")))
    other = new_file(session)
    assert record(session, other, shipment(freight=Decimal("4.50")), shipment(freight=Decimal("4.500"))) == ["SH1"]
    assert (row(session).source_file_id, len(shipments.revisions_of(session, ["SH1"])["SH1"])) == (file_id, 1)


def test_an_older_statement_that_comes_late_changes_nothing(session: Session, file_id: UUID) -> None:
    """F7: what counts is when the ERP said it, not when it came; it is kept all the same."""
    record(session, file_id, shipment(line(1, quantity_shipped=Decimal(8))))
    late = shipments.Stating(file_id=new_file(session), seen_at=LATER, stated_at=SEEN_AT - timedelta(days=1))
    shipments.record(session, late, [group(shipment(line(1, quantity_shipped=Decimal(10))))])
    assert [one.quantity_shipped for one in stored(session).lines] == [Decimal(8)]
    assert (row(session).revision, len(shipments.revisions_of(session, ["SH1"])["SH1"])) == (1, 2)


def test_what_was_stated_first_counts_again_when_it_is_stated_again(session: Session, file_id: UUID) -> None:
    """F8: ten, corrected to eight, corrected back to ten."""
    for quantity in (10, 8, 10):
        record(session, new_file(session), shipment(line(1, quantity_shipped=Decimal(quantity))))
    assert [one.quantity_shipped for one in stored(session).lines] == [Decimal(10)]
    assert row(session).revision == 3


def test_recording_a_file_twice_adds_no_revision(session: Session, file_id: UUID) -> None:
    """A retried step after a lost answer."""
    record(session, file_id, shipment(line(1, quantity_shipped=Decimal(8))))
    record(session, new_file(session), shipment(line(1, quantity_shipped=Decimal(10))))
    record(session, file_id, shipment(line(1, quantity_shipped=Decimal(8))))
    assert [one.quantity_shipped for one in stored(session).lines] == [Decimal(10)]


def test_new_content_of_an_unbilled_shipment_replaces_it_and_starts_anew(session: Session, file_id: UUID) -> None:
    """F8: lines that are gone are gone."""
    record(session, file_id, shipment(line(1), line(2, sku="NUT")))
    shipments.set_state(session, row(session), ShipmentState.HELD, reason="no such item")
    other = new_file(session)
    record(session, other, shipment(line(1, quantity_shipped=Decimal(3))))
    found = row(session)
    assert (found.state, found.hold_reason, found.revision) == (ShipmentState.RECEIVED, None, 2)
    assert (found.source_file_id, found.received_at) == (other, SEEN_AT)
    assert [one.quantity_shipped for one in stored(session).lines] == [Decimal(3)]


@pytest.mark.parametrize("state", [ShipmentState.INTENDED, ShipmentState.INVOICED])
def test_new_content_of_a_billed_shipment_only_becomes_a_revision(
    session: Session, file_id: UUID, state: ShipmentState
) -> None:
    """F9: what is billed stays as it was billed, until a person says otherwise."""
    record(session, file_id, shipment())
    shipments.set_state(session, row(session), state, at=SEEN_AT)
    later = shipment(line(1, quantity_shipped=Decimal(3)))
    record(session, file_id, later)
    assert (row(session).revision, stored(session)) == (1, shipment())
    newest = shipments.revisions_of(session, ["SH1"])["SH1"][-1]
    assert Shipment.model_validate(newest.payload) == later
    shipments.restate(session, row(session), later, newest)
    assert (row(session).revision, row(session).state, stored(session)) == (2, state, later)


def test_two_statements_in_one_file_are_two_revisions_the_last_one_stands(session: Session, file_id: UUID) -> None:
    """F8."""
    first, last = shipment(), shipment(line(1, quantity_shipped=Decimal(3)))
    assert record(session, file_id, first, shipment(number="SH2"), last) == ["SH1", "SH2"]
    assert (stored(session), row(session).revision) == (last, 2)
    assert [one.line_from for one in shipments.revisions_of(session, ["SH1"])["SH1"]] == [10, 30]


def test_a_revision_is_dated_by_when_it_became_known(session: Session, file_id: UUID) -> None:
    """What people decided before they could know of a statement does not bind it."""
    record(session, file_id, shipment())
    (revision,) = shipments.revisions_of(session, ["SH1"])["SH1"]
    assert datetime.now(UTC) - revision.received_at < timedelta(minutes=1)


def test_times_go_into_the_latency_ledger_once(session: Session, file_id: UUID) -> None:
    """G-E1."""
    record(session, file_id, shipment())
    shipments.set_state(session, row(session), ShipmentState.INTENDED, at=SEEN_AT)
    shipments.set_state(session, row(session), ShipmentState.INVOICED, at=LATER)
    shipments.set_state(session, row(session), ShipmentState.INVOICED, at=LATER + timedelta(hours=1))
    session.flush()
    shipments.mark_published(session, ["SH1"], LATER)
    shipments.mark_published(session, ["SH1"], LATER + timedelta(hours=1))
    session.expire_all()
    found = row(session)
    assert (found.intended_at, found.booked_at, found.published_at) == (SEEN_AT, LATER, LATER)


def test_only_invoiced_shipments_are_marked_as_published(session: Session, file_id: UUID) -> None:
    record(session, file_id, shipment())
    shipments.mark_published(session, ["SH1"], LATER)
    session.expire_all()
    assert row(session).published_at is None


def test_what_lies_unexplained_is_stranded(session: Session, file_id: UUID) -> None:
    record(session, file_id, *(shipment(number=number) for number in ("A", "B", "C", "D", "E")))
    shipments.set_state(session, row(session, "B"), ShipmentState.INTENDED, at=SEEN_AT)
    shipments.set_state(session, row(session, "C"), ShipmentState.INTENDED, at=LATER)
    shipments.set_state(session, row(session, "D"), ShipmentState.NOT_BILLED)
    held(session, "E")
    session.flush()
    assert shipments.stranded(session, SEEN_AT) == []
    assert sorted(shipments.stranded(session, SEEN_AT + timedelta(minutes=3))) == ["A", "B"]
    assert len(shipments.stranded(session, SEEN_AT + timedelta(minutes=3), limit=1)) == 1


def test_a_decision_that_nobody_acted_upon_is_stranded(session: Session, file_id: UUID) -> None:
    """Temporal was away when a person decided: the decision stands, and the sweep goes on with it."""
    record(session, file_id, shipment())
    shipments.set_state(session, row(session), ShipmentState.HELD, reason="no such item")
    exception_id = held(session)
    assert shipments.stranded(session, LATER) == []
    decided(session, exception_id, LATER)
    assert shipments.stranded(session, LATER) == ["SH1"]


def test_a_correction_that_nobody_looked_at_is_stranded(session: Session, file_id: UUID) -> None:
    """F9: the ERP's newest word on an invoiced shipment, and no work on it."""
    record(session, file_id, shipment())
    shipments.set_state(session, row(session), ShipmentState.INVOICED, at=SEEN_AT)
    later, soon = shipment(freight=Decimal(9)), datetime.now(UTC) + timedelta(minutes=5)
    record(session, file_id, later)
    assert shipments.stranded(session, soon) == ["SH1"]
    exception_id = held(session, why=Why.CORRECTION_AFTER_INVOICE)
    assert shipments.stranded(session, soon) == []
    decided(session, exception_id, SEEN_AT)
    assert shipments.stranded(session, soon) == ["SH1"]
    shipments.restate(session, row(session), later, shipments.revisions_of(session, ["SH1"])["SH1"][-1])
    session.flush()
    assert shipments.stranded(session, soon) == []


def test_corrections_of_several_shipments_are_told_apart(session: Session, file_id: UUID) -> None:
    """F9: two invoiced shipments are stated otherwise; each by its own statements."""
    numbers = ("SH1", "SH2", "SH3")
    record(session, file_id, *(shipment(number=number) for number in numbers))
    for number in numbers:
        shipments.set_state(session, row(session, number), ShipmentState.INVOICED, at=SEEN_AT)
    record(session, new_file(session), *(shipment(number=number, freight=Decimal(9)) for number in numbers[:2]))
    soon = datetime.now(UTC) + timedelta(minutes=5)
    assert sorted(shipments.stranded(session, soon)) == ["SH1", "SH2"]


def test_what_waits_is_looked_at_again_now_and_then(session: Session, file_id: UUID) -> None:
    """What it waits for may have come in the moment in which it was being held."""
    record(session, file_id, shipment(), shipment(number="SH2"), shipment(number="SH3"))
    for number, state in (
        ("SH1", ShipmentState.HELD),
        ("SH2", ShipmentState.INTENDED),
        ("SH3", ShipmentState.INVOICED),
    ):
        shipments.set_state(session, row(session, number), state, at=SEEN_AT)
        held(session, number)
    held(session, "SH1", why=Why.UNKNOWN_ORDER)
    session.flush()
    soon = datetime.now(UTC) + timedelta(minutes=1)
    assert sorted(shipments.unattended(session, soon)) == ["SH1", "SH2"]
    assert shipments.unattended(session, SEEN_AT) == []


def test_a_shipment_that_two_files_bring_at_once_is_recorded_once(engine: Engine, cause: Cause) -> None:
    """F8: the second file waits for the first, and finds what that one wrote."""
    from concurrent.futures import ThreadPoolExecutor

    def bring(freight: Decimal) -> None:
        with transaction(engine, cause) as session:
            record(session, new_file(session), shipment(number="SH2"), shipment(freight=freight))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(bring, [Decimal(1), Decimal(1), Decimal(2), Decimal(2)]))
    with reading(engine) as session:
        revisions = shipments.revisions_of(session, ["SH1", "SH2"])
        assert [one.revision for one in revisions["SH1"]] == list(range(1, len(revisions["SH1"]) + 1))
        assert [one.revision for one in revisions["SH2"]] == [1]
        standing, counts = session.get(ShipmentRow, "SH1"), shipments.newest(revisions["SH1"])
        assert standing is not None
        assert counts is not None
        assert (standing.revision, standing.content_hash) == (counts.revision, counts.content_hash)


def test_shipments_of_orders_and_counts(session: Session, file_id: UUID) -> None:
    record(session, file_id, shipment(), shipment(number="SH2"), shipment(number="SH3", order_number="SO3"))
    shipments.set_state(session, row(session, "SH3"), ShipmentState.NOT_BILLED)
    session.flush()
    assert sorted(shipments.of_orders(session, ["SO1"])) == ["SH1", "SH2"]
    assert shipments.counts_by_state(session, file_id) == {"received": 2, "not_billed": 1}
