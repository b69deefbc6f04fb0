"""Provenance: of every field of a record its value, since when, and what stated it, down to the line (G-B4)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Row, String, or_, select, text
from sqlmodel import Session, SQLModel, col

from store.paging import DEFAULT_LIMIT, Page, page_of
from store.places import FileKey, FilePlace, file_id_of, places
from store.tables.changes import ChangeRow
from store.tables.credits import CreditLineRow, CreditRow, CustomerBalanceRow
from store.tables.exceptions import DecisionRow, ExceptionRow
from store.tables.invoices import InvoiceLineRow, InvoiceRow
from store.tables.lifecycle import OrderLineLedgerRow, OrderStateRow
from store.tables.links import LinkRow
from store.tables.master import CustomerRow, ItemRow
from store.tables.orders import OrderLineRow, OrderRow
from store.tables.shipments import ShipmentLineRow, ShipmentRow
from store.tables.stock import AvailabilityRow, ReservationRow, StockLevelRow
from store.upserts import table_of


class Noun(StrEnum):
    """What can be asked about, as in the addresses of the API."""

    CUSTOMERS = "customers"
    ITEMS = "items"
    ORDERS = "orders"
    SHIPMENTS = "shipments"
    INVOICES = "invoices"
    CREDITS = "credits"
    STOCK = "stock"
    LINKS = "links"
    RESERVATIONS = "reservations"
    EXCEPTIONS = "exceptions"


TABLES: dict[Noun, tuple[type[SQLModel], ...]] = {
    Noun.CUSTOMERS: (CustomerRow, CustomerBalanceRow),
    Noun.ITEMS: (ItemRow,),
    Noun.ORDERS: (OrderRow, OrderLineRow, OrderStateRow, OrderLineLedgerRow),
    Noun.SHIPMENTS: (ShipmentRow, ShipmentLineRow),
    Noun.INVOICES: (InvoiceRow, InvoiceLineRow),
    Noun.CREDITS: (CreditRow, CreditLineRow),
    Noun.STOCK: (StockLevelRow, AvailabilityRow),
    Noun.LINKS: (LinkRow,),
    Noun.RESERVATIONS: (ReservationRow,),
    Noun.EXCEPTIONS: (ExceptionRow,),
}
# By table: the system that has the record, what it is called there, and the columns of its id and of its version.
_OBJECTS = {
    "orders": ("salesforce", "Order", "external_id", "version_at"),
    "order_lines": ("salesforce", "OrderItem", "external_id", None),
    "invoices": ("quickbooks", "Invoice", "quickbooks_id", "sync_token"),
    "credits": ("quickbooks", "CreditMemo", "quickbooks_id", "sync_token"),
    "customer_balances": ("quickbooks", "Customer", None, "as_of_at"),
    "links": (None, None, "external_id", "version_token"),
}
_FILED = frozenset({"customers", "items", "shipments", "shipment_lines", "stock_levels"})


class ObjectVersion(BaseModel):
    """A record of another system, and the version of it that stated something."""

    model_config = ConfigDict(frozen=True)

    system: str
    object: str
    id: str | None
    version: str | None


class Origin(BaseModel):
    """What a change came from: the system and who acted, the place in a file or the record there, the decision.

    `user` is the person or key that acted, where one did. `audit_position`: its place in the audit trail.
    """

    model_config = ConfigDict(frozen=True)

    change_id: int
    at: datetime
    system: str | None
    actor: str | None
    user: str | None
    workflow_id: str | None
    file: FilePlace | None = None
    record: ObjectVersion | None = None
    decision_id: str | None = None
    exception_id: str | None = None
    audit_position: int | None = None
    reference: dict[str, Any] = {}


class FieldOrigin(BaseModel):
    """A field as it stands, and what stated it."""

    model_config = ConfigDict(frozen=True)

    table: str
    row: str
    field: str
    value: Any
    since: datetime
    origin: Origin


class FieldChange(BaseModel):
    """One value that a field had, and what stated it; `gone`: the row was removed."""

    model_config = ConfigDict(frozen=True)

    table: str
    row: str
    field: str
    before: Any = None
    value: Any = None
    gone: bool = False
    origin: Origin


class Narrowed(NamedTuple):
    """Which fields are wanted; None: all."""

    row: str | None = None
    field: str | None = None
    as_of: datetime | None = None


ALL_FIELDS = Narrowed()

# A row that was deleted has no field; one that came back takes nothing from its earlier life, for an insert names all.
# The parts that stand now are found by their own tables; those of the past only by looking through the log.
_FIELDS = """
WITH last AS (
    SELECT DISTINCT ON (table_name, row_key) table_name, row_key, operation FROM change_log
    WHERE table_name = ANY(:tables) AND {rows}
      AND (CAST(:as_of AS timestamptz) IS NULL OR at <= :as_of)
    ORDER BY table_name, row_key, id DESC
)
SELECT * FROM (
    SELECT DISTINCT ON (log.table_name, log.row_key, field.key)
           log.table_name, log.row_key, field.key AS field, field.value, log.id, log.at, log.transaction_id, log.after,
           log.cause, log.actor
    FROM change_log log JOIN last USING (table_name, row_key) CROSS JOIN LATERAL jsonb_each(log.after) field
    WHERE last.operation <> 'delete' AND (CAST(:as_of AS timestamptz) IS NULL OR log.at <= :as_of)
    ORDER BY log.table_name, log.row_key, field.key, log.id DESC
) standing
WHERE (CAST(:field AS text) IS NULL OR field = :field) AND (CAST(:row AS text) IS NULL OR row_key = :row)
  AND (table_name, row_key, field) > (:after_table, :after_row, :after_field)
ORDER BY table_name, row_key, field LIMIT :limit
"""
_NOW, _THEN = (
    text(_FIELDS.format(rows=rows)) for rows in ("row_key = ANY(:keys)", "(row_key = :key OR row_key LIKE :below)")
)


def fields(
    session: Session,
    noun: Noun,
    key: str,
    narrowed: Narrowed = ALL_FIELDS,
    *,
    limit: int = DEFAULT_LIMIT,
    cursor: str | None = None,
) -> Page[FieldOrigin]:
    """Every field of a record and its parts as they stand (or stood), by table, row and name; empty: never seen."""
    after = (cursor or "").split("\n") if (cursor or "").count("\n") == 2 else ["", "", ""]
    scope = _scope(session, noun, key)
    given: dict[str, Any] = {
        "tables": [table_of(one).name for one in TABLES[noun]],
        **(scope if narrowed.as_of else {"keys": _standing(session, noun, scope["key"])}),
        **narrowed._asdict(),
        **dict(zip(("after_table", "after_row", "after_field"), after, strict=True)),
        "limit": limit + 1,
    }
    found = session.execute(_THEN if narrowed.as_of else _NOW, given).all()
    taken = found[:limit]
    origins = _origins(session, taken)
    items = tuple(
        FieldOrigin(
            table=row.table_name,
            row=row.row_key,
            field=row.field,
            value=row.value,
            since=row.at,
            origin=origins[row.id, row.row_key],
        )
        for row in taken
    )
    more = len(found) > limit
    last = taken[-1] if more else None
    return Page(items=items, next_cursor=f"{last.table_name}\n{last.row_key}\n{last.field}" if last else None)


def history(
    session: Session,
    noun: Noun,
    key: str,
    narrowed: Narrowed,
    *,
    limit: int = DEFAULT_LIMIT,
    cursor: str | None = None,
) -> Page[FieldChange]:
    """Every value that these fields ever had, the newest first; a page is of changes, one may be of many fields."""
    scope = _scope(session, noun, key)
    row = ChangeRow
    query = select(row).where(
        col(row.table_name).in_([table_of(one).name for one in TABLES[noun]]),
        or_(col(row.row_key) == scope["key"], col(row.row_key).like(scope["below"])),
    )
    if narrowed.row is not None:
        query = query.where(col(row.row_key) == narrowed.row)
    if narrowed.as_of is not None:
        query = query.where(col(row.at) <= narrowed.as_of)
    if narrowed.field is not None:
        named = (col(one).has_key(narrowed.field) for one in (row.after, row.before))  # type: ignore[attr-defined]
        query = query.where(or_(*named))
    found = page_of(session, query, [col(row.id)], limit=limit, cursor=cursor, descending=True)
    origins = _origins(session, found.items)
    changes = (one for change in found.items for one in _changes(change, narrowed.field, origins))
    return Page(items=tuple(changes), next_cursor=found.next_cursor)


def _changes(change: ChangeRow, field: str | None, origins: dict[tuple[int, str], Origin]) -> Iterable[FieldChange]:
    before, after = change.before or {}, change.after or {}
    for name in sorted({*before, *after}):
        if field in {None, name}:
            yield FieldChange(
                table=change.table_name,
                row=change.row_key,
                field=name,
                before=before.get(name),
                value=after.get(name),
                gone=change.operation == "delete",
                origin=origins[change.id or 0, change.row_key],
            )


def _scope(session: Session, noun: Noun, key: str) -> dict[str, str]:
    """The key of a record in its tables, and the pattern of its parts' keys."""
    if noun is Noun.INVOICES:
        matches = or_(col(InvoiceRow.doc_number) == key, col(InvoiceRow.quickbooks_id) == key)
        row = session.scalars(select(InvoiceRow).where(matches).limit(1)).first()
        key = f"{row.shipment_number}|{row.generation}" if row else key
    escaped = key.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return {"key": key, "below": f"{escaped}|%"}


def _standing(session: Session, noun: Noun, key: str) -> list[str]:
    """The keys of the rows that a record consists of now."""
    keys = {key}
    for row_type in TABLES[noun]:
        primary = list(table_of(row_type).primary_key)
        owner = key.split("|")[: len(primary)]
        if noun is Noun.LINKS or len(primary) <= len(owner):
            continue
        same = [column.cast(String) == part for column, part in zip(primary, owner, strict=False)]
        for row in session.execute(select(*primary).where(*same)):
            keys.add("|".join(map(str, row)))
    return sorted(keys)


def _origins(session: Session, changes: Sequence[Row[Any]] | Sequence[ChangeRow]) -> dict[tuple[int, str], Origin]:
    """What each change came from; files, decisions and audit entries in one query each."""
    stating = _stating(session, changes)
    files = {(one.id or 0, one.row_key): _file_key(one, stating) for one in changes}
    found = places(session, [key for key in files.values() if key])
    transactions = {one.transaction_id for one in changes}
    decided = _decisions(session, transactions)
    audited = _audited(session, transactions)
    origins: dict[tuple[int, str], Origin] = {}
    for one in changes:
        file = files[one.id or 0, one.row_key]
        cause = one.cause or {}
        reference = cause.get("reference") or {}
        origins[one.id or 0, one.row_key] = Origin(
            change_id=one.id or 0,
            at=one.at,
            system=cause.get("source"),
            actor=one.actor,
            user=one.actor if cause.get("source") == "user" else None,
            workflow_id=cause.get("workflow_id"),
            file=found.get(file) if file else None,
            record=_object(one),
            decision_id=decided.get((one.transaction_id, one.row_key.split("|")[0])),
            exception_id=str(reference["exception"]) if "exception" in reference else None,
            audit_position=audited.get(one.transaction_id),
            reference=reference,
        )
    return origins


def _stating(session: Session, changes: Sequence[Any]) -> dict[tuple[int, str], str]:
    """By transaction and shipment the file that stated it then: its lines do not say it themselves."""
    row = ChangeRow
    of_lines = [one for one in changes if one.table_name == ShipmentLineRow.__tablename__]
    if not of_lines:
        return {}
    query = select(row).where(
        col(row.table_name) == ShipmentRow.__tablename__,
        col(row.row_key).in_({one.row_key.rpartition("|")[0] for one in of_lines}),
        col(row.transaction_id).in_({one.transaction_id for one in of_lines}),
    )
    told = [(one, (one.after or {}).get("source_file_id")) for one in session.scalars(query)]
    return {(one.transaction_id, one.row_key): file_id for one, file_id in told if file_id}


def _file_key(change: Any, stating: Mapping[tuple[int, str], str]) -> FileKey | None:
    """The file that stated a change: the row's own word for it, or the cause's."""
    if change.table_name not in _FILED:
        return None
    after, reference = change.after or {}, (change.cause or {}).get("reference") or {}
    if change.table_name == ShipmentLineRow.__tablename__:
        number, _, line_no = change.row_key.rpartition("|")
        file_id = file_id_of(stating.get((change.transaction_id, number)) or reference.get("file_id"))
        return FileKey(file_id, number, int(line_no)) if file_id else None
    own = after.get("source_file_id") or after.get("event_id") or reference.get("file_id")
    file_id = file_id_of(own)
    return FileKey(file_id, change.row_key) if file_id else None


def _object(change: Any) -> ObjectVersion | None:
    if change.table_name not in _OBJECTS:
        return None
    system, name, id_column, version_column = _OBJECTS[change.table_name]
    after = change.after or {}
    parts = change.row_key.split("|")
    if change.table_name == "links":
        system, name, identity = parts[0], parts[1], parts[3]
    else:
        identity = after.get(id_column) if id_column else None
    version = after.get(version_column) if version_column else None
    if identity is None and version is None:
        return None
    return ObjectVersion(
        system=str(system), object=str(name), id=identity, version=None if version is None else str(version)
    )


def _decisions(session: Session, transactions: set[int]) -> dict[tuple[int, str], str]:
    """The decision of each transaction about each record, the newest of several."""
    row = DecisionRow
    query = select(row).where(col(row.transaction_id).in_(transactions)).order_by(col(row.made_at))
    return {(one.transaction_id or 0, one.record_key): str(one.id) for one in session.scalars(query)}


def _audited(session: Session, transactions: set[int]) -> dict[int, int]:
    query = text("""
        SELECT entry.transaction_id, min(link.position) FROM audit_entries entry
        JOIN audit_chain link ON link.entry_id = entry.id
        WHERE entry.transaction_id = ANY(:transactions) GROUP BY 1
    """)
    return dict(session.execute(query, {"transactions": list(transactions)}).all())
