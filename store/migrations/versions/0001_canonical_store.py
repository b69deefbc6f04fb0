"""The canonical store: all tables, and the triggers of provenance."""

from __future__ import annotations

from collections.abc import Iterator

from alembic import op

from store.migrations.v1 import billing, intake, master, work
from store.migrations.v1.provenance import REFUSE_CHANGE, STATED_CAUSE, append_only, frozen, track, untrack

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

PARTS = (master, intake, billing, work)
# Every table that is part of the truth, with its primary key: the change log follows them.
TRACKED = {
    "customers": ("number",),
    "items": ("sku",),
    "warehouses": ("code",),
    "stock_levels": ("sku", "warehouse"),
    "orders": ("number",),
    "order_lines": ("order_number", "line_no"),
    "source_files": ("id",),
    "shipments": ("number",),
    "shipment_lines": ("shipment_number", "line_no"),
    "invoice_intents": ("id",),
    "invoices": ("shipment_number", "generation"),
    "invoice_lines": ("shipment_number", "generation", "line_no"),
    "links": ("system", "kind", "local_key", "external_id"),
    "exceptions": ("id",),
}
APPEND_ONLY = ("change_log", "decisions", "shipment_revisions")
INTENT_FROZEN = (
    "id",
    "shipment_number",
    "generation",
    "doc_number",
    "request_id",
    "payload",
    "payload_hash",
    "intended_at",
)


def upgrade() -> None:
    for part in PARTS:
        part.create()
    op.execute(REFUSE_CHANGE)
    op.execute(STATED_CAUSE)
    for table, key in TRACKED.items():
        _run(track(table, *key))
    for table in APPEND_ONLY:
        _run(append_only(table))
    _run(frozen("invoice_intents", *INTENT_FROZEN))


def downgrade() -> None:
    for table in TRACKED:
        _run(untrack(table))
    for part in reversed(PARTS):
        for table in reversed(part.TABLES):
            op.drop_table(table)
    op.execute("DROP FUNCTION refuse_change()")
    op.execute("DROP FUNCTION stated_cause()")


def _run(statements: Iterator[str]) -> None:
    for statement in statements:
        op.execute(statement)
