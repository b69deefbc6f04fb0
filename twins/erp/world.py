"""A fictional distributor's masters and orders, made from a seed: the same arguments give the same world, always."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from random import Random

from twins.erp import words

DEFAULT_DAY = date(2026, 11, 20)
PRICE_STEP = Decimal("0.0001")
DISCOUNTS = tuple(Decimal(text) for text in ("1", "1", "1", "0.95", "0.9", "0.875"))
COUNTS = (1, 1, 2, 3, 4, 6, 10, 12, 20, 25, 48)
CREDIT_LIMITS = (5000, 10000, 25000, 60000, 150000)


@dataclass(frozen=True, slots=True)
class Item:
    """An item; `list_price` is per `sell_uom`, which holds `units_per_sell_uom` of `base_uom`."""

    sku: str
    description: str
    base_uom: str
    sell_uom: str
    units_per_sell_uom: int
    list_price: Decimal
    taxable: bool
    weight_lb: Decimal


@dataclass(frozen=True, slots=True)
class Address:
    """Where a customer is billed."""

    line1: str
    city: str
    state: str
    zip: str


@dataclass(frozen=True, slots=True)
class Customer:
    """A customer; the leading zeros of `erp_no` belong to it."""

    erp_no: str
    name: str
    terms_code: str
    credit_limit: Decimal
    currency: str
    tax_exempt: bool
    bill_to: Address


@dataclass(frozen=True, slots=True)
class Terms:
    """Terms of payment."""

    code: str
    name: str
    due_days: int


@dataclass(frozen=True, slots=True)
class Warehouse:
    """A place that ships."""

    code: str
    name: str


@dataclass(frozen=True, slots=True)
class OrderLine:
    """One ordered line; `unit_price` is per `uom`, four decimals."""

    line: int
    sku: str
    quantity: Decimal
    uom: str
    unit_price: Decimal


@dataclass(frozen=True, slots=True)
class Order:
    """An order as Salesforce knows it."""

    order_no: str
    customer_erp_no: str
    po_no: str
    ordered_on: date
    warehouse: str
    terms_code: str
    lines: tuple[OrderLine, ...]


@dataclass(frozen=True, slots=True)
class World:
    """Everything the three systems agree on before the first export."""

    items: tuple[Item, ...]
    customers: tuple[Customer, ...]
    terms: tuple[Terms, ...]
    warehouses: tuple[Warehouse, ...]
    orders: tuple[Order, ...]


TERMS = (
    Terms("N30", "Net 30", 30),
    Terms("N15", "Net 15", 15),
    Terms("COD", "Due on receipt", 0),
    Terms("N45", "Net 45", 45),
)
WAREHOUSES = (Warehouse("ATL", "Atlanta DC"), Warehouse("RNO", "Reno DC"), Warehouse("SCR", "Scranton cross-dock"))


def make_world(
    seed: int, customers: int = 25, items: int = 60, orders: int = 22, *, today: date = DEFAULT_DAY
) -> World:
    """The world of a seed. Orders are dated in the four days before `today`; ValueError without items or customers."""
    if customers < 1 or items < 1 or orders < 0:
        raise ValueError("a world needs at least one customer and one item")
    made_items = tuple(_items(Random(f"{seed}|items"), items))
    made_customers = tuple(_customers(Random(f"{seed}|customers"), customers))
    made_orders = tuple(_orders(Random(f"{seed}|orders"), orders, made_items, made_customers, today))
    return World(made_items, made_customers, TERMS, WAREHOUSES, made_orders)


def normalised(name: str) -> str:
    """A name without case, blanks and punctuation: two customers never share it."""
    return re.sub(r"[\W_]", "", name.casefold())


def _items(rng: Random, count: int) -> Iterator[Item]:
    for index in range(count):
        prefix, noun, base, sell, units = words.FAMILIES[index % len(words.FAMILIES)]
        fine = sell in {"FT", "BX"}  # small things are priced to a tenth of a cent
        places = 3 if fine else 2
        yield Item(
            sku=f"{prefix}-{100 + 7 * index:04d}" + ("/Z" if index % 5 == 0 else ""),
            description=f"{noun} {rng.choice(words.SIZES)}",
            base_uom=base,
            sell_uom=sell,
            units_per_sell_uom=units,
            list_price=Decimal(rng.randrange(300, 10_000 if fine else 48_000)).scaleb(-2)
            + Decimal(rng.randrange(10) if fine else 0).scaleb(-places),
            taxable=rng.random() >= 0.25,
            weight_lb=Decimal(rng.randrange(100, 4_000)).scaleb(-2),
        )


def _customers(rng: Random, count: int) -> Iterator[Customer]:
    names = _names(rng)
    for index in range(count):
        city, state = rng.choice(words.CITIES)
        yield Customer(
            erp_no=f"{40_017 + 13 * index:08d}",
            name=next(names),
            terms_code=rng.choice(TERMS).code,
            credit_limit=Decimal(rng.choice(CREDIT_LIMITS)),
            currency="USD",
            tax_exempt=index % 8 == 4,
            bill_to=Address(
                f"{rng.randrange(100, 10_000)} {rng.choice(words.STREETS)} {rng.choice(words.STREET_KINDS)}",
                city,
                state,
                f"{rng.randrange(1_000, 99_951):05d}",
            ),
        )


def _names(rng: Random) -> Iterator[str]:
    """Names without end, unique when normalised; every third one is odd while the odd ones last."""
    taken = {normalised(name) for name in words.ODD_NAMES}
    odd = iter(words.ODD_NAMES)
    common = _common_names(rng)
    position = 0
    while True:
        name = next(odd, "") if position % 3 == 1 else ""
        while not name:
            candidate = next(common)
            if normalised(candidate) not in taken:
                taken.add(normalised(candidate))
                name = candidate
        yield name
        position += 1


def _common_names(rng: Random) -> Iterator[str]:
    combinations = [
        (place, trade, ending) for place in words.PLACES for trade in words.TRADES for ending in words.ENDINGS
    ]
    rng.shuffle(combinations)
    round_no = 1
    while True:
        branch = "" if round_no == 1 else f" No. {round_no}"
        for place, trade, ending in combinations:
            yield f"{place} {trade} {ending}{branch}"
        round_no += 1


def _orders(
    rng: Random, count: int, items: tuple[Item, ...], customers: tuple[Customer, ...], today: date
) -> Iterator[Order]:
    for index in range(count):
        customer = rng.choice(customers)
        chosen = rng.sample(range(len(items)), min(len(items), rng.choice((1, 2, 2, 3, 3, 4, 5))))
        yield Order(
            order_no=f"SO{700_310 + 3 * index}",
            customer_erp_no=customer.erp_no,
            po_no=f"PO-{rng.randrange(1_000, 100_000)}",
            ordered_on=today - timedelta(days=4 - index % 4),
            warehouse=rng.choice(WAREHOUSES).code,
            terms_code=customer.terms_code,
            lines=tuple(_line(rng, number, items[place]) for number, place in enumerate(chosen, 1)),
        )


def _line(rng: Random, number: int, item: Item) -> OrderLine:
    by_length = item.sell_uom == "FT"  # hose and chain are cut to the quarter foot
    quantity = Decimal(rng.randrange(80, 840)) / 4 if by_length else Decimal(rng.choice(COUNTS))
    price = (item.list_price * rng.choice(DISCOUNTS)).quantize(PRICE_STEP, rounding=ROUND_HALF_UP)
    return OrderLine(number, item.sku, quantity, item.sell_uom, price)
