"""Our half of what is compared, staged by set-based SQL from the canonical tables: one statement a kind.

Each statement yields key, body, facts and changed_at; when a row moved last is what the change log says. Invoices are
taken from the frozen content of their intents: what was meant, whatever was taken in since.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache

from sqlalchemy import TextClause, text
from sqlmodel import Session

from domain.reconciliation import Kind, Side
from store import merges
from store.reconciliation import inputs

_INSERT = """
INSERT INTO reconciliation_inputs (run_id, kind, side, key, body, facts, changed_at)
SELECT :run, '/*kind*/', 'gateway', key, body, facts, changed_at FROM (/*source*/) AS found
WHERE CAST(:keys AS text[]) IS NULL OR key = ANY(:keys)
ON CONFLICT (run_id, kind, side, key) DO UPDATE
SET body = excluded.body, facts = excluded.facts, changed_at = excluded.changed_at
"""
# In a source, `/*moved TABLE KEY*/` stands for this, and `/*lines*/` for the lines of an intent.
_MOVED = r"""
LEFT JOIN LATERAL (
    SELECT max(at) AS at FROM change_log WHERE table_name = '\1' AND row_key = \2
) moved ON true
"""
_LINES = """
LEFT JOIN LATERAL (
    SELECT jsonb_agg(jsonb_build_array(
        meant.payload #> '{refs,item_ids}' ->> (line ->> 'sku'), trim_scale((line ->> 'quantity')::numeric)::text,
        trim_scale((line ->> 'unit_price')::numeric)::text, trim_scale((line ->> 'amount')::numeric)::text
    ) ORDER BY place) AS lines
    FROM jsonb_array_elements(meant.payload #> '{draft,lines}') WITH ORDINALITY AS listed(line, place)
) billed ON true
"""
SOURCES: Mapping[Kind, str] = {
    Kind.INVOICE: """
SELECT bill.quickbooks_id AS key,
       jsonb_build_object('customer_id', meant.payload #>> '{refs,customer_id}', 'doc_number', bill.doc_number,
                          'voided', taken.quickbooks_id IS NOT NULL)
       || CASE WHEN taken.quickbooks_id IS NOT NULL THEN '{}' ELSE jsonb_build_object(
              'invoiced_on', coalesce(first.content ->> 'dated', bill.invoiced_on::text),
              'total', trim_scale(bill.total)::text,
              'balance', trim_scale(bill.balance)::text, 'lines', coalesce(billed.lines, '[]')) END AS body,
       jsonb_build_object('shipment', bill.shipment_number, 'generation', bill.generation, 'order', bill.order_number,
                          'customer', bill.customer_number, 'adopted', bill.adopted, 'status', bill.status) AS facts,
       greatest(bill.booked_at, moved.at) AS changed_at
FROM invoices bill JOIN invoice_intents meant USING (shipment_number, generation)
LEFT JOIN (SELECT DISTINCT quickbooks_id FROM credits WHERE kind = 'void') taken
    ON taken.quickbooks_id = bill.quickbooks_id
LEFT JOIN document_versions first
    ON first.kind = 'invoice' AND first.quickbooks_id = bill.quickbooks_id AND first.number = 1
/*lines*/
/*moved invoices bill.shipment_number || '|' || bill.generation*/
""",
    Kind.CREDIT_MEMO: """
SELECT credit.quickbooks_id AS key,
       jsonb_build_object('customer_id', meant.payload #>> '{refs,customer_id}', 'doc_number', credit.doc_number,
                          'voided', false, 'invoiced_on', credit.credited_on, 'total', trim_scale(credit.total)::text,
                          'lines', coalesce(billed.lines, '[]')) AS body,
       jsonb_build_object('shipment', credit.shipment_number, 'generation', credit.generation,
                          'order', credit.order_number, 'customer', credit.customer_number) AS facts,
       greatest(credit.booked_at, moved.at) AS changed_at
FROM credits credit JOIN credit_intents meant USING (shipment_number, generation)
/*lines*/
/*moved credits credit.shipment_number || '|' || credit.generation*/
WHERE credit.kind = 'credit_memo' AND credit.quickbooks_id IS NOT NULL
""",
    Kind.BALANCE: """
SELECT DISTINCT ON (linked.external_id) linked.external_id AS key,
       jsonb_build_object('balance', trim_scale(owed.balance)::text) AS body,
       jsonb_build_object('customer', linked.local_key) AS facts,
       greatest(owed.as_of_at, linked.confirmed_at, moved.at) AS changed_at
FROM links linked
LEFT JOIN customer_balances owed ON owed.customer_number = linked.local_key AND linked.role = 'own'
/*moved customer_balances linked.local_key*/
WHERE linked.system = 'quickbooks' AND linked.kind = 'customer' AND linked.state = 'confirmed'
ORDER BY linked.external_id, linked.role DESC, linked.local_key  -- its own before those who are billed to it
""",
    Kind.ORDER: """
SELECT placed.number AS key,
       jsonb_build_object('status', placed.status, 'customer_number', placed.customer_number,
                          'purchase_order', placed.purchase_order, 'ordered_on', placed.ordered_on) AS body,
       jsonb_build_object('order', placed.number, 'external_id', placed.external_id) AS facts,
       greatest(placed.version_at, placed.first_seen_at, moved.at) AS changed_at
FROM orders placed /*moved orders placed.number*/
WHERE NOT placed.deleted
""",
    Kind.ORDER_LINE: """
SELECT line.order_number || '/' || line.line_no AS key,
       jsonb_build_object('sku', line.sku, 'quantity', trim_scale(line.quantity)::text, 'uom', line.uom,
                          'unit_price', trim_scale(line.unit_price)::text) AS body,
       jsonb_build_object('order', line.order_number, 'external_id', line.external_id) AS facts,
       greatest(placed.version_at, moved.at) AS changed_at
FROM order_lines line JOIN orders placed ON placed.number = line.order_number AND NOT placed.deleted
/*moved order_lines line.order_number || '|' || line.line_no*/
""",
    Kind.INVOICE_SHOWN: """
SELECT bill.shipment_number || ':' || bill.generation AS key,
       jsonb_build_object('doc_number', coalesce(bill.doc_number, ''),
                          'status', initcap(replace(bill.status, '_', ' ')), 'total', trim_scale(bill.total)::text,
                          'balance', trim_scale(bill.balance)::text, 'invoiced_on', bill.invoiced_on,
                          'quickbooks_id', bill.quickbooks_id, 'order', bill.order_number) AS body,
       jsonb_build_object('shipment', bill.shipment_number, 'order', bill.order_number) AS facts,
       greatest(bill.booked_at, moved.at) AS changed_at
FROM invoices bill JOIN orders placed ON placed.number = bill.order_number AND NOT placed.deleted
/*moved invoices bill.shipment_number || '|' || bill.generation*/
""",
    Kind.LEVEL_SHOWN: """
SELECT said.sku || '|' || said.warehouse AS key,
       CASE WHEN said.held IS NOT NULL AND said.published IS NOT NULL THEN '{}' ELSE jsonb_build_object(
           'on_hand', trim_scale(said.on_hand)::text, 'allocated', trim_scale(said.allocated)::text,
           'available', trim_scale(said.published)::text, 'confidence', said.confidence) END AS body,
       jsonb_build_object('held', coalesce(said.held, shown.refused)) AS facts,
       CASE WHEN shown.content_hash = said.content_hash THEN shown.said_at ELSE said.decided_at END AS changed_at
FROM availabilities said LEFT JOIN stock_statements shown USING (sku, warehouse)
WHERE said.warehouse <> '' AND (said.as_of_at IS NOT NULL OR shown.sku IS NOT NULL)
""",
    Kind.TOTAL_SHOWN: """
SELECT said.sku AS key,
       CASE WHEN said.held IS NOT NULL AND said.published IS NOT NULL THEN '{}' ELSE jsonb_build_object(
           'available', trim_scale(said.published)::text) END AS body,
       jsonb_build_object('held', coalesce(said.held, shown.refused)) AS facts,
       CASE WHEN shown.content_hash = said.content_hash THEN shown.said_at ELSE said.decided_at END AS changed_at
FROM availabilities said LEFT JOIN stock_statements shown USING (sku, warehouse)
WHERE said.warehouse = '' AND (said.as_of_at IS NOT NULL OR shown.sku IS NOT NULL)
""",
    Kind.ACCOUNT_LINK: """
SELECT local_key AS key, jsonb_build_object('id', external_id) AS body,
       jsonb_build_object('customer', local_key) AS facts,
       confirmed_at AS changed_at
FROM links WHERE system = 'salesforce' AND kind = 'customer' AND state = 'confirmed'
""",
    Kind.LEVEL: """
SELECT level.sku || '|' || level.warehouse AS key,
       CASE WHEN level.held IS NOT NULL THEN '{}' ELSE jsonb_build_object('on_hand', trim_scale(level.on_hand)::text)
       END AS body,
       jsonb_build_object('held', CASE WHEN level.held IS NOT NULL THEN 'it waits for a confirmation' END) AS facts,
       greatest(level.effective_at, moved.at) AS changed_at
FROM stock_levels level JOIN stock_feeds feed USING (warehouse)
JOIN source_files file ON file.id::text = feed.event_id
/*moved stock_levels level.sku || '|' || level.warehouse*/
WHERE level.state = 'stated' AND level.follows AND jsonb_array_length(level.counts) > 0
  AND NOT EXISTS (
      SELECT FROM reconciliation_inputs lost WHERE lost.run_id = :run AND lost.kind = 'check' AND lost.side = 'erp'
      AND lost.key = 'bytes/' || feed.event_id)
""",
}


def stage(session: Session, run_id: str, kind: Kind, keys: Sequence[str] | None = None) -> None:
    """Stage our half of a kind, of some records only where `keys` are given; what was staged of them goes."""
    given = None if keys is None else list(keys)
    inputs.clear(session, run_id, Side.GATEWAY, [kind], given)
    session.execute(_statement(kind), {"run": run_id, "keys": given})


@cache
def _statement(kind: Kind) -> TextClause:
    source = re.sub(r"/\*moved (\w+) (.+?)\*/", _MOVED, SOURCES[kind].replace("/*lines*/", _LINES))
    return text(_INSERT.replace("/*kind*/", kind.value).replace("/*source*/", source))


# Whose link went over to the very customer that the books name now: theirs is the same customer of ours. Where others
# are billed to that customer, their links tell of their own documents alone (case M6).
_FOLLOW = text("""
UPDATE reconciliation_inputs ours
SET body = ours.body || jsonb_build_object('customer_id', said.body -> 'customer_id'),
    facts = ours.facts || jsonb_build_object('booked_for', ours.body -> 'customer_id')
FROM reconciliation_inputs said, links alias, links stands
WHERE ours.run_id = :run AND ours.side = 'gateway' AND ours.kind IN ('invoice', 'credit_memo')
  AND said.run_id = ours.run_id AND said.kind = ours.kind AND said.key = ours.key AND said.side = 'quickbooks'
  AND said.body ->> 'customer_id' <> ours.body ->> 'customer_id'
  AND alias.system = 'quickbooks' AND alias.kind = 'customer' AND alias.state = 'retired'
  AND alias.external_id = ours.body ->> 'customer_id'
  AND stands.system = 'quickbooks' AND stands.kind = 'customer' AND stands.state = 'confirmed'
  AND stands.external_id = said.body ->> 'customer_id' AND stands.local_key = alias.local_key
  AND (alias.role = 'own' AND stands.role = 'own' OR alias.local_key = ours.facts ->> 'customer')
""")
_UNLIKE = """
ours.run_id = :run AND ours.side = 'gateway' AND ours.kind IN ('invoice', 'credit_memo')
AND said.run_id = ours.run_id AND said.kind = ours.kind AND said.key = ours.key AND said.side = 'quickbooks'
AND said.body ->> 'customer_id' <> ours.body ->> 'customer_id'
"""
_OTHERS = text(f"""
SELECT DISTINCT ours.body ->> 'customer_id', said.body ->> 'customer_id'
FROM reconciliation_inputs ours, reconciliation_inputs said WHERE {_UNLIKE} ORDER BY 1, 2
""")  # noqa: S608 - of constants
_MERGED = text(f"""
UPDATE reconciliation_inputs ours SET facts = ours.facts || jsonb_build_object('merged_into', CAST(:stands AS text))
FROM reconciliation_inputs said
WHERE {_UNLIKE} AND ours.body ->> 'customer_id' = :booked AND said.body ->> 'customer_id' = :stands
""")  # noqa: S608 - of constants


def follow_merges(session: Session, run_id: str) -> None:
    """Let our documents name the customers that QuickBooks' own merged into (case M5); both halves must be staged.

    What was booked first is kept beside it as `booked_for`. Where no link could follow, the merge stands in the facts
    as `merged_into`. Running it again changes nothing.
    """
    session.execute(_FOLLOW, {"run": run_id})
    for booked, stands in session.execute(_OTHERS, {"run": run_id}).all():
        if merges.went_into(session, booked, stands):
            session.execute(_MERGED, {"run": run_id, "booked": booked, "stands": stands})


_WORK = text("""
INSERT INTO reconciliation_inputs (run_id, kind, side, key, body, facts, changed_at)
SELECT :run, 'work', 'gateway', 'exception/' || id, jsonb_build_object(
           'sort', 'exception', 'cause', cause, 'record_type', record_type, 'record_key', record_key, 'state', state,
           'decided_by', resolution ->> 'decided_by', 'choice', resolution ->> 'choice',
           'subjects', CASE WHEN cause IN ('invoice_edited', 'invoice_duplicate', 'invoice_removed', 'master_deleted')
               OR (cause = 'reconciliation_drift' AND resolution ->> 'choice' = 'handled') THEN (
               SELECT coalesce(jsonb_agg(finding ->> 'subject'), '[]') FROM jsonb_array_elements(findings) finding
           ) END), '{}'::jsonb, closed_at
FROM exceptions
WHERE state = 'open' OR (state = 'resolved' AND cause IN (
    'reconciliation_drift', 'invoice_removed', 'invoice_edited', 'invoice_duplicate', 'master_deleted'))
UNION ALL
SELECT :run, 'work', 'gateway', 'pending/threeway:' || shipment_number || ':' || generation,
       jsonb_build_object('sort', 'pending'), '{}'::jsonb, intended_at
FROM invoice_intents WHERE state IN ('intended', 'uncertain')
UNION ALL
SELECT :run, 'work', 'gateway', 'pending/threeway:' || shipment_number || '\\:C' || generation,
       jsonb_build_object('sort', 'pending'), '{}'::jsonb, intended_at
FROM credit_intents WHERE state IN ('intended', 'uncertain')
UNION ALL
SELECT :run, 'work', 'gateway', 'began', jsonb_build_object('sort', 'began'),
       jsonb_build_object('began', CAST(:since AS text)), NULL WHERE CAST(:since AS text) IS NOT NULL
""")


def stage_work(session: Session, run_id: str, since: str | None) -> None:
    """Stage the open work, what people accepted, the intents that are open, and when the gateway began to bill."""
    inputs.clear(session, run_id, Side.GATEWAY, [Kind.WORK])
    if since is None:
        began = session.scalar(text("SELECT min(intended_at) FROM invoice_intents"))
        since = began.isoformat() if began else None
    session.execute(_WORK, {"run": run_id, "since": since})
