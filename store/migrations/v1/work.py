"""Version 1 of the tables of links, work for people, access and the change log; released, so never edited."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

# In the order of their making: those that refer to others come after them.
TABLES = (
    "links",
    "exceptions",
    "decisions",
    "connection_tokens",
    "api_keys",
    "sync_cursors",
    "heartbeats",
    "change_log",
)


def create() -> None:
    """Make these tables and their indexes."""
    _links()
    _exceptions()
    _decisions()
    _connection_tokens()
    _api_keys()
    _sync_cursors()
    _heartbeats()
    _change_log()


def _links() -> None:
    op.create_table(
        "links",
        sa.Column("system", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("local_key", sa.String(), nullable=False),
        sa.Column("external_id", sa.String(), nullable=False),
        sa.Column("external_name", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("score", sa.Numeric(), nullable=False),
        sa.Column("exact", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("version_token", sa.String(), nullable=True),
        sa.Column("base", JSONB(), nullable=True),
        sa.Column("proposed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("confirmed_by", sa.String(), nullable=True),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("kind IN ('customer', 'item', 'terms')", name=op.f("ck_links_kind")),
        sa.CheckConstraint(
            "state <> 'confirmed' OR (confirmed_by IS NOT NULL AND confirmed_at IS NOT NULL)",
            name=op.f("ck_links_confirmed"),
        ),
        sa.CheckConstraint("state IN ('proposed', 'confirmed', 'retired')", name=op.f("ck_links_state")),
        sa.CheckConstraint("system IN ('erp', 'quickbooks', 'salesforce', 'gateway')", name=op.f("ck_links_system")),
        sa.CheckConstraint("score BETWEEN 0 AND 1", name=op.f("ck_links_score_range")),
        sa.PrimaryKeyConstraint("system", "kind", "local_key", "external_id", name="pk_links"),
    )
    op.create_index(
        "uq_links_confirmed_external_id",
        "links",
        ["system", "kind", "external_id"],
        unique=True,
        postgresql_where=sa.text("state = 'confirmed'"),
    )
    op.create_index(
        "uq_links_confirmed_local_key",
        "links",
        ["system", "kind", "local_key"],
        unique=True,
        postgresql_where=sa.text("state = 'confirmed'"),
    )


def _exceptions() -> None:
    op.create_table(
        "exceptions",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("state", sa.String(), server_default=sa.text("'open'"), nullable=False),
        sa.Column("cause", sa.String(), nullable=False),
        sa.Column("sentence", sa.String(), nullable=False),
        sa.Column("record_type", sa.String(), nullable=False),
        sa.Column("record_key", sa.String(), nullable=False),
        sa.Column("money_at_stake", sa.Numeric(), nullable=True),
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("findings", JSONB(), server_default=sa.text("'[]'::jsonb"), nullable=False),
        sa.Column("choices", JSONB(), server_default=sa.text("'[]'::jsonb"), nullable=False),
        sa.Column("workflow_id", sa.String(), nullable=True),
        sa.Column("opened_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("resolution", JSONB(), nullable=True),
        sa.Column("seen_count", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("(state = 'open') = (closed_at IS NULL)", name=op.f("ck_exceptions_closed")),
        sa.CheckConstraint("kind IN ('conflict', 'hold', 'dead_letter', 'uncertain')", name=op.f("ck_exceptions_kind")),
        sa.CheckConstraint(
            "state <> 'resolved' OR resolution IS NOT NULL", name=op.f("ck_exceptions_resolved_has_resolution")
        ),
        sa.CheckConstraint("state IN ('open', 'resolved', 'self_resolved')", name=op.f("ck_exceptions_state")),
        sa.PrimaryKeyConstraint("id", name="pk_exceptions"),
    )
    op.create_index("ix_exceptions_record_key", "exceptions", ["record_key"])
    op.create_index("ix_exceptions_state_opened_at_id", "exceptions", ["state", "opened_at", "id"])
    op.create_index(
        "uq_exceptions_open",
        "exceptions",
        ["record_type", "record_key", "cause"],
        unique=True,
        postgresql_where=sa.text("state = 'open'"),
    )


def _decisions() -> None:
    op.create_table(
        "decisions",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("record_type", sa.String(), nullable=False),
        sa.Column("record_key", sa.String(), nullable=False),
        sa.Column("policy_version", sa.String(), nullable=False),
        sa.Column("inputs", JSONB(), nullable=False),
        sa.Column("outcome", JSONB(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("made_by", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_decisions"),
    )
    op.create_index(
        "ix_decisions_record_type_record_key_made_at", "decisions", ["record_type", "record_key", "made_at"]
    )


def _connection_tokens() -> None:
    op.create_table(
        "connection_tokens",
        sa.Column("system", sa.String(), nullable=False),
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("ciphertext", sa.LargeBinary(), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.CheckConstraint(
            "system IN ('erp', 'quickbooks', 'salesforce', 'gateway')", name=op.f("ck_connection_tokens_system")
        ),
        sa.PrimaryKeyConstraint("system", "account", name="pk_connection_tokens"),
    )


def _api_keys() -> None:
    op.create_table(
        "api_keys",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("key_hash", sa.String(), nullable=False),
        sa.Column("scopes", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "scopes <@ ARRAY['viewer', 'operator', 'admin', 'ingest']", name=op.f("ck_api_keys_scopes_known")
        ),
        sa.CheckConstraint("cardinality(scopes) > 0", name=op.f("ck_api_keys_scopes_some")),
        sa.PrimaryKeyConstraint("id", name="pk_api_keys"),
        sa.UniqueConstraint("key_hash", name="uq_api_keys_key_hash"),
    )


def _sync_cursors() -> None:
    op.create_table(
        "sync_cursors",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("position_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("position", JSONB(), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_sync_cursors"),
    )


def _heartbeats() -> None:
    op.create_table(
        "heartbeats",
        sa.Column("process", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("details", JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False),
        sa.PrimaryKeyConstraint("process", name="pk_heartbeats"),
    )


def _change_log() -> None:
    op.create_table(
        "change_log",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("transaction_id", sa.BigInteger(), nullable=False),
        sa.Column("table_name", sa.String(), nullable=False),
        sa.Column("row_key", sa.String(), nullable=False),
        sa.Column("operation", sa.String(), nullable=False),
        sa.Column("before", JSONB(), nullable=True),
        sa.Column("after", JSONB(), nullable=True),
        sa.Column("cause", JSONB(), nullable=True),
        sa.Column("actor", sa.String(), nullable=True),
        sa.CheckConstraint("operation IN ('insert', 'update', 'delete')", name=op.f("ck_change_log_operation")),
        sa.PrimaryKeyConstraint("id", name="pk_change_log"),
    )
    op.create_index("ix_change_log_at", "change_log", ["at"], postgresql_using="brin")
    op.create_index("ix_change_log_table_name_row_key_id", "change_log", ["table_name", "row_key", "id"])
