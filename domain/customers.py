"""Customers as the ERP's master states them."""

from __future__ import annotations

import re
import unicodedata
from datetime import date

from pydantic import BaseModel, ConfigDict

from domain.money import Money


class Address(BaseModel):
    """A postal address; it merges as one unit."""

    model_config = ConfigDict(frozen=True)

    line1: str = ""
    city: str = ""
    state: str = ""
    postal_code: str = ""


class Customer(BaseModel):
    """A customer. `number` keeps its leading zeros; `credit_limit` is in company currency.

    The ERP keeps no `phone`: it is what Salesforce and QuickBooks agreed on.
    """

    model_config = ConfigDict(frozen=True)

    number: str
    name: str
    terms_code: str | None = None
    credit_limit: Money | None = None
    tax_exempt: bool = False
    bill_to: Address = Address()
    phone: str | None = None
    changed_on: date | None = None


def normal_name(name: str) -> str:
    """The name after normalising case, blanks, accents and punctuation: the strong key for customers (contract)."""
    decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", name).casefold())
    plain = decomposed.replace("&", " and ")
    return " ".join(re.findall(r"[^\W_]+", "".join(c for c in plain if not unicodedata.combining(c))))
