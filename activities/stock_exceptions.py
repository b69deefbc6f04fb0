"""Stock as work for people: rows that need one, shortages with the orders that they hit, exports that do not come."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from sqlmodel import Session

from domain.company import Company
from domain.exceptions import Cause, Choice, ExceptionItem, ExceptionKind, Finding
from domain.money import plain
from domain.oversell import shortage_among
from domain.promises import Availability
from domain.shortages import OversellFinding, order_words
from domain.stock_events import stock_key
from domain.stock_guards import StockFinding
from domain.stock_ledger import RowOutcome
from runtime import metrics
from store import exceptions
from store.tables.stock import StockFeedRow

STOCK_DESK = "inventory"  # who owns the exceptions of stock
SALES_DESK = "sales operations"  # who owns shortages: they promised
ROW_CAUSES = (Cause.STOCK_NEGATIVE, Cause.STOCK_BUCKET_UNKNOWN, Cause.STOCK_SWING)
CHOICES = {Cause.STOCK_SWING: (Choice.CONFIRM_STOCK,)}


def note_rows(session: Session, outcomes: Sequence[RowOutcome], at: datetime) -> None:
    """Open what was found about rows that changed, and close what no longer holds of them (cases I5, I9, I10)."""
    found = {(one.key, finding.cause): finding for one in outcomes for finding in one.findings}
    open_now = exceptions.open_of_records(session, "stock", [one.key for one in outcomes], ROW_CAUSES)
    for item in open_now:
        if (item.record_key, item.cause) not in found:
            close(session, item.record_key, item.cause, at)
    for (key, _), finding in found.items():
        _open_row(session, key, finding)


def _open_row(session: Session, key: str, found: StockFinding) -> None:
    choices = CHOICES.get(found.cause, (Choice.HANDLED,))
    finding = Finding(kind=found.kind, cause=found.cause, sentence=found.sentence, choices=choices, subject=key)
    _count(finding)
    exceptions.open_item(
        session,
        finding=finding,
        record=("stock", key),
        owner=STOCK_DESK,
        money_at_stake=found.money_at_stake,
        workflow_id="stock/all",
    )


def close(session: Session, key: str, cause: Cause, at: datetime) -> None:
    """Close what is open on a row for a cause that went away (feature G-I2)."""
    keep = tuple(one for one in Cause if one is not cause)
    exceptions.close_by_itself(session, ("stock", key), at, keep=keep)


def note_promises(session: Session, said: Sequence[Availability], at: datetime) -> list[str]:
    """Open shortages and unknown units, close those that went away; answers the orders that other words belong on."""
    keys = [stock_key(one.sku, one.warehouse or "") for one in said]
    before = {
        item.record_key: item for item in exceptions.open_of_records(session, "stock", keys, (Cause.STOCK_OVERSOLD,))
    }
    settled = exceptions.settled_sentences(session, "stock", keys, [Cause.STOCK_OVERSOLD])
    units = {
        item.record_key for item in exceptions.open_of_records(session, "stock", keys, (Cause.STOCK_UNIT_UNKNOWN,))
    }
    for item in exceptions.open_of_records(session, "stock", keys, (Cause.STOCK_UNDECIDED,)):
        close(session, item.record_key, Cause.STOCK_UNDECIDED, at)
    told: set[str] = set()
    for key, one in zip(keys, said, strict=True):
        short = shortage_among(one, said)
        if short and short.sentence not in settled.get((key, Cause.STOCK_OVERSOLD), ()):
            told |= _differ(before.get(key), _open_shortage(session, key, short))
        elif key in before:
            close(session, key, Cause.STOCK_OVERSOLD, at)
            told |= _differ(before[key], [])
        _note_units(session, key, one, at, known=key in units)
    return sorted(told)


def _open_shortage(session: Session, key: str, short: OversellFinding) -> list[Finding]:
    choices = (*short.remedies, Choice.HANDLED)
    kind, cause = ExceptionKind.HOLD, Cause.STOCK_OVERSOLD
    orders = dict.fromkeys(one.order_number for one in short.affected)
    whole = Finding(kind=kind, cause=cause, sentence=short.sentence, choices=choices, subject=key)
    each = [
        Finding(kind=kind, cause=cause, sentence=order_words(short, order) or "", choices=choices, subject=order)
        for order in orders
    ]
    _count(whole)
    exceptions.open_item(
        session,
        finding=whole,
        findings=[whole, *each],
        record=("stock", key),
        owner=SALES_DESK,
        money_at_stake=short.money_at_stake,
        workflow_id="stock/all",
    )
    return each


def _differ(before: ExceptionItem | None, now: Iterable[Finding]) -> set[str]:
    """The orders of which something else is said now than before."""
    said = {one.subject: one.sentence for one in before.findings[1:]} if before else {}
    says = {one.subject: one.sentence for one in now}
    return {order for order in said.keys() | says.keys() if order and said.get(order) != says.get(order)}


def _note_units(session: Session, key: str, said: Availability, at: datetime, *, known: bool) -> None:
    if said.findings:
        _open_row(session, key, said.findings[0])
    elif known:
        close(session, key, Cause.STOCK_UNIT_UNKNOWN, at)


def note_undecided(session: Session, sku: str, why: str) -> None:
    """Open the work of an item about which nothing could be decided, for a reason of the gateway's own."""
    finding = Finding(
        kind=ExceptionKind.DEAD_LETTER,
        cause=Cause.STOCK_UNDECIDED,
        sentence=f"What can be promised of {sku} could not be decided ({why}); what is shown of it stays as it was. "
        "The worker's log has the place. Mend what is odd about the item, then retry.",
        choices=(Choice.RETRY, Choice.HANDLED),
        subject=sku,
    )
    _count(finding)
    exceptions.open_item(session, finding=finding, record=("stock", stock_key(sku, "")), owner=STOCK_DESK)


def note_late(session: Session, feeds: Mapping[str, StockFeedRow], company: Company, at: datetime) -> None:
    """Raise the alarm for each layout whose export is missing, and end it when the export came (case F13)."""
    for layout in sorted({feed.layout for feed in feeds.values()}):
        mine = [feed for feed in feeds.values() if feed.layout == layout]
        worst = max(mine, key=lambda feed: (feed.missed, feed.warehouse))
        if worst.missed:
            _open_late(session, layout, worst, company)
        else:
            exceptions.close_by_itself(session, ("feed", layout), at)


def _open_late(session: Session, layout: str, feed: StockFeedRow, company: Company) -> None:
    missed = "1 export is" if feed.missed == 1 else f"{feed.missed} exports are"
    at = feed.effective_at.astimezone(company.zone)
    sentence = (
        f"{missed} late: the newest stock of layout {layout} is {feed.source}, of {at:%Y-%m-%d %H:%M}. "
        "Promises carry a wider buffer and then none. Ask the ERP's operators; this closes when an export comes."
    )
    finding = Finding(
        kind=ExceptionKind.HOLD, cause=Cause.STOCK_FEED_LATE, sentence=sentence, choices=(Choice.HANDLED,)
    )
    _count(finding)
    exceptions.open_item(session, finding=finding, record=("feed", layout), owner=STOCK_DESK, workflow_id="stock/all")


def note_refusals(session: Session, refused: Sequence[tuple[str, int, list[str]]], at: datetime) -> None:
    """One piece of work for each reason for which Salesforce refuses rows; closed when it took them."""
    for reason, number, keys in refused:
        some = ", ".join(key.rstrip("|") for key in keys)
        more = f" and {plain(Decimal(number - len(keys)))} more" if number > len(keys) else ""
        sentence = f"Salesforce refused {number} rows of stock ({reason}): {some}{more}. Mend it there, then retry."
        finding = Finding(
            kind=ExceptionKind.DEAD_LETTER,
            cause=Cause.STOCK_ROWS_REFUSED,
            sentence=sentence,
            choices=(Choice.RETRY, Choice.HANDLED),
        )
        _count(finding)
        record = ("stock publication", reason)
        exceptions.open_item(session, finding=finding, record=record, owner=SALES_DESK, workflow_id="stock/all")
    exceptions.close_others(session, "stock publication", [reason for reason, _, _ in refused], at)


def _count(finding: Finding) -> None:
    metrics.count("exceptions_raised", kind=finding.kind, cause=finding.cause)
