"""Reading orders from the twin over real HTTP: pages, changes, deletions, exact numbers, odd keys."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest

from adapters.salesforce.client import SalesforceClient
from adapters.salesforce.gateway import SalesforceGateway
from domain.orders import Order
from tests.adapters.salesforce.harness import MemoryVault, Twin, gateway_to
from tests.adapters.salesforce.world import SKUS, line, order, world

NONE = timedelta(0)
ODD = ("SO#1", "SO/2", "A+B", "Jürgen Ö", "it's", "50%")


@pytest.fixture
def gateway(twin: Twin, vault: MemoryVault) -> Iterator[SalesforceGateway]:
    gateway = gateway_to(twin.url, vault)
    yield gateway
    gateway.close()


def api(gateway: SalesforceGateway) -> SalesforceClient:
    """The gateway's own client, to change things in the org as a rep would."""
    return gateway._client


def everything(gateway: SalesforceGateway, since: datetime | None = None) -> list[Order]:
    return [found for page in gateway.changed_orders(since, NONE) for found in page.orders]


def later(twin: Twin) -> None:
    """Move the twin's clock on: stamps have no finer grain than a second."""
    twin.control("PATCH", "/clock", {"advance_seconds": 5})


def test_an_order_is_read_exactly(twin: Twin, gateway: SalesforceGateway) -> None:
    lines = [line(1, SKUS[0], "4", "47.7119"), line(2, SKUS[1], "0.25", "1234567.0001"), line(3, SKUS[2], "10", "0.1")]
    twin.control("POST", "/seed", world([order("SO700310", lines)]))
    (found,) = everything(gateway)
    assert (found.number, found.customer_number, found.purchase_order) == ("SO700310", "00040017", "PO-SO700310")
    assert found.ordered_on == date(2026, 11, 16)
    assert found.active is (found.status == "Activated")
    assert not found.deleted
    assert found.version_at.tzinfo is not None
    assert [(read.line_no, read.sku, read.quantity, read.uom, read.unit_price) for read in found.lines] == [
        (1, SKUS[0], Decimal(4), "EA", Decimal("47.7119")),
        (2, SKUS[1], Decimal("0.25"), "EA", Decimal("1234567.0001")),
        (3, SKUS[2], Decimal(10), "EA", Decimal("0.1")),
    ]
    assert all(isinstance(read.unit_price, Decimal) and read.external_id for read in found.lines)


def test_several_pages_and_a_session_that_ends_between_them(
    twin: Twin, gateway: SalesforceGateway, vault: MemoryVault
) -> None:
    numbers = [f"SO{number:06d}" for number in range(450)]
    twin.control("POST", "/seed", world([order(number) for number in numbers]))
    pages = gateway.changed_orders(None, NONE)
    first = next(pages)
    twin.fault("expired_token_once")
    read = [first, *pages]
    assert [len(page.orders) for page in read] == [200, 200, 50]
    assert sorted(found.number for page in read for found in page.orders) == numbers
    stamps = [page.newest_version_at for page in read]
    assert None not in stamps
    assert stamps == sorted(stamps, key=lambda stamp: stamp or datetime.min)  # noqa: DTZ901
    assert vault.logins == 2
    assert all(len(page_of.lines) == 1 for page in read for page_of in page.orders)


def test_only_what_changed_since_is_read(twin: Twin, gateway: SalesforceGateway) -> None:
    twin.control("POST", "/seed", world([order("SO1"), order("SO2"), order("SO3")]))
    before = max(found.version_at for found in everything(gateway))
    later(twin)
    (second,) = gateway.orders_by_number(["SO2"])
    api(gateway).write("PATCH", f"sobjects/Order/{second.external_id}", {"PoNumber": "PO-NEW"})
    changed = everything(gateway, before + timedelta(seconds=1))
    assert [(found.number, found.purchase_order) for found in changed] == [("SO2", "PO-NEW")]
    assert changed[0].version_at > second.version_at
    with_overlap = [o.number for page in gateway.changed_orders(before, timedelta(minutes=5)) for o in page.orders]
    assert sorted(with_overlap) == ["SO1", "SO2", "SO3"]


def test_an_order_of_which_a_line_changed_has_changed(twin: Twin, gateway: SalesforceGateway) -> None:
    twin.control("POST", "/seed", world([order("SO1"), order("SO2")]))
    (second,) = gateway.orders_by_number(["SO2"])
    before = max(found.version_at for found in everything(gateway))
    later(twin)
    api(gateway).write("PATCH", f"sobjects/OrderItem/{second.lines[0].external_id}", {"Qty_Shipped__c": Decimal("1.5")})
    changed = everything(gateway, before + timedelta(seconds=1))
    assert [found.number for found in changed] == ["SO2"]
    assert changed[0].version_at > second.version_at
    assert changed[0] == gateway.orders_by_number(["SO2"])[0]


def test_stopping_anywhere_and_starting_again_loses_nothing(twin: Twin, gateway: SalesforceGateway) -> None:
    numbers = [f"SO{number:06d}" for number in range(410)]
    twin.control("POST", "/seed", world([order(number) for number in numbers]))
    before = max(found.version_at for found in everything(gateway))
    (target,) = gateway.orders_by_number(["SO000007"])
    later(twin)
    api(gateway).write("PATCH", f"sobjects/OrderItem/{target.lines[0].external_id}", {"Qty_Shipped__c": Decimal(1)})
    later(twin)
    renamed = [found.external_id for found in gateway.orders_by_number(numbers[100:])]
    for start in range(0, len(renamed), 200):
        records = [
            {"attributes": {"type": "Order"}, "id": each, "PoNumber": "x"} for each in renamed[start : start + 200]
        ]
        api(gateway).write("PATCH", "composite/sobjects", {"allOrNone": False, "records": records})
    seen: set[str] = set()
    since = before + timedelta(seconds=1)
    for _ in range(4):  # every round is cut off after two pages, as by a crash
        for page, _again in zip(gateway.changed_orders(since, NONE), range(2), strict=False):
            seen |= {found.number for found in page.orders}
            since = page.newest_version_at or since
    assert seen == {"SO000007", *numbers[100:]}


def test_a_deleted_order_comes_with_its_mark(twin: Twin, gateway: SalesforceGateway) -> None:
    twin.control("POST", "/seed", world([order("SO1"), order("SO2")]))
    (first,) = gateway.orders_by_number(["SO1"])
    if first.active:
        api(gateway).write("PATCH", f"sobjects/Order/{first.external_id}", {"Status": "Draft"})
    api(gateway)._call(lambda sf: sf.restful(f"sobjects/Order/{first.external_id}", method="DELETE"), write=True)
    states = {found.number: found.deleted for found in everything(gateway)}
    assert states == {"SO1": True, "SO2": False}
    assert gateway.orders_by_number(["SO1"]) == []


def test_orders_without_a_number_are_left_out_and_shown(twin: Twin, gateway: SalesforceGateway) -> None:
    twin.control("POST", "/seed", world([order("SO1"), order("SO2")]))
    (first,) = gateway.orders_by_number(["SO1"])
    api(gateway).write("PATCH", f"sobjects/Order/{first.external_id}", {"ERP_Order_Id__c": None})
    (page,) = gateway.changed_orders(None, NONE)
    assert [found.number for found in page.orders] == ["SO2"]
    assert page.unnumbered_ids == (first.external_id,)
    assert gateway.orders_by_number(["", "SO1"]) == []


def test_an_order_with_a_line_that_lacks_its_key_is_shown_and_not_guessed(
    twin: Twin, gateway: SalesforceGateway
) -> None:
    twin.control("POST", "/seed", world([order("SO1"), order("SO2")]))
    (first,) = gateway.orders_by_number(["SO1"])
    api(gateway).write("PATCH", f"sobjects/OrderItem/{first.lines[0].external_id}", {"ERP_Line_No__c": None})
    (page,) = gateway.changed_orders(None, NONE)
    assert [found.number for found in page.orders] == ["SO2"]
    (incomplete,) = page.incomplete
    assert (incomplete.number, incomplete.external_id) == ("SO1", first.external_id)
    assert "ERP_Line_No__c" in incomplete.reason


def test_orders_are_found_by_numbers_of_any_kind(twin: Twin, gateway: SalesforceGateway) -> None:
    twin.control("POST", "/seed", world([order(number) for number in ODD]))
    wanted = [*reversed(ODD), "unknown", "so#1", ODD[0]]
    found = gateway.orders_by_number(wanted)
    assert [each.number for each in found] == list(reversed(ODD))


def test_hundreds_of_numbers_are_asked_for_in_lists(twin: Twin, gateway: SalesforceGateway) -> None:
    numbers = [f"SO{number:06d}" for number in range(250)]
    twin.control("POST", "/seed", world([order(number) for number in numbers]))
    assert [found.number for found in gateway.orders_by_number(numbers)] == numbers


def test_the_statuses_of_the_org_are_read_once(twin: Twin, gateway: SalesforceGateway) -> None:
    twin.control("POST", "/seed", world([order("SO1"), order("SO2")]))
    everything(gateway)
    everything(gateway)
    asked = [call for call in twin.calls("GET", "/query") if "OrderStatus" in str(call.get("query"))]
    assert len(asked) == 1
