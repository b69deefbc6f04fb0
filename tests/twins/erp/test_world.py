"""A made world: the same from the same seed, unique where it must be, odd where the legacy is odd."""

from __future__ import annotations

from datetime import date

import pytest

from twins.erp.masters import write_cusmst, write_itmmst
from twins.erp.world import World, make_world, normalised
from twins.erp.world_json import world_from_json, world_to_json


@pytest.fixture(scope="module")
def made() -> World:
    return make_world(7, customers=400, items=600, orders=300)


def test_a_seed_always_gives_the_same_world(made: World) -> None:
    assert make_world(7, customers=400, items=600, orders=300) == made
    assert make_world(8, customers=400, items=600, orders=300) != made
    assert make_world(7, 400, 600, 300, today=date(2026, 12, 1)).orders != made.orders


def test_the_masters_do_not_depend_on_how_many_orders_there_are(made: World) -> None:
    fewer = make_world(7, customers=400, items=600, orders=1)
    assert (fewer.items, fewer.customers) == (made.items, made.customers)


def test_a_world_survives_json(made: World) -> None:
    assert world_from_json(world_to_json(made)) == made


def test_keys_and_names_are_unique(made: World) -> None:
    assert len({item.sku for item in made.items}) == 600
    assert len({customer.erp_no for customer in made.customers}) == 400
    assert len({normalised(customer.name) for customer in made.customers}) == 400
    assert len({order.order_no for order in made.orders}) == 300


def test_names_stay_unique_beyond_the_words_there_are() -> None:
    names = [customer.name for customer in make_world(1, customers=32_000, items=1, orders=0).customers]
    assert len({normalised(name) for name in names}) == 32_000


def test_the_oddities_of_the_legacy_are_there(made: World) -> None:
    assert all(customer.erp_no.startswith("000") for customer in made.customers)
    assert any(item.sku.endswith("/Z") for item in made.items)
    descriptions = " ".join(item.description for item in made.items)
    assert all(mark in descriptions for mark in ('3/4"', "°", "É"))
    names = " ".join(customer.name for customer in made.customers)
    assert all(mark in names for mark in ("&", "'", "ü"))
    assert any(customer.tax_exempt for customer in made.customers)
    assert any(item.units_per_sell_uom > 1 and item.sell_uom in {"BX", "CS"} for item in made.items)
    lines = [line for order in made.orders for line in order.lines]
    assert any(line.uom == "FT" and line.quantity % 1 for line in lines)
    assert any((line.unit_price * 100) % 1 for line in lines)


def test_orders_speak_of_what_there_is(made: World) -> None:
    skus = {item.sku: item for item in made.items}
    customers = {customer.erp_no: customer for customer in made.customers}
    for order in made.orders:
        assert customers[order.customer_erp_no].terms_code == order.terms_code
        assert [line.line for line in order.lines] == list(range(1, len(order.lines) + 1))
        assert len({line.sku for line in order.lines}) == len(order.lines)
        assert all(skus[line.sku].sell_uom == line.uom for line in order.lines)


def test_the_masters_say_what_the_world_says(made: World) -> None:
    header, *customers = write_cusmst(made.customers).decode("cp1252").split("\r\n")[:-1]
    assert header.split("^")[:2] == ["CUSNO", "NAME"]
    for row, customer in zip(customers, made.customers, strict=True):
        fields = row.split("^")
        assert fields[:2] == [customer.erp_no, customer.name]
        assert fields[4] == ("Y" if customer.tax_exempt else "")
        assert 1 <= int(fields[9][2:]) <= 365
    items = write_itmmst(made.items).decode("cp1252").split("\r\n")[:-1]
    for row, item in zip(items, made.items, strict=True):
        sku, description, *_ = row.split("\t")
        assert (sku, description[1:-1].replace('""', '"')) == (item.sku, item.description)


def test_a_world_needs_a_customer_and_an_item() -> None:
    with pytest.raises(ValueError, match="at least one"):
        make_world(1, customers=0)
