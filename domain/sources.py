"""The systems that the gateway joins."""

from __future__ import annotations

from enum import StrEnum


class System(StrEnum):
    """A system of record, by the one word used for it everywhere."""

    ERP = "erp"
    QUICKBOOKS = "quickbooks"
    SALESFORCE = "salesforce"
    GATEWAY = "gateway"
