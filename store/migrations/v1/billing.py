"""Version 1 of the tables of shipments, invoice intents and invoices; released, so never edited."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

# In the order of their making: those that refer to others come after them.
TABLES = ("shipments", "shipment_lines", "shipment_revisions", "invoice_intents", "invoices", "invoice_lines")


def create() -> None:
    """Make these tables and their indexes."""
    _shipments()
    _shipment_lines()
    _shipment_revisions()
    _invoice_intents()
    _invoices()
    _invoice_lines()


def _shipments() -> None:
    op.create_table(
        "shipments",
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("revision", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("state", sa.String(), server_default=sa.text("'received'"), nullable=False),
        sa.Column("hold_reason", sa.String(), nullable=True),
        sa.Column("order_number", sa.String(), nullable=False),
        sa.Column("customer_number", sa.String(), nullable=False),
        sa.Column("warehouse", sa.String(), nullable=False),
        sa.Column("shipped_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("carrier", sa.String(), nullable=True),
        sa.Column("tracking", sa.String(), nullable=True),
        sa.Column("freight", sa.Numeric(), server_default=sa.text("0"), nullable=False),
        sa.Column("purchase_order", sa.String(), nullable=True),
        sa.Column("content_hash", sa.String(), nullable=False),
        sa.Column("source_file_id", sa.Uuid(), nullable=True),
        sa.Column("source_line", sa.BigInteger(), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("intended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("booked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('received', 'held', 'intended', 'invoiced', 'not_billed')", name=op.f("ck_shipments_state")
        ),
        sa.CheckConstraint("revision >= 1", name=op.f("ck_shipments_revision_positive")),
        sa.ForeignKeyConstraint(
            ["source_file_id"], ["source_files.id"], name="fk_shipments_source_file_id_source_files"
        ),
        sa.PrimaryKeyConstraint("number", name="pk_shipments"),
    )
    op.create_index("ix_shipments_customer_number", "shipments", ["customer_number"])
    op.create_index("ix_shipments_order_number", "shipments", ["order_number"])
    op.create_index("ix_shipments_received_at_number", "shipments", ["received_at", "number"])
    op.create_index("ix_shipments_source_file_id", "shipments", ["source_file_id"])
    op.create_index("ix_shipments_state_received_at", "shipments", ["state", "received_at"])


def _shipment_lines() -> None:
    op.create_table(
        "shipment_lines",
        sa.Column("shipment_number", sa.String(), nullable=False),
        sa.Column("line_no", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("sku", sa.String(), nullable=False),
        sa.Column("quantity_ordered", sa.Numeric(), nullable=False),
        sa.Column("quantity_shipped", sa.Numeric(), nullable=False),
        sa.Column("uom", sa.String(), nullable=False),
        sa.Column("unit_price", sa.Numeric(), nullable=False),
        sa.Column("lot", sa.String(), nullable=True),
        sa.Column("reason", sa.String(), nullable=True),
        sa.CheckConstraint("reason IN ('backordered', 'short_closed')", name=op.f("ck_shipment_lines_reason")),
        sa.ForeignKeyConstraint(
            ["shipment_number"],
            ["shipments.number"],
            name="fk_shipment_lines_shipment_number_shipments",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("shipment_number", "line_no", name="pk_shipment_lines"),
    )
    op.create_index("ix_shipment_lines_sku", "shipment_lines", ["sku"])


def _shipment_revisions() -> None:
    op.create_table(
        "shipment_revisions",
        sa.Column("shipment_number", sa.String(), nullable=False),
        sa.Column("revision", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("content_hash", sa.String(), nullable=False),
        sa.Column("payload", JSONB(), nullable=False),
        sa.Column("source_file_id", sa.Uuid(), nullable=True),
        sa.Column("line_from", sa.BigInteger(), nullable=True),
        sa.Column("line_to", sa.BigInteger(), nullable=True),
        sa.Column("stated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("revision >= 1", name=op.f("ck_shipment_revisions_revision_positive")),
        sa.ForeignKeyConstraint(
            ["shipment_number"], ["shipments.number"], name="fk_shipment_revisions_shipment_number_shipments"
        ),
        sa.ForeignKeyConstraint(
            ["source_file_id"], ["source_files.id"], name="fk_shipment_revisions_source_file_id_source_files"
        ),
        sa.PrimaryKeyConstraint("shipment_number", "revision", name="pk_shipment_revisions"),
    )
    op.create_index("ix_shipment_revisions_source_file_id", "shipment_revisions", ["source_file_id"])


def _invoice_intents() -> None:
    op.create_table(
        "invoice_intents",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("shipment_number", sa.String(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), server_default=sa.text("'intended'"), nullable=False),
        sa.Column("doc_number", sa.String(), nullable=False),
        sa.Column("request_id", sa.String(), nullable=False),
        sa.Column("batch_id", sa.String(), nullable=True),
        sa.Column("batch_item", sa.String(), nullable=True),
        sa.Column("payload", JSONB(), nullable=False),
        sa.Column("payload_hash", sa.String(), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("intended_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("quickbooks_id", sa.String(), nullable=True),
        sa.Column("refusal_code", sa.String(), nullable=True),
        sa.Column("refusal_detail", sa.String(), nullable=True),
        sa.CheckConstraint(
            "(state IN ('booked', 'refused', 'withdrawn')) = (settled_at IS NOT NULL)",
            name=op.f("ck_invoice_intents_settled"),
        ),
        sa.CheckConstraint(
            "state <> 'booked' OR quickbooks_id IS NOT NULL", name=op.f("ck_invoice_intents_booked_has_id")
        ),
        sa.CheckConstraint(
            "state IN ('intended', 'uncertain', 'booked', 'refused', 'withdrawn')",
            name=op.f("ck_invoice_intents_state"),
        ),
        sa.CheckConstraint("(batch_id IS NULL) = (batch_item IS NULL)", name=op.f("ck_invoice_intents_batch_whole")),
        sa.CheckConstraint("generation >= 1", name=op.f("ck_invoice_intents_generation_positive")),
        sa.ForeignKeyConstraint(
            ["shipment_number"], ["shipments.number"], name="fk_invoice_intents_shipment_number_shipments"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_invoice_intents"),
        sa.UniqueConstraint("request_id", name="uq_invoice_intents_request_id"),
        sa.UniqueConstraint("shipment_number", "generation", name="uq_invoice_intents_shipment_number_generation"),
    )
    op.create_index("ix_invoice_intents_batch_id", "invoice_intents", ["batch_id"])
    op.create_index("ix_invoice_intents_doc_number", "invoice_intents", ["doc_number"])
    op.create_index(
        "ix_invoice_intents_open",
        "invoice_intents",
        ["intended_at"],
        postgresql_where=sa.text("state IN ('intended', 'uncertain')"),
    )
    op.create_index(
        "uq_invoice_intents_live",
        "invoice_intents",
        ["shipment_number"],
        unique=True,
        postgresql_where=sa.text("state IN ('intended', 'uncertain', 'booked')"),
    )


def _invoices() -> None:
    op.create_table(
        "invoices",
        sa.Column("shipment_number", sa.String(), nullable=False),
        sa.Column("generation", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("doc_number", sa.String(), nullable=True),
        sa.Column("quickbooks_id", sa.String(), nullable=False),
        sa.Column("sync_token", sa.String(), nullable=False),
        sa.Column("status", sa.String(), server_default=sa.text("'drafted'"), nullable=False),
        sa.Column("adopted", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("total", sa.Numeric(), nullable=False),
        sa.Column("balance", sa.Numeric(), nullable=False),
        sa.Column("tax", sa.Numeric(), server_default=sa.text("0"), nullable=False),
        sa.Column("invoiced_on", sa.Date(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("customer_number", sa.String(), nullable=False),
        sa.Column("order_number", sa.String(), nullable=False),
        sa.Column("booked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("quickbooks_updated_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "status IN ('drafted', 'released', 'edited', 'voided', 'deleted', 'paid')", name=op.f("ck_invoices_status")
        ),
        sa.CheckConstraint("generation >= 1", name=op.f("ck_invoices_generation_positive")),
        sa.ForeignKeyConstraint(
            ["shipment_number"], ["shipments.number"], name="fk_invoices_shipment_number_shipments"
        ),
        sa.PrimaryKeyConstraint("shipment_number", "generation", name="pk_invoices"),
        sa.UniqueConstraint("quickbooks_id", name="uq_invoices_quickbooks_id"),
    )
    op.create_index("ix_invoices_booked_at_shipment_number", "invoices", ["booked_at", "shipment_number"])
    op.create_index("ix_invoices_customer_number", "invoices", ["customer_number"])
    op.create_index("ix_invoices_doc_number", "invoices", ["doc_number"])
    op.create_index("ix_invoices_order_number", "invoices", ["order_number"])


def _invoice_lines() -> None:
    op.create_table(
        "invoice_lines",
        sa.Column("shipment_number", sa.String(), nullable=False),
        sa.Column("generation", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("line_no", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(), server_default=sa.text("'goods'"), nullable=False),
        sa.Column("sku", sa.String(), nullable=False),
        sa.Column("description", sa.String(), nullable=False),
        sa.Column("quantity", sa.Numeric(), nullable=False),
        sa.Column("uom", sa.String(), nullable=False),
        sa.Column("unit_price", sa.Numeric(), nullable=False),
        sa.Column("amount", sa.Numeric(), nullable=False),
        sa.Column("taxable", sa.Boolean(), nullable=False),
        sa.Column("shipment_line_no", sa.Integer(), nullable=True),
        sa.CheckConstraint("kind IN ('goods', 'freight')", name=op.f("ck_invoice_lines_kind")),
        sa.ForeignKeyConstraint(
            ["shipment_number", "generation"],
            ["invoices.shipment_number", "invoices.generation"],
            name="fk_invoice_lines_shipment_number_generation_invoices",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("shipment_number", "generation", "line_no", name="pk_invoice_lines"),
    )
    op.create_index("ix_invoice_lines_sku", "invoice_lines", ["sku"])
