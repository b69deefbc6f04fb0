"""Version 1 of the tables of intake: the inbox, source files and what they hold; released, so never edited."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

# In the order of their making: those that refer to others come after them.
TABLES = ("inbox", "source_files", "source_file_names", "file_rejects", "staged_groups")


def create() -> None:
    """Make these tables and their indexes."""
    _inbox()
    _source_files()
    _source_file_names()
    _file_rejects()
    _staged_groups()


def _inbox() -> None:
    op.create_table(
        "inbox",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("external_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("payload", JSONB(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("workflow_type", sa.String(), nullable=False),
        sa.Column("workflow_id", sa.String(), nullable=False),
        sa.Column("workflow_input", JSONB(), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_inbox"),
        sa.UniqueConstraint("source", "external_id", name="uq_inbox_source_external_id"),
    )
    op.create_index(
        "ix_inbox_unstarted", "inbox", ["received_at", "id"], postgresql_where=sa.text("started_at IS NULL")
    )
    op.create_index("ix_inbox_workflow_id", "inbox", ["workflow_id"])


def _source_files() -> None:
    op.create_table(
        "source_files",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("filename", sa.String(), nullable=False),
        sa.Column("layout", sa.String(), nullable=False),
        sa.Column("entity", sa.String(), nullable=True),
        sa.Column("byte_count", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(), server_default=sa.text("'received'"), nullable=False),
        sa.Column("arrived_by", sa.String(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("visible_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("applied_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("record_count", sa.BigInteger(), nullable=True),
        sa.Column("group_count", sa.BigInteger(), nullable=True),
        sa.Column("rejected_group_count", sa.BigInteger(), nullable=True),
        sa.Column("reject_count", sa.BigInteger(), nullable=True),
        sa.Column("summary", JSONB(), nullable=True),
        sa.Column("error", sa.String(), nullable=True),
        sa.CheckConstraint("arrived_by IN ('http', 'folder')", name=op.f("ck_source_files_arrived_by")),
        sa.CheckConstraint(
            "entity IN ('shipment_confirmation', 'customer_master', 'item_master', 'inventory_snapshot', "
            "'order_ack', 'returns', 'order_export')",
            name=op.f("ck_source_files_entity"),
        ),
        sa.CheckConstraint(
            "state IN ('received', 'read', 'held', 'applied', 'refused')", name=op.f("ck_source_files_state")
        ),
        sa.PrimaryKeyConstraint("id", name="pk_source_files"),
        sa.UniqueConstraint("sha256", name="uq_source_files_sha256"),
    )
    op.create_index("ix_source_files_layout_sequence", "source_files", ["layout", "sequence"])
    op.create_index("ix_source_files_received_at_id", "source_files", ["received_at", "id"])


def _source_file_names() -> None:
    op.create_table(
        "source_file_names",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("file_id", sa.Uuid(), nullable=False),
        sa.Column("filename", sa.String(), nullable=False),
        sa.Column("arrived_by", sa.String(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["file_id"], ["source_files.id"], name="fk_source_file_names_file_id_source_files", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_source_file_names"),
    )
    op.create_index("ix_source_file_names_file_id", "source_file_names", ["file_id"])


def _file_rejects() -> None:
    op.create_table(
        "file_rejects",
        sa.Column("file_id", sa.Uuid(), nullable=False),
        sa.Column("n", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("severity", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("message", sa.String(), nullable=False),
        sa.Column("remedy", sa.String(), nullable=False),
        sa.Column("line", sa.BigInteger(), nullable=True),
        sa.Column("record_no", sa.BigInteger(), nullable=True),
        sa.Column("byte_offset", sa.BigInteger(), nullable=True),
        sa.Column("record_type", sa.String(), nullable=True),
        sa.Column("group_key", sa.String(), nullable=True),
        sa.Column("field", sa.String(), nullable=True),
        sa.Column("column_from", sa.Integer(), nullable=True),
        sa.Column("column_to", sa.Integer(), nullable=True),
        sa.Column("text", sa.String(), nullable=True),
        sa.Column("raw", sa.String(), nullable=True),
        sa.CheckConstraint("severity IN ('file', 'group', 'warning')", name=op.f("ck_file_rejects_severity")),
        sa.ForeignKeyConstraint(
            ["file_id"], ["source_files.id"], name="fk_file_rejects_file_id_source_files", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("file_id", "n", name="pk_file_rejects"),
    )


def _staged_groups() -> None:
    op.create_table(
        "staged_groups",
        sa.Column("file_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("line_from", sa.BigInteger(), nullable=False),
        sa.Column("line_to", sa.BigInteger(), nullable=False),
        sa.Column("byte_from", sa.BigInteger(), nullable=False),
        sa.Column("byte_to", sa.BigInteger(), nullable=False),
        sa.Column("payload", JSONB(), nullable=False),
        sa.CheckConstraint("seq >= 1", name=op.f("ck_staged_groups_seq_positive")),
        sa.ForeignKeyConstraint(
            ["file_id"], ["source_files.id"], name="fk_staged_groups_file_id_source_files", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("file_id", "seq", name="pk_staged_groups"),
    )
    op.create_index("ix_staged_groups_file_id_key", "staged_groups", ["file_id", "key"])
