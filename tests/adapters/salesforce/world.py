"""A small world for the twin: two customers, three items, and as many orders as a test wants."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

SKUS = ("HCS-0100/Z", "A+B #7", "Schräglage-Ö")


def line(number: int, sku: str = SKUS[0], quantity: str = "4", unit_price: str = "47.7119") -> dict[str, Any]:
    return {"line": number, "sku": sku, "quantity": quantity, "uom": "EA", "unit_price": unit_price}


def order(number: str, lines: Sequence[dict[str, Any]] | None = None) -> dict[str, Any]:
    return {
        "order_no": number,
        "customer_erp_no": "00040017",
        "po_no": f"PO-{number}",
        "ordered_on": "2026-11-16",
        "warehouse": "ATL",
        "terms_code": "N30",
        "lines": list(lines or [line(1)]),
    }


def world(orders: Sequence[dict[str, Any]] = ()) -> dict[str, Any]:
    return {
        "items": [_item(sku) for sku in SKUS],
        "customers": [_customer("00040017", "Brightwater Plumbing"), _customer("00040030", "Müller & Söhne")],
        "terms": [{"code": "N30", "name": "Net 30", "due_days": 30}],
        "warehouses": [{"code": "ATL", "name": "Atlanta DC"}],
        "orders": list(orders),
    }


def _item(sku: str) -> dict[str, Any]:
    return {
        "sku": sku,
        "description": f"Item {sku}",
        "base_uom": "EA",
        "sell_uom": "EA",
        "units_per_sell_uom": 1,
        "list_price": "94.251",
        "taxable": True,
        "weight_lb": "1.5",
    }


def _customer(number: str, name: str) -> dict[str, Any]:
    address = {"line1": "8404 Harbor St", "city": "Macon", "state": "PA", "zip": "90147"}
    return {
        "erp_no": number,
        "name": name,
        "terms_code": "N30",
        "credit_limit": "5000",
        "currency": "USD",
        "tax_exempt": False,
        "bill_to": address,
    }
