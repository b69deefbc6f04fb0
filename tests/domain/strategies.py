"""Random billing inputs for property tests: mostly sound, with everything that can be wrong mixed in."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

from hypothesis import strategies as st

from domain.billing import BillingInput, KnownLinks
from domain.customers import Customer
from domain.matching import MatchInput
from domain.orders import Order, OrderLine
from domain.rulings import PriceRuling, QuantityRuling, Rulings
from domain.shipments import LineReason, Shipment, ShipmentLine
from tests import build

SKUS = ["BOLT", "NUT", "PIPE/Z"]
UNITS = ["EA", "BX"]
CATALOGUE = {
    "BOLT": build.item("BOLT", units_per_sell_uom=Fraction(100), taxable=False),
    "NUT": build.item("NUT", units_per_sell_uom=Fraction(1, 3)),
    "PIPE/Z": build.item("PIPE/Z", units_per_sell_uom=Fraction(1)),
}

COMPLETE = KnownLinks(
    customers={"00000042": "1", "00000077": "2"},
    items={sku: sku for sku in [*SKUS, "FREIGHT"]},
    terms={"COD": "1", "N30": "2"},
)

prices = st.sampled_from([Decimal("2.5000"), Decimal("0.335"), Decimal(0), Decimal("47.7119"), Decimal("250.00")])
sound_quantities = st.integers(0, 40_000).map(lambda hundredths: Decimal(hundredths).scaleb(-2))
any_quantities = sound_quantities | st.just(Decimal(-1))
any_skus = st.sampled_from([*SKUS, "ZZZ"])
any_units = st.sampled_from(["EA", "BX", "PL"])
policies = st.fixed_dictionaries(
    {
        "price_tolerance_percent": st.sampled_from([Decimal(0), Decimal("2.5")]),
        "overship_tolerance_percent": st.sampled_from([Decimal(0), Decimal(5)]),
        "invoice_date": st.sampled_from(["ship_date", "booking_date"]),
    }
)
any_rulings = st.builds(
    Rulings,
    items=st.dictionaries(any_skus, any_skus, max_size=2),
    customer_number=st.none() | st.just("00000077"),
    price=st.none() | st.sampled_from(PriceRuling),
    quantity=st.none() | st.sampled_from(QuantityRuling),
    without_order=st.booleans(),
    do_not_bill=st.sampled_from([False] * 9 + [True]),
)


def customers(terms: list[str | None]) -> st.SearchStrategy[Customer]:
    """The shipment's customer, on one of these terms."""
    return st.builds(
        build.customer,
        terms_code=st.sampled_from(terms),
        credit_limit=st.none() | st.just(Decimal("5000.00")),
        tax_exempt=st.booleans(),
        changed_on=st.none() | st.just(date(2026, 1, 1)),
    )


@st.composite
def shipments(draw: st.DrawFn, *, sound: bool) -> Shipment:
    """A shipment of up to four lines; a sound one has nothing in it that must be held."""
    lines = [
        ShipmentLine(
            line_no=line_no,
            sku=draw(st.sampled_from(SKUS) if sound else any_skus),
            quantity_ordered=Decimal(400),
            quantity_shipped=draw(sound_quantities if sound else any_quantities),
            uom=draw(st.sampled_from(UNITS) if sound else any_units),
            unit_price=draw(prices),
            lot=draw(st.none() | st.just("L1")),
            reason=draw(st.none() | st.sampled_from(LineReason)),
        )
        for line_no in range(1, draw(st.integers(0, 4)) + 1)
    ]
    freights = [Decimal(0), Decimal("18.95")] if sound else [Decimal(0), Decimal("-1.00")]
    return build.shipment(
        *lines,
        lines=tuple(lines),
        number=draw(st.text(min_size=1, max_size=30)),
        shipped_at=build.SHIPPED_AT + timedelta(minutes=draw(st.integers(0, 500_000))),
        freight=draw(st.sampled_from(freights)),
    )


@st.composite
def troubled_orders(draw: st.DrawFn, shipment: Shipment) -> Order:
    """An order whose lines are missing or other than shipped."""
    lines = [
        OrderLine(
            line_no=one.line_no,
            sku=draw(any_skus),
            quantity=draw(any_quantities),
            uom=draw(any_units),
            unit_price=draw(prices),
        )
        for one in shipment.lines
        if draw(st.booleans())
    ]
    return build.order(lines=tuple(lines), active=draw(st.booleans()), deleted=draw(st.booleans()))


@st.composite
def cases(draw: st.DrawFn, *, sound: bool) -> MatchInput:
    """What a match looks at."""
    shipment = draw(shipments(sound=sound))
    ordered = build.order_for(shipment)
    return MatchInput(
        shipment=shipment,
        order=ordered if sound else draw(st.sampled_from([ordered, None]) | troubled_orders(shipment)),
        customer=draw(customers([None, "COD", "N30"]) if sound else st.none() | customers(["N30", "N99"])),
        items=CATALOGUE if sound else {"BOLT": CATALOGUE["BOLT"]},
        shipped_before={} if sound else draw(st.dictionaries(st.integers(1, 4), any_quantities, max_size=2)),
        rulings=draw(st.just(Rulings()) | any_rulings),
    )


@st.composite
def billing_inputs(draw: st.DrawFn) -> BillingInput:
    """The inputs of one billing decision: two of three are sound but for what people ruled."""
    sound = draw(st.sampled_from([True, True, False]))
    return BillingInput(
        case=draw(cases(sound=sound)),
        links=COMPLETE if sound else draw(st.sampled_from([COMPLETE, KnownLinks()])),
        company=build.company(**draw(policies)),
        realm=build.REALM,
        generation=draw(st.integers(1, 3)),
        decided_on=build.DECIDED_ON,
    )
