"""What the gateway may do in QuickBooks. The OAuth grant is all or nothing, so the limit is drawn here, in code."""

from __future__ import annotations

import json
from collections.abc import Mapping
from enum import Enum
from typing import Any

from domain.errors import Misconfigured

MARKER_PREFIX = "threeway:"


class Operation(Enum):
    """What a request does; everything else is refused."""

    READ = "read"
    QUERY = "query"
    CREATE_INVOICE = "create_invoice"
    BATCH_OF_INVOICES = "batch_of_invoices"
    CREATE_CREDIT_MEMO = "create_credit_memo"
    VOID_INVOICE = "void_invoice"

    @property
    def writes(self) -> bool:
        """True when it changes the books."""
        return self not in {Operation.READ, Operation.QUERY}


def permit(method: str, resource: str, params: Mapping[str, Any], body: object) -> Operation:
    """Name the operation, or refuse it with Misconfigured. `resource` is the path below the company, such as `invoice`.

    Allowed are reads, queries, the creation of invoices and credit memos that carry our marker (invoices also in a
    batch), and the voiding of an invoice: `credit_memos.void_invoice` has read before that it is ours. No update, no
    delete, no sending, no other entity.
    """
    if method == "GET":
        return Operation.READ
    if method == "POST" and resource == "query":
        return Operation.QUERY
    if method == "POST" and set(params) <= {"minorversion", "requestid"}:
        if resource == "invoice" and _creates_ours(_parsed(body)):
            return Operation.CREATE_INVOICE
        if resource == "batch" and _batch_creates_ours(_parsed(body)):
            return Operation.BATCH_OF_INVOICES
        if resource == "creditmemo" and _creates_ours(_parsed(body)):
            return Operation.CREATE_CREDIT_MEMO
    if method == "POST" and resource == "invoice" and _voids(params, _parsed(body)):
        return Operation.VOID_INVOICE
    raise Misconfigured(
        f"The gateway may only write its own documents in QuickBooks; refused: {method} {resource}.",
        reason="write_not_allowed",
    )


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
