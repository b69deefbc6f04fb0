"""The rules of ownership as they are read: what is sound, and a report of everything that is not."""

from __future__ import annotations

import pytest

from domain.errors import Malformed, Misconfigured
from domain.links import LinkKind
from domain.master_fields import customer_with, item_with, of_customer, of_item, read_typed
from domain.master_values import Comparator, Value
from domain.ownership import Ownership, Policy, Sensitivity
from domain.ownership_reading import read
from tests import build
from tests.architecture.project import ROOT

SHIPPED = (ROOT / "config" / "ownership.toml").read_text(encoding="utf-8")


def test_the_rules_that_ship_are_sound_and_survive_json() -> None:
    rules = read(SHIPPED)
    assert Ownership.model_validate_json(rules.model_dump_json()) == rules
    assert read(SHIPPED + "\n# a word more\n").version != rules.version


def test_the_rules_that_ship_leave_money_and_identity_to_no_clock() -> None:
    rules = read(SHIPPED)
    found = [rule for kind in LinkKind for rule in rules.rules(kind).values()]
    assert [one for one in found if one.policy is Policy.NEWEST and one.sensitivity is not Sensitivity.COSMETIC] == []


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            '[customer.name]\nowner="erp"\nsensitivity="identity"\npolicy="newest"',
            "identity may not be decided",
        ),
        ('[item.price]\nowner="erp"\nsensitivity="money"\npolicy="newest"', "money may not be decided by time"),
        ('[item.weight]\nowner="erp"\nsensitivity="money"', "item.weight: there is no such field"),
        ('[customer.phone]\nowner="erp"\nsensitivity="cosmetic"', "owner names erp, which does not keep this field"),
        (
            '[customer.name]\nowner="erp"\nwrites_to=["erp"]\nsensitivity="identity"',
            "writes_to names erp, which takes no such changes",
        ),
        (
            '[customer.name]\nowner="erp"\ntakes_from=["quickbooks"]\nsensitivity="identity"',
            "takes_from leaves out the owner erp",
        ),
        ('[customer.name]\nowner="erp"\nsensitivity="identity"\npolicy="max"', "max needs a number"),
        ('[customer.name]\nowner="erp"\nsensitivity="identity"\npolicy="union"', "union needs a set of values"),
        ('[customer.name]\nowner="erp"\nsensitivity="identity"\npolicy="source_rank"', "source_rank needs a rank"),
        ('[customer.name]\nowner="erp"', "customer.name: sensitivity is missing"),
        ('[customer.name]\nowner="crm"\nsensitivity="identity"', "customer.name: owner: "),
        (
            '[customer.name]\nowner="erp"\nsensitivity="identity"\nwrite_to=[]',
            "write_to is not a key",
        ),
        (
            '[customer.name]\nowner="erp"\nsensitivity="identity"\nphases={paid={}}',
            "there is no phase paid",
        ),
        (
            '[customer.phone]\nowner="salesforce"\nsensitivity="cosmetic"\nphases={billed={owner="erp"}}',
            "in phase billed, owner names erp, which does not keep this field",
        ),
        ("[vendors]\nx=1", "vendors is not a table that is known here"),
        ("[flapping]\ntimes=1", "flapping: times: "),
        ("customer = 1", "customer must hold a table for each field"),
        ("[customer", "it is not TOML"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(text: str, problem: str) -> None:
    with pytest.raises(Misconfigured, match="The ownership rules have") as caught:
        read(text)
    assert problem in caught.value.detail


def test_all_problems_are_said_at_once() -> None:
    with pytest.raises(Misconfigured) as caught:
        read('[customer.nam]\nowner="erp"\n[item.price]\nowner="erp"\nsensitivity="money"\npolicy="newest"')
    assert caught.value.detail.startswith("The ownership rules have 2 problems:")


def test_a_record_of_ours_says_and_takes_every_field() -> None:
    customer, item = build.customer(), build.item("BOLT")
    assert customer_with(customer, of_customer(customer)) == customer
    assert item_with(item, of_item(item, "USD")) == item
    changed = customer_with(customer, {**of_customer(customer), "name": "Other", "tax_exempt": True})
    assert (changed.name, changed.tax_exempt, changed.number) == ("Other", True, customer.number)


@pytest.mark.parametrize(
    ("field", "text", "value"),
    [
        ("name", " Acme ", "Acme"),
        ("tax_exempt", "Yes", True),
        ("bill_to", "line1=1 Main; city=Reno", {"line1": "1 Main", "city": "Reno", "state": "", "postal_code": ""}),
    ],
)
def test_a_person_types_a_value(field: str, text: str, value: Value) -> None:
    assert read_typed(LinkKind.CUSTOMER, field, text, Comparator.TEXT) == value


@pytest.mark.parametrize(("field", "text"), [("tax_exempt", "maybe"), ("bill_to", "street=1 Main"), ("bill_to", "")])
def test_what_is_typed_wrong_is_refused(field: str, text: str) -> None:
    with pytest.raises(Malformed):
        read_typed(LinkKind.CUSTOMER, field, text, Comparator.TEXT)
