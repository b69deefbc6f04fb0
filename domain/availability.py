"""Available to promise: a decision from explicit inputs, made again from them with the same answer (cases I3-I7)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal

from domain.demand import LineAcknowledgement, OpenDemand, newest_demands
from domain.exceptions import Cause
from domain.freshness import Confidence, buffer, confidence, widening, worst
from domain.money import plain
from domain.promises import Availability, AvailabilityInput, Component, Part, StockFigure
from domain.standings import Standing, standing
from domain.stock_guards import StockFinding


def decide(given: AvailabilityInput) -> Availability:
    """Decide what of this item can be promised, with every component; pure and repeatable (feature G-C8)."""
    figures = sorted((one for one in given.figures if one.stated_at), key=lambda one: one.warehouse)
    asked = _asked(given)
    standings = _standings(given, figures, asked)
    components = (*_stock(given, figures), *_orders(standings), *_reserved(given), *_buffers(given, figures))
    value = sum((one.quantity for one in components), Decimal(0))
    unknown_units = [one for one in asked if one.factor is None and not one.cancelled]
    word = Confidence.UNKNOWN if unknown_units else _confidence(given, figures)
    oldest = min(figures, key=lambda one: (one.stated_at or given.at, one.sequence), default=None)
    return Availability(
        sku=given.sku,
        warehouse=given.warehouse,
        value=value,
        published=None if word is Confidence.UNKNOWN else max(value, Decimal(0)),
        confidence=word,
        as_of_at=oldest.stated_at if oldest else None,
        sequence=oldest.sequence if oldest else 0,
        on_hand=sum((one.on_hand for one in figures), Decimal(0)),
        allocated=sum((one.allocated for one in figures), Decimal(0)),
        stated_on_hand=sum((one.stated_on_hand for one in figures), Decimal(0)),
        stated_allocated=sum((one.stated_allocated for one in figures), Decimal(0)),
        components=components,
        standings=tuple(one for one in standings if one.covered or one.deducted or one.left_inside),
        notes=tuple(_notes(figures)),
        held=next((one.held for one in figures if one.held), None) if given.warehouse else None,
        findings=tuple(map(_unit_finding, unknown_units)),
        policy_version=given.policy.version,
    )


def _asked(given: AvailabilityInput) -> list[OpenDemand]:
    """Lines of this item that were accepted by now; an order without a warehouse counts in the total only.

    In a warehouse it is looked at for what has left from there, which is among the allocated of the row until the next
    statement.
    """
    newest = newest_demands(given.demands)
    mine = (one for one in newest if one.sku == given.sku and one.accepted_at <= given.at)
    if given.warehouse is None:
        return list(mine)
    moved = {name for one in given.figures for name in one.moved}
    return [one for one in mine if one.warehouse == given.warehouse or (one.warehouse is None and _left(one, moved))]


def _left(demand: OpenDemand, moved: set[str]) -> bool:
    return any(part.shipment_number in moved for part in demand.shipped)


def _confidence(given: AvailabilityInput, figures: list[StockFigure]) -> Confidence:
    """The worst of its figures: a total is no better known than its least known part."""
    return worst(tuple(confidence(one.stated_at, given.at, given.policy.feed) for one in figures))


def _standings(given: AvailabilityInput, figures: list[StockFigure], asked: list[OpenDemand]) -> list[Standing]:
    by_warehouse = {one.warehouse: one for one in figures}
    oldest = min((one.stated_at for one in figures if one.stated_at), default=None)
    said: dict[str, list[LineAcknowledgement]] = {}
    for one in given.acknowledgements:
        said.setdefault(one.order_number, []).append(one)
    found = []
    for demand in asked:
        words = [one for one in said.get(demand.order_number, []) if one.line_no in {None, demand.line_no}]
        here = [by_warehouse[demand.warehouse]] if demand.warehouse in by_warehouse else []
        seen = figures if demand.warehouse is None else here
        stated_at = oldest if demand.warehouse is None else here[0].stated_at if here else None
        moved = frozenset(name for figure in seen for name in figure.moved)
        found.append(_counting(given, standing(demand, words, stated_at, moved, at=given.at)))
    return found


def _counting(given: AvailabilityInput, stand: Standing) -> Standing:
    """What of a standing counts here."""
    if given.warehouse is not None and stand.demand.warehouse is None:
        return Standing(demand=stand.demand, left_inside=stand.left_inside)
    return stand if given.policy.backorders_deduct else stand.model_copy(update={"backordered": Decimal(0)})


def _stock(given: AvailabilityInput, figures: list[StockFigure]) -> Iterator[Component]:
    for one in figures:
        yield Component(
            part=Part.ON_HAND,
            quantity=_counted(given, one),
            warehouse=one.warehouse,
            as_of_at=one.as_of_at,
            sources=one.sources,
        )
    for one in figures:
        if one.allocated:
            yield Component(
                part=Part.ALLOCATED,
                quantity=-one.allocated,
                warehouse=one.warehouse,
                as_of_at=one.stated_at,
                sources=one.sources,
            )


def _counted(given: AvailabilityInput, figure: StockFigure) -> Decimal:
    """A held row counts in a total with the smaller of the old and the new number (case I9)."""
    if given.warehouse or figure.agreed_on_hand is None:
        return figure.on_hand
    return min(figure.on_hand, figure.agreed_on_hand)


def _orders(standings: list[Standing]) -> Iterator[Component]:
    placed = [one for one in standings if one.demand.warehouse]
    unplaced = [one for one in standings if not one.demand.warehouse]
    yield from _summed(Part.LEFT_INSIDE, standings, lambda one: one.left_inside)
    yield from _summed(Part.UNSEEN, placed, lambda one: -one.unseen)
    yield from _summed(Part.ON_HOLD, placed, lambda one: -one.on_hold)
    yield from _summed(Part.BACKORDERED, placed, lambda one: -one.backordered)
    yield from _summed(Part.UNASSIGNED, unplaced, lambda one: -one.deducted)


def _summed(part: Part, standings: list[Standing], share: Callable[[Standing], Decimal]) -> Iterator[Component]:
    """One component over all lines that have a share in it, with each line as a source; none without such a line."""
    shares = [(one.demand, share(one)) for one in standings if share(one)]
    if not shares:
        return
    yield Component(
        part=part,
        quantity=sum((quantity for _, quantity in shares), Decimal(0)),
        orders=len({demand.order_number for demand, _ in shares}),
        sources=tuple(f"{demand.name} ({plain(abs(quantity))})" for demand, quantity in shares),
    )


def _reserved(given: AvailabilityInput) -> Iterator[Component]:
    """Reservations that hold now, each id once (case I11)."""
    mine = (one for one in given.reservations if one.sku == given.sku and one.holds(given.at))
    here = {one.id: one for one in mine if given.warehouse is None or one.warehouse == given.warehouse}
    if here:
        yield Component(
            part=Part.RESERVED,
            quantity=-sum((one.quantity for one in here.values()), Decimal(0)),
            orders=len(here),
            sources=tuple(f"{name} ({plain(here[name].quantity)})" for name in sorted(here)),
        )


def _buffers(given: AvailabilityInput, figures: list[StockFigure]) -> Iterator[Component]:
    policy = given.policy
    kept = Decimal(0)
    for one in figures:
        if one.stated_at:
            old = widening(one.stated_at, given.at, policy.feed, policy.buffer)
            kept += buffer(_counted(given, one), old, policy.buffer)
    if kept:
        yield Component(part=Part.BUFFER, quantity=-kept, sources=(f"policy {policy.version}",))


def _notes(figures: Iterable[StockFigure]) -> Iterator[str]:
    for one in figures:
        for words in one.not_sellable:
            yield f"{words} of {one.warehouse} is not sold from"
        if one.held:
            yield f"{one.warehouse} is held: {one.held}"


def _unit_finding(demand: OpenDemand) -> StockFinding:
    sentence = (
        f"{demand.name} asks {plain(demand.quantity)} {demand.uom} of {demand.sku}, a unit that the item lacks: "
        "what can be promised is unknown until the item master has it."
    )
    return StockFinding(cause=Cause.STOCK_UNIT_UNKNOWN, sentence=sentence, subject=demand.name)
