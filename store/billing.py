"""What billing looks at: for some shipments at once, all that the store knows about each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fractions import Fraction

from sqlalchemy import select
from sqlmodel import Session, col

from domain.billing import KnownLinks, stated_amount
from domain.customers import Customer
from domain.exceptions import Cause, Choice, ExceptionState, Resolution
from domain.invoices import IntentRole, IntentState
from domain.items import Item
from domain.links import LinkKind
from domain.orders import Order
from domain.returned import ReturnedGoods
from domain.rulings import Rulings, rulings_from
from domain.shipments import Shipment, ShipmentState, billing_hash
from domain.sources import System
from store import customers, exceptions, intents, items, links, orders, returned, shipments
from store.outcomes import OPEN
from store.tables.credits import CreditIntentRow
from store.tables.exceptions import ExceptionRow
from store.tables.invoices import InvoiceIntentRow
from store.tables.orders import OrderRow
from store.tables.shipments import ShipmentLineRow, ShipmentRevisionRow, ShipmentRow

REFUSAL_CAUSES = frozenset({Cause.INVOICE_REJECTED, Cause.DOC_NUMBER_TAKEN, Cause.NOT_BILLED})
SUBJECT_CAUSES = frozenset({Cause.UNKNOWN_ITEM, Cause.ITEM_DIFFERS})


@dataclass(frozen=True)
class PendingRevision:
    """A later statement of a shipment that is billed already, or about to be."""

    shipment: Shipment
    row: ShipmentRevisionRow


@dataclass(frozen=True)
class Situation:
    """One shipment with everything that its billing depends on. The row is locked by this transaction.

    `shipment` is what is billed, or the newest statement where that was asked for; `before` is always what the row
    holds. `correcting`: a correction of it is under way.
    """

    row: ShipmentRow
    shipment: Shipment
    pending: PendingRevision | None
    intent: InvoiceIntentRow | None
    resolutions: tuple[Resolution, ...]
    refusals: tuple[Resolution, ...]
    refused_before: bool
    rulings: Rulings
    order: Order | None
    customer: Customer | None
    items: Mapping[str, Item]
    links: KnownLinks
    shipped_before: Mapping[int, Decimal]
    before: Shipment
    returned: tuple[ReturnedGoods, ...] = ()
    correcting: bool = False

    @property
    def to_correct(self) -> bool:
        """Whether anything about what is invoiced may have to be corrected."""
        return bool(self.pending or self.returned or self.correcting)

    @property
    def stake(self) -> Decimal:
        """What the shipment is worth by its own words."""
        return stated_amount(self.shipment)

    @property
    def lapsed_refusal(self) -> bool:
        """Whether a person decided not to bill an earlier statement, and nobody has decided about this one."""
        return self.refused_before and not self.resolutions

    def decided(self, *choices: Choice) -> bool:
        """Whether a person has chosen one of these since the shipment's newest statement."""
        return any(resolution.choice in choices for resolution in self.resolutions)

    def decision_after(self, instant: datetime | None) -> Resolution | None:
        """The newest decision on a refusal of QuickBooks that was made after an instant."""
        later = [one for one in self.refusals if instant is None or one.decided_at > instant]
        return later[-1] if later else None


def situations(
    session: Session, numbers: Sequence[str], also_billed: Sequence[str] = (), *, newest: bool = False
) -> list[Situation]:
    """Load these shipments and what bears on them, in the order given; locks them and their orders until the end.

    `also_billed` are SKUs that invoices may carry beside the shipped goods (freight): their links are loaded too.
    `newest`: the shipments are seen by their newest statements, also where other ones are billed.
    Orders are locked first and in order, so that two shipments of one order are never weighed against the same rest.
    """
    of_them = select(col(ShipmentRow.order_number)).where(col(ShipmentRow.number).in_(numbers))
    locked = lock_orders(session, list(session.scalars(of_them)))
    rows = shipments.lock_many(session, numbers)
    exceptions.lock_open(session, "shipment", numbers)
    loader = _Loader(session, rows, locked, also_billed, newest=newest)
    return [loader.situation(number) for number in numbers if number in rows]


def lock_orders(session: Session, order_numbers: Sequence[str]) -> set[str]:
    """Lock those of these orders that are known, in order, until the transaction ends; answers their numbers."""
    query = select(col(OrderRow.number)).where(col(OrderRow.number).in_(order_numbers)).order_by(col(OrderRow.number))
    return set(session.scalars(query.with_for_update()))


def pending_of(session: Session, row: ShipmentRow) -> PendingRevision | None:
    """The newest statement of a shipment where another one is billed; the row is locked by this transaction."""
    return _pending(row, shipments.revisions_of(session, [row.number])[row.number])


@dataclass(frozen=True)
class _Decided:
    """A person's decision, on an exception of which cause, and the SKUs that it was about."""

    resolution: Resolution
    cause: Cause
    subjects: tuple[str, ...]


class _Loader:
    """Everything for a set of shipments, each kind of record in one query."""

    def __init__(
        self,
        session: Session,
        rows: Mapping[str, ShipmentRow],
        locked: set[str],
        also_billed: Sequence[str],
        *,
        newest: bool,
    ) -> None:
        numbers = list(rows)
        self._rows, self._also_billed = rows, set(also_billed)
        lines = shipments.lines_of(session, numbers)
        self._held = {number: shipments.shipment_from(row, lines[number]) for number, row in rows.items()}
        self._revisions = shipments.revisions_of(session, numbers)
        self._pending = {number: _pending(row, self._revisions[number]) for number, row in rows.items()}
        self._shipments = {number: self._seen(number, newest=newest) for number in rows}
        self._returned = returned.of_shipments(session, numbers)
        self._correcting = corrections_under_way(session, numbers)
        self._intents = intents.latest(session, numbers)
        self._resolved = _resolutions(session, numbers)
        self._rulings = {
            number: rulings_from((one.resolution, one.subjects) for one in self._since_newest(number))
            for number in rows
        }
        # An order that came in after the locks were taken counts the next time.
        self._orders = orders.get_many(session, list(locked))
        self._customers = customers.get_many(session, list(map(self._customer_number, rows)))
        self._items = items.get_many(session, self._skus())
        self._before = _shipped_before(session, rows, self._orders, self._items)
        self._links = self._known_links(session)

    def _seen(self, number: str, *, newest: bool) -> Shipment:
        pending = self._pending[number] if newest else None
        return pending.shipment if pending else self._held[number]

    def _since_newest(self, number: str) -> list[_Decided]:
        """Decisions on an earlier statement do not bind a later one that bills otherwise."""
        since = _stands_since(self._revisions[number]) or self._rows[number].received_at
        return [one for one in self._resolved[number] if one.resolution.decided_at >= since]

    def _customer_number(self, number: str) -> str:
        return self._rulings[number].customer_number or self._shipments[number].customer_number

    def _skus(self) -> list[str]:
        shipped = {line.sku for shipment in self._shipments.values() for line in shipment.lines}
        named = {sku for rulings in self._rulings.values() for sku in rulings.items.values()}
        ordered = {line.sku for order in self._orders.values() for line in order.lines}
        return sorted(shipped | named | ordered)

    def _known_links(self, session: Session) -> KnownLinks:
        terms = [one.terms_code for one in self._customers.values() if one.terms_code]
        return KnownLinks(
            customers=links.external_ids(session, System.QUICKBOOKS, LinkKind.CUSTOMER, list(self._customers)),
            items=links.external_ids(session, System.QUICKBOOKS, LinkKind.ITEM, [*self._items, *self._also_billed]),
            terms=links.external_ids(session, System.QUICKBOOKS, LinkKind.TERMS, terms),
        )

    def situation(self, number: str) -> Situation:
        """One shipment's share of it all."""
        row, shipment = self._rows[number], self._shipments[number]
        relevant = {line.sku for line in shipment.lines} | set(self._rulings[number].items.values())
        return Situation(
            row=row,
            shipment=shipment,
            pending=self._pending[number],
            intent=self._intents.get(number),
            resolutions=tuple(one.resolution for one in self._since_newest(number)),
            refusals=tuple(one.resolution for one in self._since_newest(number) if one.cause in REFUSAL_CAUSES),
            refused_before=rulings_from((one.resolution, one.subjects) for one in self._resolved[number]).do_not_bill,
            rulings=self._rulings[number],
            order=self._orders.get(row.order_number),
            customer=self._customers.get(self._customer_number(number)),
            items={sku: item for sku, item in self._items.items() if sku in relevant},
            links=self._links_of(number, relevant),
            shipped_before=self._before[number],
            before=self._held[number],
            returned=self._returned[number],
            correcting=number in self._correcting,
        )

    def _links_of(self, number: str, skus: set[str]) -> KnownLinks:
        """The links that this shipment may use, so that the kept decision holds no more than it needs."""
        customer = self._customer_number(number)
        billed = skus | self._also_billed
        return KnownLinks(
            customers={key: one for key, one in self._links.customers.items() if key == customer},
            items={sku: one for sku, one in self._links.items.items() if sku in billed},
            terms=self._links.terms,
        )


def to_correct(session: Session, numbers: Sequence[str]) -> list[str]:
    """Which of these invoiced shipments are stated otherwise than they were billed, or came back in part."""
    if not numbers:
        return []
    stated = shipments.revisions_of(session, numbers)
    came_back = returned.of_shipments(session, numbers)
    rows = session.scalars(select(ShipmentRow).where(col(ShipmentRow.number).in_(numbers)))
    return sorted(row.number for row in rows if _pending(row, stated[row.number]) or came_back[row.number])


def corrections_under_way(session: Session, numbers: Sequence[str]) -> set[str]:
    """Of which of these shipments a credit or a further invoice was intended and has no outcome, or was refused."""
    unsettled = (*OPEN, IntentState.REFUSED)
    given_back = select(col(CreditIntentRow.shipment_number)).where(
        col(CreditIntentRow.shipment_number).in_(numbers), col(CreditIntentRow.state).in_(unsettled)
    )
    billed = select(col(InvoiceIntentRow.shipment_number)).where(
        col(InvoiceIntentRow.shipment_number).in_(numbers),
        col(InvoiceIntentRow.role) == IntentRole.SUPPLEMENT,
        col(InvoiceIntentRow.state).in_(unsettled),
    )
    return {number for query in (given_back, billed) for number in session.scalars(query)}


def _pending(row: ShipmentRow, revisions: Sequence[ShipmentRevisionRow]) -> PendingRevision | None:
    """The statement that counts, where it is not the one that the shipment's row holds."""
    current = shipments.newest(revisions)
    if current is None or current.content_hash == row.content_hash:
        return None
    return PendingRevision(shipment=Shipment.model_validate(current.payload), row=current)


def _stands_since(revisions: Sequence[ShipmentRevisionRow]) -> datetime | None:
    """Since when the newest statement bills as it does: later ones that only fill in a tracking number go along."""
    in_order = sorted(revisions, key=lambda one: (one.stated_at, one.revision), reverse=True)
    since: datetime | None = None
    bill: str | None = None
    for one in in_order:
        digest = billing_hash(Shipment.model_validate(one.payload))
        if bill is not None and digest != bill:
            break
        since, bill = one.received_at, digest
    return since


def _resolutions(session: Session, numbers: Sequence[str]) -> dict[str, list[_Decided]]:
    """People's decisions on these shipments, oldest first."""
    query = (
        select(ExceptionRow)
        .where(col(ExceptionRow.record_type) == "shipment", col(ExceptionRow.state) == ExceptionState.RESOLVED)
        .where(col(ExceptionRow.record_key).in_(numbers))
        .order_by(col(ExceptionRow.closed_at))
    )
    found: dict[str, list[_Decided]] = {number: [] for number in numbers}
    for row in session.scalars(query):
        subjects = tuple(
            finding["subject"]
            for finding in row.findings
            if finding.get("subject") and finding["cause"] in SUBJECT_CAUSES
        )
        decision = Resolution.model_validate(row.resolution)
        found[row.record_key].append(_Decided(resolution=decision, cause=Cause(row.cause), subjects=subjects))
    return found


def _shipped_before(
    session: Session, rows: Mapping[str, ShipmentRow], known: Mapping[str, Order], catalogue: Mapping[str, Item]
) -> dict[str, dict[int, Decimal]]:
    """Per shipment and order line, what other shipments of the order bill already, in the order line's unit."""
    query = (
        select(ShipmentRow, ShipmentLineRow)
        .join(ShipmentLineRow, col(ShipmentLineRow.shipment_number) == col(ShipmentRow.number))
        .where(col(ShipmentRow.order_number).in_({row.order_number for row in rows.values()}))
        .where(col(ShipmentRow.state).in_([ShipmentState.INTENDED, ShipmentState.INVOICED]))
    )
    totals: dict[str, dict[int, Decimal]] = {number: defaultdict(Decimal) for number in rows}
    by_order: defaultdict[str, list[str]] = defaultdict(list)
    for number, row in rows.items():
        by_order[row.order_number].append(number)
    for other, line in session.execute(query):
        quantity = _in_order_unit(line, known.get(other.order_number), catalogue)
        for number in by_order[other.order_number]:
            if number != other.number:
                totals[number][line.line_no] += quantity
    return totals


def _in_order_unit(line: ShipmentLineRow, order: Order | None, catalogue: Mapping[str, Item]) -> Decimal:
    ordered = next((one for one in order.lines if one.line_no == line.line_no), None) if order else None
    item = catalogue.get(line.sku)
    factor = item.convert(line.uom, ordered.uom) if item and ordered else None
    exact = Fraction(line.quantity_shipped) * (factor or 1)
    return Decimal(exact.numerator) / Decimal(exact.denominator)
