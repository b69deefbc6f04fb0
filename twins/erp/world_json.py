"""A world as JSON and back, in the shape that all three twins are seeded with (samples/world.json)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from twins.erp.records import plain
from twins.erp.world import Address, Customer, Item, Order, OrderLine, Terms, Warehouse, World

Document = dict[str, Any]


def world_to_json(world: World) -> Document:
    """The world with decimals as strings: prices of lines keep their four decimals, other numbers are plain."""
    return {
        "items": [_item(item) for item in world.items],
        "customers": [_customer(customer) for customer in world.customers],
        "terms": [{"code": terms.code, "name": terms.name, "due_days": terms.due_days} for terms in world.terms],
        "warehouses": [{"code": warehouse.code, "name": warehouse.name} for warehouse in world.warehouses],
        "orders": [order_to_json(order) for order in world.orders],
    }


def world_from_json(document: Mapping[str, Any]) -> World:
    """The world that a document describes; KeyError where a field is missing."""
    return World(
        items=tuple(_read_item(item) for item in document["items"]),
        customers=tuple(_read_customer(customer) for customer in document["customers"]),
        terms=tuple(Terms(**terms) for terms in document["terms"]),
        warehouses=tuple(Warehouse(**warehouse) for warehouse in document["warehouses"]),
        orders=tuple(read_order(order) for order in document["orders"]),
    )


def _item(item: Item) -> Document:
    return {
        "sku": item.sku,
        "description": item.description,
        "base_uom": item.base_uom,
        "sell_uom": item.sell_uom,
        "units_per_sell_uom": item.units_per_sell_uom,
        "list_price": plain(item.list_price),
        "taxable": item.taxable,
        "weight_lb": plain(item.weight_lb),
    }


def _customer(customer: Customer) -> Document:
    bill_to = customer.bill_to
    return {
        "erp_no": customer.erp_no,
        "name": customer.name,
        "terms_code": customer.terms_code,
        "credit_limit": plain(customer.credit_limit),
        "currency": customer.currency,
        "tax_exempt": customer.tax_exempt,
        "bill_to": {"line1": bill_to.line1, "city": bill_to.city, "state": bill_to.state, "zip": bill_to.zip},
    }


def order_to_json(order: Order) -> Document:
    """An order as `world.json` has it."""
    return {
        "order_no": order.order_no,
        "customer_erp_no": order.customer_erp_no,
        "po_no": order.po_no,
        "ordered_on": order.ordered_on.isoformat(),
        "warehouse": order.warehouse,
        "terms_code": order.terms_code,
        "lines": [_order_line(line) for line in order.lines],
    }


def _order_line(line: OrderLine) -> Document:
    return {
        "line": line.line,
        "sku": line.sku,
        "quantity": plain(line.quantity),
        "uom": line.uom,
        "unit_price": f"{line.unit_price:.4f}",
    }


def _read_item(document: Mapping[str, Any]) -> Item:
    numbers = {"list_price": Decimal(document["list_price"]), "weight_lb": Decimal(document["weight_lb"])}
    return Item(**{**document, **numbers})


def _read_customer(document: Mapping[str, Any]) -> Customer:
    typed = {"credit_limit": Decimal(document["credit_limit"]), "bill_to": Address(**document["bill_to"])}
    return Customer(**{**document, **typed})


def read_order(document: Mapping[str, Any]) -> Order:
    """The order that `order_to_json` wrote."""
    lines = tuple(
        OrderLine(int(line["line"]), line["sku"], Decimal(line["quantity"]), line["uom"], Decimal(line["unit_price"]))
        for line in document["lines"]
    )
    return Order(**{**document, "ordered_on": date.fromisoformat(document["ordered_on"]), "lines": lines})
