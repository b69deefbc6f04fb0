"""Lines of files that people put right: how the file that came of it differs from the one that it was made of."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from store.migrations.v1.provenance import append_only
from store.migrations.v2.audit import audited

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

ARRIVED_BY = "ck_source_files_arrived_by"


def upgrade() -> None:
    """Add the table, and a third way in which a file comes."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.drop_constraint(op.f(ARRIVED_BY), "source_files")
    op.create_check_constraint(op.f(ARRIVED_BY), "source_files", "arrived_by IN ('http', 'folder', 'amendment')")
    op.create_table(
        "file_amendments",
        sa.Column("file_id", sa.Uuid(), nullable=False),
        sa.Column("amends", sa.Uuid(), nullable=False),
        sa.Column("lines", postgresql.JSONB(none_as_null=True), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("amended_by", sa.String(), nullable=False),
        sa.Column("amended_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["file_id"], ["source_files.id"], name=op.f("fk_file_amendments_file_id_source_files")
        ),
        sa.ForeignKeyConstraint(["amends"], ["source_files.id"], name=op.f("fk_file_amendments_amends_source_files")),
        sa.PrimaryKeyConstraint("file_id", name="pk_file_amendments"),
    )
    op.create_index("ix_file_amendments_amends", "file_amendments", ["amends"])
    for statement in append_only("file_amendments"):
        op.execute(statement)
    op.execute(audited("file_amendments", ("file_amended", "INSERT", "true"), ("file", "amends"), ""))


def downgrade() -> None:
    """Remove the table; files that came of it are told as if they had been handed in."""
    op.drop_table("file_amendments")
    op.execute("UPDATE source_files SET arrived_by = 'http' WHERE arrived_by = 'amendment'")
    op.drop_constraint(op.f(ARRIVED_BY), "source_files")
    op.create_check_constraint(op.f(ARRIVED_BY), "source_files", "arrived_by IN ('http', 'folder')")
