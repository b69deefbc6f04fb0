"""What an alert says: frozen when it is made, so that each try says the same; of each exception its sentence."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from pydantic import AwareDatetime, BaseModel, ConfigDict

from domain.alerts import Phase, Severity
from domain.exceptions import Cause, ExceptionKind
from domain.money import Money, plain

LINES = 25  # so many are told one by one, the rest by their number
SENTENCE_LETTERS = 600
HEADS = {Phase.OPENED: "New", Phase.OVERDUE: "Overdue", Phase.CLOSED: "Over"}


class AlertItem(BaseModel):
    """One exception in an alert. `ended` says how it was closed; `address` is where it is shown."""

    model_config = ConfigDict(frozen=True)

    exception_id: str
    phase: Phase
    severity: Severity
    kind: ExceptionKind
    cause: Cause
    record_type: str
    record_key: str
    sentence: str
    money_at_stake: Money | None = None
    due_at: AwareDatetime | None = None
    ended: str | None = None
    address: str | None = None


class AlertContent(BaseModel):
    """What one message says. `counts`: by phase; `more`: by cause, of those that are not among the items."""

    model_config = ConfigDict(frozen=True)

    subject: str
    severity: Severity
    counts: Mapping[Phase, int] = {}
    items: tuple[AlertItem, ...] = ()
    more: Mapping[Cause, int] = {}
    address: str | None = None


def subject_of(items: tuple[AlertItem, ...], counts: Mapping[Phase, int], severity: Severity) -> str:
    """One line: the very thing where it is one, else how many."""
    if len(items) == 1 and sum(counts.values()) == 1:
        (one,) = items
        return f"[{severity}] {HEADS[one.phase]}: {one.cause} {one.record_type} {one.record_key}"
    told = ", ".join(f"{counts[phase]} {HEADS[phase].lower()}" for phase in Phase if counts.get(phase))
    return f"[{severity}] {told}"


def text_of(content: AlertContent) -> str:
    """The message as plain text."""
    blocks = [_block(one) for one in content.items]
    if content.more:
        number = sum(content.more.values())
        blocks.append(f"And {number} more: {', '.join(f'{count} {cause}' for cause, count in content.more.items())}.")
    if content.address:
        blocks.append(f"All that is open: {content.address}")
    return "\n\n".join([content.subject, *blocks]) + "\n"


def _block(one: AlertItem) -> str:
    head = f"{HEADS[one.phase]} ({one.severity}, {one.cause}): {one.record_type} {one.record_key}"
    money = f"At stake: {plain(Decimal(one.money_at_stake))}." if one.money_at_stake is not None else ""
    due = f"Due: {one.due_at:%Y-%m-%d %H:%M} UTC." if one.due_at and one.phase is not Phase.CLOSED else ""
    where = one.address or f"threeway exceptions show {one.exception_id}"
    lines = [head, one.sentence, one.ended or "", " ".join(filter(None, [money, due])), where]
    return "\n".join(filter(None, lines))


def shortened(sentence: str) -> str:
    """A sentence on one line that fits into a message."""
    line = " ".join(sentence.split())
    return line if len(line) <= SENTENCE_LETTERS else f"{line[: SENTENCE_LETTERS - 4]} ..."
