"""One company whose masters are in the store, in a QuickBooks twin and in a Salesforce twin, and the steps that merge.

`merge` does what the flow of a record does, one step after the other; it may die at any of them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from pydantic import SecretStr
from sqlalchemy import Engine
from temporalio.testing import ActivityEnvironment

from activities.master_polls import QuickBooksMasterPoll, SalesforceMasterPoll
from activities.master_settlement import MasterRules
from activities.mastering import MergingActivities, QuickBooksMasterActivities, SalesforceMasterActivities
from activities.masters import MasterActivities
from adapters.quickbooks.connection import QuickBooksConnection
from adapters.quickbooks.gateway import QuickBooksGateway
from domain.customers import Customer
from domain.exceptions import Choice, ExceptionItem, Resolution
from domain.files import Entity, StagedGroup
from domain.items import Item
from domain.links import Link, LinkKind
from domain.master_work import MasterDecided, MastersPulled, MastersWork, MasterWork, MasterWrite, MasterWritten
from domain.ownership import Ownership
from domain.ownership_reading import read
from domain.sources import System
from domain.work import FileWork, MastersApplied
from store import customers, exceptions, files, items, links, master_marks, mastering, staging
from store.causes import Cause, CauseSource
from store.session import reading, transaction
from store.tables import MasterRecordRow
from store.tokens import DatabaseTokenVault, new_secret_key
from tests.activities.books import Books, running_books
from tests.adapters.salesforce.harness import MemoryVault, Twin, gateway_to
from tests.build import REALM, company, customer, item
from tests.looks import CONFIG

BY = Cause(source=CauseSource.USER, actor="test")
CUSTOMER, SKU = "00000042", "PIPE/Z"
NAME, DESCRIPTION = "Brightwater Plumbing", "Pipe 3/8"
ADDRESS = {"line1": "8404 Harbor St", "city": "Macon", "state": "GA", "zip": "31201"}
RULES = (CONFIG / "ownership.toml").read_text(encoding="utf-8")
WORLD = {
    "items": [{"sku": SKU, "description": DESCRIPTION, "list_price": "12.5", "taxable": True, "sell_uom": "BX"}],
    "customers": [
        {"erp_no": CUSTOMER, "name": NAME, "terms_code": "N30", "bill_to": ADDRESS},
        {"erp_no": "00000043", "name": "Hale & Sons Supply", "terms_code": "N30", "bill_to": ADDRESS},
    ],
    "terms": [
        {"code": "COD", "name": "Due on receipt", "due_days": 0},
        {"code": "N30", "name": "Net 30", "due_days": 30},
    ],
    "warehouses": [],
    "orders": [],
}


class Died(Exception):
    """The worker died at this step."""


class Mastery:
    """The company, the twins, and the steps."""

    def __init__(self, engine: Engine, books: Books, org: Twin, rules: Ownership | None = None) -> None:
        self.engine, self.books, self.org = engine, books, org
        self.quickbooks, self.salesforce = _books_gateway(engine, books), gateway_to(org.url, MemoryVault())
        self.rule(rules or read(RULES))

    def rule(self, rules: Ownership) -> None:
        """Merge by these rules from now on."""
        self.rules = MasterRules(rules, company())
        self.deciding = MergingActivities(self.engine, self.rules)
        self.in_books = QuickBooksMasterActivities(self.engine, self.quickbooks)
        self.in_org = SalesforceMasterActivities(self.engine, self.salesforce)

    def furnish(self) -> None:
        """Masters on all sides, linked; nothing was ever merged."""
        self.books._call("POST", "reset")
        self.books._call("POST", "seed", json=WORLD)
        self.org.reset()
        self.org.control("POST", "/seed", WORLD)
        with transaction(self.engine, BY) as session:
            other = self.stated_customer(number="00000043", name="Hale & Sons Supply")
            customers.upsert(session, [self.stated_customer(), other])
            items.upsert(session, [self.stated_item()])
            links.import_links(session, list(self._pairs()), "test", datetime.now(UTC))

    def stated_customer(self, **changes: Any) -> Customer:
        """The customer as the ERP states it."""
        bill_to = {"line1": ADDRESS["line1"], "city": "Macon", "state": "GA", "postal_code": "31201"}
        given = {"name": NAME, "bill_to": bill_to, "number": CUSTOMER, **changes}
        return customer(**given)

    def stated_item(self, **changes: Any) -> Item:
        """The item as the ERP states it."""
        return item(SKU, **{"description": DESCRIPTION, "list_price": "12.50", **changes})

    def poll(self) -> MastersPulled:
        """One look at both systems; answers the sum."""
        polls = (
            SalesforceMasterPoll(self.engine, self.rules, self.salesforce).pull_salesforce_masters,
            QuickBooksMasterPoll(self.engine, self.rules, self.quickbooks).pull_quickbooks_masters,
        )
        found: list[MastersPulled] = [ActivityEnvironment().run(one, MastersWork(reason="test")) for one in polls]
        return MastersPulled(
            read=sum(one.read for one in found),
            adopted=sum(one.adopted for one in found),
            changed=sum(one.changed for one in found),
        )

    def state(self, *stated: Customer | Item) -> int:
        """The ERP states these in a file; answers how many canonical rows were written."""
        entity = Entity.CUSTOMER_MASTER if isinstance(stated[0], Customer) else Entity.ITEM_MASTER
        groups = [
            StagedGroup(
                seq=seq,
                key=one.number if isinstance(one, Customer) else one.sku,
                line_from=seq,
                line_to=seq,
                byte_from=0,
                byte_to=1,
                payload=one.model_dump(mode="json"),
            )
            for seq, one in enumerate(stated, start=1)
        ]
        sha256 = uuid4().hex * 2
        arrival = files.FileArrival(
            sha256=sha256, filename="MST", layout="cusmst", entity=entity, byte_count=1, arrived_by="http"
        )
        with transaction(self.engine, BY) as session:
            file, _ = files.register(session, arrival)
            staging.stage(session, file.id, [groups])
        work = FileWork(file_id=str(file.id), sha256=sha256, filename="MST")
        applied: MastersApplied = ActivityEnvironment().run(MasterActivities(self.engine).load_master, work)
        return applied.written

    def marked(self) -> set[tuple[LinkKind, str]]:
        """The records whose flows are to be woken; they are woken with this."""
        with transaction(self.engine, BY) as session:
            marks = master_marks.oldest(session, 100)
            master_marks.strike(session, marks)
        return {(kind, key) for kind, key, _ in marks}

    def merge(self, kind: LinkKind = LinkKind.CUSTOMER, key: str = CUSTOMER, *, dies: str = "") -> MasterDecided:
        """One look of the record's flow, until nothing is stale. `dies`: before `write`, after it, or `settle`."""
        work = MasterWork(kind=kind, key=key)
        for _ in range(6):
            self.read(work)
            decided = self._run(self.deciding.decide_master, work)
            if decided.again:
                continue
            if not decided.writes:
                return decided
            _die(dies, "before write")
            written = [self.write(system, write_id) for system, write_id in sorted(decided.writes.items())]
            _die(dies, "after write")
            if not any(one.stale for one in written):
                return self._run(self.deciding.settle_master, work)
        raise AssertionError("it never settles")

    def read(self, work: MasterWork) -> None:
        """Read both sides."""
        self._run(self.in_org.read_salesforce_master, work)
        self._run(self.in_books.read_quickbooks_master, work)

    def write(self, system: System, write_id: int) -> MasterWritten:
        """Do one write."""
        step = self.in_org.write_salesforce_master
        if system is System.QUICKBOOKS:
            step = self.in_books.write_quickbooks_master
        written: MasterWritten = self._run(step, MasterWrite(write_id=write_id))
        return written

    def _run(self, step: Callable[..., Any], work: Any) -> Any:
        return ActivityEnvironment().run(step, work)

    def external_id(self, system: System, kind: LinkKind = LinkKind.CUSTOMER, key: str = CUSTOMER) -> str:
        with reading(self.engine) as session:
            return links.external_ids(session, system, kind, [key])[key]

    def account(self, key: str = CUSTOMER) -> dict[str, Any]:
        """The customer's account, by the twin's own books."""
        return next(one for one in self._org_rows("Account") if one["ERP_Id__c"] == key)

    def product(self) -> dict[str, Any]:
        """The item's product, by the twin's own books."""
        return next(one for one in self._org_rows("Product2") if one["ERP_SKU__c"] == SKU)

    def _org_rows(self, name: str) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self.org.control("GET", f"/records/{name}?deleted=true")["records"]
        return rows

    def in_quickbooks(self, kind: LinkKind = LinkKind.CUSTOMER, key: str = CUSTOMER) -> dict[str, Any]:
        """The record by QuickBooks' own books."""
        entity = {LinkKind.CUSTOMER: "Customer", LinkKind.ITEM: "Item", LinkKind.TERMS: "Term"}[kind]
        rows = self.books.app.database.execute("SELECT body FROM entity WHERE kind = ?", entity)
        wanted = self.external_id(System.QUICKBOOKS, kind, key)
        return next(one for one in (json.loads(body) for (body,) in rows) if one["Id"] == wanted)

    def rep_edits(self, sobject: str = "Account", **fields: object) -> None:
        """A sales rep changes the customer, or the item."""
        match = {"ERP_Id__c": CUSTOMER} if sobject == "Account" else {"ERP_SKU__c": SKU}
        self.org.control("POST", f"/records/{sobject}", {"match": match, "fields": fields})

    def bookkeeper_edits(self, kind: LinkKind = LinkKind.CUSTOMER, key: str = CUSTOMER, **changes: object) -> None:
        """A bookkeeper changes the record in QuickBooks."""
        entity = {LinkKind.CUSTOMER: "Customer", LinkKind.ITEM: "Item", LinkKind.TERMS: "Term"}[kind]
        self.books.edit(entity, self.external_id(System.QUICKBOOKS, kind, key), **changes)

    def writes(self) -> int:
        """How often the gateway wrote a master in either system."""
        in_books = [one for one in self.books.journal(0) if one["method"] == "POST" and _is_master(one["path"])]
        in_org = [one for one in self.org.journal() if one["method"] == "PATCH" and "/sobjects/" in one["path"]]
        return len(in_books) + len(in_org)

    def open_work(self) -> list[ExceptionItem]:
        with reading(self.engine) as session:
            return exceptions.open_below(session, "master", "")

    def decide(self, item_id: str, choice: Choice, value: str | None = None) -> None:
        """A person decides."""
        resolution = Resolution(
            exception_id=item_id,
            choice=choice,
            value=value,
            reason="agreed",
            decided_by="dana",
            decided_at=datetime.now(UTC),
        )
        with transaction(self.engine, BY) as session:
            exceptions.resolve(session, resolution)

    def canonical(self) -> Customer:
        with reading(self.engine) as session:
            return customers.get_many(session, [CUSTOMER])[CUSTOMER]

    def record(self, kind: LinkKind = LinkKind.CUSTOMER, key: str = CUSTOMER) -> MasterRecordRow:
        with reading(self.engine) as session:
            return mastering.get_many(session, kind, [key])[key]

    def close(self) -> None:
        self.quickbooks.close()
        self.salesforce.close()

    def _pairs(self) -> Iterator[Link]:
        numbers = {one["name"]: one["erp_no"] for one in WORLD["customers"]}  # type: ignore[index]
        days = {str(one["due_days"]): one["code"] for one in WORLD["terms"]}  # type: ignore[index]
        for kind in LinkKind:
            for gateway in (self.quickbooks, self.salesforce):
                for one in gateway.candidates(kind):
                    key = numbers.get(one.name) if kind is LinkKind.CUSTOMER else one.strong_key
                    key = days.get(key or "") if kind is LinkKind.TERMS else key
                    if key and key != "FREIGHT":
                        yield Link(
                            kind=kind,
                            system=one.system,
                            local_key=key,
                            external_id=one.external_id,
                            external_name=one.name,
                        )


def _die(dies: str, at: str) -> None:
    if dies == at:
        raise Died(at)


def _is_master(path: str) -> bool:
    return path.rstrip("/").rsplit("/", 1)[-1] in {"customer", "item", "term"}


def _books_gateway(engine: Engine, books: Books) -> QuickBooksGateway:
    connection = QuickBooksConnection(
        api_url=f"{books.root}/v3",
        discovery_url=f"{books.root}/.well-known/openid_configuration",
        client_id="twin-client",
        client_secret=SecretStr("twin-secret"),
        refresh_token=SecretStr("twin-refresh-token"),
        realm_id=REALM,
        connect_timeout=5.0,
        read_timeout=3.0,
        requests_per_second=1000,
        requests_per_minute=60000,
        batches_per_minute=6000,
    )
    return QuickBooksGateway(connection, DatabaseTokenVault(engine, new_secret_key()))


@contextmanager
def running_mastery(engine: Engine, org: Twin) -> Iterator[Mastery]:
    """A furnished company of its own on an empty store."""
    with running_books() as books:
        mastery = Mastery(engine, books, org)
        mastery.furnish()
        yield mastery
        mastery.close()
