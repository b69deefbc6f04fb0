"""Stored decisions made again, page by page: of the log, merges under way, promises of stock, states of orders."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import ValidationError
from sqlalchemy import select
from sqlmodel import Session, col

from domain.availability import decide as promise
from domain.company import Company
from domain.errors import Missing
from domain.exceptions import Cause, Choice, ExceptionKind, ExceptionState, Finding
from domain.lifecycle import Lifecycle
from domain.policies import Policy, PolicyKind, Rules
from domain.promises import AvailabilityInput, AvailabilityPolicy
from domain.reruns import KINDS, MERGE, Difference, Rerun, decide_again, differences
from store import exceptions, observations, ownerships
from store.paging import Page, page_of
from store.stock import promises
from store.tables.exceptions import DecisionRow, ExceptionRow
from store.tables.lifecycle import OrderMarkRow, OrderStateRow
from store.tables.mastering import MasterPlanRow
from store.tables.stock import AvailabilityRow

STOCK, LIFECYCLE, PLAN = "stock", "lifecycle", "master_plan"
ALL_KINDS = (*KINDS, PLAN, STOCK, LIFECYCLE)
BY_RULES = {
    PolicyKind.COMPANY: (*(name for name, one in KINDS.items() if one.rules is PolicyKind.COMPANY), STOCK),
    PolicyKind.OWNERSHIP: (*(name for name, one in KINDS.items() if one.rules is PolicyKind.OWNERSHIP),),
    PolicyKind.LIFECYCLE: (LIFECYCLE,),
}
OWNER = "integration"  # whose work a decision is that comes out otherwise
NOT_KEPT = "the rules that it was made by are not kept"
NAMED = 5  # so many places are named in a sentence


def again(
    session: Session, kind: str, lifecycle: Lifecycle | None, *, limit: int, cursor: str | None = None
) -> Page[Rerun]:
    """Decisions of a kind made again as they were made: every one is to come out the same.

    Of KINDS and plans, the newest first.
    """
    if kind == STOCK:
        return _stock(session, _kept_policy(session), limit, cursor)
    if kind == LIFECYCLE:
        return _states(session, lifecycle, limit, cursor, settled=True) if lifecycle else Page(items=())
    if kind == PLAN:
        return _plans(session, _kept_ownership(session), limit, cursor)
    return _logged(session, kind, _kept_rules(session, kind), limit, cursor)


def under(session: Session, kind: str, policy: Policy, *, limit: int, cursor: str | None = None) -> Page[Rerun]:
    """Decisions of a kind made again by a draft of the rules; a kind that these rules do not touch has none."""
    rules = policy.rules
    if kind not in BY_RULES[policy.kind]:
        return Page(items=())
    if isinstance(rules, Lifecycle):
        return _states(session, rules, limit, cursor, settled=False)
    if kind == STOCK and isinstance(rules, Company):
        return _stock(session, _draft_policy(rules), limit, cursor, beside={"policy_version"})
    return _logged(session, kind, lambda _: rules, limit, cursor, draft=True)


def report(session: Session, made: Sequence[Rerun], at: datetime) -> int:
    """Open work for decisions that came out otherwise, and close it for those that come out the same now."""
    wrong = [one for one in made if not one.same]
    for one in wrong:
        exceptions.open_item(session, finding=_finding(one), record=_record(one), owner=OWNER)
    keys = [_record(one)[1] for one in made if one.same]
    query = select(col(ExceptionRow.record_key)).where(
        col(ExceptionRow.state) == ExceptionState.OPEN.value, col(ExceptionRow.record_type) == "decision"
    )
    query = query.where(col(ExceptionRow.record_key).in_(keys))
    for key in session.scalars(query).all():
        exceptions.close_by_itself(session, ("decision", key), at)
    return len(wrong)


def _record(one: Rerun) -> tuple[str, str]:
    key = f"{one.record_type}/{one.record_key}" if one.kind == PLAN else one.record_key  # a customer's, or an item's
    return ("decision", one.decision_id or f"{one.kind}/{key}")


def _finding(one: Rerun) -> Finding:
    places = [each.field for each in one.differences]
    more = f" and {len(places) - NAMED} more" if len(places) > NAMED else ""
    what = one.error or f"it differs in {', '.join(places[:NAMED])}{more}"
    sentence = f"The {one.kind} decision on {one.record_type} {one.record_key} does not come out as it did: {what}"
    return Finding(
        kind=ExceptionKind.CONFLICT,
        cause=Cause.DECISION_DIFFERS,
        sentence=sentence.rstrip(".") + ".",
        choices=(Choice.HANDLED,),
        subject=one.record_key,
    )


class _NotKept(LookupError):
    """The rules that a decision was made by are not kept."""


Kept = Callable[[str], Rules | None]  # by version; None: they stand among the inputs. Raises _NotKept


def _kept_rules(session: Session, kind: str) -> Kept:
    is_ownership = kind in KINDS and KINDS[kind].rules is PolicyKind.OWNERSHIP
    return _kept_ownership(session) if is_ownership else lambda _: None


def _kept_ownership(session: Session) -> Kept:
    @cache
    def found(version: str) -> Rules:
        try:
            return ownerships.get(session, version)
        except Missing as error:
            raise _NotKept from error

    return found


def _made(told: Mapping[str, Any], one: DecisionRow | MasterPlanRow, rules: Kept, *, draft: bool) -> Rerun:
    kind = MERGE if told["kind"] == PLAN else told["kind"]
    try:
        by = rules(told["policy_version"])
    except _NotKept:
        return Rerun(**told, error=NOT_KEPT)
    return Rerun(**told, **dict(decide_again(kind, one.inputs, one.outcome, by, draft=draft)))


def _logged(
    session: Session, kind: str, rules: Kept, limit: int, cursor: str | None, *, draft: bool = False
) -> Page[Rerun]:
    row = DecisionRow
    query = select(row).where(col(row.kind) == kind)
    found = page_of(session, query, [col(row.made_at), col(row.id)], limit=limit, cursor=cursor, descending=True)

    def made(one: DecisionRow) -> Rerun:
        told = one.model_dump(include={"kind", "record_type", "record_key", "policy_version"})
        return _made({**told, "decision_id": str(one.id)}, one, rules, draft=draft)

    return found.of(made)


def _plans(session: Session, rules: Kept, limit: int, cursor: str | None) -> Page[Rerun]:
    """Merges whose writes are under way: what is being written is what their inputs say."""
    row = MasterPlanRow
    keys = [col(row.planned_at), col(row.kind), col(row.key)]
    found = page_of(session, select(row), keys, limit=limit, cursor=cursor, descending=True)

    def made(one: MasterPlanRow) -> Rerun:
        told = {"kind": PLAN, "record_type": one.kind, "record_key": one.key, "decision_id": None}
        return _made({**told, "policy_version": one.outcome.get("policy_version", "")}, one, rules, draft=False)

    return found.of(made)


Policies = Callable[[AvailabilityRow], AvailabilityPolicy | None]


def _kept_policy(session: Session) -> Policies:
    return lambda row: promises.policy_of(session, row.policy_version, row.decided_at)


def _draft_policy(company: Company) -> Policies:
    return lambda row: company.stock.promises(ZoneInfo(company.timezone), row.decided_at)


def _stock(
    session: Session, policies: Policies, limit: int, cursor: str | None, *, beside: Collection[str] = ()
) -> Page[Rerun]:
    """The promises that stand; a kit is made of its parts, which are decisions of their own."""
    row = AvailabilityRow
    query = select(row).where(~col(row.given).has_key("kit"))  # type: ignore[attr-defined]
    found = page_of(session, query, [col(row.sku), col(row.warehouse)], limit=limit, cursor=cursor)

    def made(one: AvailabilityRow) -> Rerun:
        told = {"kind": STOCK, "record_type": STOCK, "record_key": f"{one.sku}|{one.warehouse}"}
        about = {**told, "decision_id": None, "policy_version": one.policy_version}
        policy = policies(one)
        if policy is None:
            return Rerun(**about, error=NOT_KEPT)
        try:
            said = promise(AvailabilityInput.model_validate({**one.given, "policy": policy}))
        except ValidationError:
            return Rerun(**about, error="what was stored cannot be read any more")
        was = {name: getattr(one, name) for name in ("value", "published", "held", "policy_version")}
        now = {name: getattr(said, name) for name in was}
        both = (_plain(was | {"confidence": one.confidence}), _plain(now | {"confidence": said.confidence.value}))
        return Rerun(**about, differences=tuple(differences(*both, beside)))

    return found.of(made)


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    """Decimals of one value alike, whatever zeros they end in."""
    return {name: format(one.normalize(), "f") if hasattr(one, "normalize") else one for name, one in values.items()}


def _states(session: Session, lifecycle: Lifecycle, limit: int, cursor: str | None, *, settled: bool) -> Page[Rerun]:
    """The states of orders, derived from what was observed; `settled`: only of orders that nothing waits to change."""
    row = OrderStateRow
    query = select(row)
    if settled:
        marked = select(col(OrderMarkRow.order_number))
        query = query.where(col(row.policy_version) == lifecycle.named_version, col(row.order_number).not_in(marked))
    found = page_of(session, query, [col(row.order_number)], limit=limit, cursor=cursor)
    seen = observations.of_orders(session, [one.order_number for one in found.items])

    def made(one: OrderStateRow) -> Rerun:
        state = lifecycle.walk(each.observation for each in seen.get(one.order_number, ())).state
        differs = () if state == one.state else (Difference(field="state", before=one.state, after=state),)
        return Rerun(
            kind=LIFECYCLE,
            record_type="order",
            record_key=one.order_number,
            decision_id=None,
            policy_version=one.policy_version,
            differences=differs,
        )

    return found.of(made)
