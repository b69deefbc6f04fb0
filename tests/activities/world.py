"""A whole company for the proofs of invoicing: the store, the QuickBooks twin over real HTTP, and workers that can die.

Each builder fills many rows at once. Tests share a company and keep apart by the numbers of their shipments.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from itertools import count
from typing import Any
from uuid import uuid4

import httpx
import uvicorn
from pydantic import SecretStr
from sqlalchemy import Engine, event
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.invoicing import BookingActivities, PreparingActivities
from adapters.quickbooks.connection import QuickBooksConnection
from adapters.quickbooks.gateway import QuickBooksGateway
from domain.company import Company
from domain.exceptions import Choice, ExceptionItem, Resolution
from domain.files import StagedGroup
from domain.links import Link, LinkKind
from domain.orders import Order
from domain.shipments import Shipment
from domain.sources import System
from domain.work import Booked, BookWork, Prepared, RangeWork, ShipmentWork
from store import customers, exceptions, files, intents, invoices, items, links, orders, shipments, staging
from store.causes import Cause, CauseSource
from store.files import FileArrival
from store.intents import Intent
from store.session import make_engine, reading, transaction
from store.tables.invoices import InvoiceRow
from store.tables.shipments import ShipmentRow
from store.tokens import DatabaseTokenVault, new_secret_key
from tests.build import REALM, company, customer, item
from twins.quickbooks.app import create_app
from twins.web import TwinApp

AT = datetime(2026, 11, 23, 14, 0, tzinfo=UTC)
CAUSE = Cause(source=CauseSource.USER, actor="test")
SKUS = ("BOLT", "NUT", "PIPE", "VALVE")
CUSTOMERS = {"00000042": "Brightwater Plumbing", "00000043": "Hale & Sons Supply", "00000044": "Northgate Heating"}
ATTEMPTS = 40
CREATES = {"invoice": r"/invoice$", "batch": r"/batch$"}
_numbers = count(1)


def amount_of(given: Shipment) -> Decimal:
    """What a shipment must come to, by arithmetic of the proof's own."""
    cents = Decimal("0.01")
    goods = ((line.quantity_shipped * line.unit_price).quantize(cents, ROUND_HALF_UP) for line in given.lines)
    return sum(goods, given.freight).quantize(cents)


def fresh_number(prefix: str = "SH") -> str:
    """A shipment number that nothing else uses."""
    return f"{prefix}{next(_numbers):05d}"


class Books:
    """The QuickBooks twin, seen by its control plane: its ledger, its journal, and what can go wrong there."""

    def __init__(self, app: TwinApp, root: str, control: httpx.Client) -> None:
        self.app, self.root, self._control = app, root, control

    def ledger(self) -> list[dict[str, Any]]:
        """Every invoice that stands: neither deleted nor voided."""
        found: list[dict[str, Any]] = self._call("GET", "ledger")["invoices"]
        return [one for one in found if not one["deleted"] and not one["voided"]]

    def billing(self, number: str) -> list[dict[str, Any]]:
        """The standing invoices that carry our marker for a shipment."""
        return [one for one in self.ledger() if f"threeway:{number}:" in (one["private_note"] or "")]

    def place(self) -> int:
        """The number of the journal's newest entry."""
        return max((one["n"] for one in self._call("GET", "journal")["requests"]), default=0)

    def journal(self, after: int) -> list[dict[str, Any]]:
        """The requests on the company since a place, oldest first."""
        requests = self._call("GET", "journal", params={"after": after})["requests"]
        return [one for one in requests if "/company/" in one["path"]]

    def words(self, after: int) -> list[str]:
        """The same in short: `invoice`, `batch`, `query`."""
        return [one["path"].rsplit("/", 1)[1] for one in self.journal(after)]

    def fault(self, kind: str, **rule: object) -> None:
        self._call("POST", "faults", json={"kind": kind, "method": "POST", **rule})

    def set(self, **values: object) -> None:
        self._call("PATCH", "settings", json=values)

    def clear_faults(self) -> None:
        self._call("DELETE", "faults")

    def calm(self) -> None:
        """No faults, and the settings of a company that keeps our numbers."""
        self.clear_faults()
        self.set(
            custom_txn_numbers=True,
            warn_duplicate_numbers=True,
            supplied_number="override",
            using_sales_tax=False,
            book_close_on="",
        )

    def edit(self, entity: str, external_id: str, operation: str = "update", **changes: object) -> None:
        """A QuickBooks user changes something."""
        body = {"entity": entity, "id": external_id, "operation": operation, "changes": changes}
        self._call("POST", "edit", json=body)

    def forget_requests(self) -> None:
        """Drop every stored answer, as a request id that is older than QuickBooks remembers."""
        self.app.database.execute("DELETE FROM replay")

    def invoice_by_hand(self, token: str, customer_id: str, item_id: str, amount: str, **more: object) -> str:
        """Somebody writes an invoice in QuickBooks; answers its id."""
        line = {
            "DetailType": "SalesItemLineDetail",
            "Amount": amount,
            "SalesItemLineDetail": {"ItemRef": {"value": item_id}, "Qty": "1", "UnitPrice": amount},
        }
        body = {"CustomerRef": {"value": customer_id}, "Line": [line], **more}
        headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
        answer = self._control.post(f"/v3/company/{REALM}/invoice", json=body, headers=headers)
        answer.raise_for_status()
        return str(answer.json()["Invoice"]["Id"])

    def _call(self, method: str, what: str, **more: Any) -> Any:
        answer = self._control.request(method, f"/__twin__/{what}", **more)
        answer.raise_for_status()
        return answer.json()


@contextmanager
def running_books() -> Iterator[Books]:
    """A twin of its own on a free port, for as long as the body runs."""
    app = create_app(":memory:")
    server = uvicorn.Server(
        uvicorn.Config(
            app, port=0, log_level="critical", lifespan="on", timeout_keep_alive=120, timeout_graceful_shutdown=1
        )
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        threading.Event().wait(0.02)
    root = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    with httpx.Client(base_url=root, timeout=30) as control:
        yield Books(app, root, control)
    server.should_exit = True
    thread.join(10)


class Death(BaseException):
    """The process dies here."""


@dataclass
class Life:
    """Counts the boundaries that a worker passes, and ends its life at one of them (0: never)."""

    dies_at: int = 0
    passed: list[str] = field(default_factory=list)

    def boundary(self, name: str) -> None:
        self.passed.append(name)
        if len(self.passed) == self.dies_at:
            raise Death(name)


class MortalGateway:
    """A gateway whose caller may die before or after any call."""

    def __init__(self, gateway: QuickBooksGateway, life: Life) -> None:
        self._gateway, self._life = gateway, life

    def __getattr__(self, name: str) -> Callable[..., Any]:
        call = getattr(self._gateway, name)

        def mortal(*args: Any) -> Any:
            self._life.boundary(f"before {name}")
            answer = call(*args)
            self._life.boundary(f"after {name}")
            return answer

        return mortal


def mortal_engine(url: str, life: Life) -> Engine:
    """An engine whose user may die before or after any commit."""
    opened = make_engine(url, pool_size=4)

    @event.listens_for(opened, "commit")
    def commit(connection: Any) -> None:
        life.boundary("before commit")
        connection.connection.driver_connection.commit()
        life.boundary("after commit")

    return opened


class Worker:
    """One process that prepares and books: its own engine, its own gateway, the product's own activities."""

    def __init__(self, house: House, life: Life | None = None, *, read_timeout: float = 15.0) -> None:
        self._house, self._life, self._timeout = house, life, read_timeout
        self._own_engine = mortal_engine(house.url, life) if life else None
        self.engine = self._own_engine or house.engine
        self._gateways: list[QuickBooksGateway] = []
        self.preparing = PreparingActivities(self.engine, house.company, REALM)
        self.connect()

    def connect(self) -> None:
        """Connect to QuickBooks anew, as a process does that starts: with no pause left from the past."""
        self.gateway = self._house.gateway(self._timeout)
        self._gateways.append(self.gateway)
        seen: Any = MortalGateway(self.gateway, self._life) if self._life else self.gateway
        self.booking = BookingActivities(self.engine, seen)

    def close(self) -> None:
        for one in self._gateways:
            one.close()
        if self._own_engine:
            self._own_engine.dispose()

    def prepare_range(self, work: RangeWork) -> Prepared:
        prepared: Prepared = ActivityEnvironment().run(self.preparing.prepare_range, work)
        return prepared

    def prepare(self, number: str) -> Prepared:
        prepared: Prepared = ActivityEnvironment().run(self.preparing.prepare, ShipmentWork(shipment_number=number))
        return prepared

    def book(self, intent_ids: Sequence[str]) -> Booked:
        booked: Booked = ActivityEnvironment().run(self.booking.book, BookWork(intent_ids=list(intent_ids)))
        return booked

    def note_unbooked(self, number: str) -> str | None:
        work = ShipmentWork(shipment_number=number)
        noted: str | None = ActivityEnvironment().run(self.preparing.note_unbooked, work)
        return noted

    def book_patiently(self, intent_ids: Sequence[str]) -> Booked:
        """Book as Temporal does: again after every error that says that it can help; without the waiting."""
        for _ in range(ATTEMPTS):
            try:
                return self.book(intent_ids)
            except ApplicationError as error:
                if error.non_retryable:
                    raise
                if error.type == "rate_limited":
                    self.connect()
        raise AssertionError(f"not settled after {ATTEMPTS} attempts")

    def bill(self, *numbers: str) -> dict[str, str]:
        """Bring shipments as far as they come by themselves; answers what is held, by shipment."""
        held: dict[str, str] = {}
        for number in numbers:
            prepared = self.prepare(number)
            while prepared.book:
                outcome = self.book_patiently(prepared.book)
                if outcome.refused:
                    self.note_unbooked(number)
                prepared = self.prepare(number)
            held |= prepared.held
        return held


@dataclass
class House:
    """A company whose masters and links are all there."""

    url: str
    engine: Engine
    books: Books
    company: Company = field(default_factory=company)
    key: SecretStr = field(default_factory=new_secret_key)

    def gateway(self, read_timeout: float = 15.0) -> QuickBooksGateway:
        connection = QuickBooksConnection(
            api_url=f"{self.books.root}/v3",
            discovery_url=f"{self.books.root}/.well-known/openid_configuration",
            client_id="twin-client",
            client_secret=SecretStr("twin-secret"),
            refresh_token=SecretStr("twin-refresh-token"),
            realm_id=REALM,
            connect_timeout=5.0,
            read_timeout=read_timeout,
            requests_per_second=1000,
            requests_per_minute=60000,
            batches_per_minute=6000,
        )
        return QuickBooksGateway(connection, DatabaseTokenVault(self.engine, self.key))

    def furnish(self) -> None:
        """Fill masters on both sides and confirm the links between them."""
        self.books._call("POST", "seed", json=_world())
        gateway = self.gateway()
        found = [*_links(gateway)]
        gateway.close()
        with transaction(self.engine, CAUSE) as session:
            customers.upsert(session, [customer(number, name=name) for number, name in CUSTOMERS.items()])
            items.upsert(session, [item(sku) for sku in SKUS])
            links.import_links(session, found, "test", AT)

    def token(self) -> str:
        """A bearer token for requests of other people to QuickBooks."""
        saved = DatabaseTokenVault(self.engine, self.key).read("quickbooks", REALM)
        assert saved is not None
        assert saved.access_token is not None
        return saved.access_token.get_secret_value()

    def external_id(self, kind: LinkKind, key: str) -> str:
        with reading(self.engine) as session:
            return links.external_ids(session, System.QUICKBOOKS, kind, [key])[key]

    def order(self, *given: Order) -> None:
        with transaction(self.engine, CAUSE) as session:
            orders.upsert(session, given)

    def deliver(self, *stated: Shipment) -> RangeWork:
        """A file with these statements is there, read and staged; answers the work of its one range."""
        groups = [
            StagedGroup(
                seq=seq,
                key=one.number,
                line_from=seq * 10,
                line_to=seq * 10 + 9,
                byte_from=0,
                byte_to=1,
                payload=one.model_dump(mode="json"),
            )
            for seq, one in enumerate(stated, start=1)
        ]
        sha256 = uuid4().hex * 2
        arrival = FileArrival(
            sha256=sha256, filename=f"SHPCNF.{sha256[:6]}", layout="shpcnf", byte_count=1, arrived_by="http"
        )
        with transaction(self.engine, CAUSE) as session:
            file, _ = files.register(session, arrival)
            staging.stage(session, file.id, [groups])
        return RangeWork(file_id=str(file.id), sha256=sha256, seq_from=1, seq_to=len(groups))

    def decide(self, exception_id: str, choice: Choice, value: str | None = None) -> None:
        """A person decides, right now."""
        resolution = Resolution(
            exception_id=exception_id,
            choice=choice,
            value=value,
            reason="agreed",
            decided_by="dana",
            decided_at=datetime.now(UTC),
        )
        with transaction(self.engine, CAUSE) as session:
            exceptions.resolve(session, resolution)

    def shipment(self, number: str) -> ShipmentRow:
        with reading(self.engine) as session:
            row = session.get(ShipmentRow, number)
        assert row is not None
        return row

    def intents(self, *numbers: str) -> dict[str, Intent]:
        """The newest intent of each shipment that has one."""
        with reading(self.engine) as session:
            newest = intents.latest(session, numbers)
            ids = [str(row.id) for row in newest.values()]
            return {one.draft.shipment_number: one for one in intents.get_many(session, ids)}

    def state(self, number: str) -> str:
        """The state of a shipment and of its newest intent: `intended/uncertain`."""
        found = self.intents(number)
        return f"{self.shipment(number).state}/{found[number].state if found else 'none'}"

    def invoices(self, *numbers: str) -> list[InvoiceRow]:
        with reading(self.engine) as session:
            return invoices.of_shipments(session, numbers)

    def open_work(self, number: str) -> list[ExceptionItem]:
        with reading(self.engine) as session:
            return exceptions.open_of_record(session, ("shipment", number))

    def counting_revision(self, number: str) -> int:
        """The statement that counts: the last by the ERP's own time, whatever came when."""
        with reading(self.engine) as session:
            newest = shipments.newest(shipments.revisions_of(session, [number])[number])
            return newest.revision if newest else 0

    def revisions(self, number: str) -> int:
        with reading(self.engine) as session:
            return len(shipments.revisions_of(session, [number])[number])


def check_exactly_one(house: House, number: str, amount: Decimal) -> None:
    """The oracle: one standing invoice in QuickBooks with the right total, and the store knows that one alone."""
    standing = house.books.billing(number)
    assert len(standing) == 1, f"{number}: {len(standing)} invoices stand"
    assert Decimal(standing[0]["total"]) - Decimal(standing[0]["tax"]) == amount
    recorded = house.invoices(number)
    assert [row.quickbooks_id for row in recorded] == [standing[0]["id"]]
    assert recorded[0].total == Decimal(standing[0]["total"])
    assert house.state(number) == "invoiced/booked"


def _world() -> dict[str, Any]:
    return {
        "items": [{"sku": sku, "description": sku.title(), "list_price": "1", "taxable": True} for sku in SKUS],
        "customers": [{"name": name, "terms_code": "N30"} for name in CUSTOMERS.values()],
        "terms": [
            {"code": "COD", "name": "Due on receipt", "due_days": 0},
            {"code": "N30", "name": "N30", "due_days": 30},
        ],
        "warehouses": [],
        "orders": [],
    }


def _links(gateway: QuickBooksGateway) -> Iterator[Link]:
    by_name = {name: number for number, name in CUSTOMERS.items()}
    by_days = {"0": "COD", "30": "N30"}
    for kind in LinkKind:
        for one in gateway.candidates(kind):
            key = by_name.get(one.name) if kind is LinkKind.CUSTOMER else one.strong_key
            key = by_days.get(key or "") if kind is LinkKind.TERMS else key
            if key:
                yield Link(
                    kind=kind,
                    system=System.QUICKBOOKS,
                    local_key=key,
                    external_id=one.external_id,
                    external_name=one.name,
                )


@contextmanager
def running_house(database_url: str) -> Iterator[House]:
    """A furnished company on this database, for as long as the body runs."""
    engine = make_engine(database_url, pool_size=10)
    with running_books() as books:
        house = House(database_url, engine, books)
        house.furnish()
        yield house
    engine.dispose()
