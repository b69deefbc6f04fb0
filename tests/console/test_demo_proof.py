"""The proof of the demo and of the bench: every way in which books can be wrong is said, right books say nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from console.demo_proof import differences

Json = dict[str, Any]


def ledger() -> Json:
    """Two shipments billed: one with freight, one known by its number alone."""
    return {
        "invoices": [
            {
                "deleted": False, "voided": False, "doc_number": "1001", "private_note": "threeway:SH1:1 from the ERP",
                "total": "37.50",
                "lines": [
                    {"sku": "BOLT", "quantity": "10", "unit_price": "2.50", "amount": "25.00"},
                    {"sku": "FREIGHT", "quantity": "1", "unit_price": "12.50", "amount": "12.50"},
                    {"sku": "", "quantity": "1", "unit_price": "0", "amount": "37.50"},
                ],
            },
            {
                "deleted": False, "voided": False, "doc_number": "SH2", "private_note": "", "total": "5.00",
                "lines": [{"sku": "NUT", "quantity": "2", "unit_price": "2.5", "amount": "5.0"}],
            },
        ]
    }  # fmt: skip


def truth() -> Json:
    def invoice(number: str, total: str, sku: str, quantity: str, freight: str) -> Json:
        amount = "25.00" if sku == "BOLT" else "5.00"
        line = {"sku": sku, "quantity": quantity, "unit_price": "2.50", "amount": amount}
        return {"shipment_no": number, "total": total, "freight": freight, "lines": [line]}

    return {
        "shipments": [{"shipment_no": number} for number in ("SH1", "SH2", "HELD")],
        "expected_invoices": [
            invoice("SH1", "37.50", "BOLT", "10", "12.50"),
            invoice("SH2", "5.00", "NUT", "2", "0"),
        ],
    }


def without_freight(books: Json) -> None:
    books["invoices"][0]["lines"].pop(1)


def set_in(place: int, **values: object) -> Callable[[Json], None]:
    return lambda books: books["invoices"][place].update(values)


def set_in_line(**values: object) -> Callable[[Json], None]:
    return lambda books: books["invoices"][1]["lines"][0].update(values)


def test_right_books_are_proven() -> None:
    assert differences(ledger(), truth()) == []


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda books: books["invoices"].pop(0), "SH1 has no invoice."),
        (set_in(0, voided=True), "SH1 has no invoice."),
        (set_in(0, deleted=True), "SH1 has no invoice."),
        (lambda books: books["invoices"].append(ledger()["invoices"][0]), "SH1 has 2 invoices."),
        (set_in(0, total="37.51"), "SH1 is booked at 37.51, 37.50 is right."),
        (without_freight, "SH1 has other lines than were shipped."),
        (set_in_line(sku="BOLT"), "SH2 has other lines than were shipped."),
        (set_in_line(quantity="3"), "SH2 has other lines than were shipped."),
        (set_in_line(unit_price="2.51"), "SH2 has other lines than were shipped."),
        (set_in_line(amount="5.01"), "SH2 has other lines than were shipped."),
        (
            lambda books: books["invoices"].append({**ledger()["invoices"][1], "doc_number": "HELD"}),
            "HELD was invoiced and should not have been.",
        ),
    ],
)
def test_wrong_books_are_said(spoil: Callable[[Json], object], said: str) -> None:
    books = ledger()
    spoil(books)
    assert differences(books, truth()) == [said]


def test_what_a_person_decided_to_bill_may_be_there() -> None:
    books = ledger()
    books["invoices"].append({**ledger()["invoices"][1], "doc_number": "HELD"})
    assert differences(books, truth(), billed=["HELD"]) == []
