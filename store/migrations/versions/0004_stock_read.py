"""Stock as it is read: what Salesforce has shown when, and the requests by which goods are kept for quotes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from store.migrations.v1.provenance import append_only

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)
APPEND_ONLY = ("stock_showings", "reservation_requests")


def upgrade() -> None:
    op.create_table(
        "stock_showings",
        sa.Column("sku", sa.String(), nullable=False),
        sa.Column("warehouse", sa.String(), nullable=False),
        sa.Column("said_at", TIME, nullable=False),
        sa.Column("decided_at", TIME, nullable=False),
        sa.Column("available", sa.Numeric(), nullable=True),
        sa.Column("confidence", sa.String(), nullable=False),
        sa.Column("as_of_at", TIME, nullable=True),
        sa.PrimaryKeyConstraint("sku", "warehouse", "said_at", name="pk_stock_showings"),
    )
    op.create_table(
        "reservation_requests",
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("body", JSONB(none_as_null=True), nullable=False),
        sa.Column("answer", JSONB(none_as_null=True), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("reference", name="pk_reservation_requests"),
    )
    for table in APPEND_ONLY:
        for statement in append_only(table):
            op.execute(statement)


def downgrade() -> None:
    for table in APPEND_ONLY:
        op.drop_table(table)
