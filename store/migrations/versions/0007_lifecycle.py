"""The order lifecycle: observations, states, line ledgers, and the marks of orders that have to be looked at."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from store.migrations.v1.provenance import track, untrack

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)
NOW = sa.text("now()")
ZERO = sa.text("0")
FALSE = sa.text("false")
TRACKED = {
    "order_observations": ("order_number", "system", "kind", "value", "reference"),
    "order_states": ("order_number",),
    "order_line_ledgers": ("order_number", "line_no"),
}
QUANTITIES = (
    *("ordered", "shipped", "backordered", "cancelled", "open"),
    *("overshipped", "allocated", "billed", "waived", "returned", "credited", "unbilled", "credit_due"),
)


def upgrade() -> None:
    op.create_table(
        "order_marks",
        sa.Column("order_number", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("marked_at", TIME, server_default=NOW, nullable=False),
        sa.PrimaryKeyConstraint("order_number", name="pk_order_marks"),
    )
    op.create_index("ix_order_marks_marked_at", "order_marks", ["marked_at"])
    _observations()
    _states()
    op.create_table(
        "order_line_ledgers",
        sa.Column("order_number", sa.String(), nullable=False),
        sa.Column("line_no", sa.Integer(), nullable=False),
        sa.Column("sku", sa.String(), nullable=False),
        sa.Column("uom", sa.String(), nullable=False),
        *(sa.Column(name, sa.Numeric(), nullable=False) for name in QUANTITIES),
        sa.Column("promise_on", sa.Date(), nullable=True),
        sa.PrimaryKeyConstraint("order_number", "line_no", name="pk_order_line_ledgers"),
    )
    op.create_index("ix_order_line_ledgers_sku", "order_line_ledgers", ["sku"])
    for table, key in TRACKED.items():
        for statement in track(table, *key):
            op.execute(statement)


def downgrade() -> None:
    for table in TRACKED:
        for statement in untrack(table):
            op.execute(statement)
    for table in ("order_marks", *TRACKED):
        op.drop_table(table)


def _observations() -> None:
    op.create_table(
        "order_observations",
        *(sa.Column(name, sa.String(), nullable=False) for name in TRACKED["order_observations"]),
        sa.Column("occurred_at", TIME, nullable=False),
        sa.Column("note", sa.String(), server_default=sa.text("''"), nullable=False),
        sa.Column("lasting", sa.Boolean(), server_default=FALSE, nullable=False),
        sa.Column("seen_at", TIME, nullable=False),
        sa.Column("withdrawn_at", TIME, nullable=True),
        sa.PrimaryKeyConstraint(*TRACKED["order_observations"], name="pk_order_observations"),
    )


def _states() -> None:
    op.create_table(
        "order_states",
        sa.Column("order_number", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("shows", sa.String(), nullable=True),
        sa.Column("says", sa.String(), server_default=sa.text("''"), nullable=False),
        sa.Column("since_at", TIME, nullable=False),
        sa.Column("policy_version", sa.String(), nullable=False),
        sa.Column("closed", sa.Boolean(), server_default=FALSE, nullable=False),
        sa.Column("released", sa.Boolean(), server_default=FALSE, nullable=False),
        sa.Column("born_here", sa.Boolean(), server_default=FALSE, nullable=False),
        *(
            sa.Column(name, sa.Numeric(), server_default=ZERO, nullable=False)
            for name in ("ordered_amount", "open_amount", "unbilled_amount")
        ),
        sa.Column("baseline", JSONB(none_as_null=True), nullable=True),
        sa.Column("look_at", TIME, nullable=True),
        sa.Column("changed_at", TIME, server_default=NOW, nullable=False),
        sa.Column("said_at", TIME, nullable=True),
        sa.PrimaryKeyConstraint("order_number", name="pk_order_states"),
    )
    op.create_index("ix_order_states_state", "order_states", ["state"])
    unsaid = sa.text("said_at IS NULL OR said_at < changed_at")
    op.create_index("ix_order_states_unsaid", "order_states", ["changed_at"], postgresql_where=unsaid)
    op.create_index(
        "ix_order_states_look_at", "order_states", ["look_at"], postgresql_where=sa.text("look_at IS NOT NULL")
    )
