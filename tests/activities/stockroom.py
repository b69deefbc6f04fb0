"""A company whose stock is stated, decided and shown by the product's own activities, at a time that the test names."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import Engine
from temporalio.testing import ActivityEnvironment

from activities.erp_file import FileActivities
from activities.order_settlement import SettlingRules
from activities.publication import PublicationActivities
from activities.stating import StatingActivities
from activities.stock import StockActivities
from activities.stock_publication import StockPublicationActivities
from adapters.erp.layouts import Layouts
from adapters.salesforce.gateway import SalesforceGateway
from domain.company import Company
from domain.exceptions import Choice, ExceptionItem, ExceptionState, Resolution
from domain.files import StagedGroup
from domain.orders import Order
from domain.shipments import Shipment
from domain.work import (
    AcknowledgementsStated,
    FileReading,
    FileWork,
    Published,
    PublishWork,
    StockDecided,
    StockShown,
    StockStated,
    StockWork,
)
from store import exception_work, exceptions, files, items, orders, shipments
from store.causes import Cause, CauseSource
from store.exception_work import Wanted
from store.files import FileArrival
from store.session import reading, transaction
from store.stock import marks, promises, shown
from store.tables.stock import AvailabilityRow
from tests.adapters.salesforce.harness import Twin
from tests.looks import lifecycle

BY = Cause(source=CauseSource.USER, actor="test")
ERP = Layouts.load(Path(__file__).parents[2] / "config" / "layouts")


@dataclass
class Stockroom:
    """One store, one org, and a clock that stands where the test puts it."""

    engine: Engine
    org: Twin
    gateway: SalesforceGateway
    folder: Path
    company: Company
    at: datetime = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
    _works: dict[str, FileWork] = field(default_factory=dict)

    def clock(self) -> datetime:
        """What time it is."""
        return self.at

    def arrive(self, filename: str, content: bytes, layout: str = "inv410r") -> FileWork:
        """A file has come; the same bytes again are the same file."""
        sha256 = hashlib.sha256(content).hexdigest()
        path = self.folder / sha256[:2] / sha256
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        arrival = FileArrival(
            sha256=sha256, filename=filename, layout=layout, byte_count=len(content), arrived_by="http"
        )
        with transaction(self.engine, BY) as session:
            file, _ = files.register(session, arrival)
        return FileWork(file_id=str(file.id), sha256=sha256, filename=filename)

    def read(self, work: FileWork) -> FileReading:
        """Read a file and stage what it states."""
        return _run(FileActivities(self.engine, ERP, self.folder).read_source_file, work)

    def state(self, work: FileWork) -> StockStated:
        """Apply a stock export that was read."""
        return _run(self._stating().state_stock, work)

    def acknowledge(self, filename: str, content: bytes) -> AcknowledgementsStated:
        """Hand in acknowledgements and keep them."""
        work = self.arrive(filename, content, layout="ordack")
        assert not self.read(work).refused
        return _run(self._stating().state_acknowledgements, work)

    def export(self, filename: str, content: bytes) -> StockStated:
        """Hand in a stock export: read, applied, and finished unless it is held."""
        work = self.arrive(filename, content)
        return self.take(work)

    def take(self, work: FileWork) -> StockStated:
        """Read and apply; once more where another export came between."""
        reading = self.read(work)
        assert not reading.refused, reading
        stated = self.state(work)
        if stated.reread:
            return self.take(work)
        if not stated.held:
            _run(FileActivities(self.engine, ERP, self.folder).finish_file, work)
        return stated

    def decide(self, told: Sequence[str] = ()) -> StockDecided:
        """Decide about everything that is marked; `told`: orders whose words are being said."""
        return _run(StockActivities(self.engine, self.company, self.clock).decide_stock, StockWork(told=list(told)))

    def show(self) -> StockShown:
        """Show in Salesforce what is decided."""
        return _run(StockPublicationActivities(self.engine, self.gateway).publish_stock, StockWork())

    def settle(self) -> StockShown:
        """Decide and show."""
        self.decide()
        return self.show()

    def know(self, *given: Order) -> None:
        """Orders that Salesforce has accepted."""
        with transaction(self.engine, BY) as session:
            orders.upsert(session, given)
            marks.mark(session, [line.sku for order in given for line in order.lines], "an order changed")

    def ship(self, *given: Shipment) -> None:
        """Shipments that the ERP has confirmed."""
        groups = [
            StagedGroup(
                seq=seq,
                key=one.number,
                line_from=seq,
                line_to=seq,
                byte_from=0,
                byte_to=1,
                payload=one.model_dump(mode="json"),
            )
            for seq, one in enumerate(given, start=1)
        ]
        work = self.arrive("SHPCNF.S000001", given[0].number.encode(), layout="shpcnf")
        with transaction(self.engine, BY) as session:
            shipments.record(session, shipments.Stating(UUID(work.file_id), self.at, self.at), groups)

    def tell(self, numbers: list[str]) -> int:
        """Say in Salesforce what is to be said of these orders; how many rows it took."""
        publication = PublicationActivities(self.engine, self.gateway, SettlingRules(self.company, lifecycle()))
        published: Published = _run(publication.publish, PublishWork(shipments=[], orders=numbers))
        return published.accepted

    def say_refused_again(self) -> None:
        """Somebody mended what Salesforce refused."""
        with transaction(self.engine, BY) as session:
            shown.say_refused_again(session)

    def mark(self, *skus: str) -> None:
        """Something that the promise of these items is made of has changed."""
        with transaction(self.engine, BY) as session:
            marks.mark(session, skus, "a test says so")

    def stock_items(self, *given: Any) -> None:
        """Items of the master."""
        with transaction(self.engine, BY) as session:
            items.upsert(session, given)

    def promise(self, sku: str, warehouse: str = promises.TOTAL) -> AvailabilityRow:
        """What was decided last about a row."""
        with reading(self.engine) as session:
            return promises.of_items(session, [sku])[sku, warehouse]

    def work(self, *causes: str) -> list[ExceptionItem]:
        """What is open for these causes."""
        with reading(self.engine) as session:
            found = exception_work.page(session, Wanted(state=ExceptionState.OPEN), limit=1000).items
        return [item for item in found if item.cause in causes]

    def resolve(self, item: ExceptionItem, choice: Choice) -> None:
        """A person decides."""
        decision = Resolution(
            exception_id=item.id, choice=choice, reason="agreed", decided_by="dana", decided_at=datetime.now(UTC)
        )
        with transaction(self.engine, BY) as session:
            exceptions.resolve(session, decision)

    def shown(self, name: str = "Inventory_Level__c", key: str = "Key__c") -> dict[str, dict[str, Any]]:
        """What Salesforce shows, by key."""
        return {one[key]: one for one in self.org.control("GET", f"/records/{name}")["records"]}

    def _stating(self) -> StatingActivities:
        return StatingActivities(self.engine, ERP, self.company, self.clock)


def _run(function: Callable[..., Any], work: Any) -> Any:
    return ActivityEnvironment().run(function, work)


@contextmanager
def writes(org: Twin) -> Iterator[list[str]]:
    """The paths to which Salesforce was asked to write meanwhile; filled when the block ends."""
    before = len(org.journal())
    seen: list[str] = []
    yield seen
    seen += [
        one["path"] for one in org.journal()[before:] if one["method"] != "GET" and "/services/data" in one["path"]
    ]
