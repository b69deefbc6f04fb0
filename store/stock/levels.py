"""Stock levels: balances of the domain in rows, read with their feed's instant, written only where they changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

from sqlalchemy import select, text
from sqlmodel import Session, col

from domain.stock_balances import Agreed, Balance, Base, Closing, Held, RowState
from domain.stock_events import BucketCount, Delta, Version
from store.tables.stock import StockFeedRow, StockLevelRow
from store.upserts import upsert as upsert_rows

Key = tuple[str, str]  # SKU, warehouse

_OF_KEYS = text("""
SELECT level.* FROM unnest(CAST(:skus AS text[]), CAST(:warehouses AS text[])) AS wanted(sku, warehouse)
JOIN stock_levels level USING (sku, warehouse)
""")


def feeds(session: Session) -> dict[str, StockFeedRow]:
    """The feeds by warehouse."""
    return {row.warehouse: row for row in session.scalars(select(StockFeedRow))}


def version_of(feed: StockFeedRow) -> Version:
    """How new the newest whole statement of a warehouse is."""
    return Version(feed.effective_at, feed.sequence)


def closing_of(feed: StockFeedRow) -> Closing | None:
    """The newest statement of a warehouse that made absent rows mean something."""
    return None if feed.closing is None else Closing.model_validate(feed.closing)


def of_keys(session: Session, keys: Sequence[Key]) -> dict[Key, StockLevelRow]:
    """The levels with these keys that are known."""
    given = {"skus": [sku for sku, _ in keys], "warehouses": [warehouse for _, warehouse in keys]}
    rows = session.scalars(select(StockLevelRow).from_statement(_OF_KEYS), given)
    return {(row.sku, row.warehouse): row for row in rows}


def of_items(session: Session, skus: Sequence[str]) -> list[StockLevelRow]:
    """All levels of these items, by item and warehouse."""
    query = select(StockLevelRow).where(col(StockLevelRow.sku).in_(skus))
    return list(session.scalars(query.order_by(col(StockLevelRow.sku), col(StockLevelRow.warehouse))))


def balance(row: StockLevelRow, feed: StockFeedRow | None, movements: Iterable[Delta] = ()) -> Balance:
    """A level as a balance: while it follows its feed, the feed's newest statement is its base; with what moved since.

    The counts are those of the file that changed it last, and so is the source that is named for them.
    """
    own = Version(row.effective_at, row.sequence)
    newest = version_of(feed) if feed and row.follows and version_of(feed) > own else own
    base = Base.model_construct(
        effective_at=newest.effective_at,
        sequence=newest.sequence,
        event_id=feed.event_id if feed and newest != own else row.event_id,
        source=row.source,
        counts=tuple(_count(one) for one in row.counts),
        state=RowState(row.state),
    )
    since = sorted((one for one in movements if one.effective_at > base.effective_at), key=_by_time)
    return Balance.model_construct(
        sku=row.sku,
        warehouse=row.warehouse,
        base=base,
        deltas=tuple(since),
        agreed=Agreed.model_validate(row.agreed) if row.agreed else None,
        held=Held.model_validate(row.held) if row.held else None,
    )


def write(session: Session, balances: Iterable[Balance], feeds: Mapping[str, Version]) -> int:
    """Write these balances' bases; answers how many rows were new or differ. Movements are not kept here.

    A row whose base is older than its warehouse's newest whole statement was not in that: it follows it no longer.
    """
    rows = [_row(one, one.base, feeds.get(one.warehouse)) for one in balances if one.base is not None]
    return len(upsert_rows(session, StockLevelRow, rows))


def _row(one: Balance, base: Base, newest: Version | None) -> dict[str, object]:
    return {
        "sku": one.sku,
        "warehouse": one.warehouse,
        "on_hand": sum((count.on_hand for count in base.counts), Decimal(0)),
        "counts": [count.model_dump(mode="json") for count in base.counts],
        "state": base.state.value,
        "effective_at": base.effective_at,
        "sequence": base.sequence,
        "event_id": base.event_id,
        "source": base.source,
        "follows": newest is None or base.version >= newest,
        "agreed": one.agreed.model_dump(mode="json") if one.agreed else None,
        "held": one.held.model_dump(mode="json") if one.held else None,
    }


def _count(stored: Mapping[str, str]) -> BucketCount:
    return BucketCount.model_construct(
        bucket=stored["bucket"],
        on_hand=Decimal(stored["on_hand"]),
        allocated=Decimal(stored["allocated"]),
        on_order=Decimal(stored["on_order"]),
    )


def _by_time(one: Delta) -> tuple[object, str]:
    return (one.effective_at, one.id)
