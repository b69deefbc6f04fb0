"""What the ERP is told of orders, in files without a gap, and what it says came back."""

from __future__ import annotations

from collections.abc import Iterator

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from store.migrations.v1.provenance import append_only, frozen, track, untrack

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)
NOW = sa.text("now()")
TRACKED = {
    "order_files": ("sequence",),
    "order_messages": ("order_number", "revision"),
    "returns": ("rma", "shipment_number", "line_no"),
}
FILE = ("sequence", "name", "layout", "layout_digest", "sha256", "byte_count", "created_at", "replacements")
MESSAGE = ("order_number", "revision", "id", "action", "content_hash", "body", "added_at")


def upgrade() -> None:
    _files()
    _messages()
    _returns()
    for table, key in TRACKED.items():
        _run(track(table, *key))
    _run(append_only("order_file_contents"))
    _run(frozen("order_files", *FILE))
    _run(frozen("order_messages", *MESSAGE))


def downgrade() -> None:
    for table in TRACKED:
        _run(untrack(table))
    for table in ("returns", "order_messages", "order_file_contents", "order_files"):
        op.drop_table(table)


def _files() -> None:
    op.create_table(
        "order_files",
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("layout", sa.String(), nullable=False),
        sa.Column("layout_digest", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("byte_count", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(), server_default=sa.text("'intended'"), nullable=False),
        sa.Column("replacements", JSONB(none_as_null=True), server_default=sa.text("'[]'::jsonb"), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("written_at", TIME, nullable=True),
        sa.CheckConstraint("state IN ('intended', 'written')", name=op.f("ck_order_files_state")),
        sa.CheckConstraint("(state = 'written') = (written_at IS NOT NULL)", name=op.f("ck_order_files_written_when")),
        sa.PrimaryKeyConstraint("sequence", name="pk_order_files"),
        sa.UniqueConstraint("name", name="uq_order_files_name"),
    )
    # The next file is not made before the former is on disk: at most one is on its way.
    op.create_index(
        "ix_order_files_intended", "order_files", ["state"], unique=True, postgresql_where=sa.text("state = 'intended'")
    )
    op.create_table(
        "order_file_contents",
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["sequence"], ["order_files.sequence"], name=op.f("fk_order_file_contents_sequence_order_files")
        ),
        sa.PrimaryKeyConstraint("sequence", name="pk_order_file_contents"),
    )


def _messages() -> None:
    op.create_table(
        "order_messages",
        sa.Column("order_number", sa.String(), nullable=False),
        sa.Column("revision", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("content_hash", sa.String(), nullable=False),
        sa.Column("body", JSONB(none_as_null=True), nullable=False),
        sa.Column("added_at", TIME, nullable=False),
        sa.Column("file_sequence", sa.BigInteger(), nullable=True),
        sa.Column("refused", sa.String(), nullable=True),
        sa.CheckConstraint("action IN ('add', 'change', 'cancel')", name=op.f("ck_order_messages_action")),
        sa.CheckConstraint("revision >= 1", name=op.f("ck_order_messages_revision_positive")),
        sa.ForeignKeyConstraint(
            ["file_sequence"], ["order_files.sequence"], name=op.f("fk_order_messages_file_sequence_order_files")
        ),
        sa.PrimaryKeyConstraint("order_number", "revision", name="pk_order_messages"),
        sa.UniqueConstraint("id", name="uq_order_messages_id"),
    )
    op.create_index("ix_order_messages_file_sequence", "order_messages", ["file_sequence"])
    op.create_index(
        "ix_order_messages_unsent", "order_messages", ["id"], postgresql_where=sa.text("file_sequence IS NULL")
    )


def _returns() -> None:
    op.create_table(
        "returns",
        sa.Column("rma", sa.String(), nullable=False),
        sa.Column("shipment_number", sa.String(), nullable=False),
        sa.Column("line_no", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("order_number", sa.String(), nullable=False),
        sa.Column("sku", sa.String(), nullable=False),
        sa.Column("quantity", sa.Numeric(), nullable=False),
        sa.Column("uom", sa.String(), nullable=False),
        sa.Column("condition", sa.String(), nullable=False),
        sa.Column("received_on", sa.Date(), nullable=False),
        sa.Column("stated_at", TIME, nullable=False),
        sa.Column("sequence", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("arrived_at", TIME, nullable=False),
        sa.Column("source_file_id", sa.Uuid(), nullable=False),
        sa.Column("source_line", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("condition IN ('restock', 'damaged')", name=op.f("ck_returns_condition")),
        sa.CheckConstraint("quantity >= 0", name=op.f("ck_returns_quantity_not_negative")),
        sa.ForeignKeyConstraint(
            ["source_file_id"], ["source_files.id"], name=op.f("fk_returns_source_file_id_source_files")
        ),
        sa.PrimaryKeyConstraint("rma", "shipment_number", "line_no", name="pk_returns"),
    )
    op.create_index("ix_returns_order_number", "returns", ["order_number"])
    op.create_index("ix_returns_shipment_number", "returns", ["shipment_number"])


def _run(statements: Iterator[str]) -> None:
    for statement in statements:
        op.execute(statement)
