"""Version 1 of the tables of master data, stock and orders; released, so never edited."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

# In the order of their making: those that refer to others come after them.
TABLES = ("customers", "items", "warehouses", "stock_levels", "orders", "order_lines")


def create() -> None:
    """Make these tables and their indexes."""
    _customers()
    _items()
    _warehouses()
    _stock_levels()
    _orders()
    _order_lines()


def _customers() -> None:
    op.create_table(
        "customers",
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("terms_code", sa.String(), nullable=True),
        sa.Column("credit_limit", sa.Numeric(), nullable=True),
        sa.Column("tax_exempt", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("bill_to_line1", sa.String(), server_default=sa.text("''"), nullable=False),
        sa.Column("bill_to_city", sa.String(), server_default=sa.text("''"), nullable=False),
        sa.Column("bill_to_state", sa.String(), server_default=sa.text("''"), nullable=False),
        sa.Column("bill_to_postal_code", sa.String(), server_default=sa.text("''"), nullable=False),
        sa.Column("changed_on", sa.Date(), nullable=True),
        sa.PrimaryKeyConstraint("number", name="pk_customers"),
    )
    op.create_index("ix_customers_name", "customers", ["name"])


def _items() -> None:
    op.create_table(
        "items",
        sa.Column("sku", sa.String(), nullable=False),
        sa.Column("description", sa.String(), nullable=False),
        sa.Column("base_uom", sa.String(), nullable=False),
        sa.Column("sell_uom", sa.String(), nullable=False),
        sa.Column("units_numerator", sa.BigInteger(), nullable=False),
        sa.Column("units_denominator", sa.BigInteger(), nullable=False),
        sa.Column("list_price", sa.Numeric(), nullable=True),
        sa.Column("taxable", sa.Boolean(), nullable=False),
        sa.Column("weight_lb", sa.Numeric(), nullable=True),
        sa.CheckConstraint("units_denominator > 0", name=op.f("ck_items_units_denominator_positive")),
        sa.CheckConstraint("units_numerator > 0", name=op.f("ck_items_units_numerator_positive")),
        sa.PrimaryKeyConstraint("sku", name="pk_items"),
    )


def _warehouses() -> None:
    op.create_table(
        "warehouses",
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("code", name="pk_warehouses"),
    )


def _stock_levels() -> None:
    op.create_table(
        "stock_levels",
        sa.Column("sku", sa.String(), nullable=False),
        sa.Column("warehouse", sa.String(), nullable=False),
        sa.Column("on_hand", sa.Numeric(), nullable=False),
        sa.Column("allocated", sa.Numeric(), nullable=False),
        sa.Column("on_order", sa.Numeric(), nullable=False),
        sa.Column("status", sa.String(), nullable=True),
        sa.Column("effective_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("source_seq", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("sku", "warehouse", name="pk_stock_levels"),
    )
    op.create_index("ix_stock_levels_warehouse", "stock_levels", ["warehouse"])


def _orders() -> None:
    op.create_table(
        "orders",
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("external_id", sa.String(), nullable=False),
        sa.Column("customer_number", sa.String(), nullable=True),
        sa.Column("purchase_order", sa.String(), nullable=True),
        sa.Column("ordered_on", sa.Date(), nullable=True),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("deleted", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("version_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_orders"),
    )
    op.create_index("ix_orders_customer_number", "orders", ["customer_number"])
    op.create_index("ix_orders_external_id", "orders", ["external_id"])
    op.create_index("ix_orders_purchase_order", "orders", ["purchase_order"])


def _order_lines() -> None:
    op.create_table(
        "order_lines",
        sa.Column("order_number", sa.String(), nullable=False),
        sa.Column("line_no", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("sku", sa.String(), nullable=False),
        sa.Column("quantity", sa.Numeric(), nullable=False),
        sa.Column("uom", sa.String(), nullable=False),
        sa.Column("unit_price", sa.Numeric(), nullable=False),
        sa.Column("external_id", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(
            ["order_number"], ["orders.number"], name="fk_order_lines_order_number_orders", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("order_number", "line_no", name="pk_order_lines"),
    )
    op.create_index("ix_order_lines_sku", "order_lines", ["sku"])
