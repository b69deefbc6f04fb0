"""Fills the QuickBooks twin: the accounts of an empty company, and customers, items and terms of a world."""

from decimal import Decimal

from twins.quickbooks.masters import create_master
from twins.quickbooks.properties import clean
from twins.quickbooks.state import Company
from twins.web import JsonObject

ACCOUNTS = (
    ("Sales of Product Income", "Income", "SalesOfProductIncome"),
    ("Inventory Asset", "Other Current Asset", "Inventory"),
    ("Cost of Goods Sold", "Cost of Goods Sold", "SuppliesMaterialsCogs"),
)
INCOME = {"value": "1"}


def start_company(company: Company) -> None:
    """Create the accounts that every company has; ids 1 to 3."""
    for name, kind, detail in ACCOUNTS:
        fields = {"Name": name, "FullyQualifiedName": name, "AccountType": kind, "AccountSubType": detail}
        company.insert("Account", {**fields, "Active": True, "Classification": kind, "CurrentBalance": Decimal(0)})


def seed_world(company: Company, world: JsonObject) -> JsonObject:
    """Create what is not there yet, in the order of the world, and return how many were created of each kind."""
    terms = [{"Name": term["name"], "DueDays": term["due_days"]} for term in world.get("terms", [])]
    counts = {"terms": _create_missing(company, "Term", "Name", terms)}
    term_ids = _term_ids(company, world)
    customers = [_customer(customer, term_ids) for customer in world.get("customers", [])]
    counts["customers"] = _create_missing(company, "Customer", "DisplayName", customers)
    items = [_item(item) for item in world.get("items", [])]
    if items:
        items.append({**_sold("FREIGHT", "Freight"), "Taxable": False})
    counts["items"] = _create_missing(company, "Item", "Name", items)
    return {"created": counts}


def _create_missing(company: Company, kind: str, name: str, bodies: list[JsonObject]) -> int:
    created = 0
    for body in bodies:
        if not company.labelled(kind, body[name]):
            create_master(company, kind, clean(kind, body))
            created += 1
    return created


def _term_ids(company: Company, world: JsonObject) -> dict[str, str]:
    found = {}
    for term in world.get("terms", []):
        found[term["code"]] = company.labelled("Term", term["name"])[0]["Id"]
    return found


def _customer(customer: JsonObject, term_ids: dict[str, str]) -> JsonObject:
    address = customer.get("bill_to") or {}
    names = {"line1": "Line1", "city": "City", "state": "CountrySubDivisionCode", "zip": "PostalCode"}
    body: JsonObject = {
        "DisplayName": customer["name"],
        "CompanyName": customer["name"],
        "Taxable": not customer.get("tax_exempt", False),
        "BillAddr": {there: address[here] for here, there in names.items() if address.get(here)},
    }
    term = term_ids.get(customer.get("terms_code", ""))
    return {**body, "SalesTermRef": {"value": term}} if term else body


def _item(item: JsonObject) -> JsonObject:
    priced = {"UnitPrice": item["list_price"]} if item.get("list_price") is not None else {}
    return {**_sold(item["sku"], item["description"]), **priced, "Taxable": bool(item.get("taxable", False))}


def _sold(sku: str, description: str) -> JsonObject:
    # Descriptions repeat and item names may not: the SKU is the name, but for the colon that names cannot have.
    name = "Freight" if sku == "FREIGHT" else sku.replace(":", "-")
    return {"Name": name, "Sku": sku, "Description": description, "Type": "NonInventory", "IncomeAccountRef": INCOME}
