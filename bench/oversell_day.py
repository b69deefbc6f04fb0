"""One day of one item in the simulation: reps, the counter, the exports, and what a rep is shown."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

from domain.acknowledgements import AcknowledgementStatus
from domain.availability import decide
from domain.demand import LineAcknowledgement, OpenDemand
from domain.promises import AvailabilityInput, AvailabilityPolicy, StockFigure

OPENS_AT = datetime(2026, 11, 20, 13, 0, tzinfo=UTC)
DAY_MINUTES = 600
OPENING_STOCK = 40
TRANSFER_MINUTES = 5  # from the cut of an export until it is visible


@dataclass(frozen=True)
class Strategy:
    """What a rep is shown. `buffer`: how many times the expected counter sales are kept back; None: a mere copy."""

    name: str
    buffer: int | None = None
    less_allocated: bool = False


@dataclass(frozen=True)
class Arrival:
    """Somebody wants so many pieces at this minute of the day."""

    minute: int
    pieces: int
    at_counter: bool


@dataclass
class Line:
    """An accepted order of a rep, and what the ERP made of it."""

    number: str
    pieces: int
    minute: int
    allocated: int | None = None  # None: not imported yet
    imported_at: int = 0
    shipped: int = 0


@dataclass
class Tally:
    """Pieces, over all days of one setting."""

    asked: int = 0
    accepted: int = 0
    oversold: int = 0
    refused_in_vain: int = 0

    def oversell_percent(self) -> Decimal:
        """Accepted pieces that the ERP could not allocate, of all accepted."""
        return _percent(self.oversold, self.accepted)

    def lost_percent(self) -> Decimal:
        """Pieces refused although they were free, of all that reps were asked for."""
        return _percent(self.refused_in_vain, self.asked)


@dataclass
class Day:
    """One day of one item under one strategy."""

    strategy: Strategy
    interval: int
    policy: AvailabilityPolicy
    tally: Tally
    on_hand: int = OPENING_STOCK
    lines: list[Line] = field(default_factory=list)
    exports: list[tuple[int, int, int]] = field(default_factory=lambda: [(-TRANSFER_MINUTES, OPENING_STOCK, 0)])

    def run(self, arrivals: list[Arrival]) -> None:
        """Live through the day; the last export tells how its orders ended."""
        waiting = list(arrivals)
        for minute in range(DAY_MINUTES + 1):
            while waiting and waiting[0].minute == minute:
                self._serve(waiting.pop(0))
            if minute and (minute % self.interval == 0 or minute == DAY_MINUTES):
                self._export(minute)
        self.tally.oversold += sum(one.pieces - (one.allocated or 0) for one in self.lines)

    def _serve(self, arrival: Arrival) -> None:
        if arrival.at_counter:
            free = self.on_hand - sum((one.allocated or 0) - one.shipped for one in self.lines)
            self.on_hand -= arrival.pieces if free >= arrival.pieces else 0
            return
        self.tally.asked += arrival.pieces
        if self._shown(arrival.minute) >= arrival.pieces:
            self.tally.accepted += arrival.pieces
            self.lines.append(Line(f"SO{len(self.lines)}", arrival.pieces, arrival.minute))
        elif self._truly_free() >= arrival.pieces:
            self.tally.refused_in_vain += arrival.pieces

    def _truly_free(self) -> int:
        return self.on_hand - sum(one.pieces - one.shipped for one in self.lines)

    def _export(self, minute: int) -> None:
        """Ship, import, allocate, cut: in this order, in one go."""
        for one in self.lines:
            left = (one.allocated or 0) - one.shipped
            one.shipped += left
            self.on_hand -= left
        held = 0
        for one in self.lines:
            if one.allocated is None:
                one.allocated, one.imported_at = min(one.pieces, max(self.on_hand - held, 0)), minute
                held += one.allocated
        self.exports.append((minute, self.on_hand, held))

    def _shown(self, minute: int) -> Decimal:
        """The number on the rep's screen."""
        cut, on_hand, allocated = next(one for one in reversed(self.exports) if one[0] + TRANSFER_MINUTES <= minute)
        if self.strategy.buffer is None:
            return Decimal(on_hand - (allocated if self.strategy.less_allocated else 0))
        shown = decide(self._asked(minute, _figure(cut, on_hand, allocated))).published
        return Decimal(0) if shown is None else shown

    def _asked(self, minute: int, figure: StockFigure) -> AvailabilityInput:
        imported = [one for one in self.lines if one.allocated is not None]
        return AvailabilityInput(
            sku="ITEM",
            warehouse="ATL",
            figures=(figure,),
            demands=tuple(_demand(one) for one in self.lines if not _settled(one, figure)),
            acknowledgements=tuple(_acknowledgement(one) for one in imported if not _settled(one, figure)),
            policy=self.policy,
            at=_at(minute),
        )


def _settled(line: Line, figure: StockFigure) -> bool:
    """Allocated in full in what is visible: it takes nothing more from the promise."""
    return line.allocated == line.pieces and figure.stated_at is not None and _at(line.imported_at) <= figure.stated_at


def _figure(cut: int, on_hand: int, allocated: int) -> StockFigure:
    quantities = {"on_hand": Decimal(on_hand), "allocated": Decimal(allocated)}
    return StockFigure(warehouse="ATL", stated_at=_at(cut), as_of_at=_at(cut), **quantities)


def _demand(line: Line) -> OpenDemand:
    return OpenDemand(
        order_number=line.number,
        line_no=1,
        sku="ITEM",
        warehouse="ATL",
        quantity=Decimal(line.pieces),
        uom="EA",
        factor=Fraction(1),
        accepted_at=_at(line.minute),
        version_at=_at(line.minute),
    )


def _acknowledgement(line: Line) -> LineAcknowledgement:
    allocated = Decimal(line.allocated or 0)
    return LineAcknowledgement(
        order_number=line.number,
        line_no=1,
        status=AcknowledgementStatus.ACCEPTED,
        allocated=allocated,
        backordered=line.pieces - allocated,
        cut_at=_at(line.imported_at),
        sequence=line.imported_at,
        source="ORDACK",
    )


def _at(minute: int) -> datetime:
    return OPENS_AT + timedelta(minutes=minute)


def _percent(part: int, whole: int) -> Decimal:
    return (Decimal(part * 100) / max(whole, 1)).quantize(Decimal("0.1"))
