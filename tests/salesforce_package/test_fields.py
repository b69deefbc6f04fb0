"""The package has the fields that the adapter names, of a type that fits, and so has the stand-in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.salesforce.connection import SalesforceNames, relationship
from adapters.salesforce.schema import needs
from domain.company import Company
from domain.freshness import Confidence
from domain.invoices import InvoiceStatus
from domain.lifecycle import Lifecycle
from store.publication import _invoice_statement
from store.tables.invoices import InvoiceRow
from tests.architecture.project import ROOT
from tests.salesforce_package.package import MAIN, Component, fields, of_kind, picklist_values
from twins.salesforce.objects import org_schema
from twins.salesforce.schema import Field

NAMES = SalesforceNames()
TWIN = org_schema()
LIFECYCLES = [ROOT / "config" / "lifecycle.toml", *sorted((ROOT / "config" / "examples").glob("lifecycle*.toml"))]
KINDS_OF_TWIN = {
    "Checkbox": "boolean",
    "Currency": "currency",
    "Date": "date",
    "DateTime": "datetime",
    "LongTextArea": "textarea",
    "Lookup": "reference",
    "Number": "double",
    "Picklist": "picklist",
    "Text": "string",
}
# What the adapter says in each field, by the name that `SalesforceNames` has for it.
FITTING = {
    "account": {"erp_id": "Text", "open_balance": "Currency", "credit_hold": "Checkbox", "gateway_message": "Text"},
    "product": {"sku": "Text", "available": "Number", "gateway_message": "Text"},
    "order": {
        "number": "Text",
        "gateway_status": "Picklist",
        "gateway_message": "Text",
        "invoiced_amount": "Currency",
        "open_amount": "Currency",
    },
    "order_item": {
        "line_no": "Number",
        "shipped": "Number",
        "backordered": "Number",
        "invoiced": "Number",
        "uom": "Text",
    },
    "order_event": {
        "key": "Text",
        "order": "Lookup",
        "type": "Text",
        "occurred_at": "DateTime",
        "source": "Text",
        "note": "LongTextArea",
    },
    "invoice": {
        "key": "Text",
        "order": "Lookup",
        "doc_number": "Text",
        "status": "Picklist",
        "total": "Currency",
        "balance": "Currency",
        "invoiced_on": "Date",
        "quickbooks_id": "Text",
    },
    "inventory": {
        "key": "Text",
        "product": "Lookup",
        "warehouse": "Text",
        "on_hand": "Number",
        "allocated": "Number",
        "available": "Number",
        "as_of": "DateTime",
        "source_seq": "Number",
        "confidence": "Picklist",
        "basis": "LongTextArea",
    },
}


def named() -> Iterator[tuple[str, str, str]]:
    """Every custom field that the adapter names: the object's and the field's name of its own, and the API name."""
    for group, _ in NAMES:
        for name, value in getattr(NAMES, group):
            if isinstance(value, str) and value.endswith("__c") and name != "sobject":
                yield group, name, f"{getattr(NAMES, group).sobject}.{value}"


def test_the_package_has_every_field_that_the_adapter_names_and_no_other() -> None:
    assert {full for _, _, full in named()} == {*fields(MAIN)}


def test_every_field_that_is_checked_is_there_or_standard() -> None:
    for need in needs(NAMES):
        for name in (need.external_id, *need.read, *need.written):
            if name and name.endswith("__c"):
                assert f"{need.sobject}.{name}" in fields(MAIN)
            elif name:
                assert TWIN.get(need.sobject).field_named(name) is not None, f"{need.sobject} has no {name}"


def test_the_objects_of_the_adapter_are_there_or_standard() -> None:
    custom = {one.name for one in of_kind("CustomObject")}
    assert {getattr(NAMES, group).sobject for group, _ in NAMES} - custom == {
        "Account",
        "Product2",
        "Order",
        "OrderItem",
    }


@pytest.mark.parametrize(("group", "name", "full"), list(named()), ids=str)
def test_a_field_takes_what_the_adapter_says(group: str, name: str, full: str) -> None:
    assert fields(MAIN)[full].text("type") == FITTING[group][name]


@pytest.mark.parametrize("need", [one for one in needs(NAMES) if one.external_id], ids=lambda one: one.sobject)
def test_keys_are_external_ids_and_unique(need: object) -> None:
    field = fields(MAIN)[f"{need.sobject}.{need.external_id}"]  # type: ignore[attr-defined]
    assert (field.text("externalId"), field.text("unique")) == ("true", "true")


def test_only_keys_are_external_ids() -> None:
    keys = {f"{need.sobject}.{need.external_id}" for need in needs(NAMES) if need.external_id}
    assert {name for name, one in fields(MAIN).items() if one.text("externalId") == "true"} == keys


@pytest.mark.parametrize(
    ("full", "longest"),
    [
        ("Order.Gateway_Message__c", NAMES.order.gateway_message_length),
        ("Account.Gateway_Message__c", NAMES.account.gateway_message_length),
        ("Product2.Gateway_Message__c", NAMES.product.gateway_message_length),
        ("Order_Event__c.Note__c", NAMES.order_event.note_length),
        ("Inventory_Level__c.Basis__c", NAMES.inventory.basis_length),
    ],
)
def test_texts_fit(full: str, longest: int) -> None:
    assert int(fields(MAIN)[full].text("length") or 0) >= longest


def test_lookups_lead_where_the_adapter_follows_them() -> None:
    found = {name: one.text("referenceTo") for name, one in fields(MAIN).items() if one.text("type") == "Lookup"}
    assert found == {
        "Order_Event__c.Order__c": NAMES.order.sobject,
        "Invoice__c.Order__c": NAMES.order.sobject,
        "Inventory_Level__c.Product__c": NAMES.product.sobject,
    }
    assert relationship(NAMES.invoice.order) == "Order__r"


@pytest.mark.parametrize("path", LIFECYCLES, ids=lambda path: path.stem)
def test_the_status_has_every_word_that_a_shipped_lifecycle_shows(path: Path) -> None:
    said = {state.shows for state in Lifecycle.parse(path.read_text()).states.values() if state.shows}
    assert said - {*picklist_values(fields(MAIN)["Order.Gateway_Status__c"])} == set()


def test_the_status_has_every_word_of_the_company_and_one_for_what_is_not_known() -> None:
    company = Company.parse((ROOT / "config" / "company.toml").read_text())
    said = {*company.status_words.model_dump().values(), "Unknown"}
    assert said - {*picklist_values(fields(MAIN)["Order.Gateway_Status__c"])} == set()


def test_a_word_of_the_status_stands_once_and_reads_as_it_is_written() -> None:
    (found,) = of_kind("GlobalValueSet")
    words = found.texts("customValue/fullName")
    assert len({word.lower() for word in words}) == len(words)
    assert found.texts("customValue/label") == words
    assert {*found.texts("customValue/default")} == {"false"}


def test_an_event_has_room_for_every_label_of_the_shipped_lifecycles() -> None:
    longest = int(fields(MAIN)["Order_Event__c.Type__c"].text("length") or 0)
    for path in LIFECYCLES:
        labels = [event.label for event in Lifecycle.parse(path.read_text()).events.values()]
        assert max(map(len, labels)) <= longest


@pytest.mark.parametrize("status", InvoiceStatus)
def test_an_invoice_has_every_status_that_is_said(status: InvoiceStatus) -> None:
    row = InvoiceRow(
        **dict.fromkeys(("shipment_number", "order_number", "doc_number", "quickbooks_id"), "1"),
        **dict.fromkeys(("generation", "total", "balance"), 1),
        invoiced_on="2026-11-26",
        status=status.value,
    )
    assert _invoice_statement(row).status in picklist_values(fields(MAIN)["Invoice__c.Status__c"])


def test_the_confidences_are_those_of_the_domain() -> None:
    assert picklist_values(fields(MAIN)["Inventory_Level__c.Confidence__c"]) == tuple(Confidence)


def test_the_stand_in_has_the_fields_of_the_package_and_no_other() -> None:
    objects = {getattr(NAMES, group).sobject for group, _ in NAMES}
    of_twin = {f"{name}.{one.name}" for name in objects for one in TWIN.get(name).fields if one.custom}
    assert of_twin == {*fields(MAIN)}


@pytest.mark.parametrize("field", list(fields(MAIN).values()), ids=lambda one: one.full_name)
def test_the_stand_in_agrees_with_the_package(field: Component) -> None:
    twin = TWIN.get(field.parent).field_named(field.name)
    assert twin is not None
    kind = str(field.text("type"))
    assert twin.type == KINDS_OF_TWIN[kind]
    assert _shape(twin, kind) == _shape_of_package(field, kind)
    flags = [field.text(name) == "true" for name in ("externalId", "unique", "caseSensitive", "required")]
    assert [twin.external_id, twin.unique, twin.case_sensitive, twin.required] == flags
    assert (twin.createable, twin.updateable, twin.permissionable) == (True, True, True)


def _shape(twin: Field, kind: str) -> object:
    if kind in {"Text", "LongTextArea"}:
        return twin.length
    if kind in {"Number", "Currency"}:
        return twin.precision, twin.scale
    if kind == "Picklist":
        return twin.values, twin.restricted
    return (twin.to, twin.child_relationship) if kind == "Lookup" else None


def _shape_of_package(field: Component, kind: str) -> object:
    if kind in {"Text", "LongTextArea"}:
        return int(field.text("length") or 0)
    if kind in {"Number", "Currency"}:
        return int(field.text("precision") or 0), int(field.text("scale") or 0)
    if kind == "Picklist":
        return picklist_values(field), field.text("valueSet/restricted") == "true"
    return ((field.text("referenceTo"),), f"{field.text('relationshipName')}__r") if kind == "Lookup" else None
