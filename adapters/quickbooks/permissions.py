"""What the gateway may do in QuickBooks. The OAuth grant is all or nothing, so the limit is drawn here, in code."""

from __future__ import annotations

import json
from collections.abc import Mapping
from enum import Enum
from typing import Any

from domain.errors import Misconfigured

MARKER_PREFIX = "threeway:"
WRITABLE: Mapping[str, frozenset[str]] = {
    "customer": frozenset({"DisplayName", "BillAddr", "PrimaryPhone", "SalesTermRef", "Taxable"}),
    "item": frozenset({"Description", "UnitPrice", "Taxable"}),
}


class Operation(Enum):
    """What a request does; everything else is refused."""

    READ = "read"
    QUERY = "query"
    CREATE_INVOICE = "create_invoice"
    BATCH_OF_INVOICES = "batch_of_invoices"
    CREATE_CREDIT_MEMO = "create_credit_memo"
    VOID_INVOICE = "void_invoice"
    UPDATE_MASTER = "update_master"

    @property
    def writes(self) -> bool:
        """True when it changes the books."""
        return self not in {Operation.READ, Operation.QUERY}


def permit(method: str, resource: str, params: Mapping[str, Any], body: object) -> Operation:
    """Name the operation, or refuse it with Misconfigured. `resource` is the path below the company, such as `invoice`.

    Allowed are reads, queries, the creation of invoices and credit memos that carry our marker (invoices also in a
    batch), the voiding of an invoice (`credit_memos.void_invoice` has read before that it is ours), and the sparse
    update of the fields of customers and items that ownership may give away. Nothing of these is ever created, made
    inactive or deleted; no other entity is written, and nothing is sent.
    """
    if method == "GET":
        return Operation.READ
    if method == "POST" and resource == "query":
        return Operation.QUERY
    found = _written(resource, params, _parsed(body)) if method == "POST" else None
    if found is not None:
        return found
    raise Misconfigured(
        f"The gateway may only write its own documents and agreed fields in QuickBooks; refused: {method} {resource}.",
        reason="write_not_allowed",
    )


def _written(resource: str, params: Mapping[str, Any], body: object) -> Operation | None:
    """The write that a request is, None for one that the gateway never does."""
    is_plain = set(params) <= {"minorversion", "requestid"}
    may = {
        Operation.CREATE_INVOICE: is_plain and resource == "invoice" and _creates_ours(body),
        Operation.BATCH_OF_INVOICES: is_plain and resource == "batch" and _batch_creates_ours(body),
        Operation.CREATE_CREDIT_MEMO: is_plain and resource == "creditmemo" and _creates_ours(body),
        Operation.VOID_INVOICE: resource == "invoice" and _voids(params, body),
        Operation.UPDATE_MASTER: set(params) <= {"minorversion"} and _updates_master(resource, body),
    }
    return next((operation for operation, is_it in may.items() if is_it), None)


def _parsed(body: object) -> object:
    try:
        return json.loads(body) if isinstance(body, str) else None
    except ValueError:
        return None


def _creates_ours(invoice: object) -> bool:
    """True for an invoice without an id (so a creation) whose note begins with our marker."""
    return (
        isinstance(invoice, Mapping)
        and not {"Id", "SyncToken"} & set(invoice)
        and str(invoice.get("PrivateNote", "")).startswith(MARKER_PREFIX)
    )


def _voids(params: Mapping[str, Any], body: object) -> bool:
    """True for the voiding of one invoice, under a request id, by the token that was read, and nothing besides."""
    named = params.get("operation") == "void" and "requestid" in params
    only = set(params) <= {"minorversion", "requestid", "operation"}
    return named and only and isinstance(body, Mapping) and set(body) == {"Id", "SyncToken"}


def _updates_master(resource: str, body: object) -> bool:
    """True for a sparse update, by the token that was read, of fields that the gateway may bring to what is agreed."""
    allowed = WRITABLE.get(resource)
    if allowed is None or not isinstance(body, Mapping) or body.get("sparse") is not True:
        return False
    fields = set(body) - {"Id", "SyncToken", "sparse"}
    return {"Id", "SyncToken"} <= set(body) and bool(fields) and fields <= allowed


def _batch_creates_ours(body: object) -> bool:
    items = body.get("BatchItemRequest") if isinstance(body, Mapping) else None
    return isinstance(items, list) and bool(items) and all(_item_creates_ours(item) for item in items)


def _item_creates_ours(item: object) -> bool:
    return (
        isinstance(item, Mapping)
        and set(item) == {"bId", "operation", "Invoice"}
        and item["operation"] == "create"
        and _creates_ours(item["Invoice"])
    )
