"""Why 14? An availability said in a sentence, with its sources (feature G-F: the number that can explain itself)."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo

from domain.freshness import Confidence
from domain.money import plain
from domain.promises import Availability, Component, Part

NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")


def explain(said: Availability, zone: tzinfo = UTC, *, sources: bool = True) -> str:
    """Say the number as a sum of its components, then its notes and where each comes from; times are shown in `zone`.

    The components add up to the number that stands before them: what is published, or the internal value where that
    is below zero or must not be said.
    """
    sentences = [f"{_head(said)}{_sum(said, zone)}.", *(f"{note.rstrip('.')}." for note in said.notes)]
    if said.held:
        sentences.append("Publication of this row waits for a confirmation.")
    if sources and (origins := [_origin(one) for one in said.components if one.sources]):
        sentences.append(f"Sources: {'; '.join(origins)}.")
    return " ".join(sentences)


def basis(said: Availability, zone: tzinfo = UTC, limit: int = 255) -> str:
    """The components in words for `Basis__c`, cut to its length."""
    words = f"{_head(said)}{_sum(said, zone)}"
    return words if len(words) <= limit else words[: limit - 1] + "…"


def _head(said: Availability) -> str:
    if not said.components:
        return "unknown: nothing has been stated yet"
    value = plain(said.value)
    if said.confidence is Confidence.UNKNOWN:
        reason = "an order's unit is not known" if said.findings else "the feed is too old"
        return f"unknown, because {reason}; it would be {value} = "
    return f"{value} = " if said.value >= 0 else f"0 is published; {value} = "


def _sum(said: Availability, zone: tzinfo) -> str:
    total = said.warehouse is None
    words = [(one.quantity, f"{plain(abs(one.quantity))} {_words(one, zone, total=total)}") for one in said.components]
    text = ""
    for position, (quantity, phrase) in enumerate(words):
        if position == 0:
            text = phrase if quantity >= 0 else f"-{phrase}"
        else:
            text += f" {'-' if quantity < 0 else '+'} {phrase}"
    return text


def _words(one: Component, zone: tzinfo, *, total: bool) -> str:
    """The words after a component's quantity."""
    where = f" in {one.warehouse}" if total and one.warehouse else ""
    orders = _counted(one.orders, "order")
    phrases = {
        Part.ON_HAND: f"on hand{where} at {clock(one.as_of_at, zone)}",
        Part.ALLOCATED: f"allocated{where}",
        Part.LEFT_INSIDE: "shipped since and still among the allocated",
        Part.UNSEEN: f"in {orders} not yet in the ERP",
        Part.ON_HOLD: f"in {orders} on credit hold in the ERP",
        Part.BACKORDERED: f"backordered in {orders}",
        Part.UNASSIGNED: f"in {orders} without a warehouse, which count in the total only",
        Part.RESERVED: f"in {_counted(one.orders, 'reservation')}",
        Part.BUFFER: "buffer",
    }
    return phrases[one.part]


def _counted(count: int, noun: str) -> str:
    number = NUMBERS[count] if count < len(NUMBERS) else str(count)
    return f"{number} {noun}" if count == 1 else f"{number} {noun}s"


def clock(at: datetime | None, zone: tzinfo) -> str:
    """The time of day in a zone, as people say it; without one, that it is unknown."""
    return at.astimezone(zone).strftime("%H:%M") if at else "an unknown time"


def _origin(one: Component) -> str:
    where = f" in {one.warehouse}" if one.warehouse else ""
    return f"{one.part.replace('_', ' ')}{where}: {', '.join(one.sources)}"
