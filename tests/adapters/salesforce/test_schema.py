"""The check says plainly what an org lacks."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.salesforce.connection import InvoiceNames, SalesforceNames
from adapters.salesforce.gateway import SalesforceGateway
from adapters.salesforce.schema import Need, needs
from domain import errors
from domain.lifecycle_check import FieldSeen, missing
from tests.adapters.salesforce.harness import MemoryVault, Twin, connection_to
from tests.adapters.salesforce.scripted import Answer, Scripted, Seen
from tests.domain.lifecycle_world import project_sales, wholesale


def describe(need: Need) -> dict[str, Any]:
    names = [*need.read, *need.written, *([need.external_id] if need.external_id else [])]
    key = need.external_id
    return {
        "fields": [
            {"name": name, "updateable": True, "externalId": name == key, "unique": name == key} for name in names
        ]
    }


def test_what_is_missing_is_listed(script: Scripted, vault: MemoryVault) -> None:
    answers = {
        f"/services/data/v67.0/sobjects/{need.sobject}/describe": describe(need) for need in needs(SalesforceNames())
    }
    order = answers["/services/data/v67.0/sobjects/Order/describe"]["fields"]
    answers["/services/data/v67.0/sobjects/Order/describe"]["fields"] = [
        {**field, "updateable": field["name"] != "Invoiced_Amount__c", "unique": False}
        for field in order
        if field["name"] != "Gateway_Status__c"
    ]
    del answers["/services/data/v67.0/sobjects/Inventory_Level__c/describe"]

    def decide(seen: Seen) -> Answer:
        if seen.path in answers:
            return Answer(200, answers[seen.path])
        return Answer(404, [{"errorCode": "NOT_FOUND", "message": "The requested resource does not exist"}])

    script.decide = decide
    with pytest.raises(errors.Misconfigured) as raised:
        SalesforceGateway(connection_to(script.url), SalesforceNames(), vault).check()
    for phrase in (
        "object Inventory_Level__c is missing",
        "field Order.Gateway_Status__c is missing or not visible",
        "field Order.Invoiced_Amount__c cannot be written",
        "field Order.ERP_Order_Id__c must be an external id and unique",
    ):
        assert phrase in raised.value.detail
    assert "Account" not in raised.value.detail


@pytest.mark.parametrize(
    ("sobject", "field", "flag", "phrase"),
    [
        ("OrderItem", "Qty_Shipped__c", "updateable", "field OrderItem.Qty_Shipped__c cannot be written"),
        ("OrderItem", "Qty_Backordered__c", "updateable", "field OrderItem.Qty_Backordered__c cannot be written"),
        ("OrderItem", "Qty_Invoiced__c", "updateable", "field OrderItem.Qty_Invoiced__c cannot be written"),
        ("Order", "Open_Amount__c", "updateable", "field Order.Open_Amount__c cannot be written"),
        ("Account", "Open_Balance__c", "updateable", "field Account.Open_Balance__c cannot be written"),
        ("Account", "Credit_Hold__c", "updateable", "field Account.Credit_Hold__c cannot be written"),
        ("Order_Event__c", "Event_Key__c", "createable", "Order_Event__c.Event_Key__c cannot be given to a new record"),
        ("Invoice__c", "Total__c", "createable", "field Invoice__c.Total__c cannot be given to a new record"),
    ],
)
def test_each_field_that_is_stated_must_be_writable(
    script: Scripted, vault: MemoryVault, sobject: str, field: str, flag: str, phrase: str
) -> None:
    answers = {need.sobject: describe(need) for need in needs(SalesforceNames())}
    next(one for one in answers[sobject]["fields"] if one["name"] == field)[flag] = False
    script.decide = lambda seen: Answer(200, answers[seen.path.split("/")[-2]])
    with pytest.raises(errors.Misconfigured) as raised:
        SalesforceGateway(connection_to(script.url), SalesforceNames(), vault).check()
    assert phrase in raised.value.detail
    assert raised.value.detail.count("cannot be") == 1


def test_an_outage_is_not_taken_for_a_missing_object(script: Scripted, vault: MemoryVault) -> None:
    script.answers(Answer(503, "<html>maintenance</html>"))
    with pytest.raises(errors.Unavailable):
        SalesforceGateway(connection_to(script.url), SalesforceNames(), vault).check()


def test_names_of_another_org_are_used(twin: Twin, vault: MemoryVault) -> None:
    names = SalesforceNames(invoice=InvoiceNames(sobject="Rechnung__c"))
    with pytest.raises(errors.Misconfigured, match="object Rechnung__c is missing"):
        SalesforceGateway(connection_to(twin.url), names, vault).check()


def test_the_words_of_the_org_are_those_that_the_shipped_lifecycle_needs(twin: Twin, vault: MemoryVault) -> None:
    seen = SalesforceGateway(connection_to(twin.url), SalesforceNames(), vault).org_seen()
    assert seen.gateway_status is not None
    assert seen.gateway_status.restricted
    assert seen.order_status is not None
    assert seen.order_status.values == {"Draft", "Activated"}
    assert missing(wholesale(), seen) == ()
    lacks = missing(project_sales(), seen)
    assert lacks
    assert {phrase.partition(" has no value ")[0] for phrase in lacks} == {"Order.Status"}  # its words are all there


def test_what_the_user_does_not_see_is_missing(script: Scripted, vault: MemoryVault) -> None:
    def decide(seen: Seen) -> Answer:
        if seen.path.endswith("/Order/describe"):
            closed = {"value": "Closed", "active": False}
            field = {"name": "Gateway_Status__c", "type": "picklist", "updateable": False, "restrictedPicklist": True}
            return Answer(200, {"fields": [{**field, "picklistValues": [{"value": "Paid", "active": True}, closed]}]})
        return Answer(404, [{"errorCode": "NOT_FOUND", "message": "The requested resource does not exist"}])

    script.decide = decide
    seen = SalesforceGateway(connection_to(script.url), SalesforceNames(), vault).org_seen()
    assert (seen.order_status, seen.event_type) == (None, None)
    assert seen.gateway_status == FieldSeen(
        name="Gateway_Status__c", writable=False, values=frozenset({"Paid"}), restricted=True
    )
    said = missing(wholesale(), seen)
    assert "Order.Gateway_Status__c cannot be written: give the integration user edit access to it." in said
    assert "Order_Event__c.Type__c is missing or not visible" in " ".join(said)


def test_the_check_names_the_words_that_a_lifecycle_needs(twin: Twin, vault: MemoryVault) -> None:
    gateway = SalesforceGateway(connection_to(twin.url), SalesforceNames(), vault)
    assert "have every field" in gateway.check(wholesale(), ["Needs Attention"])
    with pytest.raises(errors.Misconfigured) as raised:
        gateway.check(wholesale(), ["On Fire"])
    assert raised.value.detail == (
        'Salesforce lacks what the gateway needs: Order.Gateway_Status__c has no value "On Fire": add it to the'
        " picklist and its record types, or use another word."
    )
    with pytest.raises(errors.Misconfigured, match=r'Order\.Status has no value "In Approval"'):
        gateway.check(project_sales())
