"""What Salesforce shall show of customers: what they owe on the invoices that the store knows."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import func, select
from sqlmodel import Session, col

from domain.invoices import REMOVED
from domain.money import to_cents
from domain.publication import AccountStatement
from store.tables.invoices import InvoiceRow

_GONE = REMOVED


def account_statements(session: Session, customer_numbers: Sequence[str]) -> list[AccountStatement]:
    """The open balance of each of these customers who was ever billed, in the order of their numbers.

    Holds are not known here: Salesforce keeps the one that it has.
    """
    standing = func.coalesce(func.sum(col(InvoiceRow.balance)).filter(col(InvoiceRow.status).not_in(_GONE)), 0)
    number = col(InvoiceRow.customer_number)
    query = select(number, standing).where(number.in_(customer_numbers)).group_by(number).order_by(number)
    return [
        AccountStatement(customer_number=customer, open_balance=to_cents(balance))
        for customer, balance in session.execute(query)
    ]


def billed_on(session: Session, order_numbers: Sequence[str]) -> list[str]:
    """The customers to whom these orders were billed, each once, in order."""
    number = col(InvoiceRow.customer_number)
    return sorted(session.scalars(select(number).where(col(InvoiceRow.order_number).in_(order_numbers)).distinct()))
