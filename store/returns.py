"""Returns in the store: what the ERP says came back, the newest statement of each line."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict
from sqlalchemy import select, tuple_
from sqlmodel import Session, col

from domain.returns import ReturnReceipt
from store import amendments
from store.files import SourceFile
from store.tables.orders_out import ReturnRow
from store.upserts import upsert

_NEWER = (
    "(stored.stated_at, stored.sequence, stored.arrived_at) < "
    "(excluded.stated_at, excluded.sequence, excluded.arrived_at)"
)
Key = tuple[str, str, int]


class StatedReturn(BaseModel):
    """A receipt, and when and where it was stated."""

    model_config = ConfigDict(frozen=True)

    receipt: ReturnReceipt
    stated_at: datetime
    source_file_id: UUID
    source_line: int


def record(session: Session, said: Iterable[tuple[ReturnReceipt, int]], file: SourceFile) -> list[str]:
    """Record what a file says, each receipt with its line; answers the orders that this is news of.

    A statement that is older than the stored one changes nothing; the same again is no news. Of two files with one
    instant and one sequence, of which a person has accepted both, the one that arrived later counts.
    """
    common = {
        "stated_at": file.created_at or amendments.as_it_came(session, file).received_at,
        "sequence": file.sequence or 0,
        "arrived_at": file.received_at,
        "source_file_id": file.id,
    }
    receipts = {_key(receipt): (receipt, line) for receipt, line in said}
    if not receipts:
        return []
    before = _stored(session, list(receipts))
    rows = [{**receipt.model_dump(mode="json"), **common, "source_line": line} for receipt, line in receipts.values()]
    written = [
        (str(rma), str(shipment), int(line)) for rma, shipment, line in upsert(session, ReturnRow, rows, guard=_NEWER)
    ]
    changed = [(before.get(key), receipts[key][0]) for key in written]
    orders = [(old, new) for old, new in changed if old != new]
    return sorted({one.order_number for pair in orders for one in pair if one is not None})


def of_orders(session: Session, numbers: Sequence[str]) -> list[StatedReturn]:
    """The returns of these orders, by RMA, shipment and line."""
    query = select(ReturnRow).where(col(ReturnRow.order_number).in_(numbers))
    keys = (col(ReturnRow.rma), col(ReturnRow.shipment_number), col(ReturnRow.line_no))
    return [_stated(row) for row in session.scalars(query.order_by(*keys))]


def _key(receipt: ReturnReceipt) -> Key:
    return receipt.rma, receipt.shipment_number, receipt.line_no


def _stored(session: Session, keys: Sequence[Key]) -> dict[Key, ReturnReceipt]:
    names = tuple_(col(ReturnRow.rma), col(ReturnRow.shipment_number), col(ReturnRow.line_no))
    query = select(ReturnRow).where(names.in_(keys)).with_for_update()
    found = session.scalars(query, execution_options={"populate_existing": True})
    return {(row.rma, row.shipment_number, row.line_no): _receipt(row) for row in found}


def _receipt(row: ReturnRow) -> ReturnReceipt:
    return ReturnReceipt.model_validate(row.model_dump(include=set(ReturnReceipt.model_fields)))


def _stated(row: ReturnRow) -> StatedReturn:
    return StatedReturn(
        receipt=_receipt(row),
        stated_at=row.stated_at,
        source_file_id=row.source_file_id,
        source_line=row.source_line,
    )
