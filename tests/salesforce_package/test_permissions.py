"""The permission sets give the gateway exactly what it reads and writes, and sales a look at it."""

from __future__ import annotations

from adapters.salesforce.connection import SalesforceNames
from adapters.salesforce.schema import needs
from tests.salesforce_package.package import MAIN, OWN_OBJECTS, SIGNED_CALL, Component, fields, namespaced, of_kind
from twins.salesforce.objects import org_schema

NEEDS = needs(SalesforceNames())
TWIN = org_schema()
COMPOUND = {"Account.BillingAddress"}  # an address is given as a whole; its parts have no permissions of their own


def permission_set(name: str) -> Component:
    (found,) = (one for one in of_kind("PermissionSet") if one.name == name)
    return found


def field_rights(name: str) -> dict[str, tuple[bool, bool]]:
    """By field whether it may be read and edited."""
    found = {}
    for one in permission_set(name).root.findall(namespaced("fieldPermissions")):
        field = str(one.findtext(namespaced("field")))
        assert field not in found
        found[field] = tuple(one.findtext(namespaced(right)) == "true" for right in ("readable", "editable"))
    return found  # type: ignore[return-value]


def object_rights(name: str) -> dict[str, set[str]]:
    """By object what may be done with it."""
    rights = ("allowCreate", "allowDelete", "allowEdit", "allowRead", "modifyAllRecords", "viewAllRecords")
    return {
        str(one.findtext(namespaced("object"))): {r for r in rights if one.findtext(namespaced(r)) == "true"}
        for one in permission_set(name).root.findall(namespaced("objectPermissions"))
    }


def test_the_gateway_may_read_and_write_exactly_what_it_reads_and_writes() -> None:
    expected = {}
    for need in NEEDS:
        for name in (need.external_id, *need.read, *need.written):
            item = TWIN.get(need.sobject).field_named(name) if name else None
            if item is not None and item.permissionable:
                # A key is named in the row that it finds, and given to a record that is new.
                may_edit = name in need.written or name == need.external_id
                expected[f"{need.sobject}.{item.name}"] = (True, may_edit)
    expected |= dict.fromkeys(COMPOUND, (True, True))
    assert field_rights("Threeway_Integration") == expected


def test_required_fields_are_not_listed() -> None:
    """A deployment refuses permissions for a field that everybody sees."""
    for name in ("Threeway_Integration", "Threeway_Sales"):
        for full in field_rights(name).keys() - COMPOUND:
            sobject, _, field = full.partition(".")
            item = TWIN.get(sobject).field_named(field)
            assert item is not None
            assert item.permissionable


def test_the_gateway_deletes_nothing_and_creates_only_records_of_its_own() -> None:
    own, others = {"allowCreate", "allowEdit", "allowRead", "viewAllRecords"}, {"allowEdit", "allowRead"}
    assert object_rights("Threeway_Integration") == {
        **dict.fromkeys(OWN_OBJECTS, own),
        "Account": others | {"viewAllRecords"},
        "Order": others | {"viewAllRecords"},  # order products go with it: they have no permissions of their own
        "Product2": others,  # products know no owner, so all of them are seen
    }
    created = {need.sobject for need in NEEDS if need.created}
    assert created == OWN_OBJECTS


def test_the_gateway_is_told_from_people() -> None:
    root = permission_set("Threeway_Integration").root
    rights = {str(one.findtext(namespaced("name"))) for one in root.findall(namespaced("userPermissions"))}
    assert rights == {"ApiEnabled", "EditActivatedOrders"}
    (custom,) = root.findall(namespaced("customPermissions"))
    assert custom.findtext(namespaced("name")) == "Threeway_Gateway"
    assert permission_set("Threeway_Sales").root.findall(namespaced("customPermissions")) == []


def test_sales_may_read_everything_and_change_nothing() -> None:
    assert field_rights("Threeway_Sales") == dict.fromkeys(fields(MAIN), (True, False))
    assert object_rights("Threeway_Sales") == {key: {"allowRead"} for key in OWN_OBJECTS}
    sales = permission_set("Threeway_Sales")
    assert set(sales.texts("tabSettings/tab")) == OWN_OBJECTS == {one.name for one in of_kind("CustomTab")}
    assert sales.root.findall(namespaced("userPermissions")) == []


def test_the_signed_call_gives_nothing_but_the_call() -> None:
    (found,) = of_kind("PermissionSet", SIGNED_CALL)
    assert found.texts("classAccesses/apexClass") == ["ThreewayHook"]
    (credential,) = of_kind("ExternalCredential", SIGNED_CALL)
    principals = [
        one.findtext(namespaced("parameterName"))
        for one in credential.root.findall(namespaced("externalCredentialParameters"))
        if one.findtext(namespaced("parameterType")) == "NamedPrincipal"
    ]
    granted = found.texts("externalCredentialPrincipalAccesses/externalCredentialPrincipal")
    assert granted == [f"{credential.name}-{name}" for name in principals]
    assert found.root.findall(namespaced("objectPermissions")) == []
