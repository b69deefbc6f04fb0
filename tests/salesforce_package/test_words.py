"""The picklists of the package hold every word that the gateway can say, and views ask for words that there are."""

from __future__ import annotations

import tomllib
from itertools import chain

import pytest

from domain.company import Company
from domain.freshness import Confidence
from domain.invoices import InvoiceStatus
from domain.lifecycle import Lifecycle
from tests.architecture.project import ROOT
from tests.salesforce_package.metadata import Component, fields, of_kind, text
from twins.salesforce.objects import CONFIDENCES, GATEWAY_STATUSES, INVOICE_STATUSES

CONFIG = ROOT / "config"
LIFECYCLES = [CONFIG / "lifecycle.toml", *sorted((CONFIG / "examples").glob("lifecycle-*.toml"))]
VALUE_SET = of_kind("GlobalValueSet")["Gateway_Status"]
WORDS = VALUE_SET.texts("customValue", "fullName")
FIELDS = fields()


def _words_of(path: object) -> set[str]:
    lifecycle = Lifecycle.parse(path.read_text())  # type: ignore[attr-defined]
    return {state.shows for state in lifecycle.states.values() if state.shows}


def _values(field: str) -> list[str]:
    return FIELDS[field].texts("valueSet", "valueSetDefinition", "value", "fullName")


def test_the_second_lifecycle_is_among_those_that_are_looked_at() -> None:
    assert len(LIFECYCLES) >= 2


def test_the_value_set_holds_every_word_and_no_other() -> None:
    company = Company.model_validate(tomllib.loads((CONFIG / "company.toml").read_text()))
    said = set(chain.from_iterable(_words_of(path) for path in LIFECYCLES))
    said |= set(company.status_words.model_dump().values())
    assert set(WORDS) == said | {"Unknown"}


def test_a_word_stands_once_with_a_label_that_is_the_same_and_none_is_the_default() -> None:
    assert len(WORDS) == len({word.lower() for word in WORDS})
    assert VALUE_SET.texts("customValue", "label") == WORDS
    assert set(VALUE_SET.texts("customValue", "default")) == {"false"}
    assert all(len(word) <= 255 for word in WORDS)


def test_the_status_of_orders_takes_these_words_only() -> None:
    field = FIELDS["Order.Gateway_Status__c"]
    assert field.text("valueSet", "valueSetName") == VALUE_SET.name
    restricted = {one.text("valueSet", "restricted") for one in FIELDS.values() if one.text("type") == "Picklist"}
    assert restricted == {"true"}


def test_the_stand_in_knows_no_word_that_the_package_has_not() -> None:
    assert set(GATEWAY_STATUSES) <= set(WORDS)


def test_invoices_and_stock_have_the_words_of_the_gateway() -> None:
    assert set(_values("Invoice__c.Status__c")) == {status.shown for status in InvoiceStatus} == set(INVOICE_STATUSES)
    assert set(_values("Inventory_Level__c.Confidence__c")) == set(Confidence) == set(CONFIDENCES)


@pytest.mark.parametrize("view", of_kind("ListView").values(), ids=lambda view: view.name)
def test_a_view_asks_for_words_that_there_are(view: Component) -> None:
    choices = {f"{view.sobject}.{name}" for name in ("Gateway_Status__c", "Status__c", "Confidence__c")} & set(FIELDS)
    for one in view.all("filters"):
        field = f"{view.sobject}.{text(one, 'field')}"
        if field in choices:
            known = WORDS if field == "Order.Gateway_Status__c" else _values(field)
            assert set((text(one, "value") or "").split(",")) <= set(known)


def test_a_rep_finds_what_waits_for_somebody() -> None:
    """Every word of a state that needs a person is in one of the two views that are looked at each morning."""
    views = of_kind("ListView")
    shown = set()
    for name in ("Order.Threeway_Needs_Attention", "Order.Threeway_Credit_Hold"):
        shown |= set((views[name].text("filters", "value") or "").split(","))
    states = Lifecycle.parse(LIFECYCLES[0].read_text()).states.values()
    assert {state.shows for state in states if state.person} == shown
    waiting = set((views["Order.Threeway_Waiting_For_ERP"].text("filters", "value") or "").split(","))
    assert waiting == {"Submitted", "Cancel Requested"}
