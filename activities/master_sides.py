"""What our own records state of masters, and what is agreed of them back into the canonical store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlmodel import Session

from domain.company import Company
from domain.links import LinkKind
from domain.master_fields import HOME, customer_with, item_with, of_customer, of_item, of_terms
from domain.master_values import Value
from domain.sources import System
from store import customers, items, links, master_marks, mastering
from store.tables.mastering import MasterRecordRow, MasterSideRow

UNLINKED = "unlinked:"  # before a term's id in QuickBooks that no terms of ours are linked to


def home_values(
    session: Session, company: Company, kind: LinkKind, key: str, seen: MasterSideRow | None
) -> dict[str, Value] | None:
    """What our own side states of a record: the ERP's last statement, or `company.toml`; None: it is unknown."""
    if kind is LinkKind.TERMS:
        return of_terms(company.terms[key]) if key in company.terms else None
    if seen is not None:
        return dict(seen.stated)
    if kind is LinkKind.CUSTOMER:
        customer = customers.get_many(session, [key]).get(key)
        return None if customer is None else of_customer(customer)
    item = items.get_many(session, [key]).get(key)
    return None if item is None else of_item(item, company.currency)


def agreed_into_canonical(session: Session, kind: LinkKind, key: str, agreed: Mapping[str, Value]) -> None:
    """Bring the canonical record to what is agreed; one that has it already is not touched."""
    if kind is LinkKind.CUSTOMER and (customer := customers.get_many(session, [key]).get(key)):
        customers.upsert(session, [customer_with(customer, agreed)])
    if kind is LinkKind.ITEM and (item := items.get_many(session, [key]).get(key)):
        items.upsert(session, [item_with(item, agreed)])


def state_home(
    session: Session, kind: LinkKind, stated: Mapping[str, Mapping[str, Value]]
) -> dict[str, dict[str, Value]]:
    """Keep what the ERP states of records that are merged; answers what of each stays as it was agreed all the same.

    A field that the ERP states as before keeps the value that another system gave it: only a change is news. Whatever
    it states otherwise than before is marked, though the canonical record has that value already.
    """
    rows = mastering.get_many(session, kind, list(stated))
    before = mastering.stated(session, HOME[kind], kind, list(rows))
    news = [key for key, row in rows.items() if _is_news(stated[key], before.get(key), row)]
    master_marks.mark_linked(session, kind, news, "the ERP states it otherwise")
    mastering.keep_home(session, kind, HOME[kind], {key: stated[key] for key in rows})
    kept: dict[str, dict[str, Value]] = {}
    for key, row in rows.items():
        base = mastering.base_of(row.home_base)
        known = base.theirs if base else {}
        kept[key] = {
            name: row.agreed[name]
            for name, value in stated[key].items()
            if name in known and known[name] == value and name in row.agreed
        }
    return kept


def _is_news(stated: Mapping[str, Value], before: Mapping[str, Value] | None, row: MasterRecordRow) -> bool:
    """Whether a statement differs from the one before, or from what was agreed with the ERP where none was kept."""
    base = mastering.base_of(row.home_base)
    known = before if before is not None else base.theirs if base else {}
    return any(name in known and known[name] != value for name, value in stated.items())


def terms_in_our_words(session: Session, seen: Sequence[Mapping[str, Value]]) -> list[dict[str, Value]]:
    """Customers' terms by our code instead of QuickBooks' id."""
    ids = [str(one["terms"]) for one in seen if one.get("terms")]
    known = links.local_keys(session, System.QUICKBOOKS, LinkKind.TERMS, ids) if ids else {}
    return [
        {**one, "terms": known.get(str(one["terms"]), f"{UNLINKED}{one['terms']}")} if one.get("terms") else dict(one)
        for one in seen
    ]
