"""What there is to do about an order, from its case and its state: what to tell the ERP, what a person has to see."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from domain.exceptions import Cause, Choice, ExceptionKind, Finding
from domain.money import plain
from domain.order_case import OrderCase, SentMessage
from domain.order_messages import OrderAction, OrderMessage, OrderMessageLine
from domain.orders import OrderLine
from domain.sources import System

RESEND, RELEASED = "resend_requested", "released"
DECISIONS = {Choice.RELEASE_ORDER: "release", Choice.CANCEL_ORDER: "cancel"}
NOTHING = Decimal(0)


class OrderRules(BaseModel):
    """How orders are handed to the ERP (`[orders]` of company.toml).

    `warehouse` is the one that an order asks for: Salesforce names none. `acknowledge_minutes`: how long after its file
    the ERP may be silent about an order. `credit`: `flag` shows a customer over its limit, `hold` keeps its new orders
    back (case O17). `drop_ship`: warehouses that are a vendor's own (case O15).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    warehouse: str = ""
    acknowledge_minutes: int = Field(default=240, ge=1)
    credit: str = Field(default="flag", pattern="^(off|flag|hold)$")
    drop_ship: tuple[str, ...] = ()

    @property
    def silence(self) -> timedelta:
        """How long the ERP may be silent."""
        return timedelta(minutes=self.acknowledge_minutes)


class Standing(BaseModel):
    """What the plan needs to know of the order's state: what is done there, whose turn it is, and what left by line."""

    model_config = ConfigDict(frozen=True)

    state: str
    does: frozenset[str]
    person: bool
    closed: bool
    since_at: AwareDatetime
    last_note: str = ""
    early: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    broken: tuple[str, ...] = ()
    allowed: tuple[str, ...] = ()
    shipped: Mapping[int, Decimal] = {}
    look_at: AwareDatetime | None = None


class OrderPlan(BaseModel):
    """A message for the ERP, or none; what a person has to see; when to look next without news.

    `content`: the order as the ERP has to know it. `again`: the message is the same as the last one, and wanted anew.
    `withdraw`: what waits for a file is not to be written, and nothing takes its place.
    """

    model_config = ConfigDict(frozen=True)

    message: OrderMessage | None = None
    content: OrderMessage | None = None
    again: bool = False
    withdraw: bool = False
    findings: tuple[Finding, ...] = ()
    look_at: AwareDatetime | None = None


def plan(
    case: OrderCase,
    standing: Standing,
    terms: str,
    rules: OrderRules,
    watermark: datetime | None,
    now: datetime,
) -> OrderPlan:
    """Decide what is to be done about an order. Pure: the same case, standing and instant give the same plan."""
    content = content_of(case, terms, rules.warehouse, standing.shipped)
    waits = [at for at in (standing.look_at, _silent_until(case, rules)) if at and at > now]
    again = _asked_again(case, {RESEND, RELEASED} if "send" in standing.does else {RESEND})
    wanted, waiting = _message(case, standing, content, again=again), _waiting(case)
    is_waiting = wanted is not None and waiting is not None and waiting.content_hash == wanted.content_hash
    return OrderPlan(
        message=None if is_waiting else wanted,
        content=content,
        again=again,
        withdraw=wanted is None and waiting is not None,
        findings=tuple(_findings(case, standing, rules, watermark, now)),
        look_at=min(waits, default=None),
    )


def content_of(
    case: OrderCase, terms: str, warehouse: str, shipped: Mapping[int, Decimal] | None = None
) -> OrderMessage | None:
    """The order as the ERP has to know it now; None without lines.

    Of a line that has left, in whole or in part, what left stays as it was told, and so does its price (case O8). What
    is not Salesforce's own word (terms, warehouse, the day) is told once: a master that changes later changes no order.
    """
    order, known, left = case.order, _known(case) or _waiting(case), shipped or {}
    told = {line.line_no: line for line in (known.lines if known else ())}
    living = {line.line_no for line in order.lines}
    lines = [_line_of(line, told.get(line.line_no), left.get(line.line_no, NOTHING)) for line in order.lines]
    gone = [line for line in told.values() if line.line_no not in living and left.get(line.line_no)]
    lines += [line.model_copy(update={"quantity": min(line.quantity, left[line.line_no])}) for line in gone]
    if not lines:
        return None
    return OrderMessage(
        action=OrderAction.ADD,
        order_number=order.number,
        customer_number=order.customer_number or "",
        ordered_on=known.ordered_on if known else order.ordered_on or order.version_at.date(),
        requested_on=None,
        warehouse=known.warehouse if known else warehouse,
        purchase_order=order.purchase_order,
        terms=known.terms if known else terms,
        lines=tuple(sorted(lines, key=lambda line: line.line_no)),
    )


def _line_of(line: OrderLine, told: OrderMessageLine | None, left: Decimal) -> OrderMessageLine:
    """A line as the ERP has to know it: more than was ordered is no reason to tell it anything (case O4)."""
    quantity, price = line.quantity, line.unit_price
    if told is not None and left:
        quantity, price = max(quantity, min(left, told.quantity)), told.unit_price
    return OrderMessageLine(line_no=line.line_no, sku=line.sku, quantity=quantity, uom=line.uom, unit_price=price)


def _told(case: OrderCase) -> dict[int, OrderMessageLine]:
    """The lines that the ERP was told last."""
    known = _known(case)
    return {line.line_no: line for line in known.lines} if known else {}


def _known(case: OrderCase) -> OrderMessage | None:
    """What the ERP was told last, if only by a file that is on its way to it, or is taken to know."""
    told = (one for one in case.messages if one.sequence is not None)
    newest = max(told, key=lambda one: (one.added_at, one.sequence or 0), default=None)
    return newest.message if newest else case.baseline


def _waiting(case: OrderCase) -> OrderMessage | None:
    """What was to be told and is in no file yet; it can still be withdrawn."""
    unwritten = (one for one in case.messages if one.sequence is None)
    newest = max(unwritten, key=lambda one: one.added_at, default=None)
    return newest.message if newest else None


def _message(case: OrderCase, standing: Standing, content: OrderMessage | None, *, again: bool) -> OrderMessage | None:
    """What the ERP has to be told beyond what is in files by now; None: nothing that it does not know."""
    if "cancel" in standing.does:
        return _cancellation(_known(case), again=again)
    if content is None or "release" in standing.does or case.order.deleted or not case.order.active:
        return None
    return _statement(case, content, send="send" in standing.does, again=again)


def _cancellation(known: OrderMessage | None, *, again: bool) -> OrderMessage | None:
    if known is None or (known.action is OrderAction.CANCEL and not again):
        return None
    return known.model_copy(update={"action": OrderAction.CANCEL})


def _statement(case: OrderCase, content: OrderMessage, *, send: bool, again: bool) -> OrderMessage | None:
    """A new order, a change of one that the ERP knows, or the same once more because a person wants it."""
    known = _known(case)
    if known is None:
        return content if send and case.born_here else None
    if send and again:  # the ERP took nothing of what it was told
        return content
    if known.action is OrderAction.CANCEL:
        return None
    if not same_content(known, content):
        return content.model_copy(update={"action": OrderAction.CHANGE})
    return known if again else None


def _asked_again(case: OrderCase, words: set[str]) -> bool:
    """Whether a person wants the ERP to be told once more, and no file has done that since or is about to.

    A release asks for it only where the ERP took nothing of the order.
    """
    asked = [one.occurred_at for one in case.lasting if one.system is System.GATEWAY and one.value in words]
    written = [one for one in case.messages if one.sequence is not None]
    told = [one.sent_at for one in written if one.sent_at]
    return bool(asked and told) and len(told) == len(written) and max(asked) > max(told)


def same_content(left: OrderMessage, right: OrderMessage) -> bool:
    """Whether two messages say the same of an order, whatever they ask for."""
    return left.content_hash == right.model_copy(update={"action": left.action}).content_hash


def _silent_until(case: OrderCase, rules: OrderRules) -> datetime | None:
    sent = _unanswered(case)
    return sent.sent_at + rules.silence if sent and sent.sent_at else None


def _unanswered(case: OrderCase) -> SentMessage | None:
    """The newest message that reached the ERP and that no word of it answers yet."""
    newest = max((one for one in case.messages if one.sent_at), key=lambda one: one.sequence or 0, default=None)
    word = case.newest_word
    if newest is None or newest.sent_at is None or case.shipments:
        return None
    return None if word and word.cut_at > newest.sent_at else newest


def _findings(
    case: OrderCase,
    standing: Standing,
    rules: OrderRules,
    watermark: datetime | None,
    now: datetime,
) -> Iterator[Finding]:
    number = case.number
    for words in standing.unknown:
        yield _hold(Cause.ORDER_EVENT_UNKNOWN, f"Order {number}: {words}", Choice.HANDLED)
    for words in standing.early:
        yield _hold(Cause.ORDER_EVENT_EARLY, f"Order {number}: {words}", Choice.HANDLED)
    for words in standing.broken:
        yield _hold(Cause.ORDER_LEDGER_BROKEN, f"Order {number}: {words}", Choice.HANDLED)
    if standing.person:
        yield _for_person(case, standing)
    yield from _changed_after_shipment(case, standing.shipped)
    yield from _cancel_refused(case)
    yield from _silent(case, rules, watermark, now)


def _for_person(case: OrderCase, standing: Standing) -> Finding:
    choices = (*(choice for choice, act in DECISIONS.items() if act in standing.allowed), Choice.HANDLED)
    why = f" {standing.last_note}" if standing.last_note else ""
    sentence = f"Order {case.number} is in the state {standing.state} and waits for a person.{why}"
    return _hold(Cause.ORDER_NEEDS_DECISION, sentence, *choices)


def _changed_after_shipment(case: OrderCase, left: Mapping[int, Decimal]) -> Iterator[Finding]:
    """A price or a quantity that was lowered below what has left: what was shipped stays as it was (case O8)."""
    told, living = _told(case), {line.line_no: line for line in case.order.lines}
    for line_no, line in sorted(told.items()):
        shipped = min(left.get(line_no, NOTHING), line.quantity)
        now = living.get(line_no)
        if not shipped:
            continue
        quantity = now.quantity if now else Decimal(0)
        if quantity < shipped:
            what = (
                f"Salesforce now asks for {plain(quantity)} of line {line_no} ({line.sku}), but {plain(shipped)} left."
            )
        elif now and now.unit_price != line.unit_price:
            prices = f"{line.unit_price} to {now.unit_price}"
            what = f"The price of line {line_no} ({line.sku}) went from {prices} after {plain(shipped)} left."
        else:
            continue
        sentence = f"Order {case.number}: {what} What was shipped stays; settle the difference with the customer."
        yield _hold(Cause.ORDER_CHANGED_AFTER_SHIPMENT, sentence, Choice.HANDLED)


def _cancel_refused(case: OrderCase) -> Iterator[Finding]:
    """The ERP goes on with an order that it was told to cancel (case O9)."""
    cancels = [one for one in case.messages if one.sent_at and one.message.action is OrderAction.CANCEL]
    word = case.newest_word
    if not cancels or cancels[-1].sent_at is None or case.cancelled_by_erp:
        return
    told_at = cancels[-1].sent_at
    left = [one.number for one in case.shipments if one.shipped_at > told_at]
    if left:
        why = f"shipment {left[-1]} left after that"
    elif word and word.cut_at > told_at:
        why = f"its word since then is {word.said.status} ({word.source})"
    else:
        return
    sentence = f"Order {case.number}: the ERP was told to cancel it, but {why}. Call the warehouse."
    yield _hold(Cause.ORDER_CANCEL_REFUSED, sentence, Choice.RETRY, Choice.HANDLED)


def _silent(case: OrderCase, rules: OrderRules, watermark: datetime | None, now: datetime) -> Iterator[Finding]:
    """The ERP has not answered an order file within its time; it says whether newer acknowledgements came (case I4)."""
    sent = _unanswered(case)
    if sent is None or sent.sent_at is None or now < sent.sent_at + rules.silence:
        return
    seen = "no acknowledgement has come since"
    if watermark and watermark > sent.sent_at:
        seen = "newer acknowledgements do not list it"
    sentence = (
        f"Order {case.number} went to the ERP in order file {sent.sequence}, and {seen}. See whether the file was "
        "imported; sending it again is safe once it was not."
    )
    yield _hold(Cause.ORDER_NOT_ACKNOWLEDGED, sentence, Choice.RETRY, Choice.HANDLED)


def _hold(cause: Cause, sentence: str, *choices: Choice) -> Finding:
    return Finding(kind=ExceptionKind.HOLD, cause=cause, sentence=sentence, choices=choices)


def money_open(findings: Sequence[Finding], open_amount: Decimal, unbilled: Decimal) -> Decimal | None:
    """What is at stake where an order waits for a person: what is open of it, and what left without being billed."""
    return open_amount + unbilled if findings else None
