"""The fields of master records that can be merged: which systems keep each, and how our own records state them."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict

from domain.company import Terms
from domain.customers import Address, Customer
from domain.errors import Malformed
from domain.items import Item
from domain.links import LinkKind
from domain.master_values import Comparator, Value, normal
from domain.money import plain
from domain.sources import System

ERP, QUICKBOOKS, SALESFORCE, GATEWAY = System.ERP, System.QUICKBOOKS, System.SALESFORCE, System.GATEWAY


class Shape(BaseModel):
    """One field. `kept_by`: the systems that have it. `parts`: of a group, which merges as one. `is_flag`: yes, no."""

    model_config = ConfigDict(frozen=True)

    kept_by: tuple[System, ...]
    parts: tuple[str, ...] = ()
    is_flag: bool = False


FIELDS: Mapping[LinkKind, Mapping[str, Shape]] = {
    LinkKind.CUSTOMER: {
        "name": Shape(kept_by=(ERP, SALESFORCE, QUICKBOOKS)),
        "bill_to": Shape(kept_by=(ERP, SALESFORCE, QUICKBOOKS), parts=tuple(Address.model_fields)),
        "phone": Shape(kept_by=(SALESFORCE, QUICKBOOKS)),
        "terms": Shape(kept_by=(ERP, QUICKBOOKS)),
        "tax_exempt": Shape(kept_by=(ERP, QUICKBOOKS), is_flag=True),
    },
    LinkKind.ITEM: {
        "description": Shape(kept_by=(ERP, SALESFORCE, QUICKBOOKS)),
        "price": Shape(kept_by=(ERP, QUICKBOOKS), parts=("amount", "currency", "uom")),
        "taxable": Shape(kept_by=(ERP, QUICKBOOKS), is_flag=True),
    },
    LinkKind.TERMS: {
        "name": Shape(kept_by=(GATEWAY, QUICKBOOKS)),
        "due_days": Shape(kept_by=(GATEWAY, QUICKBOOKS)),
    },
}
# Where our own statement of a record comes from: the ERP's masters, or `company.toml`.
HOME: Mapping[LinkKind, System] = {LinkKind.CUSTOMER: ERP, LinkKind.ITEM: ERP, LinkKind.TERMS: GATEWAY}
# Systems that take no changes of these records from us: the ERP is told of orders only, terms are books' own.
NEVER_WRITTEN = frozenset({ERP, GATEWAY})


def of_customer(customer: Customer) -> dict[str, Value]:
    """What the ERP's master states of a customer."""
    return {
        "name": customer.name,
        "bill_to": dict(customer.bill_to.model_dump()),
        "terms": customer.terms_code,
        "tax_exempt": customer.tax_exempt,
    }


def of_item(item: Item, currency: str) -> dict[str, Value]:
    """What the ERP's master states of an item; its list price is per selling unit."""
    amount = plain(item.list_price) if item.list_price is not None else None
    return {
        "description": item.description,
        "price": {"amount": amount, "currency": currency, "uom": item.sell_uom},
        "taxable": item.taxable,
    }


def of_terms(terms: Terms) -> dict[str, Value]:
    """What `company.toml` states of payment terms."""
    return {"name": terms.name, "due_days": str(terms.due_days)}


def customer_with(customer: Customer, agreed: Mapping[str, Value]) -> Customer:
    """The canonical customer with what was agreed of it."""
    found: dict[str, object] = {}
    if isinstance(agreed.get("name"), str) and agreed["name"]:
        found["name"] = agreed["name"]
    if isinstance(bill_to := agreed.get("bill_to"), dict):
        known = {name: bill_to.get(name) or "" for name in Address.model_fields}
        found["bill_to"] = Address(**known)
    if isinstance(agreed.get("terms"), str):
        found["terms_code"] = agreed["terms"]
    if isinstance(agreed.get("tax_exempt"), bool):
        found["tax_exempt"] = agreed["tax_exempt"]
    return customer.model_copy(update=found)


def item_with(item: Item, agreed: Mapping[str, Value]) -> Item:
    """The canonical item with what was agreed of it; a price in another unit than the item's is left alone."""
    found: dict[str, object] = {}
    if isinstance(agreed.get("description"), str) and agreed["description"]:
        found["description"] = agreed["description"]
    if isinstance(agreed.get("taxable"), bool):
        found["taxable"] = agreed["taxable"]
    price = agreed.get("price")
    if isinstance(price, dict) and price.get("uom") == item.sell_uom and price.get("amount"):
        found["list_price"] = price["amount"]
    changed = {**item.model_dump(mode="json"), **found}
    return Item.model_validate(changed) if found else item


def read_typed(kind: LinkKind, field: str, text: str, comparator: Comparator) -> Value:
    """A value as a person types it: `yes` or `no` for a flag, `part=text; part=text` for a group. Raises Malformed."""
    shape = FIELDS[kind][field]
    stripped = text.strip()
    if shape.is_flag:
        if stripped.lower() not in {"yes", "no", "true", "false"}:
            raise Malformed(f"{field} is yes or no.", reason="value")
        return stripped.lower() in {"yes", "true"}
    if shape.parts:
        return _group(field, shape.parts, stripped)
    if comparator is Comparator.DECIMAL:
        return str(normal(stripped, comparator) or "")
    return stripped


def _group(field: str, parts: tuple[str, ...], text: str) -> Value:
    given = dict(_pair(one) for one in text.split(";") if one.strip())
    if not given or not set(given) <= set(parts):
        raise Malformed(f"Write {field} as {'; '.join(f'{part}=...' for part in parts)}.", reason="value")
    return {part: given.get(part, "") for part in parts}


def _pair(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    return name.strip(), value.strip()
