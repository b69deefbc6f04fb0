"""Promises: what can be promised of items, decided from what is stored now and kept with the inputs of the decision."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, tzinfo
from decimal import Decimal
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert as insert_or
from sqlmodel import Session, col

from domain.availability import decide
from domain.availability_words import basis
from domain.company import Company
from domain.freshness import Confidence
from domain.items import Item
from domain.kits import Kit
from domain.money import plain
from domain.promises import Availability, AvailabilityInput, AvailabilityPolicy, StockFigure, stock_figure
from domain.stock_guards import StockPolicy
from domain.stock_rules import StockRules
from store import items as item_store
from store.stock import demands, levels, movements
from store.stock.demands import Asked, Window
from store.tables.stock import AvailabilityRow, StockLevelRow, StockPolicyRow
from store.upserts import upsert as upsert_rows

TOTAL = ""  # the warehouse of the row that stands for all of them


class Rules(NamedTuple):
    """By what is decided: the policies at this instant, the kits, the first day of the orders that count."""

    guards: StockPolicy
    promises: AvailabilityPolicy
    kits: Mapping[str, Kit]
    orders_from: date | None


def rules_of(company: Company, at: datetime) -> Rules:
    """The rules of a company at an instant."""
    stock = company.stock
    return Rules(stock.guards(), stock.promises(company.zone, at), company.kits_by_sku, stock.orders_from)


def policy_body(company: Company) -> dict[str, Any]:
    """The rules as they are kept under their version; `policy_of` reads them again."""
    return {**company.stock.model_dump(mode="json"), "timezone": company.timezone}


class Decided(NamedTuple):
    """A decision and the inputs that it was made from; deciding again from them gives the same."""

    given: AvailabilityInput
    said: Availability


def decide_items(session: Session, skus: Sequence[str], rules: Rules, at: datetime) -> list[Decided]:
    """Decide about these items: one decision a warehouse that has a level, and one over all of them."""
    needed = sorted({*skus, *(part for sku in skus if sku in rules.kits for part in rules.kits[sku].per_kit())})
    known = item_store.get_many(session, [*needed, *_kits_of(needed, rules.kits)])
    figures = _figures(session, needed, known, rules.guards)
    stated = [one.stated_at for some in figures.values() for one in some if one.stated_at]
    window = Window(rules.orders_from, min(stated, default=None))
    asked = demands.asked_of(session, needed, known, rules.kits, window)
    return [Decided(given, decide(given)) for given in _inputs(needed, figures, asked, rules, at)]


def _kits_of(skus: Sequence[str], kits: Mapping[str, Kit]) -> list[str]:
    wanted = set(skus)
    return [sku for sku, kit in kits.items() if wanted & set(kit.per_kit())]


def _figures(
    session: Session, skus: Sequence[str], known: Mapping[str, Item], guards: StockPolicy
) -> dict[str, list[StockFigure]]:
    rows, feeds = levels.of_items(session, skus), levels.feeds(session)
    moved = movements.since(session, skus, _oldest(rows, feeds), known) if rows else {}
    figures: dict[str, list[StockFigure]] = {sku: [] for sku in skus}
    for row in rows:
        balance = levels.balance(row, feeds.get(row.warehouse), moved.get((row.sku, row.warehouse), ()))
        figures[row.sku].append(stock_figure(balance, guards))
    return figures


def _oldest(rows: Sequence[StockLevelRow], feeds: Mapping[str, Any]) -> datetime:
    """The instant of the oldest base among these: what moved before that is inside all of them."""
    bases = (levels.balance(row, feeds.get(row.warehouse)).base for row in rows)
    return min(base.effective_at for base in bases if base)


def _inputs(
    skus: Sequence[str], figures: Mapping[str, list[StockFigure]], asked: Asked, rules: Rules, at: datetime
) -> Iterator[AvailabilityInput]:
    for sku in skus:
        wanted = tuple(asked.demands.get(sku, ()))
        orders = {one.order_number for one in wanted}
        total = AvailabilityInput.model_construct(
            sku=sku,
            warehouse=None,
            figures=tuple(figures[sku]),
            demands=wanted,
            acknowledgements=tuple(one for order in sorted(orders) for one in asked.said.get(order, ())),
            reservations=tuple(asked.reservations.get(sku, ())),
            policy=rules.promises,
            at=at,
        )
        yield from (_of_warehouse(total, figure) for figure in figures[sku])
        yield total


def _of_warehouse(total: AvailabilityInput, figure: StockFigure) -> AvailabilityInput:
    """The inputs of one warehouse: an order that names none counts in the total only, but for what left from here."""
    here = figure.warehouse
    left_from_here = set(figure.moved)
    demands = tuple(
        one
        for one in total.demands
        if one.warehouse == here
        or (one.warehouse is None and any(part.shipment_number in left_from_here for part in one.shipped))
    )
    orders = {one.order_number for one in demands}
    narrowed = {
        "warehouse": here,
        "figures": (figure,),
        "demands": demands,
        "acknowledgements": tuple(one for one in total.acknowledgements if one.order_number in orders),
        "reservations": tuple(one for one in total.reservations if one.warehouse == here),
    }
    return total.model_copy(update=narrowed)


def keep(session: Session, decided: Iterable[Decided], zone: tzinfo) -> int:
    """Keep decisions with their inputs; answers how many rows were written."""
    return keep_rows(session, [_row(one, zone) for one in decided])


def keep_rows(session: Session, rows: Sequence[Mapping[str, Any]]) -> int:
    """Keep decisions that are rows already; answers how many were written."""
    return len(upsert_rows(session, AvailabilityRow, rows))


def keep_policy(session: Session, version: str, body: dict[str, Any]) -> None:
    """Keep the rules of a policy version, once."""
    values = {"version": version, "body": body}
    session.execute(insert_or(StockPolicyRow).values(values).on_conflict_do_nothing())


def policy_of(session: Session, version: str, at: datetime) -> AvailabilityPolicy | None:
    """The policy of a version as it was at an instant; None where its rules are not kept."""
    row = session.get(StockPolicyRow, version)
    if row is None:
        return None
    rules = {name: value for name, value in row.body.items() if name != "timezone"}
    return StockRules.model_validate(rules).promises(ZoneInfo(row.body["timezone"]), at)


def of_items(session: Session, skus: Sequence[str]) -> dict[levels.Key, AvailabilityRow]:
    """The kept decisions about these items, the total under a blank warehouse."""
    query = select(AvailabilityRow).where(col(AvailabilityRow.sku).in_(skus))
    rows = session.scalars(query.order_by(col(AvailabilityRow.sku), col(AvailabilityRow.warehouse)))
    return {(row.sku, row.warehouse): row for row in rows}


def decided_again(row: AvailabilityRow, policy: AvailabilityPolicy) -> Availability:
    """What the kept inputs come to: the same as was decided, with every component (feature G-C8)."""
    return decide(AvailabilityInput.model_validate({**row.given, "policy": policy}))


def content_hash(said: Availability) -> str:
    """A name for what is shown of a decision; not its instant, for every export would change that of every row."""
    on_hand = max(said.stated_on_hand, Decimal(0))
    total = said.warehouse is None
    return shown_hash(said.published, on_hand, said.stated_allocated, said.confidence, total=total)


def shown_hash(
    published: Decimal | None, on_hand: Decimal, allocated: Decimal, confidence: Confidence, *, total: bool
) -> str:
    """The same of the numbers themselves; of a total only the number is shown."""
    number = "" if published is None else plain(published)
    words = [number] if total else [number, plain(on_hand), plain(allocated), confidence]
    return hashlib.sha256("|".join(words).encode()).hexdigest()[:32]


def _row(one: Decided, zone: tzinfo) -> dict[str, Any]:
    said = one.said
    return {
        "sku": said.sku,
        "warehouse": said.warehouse or TOTAL,
        "value": said.value,
        "published": said.published,
        "confidence": said.confidence.value,
        "as_of_at": said.as_of_at,
        "sequence": said.sequence,
        "on_hand": max(said.stated_on_hand, Decimal(0)),
        "allocated": said.stated_allocated,
        "basis": basis(said, zone),
        "held": said.held,
        "given": one.given.model_dump(mode="json", exclude={"policy"}),
        "policy_version": said.policy_version,
        "content_hash": content_hash(said),
        "decided_at": one.given.at,
    }
