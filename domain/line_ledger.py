"""The ledger of an order line: what became of each ordered unit, derived from facts and checked (G-D2, R1, R2)."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict

from domain.line_facts import LineFacts, LineShipped, Stated, newest, rounded, total
from domain.money import Money, Quantity, plain
from domain.shipments import LineReason

NOTHING = Decimal(0)


class LineLedger(BaseModel):
    """What became of one order line. Quantities are in the order line's unit, `unit_price` is per that unit.

    R1: ordered + overshipped = shipped + backordered + cancelled + open; `allocated` is the part of `open` that the ERP
    keeps. R2: shipped = billed - credited + waived + returned + unbilled - credit_due. `doubts`: facts that cannot all
    be true; they were cut to what can be.
    """

    model_config = ConfigDict(frozen=True)

    line_no: int
    sku: str
    uom: str
    unit_price: Money
    ordered: Quantity
    shipped: Quantity
    backordered: Quantity
    cancelled: Quantity
    open: Quantity
    overshipped: Quantity
    allocated: Quantity
    billed: Quantity
    waived: Quantity
    returned: Quantity
    credited: Quantity
    unbilled: Quantity
    credit_due: Quantity
    promise_on: date | None = None
    substitutes: tuple[str, ...] = ()
    ruled: bool = False
    doubts: tuple[str, ...] = ()

    @property
    def returned_unbilled(self) -> Decimal:
        """Returned goods that were never billed: they only lower what is to be billed (case O12)."""
        return min(self.returned, max(NOTHING, self.shipped - self.waived - self.billed))

    @property
    def is_settled(self) -> bool:
        """True when nothing more is to come: no open and no backordered quantity."""
        return not self.open and not self.backordered


class _Billing(NamedTuple):
    """How much of what shipped is billed, and what is to be billed or credited yet."""

    billed: Decimal
    waived: Decimal
    returned: Decimal
    credited: Decimal

    def to_bill(self, shipped: Decimal) -> Decimal:
        """What is to be billed yet; negative where more is billed than the customer keeps."""
        return shipped - self.returned - self.waived - (self.billed - self.credited)


def derive(facts: LineFacts) -> LineLedger:
    """Derive the ledger of a line; pure, and independent of the order and the repetition of the facts."""
    doubts: list[str] = []
    ordered = _at_least_nothing(facts.line.quantity, "ordered", doubts)
    shipped = _at_least_nothing(total(facts.shipped, facts.kit), "shipped", doubts)
    rest = max(NOTHING, ordered - shipped)
    cancelled = min(rest, _given_up(facts, ordered, shipped))
    backordered = min(rest - cancelled, _backordered(facts, ordered, shipped))
    is_open = rest - cancelled - backordered
    billing = _billing(facts, shipped, doubts)
    to_bill = billing.to_bill(shipped)
    return LineLedger(
        line_no=facts.line.line_no,
        sku=facts.line.sku,
        uom=facts.line.uom,
        unit_price=facts.line.unit_price,
        ordered=ordered,
        shipped=shipped,
        backordered=backordered,
        cancelled=cancelled,
        open=is_open,
        overshipped=max(NOTHING, shipped - ordered),
        allocated=min(is_open, _allocated(facts)),
        billed=billing.billed,
        waived=billing.waived,
        returned=billing.returned,
        credited=billing.credited,
        unbilled=max(NOTHING, to_bill),
        credit_due=max(NOTHING, -to_bill),
        promise_on=facts.acknowledged.promise_on if facts.acknowledged and backordered else None,
        substitutes=_substitutes(facts),
        ruled=facts.ruled,
        doubts=tuple(doubts),
    )


def check(ledger: LineLedger) -> tuple[str, ...]:
    """The invariants that a ledger violates, in words; none means that it adds up."""
    wrong = [*_negative(ledger), *ledger.doubts]
    left, right = ledger.ordered + ledger.overshipped, _accounted(ledger)
    if left != right:
        wrong.append(f"{plain(left)} ordered and overshipped, but {plain(right)} shipped, backordered, cancelled, open")
    if ledger.overshipped and (ledger.open or ledger.backordered or ledger.cancelled):
        wrong.append(f"{plain(ledger.overshipped)} shipped too much, yet something is still to come or cancelled")
    if ledger.allocated > ledger.open:
        wrong.append(f"{plain(ledger.allocated)} allocated, but only {plain(ledger.open)} open")
    right = ledger.billed - ledger.credited + ledger.waived + ledger.returned + ledger.unbilled - ledger.credit_due
    if ledger.shipped != right:
        wrong.append(f"{plain(ledger.shipped)} shipped, but {plain(right)} billed, waived, returned, unbilled")
    kept = ledger.billed - ledger.credited
    if kept > ledger.shipped and not ledger.ruled:
        wrong.append(f"{plain(kept)} billed and not credited, but only {plain(ledger.shipped)} shipped")
    return tuple(f"Line {ledger.line_no}: {one}." for one in wrong)


def _accounted(ledger: LineLedger) -> Decimal:
    return ledger.shipped + ledger.backordered + ledger.cancelled + ledger.open


def _negative(ledger: LineLedger) -> list[str]:
    return [f"{name} is {plain(value)}, below nothing" for name, value in quantities(ledger).items() if value < 0]


def quantities(ledger: LineLedger) -> dict[str, Decimal]:
    """Every quantity of the ledger by its name."""
    return {name: value for name, value in ledger if isinstance(value, Decimal) and name != "unit_price"}


def _at_least_nothing(value: Decimal, what: str, doubts: list[str]) -> Decimal:
    if value < 0:
        doubts.append(f"the documents add up to {plain(value)} {what}")
    return max(NOTHING, value)


def _at_most(value: Decimal, limit: Decimal, what: str, doubts: list[str]) -> Decimal:
    if value > limit:
        doubts.append(f"{plain(value)} {what} is more than the {plain(limit)} that there can be")
    return min(value, limit)


def _billing(facts: LineFacts, shipped: Decimal, doubts: list[str]) -> _Billing:
    """What is billed, waived, returned and credited, each cut to what there can be."""
    billed, waived, returned, credited = (
        _at_least_nothing(total(of, facts.kit), what, doubts)
        for what, of in (
            ("billed", facts.billed),
            ("waived", facts.waived),
            ("returned", facts.returned),
            ("credited", facts.credited),
        )
    )
    returned = _at_most(returned, shipped, "returned", doubts)
    credited = _at_most(credited, billed, "credited", doubts)
    # Goods that came back need no waiver any more, so what is left of a waiver is no doubt.
    return _Billing(billed=billed, waived=min(waived, shipped - returned), returned=returned, credited=credited)


def _given_up(facts: LineFacts, ordered: Decimal, shipped: Decimal) -> Decimal:
    """What will never ship: the most that any closing gives up. What was ordered after it is not meant (case O8)."""
    upto = [ordered if one.ordered is None else one.ordered for one in facts.closed]
    upto += [_stated_as_ordered(one, ordered) for one in _short_closed(facts)]
    return max((min(ordered, one) - shipped for one in upto), default=NOTHING).max(NOTHING)


def _short_closed(facts: LineFacts) -> list[LineShipped]:
    """Shipped lines that close the rest (case O5), unless a later one says that it is backordered after all."""
    stated = newest(facts.shipped)
    later = [one for one in stated if one.reason is LineReason.BACKORDERED]
    last = max((_when(one) for one in later), default=None)
    return [one for one in stated if one.reason is LineReason.SHORT_CLOSED and (last is None or _when(one) > last)]


def _backordered(facts: LineFacts, ordered: Decimal, shipped: Decimal) -> Decimal:
    """What waits for goods: the ERP's newest word, be it a shipped line (case O2) or an acknowledgement."""
    said = facts.acknowledged
    after = [
        one
        for one in newest(facts.shipped)
        if one.reason is LineReason.BACKORDERED and (said is None or one.shipped_at > said.cut_at)
    ]
    if after:
        last = max(after, key=_when)
        return max(NOTHING, min(ordered, _stated_as_ordered(last, ordered)) - shipped)
    return max(NOTHING, said.backordered) if said else NOTHING


def _allocated(facts: LineFacts) -> Decimal:
    """What the ERP keeps for the line: what it stated, less what has shipped since."""
    said = facts.acknowledged
    if said is None:
        return NOTHING
    since = total((one for one in facts.shipped if one.shipped_at > said.cut_at), facts.kit)
    return max(NOTHING, said.allocated - max(NOTHING, since))


def _stated_as_ordered(one: LineShipped, ordered: Decimal) -> Decimal:
    return ordered if one.ordered is None else rounded(Fraction(one.ordered) * one.factor)


def _when(one: LineShipped) -> tuple[object, ...]:
    return (one.shipped_at, one.reference)


def _substitutes(facts: LineFacts) -> tuple[str, ...]:
    """SKUs that shipped in the place of the ordered one; components of a kit are none."""
    own: set[str] = {facts.line.sku, *(facts.kit.per_kit() if facts.kit else ())}
    stated: list[Stated] = [*newest(facts.shipped)]
    return tuple(sorted({one.sku for one in stated if one.quantity > 0} - own))
