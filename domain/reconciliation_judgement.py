"""Judging differences: under way, held by open work, accepted by somebody, or drift; pure, so it can be done again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import NamedTuple

from domain.exceptions import Cause, Choice, ExceptionState
from domain.links import LinkKind
from domain.master_questions import RECORD_TYPE as MASTER
from domain.master_questions import record_key
from domain.reconciliation import Difference, DriftCause, Kind, Pair, Rule, Side, Standing, Verdict
from domain.reconciliation_documents import MERGED, PENDING, compare_document
from domain.reconciliation_kinds import SHAPES, Known, compare_plain
from domain.reconciliation_policy import ReconciliationPolicy

_REMOVED = (Cause.INVOICE_REMOVED,)
_EDITED = (Cause.INVOICE_EDITED,)
_CORRECTED = (
    Cause.CORRECTION_AFTER_INVOICE,
    Cause.RETURN_AFTER_INVOICE,
    Cause.CREDIT_REJECTED,
    Cause.CREDIT_UNCERTAIN,
)
_SHOWN = (Cause.PUBLICATION_REJECTED,)
_STOCK = (Cause.STOCK_SWING, Cause.STOCK_SAME_INSTANT, Cause.STOCK_BUCKET_UNKNOWN, Cause.STOCK_UNIT_UNKNOWN)
_FILES = (
    Cause.FILE_REFUSED,
    Cause.FILE_FAILED,
    Cause.FILE_ROWS_REFUSED,
    Cause.FILE_SEQUENCE_REPEATED,
    Cause.FILE_SEQUENCE_GAP,
    Cause.STOCK_NOT_PROVEN,
    Cause.STOCK_DOUBTFUL,
    Cause.STOCK_TOO_MANY_ZEROS,
    Cause.STOCK_SHRUNK,
)
# Which open work explains which difference. Work that is about something else never hides one; `None`: any work does.
EXPLAINS: Mapping[DriftCause, tuple[Cause, ...] | None] = {
    DriftCause.INVOICE_VOIDED: _REMOVED,
    DriftCause.INVOICE_DELETED: _REMOVED,
    DriftCause.CREDIT_VOIDED: _REMOVED,
    DriftCause.CREDIT_DELETED: _REMOVED,
    DriftCause.INVOICE_EDITED: _EDITED,
    DriftCause.CREDIT_EDITED: _EDITED,
    DriftCause.INVOICE_DUPLICATED: (
        Cause.INVOICE_DUPLICATE,
        Cause.INVOICE_UNCERTAIN,
        Cause.DOC_NUMBER_TAKEN,
        Cause.INVOICE_DIFFERS,
    ),
    DriftCause.BILLED_MORE_THAN_SHIPPED: _CORRECTED,
    DriftCause.SHIPPED_NOT_INVOICED: None,
    DriftCause.INTENT_WITHOUT_OUTCOME: (Cause.INVOICE_UNCERTAIN, Cause.CREDIT_UNCERTAIN, Cause.CONNECTION_REFUSED),
    DriftCause.LEDGER_UNBALANCED: (Cause.ORDER_LEDGER_BROKEN,),
    DriftCause.ORDER_UNKNOWN: (Cause.ORDER_INCOMPLETE, Cause.ORDER_NUMBER_REFUSED),
    DriftCause.ORDER_NOT_AS_STATED: (Cause.ORDER_INCOMPLETE,),
    DriftCause.ORDER_LINE_NOT_AS_STATED: (Cause.ORDER_INCOMPLETE,),
    DriftCause.ORDER_LINE_GONE: (Cause.ORDER_INCOMPLETE,),
    DriftCause.ORDER_LINE_UNKNOWN: (Cause.ORDER_INCOMPLETE,),
    DriftCause.ORDER_SHOWN_WRONG: _SHOWN,
    DriftCause.ORDER_LINE_SHOWN_WRONG: _SHOWN,
    DriftCause.INVOICE_NOT_SHOWN: _SHOWN,
    DriftCause.INVOICE_SHOWN_WRONG: _SHOWN,
    DriftCause.ACCOUNT_SHOWN_WRONG: _SHOWN,
    DriftCause.STOCK_NOT_AS_EXPORTED: _STOCK,
    DriftCause.FILE_NOT_ACCOUNTED: _FILES,
    DriftCause.LINK_TARGET_MISSING: (Cause.MASTER_DELETED, Cause.MASTER_INACTIVE),
    DriftCause.LINK_NOT_AS_FOUND: (Cause.MASTER_DELETED, Cause.MASTER_INACTIVE),
}
# Work that names by its subjects what it is about, and the decisions that make the difference one that is wanted.
BY_SUBJECT: Mapping[str, frozenset[Choice]] = {
    Cause.INVOICE_EDITED: frozenset({Choice.ACCEPT_AS_BOOKED}),
    Cause.INVOICE_DUPLICATE: frozenset({Choice.HANDLED}),
    Cause.INVOICE_REMOVED: frozenset({Choice.HANDLED}),
}
# A merge of customers in the books that no link could follow: one question for all of the customer's documents.
_MERGED = (Cause.MASTER_DELETED,)
_GIVES_UP: Mapping[str, frozenset[Choice]] = {Cause.MASTER_DELETED: frozenset({Choice.RETIRE_LINK})}


class Work(NamedTuple):
    """One piece of work of ours: what it is about, and what became of it."""

    id: str
    cause: str
    record_type: str
    record_key: str
    state: str
    decided_by: str | None
    accepted: frozenset[str] = frozenset()
    choice: str | None = None
    subjects: frozenset[str] = frozenset()


class Bench(NamedTuple):
    """What differences are judged by: the policy, when each system was read, the work, and what was found first."""

    policy: ReconciliationPolicy
    watermarks: Mapping[Side, datetime]
    work: Mapping[tuple[str, str], tuple[Work, ...]]
    accepted: Mapping[str, Work]
    suspects: frozenset[str] | None = None

    @classmethod
    def of(
        cls,
        policy: ReconciliationPolicy,
        watermarks: Mapping[Side, datetime],
        work: Iterable[Work],
        suspects: frozenset[str] | None = None,
    ) -> Bench:
        """Sort the work by its record, and what people accepted by its fingerprint."""
        by_record: defaultdict[tuple[str, str], list[Work]] = defaultdict(list)
        accepted: dict[str, Work] = {}
        for one in work:
            by_record[one.record_type, one.record_key].append(one)
            accepted |= dict.fromkeys(one.accepted, one)
        found = {record: tuple(some) for record, some in by_record.items()}
        return cls(policy, watermarks, found, accepted, suspects)


def differences(pairs: Iterable[Pair], known: Mapping[Kind, Known]) -> Iterator[Difference]:
    """Everything that differs in these pairs, in their order; an order that is gone speaks for its lines."""
    gone: set[str] = set()
    for pair in pairs:
        for one in _of_pair(pair, known.get(pair.kind) or known.get(Kind.INVOICE) or Known()):
            if one.cause is DriftCause.ORDER_GONE:
                gone.add(one.record_key)
            if not _spoken_for(one, gone):
                yield one


def _of_pair(pair: Pair, known: Known) -> Iterator[Difference]:
    if pair.kind in {Kind.INVOICE, Kind.CREDIT_MEMO}:
        return compare_document(pair, known)
    if pair.kind in SHAPES:
        return compare_plain(pair, known)
    return _row(pair) if pair.kind is Kind.ROW else _check(pair)


def _spoken_for(one: Difference, gone: set[str]) -> bool:
    order = dict(one.belongs).get("order")
    return one.cause is not DriftCause.ORDER_GONE and order in gone and one.system is Side.SALESFORCE


# By what rule a table of the store is missed.
_TABLES = {
    "orders": Rule.ORDER_LINES,
    "order_lines": Rule.ORDER_LINES,
    "order_states": Rule.ORDER_SHOWN,
    "order_line_ledgers": Rule.ORDER_LINES,
    "shipments": Rule.SHIPPED_BILLED,
    "shipment_lines": Rule.SHIPPED_BILLED,
    "links": Rule.LINKS,
    "stock_levels": Rule.STOCK,
    "customer_balances": Rule.SUMS,
}


def _row(pair: Pair) -> Iterator[Difference]:
    """A row of the store that is not what its change log says, or that was changed without a cause, field by field."""
    table, _, key = pair.key.partition("/")
    now, log = (side.body if side else None for side in (pair.ours, pair.theirs))
    fields = sorted(log) if log and now is not None else [""]
    for field in fields:
        expected = None if log is None else log.get(field) if field else "a row"
        found = None if now is None else now.get(field) if field else "a row"
        if expected == found:
            continue
        yield Difference(
            kind=pair.kind,
            key=pair.key,
            rule=_TABLES.get(table, Rule.BOOKED_AS_MEANT),
            cause=DriftCause.CHANGED_BY_HAND,
            system=Side.GATEWAY,
            record_type=table,
            record_key=key,
            field=field,
            expected=None if expected is None else str(expected),
            found=None if found is None else str(found),
        )


def _check(pair: Pair) -> Iterator[Difference]:
    """What a check of the store against itself has found, in its own words."""
    said = pair.ours or pair.theirs
    if said is None:
        return
    body, facts = said.body, said.facts
    yield Difference(
        kind=pair.kind,
        key=pair.key,
        rule=Rule(body["rule"]),
        cause=DriftCause(body["cause"]),
        system=Side(body.get("system", Side.GATEWAY)),
        record_type=body["record_type"],
        record_key=body["record_key"],
        field=body.get("field", ""),
        expected=body.get("expected"),
        found=body.get("found"),
        money=body.get("money"),
        belongs=tuple((name, str(value)) for name, value in facts.items() if value),
        changed={Side.GATEWAY: said.changed_at} if said.changed_at else {},
    )


def judge(one: Difference, bench: Bench) -> Verdict:
    """What a difference means. What somebody accepted, or what open work explains, is so however fresh it is."""
    accepted = bench.accepted.get(one.fingerprint) or _decided(one, bench)
    if accepted is not None:
        return Verdict(one, Standing.WAIVED, f"accepted by {accepted.decided_by}", accepted.id)
    explained = _explained(one, bench)
    if explained is not None:
        return Verdict(one, Standing.HELD, f"waits for a decision: {explained.cause}", explained.id)
    if one.held is not None:
        standing = Standing.IN_FLIGHT if one.held == PENDING else Standing.HELD
        return Verdict(one, standing, one.held, None)
    moving = _moving(one, bench)
    if moving is not None:
        return Verdict(one, Standing.IN_FLIGHT, moving, None)
    return Verdict(one, Standing.DRIFT, "", None)


def _moving(one: Difference, bench: Bench) -> str | None:
    """Why it may still be under way, None where every side has been still for longer than its grace."""
    if bench.suspects is not None and one.fingerprint not in bench.suspects:
        return "it moved between two reads"
    for side, at in one.changed.items():
        watermark = bench.watermarks.get(side)
        if watermark is not None and at > watermark - bench.policy.grace(side):
            return f"{side} changed it at {at.isoformat(timespec='seconds')}"
    return None


def _explained(one: Difference, bench: Bench) -> Work | None:
    if one.cause not in EXPLAINS:
        return None
    causes = _MERGED if one.held == MERGED else EXPLAINS[one.cause]
    for work in _of(one, bench):
        if work.state == ExceptionState.OPEN and (causes is None or work.cause in causes) and _is_about(work, one):
            return work
    return None


def _is_about(work: Work, one: Difference) -> bool:
    """Whether it is about this very document or content: an edit after the one that was asked about hides nothing."""
    return (work.cause not in BY_SUBJECT and one.held != MERGED) or one.subject in work.subjects


def _decided(one: Difference, bench: Bench) -> Work | None:
    """The work in which a person has accepted a document as it is, gone, edited or there twice (cases E8, E9, E19).

    A document that a merge has moved is accepted with the merge: by whoever retired the link (case M5).
    """
    causes, accepting = EXPLAINS.get(one.cause) or (), BY_SUBJECT
    if one.held == MERGED:
        causes, accepting = _MERGED, _GIVES_UP
    settled = (
        work
        for work in _of(one, bench)
        if work.state == ExceptionState.RESOLVED
        and work.cause in causes
        and work.choice in accepting.get(work.cause, ())
        and _is_about(work, one)
    )
    return next(settled, None)


def _of(one: Difference, bench: Bench) -> Iterator[Work]:
    for record in one.belongs:
        yield from bench.work.get(record, ())
        if record[0] == LinkKind.CUSTOMER:  # of the merge of masters: about this customer in that system
            yield from bench.work.get((MASTER, record_key(LinkKind.CUSTOMER, record[1], one.system.value)), ())
