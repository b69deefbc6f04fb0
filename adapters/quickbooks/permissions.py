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

    @property
    def writes(self) -> bool:
        """True when it changes the books."""
        return self in {Operation.CREATE_INVOICE, Operation.BATCH_OF_INVOICES}


def permit(method: str, resource: str, params: Mapping[str, Any], body: object) -> Operation:
    """Name the operation, or refuse it with Misconfigured. `resource` is the path below the company, such as `invoice`.

    Allowed are reads, queries, and the creation of invoices that carry our marker, single or in a batch. No update, no
    delete, no void, no sending, no other entity.
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
    raise Misconfigured(
        f"The gateway may only create its own invoices in QuickBooks; refused: {method} {resource}.",
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
