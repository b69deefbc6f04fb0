"""Order files by HTTP: what was written for the ERP, which orders, and what in them was replaced."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

from domain.files import Replacement
from domain.order_messages import OrderAction, OrderMessage
from store import order_files, order_messages
from tests.api.served import Served, assert_problem

AT = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def cancelled(number: str) -> OrderMessage:
    return OrderMessage(
        action=OrderAction.CANCEL,
        order_number=number,
        customer_number="00000042",
        ordered_on=date(2026, 11, 20),
        warehouse="ATL",
        terms="N30",
    )


def written(served: Served, sequence: int, *numbers: str, finished: bool = True, **more: Any) -> None:
    with served.write() as session:
        messages = [order_messages.add(session, cancelled(number), AT) for number in numbers]
        order_files.freeze(
            session,
            sequence=sequence,
            name=f"ORDIMP.S{sequence:06}",
            layout="ordimp",
            layout_digest="d",
            content=b"bytes",
            at=AT,
            **{"replacements": (), **more},
        )
        order_messages.take(session, messages, sequence)
        if finished:
            order_files.mark_written(session, sequence, AT + timedelta(seconds=1))


async def test_files_are_listed_newest_first(served: Served) -> None:
    assert (await served.client.get("/erp/order-files")).json() == {"items": [], "next": None}
    written(served, 1, "SO1", "SO2")
    written(served, 2, "SO3", finished=False)

    first = (await served.client.get("/erp/order-files", params={"limit": 1})).json()
    second = (await served.client.get("/erp/order-files", params={"cursor": first["next"]})).json()

    [newest], [oldest] = first["items"], second["items"]
    assert (newest["sequence"], newest["state"], newest["message_count"], newest["written_at"]) == (
        2,
        "intended",
        1,
        None,
    )
    assert (oldest["name"], oldest["state"], oldest["message_count"]) == ("ORDIMP.S000001", "written", 2)
    assert second["next"] is None


async def test_one_file_tells_its_orders_and_what_was_replaced(served: Served) -> None:
    changed = Replacement(key="SO1", field="purchase_order", given="Łódź", written="Lódz")
    written(served, 1, "SO2", "SO1", replacements=(changed,))

    found = (await served.client.get("/erp/order-files/1")).json()

    assert [(one["order_number"], one["action"], one["revision"]) for one in found["messages"]] == [
        ("SO2", "cancel", 1),
        ("SO1", "cancel", 1),
    ]
    assert found["replacements"] == [changed.model_dump()]
    assert (found["replacement_count"], found["byte_count"], found["layout"]) == (1, 5, "ordimp")
    assert datetime.fromisoformat(found["written_at"]) == AT + timedelta(seconds=1)


async def test_a_file_that_there_is_not_is_missing(served: Served) -> None:
    assert_problem(await served.client.get("/erp/order-files/7"), 404, "missing")
    assert_problem(await served.client.get("/erp/order-files/x"), 422, "invalid_request")
    assert_problem(await served.client.get(f"/erp/order-files/{10**30}"), 422, "invalid_request")
