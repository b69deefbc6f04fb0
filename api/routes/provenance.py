"""Provenance: of every field what stated it, and every value that it had."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from api.auth import Viewer
from api.exports import FILE, in_csv
from api.services import Reading
from api.shapes import AsOf, Cursor, Limit, Listing, listing, problems
from domain.errors import Missing
from store import provenance
from store.provenance import FieldChange, FieldOrigin, Narrowed, Noun

router = APIRouter(prefix="/provenance", tags=["provenance"])

Row = Annotated[str | None, Query(description="Only this row of the record, such as `SO1|2`, a line.")]
Field = Annotated[str | None, Query(description="Only this field.")]


# Before the address of a record itself, whose key may hold slashes and so takes everything that follows.
@router.get(
    "/{noun}/{record_key:path}/history", responses=problems(404) | FILE, summary="List every value that fields had"
)
@in_csv("field-history")
def read_field_history(
    noun: Noun,
    record_key: str,
    session: Reading,
    key: Viewer,
    row: Row = None,
    field: Field = None,
    as_of: AsOf = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Listing[FieldChange]:
    """What each field was and became, the newest first, and what stated it. One change may be of many fields."""
    narrowed = Narrowed(row, field, as_of)
    found = provenance.history(session, noun, record_key, narrowed, limit=limit, cursor=cursor)
    if not found.items and cursor is None:
        raise _unknown(noun, record_key)
    return listing(found)


@router.get("/{noun}/{record_key:path}", responses=problems(404) | FILE, summary="Tell of every field what stated it")
@in_csv("provenance")
def read_provenance(
    noun: Noun,
    record_key: str,
    session: Reading,
    key: Viewer,
    row: Row = None,
    field: Field = None,
    as_of: AsOf = None,
    limit: Limit = 200,
    cursor: Cursor = None,
) -> Listing[FieldOrigin]:
    """Value, since when, and the line of the file, the record in its version, the decision or the person behind it."""
    found = provenance.fields(session, noun, record_key, Narrowed(row, field, as_of), limit=limit, cursor=cursor)
    if not found.items and cursor is None:
        raise _unknown(noun, record_key)
    return listing(found)


def _unknown(noun: Noun, key: str) -> Missing:
    return Missing(f"Nothing is known of {key} among the {noun}, or of that row or field.", reason="provenance")
