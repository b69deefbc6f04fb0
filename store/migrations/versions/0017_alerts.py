"""Alerts: messages and what each tells of; decisions over much money wait for a second person."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from store.migrations.v2.audit import audited

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)
NOW = sa.text("now()")
SEVERITIES = "severity IN ('normal', 'high', 'critical')"
TWO_PEOPLE = (
    "state <> 'resolved' OR proposal IS NULL OR lower(regexp_replace(proposal ->> 'proposed_by', '\\s', '', 'g')) "
    "<> lower(regexp_replace(resolution ->> 'decided_by', '\\s', '', 'g'))"
)
# Whatever code decides: a decision over more money than the limit was proposed, about this money, by this choice.
NOT_ALONE = """
CREATE FUNCTION two_people_for_money() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF abs(NEW.money_at_stake) > (SELECT money_limit FROM exception_rules WHERE cause = '*') AND (
        NEW.proposal IS NULL OR (NEW.proposal ->> 'choice') IS DISTINCT FROM (NEW.resolution ->> 'choice')
        OR btrim(coalesce(NEW.proposal ->> 'value', '')) <> btrim(coalesce(NEW.resolution ->> 'value', ''))
        OR (NEW.proposal ->> 'money_at_stake')::numeric IS DISTINCT FROM NEW.money_at_stake
    ) THEN
        RAISE EXCEPTION 'a decision over so much money needs two people'
            USING ERRCODE = 'check_violation', TABLE = 'exceptions', CONSTRAINT = 'two_people_for_money';
    END IF;
    RETURN NEW;
END
$$
"""
PROPOSED = "OLD.proposal IS DISTINCT FROM NEW.proposal AND NEW.state = 'open'"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    _messages()
    _notices()
    op.add_column("exceptions", sa.Column("proposal", JSONB(), nullable=True))
    op.create_check_constraint(op.f("ck_exceptions_two_people"), "exceptions", TWO_PEOPLE)
    op.add_column("exception_rules", sa.Column("money_limit", sa.Numeric(), nullable=True))
    op.execute(NOT_ALONE)
    op.execute(
        "CREATE TRIGGER two_people_for_money BEFORE UPDATE ON exceptions FOR EACH ROW "
        "WHEN (OLD.state = 'open' AND NEW.state = 'resolved') EXECUTE FUNCTION two_people_for_money()"
    )
    op.execute(audited("exceptions", ("exception_proposed", "UPDATE", PROPOSED), ("exception", "id"), "findings"))


def downgrade() -> None:
    op.execute("DROP TRIGGER audit_exception_proposed ON exceptions")
    op.execute("DROP TRIGGER two_people_for_money ON exceptions")
    op.execute("DROP FUNCTION two_people_for_money()")
    op.drop_column("exception_rules", "money_limit")
    op.execute("ALTER TABLE exceptions DROP CONSTRAINT ck_exceptions_two_people")
    op.drop_column("exceptions", "proposal")
    op.drop_table("alert_notices")
    op.drop_table("alert_messages")


def _messages() -> None:
    op.create_table(
        "alert_messages",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("is_test", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("severity", sa.String(), nullable=False),
        sa.Column("content", JSONB(), nullable=False),
        sa.Column("state", sa.String(), server_default=sa.text("'waiting'"), nullable=False),
        sa.Column("made_at", TIME, server_default=NOW, nullable=False),
        sa.Column("tries", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("next_try_at", TIME, server_default=NOW, nullable=False),
        sa.Column("claimed_until", TIME, nullable=True),
        sa.Column("sent_at", TIME, nullable=True),
        sa.Column("error", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_alert_messages"),
        sa.CheckConstraint("state IN ('waiting', 'sent', 'given_up')", name=op.f("ck_alert_messages_state")),
        sa.CheckConstraint(SEVERITIES, name=op.f("ck_alert_messages_severity")),
        sa.CheckConstraint("(state = 'sent') = (sent_at IS NOT NULL)", name=op.f("ck_alert_messages_sent")),
    )
    waiting = sa.text("state = 'waiting'")
    op.create_index("ix_alert_messages_next_try_at", "alert_messages", ["next_try_at"], postgresql_where=waiting)
    op.create_index("ix_alert_messages_made_at_id", "alert_messages", ["made_at", "id"])
    op.create_index("ix_alert_messages_channel_made_at", "alert_messages", ["channel", "made_at"])


def _notices() -> None:
    op.create_table(
        "alert_notices",
        sa.Column("exception_id", sa.Uuid(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("phase", sa.String(), nullable=False),
        sa.Column("severity", sa.String(), nullable=False),
        sa.Column("tells_end", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("noted_at", TIME, server_default=NOW, nullable=False),
        sa.Column("due_at", TIME, nullable=False),
        sa.Column("message_id", sa.Uuid(), nullable=True),
        sa.PrimaryKeyConstraint("exception_id", "channel", "phase", name="pk_alert_notices"),
        sa.ForeignKeyConstraint(
            ["exception_id"], ["exceptions.id"], name="fk_alert_notices_exception_id_exceptions", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["message_id"], ["alert_messages.id"], name="fk_alert_notices_message_id_alert_messages", ondelete="CASCADE"
        ),
        sa.CheckConstraint("phase IN ('opened', 'overdue', 'closed')", name=op.f("ck_alert_notices_phase")),
        sa.CheckConstraint(SEVERITIES, name=op.f("ck_alert_notices_severity")),
    )
    unsaid = sa.text("message_id IS NULL")
    op.create_index("ix_alert_notices_due_at", "alert_notices", ["due_at"], postgresql_where=unsaid)
    op.create_index("ix_alert_notices_message_id", "alert_notices", ["message_id"])
