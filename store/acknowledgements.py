"""Order acknowledgements in the store: every word of the ERP on an order, kept for good (case I4)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert as insert_or
from sqlmodel import Session, col

from domain.acknowledgements import AcknowledgementStatus, OrderAcknowledgement
from store.tables.stock import AcknowledgementRow

WHOLE_ORDER = 0  # the line of a word that is about the order as a whole

AcknowledgedOrder = tuple[OrderAcknowledgement, str]  # and its place in the file


def record(
    session: Session, said: Iterable[AcknowledgedOrder], cut_at: datetime, sequence: int, file: UUID
) -> list[str]:
    """Record what a file that was cut then says, each with its place in the file; answers the orders it is news of.

    The same file again adds nothing; a late one is kept in its place in time.
    """
    common = {"cut_at": cut_at, "sequence": sequence, "source_file_id": file}
    rows = [{**common, **row} for one, source in said for row in _rows(one, source)]
    if not rows:
        return []
    added = session.scalars(
        insert_or(AcknowledgementRow)
        .values(rows)
        .on_conflict_do_nothing()
        .returning(col(AcknowledgementRow.order_number))
    )
    return sorted(set(added))


def watermark(session: Session) -> datetime | None:
    """The instant up to which the ERP has told us what it had seen; None before its first acknowledgement."""
    query = select(col(AcknowledgementRow.cut_at)).order_by(col(AcknowledgementRow.cut_at).desc()).limit(1)
    return session.scalar(query)


def _rows(said: OrderAcknowledgement, source: str) -> list[dict[str, Any]]:
    common = {
        "order_number": said.order_number,
        "status": said.status.value,
        "reason": said.reason,
        "source": source,
    }
    if said.status is AcknowledgementStatus.ACCEPTED:
        return [{**common, **line.model_dump()} for line in said.lines]
    whole = {"line_no": WHOLE_ORDER, "sku": None, "allocated": None, "backordered": 0, "promise_on": None}
    return [{**common, **whole}]
