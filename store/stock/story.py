"""Why it is that number: a decision made again from its kept inputs, in words, now or as of a time (G-F4, G-B5)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, tzinfo
from typing import Any

from pydantic import AwareDatetime, BaseModel, ConfigDict
from sqlalchemy import or_, select, text
from sqlmodel import Session, col

from domain.availability_words import explain
from domain.freshness import Confidence
from domain.kits import KitAvailability, explain_kit
from domain.money import Quantity
from domain.oversell import shortage_among
from domain.promises import Availability, Component
from domain.shortages import OversellFinding
from domain.standings import Standing
from store.history import rows_as_of
from store.paging import DEFAULT_LIMIT, Page, page_of
from store.stock import promises, shown
from store.stock.views import Look, StockView, views
from store.tables.changes import ChangeRow
from store.tables.stock import AvailabilityRow, StockShowingRow

NUMBER = ("value", "published", "confidence", "held")  # a change of one of these is a change of the number


class OrderStanding(BaseModel):
    """What one order line takes from the promise, in base units: `unseen` by the ERP, on hold or backordered there."""

    model_config = ConfigDict(frozen=True)

    order_number: str
    line_no: int
    warehouse: str | None
    quantity: Quantity
    uom: str
    covered: Quantity
    unseen: Quantity
    on_hold: Quantity
    backordered: Quantity
    left_inside: Quantity


class ExplainedStock(StockView):
    """A row with the reasons of its number: `explanation` is the sentence, `components` add up to `value`.

    `salesforce_explanation` and `salesforce_components` say the same of the number that Salesforce shows, or showed
    then, which may have been decided earlier.
    """

    explanation: str
    components: tuple[Component, ...] = ()
    standings: tuple[OrderStanding, ...] = ()
    notes: tuple[str, ...] = ()
    kit: KitAvailability | None = None
    shortage: OversellFinding | None = None
    salesforce_explanation: str | None = None
    salesforce_components: tuple[Component, ...] = ()


class StockChange(BaseModel):
    """One change of a row's number: what it became, and by which cause. What did not change is left out."""

    model_config = ConfigDict(frozen=True)

    at: AwareDatetime
    value_before: Quantity | None = None
    value: Quantity | None = None
    published: Quantity | None = None
    confidence: Confidence | None = None
    as_of_at: AwareDatetime | None = None
    held: str | None = None
    basis: str | None = None
    cause: dict[str, Any] | None
    changed: tuple[str, ...]


def rows_of(session: Session, sku: str, as_of: datetime | None = None) -> list[AvailabilityRow]:
    """The decisions about an item, the total first, now or as they stood at a time."""
    now = promises.of_items(session, [sku])
    if as_of is None:
        return list(now.values())
    found = rows_as_of(session, AvailabilityRow, as_of, ["|".join(key) for key in now])
    return sorted(found.values(), key=lambda row: row.warehouse)


def explained(session: Session, rows: Sequence[AvailabilityRow], look: Look, zone: tzinfo) -> list[ExplainedStock]:
    """Rows of one item with their reasons: each is decided again from what was kept of its decision."""
    keys = [(row.sku, row.warehouse) for row in rows]
    showing = shown.showings(session, keys, look.at if look.past else None)
    said = {key: _again(session, row) for key, row in zip(keys, rows, strict=True)}
    all_said = [one for one in said.values() if one]
    found = []
    for key, row, view in zip(keys, rows, views(session, rows, look), strict=True):
        reasons = _reasons(row, view, said[key], zone)
        one = said[key]
        reasons["shortage"] = shortage_among(one, all_said) if one else None
        words, components = _shown_reasons(session, row, showing.get(key), zone)
        reasons |= {"salesforce_explanation": words, "salesforce_components": components}
        found.append(ExplainedStock.model_validate({**dict(view), **reasons}))
    return found


def history(
    session: Session,
    sku: str,
    warehouse: str,
    *,
    until: datetime | None = None,
    limit: int = DEFAULT_LIMIT,
    cursor: str | None = None,
) -> Page[StockChange]:
    """Every change of a row's number, newest first; a decision that came to the same again is none."""
    query = select(ChangeRow).where(
        col(ChangeRow.table_name) == AvailabilityRow.__tablename__,
        col(ChangeRow.row_key) == f"{sku}|{warehouse}",
        or_(col(ChangeRow.operation) == "insert", *(col(ChangeRow.after).has_key(name) for name in NUMBER)),  # type: ignore[attr-defined]
    )
    if until is not None:
        query = query.where(col(ChangeRow.at) <= until)
    return page_of(session, query, [col(ChangeRow.id)], limit=limit, cursor=cursor, descending=True).of(_change)


def _again(session: Session, row: AvailabilityRow) -> Availability | None:
    if "kit" in row.given:
        return None
    policy = promises.policy_of(session, row.policy_version, row.decided_at)
    return None if policy is None else promises.decided_again(row, policy)


def _reasons(row: AvailabilityRow, view: StockView, said: Availability | None, zone: tzinfo) -> dict[str, Any]:
    known = {"published": view.published, "confidence": view.confidence}
    if "kit" in row.given:
        kit = KitAvailability.model_validate(row.given["kit"]).model_copy(update=known)
        return {"explanation": explain_kit(kit), "kit": kit}
    if said is None:
        return {"explanation": f"{row.basis}."}
    return {
        "explanation": explain(said.model_copy(update=known), zone),
        "components": said.components,
        "standings": tuple(map(_standing, said.standings)),
        "notes": said.notes,
    }


def _standing(one: Standing) -> OrderStanding:
    demand = one.demand
    fields = {"order_number": demand.order_number, "line_no": demand.line_no, "warehouse": demand.warehouse}
    quantities = {name: getattr(one, name) for name in ("covered", "unseen", "on_hold", "backordered", "left_inside")}
    return OrderStanding(**fields, **quantities, quantity=demand.quantity, uom=demand.uom)


_IMAGE_AT = text("""
SELECT max(at) FROM change_log WHERE table_name = 'availabilities' AND row_key = :key
AND CAST(after ->> 'decided_at' AS timestamptz) = :decided_at
""")


def _shown_reasons(
    session: Session, row: AvailabilityRow, showing: StockShowingRow | None, zone: tzinfo
) -> tuple[str | None, tuple[Component, ...]]:
    """The sentence and the components of the decision that Salesforce shows, found again in the change log."""
    if showing is None:
        return None, ()
    key = f"{row.sku}|{row.warehouse}"
    decided = row
    if showing.decided_at != row.decided_at:
        at = session.scalar(_IMAGE_AT, {"key": key, "decided_at": showing.decided_at})
        images = rows_as_of(session, AvailabilityRow, at, [key]) if at else {}
        if key not in images:
            return None, ()
        decided = images[key]
    if "kit" in decided.given:
        return explain_kit(KitAvailability.model_validate(decided.given["kit"])), ()
    said = _again(session, decided)
    return (f"{decided.basis}.", ()) if said is None else (explain(said, zone), said.components)


def _change(row: ChangeRow) -> StockChange:
    before, after = row.before or {}, row.after or {}
    told = {name: after.get(name) for name in (*NUMBER, "as_of_at", "basis")}
    return StockChange(
        at=row.at,
        value_before=before.get("value"),
        cause=row.cause,
        changed=tuple(name for name in (*NUMBER, "as_of_at") if name in after),
        **told,
    )
