"""The search: exact numbers first, then beginnings; what somebody types is never a pattern."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine

from store.search import Match, search
from store.session import reading, transaction
from tests import build
from tests.api import filling
from tests.api.served import CAUSE


@pytest.fixture
def filled(engine: Engine) -> Engine:
    with transaction(engine, CAUSE) as session:
        filling.masters(session)
        filling.ordered(session, "SO1", purchase_order="PO-7")
        filling.confirmed(session, build.shipment(), build.shipment(number="SH10", order_number="SO2"))
        filling.billed(session, "SH1", quickbooks_id="145")
    return engine


def find(engine: Engine, words: str) -> list[Match]:
    with reading(engine) as session:
        return search(session, words)


@pytest.mark.parametrize(
    ("words", "kind", "key"),
    [
        ("SH1", "shipment", "SH1"),
        ("SO1", "order", "SO1"),
        ("PO-7", "order", "SO1"),
        ("145", "invoice", "SH1"),
        ("00000042", "customer", "00000042"),
        ("customer 1", "customer", "00000042"),
        ("NUT/3-8", "item", "NUT/3-8"),
    ],
)
def test_anything_is_found_by_what_people_call_it(filled: Engine, words: str, kind: str, key: str) -> None:
    first = find(filled, words)[0]
    assert (first.kind, first.key) == (kind, key)


def test_what_begins_so_comes_after_what_is_so(filled: Engine) -> None:
    found = [(one.kind, one.key, one.exact) for one in find(filled, "SH1")]
    assert found == [("shipment", "SH1", True), ("invoice", "SH1", True), ("shipment", "SH10", False)]


def test_signs_of_patterns_are_only_signs(filled: Engine) -> None:
    assert find(filled, "SH_") == find(filled, "%%") == find(filled, "  ") == find(filled, "S\\") == []


def test_a_file_is_found_by_its_name(filled: Engine) -> None:
    (found,) = find(filled, "SHPCNF.S0004")
    assert (found.kind, found.about, found.exact) == ("file", "SHPCNF.S000417", False)
