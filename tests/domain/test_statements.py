"""What Salesforce shall show of an order (R6: its status is a function of the line ledger)."""

from __future__ import annotations

from decimal import Decimal

import pytest

from domain.publication import OrderStatement
from domain.shipments import LineReason
from domain.statements import LineProgress, OrderProgress, closes_line, order_statement

WORDS = {"invoiced": "Invoiced", "partially_invoiced": "Partially Invoiced", "needs_attention": "Needs Attention"}


def line(ordered: int, invoiced: int, *, closed: bool = False) -> LineProgress:
    """How far a line is."""
    return LineProgress(ordered=Decimal(ordered), invoiced=Decimal(invoiced), closed=closed)


def stated(*lines: LineProgress, invoices: tuple[str, ...] = ("SH1",), held: tuple[str, ...] = ()) -> OrderStatement:
    """The statement on an order; fails when there is none."""
    progress = OrderProgress(
        order_number="SO1", lines=lines, invoiced_amount=Decimal("12.50"), invoice_numbers=invoices, held=held
    )
    statement = order_statement(progress, WORDS)
    assert statement is not None
    return statement


def test_all_invoiced() -> None:
    statement = stated(line(10, 10), line(2, 2), invoices=("SH1", "SH2"))
    assert (statement.status, statement.message) == ("Invoiced", "Invoiced: SH1, SH2.")
    assert statement.invoiced_amount == Decimal("12.50")


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ([line(10, 4)], "1 line is open"),
        ([line(10, 4), line(3, 0), line(1, 1)], "2 lines are open"),
    ],
)
def test_a_partial_order_tells_how_many_lines_are_open(lines: list[LineProgress], words: str) -> None:
    """Case O1."""
    statement = stated(*lines)
    assert (statement.status, statement.message) == ("Partially Invoiced", f"Invoiced so far: SH1; {words}.")


def test_a_short_closed_line_completes_the_order_and_a_backordered_one_does_not() -> None:
    """Cases O2, O5."""
    assert closes_line(LineReason.SHORT_CLOSED)
    assert not closes_line(LineReason.BACKORDERED)
    assert not closes_line(None)
    assert stated(line(10, 4, closed=True)).status == "Invoiced"
    assert stated(line(10, 4, closed=False)).status == "Partially Invoiced"


def test_an_over_shipped_line_is_complete() -> None:
    """Case O4."""
    assert stated(line(10, 12)).status == "Invoiced"


def test_what_is_held_comes_before_everything_else() -> None:
    statement = stated(line(10, 10), held=("Item X is unknown.", "Order SO1 is Draft."))
    assert (statement.status, statement.message) == ("Needs Attention", "Item X is unknown. Order SO1 is Draft.")


def test_before_anything_happened_nothing_is_stated() -> None:
    progress = OrderProgress(order_number="SO1", lines=(), invoiced_amount=Decimal(0), invoice_numbers=())
    assert order_statement(progress, WORDS) is None


def test_an_order_whose_lines_are_not_known_is_never_called_complete() -> None:
    """Case O6: billed by the shipment alone."""
    statement = stated()
    assert (statement.status, statement.message) == ("Partially Invoiced", "Invoiced so far: SH1.")


@pytest.mark.parametrize("length", [254, 255, 256, 4000])
def test_a_message_is_cut_where_the_field_ends_and_shows_it(length: int) -> None:
    message = stated(held=("x" * length,)).message
    assert len(message) == min(length, 255)
    assert message.endswith("…") == (length > 255)


def test_the_words_are_the_orgs_own() -> None:
    progress = OrderProgress(order_number="SO1", lines=(), invoiced_amount=Decimal(0), invoice_numbers=(), held=("x",))
    statement = order_statement(progress, {**WORDS, "needs_attention": "Zu klären"})
    assert statement is not None
    assert statement.status == "Zu klären"
