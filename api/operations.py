"""What an operator can do: the same operations serve the routes and, through them, the command line."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

import structlog
from sqlmodel import Session
from temporalio.client import Client
from temporalio.service import RPCError

from activities.holding import open_not_billed
from activities.order_work import LOOKED_AT, acts_of
from activities.starting import (
    say_account_again,
    say_again,
    start_once,
    wake_credit,
    wake_master,
    wake_order,
    wake_shipment,
    wake_stock,
)
from api.once import Once
from api.second_person import put_forward
from api.services import Services
from domain.errors import Duplicate, GatewayError, Malformed, Missing, Unavailable
from domain.exceptions import VALUE_NEEDED, Choice, ExceptionItem, ExceptionState, Resolution
from domain.exceptions import Cause as Why
from domain.links import Link, LinkRole
from domain.master_questions import RECORD_TYPE, check_answer, split_key
from domain.master_work import MastersWork
from domain.order_acts import act_observation
from domain.order_work import OrdersWork
from domain.shipments import ShipmentState
from domain.work import LinkingWork, Wake
from runtime import metrics
from store import (
    balances,
    cursors,
    document_versions,
    exceptions,
    links,
    master_marks,
    observations,
    order_marks,
    shipments,
    statements,
)
from store.causes import Cause, CauseSource
from store.session import reading, transaction
from store.stock import marks, shown
from workflows.linking import LINK_CAUSES

log = structlog.get_logger()

STOCK, STOCK_PUBLICATION = "stock", "stock publication"  # what exceptions of stock are about


def user_cause(actor: str, **reference: str | int) -> Cause:
    """The cause of a change that a person makes by the API."""
    return Cause(source=CauseSource.USER, actor=actor, reference=reference)


class Chosen(NamedTuple):
    """What a person chose and why; `sentence` is what they read, None where they do not say."""

    choice: Choice
    value: str | None
    reason: str
    sentence: str | None = None


def decide(services: Services, exception_id: str, chosen: Chosen, by: str) -> ExceptionItem:
    """Write a person's decision down; the work that waits reads it from the store.

    Over more money than one person may decide about it is only proposed, and the exception stays open, until another
    person decides the same. Raises Malformed for a bad choice, and Duplicate where the exception says something else
    than what was read: what it asks about moved on, and a decision about the old numbers must not cover the new ones.
    """
    choice, value, reason, sentence = chosen
    with transaction(services.engine, user_cause(by, exception=exception_id)) as session:
        item = exceptions.get(session, exception_id)
        if item is None:
            raise Missing(f"There is no exception {exception_id}.", reason="exception")
        _check(item, choice, value)
        resolution = Resolution(
            exception_id=exception_id,
            choice=choice,
            value=value,
            reason=reason,
            decided_by=by,
            decided_at=datetime.now(UTC),
        )
        # Before the item is locked: who decides about stock takes its marks first, too.
        marks.mark(session, _stock_of(item), "a person decided")
        proposed = put_forward(session, services, resolution, sentence)
        if proposed is not None:
            return proposed
        resolved = exceptions.resolve(session, resolution)
        if sentence is not None and resolved.sentence != sentence:
            raise Duplicate(f"It has moved on since you read it, decide anew: {resolved.sentence}", reason="moved_on")
        _mark(session, item)
        is_new = resolved.resolution == resolution  # not where somebody only said again what they had said before
        if is_new:
            _follow(session, resolved, resolution)
    if is_new:
        metrics.count("exceptions_resolved", kind=resolved.kind, choice=choice)
    return resolved


def _mark(session: Session, item: ExceptionItem) -> None:
    """Mark what has to be looked at. After the item is locked: a look strikes its own mark at its very end, too."""
    if item.record_type == RECORD_TYPE:  # should its flow not hear of it now, the sweep follows
        kind, key, _ = split_key(item.record_key)
        master_marks.mark(session, kind, [key], "a person decided")
    if item.cause in LOOKED_AT:
        order_marks.mark(session, [item.record_key], "a person decided")


def _follow(session: Session, item: ExceptionItem, resolution: Resolution) -> None:
    """What a decision changes at once, with it: whoever acts on it finds it, even where nobody tells them."""
    if item.cause in LOOKED_AT:
        _act_on_order(session, resolution, item.record_key)
    elif item.record_type in {"order", "customer"} and resolution.choice is Choice.RETRY:
        _forget(session, item)  # the sweep finds what nobody said again
    if item.cause is Why.INVOICE_EDITED:  # about this very content: another edit is another question
        digests = [one.subject for one in item.findings if one.subject]
        document_versions.decide(session, item.record_key, digests, resolution)
    if item.cause is Why.STOCK_OVERSOLD:  # what their orders say of it is taken back
        cursors.note(session, cursors.ORDERS_TO_TELL, [one.subject for one in item.findings[1:] if one.subject])
    if item.record_type == STOCK_PUBLICATION and resolution.choice is Choice.RETRY:
        shown.say_refused_again(session)


def _act_on_order(session: Session, resolution: Resolution, number: str) -> None:
    """A decision about an order is an observation of it, made by a person: its flow looks and goes on from there."""
    act = acts_of(resolution.choice)
    if act:
        words = f"{resolution.decided_by}: {resolution.reason}"
        observed = act_observation(act, resolution.exception_id, words, resolution.decided_at)
        observations.note(session, number, observed, resolution.decided_at)


def _forget(session: Session, item: ExceptionItem) -> None:
    if item.record_type == "order":
        statements.forget(session, item.record_key)
    else:
        statements.forget_account(session, item.record_key)


def _check(item: ExceptionItem, choice: Choice, value: str | None) -> None:
    if item.state is ExceptionState.OPEN and choice not in item.choices:
        allowed = ", ".join(item.choices)
        raise Malformed(f"{choice} is no choice for this exception. Choose one of: {allowed}.", reason="choice")
    if choice in VALUE_NEEDED and not (value or "").strip():
        raise Malformed(f"The choice {choice} needs a value.", reason="value")
    if item.record_type == RECORD_TYPE:
        check_answer(item.record_key, choice, value)


def _stock_of(item: ExceptionItem) -> list[str]:
    """The item of the stock row that an exception is about; none for other work."""
    return [item.record_key.rpartition("|")[0]] if item.record_type == STOCK else []


async def go_on(services: Services, item: ExceptionItem) -> None:
    """Let what waited for a decision look at it. When Temporal is away the decision stands, and the sweep follows.

    One that waits for a second person is none yet.
    """
    if item.state is ExceptionState.OPEN:
        return
    try:
        async with asyncio.timeout(5):
            await _signal(services, item)
    except (TimeoutError, RPCError, RuntimeError, GatewayError) as error:
        log.warning("the decision is kept, its flow looks later", exception=item.id, error=type(error).__name__)


async def look_again(services: Services, number: str) -> None:
    """Let a shipment's flow look at it. When Temporal is away the sweep follows."""
    try:
        async with asyncio.timeout(5):
            await wake_shipment(services.client, number)
    except (TimeoutError, RPCError, RuntimeError) as error:
        log.warning("a shipment looks later", shipment=number, error=type(error).__name__)


async def _signal(services: Services, item: ExceptionItem) -> None:
    wake = _own_flow(item)
    if wake is not None:
        await wake(services.client, item.record_key)
    elif item.record_type == "order" and _is_retry(item):
        numbers = await asyncio.to_thread(_shipments_of, services, item.record_key)
        await say_again(services.client, item.record_key, numbers)
    elif item.record_type == "customer" and _is_retry(item):
        await say_account_again(services.client, item.record_key)
    elif item.record_type == "file" and _is_retry(item):
        await _read_again(services, item)
    elif item.record_type == RECORD_TYPE:
        kind, key, _ = split_key(item.record_key)
        await wake_master(services.client, kind, key, "a person decided")
    elif item.record_type in {STOCK, STOCK_PUBLICATION}:
        await wake_stock(services.client, "recheck")
    elif item.workflow_id:
        await services.client.get_workflow_handle(item.workflow_id).signal("recheck")


def _own_flow(item: ExceptionItem) -> Callable[[Client, str], Awaitable[None]] | None:
    """What wakes the flow that the record of an exception has of its own."""
    if item.record_type == "shipment":
        return wake_credit if (item.workflow_id or "").startswith("credit/") else wake_shipment
    return wake_order if item.cause in LOOKED_AT else None


async def _read_again(services: Services, item: ExceptionItem) -> None:
    """Read a file again; one that still cannot be read is work for a person again, not silently dropped."""
    receiver, file_id = services.receiver, UUID(item.record_key)
    try:
        received = await asyncio.to_thread(receiver.read_again, file_id, item.id)
    except (Malformed, Missing) as error:
        await asyncio.to_thread(receiver.refuse_again, file_id, error.detail)
        return
    if received is not None:
        await receiver.start(received)


def _is_retry(item: ExceptionItem) -> bool:
    return item.resolution is not None and item.resolution.choice is Choice.RETRY


def _shipments_of(services: Services, order_number: str) -> list[str]:
    with reading(services.engine) as session:
        return shipments.of_orders(session, [order_number])


def retire_link(services: Services, link: Link, reason: str, by: str) -> None:
    """Stop using a confirmed link; it stays as an alias. Raises Missing where it is not in use."""
    with transaction(services.engine, user_cause(by, kind=link.kind, key=link.local_key, reason=reason)) as session:
        if not links.retire(session, link, datetime.now(UTC)):
            detail = f"{link.kind} {link.local_key} has no confirmed link to {link.external_id} in {link.system}."
            raise Missing(detail, reason="link")


def reconsider(services: Services, number: str, reason: str, by: str, once: Once) -> ExceptionItem:
    """Take back the decision not to bill a shipment: it is matched and billed again, as if it had just come.

    Over more money than one person may decide about it is only proposed, and waits for another person.

    Raises Missing for an unknown shipment and Malformed for one that is not out of billing.
    """
    with transaction(services.engine, user_cause(by, shipment=number, reason=reason)) as session:
        known = once.known(session)
        if known is not None:
            return ExceptionItem.model_validate(known)
        row = shipments.lock_many(session, [number]).get(number)
        if row is None:
            raise Missing(f"There is no shipment {number}.", reason="shipment")
        if row.state != ShipmentState.NOT_BILLED:
            raise Malformed(
                f"Shipment {number} is {row.state}: nothing was decided against billing it.", reason="state"
            )
        item = open_not_billed(session, row, _stake_of(session, number))
        decision = Resolution(
            exception_id=item,
            choice=Choice.BILL_AGAIN,
            reason=reason,
            decided_by=by,
            decided_at=datetime.now(UTC),
        )
        found = put_forward(session, services, decision, None) or exceptions.resolve(session, decision)
        once.keep(session, found.model_dump(mode="json"))
        return found


def _stake_of(session: Session, number: str) -> Decimal | None:
    """What was at stake when a person decided not to bill a shipment."""
    decided = exceptions.resolved_of_record(session, ("shipment", number), list(Why))
    stakes = [one.money_at_stake for one in decided if one.resolution and one.resolution.choice is Choice.DO_NOT_BILL]
    return stakes[-1] if stakes else None


async def match_links(services: Services, by: str, *, accept_exact: bool) -> str:
    """Start a linking run; answers its workflow id. A run that is under way is joined."""
    workflow_id = "links-match/accept-exact" if accept_exact else "links-match/propose"
    await _start(services.client, "LinksMatch", workflow_id, LinkingWork(accept_exact=accept_exact, requested_by=by))
    return workflow_id


async def pull_orders(services: Services, by: str) -> str:
    """Start a poll of Salesforce's orders right now; answers its workflow id."""
    workflow_id = "orders-pull/now"
    await _start(services.client, "OrdersPull", workflow_id, OrdersWork(reason=by))
    return workflow_id


async def pull_masters(services: Services, by: str) -> str:
    """Start a poll of both systems' customers, items and terms right now; answers its workflow id."""
    workflow_id = "masters-pull/now"
    await _start(services.client, "MastersPull", workflow_id, MastersWork(reason=by))
    return workflow_id


async def _start(client: Client, workflow_type: str, workflow_id: str, work: object) -> None:
    try:
        async with asyncio.timeout(10):
            await start_once(client, workflow_type, workflow_id, work)
    except (TimeoutError, RPCError, RuntimeError) as error:
        detail = "Temporal does not answer, so the work could not be started. Try again in a moment."
        raise Unavailable(detail, reason=type(error).__name__) from error


def confirm_link(services: Services, link: Link, by: str) -> Link:
    """Confirm a pair, proposed or brought by a person. Raises as many do."""
    import_links(services, [link], by)
    return link


def import_links(services: Services, given: list[Link], by: str) -> int:
    """Confirm many pairs, all or none; answers how many were new.

    Raises Duplicate where either side has another partner, or the pair another role, and Malformed for a role that the
    pair cannot have.
    """
    reference: dict[str, str | int] = {"links": len(given)}
    if len(given) == 1:
        reference = {"kind": given[0].kind, "key": given[0].local_key}
    billed = [one.local_key for one in given if one.role is LinkRole.BILLED_TO]
    if billed:
        reference["billed_to"] = len(billed)
    try:
        with transaction(services.engine, user_cause(by, **reference)) as session:
            new = links.import_links(session, given, by, datetime.now(UTC))
            cursors.note(session, cursors.CUSTOMERS_TO_LOOK, balances.forget(session, billed))
            return new
    except Duplicate as error:
        if error.reason == "link_role":
            raise
        detail = "Our key or their id has another confirmed link already; nothing was confirmed. `threeway links list`."
        raise Duplicate(detail, reason="link_taken") from error


async def wake_linked(services: Services) -> None:
    """Let shipments that waited for a link look again."""
    try:
        numbers = await asyncio.to_thread(_waiting, services, Wake(causes=LINK_CAUSES))
        async with asyncio.timeout(10):
            await asyncio.gather(*(wake_shipment(services.client, number) for number in numbers))
    except (TimeoutError, RPCError, RuntimeError, GatewayError) as error:
        log.warning("links are confirmed, shipments look later", error=type(error).__name__)


def _waiting(services: Services, wake: Wake) -> list[str]:
    with transaction(services.engine, user_cause("api")) as session:
        return exceptions.waiting_shipments(session, wake.causes)
