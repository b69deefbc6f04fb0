"""What is given back after invoicing: supplements, credits and their intents, balances as QuickBooks has them."""

from __future__ import annotations

from collections.abc import Iterator

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from store.migrations.v1.provenance import frozen, track, untrack

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)
TRACKED = {
    "credit_intents": ("id",),
    "credits": ("shipment_number", "generation"),
    "credit_lines": ("shipment_number", "generation", "line_no"),
    "customer_balances": ("customer_number",),
}
FROZEN = ("id", "shipment_number", "generation", "doc_number", "request_id", "payload", "payload_hash", "intended_at")
STATUSES = "'drafted', 'released', 'edited', 'voided', 'deleted', 'paid'"
LIVE = "state IN ('intended', 'uncertain', 'booked')"
OPEN = "state IN ('intended', 'uncertain')"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    _invoice_columns()
    _credit_intents()
    _credits()
    op.create_table(
        "customer_balances",
        sa.Column("customer_number", sa.String(), nullable=False),
        sa.Column("balance", sa.Numeric(), nullable=False),
        sa.Column("as_of_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("customer_number", name="pk_customer_balances"),
    )
    for table, key in TRACKED.items():
        _run(track(table, *key))
    _run(frozen("credit_intents", *FROZEN, "kind"))


def downgrade() -> None:
    for table in TRACKED:
        _run(untrack(table))
    for table in ("customer_balances", "credit_lines", "credits", "credit_intents"):
        op.drop_table(table)
    _live_index(LIVE)
    op.drop_index("uq_invoice_intents_supplement", "invoice_intents")
    op.drop_constraint(op.f("ck_invoice_intents_role"), "invoice_intents")
    _thaw("invoice_intents")
    op.drop_column("invoice_intents", "role")
    _run(frozen("invoice_intents", *FROZEN))
    for column in ("sent", "applied", "marked"):
        op.drop_column("invoices", column)
    op.execute("UPDATE invoices SET status = 'drafted' WHERE status = 'partly_paid'")
    _statuses(STATUSES)


def _invoice_columns() -> None:
    op.add_column(
        "invoice_intents", sa.Column("role", sa.String(), server_default=sa.text("'shipment'"), nullable=False)
    )
    op.create_check_constraint(
        op.f("ck_invoice_intents_role"), "invoice_intents", "role IN ('shipment', 'supplement')"
    )
    _live_index(f"role = 'shipment' AND {LIVE}")
    op.create_index(
        "uq_invoice_intents_supplement",
        "invoice_intents",
        ["shipment_number"],
        unique=True,
        postgresql_where=sa.text(f"role = 'supplement' AND {OPEN}"),
    )
    _thaw("invoice_intents")
    _run(frozen("invoice_intents", *FROZEN, "role"))
    for column in ("sent", "applied", "marked"):
        op.add_column("invoices", sa.Column(column, sa.Boolean(), server_default=sa.text("false"), nullable=False))
    _statuses(f"{STATUSES}, 'partly_paid'")


def _live_index(condition: str) -> None:
    op.drop_index("uq_invoice_intents_live", "invoice_intents")
    op.create_index(
        "uq_invoice_intents_live",
        "invoice_intents",
        ["shipment_number"],
        unique=True,
        postgresql_where=sa.text(condition),
    )


def _thaw(table: str) -> None:
    for trigger in ("frozen", "kept"):
        op.execute(f"DROP TRIGGER {trigger} ON {table}")


def _statuses(words: str) -> None:
    op.drop_constraint(op.f("ck_invoices_status"), "invoices")
    op.create_check_constraint(op.f("ck_invoices_status"), "invoices", f"status IN ({words})")


def _credit_intents() -> None:
    op.create_table(
        "credit_intents",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("shipment_number", sa.String(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("state", sa.String(), server_default=sa.text("'intended'"), nullable=False),
        sa.Column("doc_number", sa.String(), nullable=False),
        sa.Column("request_id", sa.String(), nullable=False),
        sa.Column("payload", JSONB(), nullable=False),
        sa.Column("payload_hash", sa.String(), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("intended_at", TIME, server_default=sa.text("now()"), nullable=False),
        sa.Column("sent_at", TIME, nullable=True),
        sa.Column("settled_at", TIME, nullable=True),
        sa.Column("quickbooks_id", sa.String(), nullable=True),
        sa.Column("refusal_code", sa.String(), nullable=True),
        sa.Column("refusal_detail", sa.String(), nullable=True),
        sa.CheckConstraint("kind IN ('credit_memo', 'void')", name=op.f("ck_credit_intents_kind")),
        sa.CheckConstraint(
            "state IN ('intended', 'uncertain', 'booked', 'refused', 'withdrawn')",
            name=op.f("ck_credit_intents_state"),
        ),
        sa.CheckConstraint("generation >= 1", name=op.f("ck_credit_intents_generation_positive")),
        sa.CheckConstraint(
            "(state IN ('booked', 'refused', 'withdrawn')) = (settled_at IS NOT NULL)",
            name=op.f("ck_credit_intents_settled"),
        ),
        sa.CheckConstraint(
            "state <> 'booked' OR quickbooks_id IS NOT NULL", name=op.f("ck_credit_intents_booked_has_id")
        ),
        sa.ForeignKeyConstraint(
            ["shipment_number"], ["shipments.number"], name="fk_credit_intents_shipment_number_shipments"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_credit_intents"),
        sa.UniqueConstraint("request_id", name="uq_credit_intents_request_id"),
        sa.UniqueConstraint("shipment_number", "generation", name="uq_credit_intents_shipment_number_generation"),
    )
    op.create_index(
        "uq_credit_intents_open", "credit_intents", ["shipment_number"], unique=True, postgresql_where=sa.text(OPEN)
    )
    op.create_index(
        "ix_credit_intents_open_since", "credit_intents", ["intended_at"], postgresql_where=sa.text(OPEN)
    )


def _credits() -> None:
    op.create_table(
        "credits",
        sa.Column("shipment_number", sa.String(), nullable=False),
        sa.Column("generation", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("doc_number", sa.String(), nullable=True),
        sa.Column("quickbooks_id", sa.String(), nullable=True),
        sa.Column("sync_token", sa.String(), nullable=True),
        sa.Column("total", sa.Numeric(), nullable=False),
        sa.Column("tax", sa.Numeric(), server_default=sa.text("0"), nullable=False),
        sa.Column("remaining", sa.Numeric(), server_default=sa.text("0"), nullable=False),
        sa.Column("credited_on", sa.Date(), nullable=False),
        sa.Column("customer_number", sa.String(), nullable=False),
        sa.Column("order_number", sa.String(), nullable=False),
        sa.Column("booked_at", TIME, nullable=False),
        sa.Column("decided_by", sa.String(), nullable=True),
        sa.CheckConstraint("kind IN ('credit_memo', 'void', 'settled')", name=op.f("ck_credits_kind")),
        sa.CheckConstraint("generation >= 1", name=op.f("ck_credits_generation_positive")),
        sa.CheckConstraint(
            "(kind = 'settled') = (quickbooks_id IS NULL)", name=op.f("ck_credits_booked_or_settled")
        ),
        sa.ForeignKeyConstraint(["shipment_number"], ["shipments.number"], name="fk_credits_shipment_number_shipments"),
        sa.PrimaryKeyConstraint("shipment_number", "generation", name="pk_credits"),
    )
    for column in ("order_number", "customer_number", "quickbooks_id"):
        op.create_index(f"ix_credits_{column}", "credits", [column])
    op.create_table(
        "credit_lines",
        sa.Column("shipment_number", sa.String(), nullable=False),
        sa.Column("generation", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("line_no", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("sku", sa.String(), nullable=False),
        sa.Column("description", sa.String(), nullable=False),
        sa.Column("quantity", sa.Numeric(), nullable=False),
        sa.Column("uom", sa.String(), nullable=False),
        sa.Column("unit_price", sa.Numeric(), nullable=False),
        sa.Column("amount", sa.Numeric(), nullable=False),
        sa.Column("taxable", sa.Boolean(), nullable=False),
        sa.Column("shipment_line_no", sa.Integer(), nullable=True),
        sa.Column("rma", sa.String(), nullable=True),
        sa.CheckConstraint(
            "reason IN ('correction', 'return', 'return_damaged', 'restocking')", name=op.f("ck_credit_lines_reason")
        ),
        sa.ForeignKeyConstraint(
            ["shipment_number", "generation"],
            ["credits.shipment_number", "credits.generation"],
            name="fk_credit_lines_shipment_number_credits",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("shipment_number", "generation", "line_no", name="pk_credit_lines"),
    )


def _run(statements: Iterator[str]) -> None:
    for statement in statements:
        op.execute(statement)
