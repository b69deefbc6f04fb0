"""What the org must have for the gateway to work, compared with what its integration user can see."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from adapters.salesforce.client import SalesforceClient
from adapters.salesforce.connection import SalesforceNames
from domain.errors import Misconfigured, Missing
from domain.lifecycle_check import FieldSeen, OrgSeen


class Need(NamedTuple):
    """One object: the fields read, the fields written, and the external id by which its records are found.

    `created`: the gateway adds records of it, and does not only update those that exist.
    """

    sobject: str
    read: Sequence[str]
    written: Sequence[str] = ()
    external_id: str | None = None
    created: bool = False


def needs(names: SalesforceNames) -> list[Need]:
    """Every object and field that the gateway uses."""
    return [*_updated(names), *_added(names)]


def _updated(names: SalesforceNames) -> list[Need]:
    """Objects whose records belong to sales."""
    order, item, account, product = names.order, names.order_item, names.account, names.product
    return [
        Need(
            account.sobject,
            (account.master_record,),
            (account.name, account.phone, account.open_balance, account.credit_hold),
            account.erp_id,
        ),
        Need(product.sobject, (product.is_active,), (product.name, product.available), product.sku),
        Need(
            order.sobject,
            (order.name, order.status, order.purchase_order, order.ordered_on),
            (order.number, order.gateway_status, order.gateway_message, order.invoiced_amount, order.open_amount),
            order.number,
        ),
        Need(
            item.sobject,
            (item.order, item.quantity, item.unit_price),
            (item.line_no, item.uom, item.shipped, item.backordered, item.invoiced),
        ),
    ]


def _added(names: SalesforceNames) -> list[Need]:
    """Objects whose records are the gateway's own."""
    event, invoice, stock = names.order_event, names.invoice, names.inventory
    of_event = (event.order, event.type, event.occurred_at, event.source, event.note)
    of_invoice = (
        *(invoice.order, invoice.doc_number, invoice.status, invoice.total),
        *(invoice.balance, invoice.invoiced_on, invoice.quickbooks_id),
    )
    of_stock = (
        *(stock.product, stock.warehouse, stock.on_hand, stock.allocated, stock.available),
        *(stock.as_of, stock.source_seq, stock.confidence, stock.basis),
    )
    return [
        Need(event.sobject, (), of_event, event.key, created=True),
        Need(invoice.sobject, (), of_invoice, invoice.key, created=True),
        Need(stock.sobject, (), of_stock, stock.key, created=True),
    ]


def gaps(client: SalesforceClient, names: SalesforceNames) -> Iterator[str]:
    """Say what is missing, one phrase each; costs one call an object."""
    for need in needs(names):
        described = _describe(client, need.sobject)
        if described is None:
            yield f"object {need.sobject} is missing"
        else:
            yield from _gaps_of(need, described)


def org_seen(client: SalesforceClient, names: SalesforceNames) -> OrgSeen:
    """What the org has of the fields that a lifecycle writes and reads; costs one call an object."""
    order, event = names.order, names.order_event
    fields = _describe(client, order.sobject) or {}
    events = _describe(client, event.sobject) or {}
    return OrgSeen(
        gateway_status_name=f"{order.sobject}.{order.gateway_status}",
        gateway_status=_seen(fields, order.gateway_status),
        order_status_name=f"{order.sobject}.{order.status}",
        order_status=_seen(fields, order.status),
        event_type_name=f"{event.sobject}.{event.type}",
        event_type=_seen(events, event.type),
    )


def _seen(fields: Mapping[str, Mapping[str, object]], name: str) -> FieldSeen | None:
    field = fields.get(name)
    if field is None:
        return None
    choices, length = field.get("picklistValues"), field.get("length")
    is_picklist = field.get("type") in {"picklist", "multipicklist"}
    values = [str(one["value"]) for one in choices if one.get("active", True)] if isinstance(choices, list) else []
    return FieldSeen(
        name=name,
        writable=field.get("updateable") is not False,
        values=frozenset(values) if is_picklist else None,
        restricted=field.get("restrictedPicklist") is True,
        length=length if isinstance(length, int) and length > 0 else None,
    )


def _describe(client: SalesforceClient, sobject: str) -> Mapping[str, Mapping[str, object]] | None:
    """The fields of an object by name, or None where the user sees no such object."""
    try:
        answer = client.get(f"sobjects/{sobject}/describe")
    except (Misconfigured, Missing) as error:
        if error.reason not in {"NOT_FOUND", "INVALID_TYPE"}:
            raise
        return None
    fields = answer.get("fields") if isinstance(answer, Mapping) else None
    return {str(field["name"]): field for field in fields or ()}


def _gaps_of(need: Need, fields: Mapping[str, Mapping[str, object]]) -> Iterator[str]:
    keys = () if need.external_id is None else (need.external_id,)
    for name in dict.fromkeys((*keys, *need.read, *need.written)):
        if name not in fields:
            yield f"field {need.sobject}.{name} is missing or not visible"
    for name in _closed(fields, need.written, "updateable"):
        yield f"field {need.sobject}.{name} cannot be written"
    for name in _closed(fields, (*keys, *need.written) if need.created else (), "createable"):
        yield f"field {need.sobject}.{name} cannot be given to a new record"
    for name in keys:
        flags = fields.get(name, {"externalId": True, "unique": True})
        if flags.get("externalId") is not True or flags.get("unique") is not True:
            yield f"field {need.sobject}.{name} must be an external id and unique"


def _closed(fields: Mapping[str, Mapping[str, object]], names: Sequence[str], flag: str) -> list[str]:
    return [name for name in names if fields.get(name, {}).get(flag) is False]
