"""Deterministic identities: invoice numbers, request ids, markers and the content of a shipment (E11, F8)."""

from __future__ import annotations

import re
from datetime import timedelta, timezone
from decimal import Decimal

from hypothesis import assume, example, given
from hypothesis import strategies as st

from domain.invoices import DOC_NUMBER_LIMIT, REQUEST_ID_LIMIT, doc_number_for, marker_for, request_id_for
from domain.shipments import Shipment, content_hash
from tests import build

numbers = st.text(min_size=1, max_size=40)
generations = st.integers(1, 99)
keys = st.tuples(numbers, generations)


@given(keys)
def test_a_document_number_fits_and_is_always_the_same(key: tuple[str, int]) -> None:
    """Case E11."""
    assert 0 < len(doc_number_for(*key)) <= DOC_NUMBER_LIMIT
    assert doc_number_for(*key) == doc_number_for(*key)


@given(keys)
def test_a_request_id_fits_and_is_always_the_same(key: tuple[str, int]) -> None:
    request_id = request_id_for("realm", *key)
    assert len(request_id) <= REQUEST_ID_LIMIT
    assert re.fullmatch(r"tw-[0-9a-f]{32}", request_id)
    assert request_id == request_id_for("realm", *key)


@given(keys, keys)
@example(("SH1", 12), ("SH11", 2))
def test_two_intents_never_share_a_request_id_or_a_marker(left: tuple[str, int], right: tuple[str, int]) -> None:
    assume(left != right)
    assert request_id_for("realm", *left) != request_id_for("realm", *right)
    assert marker_for(*left) != marker_for(*right)


def test_companies_do_not_share_request_ids() -> None:
    assert request_id_for("1", "SH1", 1) != request_id_for("2", "SH1", 1)


@given(keys, keys)
def test_two_intents_share_a_document_number_only_where_one_is_named_like_a_later_generation(
    left: tuple[str, int], right: tuple[str, int]
) -> None:
    """Case E11: shipment `SH1-2` meets generation 2 of `SH1`; that collision is foreign content and asks a person."""
    assume(left != right)
    if not any(re.search(r"-\d+$", number) for number, _ in (left, right)):
        assert doc_number_for(*left) != doc_number_for(*right)


def test_long_numbers_that_begin_alike_stay_apart() -> None:
    """Case E11: the digest is over the whole number."""
    stem = "TRANSFER-2026-11-20-DOCK"
    made = {doc_number_for(f"{stem}{n}", generation) for n in range(50) for generation in (1, 2)}
    assert len(made) == 100


def test_a_short_number_is_the_shipments_own() -> None:
    assert doc_number_for("SH5504177", 1) == "SH5504177"
    assert doc_number_for("SH5504177", 3) == "SH5504177-3"
    assert doc_number_for("X" * 21, 1) == "X" * 21


def test_the_same_content_has_the_same_hash_however_it_is_written() -> None:
    """Case F8: idle zeros and another zone say nothing new."""
    first = build.shipment(build.line(quantity_shipped=Decimal("4.50")), freight=Decimal("12.50"))
    there = build.SHIPPED_AT.astimezone(timezone(timedelta(hours=-5)))
    again = build.shipment(
        build.line(quantity_shipped=Decimal("4.5"), quantity_ordered=Decimal("4.500"), unit_price=Decimal("2.5")),
        freight=Decimal("12.5"),
        shipped_at=there,
    )
    assert content_hash(first) == content_hash(again)
    assert content_hash(Shipment.model_validate_json(first.model_dump_json())) == content_hash(first)


def test_other_content_has_another_hash() -> None:
    """Case F8: each stated thing counts."""
    variants = [
        build.shipment(),
        build.shipment(number="SH2"),
        build.shipment(freight=Decimal("0.01")),
        build.shipment(tracking="1Z"),
        build.shipment(shipped_at=build.SHIPPED_AT + timedelta(seconds=1)),
        build.shipment(build.line(lot="L1")),
        build.shipment(build.line(quantity_shipped=Decimal(9))),
        build.shipment(build.line(1), build.line(2)),
        build.shipment(build.line(2), build.line(1)),
    ]
    assert len({content_hash(one) for one in variants}) == len(variants)


def test_the_sign_of_nothing_says_nothing() -> None:
    """Case F8: an overpunched zero may come as minus zero."""
    assert content_hash(build.shipment(freight=Decimal("-0.00"))) == content_hash(build.shipment(freight=Decimal(0)))
