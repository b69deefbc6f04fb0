"""Documents in QuickBooks as tests look at them: their lines, their versions, and the work about them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from temporalio.testing import ActivityEnvironment

from domain.book_work import BooksNamed
from domain.exceptions import Cause, Choice, ExceptionItem, Resolution
from domain.links import LinkKind
from domain.shipments import Shipment
from domain.work import InvoicesPulled
from store import document_versions, exceptions
from store.document_versions import DocumentVersion
from store.session import reading, transaction
from tests.activities.worker import Worker
from tests.activities.world import CAUSE, House


def read_books(worker: Worker, **named: Any) -> InvoicesPulled:
    """As the flow of an event reads."""
    pulled: InvoicesPulled = ActivityEnvironment().run(worker.payments.read_books, BooksNamed(**named))
    return pulled


def id_of(house: House, made: Shipment) -> str:
    return house.invoices(made.number)[0].quickbooks_id


def item_id(house: House, sku: str) -> str:
    return house.external_id(LinkKind.ITEM, sku)


def lines(house: House, *rows: tuple[str, str, str]) -> list[dict[str, Any]]:
    """Lines as a person leaves them: SKU, quantity, price."""
    return [
        {
            "DetailType": "SalesItemLineDetail",
            "SalesItemLineDetail": {"ItemRef": {"value": item_id(house, sku)}, "Qty": quantity, "UnitPrice": price},
        }
        for sku, quantity, price in rows
    ]


def open_for(house: House, made: Shipment, cause: Cause) -> list[ExceptionItem]:
    return [one for one in house.open_work(made.number) if one.cause is cause]


def versions(house: House, made: Shipment) -> list[DocumentVersion]:
    with reading(house.engine) as session:
        return document_versions.of_shipment(session, made.number)


def changes(house: House, made: Shipment) -> list[str]:
    return [one.change.value for one in versions(house, made)]


def decide(house: House, item: ExceptionItem, choice: Choice, reason: str = "agreed by phone") -> None:
    """A person decides, as the API writes it down."""
    decision = Resolution(
        exception_id=item.id, choice=choice, reason=reason, decided_by="dana", decided_at=datetime.now(UTC)
    )
    with transaction(house.engine, CAUSE) as session:
        resolved = exceptions.resolve(session, decision)
        digests = [one.subject for one in resolved.findings if one.subject]
        document_versions.decide(session, item.record_key, digests, decision)


def how_it_ended(house: House, item: ExceptionItem) -> ExceptionItem:
    with reading(house.engine) as session:
        found = exceptions.get(session, item.id)
    assert found is not None
    return found
