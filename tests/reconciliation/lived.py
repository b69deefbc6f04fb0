"""A company that has lived: orders, shipments, invoices, payments, returns and stock, and the reconciliation of it.

The product's own activities bring all of it about, on the three stand-ins over HTTP, without Temporal in between.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import httpx
import psycopg
from pydantic import SecretStr
from sqlalchemy import Engine, text
from temporalio.testing import ActivityEnvironment

from activities.alert_channels import Alerting
from activities.master_rules import read_ownership
from activities.registry import Parts, activities
from adapters.erp.layouts import Layouts
from adapters.quickbooks.connection import QuickBooksConnection
from adapters.quickbooks.gateway import QuickBooksGateway
from adapters.salesforce.gateway import SalesforceGateway
from domain.alerts import AlertRules
from domain.company import Company
from domain.correction_rules import CorrectionPolicy
from domain.exceptions import ExceptionItem, ExceptionState
from domain.files import Entity
from domain.links import LinkKind
from domain.order_work import OrdersWork, OrderWork
from domain.reconcile_work import ReconcileConcluded, ReconcilePart, ReconcileRefresh, ReconcileWork
from domain.reconciliation import Standing
from domain.sources import System
from domain.work import (
    BookWork,
    CreditBookWork,
    CreditWork,
    FileWork,
    InvoicesWork,
    PairWork,
    PublishWork,
    RangeWork,
    StockWork,
)
from store import exception_work, files
from store.causes import Cause, CauseSource
from store.exception_work import Wanted
from store.files import FileArrival
from store.reconciliation import findings, runs
from store.reconciliation.findings import FindingView
from store.reconciliation.runs import Run
from store.session import close_engine, make_engine, reading, transaction
from store.tokens import DatabaseTokenVault, new_secret_key
from tests.activities.books import Books, running_books
from tests.adapters.salesforce.harness import MemoryVault, Twin, gateway_to, serving
from tests.build import REALM
from tests.looks import lifecycle
from twins.erp.app import create_app as create_erp
from twins.salesforce.app import create_app as create_org

CONFIG = Path(__file__).resolve().parents[2] / "config"
BY = Cause(source=CauseSource.USER, actor="test")
QUICK = {
    "quickbooks_grace_seconds": 0,
    "salesforce_grace_seconds": 0,
    "erp_grace_seconds": 0,
    "gateway_grace_seconds": 0,
    "second_read_seconds": 0,
}
Json = dict[str, Any]


def company_of(**rules: Any) -> Company:
    """The shipped company, with automatic corrections and no patience."""
    shipped = Company.parse((CONFIG / "company.toml").read_text(encoding="utf-8"))
    policy = shipped.reconciliation.model_copy(update={**QUICK, **rules})
    automatic = dict.fromkeys(("credit_memo", "supplement", "void"), "automatic")
    corrections = CorrectionPolicy(version="test", automatic_up_to=Decimal(100_000), **automatic)
    return shipped.model_copy(update={"reconciliation": policy, "corrections": corrections})


@dataclass
class Lived:
    """The company's store, its three stand-ins, and the product's activities by their names."""

    url: str
    engine: Engine
    books: Books
    org: Twin
    erp: httpx.Client
    folder: Path
    company: Company
    quickbooks: QuickBooksGateway
    salesforce: SalesforceGateway
    key: SecretStr
    world: Json = field(default_factory=dict)
    _steps: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.use(self.company)

    def use(self, company: Company) -> None:
        """Go on under these rules."""
        self.company = company
        parts = SimpleNamespace(
            engine=self.engine,
            client=None,
            receiver=SimpleNamespace(layouts=Layouts.load(CONFIG / "layouts")),
            folder=self.folder,
            outbox=None,
            company=company,
            lifecycle=lifecycle(),
            ownership=read_ownership(CONFIG),
            realm=REALM,
            quickbooks=self.quickbooks,
            salesforce=self.salesforce,
            alerting=Alerting(AlertRules(), {}),
        )
        found = activities(cast("Parts", parts))
        self._steps = {one.__name__: one for some in found.values() for one in some}

    def run(self, name: str, work: Any) -> Any:
        """Run an activity of the product."""
        return ActivityEnvironment().run(self._steps[name], work)

    # Living

    def begin(self, seed: int = 7, customers: int = 12, items: int = 30, orders: int = 60) -> None:
        """A world that all systems know, with its links confirmed and its stock stated."""
        asked = {"seed": seed, "customers": customers, "items": items, "orders": orders}
        self.world = self.erp.post("/world", json=asked).raise_for_status().json()
        self.books._call("POST", "seed", json=self.world)
        self.org.control("POST", "/seed", self.world)
        self.export("CUSMST")
        self.export("ITMMST")
        self.run("pull_orders", OrdersWork())
        for system, kinds in {System.QUICKBOOKS: tuple(LinkKind), System.SALESFORCE: (LinkKind.CUSTOMER,)}.items():
            for kind in kinds:
                work = PairWork(system=system, kind=kind, accept_exact=True, requested_by="test")
                self.run(f"propose_{system}", work)
        self.export("INV410R")

    def export(self, name: str, **asked: object) -> FileWork:
        """The ERP writes a file, and the gateway reads and applies it."""
        return self.take(self.write(name, **asked))

    def write(self, name: str, **asked: object) -> FileWork:
        """The ERP writes a file, and it arrives."""
        answer = self.erp.post(f"/exports/{name}", json=asked).raise_for_status()
        content, filename = answer.content, answer.headers["X-Filename"]
        sha256 = hashlib.sha256(content).hexdigest()
        path = self.folder / sha256[:2] / sha256
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        arrival = FileArrival(
            sha256=sha256, filename=filename, layout=name.lower(), byte_count=len(content), arrived_by="http"
        )
        with transaction(self.engine, BY) as session:
            file, _ = files.register(session, arrival)
        return FileWork(file_id=str(file.id), sha256=sha256, filename=filename)

    def take(self, work: FileWork) -> FileWork:
        """Read and apply a file, to the end."""
        read = self.run("read_source_file", work)
        assert not read.refused, read
        if read.entity is Entity.SHIPMENT_CONFIRMATION:
            self.bill(self.prepare(work, read.group_count))
        elif read.entity is Entity.INVENTORY_SNAPSHOT:
            stated = self.run("state_stock", work)
            assert not stated.held, stated
            self.show_stock()
        elif read.entity is Entity.RETURNS:
            self.run("state_returns", work)
        else:
            self.run("load_master", work)
        self.run("finish_file", work)
        return work

    def prepare(self, work: FileWork, count: int) -> Any:
        """Match and intend the shipments of a file that was read."""
        return self.run("prepare_range", RangeWork(file_id=work.file_id, sha256=work.sha256, seq_from=1, seq_to=count))

    def bill(self, prepared: Any) -> None:
        """Book what was intended, and say it in Salesforce."""
        for first in range(0, len(prepared.book), 30):
            self.run("book", BookWork(intent_ids=prepared.book[first : first + 30]))
        self.publish(prepared.shipments)

    def publish(self, shipments: Sequence[str] = (), orders: Sequence[str] = ()) -> None:
        """Say in Salesforce what is true."""
        self.run("publish", PublishWork(shipments=list(shipments), orders=list(orders)))

    def correct(self, number: str) -> None:
        """Settle what came back of a shipment, or was stated otherwise."""
        prepared = self.run("prepare_credit", CreditWork(shipment_number=number))
        self.run("book_credit", CreditBookWork(credits=prepared.credits, invoices=prepared.invoices))
        self.publish([number])

    def pull(self) -> None:
        """The polls of both vendors, and what follows from them."""
        self.run("pull_orders", OrdersWork())
        pulled = self.run("pull_invoices", InvoicesWork())
        for number in self.column("SELECT order_number FROM order_marks ORDER BY 1"):
            self.run("settle_order", OrderWork(order_number=number))
        self.publish(pulled.shipments)
        self.show_stock()
        self.publish(orders=self.column("SELECT number FROM orders ORDER BY number"))

    def hear(self) -> None:
        """The poll of QuickBooks alone, and what Salesforce shows by it."""
        self.publish(self.run("pull_invoices", InvoicesWork()).shipments)

    def show_stock(self) -> None:
        """Decide what can be promised, and show it; orders on which a shortage bears say so."""
        decided = self.run("decide_stock", StockWork())
        while decided.orders:
            self.publish(orders=decided.orders)
            decided = self.run("decide_stock", StockWork(told=decided.orders))
        self.run("publish_stock", StockWork())

    def pay(self, invoice: Json, amount: str) -> None:
        """A customer pays some of an invoice."""
        self.books.pay(self.token(), invoice["customer_id"], invoice["id"], amount)

    def token(self) -> str:
        """A bearer token for requests of other people to QuickBooks."""
        saved = DatabaseTokenVault(self.engine, self.key).read("quickbooks", REALM)
        assert saved is not None
        assert saved.access_token is not None
        return saved.access_token.get_secret_value()

    def live(self, shipments: int = 30) -> None:
        """Ship, bill, pay, take back, and hear of all of it."""
        self.export("SHPCNF", shipments=shipments)
        for invoice in self.books.ledger()[:6]:
            self.pay(invoice, invoice["total"] if int(invoice["id"]) % 2 else "1.00")
        self.export("RTNRCV", returns=3)
        for number in self.column("SELECT DISTINCT shipment_number FROM returns"):
            self.correct(number)
        self.export("INV410R", rows_changed=6)
        self.pull()

    # Looking

    def column(self, query: str) -> list[Any]:
        """One column of the store."""
        with reading(self.engine) as session:
            return list(session.scalars(text(query)))

    def by_hand(self, statement: str, *, past_triggers: bool = False) -> int:
        """Somebody changes the store with a tool of their own; how many rows."""
        with psycopg.connect(self.url.replace("postgresql+psycopg://", "postgresql://")) as connection:
            if past_triggers:
                connection.execute("SET session_replication_role = replica")
            changed = connection.execute(statement).rowcount
        assert changed > 0, statement
        return changed

    def records(self, name: str) -> list[Json]:
        """Salesforce's living rows of an object."""
        found: list[Json] = self.org.control("GET", f"/records/{name}")["records"]
        return found

    # Reconciling

    def read_once(self, *, again: bool, run_id: str) -> None:
        """The reads of a run, in the order of its flow."""
        part = ReconcilePart(run_id=run_id, again=again)
        for step in ("reconcile_books", "reconcile_org", "reconcile_erp", "reconcile_store"):
            self.run(step, part)

    def open_run(self) -> str:
        """Open a run."""
        return str(self.run("reconcile_open", ReconcileWork(requested_by="test")).run_id)

    def compare(self, run_id: str) -> int:
        """Compare what the first read has staged; how many differences there are."""
        return int(self.run("reconcile_compare", ReconcilePart(run_id=run_id)).records)

    def conclude(self, run_id: str) -> ReconcileConcluded:
        """Judge what is left, and certify."""
        concluded: ReconcileConcluded = self.run("reconcile_conclude", ReconcilePart(run_id=run_id))
        return concluded

    def reconcile(self) -> ReconcileConcluded:
        """A whole run, without what it sets going."""
        run_id = self.open_run()
        self.read_once(again=False, run_id=run_id)
        if self.compare(run_id):
            self.read_once(again=True, run_id=run_id)
        return self.conclude(run_id)

    def put_right(self, concluded: ReconcileConcluded) -> None:
        """What a run sets going."""
        shipments = list(concluded.shipments)
        if concluded.refresh:
            refresh = ReconcileRefresh(run_id=concluded.run_id, invoices=concluded.refresh)
            shipments += self.run("reconcile_refresh", refresh).shipments
        work = PublishWork(shipments=shipments, orders=list(concluded.orders), customers=list(concluded.customers))
        self.run("publish", work)
        self.run("publish_stock", StockWork())

    def findings(self, run_id: str, standing: Standing | None = None) -> list[FindingView]:
        """What a run has found."""
        with reading(self.engine) as session:
            return list(findings.page(session, run_id, standing=standing, limit=10_000).items)

    def the_run(self, run_id: str) -> Run:
        """A run."""
        with reading(self.engine) as session:
            return runs.need(session, run_id)

    def open_items(self, record_type: str = "drift") -> list[ExceptionItem]:
        """The open work on records of a type."""
        with reading(self.engine) as session:
            page = exception_work.page(
                session, Wanted(state=ExceptionState.OPEN, record_type=record_type), limit=10_000
            )
        return list(page.items)


@contextmanager
def lived_in(database_url: str, folder: Path, company: Company | None = None) -> Iterator[Lived]:
    """A company on this database, with stand-ins of its own, for as long as the body runs."""
    engine = make_engine(database_url, pool_size=6)
    with running_books() as books, serving(create_org()) as org_url, serving(create_erp()) as erp_url:
        key = new_secret_key()
        connection = QuickBooksConnection(
            api_url=f"{books.root}/v3",
            discovery_url=f"{books.root}/.well-known/openid_configuration",
            client_id="twin-client",
            client_secret=SecretStr("twin-secret"),
            refresh_token=SecretStr("twin-refresh-token"),
            realm_id=REALM,
            requests_per_second=1000,
            requests_per_minute=60000,
            batches_per_minute=6000,
        )
        books.calm()
        quickbooks = QuickBooksGateway(connection, DatabaseTokenVault(engine, key))
        org, salesforce = Twin(org_url), gateway_to(org_url, MemoryVault())
        given = company or company_of()
        try:
            with httpx.Client(base_url=f"{erp_url}/__twin__", timeout=60, trust_env=False) as erp:
                yield Lived(database_url, engine, books, org, erp, folder, given, quickbooks, salesforce, key)
        finally:
            salesforce.close()
            quickbooks.close()
            org.close()
            close_engine(engine)
