"""A whole company for the proofs of invoicing: the store with its masters and links, and the QuickBooks twin.

Each builder fills many rows at once. Tests share a company and keep apart by the numbers of their shipments.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from itertools import count
from typing import Any
from uuid import uuid4

from pydantic import SecretStr
from sqlalchemy import Engine

from adapters.quickbooks.connection import QuickBooksConnection
from adapters.quickbooks.gateway import QuickBooksGateway
from domain.company import Company
from domain.exceptions import Choice, ExceptionItem, Resolution
from domain.files import StagedGroup
from domain.links import Link, LinkKind
from domain.orders import Order
from domain.shipments import Shipment
from domain.sources import System
from domain.work import RangeWork
from store import customers, exceptions, files, intents, invoices, items, links, orders, shipments, staging
from store.causes import Cause, CauseSource
from store.files import FileArrival
from store.intents import Intent
from store.session import close_engine, make_engine, reading, transaction
from store.tables.invoices import InvoiceRow
from store.tables.shipments import ShipmentRow
from store.tokens import DatabaseTokenVault, new_secret_key
from tests.activities.books import Books, running_books
from tests.build import REALM, company, customer, item

AT = datetime(2026, 11, 23, 14, 0, tzinfo=UTC)
CAUSE = Cause(source=CauseSource.USER, actor="test")
SKUS = ("BOLT", "NUT", "PIPE", "VALVE", "RESTOCK")
CUSTOMERS = {"00000042": "Brightwater Plumbing", "00000043": "Hale & Sons Supply", "00000044": "Northgate Heating"}
# Nobody else is billed under this number: QuickBooks deactivates no customer who owes something.
LEAVING = {"00000045": "Southfield Heating"}
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
            customers.upsert(session, [customer(number, name=name) for number, name in (CUSTOMERS | LEAVING).items()])
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
        "customers": [{"name": name, "terms_code": "N30"} for name in (CUSTOMERS | LEAVING).values()],
        "terms": [
            {"code": "COD", "name": "Due on receipt", "due_days": 0},
            {"code": "N30", "name": "N30", "due_days": 30},
        ],
        "warehouses": [],
        "orders": [],
    }


def _links(gateway: QuickBooksGateway) -> Iterator[Link]:
    by_name = {name: number for number, name in (CUSTOMERS | LEAVING).items()}
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
    close_engine(engine)
