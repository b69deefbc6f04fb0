"""Invoices and credit memos: is what QuickBooks holds what was meant, line by line, and is there nothing else (R3-R5)?

What was meant is the frozen content of the intent, so that an edit stays visible after the store has taken it in.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from itertools import zip_longest
from typing import Any

from domain.reconciliation import Difference, DriftCause, Kind, Pair, Remedy, Rule, number
from domain.reconciliation_kinds import Known, Shape, difference, extra, missing, said

_C = DriftCause
INVOICE = Shape(Rule.BOOKED_AS_MEANT, "invoice", _C.INVOICE_EDITED, _C.INVOICE_DELETED, money=("total", "balance"))
CREDIT = Shape(Rule.BOOKED_AS_MEANT, "credit_memo", _C.CREDIT_EDITED, _C.CREDIT_DELETED, money=("total", "balance"))
_SHAPES = {Kind.INVOICE: INVOICE, Kind.CREDIT_MEMO: CREDIT}
_VOIDED = {Kind.INVOICE: _C.INVOICE_VOIDED, Kind.CREDIT_MEMO: _C.CREDIT_VOIDED}
_EXTRA = {
    Kind.INVOICE: (_C.INVOICE_DUPLICATED, _C.INVOICE_INVENTED),
    Kind.CREDIT_MEMO: (_C.CREDIT_DUPLICATED, _C.CREDIT_INVENTED),
}
HEADER = ("doc_number", "customer_id", "invoiced_on")
MEANT = frozenset({"customer_id", "invoiced_on"})  # a part of what the document comes to; its number is a label
LINE = ("item", "quantity", "price", "amount")
PENDING = "its outcome is not known yet"
MERGED = "its customer was merged into that one in QuickBooks, and no link could follow"
BEFORE = "it was made before the gateway took over"


def compare_document(pair: Pair, known: Known) -> Iterator[Difference]:
    """What is not as it was meant; what the books say otherwise than the store has heard; what nobody ordered."""
    if pair.ours is None:
        yield from _foreign(pair, known)
    elif pair.theirs is None:
        yield missing(pair, _SHAPES[pair.kind], _missing_cause(pair)).model_copy(update={"subject": pair.key})
    else:
        yield from _both(pair)


def _missing_cause(pair: Pair) -> DriftCause:
    return _SHAPES[pair.kind].missing or _C.INVOICE_DELETED


def _both(pair: Pair) -> Iterator[Difference]:
    assert pair.ours is not None  # noqa: S101 - for the types: the caller has looked
    assert pair.theirs is not None  # noqa: S101 - the same
    ours, theirs = pair.ours.body, pair.theirs.body
    if ours["voided"] != theirs["voided"]:
        cause = _VOIDED[pair.kind] if theirs["voided"] else _SHAPES[pair.kind].differs
        stake = number(ours.get("total") or theirs.get("total"))
        made = _of(pair, cause, "voided", ours["voided"], theirs["voided"])
        yield made.model_copy(update={"money": stake, "subject": pair.key})
        return
    for field in HEADER:
        if field in ours and ours[field] != theirs.get(field):
            made = _of(pair, _SHAPES[pair.kind].differs, field, ours[field], theirs.get(field))
            yield made.model_copy(update=_asked_of(pair, field))
    if not pair.ours.facts.get("adopted"):
        yield from _lines(pair, ours.get("lines") or [], theirs.get("lines"))
    yield from _sums(pair)


def _asked_of(pair: Pair, field: str) -> dict[str, str | None]:
    """By what work about a field of the header names it; a merge in the books is a question about the customer."""
    assert pair.ours is not None  # noqa: S101 - for the types: the caller has looked
    assert pair.theirs is not None  # noqa: S101 - the same
    merged = pair.ours.facts.get("merged_into")
    if field == "customer_id" and merged is not None and merged == pair.theirs.body.get(field):
        return {"subject": pair.ours.body[field], "held": MERGED}
    return {"subject": _content(pair)} if field in MEANT else {}


def _lines(pair: Pair, meant: Sequence[Sequence[str]], found: Sequence[Sequence[str]] | None) -> Iterator[Difference]:
    if found is not None and sorted(map(tuple, meant)) == sorted(map(tuple, found)):
        return  # in which order they stand is cosmetic, as to whoever watches for edits
    cause = _SHAPES[pair.kind].differs
    stake = abs(_sum(meant) - _sum(found or []))
    for place, (one, other) in enumerate(zip_longest(meant, found or []), start=1):
        if one is None or other is None:
            made = _of(pair, cause, f"line {place}", one and " ".join(one), other and " ".join(other))
            yield made.model_copy(update={"money": stake, "subject": _content(pair)})
            continue
        for name, expected, there in zip(LINE, one, other, strict=True):
            if expected != there:
                made = _of(pair, cause, f"line {place} {name}", expected, there)
                yield made.model_copy(update={"money": stake, "subject": _content(pair)})


def _content(pair: Pair) -> str | None:
    """What their document comes to, as work about an edit names it: another edit is another question (case E8)."""
    return pair.theirs.facts.get("content") if pair.theirs else None


def _sum(lines: Sequence[Sequence[str]]) -> Decimal:
    return sum((number(line[-1]) for line in lines), Decimal(0))


def _sums(pair: Pair) -> Iterator[Difference]:
    """Total and balance as the store has heard them last: what the books say is taken in, whoever moved it."""
    assert pair.ours is not None  # noqa: S101 - for the types: the caller has looked
    assert pair.theirs is not None  # noqa: S101 - the same
    for field in ("total", "balance"):
        expected, there = pair.ours.body.get(field), pair.theirs.body.get(field)
        if field in pair.ours.body and expected != there:
            ours = pair.kind is Kind.INVOICE
            cause, remedy = (_C.INVOICE_NOT_PULLED, Remedy.REFRESH) if ours else (_C.CREDIT_EDITED, Remedy.PERSON)
            made = _of(pair, cause, field, expected, there)
            money = abs(number(expected) - number(there))
            yield made.model_copy(update={"rule": Rule.SUMS, "money": money, "remedy": remedy})


def _of(pair: Pair, cause: DriftCause, field: str, expected: object, found: object) -> Difference:
    shape = _SHAPES[pair.kind]
    return difference(pair, shape, cause, field=field, expected=said(expected), found=said(found))


def _foreign(pair: Pair, known: Known) -> Iterator[Difference]:
    """A document that we know nothing of: a duplicate of one of ours, somebody's invention, or older than we are."""
    assert pair.theirs is not None  # noqa: S101 - for the types: a pair has one side at least
    facts, body = pair.theirs.facts, pair.theirs.body
    marker = facts.get("marker")
    if body.get("voided") or (not marker and _is_older(facts.get("created_at"), known.began)):
        return
    duplicated, invented = _EXTRA[pair.kind]
    billed = _billed_already(marker, body, known)
    made = extra(pair, _SHAPES[pair.kind], duplicated if billed else invented)
    held = PENDING if marker in known.pending else None
    about = {"belongs": (("shipment", billed),)} if billed else {}
    yield made.model_copy(update={"rule": Rule.NOTHING_FOREIGN, "held": held, "subject": pair.key, **about})


def _billed_already(marker: object, body: Mapping[str, Any], known: Known) -> str | None:
    """The shipment that a document of ours bills already, by marker, number, or customer, day and total (case E19)."""
    shipment = str(marker).split(":")[1] if marker else None
    if shipment in known.shipments:
        return shipment
    as_ours = (str(body.get("customer_id")), str(body.get("invoiced_on")), str(body.get("total")))
    return known.numbers.get(str(body.get("doc_number"))) or known.twins.get(as_ours)


def _is_older(created_at: object, began: datetime | None) -> bool:
    return began is None or (created_at is not None and datetime.fromisoformat(str(created_at)) < began)
