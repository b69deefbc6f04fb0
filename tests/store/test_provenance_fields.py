"""Provenance of fields: from any field to the line, the object, the decision and the person (feature G-B4)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Engine

from domain.billing import decide
from domain.exceptions import Cause as Why
from domain.files import StagedGroup
from store import customers, decisions, files, items, orders, provenance, shipments, staging
from store.causes import Cause, CauseSource
from store.provenance import FieldOrigin, Narrowed, Noun
from store.session import reading, transaction
from tests import build
from tests.store.books import SEEN_AT, held, new_file

ERP = CauseSource.ERP


def of(engine: Engine, noun: Noun, key: str, **narrowed: Any) -> dict[tuple[str, str], FieldOrigin]:
    """Fields by row and name."""
    with reading(engine) as session:
        found = provenance.fields(session, noun, key, Narrowed(**narrowed), limit=500)
    return {(one.row, one.field): one for one in found.items}


def stated(session: Any, file_id: UUID, *groups: StagedGroup) -> None:
    staging.stage(session, file_id, [list(groups)])


def group(seq: int, key: str, payload: dict[str, Any], line: int, *, items_at: tuple[int, ...] | None = None) -> Any:
    last = max(items_at) if items_at else line
    return StagedGroup(
        seq=seq, key=key, line_from=line, line_to=last, byte_from=0, byte_to=1, payload=payload, item_lines=items_at
    )


def test_a_master_field_names_its_line_while_staged_and_long_after(engine: Engine, cause: Cause) -> None:
    with transaction(engine, cause) as session:
        file_id = new_file(session, "ITMMST.S000007")
        stated(session, file_id, *(group(n, f"SKU-{n}", {}, n + 1) for n in range(1, 4)))
    where = Cause(source=ERP, actor="worker", reference={"file_id": str(file_id)}, workflow_id="erp-file/ab")
    with transaction(engine, where) as session:
        items.upsert(session, [build.item(f"SKU-{n}") for n in range(1, 4)])
    for _ in range(2):
        origin = of(engine, Noun.ITEMS, "SKU-2")["SKU-2", "description"].origin
        assert origin.file is not None
        assert (origin.file.filename, origin.file.line_from, origin.file.line_to) == ("ITMMST.S000007", 3, 3)
        assert (origin.system, origin.workflow_id) == ("erp", "erp-file/ab")
        with transaction(engine, cause) as session:
            staging.keep_lines(session, file_id)
            staging.keep_lines(session, file_id)
            staging.clear(session, file_id)


def test_each_line_of_a_shipment_names_its_own_line(engine: Engine, cause: Cause) -> None:
    shipment = build.shipment()
    numbers = [line.line_no for line in shipment.lines]
    with transaction(engine, cause) as session:
        file_id = new_file(session)
        places = tuple(12 + 2 * n for n in range(len(numbers)))
        one = group(1, "SH1", shipment.model_dump(mode="json"), 10, items_at=places)
        shipments.record(session, shipments.Stating(file_id, SEEN_AT, SEEN_AT), [one])
    found = of(engine, Noun.SHIPMENTS, "SH1")
    head = found["SH1", "carrier"].origin.file
    assert head is not None
    assert (head.line_from, head.line_to) == (10, 12 + 2 * (len(numbers) - 1))
    for place, number in enumerate(numbers):
        file = found[f"SH1|{number}", "quantity_shipped"].origin.file
        assert file is not None
        assert (file.line_from, file.line_to) == (12 + 2 * place, 12 + 2 * place)


def test_fields_that_changed_apart_have_origins_apart(engine: Engine, cause: Cause) -> None:
    """Only what differs is newer; what was there before is told as of a time."""
    with transaction(engine, cause) as session:
        customers.upsert(session, [build.customer("00000042", name="Old")])
    then = datetime.now(UTC)
    with transaction(engine, Cause(source=CauseSource.USER, actor="ana", reference={"exception": "x-1"})) as session:
        customers.upsert(session, [build.customer("00000042", name="New")])
    found = of(engine, Noun.CUSTOMERS, "00000042")
    name, terms = found["00000042", "name"], found["00000042", "number"]
    assert (name.value, name.origin.user, name.origin.exception_id) == ("New", "ana", "x-1")
    assert (terms.origin.user, terms.origin.actor) == (None, "worker")
    assert name.since > then > terms.since
    assert of(engine, Noun.CUSTOMERS, "00000042", as_of=then)["00000042", "name"].value == "Old"
    assert of(engine, Noun.CUSTOMERS, "00000042", as_of=datetime(2020, 1, 1, tzinfo=UTC)) == {}


def test_an_order_names_the_version_in_salesforce(engine: Engine) -> None:
    poll = Cause(source=CauseSource.SALESFORCE, actor="poll", workflow_id="orders-pull")
    order = build.order(number="SO1", external_id="801000000000001AAA")
    with transaction(engine, poll) as session:
        orders.upsert(session, [order])
    origin = of(engine, Noun.ORDERS, "SO1")["SO1", "status"].origin
    assert origin.record is not None
    assert (origin.record.system, origin.record.object, origin.record.id) == ("salesforce", "Order", order.external_id)
    assert datetime.fromisoformat(origin.record.version or "") == order.version_at


def test_a_state_names_the_decision_that_led_to_it(engine: Engine, cause: Cause) -> None:
    shipment = build.shipment()
    given = build.billing_input(shipment)
    said = decide(given)
    with transaction(engine, cause) as session:
        file_id = new_file(session)
        one = group(1, "SH1", shipment.model_dump(mode="json"), 10)
        shipments.record(session, shipments.Stating(file_id, SEEN_AT, SEEN_AT), [one])
    with transaction(engine, cause) as session:
        kept = decisions.Decision("billing", ("shipment", "SH1"), said.policy_version, given, said, SEEN_AT)
        decisions.keep(session, kept)
        row = shipments.lock_many(session, ["SH1"])["SH1"]
        shipments.set_state(session, row, shipments.ShipmentState.INTENDED, at=SEEN_AT)
    with reading(engine) as session:
        (decided,) = decisions.of_record(session, "shipment", "SH1")
    found = of(engine, Noun.SHIPMENTS, "SH1")
    assert found["SH1", "state"].origin.decision_id == str(decided.id)
    assert found["SH1", "carrier"].origin.decision_id is None


def test_history_is_newest_first_by_field_and_paged(engine: Engine, cause: Cause) -> None:
    for name in ("A", "B", "C"):
        with transaction(engine, cause) as session:
            customers.upsert(session, [build.customer("00000042", name=name)])
    with reading(engine) as session:
        first = provenance.history(session, Noun.CUSTOMERS, "00000042", Narrowed(field="name"), limit=2)
        rest = provenance.history(
            session, Noun.CUSTOMERS, "00000042", Narrowed(field="name"), limit=2, cursor=first.next_cursor
        )
    assert [(one.before, one.value) for one in (*first.items, *rest.items)] == [("B", "C"), ("A", "B"), (None, "A")]
    assert rest.next_cursor is None


def test_a_line_that_is_gone_is_known_as_of_a_time(engine: Engine, cause: Cause) -> None:
    """Lines of an order, one of which is taken away."""
    order = build.order(number="SO1", external_id="801000000000001AAA")
    with transaction(engine, cause) as session:
        orders.upsert(session, [order])
    then = datetime.now(UTC)
    kept = order.lines[:-1]
    fewer = order.model_copy(update={"lines": kept, "version_at": datetime.now(UTC)})
    with transaction(engine, cause) as session:
        orders.upsert(session, [fewer])
    gone = f"SO1|{order.lines[-1].line_no}"
    assert gone not in {row for row, _ in of(engine, Noun.ORDERS, "SO1")}
    assert gone in {row for row, _ in of(engine, Noun.ORDERS, "SO1", as_of=then)}


def test_fields_are_paged(engine: Engine, cause: Cause) -> None:
    with transaction(engine, cause) as session:
        customers.upsert(session, [build.customer("00000042")])
    whole, cursor = [], None
    while cursor or not whole:
        with reading(engine) as session:
            page = provenance.fields(session, Noun.CUSTOMERS, "00000042", limit=3, cursor=cursor)
        whole += [one.field for one in page.items]
        cursor = page.next_cursor
    assert len(whole) == len(set(whole)) > 6


def test_keys_with_a_wildcard_are_taken_as_they_are(engine: Engine, cause: Cause) -> None:
    with transaction(engine, cause) as session:
        items.upsert(session, [build.item("A_1"), build.item("AB1")])
        held(session, "A%", Why.UNKNOWN_ITEM)
    assert {row for row, _ in of(engine, Noun.ITEMS, "A_1", as_of=datetime.now(UTC))} == {"A_1"}
    assert of(engine, Noun.ITEMS, "%", as_of=datetime.now(UTC)) == {}


def test_a_file_that_is_not_there_is_no_place(engine: Engine, cause: Cause) -> None:
    where = Cause(source=ERP, actor="worker", reference={"file_id": "00000000-0000-0000-0000-000000000000"})
    with transaction(engine, where) as session:
        items.upsert(session, [build.item("A")])
        assert files.get(session, UUID(int=0)) is None
    assert of(engine, Noun.ITEMS, "A")["A", "description"].origin.file is None
