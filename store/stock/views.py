"""Stock as it is read: what can be promised, how well it is known at this instant, and what Salesforce shows of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from pydantic import AwareDatetime, BaseModel, ConfigDict
from sqlalchemy import and_, case, func, or_, select, tuple_
from sqlmodel import Session, col

from domain.freshness import FROM_BEST, Confidence, FeedSchedule, confidence, oldest, worst
from domain.kits import Kit
from domain.money import Quantity
from store.history import page_as_of, rows_as_of
from store.paging import DEFAULT_LIMIT, Page, page_of
from store.stock import levels, shown
from store.stock.levels import Key
from store.stock.promises import TOTAL
from store.tables.stock import AvailabilityRow, StockFeedRow, StockLevelRow, StockShowingRow, StockStatementRow


class Look(NamedTuple):
    """The instant from which stock is looked at, and the rules by which it ages; `past`: as it stood then."""

    at: datetime
    schedule: FeedSchedule
    kits: Mapping[str, Kit]
    past: bool = False


class ShownStock(BaseModel):
    """What Salesforce shows of a row since `said_at`; `available` None: that nobody knows.

    `refused`: why it did not take what was said last. `in_doubt`: something newer was sent, and no answer came yet.
    """

    model_config = ConfigDict(frozen=True)

    available: Quantity | None = None
    confidence: Confidence | None = None
    as_of_at: AwareDatetime | None = None
    said_at: AwareDatetime | None = None
    refused: str | None = None
    in_doubt: bool = False


class StockView(BaseModel):
    """What can be promised of an item in a warehouse, None: over all; quantities in base units.

    `published` is what a rep is told, never below zero, and None where nothing can be told; `confidence` is of now.
    `as_of_at` is the instant of the number, `confirmed_at` that of the newest export that states the same again.
    """

    model_config = ConfigDict(frozen=True)

    sku: str
    warehouse: str | None
    value: Quantity
    published: Quantity | None
    confidence: Confidence
    on_hand: Quantity
    allocated: Quantity
    as_of_at: AwareDatetime | None
    confirmed_at: AwareDatetime | None
    held: str | None
    basis: str
    decided_at: AwareDatetime
    policy_version: str
    salesforce: ShownStock | None


def page(  # noqa: PLR0913 - one keyword a filter
    session: Session,
    look: Look,
    *,
    warehouse: str | None = None,
    sku: str | None = None,
    word: Confidence | None = None,
    below: Decimal | None = None,
    limit: int = DEFAULT_LIMIT,
    cursor: str | None = None,
) -> Page[StockView]:
    """Rows by item and warehouse, the total (a blank one) first; `below`: of which less than that is published."""
    query = select(AvailabilityRow)
    if warehouse is not None:
        query = query.where(col(AvailabilityRow.warehouse) == warehouse)
    if sku is not None:
        query = query.where(col(AvailabilityRow.sku) == sku)
    if below is not None:
        query = query.where(col(AvailabilityRow.published) < below)
    if word is not None:
        query = query.where(_has_word(session, look, word))
    keys = [col(AvailabilityRow.sku), col(AvailabilityRow.warehouse)]
    found = page_of(session, query, keys, limit=limit, cursor=cursor)
    return Page(items=tuple(views(session, found.items, look)), next_cursor=found.next_cursor)


def past_page(
    session: Session, look: Look, *, limit: int = DEFAULT_LIMIT, cursor: str | None = None
) -> Page[StockView]:
    """All rows as they stood at the instant of the look, in the order of their keys."""
    found = page_as_of(session, AvailabilityRow, look.at, limit=limit, cursor=cursor)
    return Page(items=tuple(views(session, found.items, look)), next_cursor=found.next_cursor)


def views(session: Session, rows: Sequence[AvailabilityRow], look: Look) -> list[StockView]:
    """These rows with their confidence now, and with what Salesforce shows of them."""
    keys = [(row.sku, row.warehouse) for row in rows]
    confirmed = _confirmed(session, rows, look)
    showing = shown.showings(session, keys, look.at if look.past else None)
    said = {} if look.past else shown.statements(session, keys)
    return [
        _view(row, confirmed[key], look, _shown(showing.get(key), said.get(key)))
        for key, row in zip(keys, rows, strict=True)
    ]


def _view(row: AvailabilityRow, confirmed_at: datetime | None, look: Look, showing: ShownStock | None) -> StockView:
    word = _word(row, confirmed_at, look)
    fields = row.model_dump(include=set(StockView.model_fields))
    return StockView.model_validate(
        {
            **fields,
            "warehouse": row.warehouse or None,
            "published": None if word is Confidence.UNKNOWN else row.published,
            "confidence": word,
            "confirmed_at": confirmed_at,
            "salesforce": showing,
        }
    )


def _word(row: AvailabilityRow, confirmed_at: datetime | None, look: Look) -> Confidence:
    """Never better than it was decided; worse where the feed has aged since."""
    return worst((Confidence(row.confidence), confidence(confirmed_at, look.at, look.schedule)))


def _shown(showing: StockShowingRow | None, said: StockStatementRow | None) -> ShownStock | None:
    if showing is None and said is None:
        return None
    fields = showing.model_dump(include=set(ShownStock.model_fields)) if showing else {}
    if said is not None:
        fields |= {"refused": said.refused, "in_doubt": said.content_hash is None}
    return ShownStock.model_validate(fields)


def _confirmed(session: Session, rows: Iterable[AvailabilityRow], look: Look) -> dict[Key, datetime | None]:
    """Of each row the oldest of the instants of which its levels are known to stand."""
    rows = list(rows)
    parts = {row.sku: list(look.kits[row.sku].per_kit()) if row.sku in look.kits else [row.sku] for row in rows}
    instants = _instants(session, sorted({part for each in parts.values() for part in each}), look)
    found: dict[Key, datetime | None] = {}
    for row in rows:
        of_row = (
            at
            for part in parts[row.sku]
            for warehouse, at in instants.get(part, {}).items()
            if row.warehouse in {TOTAL, warehouse}
        )
        found[row.sku, row.warehouse] = min(of_row, default=None)
    return found


def _instants(session: Session, skus: Sequence[str], look: Look) -> dict[str, dict[str, datetime]]:
    """By item and warehouse the instant of the newest statement that a level follows, or its own."""
    feeds = levels.feeds(session)
    stored = [] if look.past else levels.of_items(session, skus)
    if look.past:
        keys = [f"{sku}|{warehouse}" for sku in skus for warehouse in feeds]
        stored = list(rows_as_of(session, StockLevelRow, look.at, keys).values())
        feeds = rows_as_of(session, StockFeedRow, look.at, list(feeds))
    found: dict[str, dict[str, datetime]] = {}
    for row in stored:
        base = levels.balance(row, feeds.get(row.warehouse)).base
        if base is not None:
            found.setdefault(row.sku, {})[row.warehouse] = base.effective_at
    return found


def _has_word(session: Session, look: Look, word: Confidence) -> Any:
    """The condition that a row has this confidence now; kits, of which there are few, are looked at one by one."""
    rank = func.greatest(_stored_rank(), _age_rank(look))
    kits = list(look.kits)
    of_kits = list(session.scalars(select(AvailabilityRow).where(col(AvailabilityRow.sku).in_(kits)))) if kits else []
    confirmed = _confirmed(session, of_kits, look)
    fitting = [key for row in of_kits if _word(row, confirmed[key := (row.sku, row.warehouse)], look) is word]
    simple = and_(col(AvailabilityRow.sku).not_in(kits), rank == FROM_BEST.index(word))
    return or_(simple, tuple_(col(AvailabilityRow.sku), col(AvailabilityRow.warehouse)).in_(fitting))


def _stored_rank() -> Any:
    return case({word.value: rank for rank, word in enumerate(FROM_BEST)}, value=col(AvailabilityRow.confidence))


def _age_rank(look: Look) -> Any:
    """The rank of the word that the age of a row's oldest level comes to."""
    level, feed = StockLevelRow, StockFeedRow
    followed = and_(col(level.follows), col(feed.effective_at) > col(level.effective_at))
    instant = case((followed, col(feed.effective_at)), else_=col(level.effective_at))
    here = or_(col(AvailabilityRow.warehouse) == TOTAL, col(AvailabilityRow.warehouse) == col(level.warehouse))
    confirmed = (
        select(func.min(instant))
        .select_from(level)
        .outerjoin(feed, col(feed.warehouse) == col(level.warehouse))
        .where(col(level.sku) == col(AvailabilityRow.sku), here)
        .correlate(AvailabilityRow)
        .scalar_subquery()
    )
    limits = [(confirmed >= oldest(word, look.at, look.schedule), rank) for rank, word in enumerate(FROM_BEST[:-1])]
    return case(*limits, else_=len(FROM_BEST) - 1)
