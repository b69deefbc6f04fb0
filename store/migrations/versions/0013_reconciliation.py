"""Reconciliation: runs with their certificates, what was staged for them, what they found."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)
NOW = sa.text("now()")
OBJECT = sa.text("'{}'::jsonb")
SIDES = "'gateway', 'quickbooks', 'salesforce', 'erp', 'log'"
STANDINGS = "'in_flight', 'held', 'waived', 'drift'"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    _runs()
    _inputs()
    _findings()
    op.create_index(
        "ix_change_log_uncaused", "change_log", ["id"], postgresql_where=sa.text("cause IS NULL")
    )


def downgrade() -> None:
    op.drop_index("ix_change_log_uncaused", "change_log")
    for table in ("reconciliation_findings", "reconciliation_inputs", "reconciliations"):
        op.drop_table(table)


def _runs() -> None:
    op.create_table(
        "reconciliations",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("state", sa.String(), server_default=sa.text("'running'"), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("requested_by", sa.String(), nullable=False),
        sa.Column("started_at", TIME, server_default=NOW, nullable=False),
        sa.Column("finished_at", TIME, nullable=True),
        sa.Column("policy", JSONB(), nullable=False),
        sa.Column("code_version", sa.String(), nullable=False),
        sa.Column("as_of", JSONB(), server_default=OBJECT, nullable=False),
        sa.Column("totals", JSONB(), server_default=OBJECT, nullable=False),
        sa.Column("error", sa.String(), nullable=True),
        sa.Column("sequence", sa.BigInteger(), nullable=True),
        sa.Column("certificate", JSONB(), nullable=True),
        sa.Column("certificate_hash", sa.String(), nullable=True),
        sa.Column("inputs_hash", sa.String(), nullable=True),
        sa.Column("inputs_kept", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_reconciliations"),
        sa.UniqueConstraint("sequence", name="uq_reconciliations_sequence"),
        sa.CheckConstraint(
            "state IN ('running', 'finished', 'failed')", name=op.f("ck_reconciliations_state")
        ),
        sa.CheckConstraint(
            "(state = 'finished') = (certificate IS NOT NULL)",
            name=op.f("ck_reconciliations_finished_has_certificate"),
        ),
    )
    op.create_index("ix_reconciliations_day", "reconciliations", ["day"])
    op.create_index("ix_reconciliations_started_at_id", "reconciliations", ["started_at", "id"])


def _inputs() -> None:
    op.create_table(
        "reconciliation_inputs",
        sa.Column("run_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("side", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("body", JSONB(), nullable=False),
        sa.Column("facts", JSONB(), server_default=OBJECT, nullable=False),
        sa.Column("changed_at", TIME, nullable=True),
        sa.PrimaryKeyConstraint("run_id", "kind", "side", "key", name="pk_reconciliation_inputs"),
        sa.ForeignKeyConstraint(
            ["run_id"],
            ["reconciliations.id"],
            name="fk_reconciliation_inputs_run_id_reconciliations",
            ondelete="CASCADE",
        ),
        sa.CheckConstraint(f"side IN ({SIDES})", name=op.f("ck_reconciliation_inputs_side")),
    )


def _findings() -> None:
    text = [sa.Column(name, sa.String(), nullable=False) for name in ("identity", "fingerprint", "rule", "cause")]
    text += [sa.Column(name, sa.String(), nullable=False) for name in ("system", "kind", "record_type", "record_key")]
    op.create_table(
        "reconciliation_findings",
        sa.Column("run_id", sa.String(), nullable=False),
        sa.Column("n", sa.BigInteger(), autoincrement=False, nullable=False),
        *text,
        sa.Column("field", sa.String(), nullable=False),
        sa.Column("expected", sa.String(), nullable=True),
        sa.Column("found", sa.String(), nullable=True),
        sa.Column("money", sa.Numeric(), nullable=True),
        sa.Column("minor", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        *(sa.Column(name, sa.String(), nullable=False) for name in ("standing", "why", "owner", "remedy")),
        sa.Column("healed", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("exception_id", sa.Uuid(), nullable=True),
        sa.Column("first_seen_on", sa.Date(), nullable=False),
        sa.Column("first_run_id", sa.String(), nullable=False),
        sa.Column("belongs", JSONB(), server_default=OBJECT, nullable=False),
        sa.Column("changed_at", TIME, nullable=True),
        sa.PrimaryKeyConstraint("run_id", "n", name="pk_reconciliation_findings"),
        sa.ForeignKeyConstraint(
            ["run_id"],
            ["reconciliations.id"],
            name="fk_reconciliation_findings_run_id_reconciliations",
            ondelete="CASCADE",
        ),
        sa.CheckConstraint(f"standing IN ({STANDINGS})", name=op.f("ck_reconciliation_findings_standing")),
    )
    op.create_index(
        "ix_reconciliation_findings_run_id_standing_n", "reconciliation_findings", ["run_id", "standing", "n"]
    )
    op.create_index("ix_reconciliation_findings_identity_run_id", "reconciliation_findings", ["identity", "run_id"])
    op.create_index(
        "ix_reconciliation_findings_record_type_record_key",
        "reconciliation_findings",
        ["record_type", "record_key"],
    )
