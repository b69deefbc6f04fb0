"""Customers have the phone that Salesforce and QuickBooks agreed on, so that it can be asked where it comes from."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column, with what was agreed so far."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.add_column("customers", sa.Column("phone", sa.String(), nullable=True))
    op.execute("""SELECT set_config('threeway.cause', '{"source": "gateway", "actor": "migration 0016"}', true)""")
    op.execute("""
        UPDATE customers SET phone = known.agreed ->> 'phone' FROM master_records known
        WHERE known.kind = 'customer' AND known.key = customers.number AND known.agreed ->> 'phone' <> ''
    """)


def downgrade() -> None:
    """Remove the column; what is agreed stays with the merge."""
    op.drop_column("customers", "phone")
