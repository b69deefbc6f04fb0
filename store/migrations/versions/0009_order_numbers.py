"""Numbers of orders that were born in Salesforce, and new orders that wait to be accepted; when hints came last."""

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
TRACKED = ("order_numbers", "order_line_numbers")


def upgrade() -> None:
    op.create_table(
        "order_numbers",
        sa.Column("external_id", sa.String(), nullable=False),
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("last_line_no", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("given_at", TIME, server_default=NOW, nullable=False),
        sa.Column("written_at", TIME, nullable=True),
        sa.PrimaryKeyConstraint("external_id", name="pk_order_numbers"),
        sa.UniqueConstraint("number", name="uq_order_numbers_number"),
        sa.UniqueConstraint("sequence", name="uq_order_numbers_sequence"),
    )
    op.create_table(
        "order_line_numbers",
        sa.Column("external_id", sa.String(), nullable=False),
        sa.Column("order_external_id", sa.String(), nullable=False),
        sa.Column("line_no", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("external_id", name="pk_order_line_numbers"),
        sa.UniqueConstraint(
            "order_external_id", "line_no", name="uq_order_line_numbers_order_external_id_line_no"
        ),
        sa.ForeignKeyConstraint(
            ["order_external_id"],
            ["order_numbers.external_id"],
            name="fk_order_line_numbers_order_external_id_order_numbers",
        ),
    )
    op.create_table(
        "new_orders",
        sa.Column("external_id", sa.String(), nullable=False),
        sa.Column("lacks", sa.String(), nullable=True),
        sa.Column("look_at", TIME, server_default=NOW, nullable=False),
        sa.PrimaryKeyConstraint("external_id", name="pk_new_orders"),
    )
    op.create_index("ix_new_orders_look_at_external_id", "new_orders", ["look_at", "external_id"])
    op.create_index("ix_inbox_kind_received_at", "inbox", ["kind", "received_at"])
    for table in TRACKED:
        for statement in track(table, "external_id"):
            op.execute(statement)


def downgrade() -> None:
    for table in TRACKED:
        for statement in untrack(table):
            op.execute(statement)
    op.drop_index("ix_inbox_kind_received_at", "inbox")
    for table in ("new_orders", "order_line_numbers", "order_numbers"):
        op.drop_table(table)
