"""Customers, items and terms of the QuickBooks twin: create and update with their rules of names."""

from decimal import Decimal

from twins.quickbooks.answers import BusinessFault, missing, unsupported
from twins.quickbooks.state import Company
from twins.web import JsonObject

ZERO = Decimal(0)
_NAME = {"Customer": "DisplayName", "Item": "Name", "Term": "Name"}
_DELETED = " (deleted)"
_KEPT = ("domain", "sparse", "Id", "SyncToken", "MetaData")
_COMPUTED = {"Customer": ("Balance", "BalanceWithJobs"), "Item": (), "Term": ()}


def create_master(company: Company, kind: str, body: JsonObject) -> JsonObject:
    """Create a customer, item or term; 6240 when the name is taken."""
    fields = {name: value for name, value in body.items() if name not in _KEPT}
    entity = _complete(company, kind, fields)
    _check_name(company, kind, entity, own_id=None)
    return company.insert(kind, entity)


def update_master(company: Company, kind: str, body: JsonObject) -> JsonObject:
    """Change a customer, item or term, sparse or full; deactivating renames, as QuickBooks does."""
    old, standing = company.check_token(kind, body)
    given = {name: value for name, value in body.items() if name not in _KEPT}
    base = {name: value for name, value in old.items() if name not in _KEPT} if body.get("sparse") else {}
    computed = {name: old[name] for name in _COMPUTED[kind]}
    entity = _complete(company, kind, {**base, **given, **computed})
    if kind == "Item" and old["Type"] == "Inventory" and entity["Type"] != "Inventory":
        raise BusinessFault(6000, "Business Validation Error: The type of an inventory item cannot change.", "Type")
    entity = _renamed(kind, old, entity)
    _check_name(company, kind, entity, own_id=old["Id"])
    return company.update(kind, {**{name: old[name] for name in _KEPT}, **entity}, standing)


def change_balance(company: Company, key: str, amount: Decimal) -> None:
    """Move a customer's open balance; its SyncToken stays, its time of change moves."""
    customer = company.find("Customer", key)
    if customer is not None and amount:
        balance = customer["Balance"] + amount
        company.update("Customer", {**customer, "Balance": balance, "BalanceWithJobs": balance}, bump=False)


def _complete(company: Company, kind: str, fields: JsonObject) -> JsonObject:
    completed = {"Customer": _customer, "Item": _item, "Term": _term}[kind](company, fields)
    return {"Active": True, **completed}


def _customer(company: Company, fields: JsonObject) -> JsonObject:
    name = fields.get("DisplayName") or _person(fields) or fields.get("CompanyName")
    if name is None:
        raise missing("DisplayName")
    defaults: JsonObject = {
        "Taxable": True,
        "Job": False,
        "BillWithParent": False,
        "Balance": ZERO,
        "BalanceWithJobs": ZERO,
    }
    entity = {**defaults, "PreferredDeliveryMethod": "None", **fields}
    entity |= {
        "DisplayName": name,
        "FullyQualifiedName": name,
        "CurrencyRef": {"value": "USD", "name": "United States Dollar"},
    }
    if "SalesTermRef" in fields:
        term = company.reference("Term", fields["SalesTermRef"], "SalesTermRef")
        entity["SalesTermRef"] = {"value": term["Id"], "name": term["Name"]}
    return entity


def _person(fields: JsonObject) -> str:
    parts = ("Title", "GivenName", "MiddleName", "FamilyName", "Suffix")
    return " ".join(fields[part] for part in parts if part in fields)


def _item(company: Company, fields: JsonObject) -> JsonObject:
    if "Name" not in fields:
        raise missing("Name")
    kind = fields.get("Type", "Service")
    demanded = ["IncomeAccountRef"]
    if kind == "Inventory":
        demanded += ["AssetAccountRef", "ExpenseAccountRef", "QtyOnHand", "InvStartDate"]
    elif fields.get("TrackQtyOnHand") or "InvStartDate" in fields or fields.get("QtyOnHand"):
        raise unsupported("QtyOnHand")
    for name in demanded:
        if name not in fields:
            raise missing(name)
    entity = {"Taxable": False, "UnitPrice": ZERO, "PurchaseCost": ZERO, **fields, "Type": kind}
    entity |= {"FullyQualifiedName": fields["Name"], "TrackQtyOnHand": kind == "Inventory"}
    for name in ("IncomeAccountRef", "AssetAccountRef", "ExpenseAccountRef"):
        if name in fields:
            account = company.reference("Account", fields[name], name)
            entity[name] = {"value": account["Id"], "name": account["Name"]}
    return entity


def _term(_company: Company, fields: JsonObject) -> JsonObject:
    if "Name" not in fields:
        raise missing("Name")
    return {**fields, "Type": "DATE_DRIVEN" if "DayOfMonthDue" in fields else "STANDARD"}


def _renamed(kind: str, old: JsonObject, entity: JsonObject) -> JsonObject:
    """Mark the name of what becomes inactive, and free it; refuse (6220) while money is open."""
    field = _NAME[kind]
    name: str = entity[field]
    if old["Active"] and not entity["Active"]:
        if entity.get("Balance"):
            raise BusinessFault(6220, "Account/customer has an open balance and cannot be made inactive", "Active")
        name = f"{name}{_DELETED}"
    elif entity["Active"] and not old["Active"]:
        name = name.removesuffix(_DELETED)
    full = {} if kind == "Term" else {"FullyQualifiedName": name}
    return {**entity, field: name, **full}


def _check_name(company: Company, kind: str, entity: JsonObject, own_id: str | None) -> None:
    name: str = entity[_NAME[kind]]
    if any(sign in name for sign in ":\t\n"):
        raise BusinessFault(2040, f"Property Name:{_NAME[kind]} has an unsupported character", _NAME[kind])
    for other in company.labelled(kind, name):
        if other["Id"] != own_id:
            raise BusinessFault(6240, f"The name supplied already exists. : Id={other['Id']}", "")
