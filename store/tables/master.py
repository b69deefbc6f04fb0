"""Tables of master data: customers, items, warehouses."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from sqlmodel import Field, SQLModel

from store.tables.columns import BIG, EMPTY_TEXT, FALSE, UTC_TIME, begins, check


class CustomerRow(SQLModel, table=True):
    """A customer of the ERP's master; `number` keeps its leading zeros. `phone` is agreed without the ERP."""

    __tablename__ = "customers"
    __table_args__ = (begins("customers", "number"),)

    number: str = Field(primary_key=True)
    name: str = Field(index=True)
    terms_code: str | None = None
    credit_limit: Decimal | None = None
    tax_exempt: bool = Field(default=False, sa_column_kwargs=FALSE)
    bill_to_line1: str = Field(default="", sa_column_kwargs=EMPTY_TEXT)
    bill_to_city: str = Field(default="", sa_column_kwargs=EMPTY_TEXT)
    bill_to_state: str = Field(default="", sa_column_kwargs=EMPTY_TEXT)
    bill_to_postal_code: str = Field(default="", sa_column_kwargs=EMPTY_TEXT)
    phone: str | None = None
    changed_on: date | None = None


class ItemRow(SQLModel, table=True):
    """An item; one selling unit holds `units_numerator / units_denominator` base units (case E3)."""

    __tablename__ = "items"
    __table_args__ = (
        check("units_numerator_positive", "units_numerator > 0"),
        check("units_denominator_positive", "units_denominator > 0"),
        begins("items", "sku"),
    )

    sku: str = Field(primary_key=True)
    description: str
    base_uom: str
    sell_uom: str
    units_numerator: int = Field(sa_type=BIG)
    units_denominator: int = Field(sa_type=BIG)
    list_price: Decimal | None = None
    taxable: bool
    weight_lb: Decimal | None = None


class MasterStatementRow(SQLModel, table=True):
    """When the ERP stated a record of a master last; it moves also where the record stays as it is (case F7)."""

    __tablename__ = "master_statements"

    entity: str = Field(primary_key=True)
    key: str = Field(primary_key=True)
    stated_at: datetime = Field(sa_type=UTC_TIME)


class WarehouseRow(SQLModel, table=True):
    """A warehouse by the ERP's code."""

    __tablename__ = "warehouses"

    code: str = Field(primary_key=True)
    name: str
