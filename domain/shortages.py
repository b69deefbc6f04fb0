"""A shortage as work for a person: which lines it hits, the money that hangs on it, what can be done (case I6)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from decimal import Decimal

from pydantic import BaseModel, ConfigDict

from domain.exceptions import Cause, Choice, ExceptionKind
from domain.money import Money, Quantity, plain

NAMED_LINES = 3


class Alternatives(BaseModel):
    """What could help: what is available in other warehouses, and of items that may stand in."""

    model_config = ConfigDict(frozen=True)

    elsewhere: Quantity = Decimal(0)
    substitutes: Mapping[str, Quantity] = {}


class AffectedLine(BaseModel):
    """An order line that cannot be filled, quantities in base units: by how much, and the money that hangs on it."""

    model_config = ConfigDict(frozen=True)

    order_number: str
    line_no: int
    sku: str
    quantity: Quantity
    short: Quantity
    promise_on: date | None
    money: Money


class OversellFinding(BaseModel):
    """More was promised than there is: a finding with the lines that it hits, earliest promise first.

    `unexplained`: what the ERP allocated beyond its stock to orders that the gateway does not know. `reserved`: what
    only quotes lack.
    """

    model_config = ConfigDict(frozen=True)

    kind: ExceptionKind = ExceptionKind.HOLD
    cause: Cause = Cause.STOCK_OVERSOLD
    sentence: str
    subject: str
    short: Quantity
    reserved: Quantity = Decimal(0)
    unexplained: Quantity = Decimal(0)
    affected: tuple[AffectedLine, ...]
    remedies: tuple[Choice, ...]
    money_at_stake: Money


def shortage(
    key: str, lines: list[AffectedLine], alternatives: Alternatives, short: Decimal | None = None
) -> OversellFinding:
    """One finding over these lines of a row; `short` where more is lacking than they are short of."""
    affected = tuple(sorted(lines, key=lambda one: (one.promise_on or date.max, one.order_number, one.line_no)))
    lack = sum((one.short for one in affected), Decimal(0)) if short is None else short
    money = sum((one.money for one in affected), Decimal(0))
    return OversellFinding(
        sentence=_sentence(key, lack, affected, money),
        subject=key,
        short=lack,
        affected=affected,
        remedies=tuple(_remedies(affected, alternatives)),
        money_at_stake=money,
    )


def order_words(finding: OversellFinding, order_number: str) -> str | None:
    """What the order itself shall say of it, for Salesforce; None for an order that is not affected."""
    lines = [one for one in finding.affected if one.order_number == order_number]
    if not lines:
        return None
    each = "; ".join(f"line {one.line_no}: {_short_words(one)}" for one in lines)
    return f"Cannot be filled from stock: {each}. Possible: {', '.join(finding.remedies)}."


def _remedies(affected: Iterable[AffectedLine], alternatives: Alternatives) -> Iterator[Choice]:
    if alternatives.elsewhere > 0 or any(one.short < one.quantity for one in affected):
        yield Choice.SPLIT
    if any(quantity > 0 for quantity in alternatives.substitutes.values()):
        yield Choice.SUBSTITUTE
    yield Choice.BACKORDER


def _sentence(key: str, lack: Decimal, affected: tuple[AffectedLine, ...], money: Decimal) -> str:
    sku, _, warehouse = key.rpartition("|")
    where = f" in {warehouse}" if warehouse else ""
    named = "; ".join(f"{one.order_number} line {one.line_no}: {_short_words(one)}" for one in affected[:NAMED_LINES])
    rest = f"; and {len(affected) - NAMED_LINES} more" if len(affected) > NAMED_LINES else ""
    orders = f" ({named}{rest})" if affected else ""
    return f"{sku}{where} is short of {plain(lack)}{orders}. Orders for {money} hang on it."


def _short_words(one: AffectedLine) -> str:
    promised = f", promised for {one.promise_on.isoformat()}" if one.promise_on else ""
    return f"{plain(one.short)} of {plain(one.quantity)} {one.sku}{promised}"
