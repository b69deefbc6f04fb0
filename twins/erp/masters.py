"""CUSMST and ITMMST, the masters: caret-separated customers, tab-separated items."""

from __future__ import annotations

from collections.abc import Sequence

from twins.erp.records import encode, julian_date, plain
from twins.erp.world import Customer, Item

CUSTOMER_HEADER = "CUSNO^NAME^TERMS^CRLIM^TAXEX^ADDR1^CITY^ST^ZIP^CHGDT"
CHANGED_IN_YEAR = 2026


def write_cusmst(customers: Sequence[Customer]) -> bytes:
    """The customer master; the change dates walk through the year, the tax flag is blank for who pays tax."""
    rows = [_customer(customer, position) for position, customer in enumerate(customers)]
    return encode([CUSTOMER_HEADER, *rows])


def write_itmmst(items: Sequence[Item]) -> bytes:
    """The item master, without a header; quotes inside a description are doubled."""
    return encode([_item(item) for item in items])


def _customer(customer: Customer, position: int) -> str:
    bill_to = customer.bill_to
    fields = (
        customer.erp_no,
        customer.name,
        customer.terms_code,
        f"{customer.credit_limit:.2f}",
        "Y" if customer.tax_exempt else "",
        bill_to.line1,
        bill_to.city,
        bill_to.state,
        bill_to.zip,
        julian_date(CHANGED_IN_YEAR, (99 + 11 * position) % 365 + 1),
    )
    return "^".join(fields)


def _item(item: Item) -> str:
    quoted = item.description.replace('"', '""')
    return "\t".join(
        (
            item.sku,
            f'"{quoted}"',
            item.base_uom,
            item.sell_uom,
            str(item.units_per_sell_uom),
            plain(item.list_price),
            "T" if item.taxable else "N",
            plain(item.weight_lb),
        )
    )
