"""Any interleaving, repetition and resending ends where a plain model ends that is handed everything in order."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from domain.acknowledgements import AcknowledgementStatus
from domain.availability import decide
from domain.demand import LineAcknowledgement, OpenDemand, Reservation
from domain.freshness import BufferPolicy, Confidence
from domain.promises import Availability, AvailabilityInput, AvailabilityPolicy, stock_figure
from domain.stock_balances import Balances
from domain.stock_events import Absence, Delta, Snapshot
from domain.stock_ledger import apply
from tests.domain.stock_world import OPEN, ack, at, delta, demand, reservation, row, shipped, snapshot

NOW = 100
PLACES, SKUS = ("ATL", "RNO"), ("BOLT", "NUT")
ORDERS = ("SO1", "SO2", "SO3")
ACCEPTED, HOLD, REJECTED = (
    AcknowledgementStatus.ACCEPTED,
    AcknowledgementStatus.CREDIT_HOLD,
    AcknowledgementStatus.REJECTED,
)
POLICY = AvailabilityPolicy(version="property", buffer=BufferPolicy(units=Decimal(1), units_per_hour=Decimal(2)))

Message = Snapshot | Delta | OpenDemand | LineAcknowledgement | Reservation


@dataclass
class Outcome:
    """What the product ends with."""

    balances: Balances
    published: dict[tuple[str, str | None], Availability]


# --- What happened, each thing once.


@st.composite
def snapshots(draw: st.DrawFn) -> list[Snapshot]:
    """Statements of distinct instants, whole or partial, of one warehouse or both."""
    found = []
    for minutes in draw(st.sets(st.integers(0, 90), max_size=4)):
        places = draw(st.sampled_from([PLACES, ("ATL",)]))
        rows = [
            row(sku, place, draw(st.integers(-5, 60)), draw(st.integers(0, 20)))
            for sku in SKUS
            for place in places
            if draw(st.booleans())
        ]
        absence = draw(st.sampled_from(Absence))
        complete = draw(st.sampled_from([True, True, False]))
        found.append(snapshot(minutes, *rows, warehouses=places, absence=absence, complete=complete))
    return found


@st.composite
def movements(draw: st.DrawFn) -> list[Delta]:
    """Movements, some at the very instant of a snapshot, one of them perhaps the shipment SH1."""
    return [
        delta(
            draw(st.integers(0, 90)),
            draw(st.integers(-9, 9)),
            draw(st.sampled_from(SKUS)),
            draw(st.sampled_from(PLACES)),
            id=f"move{number}",
            bucket=draw(st.sampled_from(["sellable", "damaged"])),
            reference=draw(st.sampled_from([None, "SH1"])),
        )
        for number in range(draw(st.integers(0, 4)))
    ]


@st.composite
def order_lines(draw: st.DrawFn) -> list[OpenDemand]:
    """Orders, each stated up to twice."""
    found = []
    for order in ORDERS:
        place = draw(st.sampled_from(["ATL", "RNO", None]))
        for version in range(draw(st.integers(0, 2))):
            parts = draw(st.sampled_from([(), (shipped("SH1", 2, draw(st.integers(0, 95))),)]))
            found.append(
                demand(
                    order,
                    draw(st.integers(1, 12)),
                    draw(st.sampled_from([0, 50, 110])),
                    warehouse=place,
                    factor=draw(st.sampled_from([Fraction(1), Fraction(12)])),
                    version_at=at(version),
                    cancelled=draw(st.sampled_from([False, False, True])),
                    shipped=parts,
                )
            )
    return found


@st.composite
def acknowledgements(draw: st.DrawFn) -> list[LineAcknowledgement]:
    """Files of distinct cuts, each with a word on some orders."""
    found = []
    for cut in draw(st.sets(st.integers(0, 95), max_size=3)):
        for order in ORDERS:
            word = draw(st.sampled_from([None, ACCEPTED, ACCEPTED, HOLD, REJECTED]))
            if word is ACCEPTED:
                split = {"allocated": draw(st.integers(0, 12)), "backordered": Decimal(draw(st.integers(0, 4)))}
                found.append(ack(order, cut, **split))
            elif word:
                found.append(ack(order, cut, line_no=None, status=word))
    return found


reservations = st.lists(
    st.builds(reservation, st.sampled_from(["Q1", "Q2"]), st.just(3), st.just(0), st.sampled_from([60, 200])),
    unique_by=lambda one: one.id,
)


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[Message], list[Message]]:
    """What happened, and how it arrived: in any order, everything at least once, some of it again."""
    happened: list[Message] = [
        *draw(snapshots()),
        *draw(movements()),
        *draw(order_lines()),
        *draw(acknowledgements()),
        *draw(reservations),
    ]
    again = draw(st.lists(st.sampled_from(happened), max_size=6)) if happened else []
    return happened, draw(st.permutations([*happened, *again]))


# --- The product, fed with arrivals.


def run(arrivals: Iterable[Message]) -> Outcome:
    """Apply each as it comes; then decide every number from all that came, in the order in which it came."""
    balances = Balances()
    kept: dict[type, list[Any]] = {OpenDemand: [], LineAcknowledgement: [], Reservation: []}
    for one in arrivals:
        if isinstance(one, Snapshot | Delta):
            before = balances
            balances = apply(balances, one, OPEN).balances
            assert_nothing_got_older(before, balances)
        else:
            kept[type(one)].append(one)
    published = {}
    for sku in SKUS:
        for place in (*PLACES, None):
            rows = [one for one in balances.rows.values() if one.sku == sku and place in {None, one.warehouse}]
            published[sku, place] = decide(
                AvailabilityInput(
                    sku=sku,
                    warehouse=place,
                    figures=tuple(stock_figure(one, OPEN) for one in rows),
                    demands=tuple(kept[OpenDemand]),
                    acknowledgements=tuple(kept[LineAcknowledgement]),
                    reservations=tuple(kept[Reservation]),
                    policy=POLICY,
                    at=at(NOW),
                )
            )
    return Outcome(balances, published)


def assert_nothing_got_older(before: Balances, after: Balances) -> None:
    """Case I8: never an older instant over a newer one, after any single event."""
    for key, old in before.rows.items():
        new = after.rows[key]
        if old.base:
            assert new.base is not None
            assert new.base.version >= old.base.version


# --- The plain model: sort all that happened, go through it once, with minutes and integers.


@dataclass
class Plain:
    """One row at the end: when it was stated, its sellable on hand and allocated, shipments moved since."""

    minute: int
    on_hand: int
    allocated: int
    moved: set[str]


def minute_of(instant: Any) -> int:
    """Minutes after T0."""
    return int((instant - at(0)).total_seconds() // 60)


def model_row(happened: list[Message], sku: str, place: str) -> Plain | None:
    """Replay the statements of one row in order of time."""
    moves = [one for one in happened if isinstance(one, Delta) and (one.sku, one.warehouse) == (sku, place)]
    files = sorted((one for one in happened if isinstance(one, Snapshot)), key=lambda one: one.effective_at)
    files = [one for one in files if place in one.warehouses]
    listed = [[line for line in one.rows if (line.sku, line.warehouse) == (sku, place)] for one in files]
    if not moves and not any(listed):
        return None  # nobody ever spoke of it
    state = None
    for one, lines in zip(files, listed, strict=True):
        if lines:
            count = lines[0].counts[0]
            state = Plain(minute_of(one.effective_at), int(count.on_hand), int(count.allocated), set())
        elif one.complete and one.absence is not Absence.KEEP:
            state = Plain(minute_of(one.effective_at), 0, 0, set())
    for move in moves:
        if state and minute_of(move.effective_at) > state.minute:
            state.on_hand += int(move.on_hand) if move.bucket == "sellable" else 0
            state.moved |= {move.reference} if move.reference else set()
    return state


def model_line(happened: list[Message], order: str, stated: int | None, moved: set[str]) -> tuple[int, int]:
    """What the order's line takes from the promise, and what it gives back, in base units."""
    line = max(
        (one for one in happened if isinstance(one, OpenDemand) and one.order_number == order),
        key=lambda one: one.version_at,
    )
    words = [one for one in happened if isinstance(one, LineAcknowledgement) and one.order_number == order]
    words.sort(key=lambda one: one.cut_at)
    if line.cancelled or minute_of(line.accepted_at) > NOW or (words and words[-1].status is REJECTED):
        return 0, 0
    size, wanted = int(line.factor or 0), int(line.quantity)
    if stated is None:
        gone = sum(int(part.quantity) for part in line.shipped)
        return max(wanted - gone, 0) * size, 0
    before = [part for part in line.shipped if minute_of(part.shipped_at) <= stated]
    since = [part for part in line.shipped if minute_of(part.shipped_at) > stated and part.shipment_number in moved]
    rest = max(wanted - sum(int(part.quantity) for part in [*before, *since]), 0)
    known = [one for one in words if minute_of(one.cut_at) <= stated]
    if not known or known[-1].status is not ACCEPTED:
        return rest * size, 0
    inside = int(known[-1].allocated or 0)
    inside -= sum(int(part.quantity) for part in before if part.shipped_at > known[-1].cut_at)
    inside = max(inside, 0)
    back = min(sum(int(part.quantity) for part in since), inside)
    return max(rest - (inside - back), 0) * size, back * size


def model_number(happened: list[Message], sku: str, place: str | None) -> int | None:
    """The published number: None where nothing may be said."""
    rows = {one: model_row(happened, sku, one) for one in (PLACES if place is None else (place,))}
    stated = {one: state for one, state in rows.items() if state}
    if not stated:
        return None
    number = 0
    for state in stated.values():
        late = sum(1 for due in range(60, 6000, 60) if NOW - state.minute > due + 15)
        number += state.on_hand - state.allocated - min(1 + 2 * late, max(state.on_hand, 0))
    if sku == "BOLT":
        number -= model_orders(happened, stated, place) + model_quotes(happened, place)
    return max(number, 0)


def model_orders(happened: list[Message], stated: dict[str, Plain], place: str | None) -> int:
    """All that orders take, less what they give back."""
    taken = 0
    for order in {one.order_number for one in happened if isinstance(one, OpenDemand)}:
        where = next(one.warehouse for one in happened if isinstance(one, OpenDemand) and one.order_number == order)
        if place is not None and where not in {None, place}:
            continue
        oldest = min(state.minute for state in stated.values())
        everywhere = {name for state in stated.values() for name in state.moved}
        state = stated.get(where) if where else Plain(oldest, 0, 0, everywhere)
        takes, gives = model_line(happened, order, state.minute if state else None, state.moved if state else set())
        taken += (takes if where or place is None else 0) - gives
    return taken


def model_quotes(happened: list[Message], place: str | None) -> int:
    """What quotes keep now."""
    quotes = [one for one in happened if isinstance(one, Reservation) and place in {None, one.warehouse}]
    return sum(int(one.quantity) for one in quotes if minute_of(one.expires_at) > NOW)


@given(histories())
@settings(max_examples=150)
def test_any_arrival_ends_in_the_balances_and_numbers_of_the_plain_model(
    history: tuple[list[Message], list[Message]],
) -> None:
    """Cases I1, I2, I3, I4, I8, I11."""
    happened, arrivals = history
    outcome = run(arrivals)
    for sku in SKUS:
        for place in PLACES:
            expected, found = model_row(happened, sku, place), outcome.balances.rows.get(f"{sku}|{place}")
            figure = stock_figure(found, OPEN) if found else None
            if expected is None:
                assert figure is None or figure.stated_at is None
            else:
                assert figure is not None
                assert figure.stated_at == at(expected.minute)
                assert (figure.on_hand, figure.allocated) == (expected.on_hand, expected.allocated)
        for place in (*PLACES, None):
            assert outcome.published[sku, place].published == model_number(happened, sku, place)


@given(histories())
@settings(max_examples=60)
def test_two_arrivals_of_the_same_things_end_alike(history: tuple[list[Message], list[Message]]) -> None:
    """The whole state, to the last source and component."""
    happened, arrivals = history
    first, second = run(happened), run(arrivals)
    assert first.balances == second.balances
    assert first.published == second.published


@given(histories())
@settings(max_examples=60)
def test_a_number_adds_up_and_is_the_same_from_its_stored_inputs(history: tuple[list[Message], list[Message]]) -> None:
    """Feature G-C8: decided again from JSON, with and without defaults; and its components are its value."""
    _, arrivals = history
    outcome = run(arrivals)
    kept = {kind: tuple(one for one in arrivals if isinstance(one, kind)) for kind in (OpenDemand, LineAcknowledgement)}
    asked = AvailabilityInput(
        sku="BOLT",
        warehouse=None,
        figures=tuple(stock_figure(one, OPEN) for one in outcome.balances.rows.values() if one.sku == "BOLT"),
        demands=kept[OpenDemand],
        acknowledgements=kept[LineAcknowledgement],
        policy=POLICY,
        at=at(NOW),
    )
    said = decide(asked)
    assert sum(one.quantity for one in said.components) == said.value
    assert said.published is None or said.published == max(said.value, 0)
    assert (said.published is None) == (said.confidence is Confidence.UNKNOWN)
    assert decide(AvailabilityInput.model_validate_json(asked.model_dump_json())) == said
    stored = json.dumps(asked.model_dump(mode="json", exclude_defaults=True))
    assert decide(AvailabilityInput.model_validate_json(stored)) == said
    assert Availability.model_validate_json(said.model_dump_json()) == said


@given(histories())
@settings(max_examples=50)
def test_events_and_balances_survive_json(history: tuple[list[Message], list[Message]]) -> None:
    """A ledger goes on from its stored balances and stored events as if it had never been put away."""
    balances = kept = Balances()
    for one in history[1]:
        if isinstance(one, Snapshot | Delta):
            balances = apply(balances, one, OPEN).balances
            again = type(one).model_validate_json(one.model_dump_json())
            kept = apply(Balances.model_validate_json(kept.model_dump_json()), again, OPEN).balances
    assert kept == balances
