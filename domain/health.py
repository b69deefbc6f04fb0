"""How a flow is, in one word, with the number that caused it: the worst of what is known of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from enum import StrEnum

from pydantic import AwareDatetime, BaseModel, ConfigDict

from domain.freshness import Confidence

PROMISE = timedelta(seconds=90)  # from a shipment file being visible to its invoice in QuickBooks
RECONCILED_EVERY = timedelta(hours=26)  # every night, and some patience
WORKER_BEATS = timedelta(seconds=30)


class Health(StrEnum):
    """The word: all is well, look at it soon, look at it now; unknown where nothing was seen yet."""

    GOOD = "good"
    WATCH = "watch"
    BAD = "bad"
    UNKNOWN = "unknown"


_WORST = (Health.BAD, Health.WATCH, Health.UNKNOWN, Health.GOOD)


class FlowHealth(BaseModel):
    """One flow: its word and the sentence that says why."""

    model_config = ConfigDict(frozen=True)

    flow: str
    health: Health
    sentence: str


class Waiting(BaseModel):
    """Unfinished work: how many, and since when the oldest waits."""

    model_config = ConfigDict(frozen=True)

    count: int
    oldest_at: AwareDatetime | None = None

    def age(self, now: datetime) -> timedelta:
        """How long the oldest has waited."""
        return now - self.oldest_at if self.oldest_at else timedelta(0)


def invoicing(on_the_way: Waiting, late: int, booked: int, now: datetime) -> FlowHealth:
    """From shipment to invoice: bad while something is on its way for longer than was promised."""
    lag = on_the_way.age(now)
    if lag > PROMISE:
        words = f"{on_the_way.count} on the way, the oldest for {seconds(lag)}: longer than 90 s."
        return FlowHealth(flow="invoicing", health=Health.BAD, sentence=words)
    if late:
        words = f"{late} of {booked} invoices of the last day took longer than 90 s."
        return FlowHealth(flow="invoicing", health=Health.WATCH, sentence=words)
    words = f"{booked} invoices in the last day, all within 90 s." if booked else "Nothing was to be billed yet today."
    return FlowHealth(flow="invoicing", health=Health.GOOD, sentence=words)


def files(unread: Waiting, refused: int, now: datetime) -> FlowHealth:
    """The ERP's files: bad while one lies unread, to be looked at while one is refused."""
    if unread.age(now) > PROMISE:
        words = f"{unread.count} not read to their end, the oldest for {seconds(unread.age(now))}."
        return FlowHealth(flow="files", health=Health.BAD, sentence=words)
    if refused:
        words = f"{refused} refused or held in the last week."
        return FlowHealth(flow="files", health=Health.WATCH, sentence=words)
    return FlowHealth(flow="files", health=Health.GOOD, sentence="Every file of the last week was taken.")


_OF_CONFIDENCE: Mapping[Confidence, Health] = {
    Confidence.FRESH: Health.GOOD,
    Confidence.AGING: Health.WATCH,
    Confidence.STALE: Health.BAD,
    Confidence.UNKNOWN: Health.BAD,
}


def stock(feeds: Mapping[str, Confidence]) -> FlowHealth:
    """Stock: as good as its oldest feed."""
    if not feeds:
        return FlowHealth(flow="stock", health=Health.UNKNOWN, sentence="No export of stock came yet.")
    health = worst(_OF_CONFIDENCE[one] for one in feeds.values())
    if health is Health.GOOD:
        return FlowHealth(flow="stock", health=health, sentence=f"{len(feeds)} warehouses, all fresh.")
    behind = ", ".join(f"{name} {one}" for name, one in sorted(feeds.items()) if one is not Confidence.FRESH)
    return FlowHealth(flow="stock", health=health, sentence=f"Behind: {behind}.")


def work(open_count: int, overdue: int) -> FlowHealth:
    """Work for people: bad while some of it is overdue."""
    if overdue:
        return FlowHealth(flow="exceptions", health=Health.BAD, sentence=f"{overdue} of {open_count} are overdue.")
    if open_count:
        words = f"{open_count} open, none overdue."
        return FlowHealth(flow="exceptions", health=Health.WATCH, sentence=words)
    return FlowHealth(flow="exceptions", health=Health.GOOD, sentence="Nothing waits for a person.")


def reconciliation(finished_at: datetime | None, *, zero_drift: bool, now: datetime) -> FlowHealth:
    """The nightly proof: bad where it found drift, to be looked at where it is late."""
    if finished_at is None:
        return FlowHealth(flow="reconciliation", health=Health.UNKNOWN, sentence="The systems were not compared yet.")
    if not zero_drift:
        return FlowHealth(flow="reconciliation", health=Health.BAD, sentence="The last run found drift.")
    if now - finished_at > RECONCILED_EVERY:
        words = f"The last run is {seconds(now - finished_at)} old."
        return FlowHealth(flow="reconciliation", health=Health.WATCH, sentence=words)
    words = "The three systems were equal to the cent at the last run."
    return FlowHealth(flow="reconciliation", health=Health.GOOD, sentence=words)


def connection(system: str, *, ok: bool | None, sentence: str) -> FlowHealth:
    """A system that we speak to: as the worker's last look says; None: nobody looked."""
    if ok is None:
        return FlowHealth(flow=system, health=Health.UNKNOWN, sentence="No worker has looked within a day.")
    return FlowHealth(flow=system, health=Health.GOOD if ok else Health.BAD, sentence=sentence)


def workers(seen_at: datetime | None, now: datetime) -> FlowHealth:
    """The processes that do the work."""
    if seen_at is None or now - seen_at > WORKER_BEATS:
        words = "No worker was heard of." if seen_at is None else f"Not heard of for {seconds(now - seen_at)}."
        return FlowHealth(flow="workers", health=Health.BAD, sentence=words)
    return FlowHealth(flow="workers", health=Health.GOOD, sentence=f"Heard of {seconds(now - seen_at)} ago.")


def worst(words: Iterable[Health]) -> Health:
    """The word for several: the worst of them, unknown for none."""
    found = set(words)
    return next((word for word in _WORST if word in found), Health.UNKNOWN)


def seconds(span: timedelta) -> str:
    """A span in words: `40 s`, `12 min`, `5 h`, `3 days`."""
    total = int(span.total_seconds())
    if total < 120:
        return f"{total} s"
    if total < 7200:
        return f"{total // 60} min"
    return f"{total // 3600} h" if total < 172_800 else f"{total // 86_400} days"
