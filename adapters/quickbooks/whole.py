"""The whole of what QuickBooks holds, for reconciliation: full reads that know no cursor, page by page, in our words.

Paging is by position over records that come and go: one that is deleted while its predecessors are read moves all that
follow up by one place, and the next page would leave one out. So every page begins with the last record of the page
before; where it does not, the reading steps back until it finds itself again. Records may be said twice, never missed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from adapters.quickbooks.client import QuickBooksClient
from adapters.quickbooks.documents import content_of
from adapters.quickbooks.governor import Priority
from adapters.quickbooks.query import PAGE_SIZE, literal
from domain.errors import Unavailable
from domain.money import plain
from domain.reconciliation import Input, Kind

Row = Mapping[str, Any]
_MARKER = re.compile(r"threeway:([^:\s]+:C?\d+)(?![\w:])")
_ENTITIES = {Kind.INVOICE: "Invoice", Kind.CREDIT_MEMO: "CreditMemo", Kind.BALANCE: "Customer"}
_ALL = {Kind.BALANCE: "Active IN (true, false)"}
KINDS = tuple(_ENTITIES)
AT_ONCE = 100  # ids of one look-up


def whole(client: QuickBooksClient, kind: Kind, page_size: int = PAGE_SIZE) -> Iterator[Input]:
    """Every record of a kind as it is now."""
    for row in _rows(client, _ENTITIES[kind], _ALL.get(kind), page_size):
        yield _said(kind, row)


def some(client: QuickBooksClient, kind: Kind, keys: Sequence[str]) -> Iterator[Input]:
    """Those of these records that are there, each read by its id."""
    active = f" AND {_ALL[kind]}" if kind in _ALL else ""
    for first in range(0, len(keys), AT_ONCE):
        listed = ", ".join(literal(key) for key in keys[first : first + AT_ONCE])
        statement = f"SELECT * FROM {_ENTITIES[kind]} WHERE Id IN ({listed}){active} MAXRESULTS {PAGE_SIZE}"  # noqa: S608 - literals
        for row in _page(client, statement, _ENTITIES[kind]):
            yield _said(kind, row)


def _rows(client: QuickBooksClient, entity: str, condition: str | None, page_size: int) -> Iterator[Row]:
    where = f" WHERE {condition}" if condition else ""
    statement = f"SELECT * FROM {entity}{where} ORDERBY Id"  # noqa: S608 - our own words
    position, last = 1, ""
    while True:
        page = _page(client, f"{statement} STARTPOSITION {position} MAXRESULTS {page_size}", entity)
        if last and position > 1 and (not page or int(page[0]["Id"]) > int(last)):
            position = max(1, position - page_size)
            continue
        yield from page
        if len(page) < page_size:
            return
        last, position = str(page[-1]["Id"]), position + len(page) - 1


def _page(client: QuickBooksClient, statement: str, entity: str) -> Sequence[Row]:
    answer = client.select(statement, Priority.MASTERS)
    found: Sequence[Row] = answer.get("QueryResponse", {}).get(entity, [])
    return found


def _said(kind: Kind, row: Row) -> Input:
    """One record; an answer that cannot be read is no answer, and is asked for again."""
    try:
        body, facts = _balance(row) if kind is Kind.BALANCE else _document(row)
        at = (row.get("MetaData") or {}).get("LastUpdatedTime")
        changed_at = datetime.fromisoformat(at).astimezone(UTC) if at else None
        return Input(kind, str(row["Id"]), body, facts, changed_at)
    except (AttributeError, KeyError, TypeError, ValueError, ArithmeticError) as error:
        raise Unavailable("QuickBooks gave a record that cannot be read.", reason="unreadable_record") from error


def _balance(row: Row) -> tuple[dict[str, Any], dict[str, Any]]:
    return {"balance": _plain(row.get("Balance", 0))}, {"name": row.get("DisplayName", "")}


def _document(row: Row) -> tuple[dict[str, Any], dict[str, Any]]:
    note = str(row.get("PrivateNote") or "")
    total = Decimal(str(row["TotalAmt"]))
    voided = total == 0 and Decimal(str(row.get("Balance", 0))) == 0 and note.startswith("Voided")
    body: dict[str, Any] = {
        "customer_id": str(row["CustomerRef"]["value"]),
        "doc_number": row.get("DocNumber") or None,
        "voided": voided,
    }
    if not voided:
        body |= {"invoiced_on": row.get("TxnDate"), "total": _plain(total), "lines": _lines(row)}
        body |= {"balance": _plain(row["Balance"])} if "RemainingCredit" not in row and "Balance" in row else {}
    marked = _MARKER.search(note)
    created = (row.get("MetaData") or {}).get("CreateTime")
    facts = {
        "content": None if voided else content_of(row).digest,  # by what people's decisions about an edit name it
        "marker": f"threeway:{marked.group(1)}" if marked else None,
        "created_at": datetime.fromisoformat(created).astimezone(UTC).isoformat() if created else None,
    }
    return body, facts


def _lines(row: Row) -> list[list[str]]:
    """What is billed, line by line, and discounts; descriptions are the reader's own affair (case E8: cosmetic)."""
    return [
        _line(line)
        for line in row.get("Line", [])
        if line.get("DetailType") not in {"SubTotalLineDetail", "DescriptionOnly"}
    ]


def _line(line: Row) -> list[str]:
    detail = line.get("SalesItemLineDetail")
    amount = _plain(line.get("Amount", 0))
    if detail is None:
        return [str(line["DetailType"]), "", "", amount]
    item = str((detail.get("ItemRef") or {}).get("value", ""))
    return [item, _plain(detail.get("Qty")), _plain(detail.get("UnitPrice")), amount]


def _plain(value: object) -> str:
    return "" if value is None else plain(Decimal(str(value)))
