"""The change log: every change with its cause, only what changed, and nothing of it can be undone (G-B4, G-B6)."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Engine, text
from sqlmodel import Session

from domain.errors import Duplicate, Malformed, Permanent
from store.causes import Cause
from store.session import reading, transaction
from store.tables import (
    METADATA,
    InvoiceIntentRow,
    ShipmentRevisionRow,
    ShipmentRow,
    WarehouseRow,
)

AT = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)
UNTRACKED = {
    "passwords",  # no history may hold one; the audit trail says when they changed
    "request_keys",  # names of requests, for a day
    "sign_ins",  # who is signed in where, for a day
    "alert_messages",  # what was told, with its own states
    "alert_notices",  # what was told, with its own states
    "file_amendments",  # append-only: their own log
    "order_acknowledgements",  # append-only: their own log
    "order_file_contents",  # append-only: their own log
    "stock_events",  # append-only: their own log
    "staged_departures",
    "stock_exports",  # measured, not stated
    "stock_marks",  # work to do, gone when it is done
    "order_marks",  # work to do, gone when it is done
    "document_versions",  # append-only: their own log
    "new_orders",  # work to do, gone when it is done
    "reconciliation_findings",  # of a run, and chained with it
    "reconciliation_inputs",
    "reconciliations",  # certificates, chained
    "reservation_requests",  # append-only: their own log
    "stock_policies",  # append-only: their own log
    "stock_showings",  # append-only: their own log
    "stock_statements",  # what was said elsewhere, not what is true
    "master_marks",  # work to do, gone when it is done
    "master_plans",  # work to do, gone when it is done
    "master_sides",  # what others state, not what is true
    "master_writes",  # append-only but for their end: their own log
    "ownership_versions",  # append-only: their own log
    "master_statements",  # when something was stated, not what
    "statements",  # what was said elsewhere, not what is true
    "api_keys",
    "audit_chain",  # append-only, and chained
    "audit_entries",
    "change_log",
    "connection_tokens",
    "decisions",  # append-only: their own log
    "exception_rules",  # what company.toml says
    "file_lines",  # written once
    "file_rejects",
    "heartbeats",
    "inbox",
    "policy_proposals",  # every step of them is an audit entry
    "policy_uses",
    "shipment_revisions",  # append-only: their own log
    "source_file_names",
    "staged_groups",
    "sync_cursors",
}


def log(engine: Engine, table: str) -> list[Any]:
    with reading(engine) as session:
        query = text("SELECT * FROM change_log WHERE table_name = :table ORDER BY id")
        return list(session.execute(query, {"table": table}))


def shipment(number: str = "SHP-1") -> ShipmentRow:
    return ShipmentRow(
        number=number,
        order_number="SO-1",
        customer_number="0001",
        warehouse="01",
        shipped_at=AT,
        freight=Decimal("12.50"),
        content_hash="h",
        received_at=AT,
    )


def intent(generation: int = 1, **more: Any) -> InvoiceIntentRow:
    fields: dict[str, Any] = {"payload": {"total": "10.00"}, "payload_hash": "h", "intended_at": AT, **more}
    return InvoiceIntentRow(
        shipment_number="SHP-1",
        generation=generation,
        doc_number=f"SHP-1-{generation}",
        request_id=f"tw-{generation}",
        **fields,
    )


def test_every_canonical_table_is_tracked(engine: Engine) -> None:
    with engine.connect() as connection:
        found = connection.execute(
            text("SELECT tgrelid::regclass::text, count(*) FROM pg_trigger WHERE tgname LIKE 'capture_%' GROUP BY 1")
        )
        assert dict(found.all()) == dict.fromkeys(set(METADATA.tables) - UNTRACKED, 3)


def test_insert_update_delete_are_kept_with_their_cause(engine: Engine, cause: Cause) -> None:
    with transaction(engine, cause) as session:
        session.add(WarehouseRow(code="01", name="Main"))
    with transaction(engine, cause) as session:
        session.execute(text("UPDATE warehouses SET name = 'Central'"))
    with transaction(engine, cause) as session:
        session.execute(text("DELETE FROM warehouses"))
    rows = log(engine, "warehouses")
    assert [(row.operation, row.row_key, row.before, row.after) for row in rows] == [
        ("insert", "01", None, {"code": "01", "name": "Main"}),
        ("update", "01", {"name": "Main"}, {"name": "Central"}),
        ("delete", "01", {"code": "01", "name": "Central"}, None),
    ]
    assert {row.actor for row in rows} == {"worker"}
    assert rows[0].cause == {
        "source": "erp",
        "actor": "worker",
        "reference": {"file_id": "f-1", "line": 7},
        "workflow_id": "erp-file/abc",
    }
    assert len({row.transaction_id for row in rows}) == 3


def test_only_changed_columns_are_kept_and_nothing_where_nothing_changed(engine: Engine, cause: Cause) -> None:
    with transaction(engine, cause) as session:
        session.add_all([shipment("SHP-1"), shipment("SHP-2")])
    with transaction(engine, cause) as session:
        session.execute(text("UPDATE shipments SET carrier = 'UPS', hold_reason = NULL WHERE number = 'SHP-1'"))
        session.execute(text("UPDATE shipments SET freight = 12.500, warehouse = warehouse"))
    updates = [row for row in log(engine, "shipments") if row.operation == "update"]
    assert [(row.row_key, row.before, row.after) for row in updates] == [
        ("SHP-1", {"carrier": None}, {"carrier": "UPS"})
    ]


def test_money_in_the_log_is_exact(engine: Engine, cause: Cause) -> None:
    with transaction(engine, cause) as session:
        session.add(shipment())
    assert log(engine, "shipments")[0].after["freight"] == Decimal("12.50")


def test_a_change_past_the_product_is_kept_too(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO warehouses VALUES ('01', 'Main')"))
    [row] = log(engine, "warehouses")
    assert (row.cause, row.actor) == (None, "postgres")


def test_a_cause_ends_with_its_transaction(engine: Engine, cause: Cause) -> None:
    with transaction(engine, cause):
        pass
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO warehouses VALUES ('01', 'Main')"))
    assert log(engine, "warehouses")[0].cause is None


def test_a_row_as_of_a_time_can_be_built_from_its_log(engine: Engine, cause: Cause) -> None:
    for name in ("Main", "Central", "North"):
        with transaction(engine, cause) as session:
            session.merge(WarehouseRow(code="01", name=name))
    rows = log(engine, "warehouses")
    image: dict[str, Any] = {}
    for row in rows[:2]:
        image |= row.after
    assert image == {"code": "01", "name": "Central"}


@pytest.mark.parametrize("table", ["change_log", "decisions", "shipment_revisions"])
@pytest.mark.parametrize("statement", ["DELETE FROM {}", "TRUNCATE {}", "UPDATE {} SET {} = {}"])
def test_append_only_tables_refuse_every_other_write(engine: Engine, cause: Cause, table: str, statement: str) -> None:
    column = next(iter(METADATA.tables[table].primary_key)).name
    if table == "change_log":
        column = "actor"
    with pytest.raises(Permanent) as caught, transaction(engine, cause) as session:
        session.execute(text(statement.format(table, column, column)))
    assert caught.value.reason == table


def test_a_primary_key_never_changes(engine: Engine, cause: Cause) -> None:
    with transaction(engine, cause) as session:
        session.add(WarehouseRow(code="01", name="Main"))
    with pytest.raises(Permanent), transaction(engine, cause) as session:
        session.execute(text("UPDATE warehouses SET code = '02'"))


@pytest.mark.parametrize(
    "change",
    [
        """payload = '{"total": "99.00"}'""",
        "payload_hash = 'other'",
        "request_id = 'tw-other'",
        "doc_number = 'other'",
        "generation = 2",
        "intended_at = now()",
    ],
)
def test_what_was_intended_never_changes(engine: Engine, cause: Cause, change: str) -> None:
    with transaction(engine, cause) as session:
        session.add(shipment())
        session.flush()
        session.add(intent())
    with pytest.raises(Permanent) as caught, transaction(engine, cause) as session:
        session.execute(text(f"UPDATE invoice_intents SET {change}"))
    assert caught.value.reason == "invoice_intents"
    with transaction(engine, cause) as session:
        session.execute(text("UPDATE invoice_intents SET attempts = attempts + 1, sent_at = now()"))


def test_an_intent_is_never_deleted(engine: Engine, cause: Cause) -> None:
    with pytest.raises(Permanent), transaction(engine, cause) as session:
        session.execute(text("DELETE FROM invoice_intents"))


@pytest.mark.parametrize("state", ["intended", "uncertain", "booked"])
def test_a_second_live_intent_of_a_shipment_is_impossible(engine: Engine, cause: Cause, state: str) -> None:
    settled: dict[str, Any] = {"settled_at": AT, "quickbooks_id": "77"} if state == "booked" else {}
    with transaction(engine, cause) as session:
        session.add(shipment())
        session.flush()
        session.add(intent(1, state=state, **settled))
    with pytest.raises(Duplicate) as caught, transaction(engine, cause) as session:
        session.add(intent(2))
    assert caught.value.reason == "uq_invoice_intents_live"
    with transaction(engine, cause) as session:
        session.execute(text("UPDATE invoice_intents SET state = 'withdrawn', settled_at = now()"))
        session.add(intent(2))


@pytest.mark.parametrize(
    "broken",
    [
        {"state": "booked", "settled_at": AT},
        {"state": "booked", "quickbooks_id": "77"},
        {"state": "intended", "settled_at": AT},
        {"state": "sent"},
        {"batch_id": "b"},
        {"generation": 0},
    ],
)
def test_an_intent_cannot_say_what_is_not_so(session: Session, broken: dict[str, Any]) -> None:
    session.add(shipment())
    session.flush()
    nested = session.begin_nested()
    session.add(intent(**broken))
    with pytest.raises(Exception, match="ck_invoice_intents"):
        session.flush()
    nested.rollback()


def test_a_revision_is_kept_as_it_was_stated(engine: Engine, cause: Cause) -> None:
    """F8: what the ERP once stated is never changed or deleted."""
    with transaction(engine, cause) as session:
        session.add(shipment())
        session.flush()
        session.add(
            ShipmentRevisionRow(
                shipment_number="SHP-1", revision=1, content_hash="h", payload={}, stated_at=AT, received_at=AT
            )
        )
    for change in ("UPDATE shipment_revisions SET content_hash = 'x'", "DELETE FROM shipment_revisions"):
        with pytest.raises(Permanent), transaction(engine, cause) as session:
            session.execute(text(change))


def test_a_state_is_one_of_the_domains_words(engine: Engine, cause: Cause) -> None:
    with transaction(engine, cause) as session:
        session.add(shipment())
    with pytest.raises(Malformed) as caught, transaction(engine, cause) as session:
        session.execute(text("UPDATE shipments SET state = 'lost'"))
    assert caught.value.reason == "ck_shipments_state"


def test_capture_is_set_based_whatever_came_first(engine: Engine, cause: Cause) -> None:
    """Ten thousand rows are logged in one go, also on a connection whose plans were made for no rows at all."""
    with transaction(engine, cause) as session:
        session.execute(text("SET LOCAL statement_timeout = '30s'"))
        session.execute(text("UPDATE warehouses SET name = 'none'"))
        session.execute(
            text("INSERT INTO warehouses SELECT 'w' || n, 'Warehouse ' || n FROM generate_series(1, 10000) n")
        )
        session.execute(text("UPDATE warehouses SET name = name || '!'"))
    assert len(log(engine, "warehouses")) == 20000
