"""Which customers of QuickBooks are others there by now, whether or not our links could follow (cases M5, M6)."""

from __future__ import annotations

from sqlalchemy import text
from sqlmodel import Session

from domain.links import LinkKind
from domain.sources import System
from store import links
from store.tables.links import LinkRow, LinkState

# As it was said of the record last, and as it stood when its customer was decided about: a link that is retired since
# takes what was said last with it.
_SURVIVORS = text("""
SELECT merged_into FROM master_sides
WHERE kind = 'customer' AND system = 'quickbooks' AND external_id = :loser AND merged_into IS NOT NULL
UNION
SELECT gone ->> 'merged_into'
FROM links alias
JOIN decisions decided ON decided.kind = 'master_merge' AND decided.record_type = 'customer'
    AND decided.record_key = alias.local_key
CROSS JOIN LATERAL jsonb_array_elements(decided.outcome -> 'gone') AS listed(gone)
WHERE alias.kind = 'customer' AND alias.system = 'quickbooks' AND alias.external_id = :loser
  AND gone ->> 'system' = 'quickbooks' AND gone ->> 'external_id' = :loser AND gone ->> 'merged_into' IS NOT NULL
""")


def is_followed(session: Session, customer: str, booked: str, stands: str) -> bool:
    """Whether a document of this customer of ours went where the customer's own link went, whatever its role.

    It was booked under a record that is an alias by now, and stands under the one that is linked.
    """
    linked = links.external_ids(session, System.QUICKBOOKS, LinkKind.CUSTOMER, [customer])
    key = (System.QUICKBOOKS.value, LinkKind.CUSTOMER.value, customer, booked)
    alias = session.get(LinkRow, key, populate_existing=True)
    return linked.get(customer) == stands and alias is not None and alias.state == LinkState.RETIRED


def went_into(session: Session, loser: str, stands: str) -> bool:
    """Whether a customer of QuickBooks is known to have become another one there, or one that was merged further."""
    survivors = list(session.scalars(_SURVIVORS, {"loser": loser}))
    if stands in survivors or not survivors:
        return stands in survivors
    ours = links.local_keys_ever(session, System.QUICKBOOKS, LinkKind.CUSTOMER, [*survivors, stands])
    return stands in ours and ours[stands] in {ours.get(one) for one in survivors}
