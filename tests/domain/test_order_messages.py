"""What the ERP is told of orders, and how the files are named."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.company import OrderFiles
from domain.order_messages import OrderAction, OrderMessage, OrderMessageLine
from tests.build import company


def message(**more: Any) -> OrderMessage:
    usual = {
        "action": OrderAction.ADD,
        "order_number": "SO1",
        "customer_number": "00000042",
        "ordered_on": date(2026, 11, 20),
        "warehouse": "ATL",
        "terms": "N30",
        "lines": (line(),),
    }
    return OrderMessage.model_validate({**usual, **more})


def line(**more: Any) -> OrderMessageLine:
    usual = {"line_no": 1, "sku": "BOLT", "quantity": Decimal(4), "uom": "EA", "unit_price": Decimal("2.50")}
    return OrderMessageLine.model_validate({**usual, **more})


@given(st.decimals(0, 10**6, places=2), st.integers(0, 4))
def test_how_a_number_is_written_does_not_change_a_content(quantity: Decimal, zeros: int) -> None:
    longer = Decimal(f"{quantity:f}" + "0" * zeros)
    assert (
        message(lines=(line(quantity=longer),)).content_hash == message(lines=(line(quantity=quantity),)).content_hash
    )


def test_blanks_around_a_text_say_nothing() -> None:
    assert message(purchase_order=" PO-1 ") == message(purchase_order="PO-1")
    assert message(purchase_order=" ") == message(purchase_order=None)


def test_a_message_survives_the_store() -> None:
    given_one = message(purchase_order="PO-1", requested_on=date(2026, 12, 1))
    kept = OrderMessage.model_validate(given_one.model_dump(mode="json"))
    assert kept == given_one
    assert kept.content_hash == given_one.content_hash


def test_files_are_named_by_prefix_and_number() -> None:
    rules = company().order_files
    assert [rules.name(number) for number in (1, 417, 999999)] == ["ORDIMP.S000001", "ORDIMP.S000417", "ORDIMP.S999999"]
    assert OrderFiles(prefix="ORD-", digits=4).name(7) == "ORD-0007"


@pytest.mark.parametrize(
    "wrong", [{"prefix": "../x"}, {"prefix": ".hidden"}, {"digits": 0}, {"first_sequence": -1}, {"x": 1}]
)
def test_a_name_that_leaves_the_folder_or_hides_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        OrderFiles.model_validate(wrong)
