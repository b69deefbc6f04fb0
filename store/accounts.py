"""What Salesforce shows of customers: what they owe, and whether they are over their limit (case O17)."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlmodel import Session, col

from domain.publication import AccountStatement
from store import exposures
from store.tables.invoices import InvoiceRow


def account_statements(
    session: Session, customer_numbers: Sequence[str], *, holds: bool = False
) -> list[AccountStatement]:
    """What each of these customers owes, in the order of their numbers; with `holds` whether it is over its limit.

    Without `holds`, or where no limit is known, Salesforce keeps the mark that it has.
    """
    known = exposures.of_customers(session, customer_numbers)
    return [
        AccountStatement(
            customer_number=number,
            open_balance=exposure.balance,
            credit_hold=exposure.is_over if holds and exposure.limit is not None else None,
        )
        for number, exposure in known.items()
    ]


def billed_on(session: Session, order_numbers: Sequence[str]) -> list[str]:
    """The customers to whom these orders were billed, each once, in order."""
    number = col(InvoiceRow.customer_number)
    return sorted(session.scalars(select(number).where(col(InvoiceRow.order_number).in_(order_numbers)).distinct()))
