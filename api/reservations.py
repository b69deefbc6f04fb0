"""Goods kept for quotes: promised under a lock, once a reference, ended by release, by conversion or by time (I11)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from http import HTTPStatus
from typing import NamedTuple

import structlog
from sqlmodel import Session
from temporalio.service import RPCError

from activities.kit_promises import kit_rows
from activities.policies import may_use
from activities.starting import wake_stock
from api.operations import user_cause
from api.problems import ApiCode, Refused
from api.quotes import Kept, KeptLine, Quote, QuoteLine, ReservationState, ReservationView
from api.services import Services
from domain.company import Company
from domain.demand import Reservation, base_quantity
from domain.errors import Duplicate, Malformed, Missing
from domain.items import Item
from domain.kits import Kit
from domain.money import plain
from domain.policies import policy_of
from domain.promising import Promise, Wanted, promise, supply_of
from domain.stock_events import stock_key
from store import items, orders
from store.session import transaction
from store.stock import demands, marks, promises, reservations
from store.stock.reservations import Part, Request

log = structlog.get_logger()


class _Asked(NamedTuple):
    """A quote's lines in base units, and every item that they need, components instead of kits."""

    lines: list[Wanted]
    skus: list[str]
    kits: Mapping[str, Kit]


def reserve(services: Services, quote: Quote, by: str) -> Kept:
    """Keep goods for a quote, in one transaction; the same request again is answered the same and keeps nothing more.

    Raises Malformed for an item or unit that is not known, Duplicate for another request under the same reference, and
    Refused (409, `stock_short`) where something is short and all or nothing was asked. Raises Misconfigured where the
    rules need a second person and have none: no worker decides by them, so nothing is promised by them either.
    """
    with transaction(services.engine, user_cause(by, reservation=quote.reference)) as session:
        reservations.lock_reference(session, quote.reference)
        body = quote.model_dump(mode="json")
        before = reservations.request_of(session, quote.reference)
        if before is not None:
            return _answered(before, body)
        may_use(session, policy_of(services.company), services.approval, services.config_dir)
        asked = _asked(session, services.company, quote)
        # First the marks, then the promises: the order in which the worker takes them.
        marks.mark(session, asked.skus, "reserved")
        known = reservations.lock(session, asked.skus)
        at = reservations.now(session)
        got = _promise(session, services.company, asked, known, at)
        if quote.all_or_nothing and any(one.short for one in got):
            raise _short(got)
        minutes = quote.minutes or services.company.stock.reservation_minutes
        kept = _kept(quote.reference, got, at, at + timedelta(minutes=minutes))
        reservations.keep(session, quote.reference, _parts(got, asked.kits), at, kept.expires_at, by)
        reservations.keep_request(session, quote.reference, Request(body, kept.model_dump(mode="json")), at, by)
        return kept


def release(services: Services, reference: str, by: str) -> ReservationView:
    """Let go what is kept for a quote; doing it again changes nothing. Raises Missing for an unknown quote."""
    with transaction(services.engine, user_cause(by, reservation=reference)) as session:
        _hold(session, reference)
        at = reservations.now(session)
        if reservations.of_reference(session, reference):
            reservations.release(session, reference, at)
        return view(session, reference, at)


def convert(services: Services, reference: str, order_number: str, by: str) -> ReservationView:
    """End a reservation because it became an order, which from now on takes the goods (case I11).

    Doing it again changes nothing. Raises Missing for a quote, or an order, that is not known: goods that no order
    takes yet stay kept. Raises Duplicate where nothing is kept any more.
    """
    with transaction(services.engine, user_cause(by, reservation=reference, order=order_number)) as session:
        _hold(session, reference)
        at = reservations.now(session)
        found = view(session, reference, at)
        if found.state is ReservationState.CONVERTED and found.order_number == order_number:
            return found
        if found.state is not ReservationState.HELD:
            became = f" into order {found.order_number}" if found.order_number else ""
            detail = (
                f"Reservation {reference} is {found.state}{became}: nothing is kept. Reserve again under a new one."
            )
            raise Duplicate(detail, reason="reservation_ended")
        if order_number not in orders.get_many(session, [order_number]):
            detail = (
                f"Order {order_number} is not known from Salesforce yet; the goods stay kept. "
                "Pull orders (`threeway orders pull`) and convert then."
            )
            raise Missing(detail, reason="order")
        reservations.release(session, reference, at, order_number)
        return view(session, reference, at)


def view(session: Session, reference: str, at: datetime, *, past: bool = False) -> ReservationView:
    """A reservation as it stands at an instant, `past`: as it stood. Raises Missing for an unknown reference."""
    request = reservations.request_of(session, reference)
    parts = [demands.reservation(row) for row in reservations.of_reference(session, reference, at if past else None)]
    if request is None or (past and not parts and reservations.of_reference(session, reference)):
        raise Missing(
            f"Nothing was ever kept for {reference}. `GET /reservations` lists what is.", reason="reservation"
        )
    kept = Kept.model_validate(request.answer)
    order = next((one.order_number for one in parts if one.order_number), None)
    state = _state(kept, parts, order, at)
    return ReservationView(**dict(kept), state=state, order_number=order, parts=parts)


async def wake(services: Services, reference: str) -> None:
    """Let what can be promised be decided again. When Temporal is away the marks stand, and the sweep follows."""
    try:
        async with asyncio.timeout(5):
            await wake_stock(services.client)
    except (TimeoutError, RPCError, RuntimeError) as error:
        log.warning("stock is decided again later", reservation=reference, error=type(error).__name__)


def _hold(session: Session, reference: str) -> None:
    """Mark and lock what a quote keeps, in the same order as when it was kept."""
    reservations.lock_reference(session, reference)
    skus = sorted({row.sku for row in reservations.of_reference(session, reference)})
    marks.mark(session, skus, "a reservation ended")
    reservations.lock(session, skus)


def _state(kept: Kept, parts: Sequence[Reservation], order: str | None, at: datetime) -> ReservationState:
    if order:
        return ReservationState.CONVERTED
    if any(one.holds(at) for one in parts):
        return ReservationState.HELD
    ended_early = any(one.expires_at < kept.expires_at for one in parts)
    return ReservationState.RELEASED if ended_early else ReservationState.EXPIRED


def _answered(before: Request, body: dict[str, object]) -> Kept:
    kept = Kept.model_validate(before.answer)
    if before.body != body:
        detail = (
            f"{kept.reference} names another request already, made at {kept.created_at.isoformat()}: use a new one."
        )
        raise Duplicate(detail, reason="reference_taken")
    return kept


def _asked(session: Session, company: Company, quote: Quote) -> _Asked:
    kits = company.kits_by_sku
    known = items.get_many(session, [line.sku for line in quote.lines])
    lines = [_wanted(quote.reference, line, known.get(line.sku)) for line in quote.lines]
    parts = {part for line in lines for part in (kits[line.sku].per_kit() if line.sku in kits else (line.sku,))}
    return _Asked(lines, sorted(parts), kits)


def _wanted(reference: str, line: QuoteLine, item: Item | None) -> Wanted:
    factor = Fraction(1) if line.uom is None else item.convert(line.uom, item.base_uom) if item else None
    if factor is None:
        units = f"its units are {', '.join(sorted({item.base_uom, item.sell_uom}))}" if item else "it is no known item"
        detail = (
            f"Line {line.line_no}: {line.sku} cannot be counted in {line.uom}: {units}. Leave uom out for base units."
        )
        raise Malformed(detail, reason="uom")
    quantity = base_quantity(line.quantity, factor)
    return Wanted(
        order_number=reference, line_no=line.line_no, sku=line.sku, warehouse=line.warehouse, quantity=quantity
    )


def _promise(session: Session, company: Company, asked: _Asked, known: set[str], at: datetime) -> list[Promise]:
    """Promise the lines as a whole from what can be promised now; of items that are not locked there is nothing."""
    decided = promises.decide_items(session, asked.skus, promises.rules_of(company, at), at)
    supply = supply_of(one.said for one in decided if one.said.sku in known)
    for row in kit_rows(decided, asked.kits, at):
        supply[stock_key(row["sku"], row["warehouse"])] = row["published"] or Decimal(0)
    return promise(asked.lines, supply, asked.kits)


def _parts(got: Sequence[Promise], kits: Mapping[str, Kit]) -> list[Part]:
    parts = []
    for one in got:
        wanted = one.wanted
        per_one = kits[wanted.sku].per_kit() if wanted.sku in kits else {wanted.sku: Decimal(1)}
        if one.promised:
            parts += [
                Part(wanted.line_no, sku, wanted.warehouse, one.promised * quantity)
                for sku, quantity in per_one.items()
            ]
    return parts


def _kept(reference: str, got: Sequence[Promise], at: datetime, expires_at: datetime) -> Kept:
    return Kept(reference=reference, lines=list(map(_line, got)), created_at=at, expires_at=expires_at)


def _line(one: Promise) -> KeptLine:
    wanted = one.wanted
    return KeptLine(
        line_no=wanted.line_no,
        sku=wanted.sku,
        warehouse=wanted.warehouse,
        quantity=wanted.quantity,
        promised=one.promised,
        short=one.short,
        limited_by=one.limited_by,
    )


def _short(got: Sequence[Promise]) -> Refused:
    lines = [_line(one) for one in got]
    lacking = [one for one in lines if one.short]
    words = "; ".join(
        f"line {one.line_no}: {plain(one.short)} of {plain(one.quantity)} {one.sku}" for one in lacking[:3]
    )
    more = f"; and {len(lacking) - 3} more lines" if len(lacking) > 3 else ""
    detail = f"Nothing was kept, for there is too little: {words}{more}. Ask for less, or set all_or_nothing to false."
    told = [one.model_dump(mode="json") for one in lines]
    return Refused(HTTPStatus.CONFLICT, ApiCode.STOCK_SHORT, detail, lines=told)
