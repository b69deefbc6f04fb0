"""Work orders: the typed messages between workflows and activities. Ids, ranges and counts; rows never travel here."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from domain.exceptions import Cause
from domain.files import Entity
from domain.links import LinkKind
from domain.sources import System


class Message(BaseModel):
    """A message through Temporal: frozen, complete, one argument each."""

    model_config = ConfigDict(frozen=True)


class FileWork(Message):
    """Start of `erp-file/<sha256>`; `next_seq` is where a continued run goes on (1: from the beginning).

    `failed`: the ranges before it that could not be worked on. `whole`: nothing is passed over as unchanged.
    """

    file_id: str
    sha256: str
    filename: str
    next_seq: int = 1
    group_count: int = 0
    failed: list[str] = []
    whole: bool = False


class FileTrouble(Message):
    """The work on a file stopped, and why, in one sentence."""

    work: FileWork
    why: str


class FileReading(Message):
    """What reading and staging a file came to."""

    refused: bool
    entity: Entity
    group_count: int
    rejected_group_count: int
    exception_id: str | None = None


class SequenceCheck(Message):
    """Whether a file may be applied: another file with its sequence holds it until a person decides (F6)."""

    held: bool
    refused: bool = False
    exception_id: str | None = None


class FileProgress(Message):
    """The answer to the `status` query of a file's workflow."""

    state: str
    groups_done: int = 0
    group_count: int = 0
    waiting_for: str | None = None


class RangeWork(Message):
    """A range of a file's groups, both ends included: the start of `shipments/<file>/<range>`."""

    file_id: str
    sha256: str
    seq_from: int
    seq_to: int


class MastersApplied(Message):
    """What loading a master came to."""

    entity: Entity
    written: int
    unchanged: int


class ShipmentWork(Message):
    """Start of `shipment/<number>`."""

    shipment_number: str


class Prepared(Message):
    """What matching, pricing and intending a set of shipments came to, by shipment number.

    `book`: intent ids to book. `held`: shipments that wait for a person. `settled`: nothing left to bill. `correct`:
    invoiced shipments whose corrections go on in a flow of their own. `order_number` is given where it is one shipment.
    """

    shipments: list[str]
    order_number: str | None = None
    book: list[str] = []
    held: dict[str, str] = {}
    settled: list[str] = []
    correct: list[str] = []


class BookWork(Message):
    """Intents to book in QuickBooks, all in one call where they were intended as one batch."""

    intent_ids: list[str]


class Booked(Message):
    """The outcome per intent: booked, refused (with its exception), or still uncertain.

    `again`: booked, but stated otherwise meanwhile, or goods of them came back: somebody has to look again.
    """

    booked: list[str] = []
    refused: list[str] = []
    uncertain: list[str] = []
    again: list[str] = []


class StockStated(Message):
    """What applying a stock export came to.

    `held`: nothing, or not the absence of its rows, is believed until a person decides. `reread`: another export was
    applied while it was read, so it has to be compared anew. `inert`: a newer export had said all that it says.
    """

    held: bool = False
    refused: bool = False
    reread: bool = False
    inert: bool = False
    changed: int = 0
    absent: int = 0
    exception_id: str | None = None


class AcknowledgementsStated(Message):
    """What a file of acknowledgements came to: how many orders it had news of."""

    orders: int


class ReturnsStated(Message):
    """What stating a file of returns came to: how many orders it is news of."""

    orders: int = 0


class ExportWork(Message):
    """Write what waits to be told to the ERP; `reason` is for the reader of a history."""

    reason: str = ""


class OrdersWritten(Message):
    """What writing order files came to: the files that are there now, and the orders in them.

    `refused`: exceptions of orders that cannot be written as they are, by order. `blocked`: the exception of a file
    that cannot be delivered: what waits, waits for it. `more`: there is more to write.
    """

    files: list[int] = []
    orders: list[str] = []
    replacements: int = 0
    refused: dict[str, str] = {}
    blocked: str | None = None
    more: bool = False


class StockWork(Message):
    """Start of `stock/all`; what there is to do is in the store. `told`: orders whose words are being said since."""

    told: list[str] = []


class StockDecided(Message):
    """What a look at the promises came to: rows written, orders with other words on them, when numbers age next."""

    items: int = 0
    written: int = 0
    orders: list[str] = []
    more: bool = False
    next_at: datetime | None = None


class StockShown(Message):
    """What Salesforce took of the stock, and what it refused for good."""

    accepted: int = 0
    refused: int = 0


class PublishWork(Message):
    """Shipments whose state and invoices Salesforce shall show, orders that something else is to be said of, and
    customers whose balance or hold moved; those who were billed for the orders are looked at by themselves."""

    shipments: list[str]
    orders: list[str] = []
    customers: list[str] = []


class Published(Message):
    """What Salesforce took; `refused` rows have an exception of their own."""

    accepted: int
    refused: int


class ShipmentStep(StrEnum):
    """Where `shipment/<number>` is, for its `status` query."""

    PREPARING = "preparing"
    WAITING = "waiting for a decision or for the cause to go away"
    BOOKING = "booking"
    PUBLISHING = "publishing"
    DONE = "done"


class ShipmentProgress(Message):
    """The answer to the `status` query of a shipment's workflow."""

    shipment_number: str
    step: ShipmentStep
    exception_id: str | None = None
    rounds: int = 0


class CreditWork(Message):
    """Start of `credit/<shipment>`."""

    shipment_number: str


class CreditPrepared(Message):
    """What a look at an invoiced shipment came to: intents to book, and the exception that holds the rest."""

    shipment_number: str
    order_number: str | None = None
    held: str | None = None
    credits: list[str] = []
    invoices: list[str] = []


class CreditBookWork(Message):
    """Intents of credits and of further invoices to book in QuickBooks."""

    credits: list[str] = []
    invoices: list[str] = []


class CreditBooked(Message):
    """How many documents of a correction are there, came to nothing, or are still open."""

    booked: int = 0
    refused: int = 0
    open: int = 0


class CreditStep(StrEnum):
    """Where `credit/<shipment>` is, for its `status` query."""

    DECIDING = "deciding"
    WAITING = "waiting for a decision or for the cause to go away"
    BOOKING = "booking"
    DONE = "done"


class CreditProgress(Message):
    """The answer to the `status` query of a shipment's corrections."""

    shipment_number: str
    step: CreditStep
    exception_id: str | None = None
    rounds: int = 0


class InvoicesWork(Message):
    """Start of `invoices-pull/...`."""

    reason: str = "schedule"


class InvoicesPulled(Message):
    """What one look at QuickBooks' invoices and balances came to; `shipments` whose invoices moved are published."""

    read: int = 0
    changed: int = 0
    removed: int = 0
    balances: int = 0
    shipments: list[str] = []


class HandOver(Message):
    """Shipments that shall go on, each in its own `shipment/<number>`."""

    shipments: list[str]


class Wake(Message):
    """Look again at what waits for these causes; `orders` narrows to shipments of those orders (empty: all).

    `pulled`: these orders were just pulled, and are noted as to be woken for until that is done.
    """

    causes: list[Cause]
    orders: list[str] = []
    pulled: bool = False


class LinkingWork(Message):
    """Start of `links-match/...`: which pairs to look at, and whether exact ones are confirmed at once."""

    accept_exact: bool = False
    requested_by: str = "gateway"


class PairWork(Message):
    """One system and kind to propose links for."""

    system: System
    kind: LinkKind
    accept_exact: bool
    requested_by: str


class LinkingCount(Message):
    """What proposing came to for one system and kind."""

    system: System
    kind: LinkKind
    records: int
    candidates: int
    exact: int
    likely: int
    confirmed: int


class LinkingReport(Message):
    """The result of a linking run."""

    counts: list[LinkingCount]


class SweepWork(Message):
    """Start of a sweep: rows and shipments untouched for this long are set going again."""

    older_than_seconds: int = 10
    republish: bool = False


class Swept(Message):
    """What a sweep set going."""

    inbox: int
    shipments: int
    publications: int = 0
    orders: int = 0
