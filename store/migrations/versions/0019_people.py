"""People who sign in with a password, and where they are signed in; what the feed tells is found by an index."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from store.migrations.v1.provenance import track, untrack
from store.migrations.v2.audit import audited

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)
NOW = sa.text("now()")
TOLD = "table_name IN ('source_files', 'shipments', 'invoices', 'credits', 'order_states', 'exceptions')"
# The search asks what begins like this, which the usual order of texts does not serve.
BEGINS = (
    ("shipments", "number"),
    ("shipments", "purchase_order"),
    ("orders", "number"),
    ("orders", "purchase_order"),
    ("invoices", "doc_number"),
    ("customers", "number"),
    ("items", "sku"),
    ("source_file_names", "filename"),
)
AUDITED = (
    ("people", ("person_created", "INSERT", "true"), ("person", "name"), ""),
    ("people", ("person_changed", "UPDATE", "OLD.* IS DISTINCT FROM NEW.*"), ("person", "name"), ""),
    ("passwords", ("password_changed", "UPDATE", "OLD.password_hash <> NEW.password_hash"), ("person", "person"), "password_hash"),  # noqa: E501
)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_table(
        "people",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("full_name", sa.String(), server_default=sa.text("''"), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=True),
        sa.Column("created_at", TIME, server_default=NOW, nullable=False),
        sa.Column("disabled_at", TIME, nullable=True),
        sa.CheckConstraint("role IN ('viewer', 'operator', 'admin')", name=op.f("ck_people_role")),
        sa.CheckConstraint("name = lower(name) AND name <> ''", name=op.f("ck_people_name_lower")),
        sa.PrimaryKeyConstraint("name", name="pk_people"),
        sa.UniqueConstraint("subject", name=op.f("uq_people_subject")),
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
    for statement in (*track("people", "name"), *(audited(*one) for one in AUDITED)):
        op.execute(statement)
    for table, column in BEGINS:
        name = f"ix_{table}_{column}_begins"
        op.create_index(name, table, [column], postgresql_ops={column: "varchar_pattern_ops"})
    op.create_index("ix_change_log_told", "change_log", ["id"], postgresql_where=sa.text(TOLD))


def downgrade() -> None:
    op.drop_index("ix_change_log_told", "change_log")
    for table, column in BEGINS:
        op.drop_index(f"ix_{table}_{column}_begins", table)
    for statement in untrack("people"):
        op.execute(statement)
    for table in ("sign_ins", "passwords", "people"):
        op.drop_table(table)
