"""Rules of ownership need a second person, too."""

from __future__ import annotations

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

NAME = "ck_policy_proposals_kind"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    _kinds("'company', 'lifecycle', 'ownership'")


def downgrade() -> None:
    """What was proposed stays, for it is never deleted; no more of the kind can come."""
    _kinds("'company', 'lifecycle'", " NOT VALID")


def _kinds(words: str, more: str = "") -> None:
    op.execute(f"ALTER TABLE policy_proposals DROP CONSTRAINT {NAME}")
    op.execute(f"ALTER TABLE policy_proposals ADD CONSTRAINT {NAME} CHECK (kind IN ({words})){more}")
