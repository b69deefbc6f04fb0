"""Stored decisions made again, page by page: those of the log, the promises of stock, and the states of orders."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import ValidationError
from sqlalchemy import select
from sqlmodel import Session, col

from domain.availability import decide as promise
from domain.company import Company
from domain.exceptions import Cause, Choice, ExceptionKind, ExceptionState, Finding
from domain.lifecycle import Lifecycle
from domain.policies import Policy
from domain.promises import AvailabilityInput, AvailabilityPolicy
from domain.reruns import KINDS, Difference, Rerun, decide_again, differences
from store import exceptions, observations
from store.paging import Page, page_of
from store.stock import promises
from store.tables.exceptions import DecisionRow, ExceptionRow
from store.tables.lifecycle import OrderMarkRow, OrderStateRow
from store.tables.stock import AvailabilityRow

STOCK, LIFECYCLE = "stock", "lifecycle"
ALL_KINDS = (*KINDS, STOCK, LIFECYCLE)
OWNER = "integration"  # whose work a decision is that comes out otherwise


def again(
    session: Session, kind: str, lifecycle: Lifecycle | None, *, limit: int, cursor: str | None = None
) -> Page[Rerun]:
    """Decisions of a kind made again as they were made: every one is to come out the same."""
    if kind == STOCK:
        return _stock(session, _kept_policy(session), limit, cursor)
    if kind == LIFECYCLE:
        return _states(session, lifecycle, limit, cursor, settled=True) if lifecycle else Page(items=())
    return _logged(session, kind, None, limit, cursor)


def under(session: Session, kind: str, policy: Policy, *, limit: int, cursor: str | None = None) -> Page[Rerun]:
    """Decisions of a kind made again by a draft of the rules; a kind that these rules do not touch has none."""
    if policy.lifecycle is not None:
        lifecycle = policy.lifecycle
        return _states(session, lifecycle, limit, cursor, settled=False) if kind == LIFECYCLE else Page(items=())
    if policy.company is None or kind == LIFECYCLE:
        return Page(items=())
    if kind == STOCK:
        return _stock(session, _draft_policy(policy.company), limit, cursor, ignored={"policy_version"})
    return _logged(session, kind, policy.company, limit, cursor)


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
    return ("decision", one.decision_id or f"{one.kind}/{one.record_key}")


def _finding(one: Rerun) -> Finding:
    what = one.error or f"it differs in {', '.join(each.field for each in one.differences)}"
    sentence = f"The {one.kind} decision on {one.record_type} {one.record_key} does not come out as it did: {what}"
    return Finding(
        kind=ExceptionKind.CONFLICT,
        cause=Cause.DECISION_DIFFERS,
        sentence=sentence.rstrip(".") + ".",
        choices=(Choice.HANDLED,),
        subject=one.record_key,
    )


def _logged(session: Session, kind: str, company: Company | None, limit: int, cursor: str | None) -> Page[Rerun]:
    row = DecisionRow
    query = select(row).where(col(row.kind) == kind)
    found = page_of(session, query, [col(row.made_at), col(row.id)], limit=limit, cursor=cursor, descending=True)

    def made(one: DecisionRow) -> Rerun:
        said = decide_again(one.kind, one.inputs, one.outcome, company)
        fields = one.model_dump(include={"kind", "record_type", "record_key", "policy_version"})
        return Rerun(**fields, decision_id=str(one.id), **dict(said))

    return found.of(made)


Policies = Callable[[AvailabilityRow], AvailabilityPolicy | None]


def _kept_policy(session: Session) -> Policies:
    return lambda row: promises.policy_of(session, row.policy_version, row.decided_at)


def _draft_policy(company: Company) -> Policies:
    return lambda row: company.stock.promises(ZoneInfo(company.timezone), row.decided_at)


def _stock(
    session: Session, policies: Policies, limit: int, cursor: str | None, *, ignored: set[str] | None = None
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
            return Rerun(**about, error="the rules that it was made by are not kept")
        try:
            said = promise(AvailabilityInput.model_validate({**one.given, "policy": policy}))
        except ValidationError:
            return Rerun(**about, error="what was stored cannot be read any more")
        was = {name: getattr(one, name) for name in ("value", "published", "held", "policy_version")}
        now = {name: getattr(said, name) for name in was}
        both = (_plain(was | {"confidence": one.confidence}), _plain(now | {"confidence": said.confidence.value}))
        return Rerun(**about, differences=tuple(differences(*both, ignored)))

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
        differs = () if state == one.state else (Difference(field="state", was=one.state, now=state),)
        return Rerun(
            kind=LIFECYCLE,
            record_type="order",
            record_key=one.order_number,
            decision_id=None,
            policy_version=one.policy_version,
            differences=differs,
        )

    return found.of(made)
