"""What people do in QuickBooks: versions of our documents as they were seen there, and masters that changed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from store.migrations.v1.provenance import frozen

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)
NOW = sa.text("now()")
FALSE = sa.text("false")
KINDS = "kind IN ('invoice', 'credit_memo')"
# What was seen stays; what a person chose about it is added once.
SEEN = (
    *("kind", "quickbooks_id", "number", "shipment_number", "generation", "change", "sync_token", "changed_at"),
    *("content", "digest", "balance", "sent", "voided", "seen_by", "seen_at"),
)
CHANGES = (
    "change IN ('booked', 'cosmetic', 'relabelled', 'released', 'partly_paid', 'paid', 'overpaid', 'unpaid', 'edited', "
    "'restored', 'voided', 'deleted')"
)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    for table in ("invoices", "credits"):
        op.add_column(table, sa.Column("edited", sa.Boolean(), server_default=FALSE, nullable=False))
    op.add_column("credits", sa.Column("removed", sa.String(), nullable=True))
    op.create_check_constraint(op.f("ck_credits_removed"), "credits", "removed IN ('voided', 'deleted')")
    op.add_column("credits", sa.Column("quickbooks_updated_at", TIME, nullable=True))
    _versions()


def downgrade() -> None:
    op.drop_table("document_versions")
    op.drop_column("credits", "quickbooks_updated_at")
    op.drop_constraint(op.f("ck_credits_removed"), "credits")
    op.drop_column("credits", "removed")
    for table in ("credits", "invoices"):
        op.drop_column(table, "edited")


def _versions() -> None:
    op.create_table(
        "document_versions",
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("quickbooks_id", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("shipment_number", sa.String(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("change", sa.String(), nullable=False),
        sa.Column("sync_token", sa.String(), nullable=False),
        sa.Column("changed_at", TIME, nullable=True),
        sa.Column("content", JSONB(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("balance", sa.Numeric(), nullable=False),
        sa.Column("sent", sa.Boolean(), server_default=FALSE, nullable=False),
        sa.Column("voided", sa.Boolean(), server_default=FALSE, nullable=False),
        sa.Column("seen_by", sa.String(), nullable=False),
        sa.Column("seen_at", TIME, server_default=NOW, nullable=False),
        sa.Column("decided", sa.String(), nullable=True),
        sa.Column("decided_by", sa.String(), nullable=True),
        sa.Column("decided_at", TIME, nullable=True),
        sa.Column("reason", sa.String(), nullable=True),
        sa.CheckConstraint(KINDS, name=op.f("ck_document_versions_kind")),
        sa.CheckConstraint(CHANGES, name=op.f("ck_document_versions_change")),
        sa.CheckConstraint("number >= 1", name=op.f("ck_document_versions_number_positive")),
        sa.CheckConstraint(
            "(decided IS NULL) = (decided_by IS NULL)", name=op.f("ck_document_versions_decided_whole")
        ),
        sa.ForeignKeyConstraint(
            ["shipment_number"], ["shipments.number"], name="fk_document_versions_shipment_number_shipments"
        ),
        sa.PrimaryKeyConstraint("kind", "quickbooks_id", "number", name="pk_document_versions"),
    )
    op.create_index("ix_document_versions_shipment_number", "document_versions", ["shipment_number"])
    for statement in frozen("document_versions", *SEEN):
        op.execute(statement)
