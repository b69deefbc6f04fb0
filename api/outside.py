"""Addresses of records in the systems' own pages: Temporal's Web UI, QuickBooks, Salesforce."""

from __future__ import annotations

from typing import Final
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict

QUICKBOOKS: Final = "https://app.qbo.intuit.com/app"
QUICKBOOKS_SANDBOX: Final = "https://app.sandbox.qbo.intuit.com/app"


class Outside(BaseModel):
    """Where the pages of the other systems are; None: there are none, as with the stand-ins."""

    model_config = ConfigDict(frozen=True)

    temporal: str | None = None
    namespace: str = "default"
    quickbooks: str | None = None
    salesforce: str | None = None

    def workflow(self, workflow_id: str | None) -> str | None:
        """A workflow in Temporal's Web UI."""
        if self.temporal is None or not workflow_id:
            return None
        base = self.temporal.rstrip("/")
        return f"{base}/namespaces/{quote(self.namespace, safe='')}/workflows/{quote(workflow_id, safe='')}"

    def invoice(self, quickbooks_id: str | None) -> str | None:
        """An invoice in QuickBooks."""
        if self.quickbooks is None or not quickbooks_id:
            return None
        return f"{self.quickbooks}/invoice?txnId={quote(quickbooks_id, safe='')}"

    def record(self, salesforce_id: str | None) -> str | None:
        """A record in Salesforce, which knows its page by its id."""
        if self.salesforce is None or not salesforce_id:
            return None
        return f"{self.salesforce.rstrip('/')}/{quote(salesforce_id, safe='')}"


def quickbooks_pages(api_url: str) -> str:
    """The pages that belong to an address of QuickBooks' API."""
    return QUICKBOOKS_SANDBOX if "sandbox" in api_url else QUICKBOOKS
