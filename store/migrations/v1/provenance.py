"""The SQL of provenance, first version: change capture by triggers, append-only tables, frozen intents.

Migrations call these functions. Released SQL is never edited here: a change is a `v2.provenance`.

Change capture is set-based: one trigger a statement, which reads the rows from its transition tables. Each table has a
function of its own, so that old and new rows are joined on real key columns with a plan that PostgreSQL keeps. It
keeps the plan of the first run, which may have seen no row at all: nested loops are off, because one chosen for no rows
would compare every old row with every new one when ten thousand come.
"""

from __future__ import annotations

from collections.abc import Iterator

REFUSE_CHANGE = """
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'rows of % are kept as they are', TG_TABLE_NAME
        USING ERRCODE = 'object_not_in_prerequisite_state', TABLE = TG_TABLE_NAME;
END
$$
"""

# The cause is stated once per transaction by store.session.transaction; a change without one is kept all the same.
STATED_CAUSE = """
CREATE FUNCTION stated_cause() RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT nullif(current_setting('threeway.cause', true), '')::jsonb
$$
"""

_CAPTURE = """
CREATE FUNCTION capture_{table}() RETURNS trigger LANGUAGE plpgsql SET enable_nestloop = off AS $$
DECLARE
    why jsonb := stated_cause();
    who text := coalesce(why ->> 'actor', session_user);
    txid bigint := pg_current_xact_id()::text::bigint;
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO change_log (transaction_id, table_name, row_key, operation, after, cause, actor)
        SELECT txid, '{table}', {new_key}, 'insert', to_jsonb(n), why, who
        FROM new_rows n;
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO change_log (transaction_id, table_name, row_key, operation, before, cause, actor)
        SELECT txid, '{table}', {old_key}, 'delete', to_jsonb(o), why, who
        FROM old_rows o;
    ELSE
        INSERT INTO change_log (transaction_id, table_name, row_key, operation, before, after, cause, actor)
        SELECT txid, '{table}', {new_key}, 'update', changed.before, changed.after, why, who
        FROM old_rows o JOIN new_rows n ON {same_key}
        CROSS JOIN LATERAL (
            SELECT jsonb_object_agg(key, was.value) AS before, jsonb_object_agg(key, now.value) AS after
            FROM jsonb_each(to_jsonb(o)) was JOIN jsonb_each(to_jsonb(n)) now USING (key)
            WHERE was.value <> now.value
        ) changed
        WHERE o.* IS DISTINCT FROM n.* AND changed.after IS NOT NULL;
    END IF;
    RETURN NULL;
END
$$
"""

# A key names its row for good: a changed one would leave a history without an end and one without a beginning.
_FIXED_KEY = """
CREATE TRIGGER fixed_key BEFORE UPDATE ON {table} FOR EACH ROW
    WHEN (({old}) IS DISTINCT FROM ({new})) EXECUTE FUNCTION refuse_change()
"""


def track(table: str, *key: str) -> Iterator[str]:
    """The statements that capture every change of `table`, whose primary key is `key`, in the change log."""
    yield _CAPTURE.format(table=table, new_key=_joined("n", key), old_key=_joined("o", key), same_key=_same(key))
    for operation, transitions in (
        ("INSERT", "NEW TABLE AS new_rows"),
        ("UPDATE", "OLD TABLE AS old_rows NEW TABLE AS new_rows"),
        ("DELETE", "OLD TABLE AS old_rows"),
    ):
        yield (
            f"CREATE TRIGGER capture_{operation.lower()} AFTER {operation} ON {table} "
            f"REFERENCING {transitions} FOR EACH STATEMENT EXECUTE FUNCTION capture_{table}()"
        )
    yield _FIXED_KEY.format(table=table, old=_columns("OLD", key), new=_columns("NEW", key))


def untrack(table: str) -> Iterator[str]:
    """The statements that undo `track`; run them before the table is dropped."""
    for trigger in ("capture_insert", "capture_update", "capture_delete", "fixed_key"):
        yield f"DROP TRIGGER {trigger} ON {table}"
    yield f"DROP FUNCTION capture_{table}()"


def append_only(table: str) -> Iterator[str]:
    """The statements that make a table refuse every update, delete and truncate."""
    yield (
        f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )


def frozen(table: str, *columns: str) -> Iterator[str]:
    """The statements that keep `columns` of a row as they were inserted, and keep the row."""
    yield (
        f"CREATE TRIGGER frozen BEFORE UPDATE ON {table} FOR EACH ROW "
        f"WHEN (({_columns('OLD', columns)}) IS DISTINCT FROM ({_columns('NEW', columns)})) "
        "EXECUTE FUNCTION refuse_change()"
    )
    yield (
        f"CREATE TRIGGER kept BEFORE DELETE OR TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )


def _columns(row: str, columns: tuple[str, ...]) -> str:
    return ", ".join(f"{row}.{column}" for column in columns)


def _joined(row: str, key: tuple[str, ...]) -> str:
    return " || '|' || ".join(f"{row}.{column}::text" for column in key)


def _same(key: tuple[str, ...]) -> str:
    return " AND ".join(f"o.{column} = n.{column}" for column in key)
