"""What Salesforce shall show of orders and customers, staged: by the very statements that publication makes of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from itertools import islice

from sqlalchemy import Executable, text
from sqlmodel import Session

from domain.money import plain
from domain.publication import OrderStatement
from domain.reconciliation import Input, Kind, Side
from store.accounts import account_statements
from store.publication import statements
from store.reconciliation import inputs

BLOCK = 500
KINDS = (Kind.ORDER_SHOWN, Kind.LINE_SHOWN, Kind.ACCOUNT_SHOWN)

# Of each order the last thing that moved what is said of it.
_ORDERS = text("""
SELECT placed.number, greatest(state.changed_at, placed.version_at, bills.at, work.at) AS changed_at
FROM orders placed LEFT JOIN order_states state ON state.order_number = placed.number
LEFT JOIN (
    SELECT order_number, max(greatest(booked_at, quickbooks_updated_at)) AS at FROM invoices GROUP BY order_number
) bills ON bills.order_number = placed.number
LEFT JOIN (
    SELECT shipment.order_number, max(coalesce(item.closed_at, item.opened_at)) AS at
    FROM exceptions item JOIN shipments shipment ON item.record_type = 'shipment' AND item.record_key = shipment.number
    GROUP BY shipment.order_number
) work ON work.order_number = placed.number
WHERE NOT placed.deleted AND (CAST(:keys AS text[]) IS NULL OR placed.number = ANY(:keys))
ORDER BY placed.number
""")
_CUSTOMERS = text("""
SELECT owed.customer_number AS number, greatest(moved.at, owed.as_of_at, orders.at) AS changed_at
FROM customer_balances owed
LEFT JOIN LATERAL (
    SELECT max(at) AS at FROM change_log WHERE table_name = 'customer_balances' AND row_key = owed.customer_number
) moved ON true
LEFT JOIN (
    SELECT placed.customer_number, max(state.changed_at) AS at
    FROM orders placed JOIN order_states state ON state.order_number = placed.number GROUP BY placed.customer_number
) orders USING (customer_number)
WHERE EXISTS (SELECT FROM invoices bill WHERE bill.customer_number = owed.customer_number)
  AND (CAST(:keys AS text[]) IS NULL OR owed.customer_number = ANY(:keys))
ORDER BY 1
""")


def stage_orders(
    session: Session,
    run_id: str,
    words: Mapping[str, str],
    orders: Sequence[str] | None = None,
    lines: Sequence[str] | None = None,
) -> None:
    """Stage what is to be shown of orders and their lines; `orders` and `lines` narrow to some records."""
    wanted = None
    if orders is not None or lines is not None:
        wanted = sorted({*(orders or ()), *(line.rpartition("/")[0] for line in lines or ())})
        inputs.clear(session, run_id, Side.GATEWAY, [Kind.ORDER_SHOWN], orders or [])
        inputs.clear(session, run_id, Side.GATEWAY, [Kind.LINE_SHOWN], lines or [])
    else:
        inputs.clear(session, run_id, Side.GATEWAY, [Kind.ORDER_SHOWN, Kind.LINE_SHOWN])
    keep = {Kind.ORDER_SHOWN: orders, Kind.LINE_SHOWN: lines} if wanted is not None else {}
    for block in _blocks(session, _ORDERS, wanted):
        made = statements(session, [], words, list(block))
        rows = [row for said in made.orders for row in _rows(said, block[said.order_number])]
        inputs.put(session, run_id, [row for row in rows if _wanted(row, keep)], Side.GATEWAY)


def stage_accounts(session: Session, run_id: str, *, holds: bool, keys: Sequence[str] | None = None) -> None:
    """Stage what is to be shown of customers that were billed."""
    inputs.clear(session, run_id, Side.GATEWAY, [Kind.ACCOUNT_SHOWN], keys)
    for block in _blocks(session, _CUSTOMERS, keys):
        rows = []
        for said in account_statements(session, list(block), holds=holds):
            body: dict[str, object] = {}
            if said.open_balance is not None:
                body["open_balance"] = plain(said.open_balance)
            if said.credit_hold is not None:
                body["credit_hold"] = said.credit_hold
            number = said.customer_number
            rows.append(Input(Kind.ACCOUNT_SHOWN, number, body, {"customer": number}, block[number]))
        inputs.put(session, run_id, rows, Side.GATEWAY)


def _blocks(session: Session, query: Executable, keys: Sequence[str] | None) -> Iterator[dict[str, datetime | None]]:
    found = session.execute(query, {"keys": None if keys is None else list(keys)}).all()
    rest = iter(found)
    while some := list(islice(rest, BLOCK)):
        yield {row.number: row.changed_at for row in some}


def _wanted(row: Input, keep: Mapping[Kind, Sequence[str] | None]) -> bool:
    if row.kind not in keep:
        return True
    return row.key in set(keep[row.kind] or ())


def _rows(said: OrderStatement, at: datetime | None) -> Iterator[Input]:
    number = said.order_number
    amounts = {"invoiced_amount": said.invoiced_amount, "open_amount": said.open_amount}
    body: dict[str, object] = {"status": said.status}
    body |= {name: plain(amount) for name, amount in amounts.items() if amount is not None}
    yield Input(Kind.ORDER_SHOWN, number, body, {"order": number}, at)
    for line in said.lines:
        numbers = {"shipped": line.shipped, "backordered": line.backordered, "invoiced": line.invoiced}
        shown = {name: plain(value or Decimal(0)) for name, value in numbers.items() if value is not None}
        yield Input(Kind.LINE_SHOWN, f"{number}/{line.line_no}", shown, {"order": number}, at)
