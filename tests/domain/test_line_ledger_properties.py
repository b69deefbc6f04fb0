"""Whatever the documents say, in whatever order and however often: nothing is negative, and R1 and R2 hold."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from domain.kits import Kit, KitPart
from domain.line_facts import LineAcknowledged, LineClosed, LineFacts, LineShipped, Stated
from domain.line_ledger import LineLedger, check, derive, quantities
from domain.order_ledger import OrderLedger, Progress, derive_order, shipment_progress
from domain.orders import OrderLine
from domain.shipments import LineReason
from tests.domain.lifecycle_world import at

KIT = Kit(sku="KIT", parts=(KitPart(sku="VALVE", per_kit=Decimal(2)), KitPart(sku="PIPE", per_kit=Decimal("0.5"))))
SKUS = ("KIT", "VALVE", "PIPE", "OTHER")
FACTORS = (Fraction(1), Fraction(12), Fraction(1, 12), Fraction(1, 7))

any_quantity = st.decimals(-5, 60, places=2) | st.sampled_from([Decimal(0), Decimal(10)])
sound_quantity = st.decimals(0, 60, places=2)


def documents(quantity: st.SearchStrategy[Decimal]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {
            "reference": st.sampled_from(["D1", "D2", "D2#2", "D3"]),
            "revision": st.integers(1, 2),
            "sku": st.sampled_from(SKUS),
            "quantity": quantity,
            "factor": st.sampled_from(FACTORS),
        }
    )


@st.composite
def shipped(draw: st.DrawFn, quantity: st.SearchStrategy[Decimal]) -> LineShipped:
    return LineShipped(
        **draw(documents(quantity)),
        shipped_at=at(draw(st.integers(0, 20))),
        ordered=draw(st.none() | quantity),
        reason=draw(st.none() | st.sampled_from(LineReason)),
    )


@st.composite
def lines(draw: st.DrawFn, quantity: st.SearchStrategy[Decimal] = any_quantity, line_no: int = 1) -> LineFacts:
    """Facts about one line that need not fit together."""
    stated = st.lists(documents(quantity).map(lambda one: Stated(**one)), max_size=3).map(tuple)
    line = OrderLine(
        line_no=line_no,
        sku=draw(st.sampled_from(SKUS)),
        quantity=draw(quantity),
        uom="EA",
        unit_price=draw(st.sampled_from([Decimal(0), Decimal("2.5000")])),
    )
    word = LineAcknowledged(allocated=draw(quantity), backordered=draw(quantity), cut_at=at(draw(st.integers(0, 20))))
    closed = st.builds(LineClosed, reference=st.sampled_from("AB"), ordered=st.none() | quantity)
    return LineFacts(
        line=line,
        kit=draw(st.sampled_from([None, KIT])),
        shipped=tuple(draw(st.lists(shipped(quantity), max_size=4))),
        acknowledged=draw(st.sampled_from([None, word])),
        closed=tuple(draw(st.lists(closed, max_size=2))),
        billed=draw(stated),
        waived=draw(stated),
        returned=draw(stated),
        credited=draw(stated),
        ruled=draw(st.booleans()),
    )


def adds_up(ledger: LineLedger) -> None:
    """The invariants, in other words than those of the check."""
    one = ledger
    assert min(quantities(one).values()) >= 0
    assert one.ordered + one.overshipped == one.shipped + one.backordered + one.cancelled + one.open
    assert one.shipped == one.billed - one.credited + one.waived + one.returned + one.unbilled - one.credit_due
    assert one.credited <= one.billed
    assert one.returned + one.waived <= one.shipped
    assert one.allocated <= one.open
    assert not (one.unbilled and one.credit_due)
    assert not (one.overshipped and (one.open or one.backordered or one.cancelled))


@given(known=lines())
@settings(max_examples=150, deadline=None)
def test_any_facts_make_a_ledger_that_adds_up(known: LineFacts) -> None:
    ledger = derive(known)
    adds_up(ledger)
    # What the check still names are facts that cannot all be true, and billing beyond what shipped.
    beyond = not ledger.ruled and ledger.billed - ledger.credited > ledger.shipped
    assert len(check(ledger)) == len(ledger.doubts) + beyond
    assert LineLedger.model_validate_json(ledger.model_dump_json()) == ledger


@given(known=lines(), data=st.data())
@settings(max_examples=80, deadline=None)
def test_order_and_repetition_of_documents_do_not_matter(known: LineFacts, data: st.DataObject) -> None:
    lists = ("shipped", "closed", "billed", "waived", "returned", "credited")
    mixed = {
        name: tuple(data.draw(st.permutations([*getattr(known, name), *getattr(known, name)[:1]]))) for name in lists
    }
    assert derive(known.model_copy(update=mixed)) == derive(known)


@given(data=st.data())
@settings(max_examples=50, deadline=None)
def test_documents_that_come_one_by_one_never_break_the_ledger(data: st.DataObject) -> None:
    whole = data.draw(lines(sound_quantity))
    for cut in range(len(whole.shipped) + 1):
        adds_up(derive(whole.model_copy(update={"shipped": whole.shipped[:cut], "billed": whole.billed[:cut]})))


@given(first=lines(sound_quantity), second=lines(sound_quantity, line_no=2))
@settings(max_examples=80, deadline=None)
def test_an_order_is_whole_only_when_nothing_is_to_come(first: LineFacts, second: LineFacts) -> None:
    order = derive_order([second, first])
    to_come = any(one.open or one.backordered for one in order.lines)
    for progress in (order.shipped, order.invoiced, order.returned):
        assert not (progress is Progress.WHOLE and to_come)
    assert order == derive_order([first, second])
    assert min(order.open_amount, order.unbilled_amount, order.credit_due_amount) >= 0
    assert OrderLedger.model_validate_json(order.model_dump_json()) == order


@given(first=lines(sound_quantity), second=lines(sound_quantity, line_no=2))
@settings(max_examples=50, deadline=None)
def test_the_progress_of_shipments_ends_where_the_order_stands(first: LineFacts, second: LineFacts) -> None:
    progress = shipment_progress([first, second])
    assert progress == shipment_progress([second, first])
    order = derive_order([first, second])
    made = [one for one in progress.values() if one is not Progress.NONE]
    if order.shipped is Progress.WHOLE and made and list(progress.values())[-1] is not Progress.NONE:
        assert made[-1] is Progress.WHOLE
