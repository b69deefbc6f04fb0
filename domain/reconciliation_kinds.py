"""The plain comparisons of reconciliation: what it is called when one side of a record differs, or lacks it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from domain.reconciliation import OTHER_SIDE, Difference, DriftCause, Kind, Pair, Remedy, Rule, Side, number


class Shape(NamedTuple):
    """How a kind is judged: the causes for a field that differs, for a record that the other side lacks, and for one
    that only the other side has; None: that is no difference. `money` names the fields that are money."""

    rule: Rule
    record_type: str
    differs: DriftCause
    missing: DriftCause | None = None
    extra: DriftCause | None = None
    remedy: Remedy = Remedy.PERSON
    money: tuple[str, ...] = ()


class Known(NamedTuple):
    """What else the staged inputs tell of invoices that only the other side has.

    `shipments` are those that have an invoice of ours, `pending` the markers whose outcome is not known yet. `numbers`
    and `twins` (what our invoices come to: customer, day and total) lead to the shipment. `began`: when the gateway
    wrote its first invoice.
    """

    documents: frozenset[str] = frozenset()
    numbers: Mapping[str, str] = {}
    shipments: frozenset[str] = frozenset()
    pending: frozenset[str] = frozenset()
    twins: Mapping[tuple[str, str, str], str] = {}
    began: datetime | None = None

    def is_billed_as(self, document: object, doc_number: object) -> bool:
        """Whether one of our invoices is this document, or has its number."""
        return document in self.documents or doc_number in self.numbers


_C, _R = DriftCause, Remedy
SHAPES: Mapping[Kind, Shape] = {
    Kind.BALANCE: Shape(
        Rule.SUMS, "customer", _C.BALANCE_NOT_PULLED, _C.LINK_TARGET_MISSING, remedy=_R.REFRESH, money=("balance",)
    ),
    Kind.ORDER: Shape(Rule.ORDER_LINES, "order", _C.ORDER_NOT_AS_STATED, _C.ORDER_GONE, _C.ORDER_UNKNOWN),
    Kind.ORDER_LINE: Shape(
        Rule.ORDER_LINES, "order_line", _C.ORDER_LINE_NOT_AS_STATED, _C.ORDER_LINE_GONE, _C.ORDER_LINE_UNKNOWN
    ),
    Kind.ORDER_SHOWN: Shape(
        Rule.ORDER_SHOWN,
        "order",
        _C.ORDER_SHOWN_WRONG,
        remedy=_R.SAY_AGAIN,
        money=("invoiced_amount", "open_amount"),
    ),
    Kind.LINE_SHOWN: Shape(Rule.ORDER_SHOWN, "order_line", _C.ORDER_LINE_SHOWN_WRONG, remedy=_R.SAY_AGAIN),
    Kind.INVOICE_SHOWN: Shape(
        Rule.ORDER_SHOWN,
        "invoice_shown",
        _C.INVOICE_SHOWN_WRONG,
        _C.INVOICE_NOT_SHOWN,
        _C.INVOICE_SHOWN_INVENTED,
        _R.SAY_AGAIN,
        ("total", "balance"),
    ),
    Kind.ACCOUNT_SHOWN: Shape(
        Rule.SUMS, "customer", _C.ACCOUNT_SHOWN_WRONG, remedy=_R.SAY_AGAIN, money=("open_balance",)
    ),
    Kind.LEVEL_SHOWN: Shape(
        Rule.STOCK, "stock", _C.STOCK_SHOWN_WRONG, _C.STOCK_NOT_SHOWN, _C.STOCK_SHOWN_INVENTED, _R.STOCK_AGAIN
    ),
    Kind.TOTAL_SHOWN: Shape(
        Rule.STOCK, "item", _C.STOCK_SHOWN_WRONG, _C.STOCK_NOT_SHOWN, _C.STOCK_SHOWN_INVENTED, _R.STOCK_AGAIN
    ),
    Kind.ACCOUNT_LINK: Shape(Rule.LINKS, "link", _C.LINK_NOT_AS_FOUND, _C.LINK_TARGET_MISSING),
    Kind.LEVEL: Shape(
        Rule.STOCK, "stock", _C.STOCK_NOT_AS_EXPORTED, _C.STOCK_NOT_AS_EXPORTED, _C.STOCK_NOT_AS_EXPORTED
    ),
}


def compare_plain(pair: Pair, known: Known) -> Iterator[Difference]:
    """Every field that we expect otherwise than it is found; a record that one side lacks is one difference."""
    shape = SHAPES[pair.kind]
    if pair.ours is None:
        if shape.extra is not None and _says_something(pair):
            yield extra(pair, shape, _extra_cause(pair, shape.extra, known))
        return
    if pair.theirs is None:
        if shape.missing is not None and pair.ours.body:
            yield missing(pair, shape, shape.missing)
        return
    for field, expected in pair.ours.body.items():
        found = pair.theirs.body.get(field)
        if expected != found and not _unknown(pair, expected):
            yield _differs(pair, shape, field, found)


def _differs(pair: Pair, shape: Shape, field: str, found: object) -> Difference:
    expected = pair.ours.body[field] if pair.ours else None
    money = abs(number(expected) - number(found)) if field in shape.money else None
    return difference(pair, shape, shape.differs, field=field, expected=said(expected), found=said(found), money=money)


def missing(pair: Pair, shape: Shape, cause: DriftCause) -> Difference:
    """A record that the other side lacks."""
    body: Mapping[str, Any] = pair.ours.body if pair.ours else {}
    money = number(body.get("total")) if "total" in shape.money else None
    return difference(pair, shape, cause, expected=said(pair.key), money=money)


def extra(pair: Pair, shape: Shape, cause: DriftCause) -> Difference:
    """A record that only the other side has: it cannot be taken away by saying something again."""
    body: Mapping[str, Any] = pair.theirs.body if pair.theirs else {}
    money = number(body.get("total")) if "total" in shape.money else None
    made = difference(pair, shape, cause, found=said(pair.key), money=money)
    return made.model_copy(update={"remedy": Remedy.PERSON})


def difference(pair: Pair, shape: Shape, cause: DriftCause, **more: Any) -> Difference:
    """A difference of a pair, with all that the pair says around it."""
    rule = Rule.LINKS if cause is DriftCause.LINK_TARGET_MISSING else shape.rule
    return Difference(
        kind=pair.kind,
        key=pair.key,
        rule=rule,
        cause=cause,
        system=OTHER_SIDE[pair.kind],
        record_type=shape.record_type,
        record_key=_record_key(pair),
        remedy=shape.remedy,
        belongs=belongs(pair),
        changed=changed(pair),
        held=_held(pair),
        **more,
    )


def changed(pair: Pair) -> dict[Side, Any]:
    """When each side moved last, as far as it says so."""
    sides = {Side.GATEWAY: pair.ours, OTHER_SIDE[pair.kind]: pair.theirs}
    return {side: one.changed_at for side, one in sides.items() if one is not None and one.changed_at is not None}


def belongs(pair: Pair) -> tuple[tuple[str, str], ...]:
    """The records of ours that it is about, by the facts of either side."""
    facts: dict[str, Any] = {**(pair.theirs.facts if pair.theirs else {}), **(pair.ours.facts if pair.ours else {})}
    named = [(name, str(facts[name])) for name in ("shipment", "order", "customer", "file") if facts.get(name)]
    own = {Kind.ORDER: "order", Kind.ORDER_SHOWN: "order", Kind.ACCOUNT_SHOWN: "customer", Kind.LEVEL_SHOWN: "stock"}
    return (*named, (own[pair.kind], pair.key)) if pair.kind in own else tuple(named)


def said(value: object) -> str | None:
    """A staged value in words."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def _record_key(pair: Pair) -> str:
    customer = pair.ours.facts.get("customer") if pair.kind is Kind.BALANCE and pair.ours else None
    return str(customer or pair.key)


def _held(pair: Pair) -> str | None:
    facts = pair.ours.facts if pair.ours else {}
    return str(facts["held"]) if facts.get("held") else None


def _unknown(pair: Pair, expected: object) -> bool:
    """A balance that was never told is no balance of zero."""
    return pair.kind is Kind.BALANCE and expected is None


def _says_something(pair: Pair) -> bool:
    body = pair.theirs.body if pair.theirs else {}
    return pair.kind is not Kind.TOTAL_SHOWN or any(value is not None for value in body.values())


def _extra_cause(pair: Pair, cause: DriftCause, known: Known) -> DriftCause:
    """A second row for an invoice that has one is a duplicate, any other one is invented."""
    body = pair.theirs.body if pair.theirs else {}
    twice = pair.kind is Kind.INVOICE_SHOWN and known.is_billed_as(body.get("quickbooks_id"), body.get("doc_number"))
    return DriftCause.INVOICE_SHOWN_TWICE if twice else cause
