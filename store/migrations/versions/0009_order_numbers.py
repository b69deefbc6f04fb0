"""Numbers of orders that were born in Salesforce, and new orders that wait to be accepted."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from store.migrations.v1.provenance import track, untrack

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)
NOW = sa.text("now()")


def upgrade() -> None:
    op.create_table(
        "order_numbers",
        sa.Column("external_id", sa.String(), nullable=False),
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("last_line_no", sa.Integer(), nullable=False),
        sa.Column("given_at", TIME, server_default=NOW, nullable=False),
        sa.Column("written_at", TIME, nullable=True),
        sa.PrimaryKeyConstraint("external_id", name="pk_order_numbers"),
        sa.UniqueConstraint("number", name="uq_order_numbers_number"),
        sa.UniqueConstraint("sequence", name="uq_order_numbers_sequence"),
    )
    op.create_index(
        "ix_order_numbers_unwritten", "order_numbers", ["given_at"], postgresql_where=sa.text("written_at IS NULL")
    )
    op.create_table(
        "new_orders",
        sa.Column("external_id", sa.String(), nullable=False),
        sa.Column("lacks", sa.String(), nullable=True),
        sa.Column("noted_at", TIME, server_default=NOW, nullable=False),
        sa.PrimaryKeyConstraint("external_id", name="pk_new_orders"),
    )
    op.create_index("ix_inbox_kind_received_at", "inbox", ["kind", "received_at"])
    for statement in track("order_numbers", "external_id"):
        op.execute(statement)


def downgrade() -> None:
    op.drop_index("ix_inbox_kind_received_at", "inbox")
    for statement in untrack("order_numbers"):
        op.execute(statement)
    for table in ("new_orders", "order_numbers"):
        op.drop_table(table)
