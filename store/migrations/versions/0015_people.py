"""People who sign in with a password, and where they are signed in."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from store.migrations.v1.provenance import track, untrack

revision = "0015"
down_revision = "0010"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)
NOW = sa.text("now()")


def upgrade() -> None:
    op.create_table(
        "people",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("full_name", sa.String(), server_default=sa.text("''"), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("created_at", TIME, server_default=NOW, nullable=False),
        sa.Column("disabled_at", TIME, nullable=True),
        sa.CheckConstraint("role IN ('viewer', 'operator', 'admin')", name=op.f("ck_people_role")),
        sa.CheckConstraint("name = lower(name) AND name <> ''", name=op.f("ck_people_name_lower")),
        sa.PrimaryKeyConstraint("name", name="pk_people"),
    )
    op.create_table(
        "passwords",
        sa.Column("person", sa.String(), nullable=False),
        sa.Column("password_hash", sa.String(), nullable=False),
        sa.Column("changed_at", TIME, server_default=NOW, nullable=False),
        sa.Column("failed_count", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("failed_at", TIME, nullable=True),
        sa.ForeignKeyConstraint(["person"], ["people.name"], name=op.f("fk_passwords_person_people")),
        sa.PrimaryKeyConstraint("person", name="pk_passwords"),
    )
    op.create_table(
        "sign_ins",
        sa.Column("token_hash", sa.String(), nullable=False),
        sa.Column("person", sa.String(), nullable=False),
        sa.Column("created_at", TIME, server_default=NOW, nullable=False),
        sa.Column("last_seen_at", TIME, server_default=NOW, nullable=False),
        sa.Column("expires_at", TIME, nullable=False),
        sa.ForeignKeyConstraint(["person"], ["people.name"], name=op.f("fk_sign_ins_person_people")),
        sa.PrimaryKeyConstraint("token_hash", name="pk_sign_ins"),
    )
    op.create_index("ix_sign_ins_person", "sign_ins", ["person"])
    for statement in track("people", "name"):
        op.execute(statement)


def downgrade() -> None:
    for statement in untrack("people"):
        op.execute(statement)
    for table in ("sign_ins", "passwords", "people"):
        op.drop_table(table)
