"""What an org lacks for a lifecycle is said word by word, each with its remedy."""

from __future__ import annotations

from typing import Any

from domain.lifecycle_check import FieldSeen, OrgSeen, missing, statuses_read, unused, words_shown
from tests.domain.lifecycle_world import project_sales, wholesale

TEXT = FieldSeen(name="Status")
NARROW = FieldSeen(name="Type__c", length=31)


def status(**changes: Any) -> FieldSeen:
    fields = {"name": "Gateway_Status__c", "values": frozenset(words_shown(wholesale())), "restricted": True}
    return FieldSeen.model_validate({**fields, **changes})


def org(**changes: Any) -> OrgSeen:
    fields = {
        "gateway_status": status(),
        "order_status": FieldSeen(name="Status", values=frozenset({"Draft", "Activated"})),
        "event_type": FieldSeen(name="Type__c", length=80),
    }
    return OrgSeen.model_validate({**fields, **changes})


def test_an_org_that_has_every_word_fits() -> None:
    assert missing(wholesale(), org()) == ()


def test_the_words_of_the_states_and_of_the_company_are_needed_once() -> None:
    words = words_shown(wholesale(), also=["Needs Attention", "On Hold"])
    assert len(words) == len(set(words))
    assert words[-1] == "On Hold"
    assert "" not in words


def test_each_missing_word_is_named_with_its_remedy() -> None:
    lacking = status(values=frozenset(words_shown(wholesale())) - {"Rejected", "Paid"})
    found = missing(wholesale(), org(gateway_status=lacking))
    assert sorted(found) == [
        f'Order.Gateway_Status__c has no value "{word}": add it to the picklist and its record types, or use'
        " another word."
        for word in ("Paid", "Rejected")
    ]


def test_a_picklist_that_takes_any_value_lacks_none() -> None:
    assert missing(wholesale(), org(gateway_status=status(values=frozenset(), restricted=False))) == ()


def test_a_field_that_is_missing_or_cannot_be_written_is_named_once() -> None:
    [said] = missing(wholesale(), org(gateway_status=None, gateway_status_name="Sale__c.State__c"))
    assert said.startswith("Sale__c.State__c is missing or not visible: ")
    [said] = missing(wholesale(), org(gateway_status=status(writable=False)))
    assert said == "Order.Gateway_Status__c cannot be written: give the integration user edit access to it."
    [said] = missing(wholesale(), org(order_status=None))
    assert said.startswith("Order.Status is not visible")


def test_an_event_has_to_fit_into_its_field() -> None:
    [said] = missing(
        project_sales(), org(gateway_status=status(restricted=False), order_status=TEXT, event_type=NARROW)
    )
    assert said == (
        'Order_Event__c.Type__c holds 31 characters and "Completed by the project manager" has 32: widen it, or shorten'
        " the word."
    )
    choices = FieldSeen(name="Type__c", values=frozenset({"Draft"}), restricted=True)
    assert len(missing(wholesale(), org(event_type=choices))) == len(wholesale().events) - 1


def test_the_orders_own_status_must_have_what_the_events_mean() -> None:
    found = missing(project_sales(), org(gateway_status=status(restricted=False)))
    assert [said.split(":")[0] for said in found] == [
        f'Order.Status has no value "{word}"'
        for word in ("Quote", "In Approval", "Approved", "Declined", "Lost", "Complete")
    ]


def test_what_an_org_need_not_have_is_not_asked_for() -> None:
    """`Cancelled` is optional, and `deleted` is no value of the picklist."""
    assert statuses_read(wholesale()) == ("Draft", "Activated")


def test_a_status_that_nothing_declares_is_pointed_out() -> None:
    odd = FieldSeen(name="Status", values=frozenset({"Draft", "Activated", "Cancelled", "Superseded"}))
    assert unused(wholesale(), org(order_status=odd)) == ("Superseded",)
    assert unused(wholesale(), org(order_status=None)) == ()
