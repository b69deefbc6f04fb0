"""The SQL of the audit trail, first version: entries of what people decide, chained by their hashes at the commit.

Migrations call these functions. Released SQL is never edited here: a change is a `v3.audit`.

An entry is written where the act is: by a trigger on the table that it changes, so that no code path can forget it. Its
link is written by a deferred trigger, when all other locks of the transaction are taken already: writers wait for each
other only at their commit, and never in a circle. The hash covers the entry's columns as texts, its position and the
hash before it: `docs/concepts-provenance.md` says how anybody can compute it again.
"""

from __future__ import annotations

from collections.abc import Iterator

ENTRY_TEXTS = """
CREATE FUNCTION audit_texts(entry audit_entries) RETURNS text[] LANGUAGE sql STABLE AS $$
    SELECT ARRAY[
        entry.id::text, to_char(entry.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
        entry.transaction_id::text, entry.action, entry.actor, entry.source, entry.record_type, entry.record_key,
        entry.details::text, coalesce(entry.cause::text, '')
    ]
$$
"""

# The number is that of the chain's end among PostgreSQL's advisory locks.
CHAIN_ENTRY = """
CREATE FUNCTION chain_audit_entry() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    place bigint;
    before text;
BEGIN
    PERFORM pg_advisory_xact_lock(7233194410015001);
    SELECT position, hash INTO place, before FROM audit_chain ORDER BY position DESC LIMIT 1;
    place := coalesce(place, 0) + 1;
    before := coalesce(before, '');
    INSERT INTO audit_chain (position, entry_id, previous_hash, hash)
    VALUES (place, NEW.id, before, encode(sha256(convert_to(
        to_jsonb(ARRAY[place::text, before] || audit_texts(NEW))::text, 'UTF8')), 'hex'));
    RETURN NULL;
END
$$
"""

# Arguments: the action, the type of the record, its key columns, and the columns that are nobody's business.
AUDIT_ROW = """
CREATE FUNCTION audit_row() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    why jsonb := stated_cause();
    was jsonb := CASE WHEN TG_OP = 'INSERT' THEN '{}' ELSE to_jsonb(OLD) END - string_to_array(TG_ARGV[3], ',');
    new jsonb := CASE WHEN TG_OP = 'DELETE' THEN '{}' ELSE to_jsonb(NEW) END - string_to_array(TG_ARGV[3], ',');
    named jsonb := was || new;
BEGIN
    INSERT INTO audit_entries (transaction_id, action, actor, source, record_type, record_key, details, cause)
    VALUES (
        pg_current_xact_id()::text::bigint, TG_ARGV[0], coalesce(why ->> 'actor', session_user),
        coalesce(why ->> 'source', 'unknown'), TG_ARGV[1],
        (SELECT string_agg(named ->> name, '|' ORDER BY n)
         FROM unnest(string_to_array(TG_ARGV[2], ',')) WITH ORDINALITY keys(name, n)),
        jsonb_build_object(
            'before', (SELECT coalesce(jsonb_object_agg(key, value), '{}') FROM jsonb_each(was)
                       WHERE TG_OP = 'DELETE' OR value IS DISTINCT FROM new -> key),
            'after', (SELECT coalesce(jsonb_object_agg(key, value), '{}') FROM jsonb_each(new)
                      WHERE TG_OP = 'INSERT' OR value IS DISTINCT FROM was -> key)
        ),
        why
    );
    RETURN NULL;
END
$$
"""

# Thousands of links may be confirmed at once: one entry a statement says how many, which systems, and the first keys.
AUDIT_LINKS = """
CREATE FUNCTION audit_links() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    moved links[];
BEGIN
    IF TG_OP = 'INSERT' THEN
        moved := ARRAY(SELECT n FROM new_rows n);
    ELSE
        moved := ARRAY(
            SELECT n FROM new_rows n JOIN old_rows o USING (system, kind, local_key, external_id)
            WHERE o.state <> n.state
        );
    END IF;
    INSERT INTO audit_entries (transaction_id, action, actor, source, record_type, record_key, details, cause)
    SELECT pg_current_xact_id()::text::bigint, 'link_' || state, coalesce(stated_cause() ->> 'actor', session_user),
           coalesce(stated_cause() ->> 'source', 'unknown'), 'links', system || '|' || kind,
           jsonb_build_object('count', count(*), 'digest', encode(sha256(convert_to(string_agg(
               local_key || '|' || external_id, E'\\n' ORDER BY local_key, external_id), 'UTF8')), 'hex'),
               'first', to_jsonb((array_agg(local_key || '|' || external_id ORDER BY local_key, external_id))[1:20])),
           stated_cause()
    FROM unnest(moved) WHERE state IN ('confirmed', 'retired') GROUP BY system, kind, state;
    RETURN NULL;
END
$$
"""

FUNCTIONS = ("audit_links()", "audit_row()", "chain_audit_entry()", "audit_texts(audit_entries)")


def audited(table: str, when: tuple[str, str, str], record: tuple[str, str], hidden: str = "") -> str:
    """The statement that writes an entry for rows of `table`.

    `when`: the action's name, the operations and the condition; `record`: its type and its key columns.
    """
    action, operations, condition = when
    return (
        f"CREATE TRIGGER audit_{action} AFTER {operations} ON {table} FOR EACH ROW WHEN ({condition}) "
        f"EXECUTE FUNCTION audit_row('{action}', '{record[0]}', '{record[1]}', '{hidden}')"
    )


def audited_links() -> Iterator[str]:
    """The statements that write an entry where links are confirmed or retired."""
    for operation, old in (("INSERT", ""), ("UPDATE", "OLD TABLE AS old_rows ")):
        yield (
            f"CREATE TRIGGER audit_links_{operation.lower()} AFTER {operation} ON links "
            f"REFERENCING {old}NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_links()"
        )


def chained() -> str:
    """The statement that gives every entry its link at the commit."""
    return (
        "CREATE CONSTRAINT TRIGGER chained AFTER INSERT ON audit_entries DEFERRABLE INITIALLY DEFERRED "
        "FOR EACH ROW EXECUTE FUNCTION chain_audit_entry()"
    )
