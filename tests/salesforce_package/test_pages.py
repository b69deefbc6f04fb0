"""What a rep sees: list views, layouts and compact layouts show fields and words that exist."""

from __future__ import annotations

import pytest

from domain.lifecycle import Lifecycle
from tests.architecture.project import ROOT
from tests.salesforce_package.package import MAIN, Component, fields, namespaced, of_kind, picklist_values
from twins.salesforce.objects import org_schema

TWIN = org_schema()
# Columns of standard fields have names of their own in list views.
STANDARD = {
    "Account": {"ACCOUNT.NAME"},
    "Order": {
        *("ORDERS.ORDER_NUMBER", "ORDERS.STATUS", "ORDERS.EFFECTIVE_DATE", "ORDERS.TOTAL_AMOUNT"),
        "SALES.ACCOUNT.NAME",
    },
    "Product2": {"PRODUCT2.NAME"},
}
OPERATIONS = {"equals", "notEqual", "lessThan", "greaterThan", "lessOrEqual", "greaterOrEqual", "contains"}
# Standard fields that a layout names and the stand-in lacks.
OF_LAYOUTS = {"ContractId", "BillingAddress", "ShippingAddress", "PoDate", "EndDate", "Type"}


def is_column(sobject: str, name: str) -> bool:
    return f"{sobject}.{name}" in fields(MAIN) or name in STANDARD.get(sobject, {"NAME"})


@pytest.mark.parametrize("view", list(of_kind("ListView")), ids=lambda one: one.full_name)
def test_a_list_view_shows_and_asks_for_what_exists(view: Component) -> None:
    columns = view.texts("columns")
    assert [name for name in columns if not is_column(view.parent, name)] == []
    assert len(columns) == len(set(columns)) <= 15
    for condition in view.root.findall(namespaced("filters")):
        name, value = str(condition.findtext(namespaced("field"))), condition.findtext(namespaced("value"))
        assert is_column(view.parent, name)
        assert name in columns, "what a list is made by is shown in it"
        assert condition.findtext(namespaced("operation")) in OPERATIONS
        field = fields(MAIN).get(f"{view.parent}.{name}")
        if value and field is not None and field.text("type") == "Picklist":
            assert set(value.split(",")) <= set(picklist_values(field))


def test_a_rep_finds_the_orders_that_need_somebody() -> None:
    found = {one.name for one in of_kind("ListView") if one.parent == "Order"}
    assert {
        "Threeway_Needs_Attention",
        "Threeway_Waiting_For_ERP",
        "Threeway_Credit_Hold",
        "Threeway_Backordered",
    } <= found


def test_every_state_that_waits_for_a_person_is_in_a_view() -> None:
    """What a rep looks at each morning: nothing that needs somebody stays hidden, and nothing else is in the way."""
    views = {one.name: one for one in of_kind("ListView") if one.parent == "Order"}
    shown = [
        str(views[name].text("filters/value")).split(",")
        for name in ("Threeway_Needs_Attention", "Threeway_Credit_Hold")
    ]
    lifecycle = Lifecycle.parse((ROOT / "config" / "lifecycle.toml").read_text())
    assert {word for words in shown for word in words} == {
        state.shows for state in lifecycle.states.values() if state.person
    }


@pytest.mark.parametrize("compact", list(of_kind("CompactLayout")), ids=lambda one: one.full_name)
def test_a_compact_layout_shows_what_exists(compact: Component) -> None:
    names = compact.texts("fields")
    known = TWIN.get(compact.parent)
    assert [name for name in names if known.field_named(name) is None] == []
    assert 1 <= len(names) <= 10


@pytest.mark.parametrize("layout", list(of_kind("Layout")), ids=lambda one: one.name)
def test_a_layout_shows_what_exists_and_lets_nobody_edit_what_the_gateway_writes(layout: Component) -> None:
    sobject = layout.name.split("-")[0]
    known = TWIN.get(sobject)
    shown = {}
    for item in layout.root.iter(namespaced("layoutItems")):
        name = str(item.findtext(namespaced("field")))
        assert name not in shown
        shown[name] = item.findtext(namespaced("behavior"))
        assert known.field_named(name) is not None or name in OF_LAYOUTS
    custom = {name for name in shown if name.endswith("__c")}
    assert custom == {one.name for one in fields(MAIN).values() if one.parent == sobject}
    assert {shown[name] for name in custom} == {"Readonly"}
    for listed in layout.root.findall(namespaced("relatedLists")):
        related = str(listed.findtext(namespaced("relatedList")))
        child, _, lookup = related.partition(".")
        child = child if lookup else "OrderItem"
        assert not lookup or f"{child}.{lookup}" in fields(MAIN)
        names = [str(one.text) for one in listed.findall(namespaced("fields"))]
        assert [name for name in names if name.endswith("__c") and f"{child}.{name}" not in fields(MAIN)] == []
