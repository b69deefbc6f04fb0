"""Oversell is found: at order time in a batch that did not get all, at file time in a promise below zero (case I6)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from decimal import Decimal
from fractions import Fraction

from domain.money import to_cents
from domain.promises import Availability, Part
from domain.promising import Promise
from domain.shortages import AffectedLine, Alternatives, OversellFinding, shortage
from domain.standings import Standing
from domain.stock_events import stock_key


def short_at_order(promises: Iterable[Promise], alternatives: Mapping[str, Alternatives]) -> list[OversellFinding]:
    """One finding for each item and warehouse of a batch whose lines did not get all they asked for.

    `alternatives` by the row's key (`SKU|WAREHOUSE`, a blank warehouse where the order names none).
    """
    short: dict[str, list[AffectedLine]] = {}
    for one in promises:
        if one.short > 0:
            key = stock_key(one.wanted.sku, one.wanted.warehouse or "")
            short.setdefault(key, []).append(_affected_by_promise(one))
    return [shortage(key, lines, alternatives.get(key, Alternatives())) for key, lines in short.items()]


def short_at_file(said: Availability, alternatives: Alternatives | None = None) -> OversellFinding | None:
    """What is promised beyond the stock that a file stated; None where orders and reservations can all be filled.

    The buffer lacks nobody, and a backorder is known as such. Quotes give way first, then lines that the ERP has not
    allocated, then allocated ones; among them the latest promise first, and a line without a date before all others.
    """
    free = _sum(said, Part.ON_HAND, Part.ALLOCATED, Part.LEFT_INSIDE)
    asked = sum((one.unseen + one.on_hold for one in said.standings), Decimal(0))
    reserved = -_sum(said, Part.RESERVED)
    lack = asked + reserved - free
    if lack <= 0 or not said.components:
        return None
    of_quotes = min(reserved, lack)
    affected = list(_hit(said.standings, lack - of_quotes))
    known = sum((one.short for one in affected), Decimal(0))
    key = stock_key(said.sku, said.warehouse or "")
    finding = shortage(key, affected, alternatives or Alternatives(), short=lack)
    return finding.model_copy(update={"reserved": of_quotes, "unexplained": lack - of_quotes - known})


def shortage_among(one: Availability, all_said: Iterable[Availability]) -> OversellFinding | None:
    """A shortage that hits somebody, with what there is elsewhere; a row below zero alone is another finding."""
    if one.value >= 0 or one.as_of_at is None:  # of what was never stated nobody can say that it is not there
        return None
    elsewhere = (
        max(other.value, Decimal(0))
        for other in all_said
        if other.sku == one.sku and other.warehouse and other.warehouse != one.warehouse
    )
    here = sum(elsewhere, Decimal(0)) if one.warehouse else Decimal(0)
    found = short_at_file(one, Alternatives(elsewhere=here))
    if found is None or not (found.affected or found.reserved or one.allocated > one.on_hand >= 0):
        return None
    return found


def _sum(said: Availability, *parts: Part) -> Decimal:
    return sum((one.quantity for one in said.components if one.part in parts), Decimal(0))


def _hit(standings: Iterable[Standing], lack: Decimal) -> Iterator[AffectedLine]:
    """Share the lack out: each line at most what it asks, not allocated before allocated, latest promise first."""
    latest_first = sorted(standings, key=_filled_when, reverse=True)
    short: dict[int, Decimal] = {}
    for shares in ([one.unseen + one.on_hold for one in latest_first], [one.covered for one in latest_first]):
        for position, share in enumerate(shares):
            taken = min(share, lack)
            short[position] = short.get(position, Decimal(0)) + taken
            lack -= taken
    for position in reversed(range(len(latest_first))):
        if short[position] > 0:
            yield _affected(latest_first[position], short[position])


def _filled_when(one: Standing) -> tuple[date, object, str, int]:
    demand = one.demand
    return (demand.promise_on or date.max, demand.accepted_at, demand.order_number, demand.line_no)


def _affected(stand: Standing, short: Decimal) -> AffectedLine:
    demand = stand.demand
    return AffectedLine(
        order_number=demand.order_number,
        line_no=demand.line_no,
        sku=demand.sku,
        quantity=stand.covered + stand.deducted,
        short=short,
        promise_on=demand.promise_on,
        money=_money(short, demand.unit_price, demand.factor or Fraction(1)),
    )


def _affected_by_promise(one: Promise) -> AffectedLine:
    wanted = one.wanted
    return AffectedLine(
        order_number=wanted.order_number,
        line_no=wanted.line_no,
        sku=wanted.sku,
        quantity=wanted.quantity,
        short=one.short,
        promise_on=wanted.promise_on,
        money=_money(one.short, wanted.unit_price, wanted.price_factor),
    )


def _money(short: Decimal, unit_price: Decimal, factor: Fraction) -> Decimal:
    exact = Fraction(short) * Fraction(unit_price) / factor
    return to_cents(Decimal(exact.numerator) / Decimal(exact.denominator))
