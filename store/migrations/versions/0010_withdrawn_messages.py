"""Messages for the ERP that are not to be written any more, because their order went on before they were in a file."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

IN_NO_FILE = "withdrawn_at IS NULL OR file_sequence IS NULL"


def upgrade() -> None:
    op.add_column("order_messages", sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True))
    op.create_check_constraint(op.f("ck_order_messages_withdrawn_in_no_file"), "order_messages", IN_NO_FILE)


def downgrade() -> None:
    op.drop_constraint(op.f("ck_order_messages_withdrawn_in_no_file"), "order_messages", type_="check")
    op.drop_column("order_messages", "withdrawn_at")
