"""Customers and items of Salesforce: as candidates for links, and as sides of a merge."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import NamedTuple

from adapters.salesforce.client import Record, SalesforceClient
from adapters.salesforce.connection import SalesforceNames
from adapters.salesforce.ids import full_id
from adapters.salesforce.wire import in_lists, read_instant, select, soql_instant
from domain.errors import Misconfigured
from domain.links import Candidate, LinkKind
from domain.master_seen import MasterSeen
from domain.master_values import Value
from domain.merging import SideState
from domain.sources import System


class _Object(NamedTuple):
    """One object as a side of a merge: its plain fields by ours, and the field that names the survivor of a merge."""

    sobject: str
    plain: Mapping[str, str]
    address: Mapping[str, str]
    active: str | None = None
    survivor: str | None = None

    @property
    def fields(self) -> list[str]:
        """Everything that is read of it."""
        more = [name for name in (self.active, self.survivor) if name]
        return ["Id", "IsDeleted", "SystemModstamp", *self.plain.values(), *self.address.values(), *more]


class MasterReader:
    """Reads master data, in full for links and what changed for merging; reading changes nothing."""

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

    def changed_masters(self, kind: LinkKind, since: datetime | None) -> Iterator[list[MasterSeen]]:
        """Records that changed at or after an instant, oldest first, deleted ones among them, page by page."""
        found = self._object(kind)
        where = f"SystemModstamp >= {soql_instant(since)}" if since is not None else ""
        soql = select(found.fields, found.sobject, where=where, order_by="SystemModstamp, Id")
        for records in self._client.pages(soql, include_deleted=True):
            yield [_seen(kind, found, record) for record in records]

    def masters_by_id(self, kind: LinkKind, external_ids: Iterable[str]) -> list[MasterSeen]:
        """These records as they are now; one that is gone for good comes back as deleted."""
        found, wanted = self._object(kind), list(dict.fromkeys(external_ids))
        seen: dict[str, MasterSeen] = {}
        for listed in in_lists(one for one in wanted if full_id(one)):
            soql = select(found.fields, found.sobject, where=f"Id IN {listed}", order_by="Id")
            for record in self._client.rows(soql, include_deleted=True):
                seen[str(record["Id"])] = _seen(kind, found, record)
        gone = SideState.DELETED
        return [seen.get(one) or MasterSeen(kind=kind, external_id=one, state=gone) for one in wanted]

    def update_master(
        self, kind: LinkKind, external_id: str, unmodified_since: datetime | None, fields: Mapping[str, Value]
    ) -> None:
        """Write these fields and no other. Raises StaleToken where the record changed since then, by whole seconds.

        Sending it again is safe: the values are absolute, and what was changed meanwhile is refused.
        """
        if full_id(external_id) is None:
            raise Misconfigured("This is no record id of Salesforce.", reason="MALFORMED_ID")
        found = self._object(kind)
        stamp = format_datetime(unmodified_since.astimezone(UTC), usegmt=True) if unmodified_since else None
        headers = {"If-Unmodified-Since": stamp} if stamp else {}
        self._client.write("PATCH", f"sobjects/{found.sobject}/{external_id}", _body(found, fields), headers=headers)

    def _object(self, kind: LinkKind) -> _Object:
        if kind is LinkKind.CUSTOMER:
            names = self._names.account
            address = {
                "line1": names.street,
                "city": names.city,
                "state": names.state,
                "postal_code": names.postal_code,
            }
            plain = {"name": names.name, "phone": names.phone}
            return _Object(names.sobject, plain, address, survivor=names.master_record)
        if kind is LinkKind.ITEM:
            product = self._names.product
            return _Object(product.sobject, {"description": product.name}, {}, active=product.is_active)
        raise Misconfigured("Salesforce keeps no payment terms.", reason="kind")


def _seen(kind: LinkKind, found: _Object, record: Record) -> MasterSeen:
    at = read_instant(record["SystemModstamp"])
    values: dict[str, Value] = {ours: record.get(theirs) for ours, theirs in found.plain.items()}
    if found.address:
        values["bill_to"] = {ours: str(record.get(theirs) or "") for ours, theirs in found.address.items()}
    survivor = record.get(found.survivor) if found.survivor else None
    return MasterSeen(
        kind=kind,
        external_id=str(record["Id"]),
        name=str(record.get(found.plain.get("name", found.plain.get("description", ""))) or ""),
        state=_state(found, record),
        values=values,
        version=at.isoformat(),
        changed_at=at,
        merged_into=str(survivor) if survivor else None,
    )


def _state(found: _Object, record: Record) -> SideState:
    if record.get("IsDeleted") is True:
        return SideState.DELETED
    is_active = found.active is None or record.get(found.active) is True
    return SideState.PRESENT if is_active else SideState.INACTIVE


def _body(found: _Object, fields: Mapping[str, Value]) -> dict[str, object]:
    """Fields in the vendor's words; null clears a field."""
    body: dict[str, object] = {}
    for name, value in fields.items():
        if name in found.plain:
            body[found.plain[name]] = value or None
        elif name == "bill_to" and found.address and isinstance(value, dict):
            body |= {theirs: value.get(ours) or None for ours, theirs in found.address.items()}
        else:
            raise Misconfigured(f"The gateway does not write {name} in {found.sobject}.", reason="field")
    return body
