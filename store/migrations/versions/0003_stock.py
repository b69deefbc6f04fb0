"""Stock as statements with an instant: levels by bucket, feeds, events, promises, and what Salesforce shows of them."""

from __future__ import annotations

from collections.abc import Iterator

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from store.migrations.v1.provenance import append_only, track, untrack

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)
NOW = sa.text("now()")
TRACKED = {
    "stock_levels": ("sku", "warehouse"),
    "stock_feeds": ("warehouse",),
    "availabilities": ("sku", "warehouse"),
    "reservations": ("id",),
}
APPEND_ONLY = ("stock_events", "stock_policies", "order_acknowledgements")
PLAIN = ("stock_marks", "stock_statements", "stock_exports", "staged_departures")


def upgrade() -> None:
    # Nothing was ever written to the first stock_levels: no layout of stock was applied before this revision.
    _run(untrack("stock_levels"))
    op.drop_table("stock_levels")
    _levels()
    _feeds()
    _events()
    _promises()
    _reservations()
    _acknowledgements()
    op.create_index("ix_shipments_shipped_at", "shipments", ["shipped_at"])
    op.add_column("orders", sa.Column("first_seen_at", TIME, server_default=NOW, nullable=True))
    for table, key in TRACKED.items():
        _run(track(table, *key))
    for table in APPEND_ONLY:
        _run(append_only(table))


def downgrade() -> None:
    for table in TRACKED:
        _run(untrack(table))
    op.drop_column("orders", "first_seen_at")
    op.drop_index("ix_shipments_shipped_at", "shipments")
    for table in (*PLAIN, *APPEND_ONLY, *TRACKED):
        op.drop_table(table)
    _first_levels()
    _run(track("stock_levels", "sku", "warehouse"))


def _levels() -> None:
    op.create_table(
        "stock_levels",
        sa.Column("sku", sa.String(), nullable=False),
        sa.Column("warehouse", sa.String(), nullable=False),
        sa.Column("on_hand", sa.Numeric(), nullable=False),
        sa.Column("counts", JSONB(none_as_null=True), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("effective_at", TIME, nullable=False),
        sa.Column("sequence", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("event_id", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("follows", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("agreed", JSONB(none_as_null=True), nullable=True),
        sa.Column("held", JSONB(none_as_null=True), nullable=True),
        sa.CheckConstraint("state IN ('stated', 'absent', 'discontinued')", name=op.f("ck_stock_levels_state")),
        sa.PrimaryKeyConstraint("sku", "warehouse", name="pk_stock_levels"),
    )
    op.create_index("ix_stock_levels_warehouse", "stock_levels", ["warehouse"])
    op.create_index("ix_stock_levels_held", "stock_levels", ["sku"], postgresql_where=sa.text("held IS NOT NULL"))
    op.create_index("ix_stock_levels_left", "stock_levels", ["sku"], postgresql_where=sa.text("NOT follows"))


def _feeds() -> None:
    op.create_table(
        "stock_feeds",
        sa.Column("warehouse", sa.String(), nullable=False),
        sa.Column("layout", sa.String(), nullable=False),
        sa.Column("effective_at", TIME, nullable=False),
        sa.Column("sequence", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("event_id", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("closing", JSONB(none_as_null=True), nullable=True),
        sa.Column("missed", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("widened", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("warehouse", name="pk_stock_feeds"),
    )


def _events() -> None:
    op.create_table(
        "stock_events",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("effective_at", TIME, nullable=False),
        sa.Column("sequence", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("body", JSONB(none_as_null=True), nullable=False),
        sa.Column("applied_at", TIME, server_default=NOW, nullable=False),
        sa.CheckConstraint("kind IN ('snapshot', 'confirmation')", name=op.f("ck_stock_events_kind")),
        sa.PrimaryKeyConstraint("id", name="pk_stock_events"),
    )
    op.create_index("ix_stock_events_effective_at", "stock_events", ["effective_at"])
    op.create_table(
        "staged_departures",
        sa.Column("file_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["file_id"],
            ["source_files.id"],
            name=op.f("fk_staged_departures_file_id_source_files"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("file_id", "key", name="pk_staged_departures"),
    )
    op.create_table(
        "stock_exports",
        sa.Column("event_id", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("effective_at", TIME, nullable=False),
        sa.Column("visible_at", TIME, nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("p50_seconds", sa.Numeric(), nullable=True),
        sa.Column("p99_seconds", sa.Numeric(), nullable=True),
        sa.Column("finished_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("event_id", name="pk_stock_exports"),
    )
    op.create_index("ix_stock_exports_finished_at", "stock_exports", ["finished_at"])
    op.create_table(
        "stock_marks",
        sa.Column("sku", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("marked_at", TIME, server_default=NOW, nullable=False),
        sa.PrimaryKeyConstraint("sku", name="pk_stock_marks"),
    )
    op.create_table(
        "stock_policies",
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("body", JSONB(none_as_null=True), nullable=False),
        sa.Column("first_used_at", TIME, server_default=NOW, nullable=False),
        sa.PrimaryKeyConstraint("version", name="pk_stock_policies"),
    )


def _promises() -> None:
    op.create_table(
        "availabilities",
        sa.Column("sku", sa.String(), nullable=False),
        sa.Column("warehouse", sa.String(), nullable=False),
        sa.Column("value", sa.Numeric(), nullable=False),
        sa.Column("published", sa.Numeric(), nullable=True),
        sa.Column("confidence", sa.String(), nullable=False),
        sa.Column("as_of_at", TIME, nullable=True),
        sa.Column("sequence", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("on_hand", sa.Numeric(), nullable=False),
        sa.Column("allocated", sa.Numeric(), nullable=False),
        sa.Column("basis", sa.String(), nullable=False),
        sa.Column("held", sa.String(), nullable=True),
        sa.Column("given", JSONB(none_as_null=True), nullable=False),
        sa.Column("policy_version", sa.String(), nullable=False),
        sa.Column("content_hash", sa.String(), nullable=False),
        sa.Column("decided_at", TIME, nullable=False),
        sa.CheckConstraint(
            "confidence IN ('fresh', 'aging', 'stale', 'unknown')", name=op.f("ck_availabilities_confidence")
        ),
        sa.PrimaryKeyConstraint("sku", "warehouse", name="pk_availabilities"),
    )
    op.create_table(
        "stock_statements",
        sa.Column("sku", sa.String(), nullable=False),
        sa.Column("warehouse", sa.String(), nullable=False),
        sa.Column("content_hash", sa.String(), nullable=True),
        sa.Column("available", sa.Numeric(), nullable=True),
        sa.Column("as_of_at", TIME, nullable=True),
        sa.Column("sequence", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("refused", sa.String(), nullable=True),
        sa.Column("said_at", TIME, server_default=NOW, nullable=False),
        sa.PrimaryKeyConstraint("sku", "warehouse", name="pk_stock_statements"),
    )
    op.create_index(
        "ix_stock_statements_refused", "stock_statements", ["sku"], postgresql_where=sa.text("refused IS NOT NULL")
    )


def _reservations() -> None:
    op.create_table(
        "reservations",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("line_no", sa.BigInteger(), nullable=False),
        sa.Column("sku", sa.String(), nullable=False),
        sa.Column("warehouse", sa.String(), nullable=True),
        sa.Column("quantity", sa.Numeric(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("expires_at", TIME, nullable=False),
        sa.Column("order_number", sa.String(), nullable=True),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_reservations_quantity_positive")),
        sa.PrimaryKeyConstraint("id", name="pk_reservations"),
        sa.UniqueConstraint("reference", "line_no", "sku", name="uq_reservations_reference_line_no_sku"),
    )
    op.create_index("ix_reservations_sku", "reservations", ["sku"])
    op.create_index("ix_reservations_expires_at", "reservations", ["expires_at"])


def _acknowledgements() -> None:
    op.create_table(
        "order_acknowledgements",
        sa.Column("order_number", sa.String(), nullable=False),
        sa.Column("line_no", sa.BigInteger(), nullable=False),
        sa.Column("cut_at", TIME, nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("sku", sa.String(), nullable=True),
        sa.Column("allocated", sa.Numeric(), nullable=True),
        sa.Column("backordered", sa.Numeric(), server_default=sa.text("0"), nullable=False),
        sa.Column("promise_on", sa.Date(), nullable=True),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("source_file_id", sa.Uuid(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("received_at", TIME, server_default=NOW, nullable=False),
        sa.ForeignKeyConstraint(
            ["source_file_id"],
            ["source_files.id"],
            name=op.f("fk_order_acknowledgements_source_file_id_source_files"),
        ),
        sa.PrimaryKeyConstraint(
            "order_number", "line_no", "cut_at", "sequence", name="pk_order_acknowledgements"
        ),
    )
    op.create_index("ix_order_acknowledgements_sku", "order_acknowledgements", ["sku"])


def _first_levels() -> None:
    """The table as the first revision made it."""
    op.create_table(
        "stock_levels",
        sa.Column("sku", sa.String(), nullable=False),
        sa.Column("warehouse", sa.String(), nullable=False),
        sa.Column("on_hand", sa.Numeric(), nullable=False),
        sa.Column("allocated", sa.Numeric(), nullable=False),
        sa.Column("on_order", sa.Numeric(), nullable=False),
        sa.Column("status", sa.String(), nullable=True),
        sa.Column("effective_at", TIME, nullable=False),
        sa.Column("source_seq", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("sku", "warehouse", name="pk_stock_levels"),
    )
    op.create_index("ix_stock_levels_warehouse", "stock_levels", ["warehouse"])


def _run(statements: Iterator[str]) -> None:
    for statement in statements:
        op.execute(statement)
