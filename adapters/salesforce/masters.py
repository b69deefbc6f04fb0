"""Customers and items of Salesforce as candidates for links."""

from __future__ import annotations

from collections.abc import Iterator

from adapters.salesforce.client import SalesforceClient
from adapters.salesforce.connection import SalesforceNames
from adapters.salesforce.wire import select
from domain.links import Candidate, LinkKind
from domain.sources import System


class MasterReader:
    """Reads master data in full, for links and never for changes; reading changes nothing."""

    def __init__(self, client: SalesforceClient, names: SalesforceNames) -> None:
        self._client = client
        self._names = names

    def candidates(self, kind: LinkKind) -> Iterator[Candidate]:
        """Every living record of this kind, by id; Salesforce holds no payment terms, so there are none of those."""
        if kind is LinkKind.CUSTOMER:
            names = self._names.account
            yield from self._read(kind, names.sobject, names.name, names.erp_id, None)
        elif kind is LinkKind.ITEM:
            product = self._names.product
            yield from self._read(kind, product.sobject, product.name, product.sku, product.is_active)

    def _read(self, kind: LinkKind, sobject: str, name: str, key: str, active: str | None) -> Iterator[Candidate]:
        fields = ["Id", name, key, "SystemModstamp", *([active] if active else [])]
        for row in self._client.rows(select(fields, sobject, order_by="Id")):
            yield Candidate(
                kind=kind,
                system=System.SALESFORCE,
                external_id=str(row["Id"]),
                name=str(row[name] or ""),
                strong_key=str(row[key]) if row[key] else None,
                active=active is None or row[active] is True,
                version_token=str(row["SystemModstamp"]),
            )
