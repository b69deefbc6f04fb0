"""Links have a role: many customers can be billed to one record of QuickBooks, and one of them at most is its own."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

UNIQUE = "uq_links_confirmed_external_id"
SIDE = ["system", "kind", "external_id"]


def upgrade() -> None:
    """Add the column; every link so far is its record's own."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.add_column("links", sa.Column("role", sa.String(), server_default=sa.text("'own'"), nullable=False))
    op.create_check_constraint(op.f("ck_links_role"), "links", "role IN ('own', 'billed_to')")
    billed_to = "role = 'own' OR (kind = 'customer' AND system = 'quickbooks')"
    op.create_check_constraint(op.f("ck_links_billed_to"), "links", billed_to)
    op.drop_index(UNIQUE, "links")
    op.create_index(
        UNIQUE, "links", SIDE, unique=True, postgresql_where=sa.text("state = 'confirmed' AND role = 'own'")
    )


def downgrade() -> None:
    """Remove the column. Links by which documents were booked under somebody else's record are in use no more."""
    op.execute("""SELECT set_config('threeway.cause', '{"source": "gateway", "actor": "migration 0021"}', true)""")
    op.execute("DELETE FROM links WHERE role = 'billed_to'")
    op.drop_index(UNIQUE, "links")
    op.create_index(UNIQUE, "links", SIDE, unique=True, postgresql_where=sa.text("state = 'confirmed'"))
    op.drop_constraint(op.f("ck_links_billed_to"), "links")
    op.drop_constraint(op.f("ck_links_role"), "links")
    op.drop_column("links", "role")
