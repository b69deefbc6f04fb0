"""The merge of master records: what is agreed, what each side has, decisions under way, writes, marks and rules."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from store.migrations.v1.provenance import append_only, track, untrack

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)
JSON = JSONB(none_as_null=True)
NOW = sa.text("now()")
OBJECT, LIST = sa.text("'{}'::jsonb"), sa.text("'[]'::jsonb")
KINDS = "('customer', 'item', 'terms')"
SYSTEMS = "('erp', 'quickbooks', 'salesforce', 'gateway')"
TABLES = ("master_records", "master_sides", "master_plans", "master_writes", "master_marks", "ownership_versions")


def upgrade() -> None:
    op.create_table(
        "master_records",
        *_key("kind", "key"),
        sa.Column("agreed", JSON, server_default=OBJECT, nullable=False),
        sa.Column("home_base", JSON, nullable=True),
        sa.Column("held", JSON, server_default=OBJECT, nullable=False),
        sa.Column("moves", JSON, server_default=LIST, nullable=False),
        sa.Column("policy_version", sa.String(), nullable=True),
        sa.Column("decided_at", TIME, nullable=True),
        sa.PrimaryKeyConstraint("kind", "key", name="pk_master_records"),
        sa.CheckConstraint(f"kind IN {KINDS}", name="kind"),
    )
    _sides()
    op.create_table(
        "master_plans",
        *_key("kind", "key"),
        sa.Column("inputs", JSON, nullable=False),
        sa.Column("outcome", JSON, nullable=False),
        sa.Column("planned_at", TIME, server_default=NOW, nullable=False),
        sa.PrimaryKeyConstraint("kind", "key", name="pk_master_plans"),
    )
    _writes()
    op.create_table(
        "master_marks",
        *_key("kind", "key", "reason"),
        sa.Column("marked_at", TIME, server_default=NOW, nullable=False),
        sa.PrimaryKeyConstraint("kind", "key", name="pk_master_marks"),
    )
    op.create_index("ix_master_marks_marked_at", "master_marks", ["marked_at"])
    op.create_table(
        "ownership_versions",
        *_key("version"),
        sa.Column("rules", JSON, nullable=False),
        sa.Column("first_used_at", TIME, server_default=NOW, nullable=False),
        sa.PrimaryKeyConstraint("version", name="pk_ownership_versions"),
    )
    for statement in append_only("ownership_versions"):
        op.execute(statement)
    for statement in track("master_records", "kind", "key"):
        op.execute(statement)


def downgrade() -> None:
    for statement in untrack("master_records"):
        op.execute(statement)
    for table in TABLES:
        op.drop_table(table)


def _key(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.String(), nullable=False) for name in names]


def _sides() -> None:
    op.create_table(
        "master_sides",
        *_key("kind", "key", "system", "external_id"),
        sa.Column("state", sa.String(), server_default=sa.text("'present'"), nullable=False),
        sa.Column("stated", JSON, nullable=False),
        sa.Column("version", sa.String(), nullable=True),
        sa.Column("changed_at", TIME, nullable=True),
        sa.Column("clock_offset_ms", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("clock_bound_ms", sa.BigInteger(), nullable=True),
        sa.Column("merged_into", sa.String(), nullable=True),
        sa.Column("observed_at", TIME, server_default=NOW, nullable=False),
        sa.PrimaryKeyConstraint("kind", "key", "system", name="pk_master_sides"),
        sa.CheckConstraint(f"kind IN {KINDS}", name="kind"),
        sa.CheckConstraint(f"system IN {SYSTEMS}", name="system"),
        sa.CheckConstraint("state IN ('present', 'inactive', 'deleted')", name="state"),
    )


def _writes() -> None:
    op.create_table(
        "master_writes",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        *_key("kind", "key", "system", "external_id"),
        sa.Column("fields", JSON, nullable=False),
        *_key("digest", "policy_version"),
        sa.Column("based_on", sa.String(), nullable=True),
        sa.Column("state", sa.String(), server_default=sa.text("'planned'"), nullable=False),
        sa.Column("answered", JSON, nullable=True),
        *(sa.Column(name, sa.String(), nullable=True) for name in ("version", "code", "detail")),
        sa.Column("planned_at", TIME, server_default=NOW, nullable=False),
        sa.Column("ended_at", TIME, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_master_writes"),
        sa.CheckConstraint(f"kind IN {KINDS}", name="kind"),
        sa.CheckConstraint(f"system IN {SYSTEMS}", name="system"),
        sa.CheckConstraint("state IN ('planned', 'done', 'refused', 'given_up')", name="state"),
    )
    op.create_index("ix_master_writes_kind_key_id", "master_writes", ["kind", "key", "id"])
