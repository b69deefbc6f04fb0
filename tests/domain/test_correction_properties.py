"""Whatever is corrected and whatever comes back: billed less credited is shipped less returned, line by line."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from domain.corrections import CorrectionKind
from domain.invoices import InvoiceStatus
from domain.money import CENT
from domain.returned import Condition, ReturnedGoods
from domain.shipments import Shipment
from tests.build import items, line, order_for, rulings, shipment
from tests.domain.correction_world import Billed, came_back

LINES = (1, 2, 3)
PRICES = [Decimal(text) for text in ("2.50", "1.115", "0.3333", "0")]
MASTER = items(*(f"SKU{number}" for number in LINES))
quantities = st.integers(0, 12).map(Decimal)


@st.composite
def statements(draw: st.DrawFn) -> Shipment:
    """What the ERP says of the shipment: quantities, sometimes prices, sometimes a line less."""
    shown = draw(st.lists(st.sampled_from(LINES), min_size=1, unique=True))
    return shipment(
        *(
            line(
                number,
                sku=f"SKU{number}",
                quantity_shipped=draw(quantities),
                quantity_ordered=Decimal(12),
                unit_price=draw(st.sampled_from(PRICES)),
            )
            for number in sorted(shown)
        ),
        freight=draw(st.sampled_from([Decimal(0), Decimal("4.00"), Decimal("7.25")])),
    )


returns = st.builds(
    lambda number, quantity, rma, condition: came_back(
        str(quantity), number, sku=f"SKU{number}", rma=f"R{rma}", condition=condition
    ),
    st.sampled_from(LINES),
    st.integers(1, 5),
    st.integers(1, 9),
    st.sampled_from(Condition),
)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("state"), statements()),
        st.tuples(st.just("return"), returns),
        st.tuples(st.just("pay"), st.none()),
        st.tuples(st.just("remember"), st.none()),
    ),
    max_size=8,
)


def whole(given_: Shipment) -> Shipment:
    """The first statement ships something: otherwise there is no invoice to correct."""
    first = given_.lines[0].model_copy(update={"quantity_shipped": Decimal(6), "unit_price": Decimal("2.50")})
    return given_.model_copy(update={"lines": (first, *given_.lines[1:])})


def take(world: Billed, one: ReturnedGoods) -> None:
    """A return's line stated again replaces itself."""
    same = (one.rma, one.line_no, one.condition)
    world.returns[:] = [other for other in world.returns if (other.rma, other.line_no, other.condition) != same]
    world.returns.append(one)


@settings(max_examples=250, deadline=None)
@given(
    first=statements().map(whole),
    later=steps,
    made=st.lists(st.booleans(), min_size=40, max_size=40),
    damaged=st.booleans(),
    fee=st.sampled_from([0, 15]),
)
def test_billed_less_credited_is_shipped_less_returned(
    first: Shipment, later: list[tuple[str, object]], made: list[bool], damaged: bool, fee: int
) -> None:
    """F9, O11, O12, R2: never negative, nothing twice, and after each round of documents nothing is left to do."""
    rows = [line(number, sku=f"SKU{number}", quantity_shipped=Decimal(12)) for number in LINES]
    world = Billed(
        first,
        policy={"credit_damaged": damaged, "restocking_fee_percent": fee},
        case={"order": order_for(shipment(*rows)), "rulings": rulings(without_order=True), "items": MASTER},
    )
    choices = iter(made)
    for kind, what in later:
        if kind == "state":
            world.newest = what  # type: ignore[assignment]
        elif kind == "return":
            take(world, what)  # type: ignore[arg-type]
        elif kind == "pay" and world.invoices[0].live:
            world.alter(1, applied=True, balance=Decimal(0), status=InvoiceStatus.PAID)
        elif kind == "remember":
            world.settle()
        bring_in_line(world, settled=next(choices))
    check(world)


def bring_in_line(world: Billed, *, settled: bool) -> None:
    """Make what is proposed, one document at a time, as the product does, until nothing is left."""
    for _ in range(8):
        decision = world.decision()
        assert decision.findings == ()
        if not decision.proposals:
            world.settle()
            check(world)
            return
        (first, *_) = decision.proposals
        if first.kind is CorrectionKind.CREDIT_MEMO:
            assert first.total > 0
        world.make([first], settled=settled and first.kind is not CorrectionKind.VOID)
    raise AssertionError("the documents never come to an end")


def check(world: Billed) -> None:
    kept, net = world.kept(), world.net()
    for number in LINES:
        assert net.get(number, Decimal(0)) == kept.get(number, Decimal(0)), f"line {number}: {net} is not {kept}"
    assert all(quantity >= 0 for quantity in net.values())
    assert all(line.amount % CENT == 0 for one in world.credits for line in one.lines)
