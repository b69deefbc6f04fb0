"""The audit trail and its chain, lines of files, exceptions as work, policies that need a second person."""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from store.migrations.v1.provenance import append_only, frozen
from store.migrations.v2.audit import (
    AUDIT_LINKS,
    AUDIT_ROW,
    CHAIN_ENTRY,
    ENTRY_TEXTS,
    FUNCTIONS,
    audited,
    audited_links,
    chained,
)

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)
NOW = sa.text("now()")
ACTS = "'released', 'cancel_requested', 'resend_requested'"
NEW_KEY = "true"
CHANGED_KEY = "(OLD.name, OLD.scopes, OLD.expires_at, OLD.revoked_at, OLD.key_hash) IS DISTINCT FROM (NEW.name, NEW.scopes, NEW.expires_at, NEW.revoked_at, NEW.key_hash)"  # noqa: E501
AUDITED = (
    ("exceptions", ("exception_resolved", "UPDATE", "OLD.state <> NEW.state AND NEW.state = 'resolved'"), ("exception", "id"), "findings"),  # noqa: E501
    ("exceptions", ("exception_assigned", "UPDATE", "OLD.assignee IS DISTINCT FROM NEW.assignee"), ("exception", "id"), ""),  # noqa: E501
    ("exceptions", ("exception_snoozed", "UPDATE", "OLD.snoozed_until IS DISTINCT FROM NEW.snoozed_until"), ("exception", "id"), ""),  # noqa: E501
    ("exceptions", ("exception_noted", "UPDATE", "OLD.notes IS DISTINCT FROM NEW.notes"), ("exception", "id"), ""),
    ("api_keys", ("key_created", "INSERT", NEW_KEY), ("key", "id"), "key_hash,last_used_at"),
    ("api_keys", ("key_changed", "UPDATE", CHANGED_KEY), ("key", "id"), "key_hash,last_used_at"),
    ("api_keys", ("key_deleted", "DELETE", NEW_KEY), ("key", "id"), "key_hash,last_used_at"),
    ("order_observations", ("order_act", "INSERT", f"NEW.system = 'gateway' AND NEW.kind = 'order' AND NEW.value IN ({ACTS})"), ("order", "order_number"), ""),  # noqa: E501
    ("policy_proposals", ("policy_proposed", "INSERT", NEW_KEY), ("policy", "kind,version"), "body"),
    ("policy_proposals", ("policy_decided", "UPDATE", "OLD.state <> NEW.state"), ("policy", "kind,version"), "body"),
    ("policy_uses", ("policy_used", "INSERT", NEW_KEY), ("policy", "kind,version"), ""),
)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    _audit_tables()
    _lines()
    _work()
    _policies()
    op.add_column("decisions", sa.Column("transaction_id", sa.BigInteger(), nullable=True))
    op.alter_column("decisions", "transaction_id", server_default=sa.text("pg_current_xact_id()::text::bigint"))
    op.create_index("ix_decisions_made_at_id", "decisions", ["made_at", "id"])
    op.create_index("ix_decisions_transaction_id", "decisions", ["transaction_id"])
    op.create_index("ix_change_log_transaction_id", "change_log", ["transaction_id"], postgresql_using="brin")
    _run((ENTRY_TEXTS, CHAIN_ENTRY, AUDIT_ROW, AUDIT_LINKS))
    for table in ("audit_entries", "audit_chain"):
        _run(append_only(table))
    _run((chained(), *audited_links()))
    _run(audited(table, when, record, hidden) for table, when, record, hidden in AUDITED)
    _run(frozen("policy_proposals", "id", "kind", "version", "digest", "body", "reason", "proposed_by", "proposed_at"))
    _run(append_only("policy_uses"))


def downgrade() -> None:
    for table, when, _, _ in AUDITED:
        op.execute(f"DROP TRIGGER audit_{when[0]} ON {table}")
    for operation in ("insert", "update"):
        op.execute(f"DROP TRIGGER audit_links_{operation} ON links")
    op.execute("DROP TRIGGER chained ON audit_entries")
    for function in FUNCTIONS:
        op.execute(f"DROP FUNCTION {function}")
    for table in ("audit_chain", "audit_entries", "policy_uses", "policy_proposals", "exception_rules", "file_lines"):
        op.drop_table(table)
    op.drop_index("ix_change_log_transaction_id", "change_log")
    op.drop_index("ix_decisions_made_at_id", "decisions")
    op.drop_index("ix_decisions_transaction_id", "decisions")
    op.drop_column("decisions", "transaction_id")
    op.drop_index("ix_exceptions_due_at", "exceptions")
    for column in ("due_at", "assignee", "snoozed_until", "notes", "closed_because"):
        op.drop_column("exceptions", column)
    op.drop_column("shipment_revisions", "item_lines")
    op.drop_column("staged_groups", "item_lines")


def _audit_tables() -> None:
    op.create_table(
        "audit_entries",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("at", TIME, server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.Column("transaction_id", sa.BigInteger(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("record_type", sa.String(), nullable=False),
        sa.Column("record_key", sa.String(), nullable=False),
        sa.Column("details", JSONB(), nullable=False),
        sa.Column("cause", JSONB(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_audit_entries"),
    )
    op.create_index("ix_audit_entries_record_type_record_key", "audit_entries", ["record_type", "record_key"])
    op.create_index("ix_audit_entries_at", "audit_entries", ["at"])
    op.create_index("ix_audit_entries_transaction_id", "audit_entries", ["transaction_id"])
    op.create_table(
        "audit_chain",
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("entry_id", sa.BigInteger(), nullable=False),
        sa.Column("previous_hash", sa.String(), nullable=False),
        sa.Column("hash", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("position", name="pk_audit_chain"),
        sa.UniqueConstraint("entry_id", name="uq_audit_chain_entry_id"),
        sa.ForeignKeyConstraint(["entry_id"], ["audit_entries.id"], name="fk_audit_chain_entry_id_audit_entries"),
    )


def _lines() -> None:
    op.create_table(
        "file_lines",
        sa.Column("file_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("line_from", sa.BigInteger(), nullable=False),
        sa.Column("line_to", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("file_id", "key", "line_from", name="pk_file_lines"),
        sa.ForeignKeyConstraint(
            ["file_id"], ["source_files.id"], name="fk_file_lines_file_id_source_files", ondelete="CASCADE"
        ),
    )
    for table in ("staged_groups", "shipment_revisions"):
        op.add_column(table, sa.Column("item_lines", sa.ARRAY(sa.BigInteger()), nullable=True))


def _work() -> None:
    op.create_table(
        "exception_rules",
        sa.Column("cause", sa.String(), nullable=False),
        sa.Column("owner", sa.String(), nullable=True),
        sa.Column("due_minutes", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("cause", name="pk_exception_rules"),
    )
    op.add_column("exceptions", sa.Column("due_at", TIME, nullable=True))
    op.add_column("exceptions", sa.Column("assignee", sa.String(), nullable=True))
    op.add_column("exceptions", sa.Column("snoozed_until", TIME, nullable=True))
    op.add_column(
        "exceptions", sa.Column("notes", JSONB(), server_default=sa.text("'[]'::jsonb"), nullable=False)
    )
    op.add_column("exceptions", sa.Column("closed_because", sa.String(), nullable=True))
    op.create_index("ix_exceptions_due_at", "exceptions", ["due_at"], postgresql_where=sa.text("state = 'open'"))


def _policies() -> None:
    op.create_table(
        "policy_proposals",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("body", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("what_if", JSONB(), nullable=True),
        sa.Column("state", sa.String(), server_default=sa.text("'proposed'"), nullable=False),
        sa.Column("proposed_by", sa.String(), nullable=False),
        sa.Column("proposed_at", TIME, server_default=NOW, nullable=False),
        sa.Column("decided_by", sa.String(), nullable=True),
        sa.Column("decided_at", TIME, nullable=True),
        sa.Column("decided_because", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_policy_proposals"),
        sa.CheckConstraint("kind IN ('company', 'lifecycle')", name=op.f("ck_policy_proposals_kind")),
        sa.CheckConstraint(
            "state IN ('proposed', 'approved', 'rejected', 'withdrawn')", name=op.f("ck_policy_proposals_state")
        ),
        sa.CheckConstraint(
            "(state = 'proposed') = (decided_by IS NULL)", name=op.f("ck_policy_proposals_decided")
        ),
        sa.CheckConstraint(
            "state <> 'approved' OR decided_by <> proposed_by", name=op.f("ck_policy_proposals_two_people")
        ),
    )
    op.create_index("ix_policy_proposals_kind_digest", "policy_proposals", ["kind", "digest"])
    op.create_table(
        "policy_uses",
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("proposal_id", sa.Uuid(), nullable=True),
        sa.Column("first_used_at", TIME, server_default=NOW, nullable=False),
        sa.PrimaryKeyConstraint("kind", "digest", name="pk_policy_uses"),
        sa.ForeignKeyConstraint(
            ["proposal_id"], ["policy_proposals.id"], name="fk_policy_uses_proposal_id_policy_proposals"
        ),
    )


def _run(statements: Iterable[str]) -> None:
    for statement in statements:
        op.execute(statement)
