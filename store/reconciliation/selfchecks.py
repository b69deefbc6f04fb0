"""The store against itself: do ledgers add up, is every shipment, file, intent and link accounted for (R1, R2, R8-R10)?

And is every row what its change log says? A row that was changed past the triggers differs from its log; one that was
changed with them, but not by the product, has a change without a cause. Only what is wrong is staged.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import text
from sqlmodel import Session

from domain.reconciliation import Kind, Side
from store.reconciliation import inputs

_PUT = """
INSERT INTO reconciliation_inputs (run_id, kind, side, key, body, facts, changed_at)
SELECT :run, 'check', 'gateway', concat_ws('/', cause, record_key, field), jsonb_strip_nulls(jsonb_build_object(
           'rule', rule, 'cause', cause, 'record_type', record_type, 'record_key', record_key, 'field', field,
           'expected', expected, 'found', found, 'money', money)),
       jsonb_strip_nulls(jsonb_build_object('shipment', shipment, 'order', order_number, 'file', file)), changed_at
FROM (/*source*/) AS wrong
    (rule, cause, record_type, record_key, field, expected, found, money, shipment, order_number, file, changed_at)
ON CONFLICT DO NOTHING
"""
CHECKS: Mapping[str, str] = {
    "ledger": """
SELECT 'R1', 'ledger_unbalanced', 'order_line', order_number || '/' || line_no, 'ordered',
       trim_scale(ordered + overshipped)::text, trim_scale(shipped + backordered + cancelled + open)::text, NULL,
       NULL, order_number, NULL, NULL::timestamptz
FROM order_line_ledgers WHERE ordered + overshipped <> shipped + backordered + cancelled + open
UNION ALL
SELECT 'R2', 'ledger_unbalanced', 'order_line', order_number || '/' || line_no, 'shipped',
       trim_scale(billed - credited + waived + returned + unbilled - credit_due)::text, trim_scale(shipped)::text, NULL,
       NULL, order_number, NULL, NULL
FROM order_line_ledgers WHERE shipped <> billed - credited + waived + returned + unbilled - credit_due
""",
    "shipments": """
SELECT 'R2', 'shipped_not_invoiced', 'shipment', number, NULL::text, 'an invoice', state,
       (SELECT round(sum(quantity_shipped * unit_price), 2)::text FROM shipment_lines WHERE shipment_number = number),
       number, order_number, NULL, greatest(received_at, intended_at)
FROM shipments
WHERE state IN ('received', 'intended')
   OR (state = 'invoiced' AND NOT EXISTS (SELECT FROM invoices WHERE shipment_number = number))
UNION ALL
SELECT 'R2', 'shipment_forgotten', 'shipment', number, NULL, 'open work', 'none', NULL,
       number, order_number, NULL, received_at
FROM shipments
WHERE state = 'held' AND NOT EXISTS (
    SELECT FROM exceptions item
    WHERE item.record_type = 'shipment' AND item.record_key = shipments.number AND item.state = 'open')
""",
    "billed": """
SELECT 'R2', 'billed_more_than_shipped', 'shipment_line', shipped.shipment_number || '/' || shipped.line_no, NULL::text,
       trim_scale(shipped.quantity_shipped)::text, trim_scale(billed.quantity - coalesce(given.quantity, 0))::text,
       round((billed.quantity - coalesce(given.quantity, 0) - shipped.quantity_shipped) * shipped.unit_price, 2)::text,
       shipped.shipment_number, NULL::text, NULL, billed.at
FROM shipment_lines shipped
JOIN (
    SELECT line.shipment_number, line.shipment_line_no AS line_no, line.uom, sum(line.quantity) AS quantity,
           max(bill.booked_at) AS at
    FROM invoice_lines line JOIN invoices bill USING (shipment_number, generation)
    WHERE line.shipment_line_no IS NOT NULL AND bill.status NOT IN ('voided', 'deleted') GROUP BY 1, 2, 3
) billed USING (shipment_number, line_no, uom)
LEFT JOIN (
    SELECT shipment_number, shipment_line_no AS line_no, sum(quantity) AS quantity FROM credit_lines
    WHERE shipment_line_no IS NOT NULL GROUP BY 1, 2
) given USING (shipment_number, line_no)
JOIN shipments shipment ON shipment.number = shipped.shipment_number AND shipment.state = 'invoiced'
WHERE billed.quantity - coalesce(given.quantity, 0) > shipped.quantity_shipped
""",
    "files": """
SELECT 'R8', 'file_not_accounted', 'file', id::text, NULL::text, 'applied or refused', state, NULL::text,
       NULL::text, NULL::text, id::text, greatest(received_at, read_at)
FROM source_files WHERE state NOT IN ('applied', 'refused', 'held')
UNION ALL
SELECT 'R8', 'file_not_accounted', 'file', id::text, NULL, 'open work', 'none', NULL, NULL, NULL, id::text, received_at
FROM source_files WHERE state = 'held' AND NOT EXISTS (
    SELECT FROM exceptions item
    WHERE item.record_type = 'file' AND item.record_key = source_files.id::text AND item.state = 'open')
UNION ALL
SELECT 'R8', 'file_group_lost', 'shipment', stood.key, NULL, 'a shipment', file.filename, NULL,
       NULL, NULL, file.id::text, file.applied_at
FROM file_lines stood JOIN source_files file ON file.id = stood.file_id
WHERE file.entity = 'shipment_confirmation'
  AND NOT EXISTS (SELECT FROM shipment_revisions stated WHERE stated.shipment_number = stood.key)
""",
    "intents": """
SELECT 'R9', 'intent_without_outcome', 'intent', shipment_number || ':' || generation, NULL::text, 'an outcome', state,
       payload #>> '{draft,total}', shipment_number, NULL::text, NULL, greatest(intended_at, sent_at)
FROM invoice_intents WHERE state IN ('intended', 'uncertain')
UNION ALL
SELECT 'R9', 'intent_without_outcome', 'credit_intent', shipment_number || '\\:C' || generation, NULL, 'an outcome',
       state, payload #>> '{draft,total}', shipment_number, NULL, NULL, greatest(intended_at, sent_at)
FROM credit_intents WHERE state IN ('intended', 'uncertain')
UNION ALL
SELECT 'R9', 'outcome_not_recorded', 'intent', shipment_number || ':' || generation, NULL, quickbooks_id, (
           SELECT quickbooks_id FROM invoices bill
           WHERE bill.shipment_number = meant.shipment_number AND bill.generation = meant.generation),
       payload #>> '{draft,total}', shipment_number, NULL, NULL, settled_at
FROM invoice_intents meant
WHERE state = 'booked' AND NOT EXISTS (
    SELECT FROM invoices bill WHERE bill.shipment_number = meant.shipment_number
       AND bill.generation = meant.generation AND bill.quickbooks_id = meant.quickbooks_id)
UNION ALL
SELECT 'R9', 'intent_without_outcome', 'order_file', sequence::text, NULL, 'written', state, NULL,
       NULL, NULL, NULL, created_at
FROM order_files WHERE state = 'intended'
""",
    "links": """
SELECT 'R10', 'link_not_injective', 'link', concat_ws('/', system, kind, local_key), NULL::text, '1', count(*)::text,
       NULL::text, NULL::text, NULL::text, NULL, NULL::timestamptz
FROM links WHERE state = 'confirmed' GROUP BY system, kind, local_key HAVING count(*) > 1
UNION ALL
SELECT 'R10', 'link_not_injective', 'link', concat_ws('/', system, kind, external_id), NULL, '1', count(*)::text,
       NULL, NULL, NULL, NULL, NULL
FROM links WHERE state = 'confirmed' AND role = 'own' GROUP BY system, kind, external_id HAVING count(*) > 1
""",
}

# The tables whose rows stand for the business, each with its key. Derived ones are decided again all the time.
TABLES: Mapping[str, tuple[str, ...]] = {
    "customers": ("number",),
    "items": ("sku",),
    "links": ("system", "kind", "local_key", "external_id"),
    "orders": ("number",),
    "order_lines": ("order_number", "line_no"),
    "order_states": ("order_number",),
    "order_line_ledgers": ("order_number", "line_no"),
    "order_numbers": ("external_id",),
    "shipments": ("number",),
    "shipment_lines": ("shipment_number", "line_no"),
    "invoices": ("shipment_number", "generation"),
    "invoice_lines": ("shipment_number", "generation", "line_no"),
    "credits": ("shipment_number", "generation"),
    "credit_lines": ("shipment_number", "generation", "line_no"),
    "customer_balances": ("customer_number",),
    "stock_levels": ("sku", "warehouse"),
}
# The image of a row by its log: the newest value of each column since it was inserted last.
_IMAGES = """
WITH newest AS (
    SELECT DISTINCT ON (change.row_key, field.key) change.row_key, field.key, field.value
    FROM change_log change CROSS JOIN LATERAL jsonb_each(change.after) field
    WHERE change.table_name = '/*table*/'
    ORDER BY change.row_key, field.key, change.id DESC
), image AS (SELECT row_key, jsonb_object_agg(key, value) AS body FROM newest GROUP BY row_key),
ended AS (
    SELECT DISTINCT ON (row_key) row_key, operation FROM change_log WHERE table_name = '/*table*/'
    ORDER BY row_key, id DESC
), log AS (SELECT image.* FROM image JOIN ended USING (row_key) WHERE ended.operation <> 'delete'),
wrong AS (
    SELECT '/*table*//' || coalesce(stored.row_key, log.row_key) AS key, stored.body AS now, log.body AS log
    FROM (SELECT /*key*/ AS row_key, to_jsonb(row) AS body FROM /*table*/ row) stored
    FULL JOIN log USING (row_key)
    WHERE stored.body IS DISTINCT FROM log.body
)
INSERT INTO reconciliation_inputs (run_id, kind, side, key, body)
SELECT :run, 'row', side, key, body FROM wrong CROSS JOIN LATERAL (
    VALUES ('gateway', CASE WHEN log IS NULL OR now IS NULL THEN now ELSE (
        SELECT coalesce(jsonb_object_agg(one.key, one.value), '{}') FROM jsonb_each(now) one
        WHERE log -> one.key IS DISTINCT FROM one.value AND log ? one.key) END),
           ('log', CASE WHEN log IS NULL OR now IS NULL THEN log ELSE (
        SELECT coalesce(jsonb_object_agg(one.key, one.value), '{}') FROM jsonb_each(log) one
        WHERE now -> one.key IS DISTINCT FROM one.value) END)
) AS said(side, body) WHERE body IS NOT NULL
ON CONFLICT DO NOTHING
"""
# What no cause was stated for: rows that came or went, and fields that no change of the product's has touched since.
# What was put back by hand is no difference: the first value before such changes counts, and the last one after them.
_UNCAUSED = text("""
WITH hand AS (
    SELECT id, table_name, row_key, operation, before, after FROM change_log
    WHERE cause IS NULL AND table_name = ANY(:tables)
), rows AS (
    SELECT table_name, row_key, (array_agg(before ORDER BY id))[1] AS before,
           (array_agg(after ORDER BY id DESC))[1] AS after
    FROM hand WHERE operation <> 'update' AND NOT EXISTS (
        SELECT FROM change_log later WHERE later.table_name = hand.table_name AND later.row_key = hand.row_key
        AND later.id > hand.id AND later.cause IS NOT NULL)
    GROUP BY table_name, row_key
), fields AS (
    SELECT table_name, row_key, field.key, (array_agg(before -> field.key ORDER BY id))[1] AS before,
           (array_agg(field.value ORDER BY id DESC))[1] AS after
    FROM hand CROSS JOIN LATERAL jsonb_each(after) field
    WHERE operation = 'update' AND NOT EXISTS (
        SELECT FROM change_log later WHERE later.table_name = hand.table_name AND later.row_key = hand.row_key
        AND later.id > hand.id AND (later.operation = 'delete' OR later.cause IS NOT NULL AND later.after ? field.key))
    GROUP BY table_name, row_key, field.key
), wrong AS (
    SELECT * FROM rows WHERE before IS DISTINCT FROM after
    UNION ALL
    SELECT table_name, row_key, jsonb_object_agg(key, before), jsonb_object_agg(key, after) FROM fields
    WHERE before IS DISTINCT FROM after AND (table_name, row_key) NOT IN (SELECT table_name, row_key FROM rows)
    GROUP BY table_name, row_key
)
INSERT INTO reconciliation_inputs (run_id, kind, side, key, body)
SELECT CAST(:run AS varchar), 'row', side, table_name || '/' || row_key, body
FROM wrong CROSS JOIN LATERAL (VALUES ('gateway', after), ('log', before)) AS said(side, body)
WHERE body IS NOT NULL AND NOT EXISTS (  -- of a row that is gone, or should not be, all is said
    SELECT FROM reconciliation_inputs one
    WHERE one.run_id = CAST(:run AS varchar) AND one.kind = 'row' AND one.key = table_name || '/' || row_key
    HAVING count(*) = 1)
ON CONFLICT (run_id, kind, side, key) DO UPDATE SET body = reconciliation_inputs.body || excluded.body
""")


def stage(session: Session, run_id: str) -> None:
    """Look for everything that is wrong in the store itself, in one snapshot, and stage what is."""
    inputs.clear(session, run_id, Side.GATEWAY, [Kind.CHECK, Kind.ROW])
    inputs.clear(session, run_id, Side.LOG, [Kind.ROW])
    for source in CHECKS.values():
        session.execute(text(_PUT.replace("/*source*/", source)), {"run": run_id})
    for table, key in TABLES.items():
        named = " || '|' || ".join(f"row.{column}::text" for column in key)
        images = _IMAGES.replace("/*table*/", table).replace("/*key*/", named)
        session.execute(text(images), {"run": run_id})
    session.execute(_UNCAUSED, {"run": run_id, "tables": list(TABLES)})


def checked(session: Session) -> dict[str, int]:
    """How many rows of each table were compared with their log."""
    one = "SELECT '/*table*/' AS name, count(*) AS rows FROM /*table*/"
    query = " UNION ALL ".join(one.replace("/*table*/", table) for table in TABLES)
    return {row.name: row.rows for row in session.execute(text(query))}
