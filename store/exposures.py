"""What customers may come to owe, from QuickBooks' balances and the orders' ledgers (case O17)."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from sqlalchemy import func, select, text
from sqlmodel import Session, col

from domain.exposure import Exposure
from domain.invoices import REMOVED
from domain.money import to_cents
from store import balances
from store.tables.invoices import InvoiceRow
from store.tables.master import CustomerRow

# Orders that are over, released or held ask for nothing; what left of them without a bill still counts.
_ON_ORDER = text("""
SELECT orders.customer_number,
       coalesce(sum(stand.open_amount) FILTER (
           WHERE NOT stand.closed AND NOT stand.released AND NOT (stand.state = ANY(:held))), 0),
       coalesce(sum(stand.unbilled_amount), 0)
FROM order_states stand JOIN orders ON orders.number = stand.order_number
WHERE orders.customer_number = ANY(:customers) AND NOT (orders.number = ANY(:without))
GROUP BY 1
""")


def of_customers(
    session: Session, numbers: Sequence[str], without: Sequence[str] = (), held: Sequence[str] = ()
) -> dict[str, Exposure]:
    """The exposure of these customers, of those that anything is known of; orders `without` are left out of it.

    Nothing is on order by orders in a `held` state.
    The balance is QuickBooks' own where it named one, else what is left of the invoices that the store knows.
    """
    limits = select(col(CustomerRow.number), col(CustomerRow.credit_limit)).where(col(CustomerRow.number).in_(numbers))
    given = {"customers": list(numbers), "without": list(without), "held": list(held)}
    orders = {row[0]: (row[1], row[2]) for row in session.execute(_ON_ORDER, given)}
    owed = _owed(session, numbers) | {
        number: one.balance for number, one in balances.get_many(session, numbers).items()
    }
    limit_of = {row[0]: row[1] for row in session.execute(limits)}
    return {
        number: Exposure(
            customer_number=number,
            balance=to_cents(owed.get(number, Decimal(0))),
            on_order=orders.get(number, (0, 0))[0],
            unbilled=orders.get(number, (0, 0))[1],
            limit=limit_of.get(number),
        )
        for number in sorted(limit_of.keys() | owed.keys() | orders.keys())
    }


def _owed(session: Session, numbers: Sequence[str]) -> dict[str, Decimal]:
    number = col(InvoiceRow.customer_number)
    standing = func.coalesce(func.sum(col(InvoiceRow.balance)).filter(col(InvoiceRow.status).not_in(REMOVED)), 0)
    query = select(number, standing).where(number.in_(numbers)).group_by(number)
    return {row[0]: row[1] for row in session.execute(query)}
