"""Lines that were deleted: whether an org still shows them (as deleted) or not, the order never looks older."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from adapters.salesforce.client import SalesforceClient
from adapters.salesforce.connection import SalesforceNames
from adapters.salesforce.orders import OrderPage, OrderReader

ORDER_ID = "801000000000001AAA"
AT = datetime(2026, 11, 25, 18, 0, tzinfo=UTC)


def stamped(minutes: int) -> str:
    return (AT + timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%S.000+0000")


def item(line_no: int | None, changed: int, *, deleted: bool = False) -> dict[str, Any]:
    return {
        "Id": f"80200000000000{line_no or 9}AAA",
        "IsDeleted": deleted,
        "SystemModstamp": stamped(changed),
        "OrderId": ORDER_ID,
        "ERP_Line_No__c": line_no,
        "Quantity": 4,
        "UnitPrice": 1,
        "UoM__c": "EA",
        "Product2": {"ERP_SKU__c": "BOLT"},
    }


@dataclass
class Org:
    """An org with one order, which shows deleted lines to who asks for them."""

    items: Sequence[dict[str, Any]]
    order: dict[str, Any] = field(
        default_factory=lambda: {
            "Id": ORDER_ID,
            "IsDeleted": False,
            "SystemModstamp": stamped(0),
            "ERP_Order_Id__c": "SO1",
            "Status": "Draft",
        }
    )

    def pages(self, soql: str, **_: object) -> Iterator[list[dict[str, Any]]]:
        assert "FROM Order " in soql
        yield [self.order]

    def rows(self, soql: str, *, include_deleted: bool = False) -> Iterator[dict[str, Any]]:
        if "FROM OrderItem " in soql:
            yield from (row for row in self.items if include_deleted or not row["IsDeleted"])


def read(*items: dict[str, Any]) -> OrderPage:
    reader = OrderReader(cast("SalesforceClient", Org(items)), SalesforceNames())
    (page,) = reader.changed_orders(None, timedelta(0))
    return page


def test_an_order_that_lost_its_newest_line_is_newer_than_before() -> None:
    """The store keeps no older version over a newer one: without the deleted line the order would look older."""
    (before,) = read(item(1, 1), item(2, 5)).orders
    (after,) = read(item(1, 1), item(2, 9, deleted=True)).orders
    assert [line.line_no for line in before.lines] == [1, 2]
    assert [line.line_no for line in after.lines] == [1]
    assert (before.version_at, after.version_at) == (AT + timedelta(minutes=5), AT + timedelta(minutes=9))


def test_a_deleted_line_is_not_asked_for_what_it_lacks() -> None:
    page = read(item(1, 1), item(None, 2, deleted=True))
    assert page.incomplete == ()
    assert [line.line_no for line in page.orders[0].lines] == [1]
