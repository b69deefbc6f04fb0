"""The audit trail: what is written in it, that nothing changes it, and that any change is found (feature G-B6)."""

from __future__ import annotations

import hashlib
import json
import threading
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from domain.audit import ANCHORED, BrokenLink, ChainEnd
from domain.exceptions import Cause as Why
from domain.exceptions import Choice, Resolution
from domain.links import Link, LinkKind
from domain.sources import System
from store import audit, exceptions, items, keys, links
from store.audit import AuditFilter
from store.causes import Cause, CauseSource
from store.session import reading, transaction
from tests.build import item
from tests.store.books import held

PERSON = Cause(source=CauseSource.USER, actor="ana", reference={"reason": "a test"})
AT = datetime(2026, 11, 23, 14, 0, tzinfo=UTC)


def act(engine: Engine, number: str, by: str = "ana") -> str:
    """A person decides about a shipment; answers the exception's id."""
    with transaction(engine, Cause(source=CauseSource.USER, actor=by)) as session:
        item_id = held(session, number, Why.UNKNOWN_ITEM)
        decided = Resolution(
            exception_id=item_id, choice=Choice.RETRY, reason="it is there now", decided_by=by, decided_at=AT
        )
        exceptions.resolve(session, decided)
    return item_id


def entries(engine: Engine, **wanted: Any) -> list[Any]:
    """Entries, oldest first."""
    with reading(engine) as session:
        return list(audit.every_entry(session, AuditFilter(**wanted)))[::-1]


def checked(engine: Engine, **more: Any) -> audit.Checked:
    with reading(engine) as session:
        return audit.check(session, **more)


def tamper(engine: Engine, *statements: str) -> None:
    """Somebody with the owner's rights who takes the triggers away first."""
    with engine.begin() as connection:
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        for statement in statements:
            connection.execute(text(statement))


def test_a_decision_of_a_person_is_an_entry_with_who_what_and_why(engine: Engine) -> None:
    """Feature G-B6."""
    item_id = act(engine, "S-1")

    (entry,) = entries(engine, record_type="exception")

    assert (entry.action, entry.actor, entry.source, entry.record_key) == ("exception_resolved", "ana", "user", item_id)
    assert entry.details["before"]["state"] == "open"
    assert entry.details["after"]["resolution"]["reason"] == "it is there now"
    assert entry.position == 1


def test_keys_are_audited_without_their_secret_and_not_for_being_used(engine: Engine) -> None:
    """Feature G-B6."""
    with transaction(engine, PERSON) as session:
        made, plain = keys.create(session, "nightly", ["viewer"])
        keys.touch(session, made.id)
        keys.revoke(session, made.id)

    found = entries(engine, record_type="key")

    assert [entry.action for entry in found] == ["key_created", "key_changed"]
    assert found[1].details["before"] == {"revoked_at": None}
    digest = hashlib.sha256(plain.get_secret_value().encode()).hexdigest()
    assert digest not in json.dumps([entry.model_dump(mode="json") for entry in found])


def test_links_are_one_entry_a_statement_and_their_images_none(engine: Engine) -> None:
    """Feature G-B6."""
    pairs = [
        Link(kind=LinkKind.ITEM, system=System.QUICKBOOKS, local_key=f"K{n}", external_id=f"{n}", external_name="x")
        for n in range(50)
    ]
    with transaction(engine, PERSON) as session:
        links.import_links(session, pairs, "ana", AT)
        links.save_image(session, pairs[0], links.Image(base={"name": "x"}, version_token="1"))
        links.retire(session, pairs[1], AT)

    found = entries(engine, record_type="links")

    assert [(entry.action, entry.details["count"]) for entry in found] == [("link_confirmed", 50), ("link_retired", 1)]


def test_the_chain_can_be_computed_by_anybody(engine: Engine) -> None:
    """Feature G-B6: from the texts of the columns, with nothing but SHA-256."""
    for n in range(3):
        act(engine, f'S-{n}"\n\\ü€', by="ana\x01\n")
    rows = """
        SELECT c.position, c.hash, e.id, to_char(e.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS at,
               e.transaction_id, e.action, e.actor, e.source, e.record_type, e.record_key, e.details::text AS details,
               coalesce(e.cause::text, '') AS cause
        FROM audit_chain c JOIN audit_entries e ON e.id = c.entry_id ORDER BY 1"""
    before = ""
    with engine.connect() as connection:
        for row in connection.execute(text(rows)):
            texts = [str(value) for value in row[2:]]
            told = json.dumps([str(row.position), before, *texts], ensure_ascii=False)
            before = hashlib.sha256(told.encode()).hexdigest()
            assert row.hash == before
    assert before


@pytest.mark.parametrize("table", ["audit_entries", "audit_chain"])
@pytest.mark.parametrize("how", ["UPDATE {} SET {} = {}", "DELETE FROM {}", "TRUNCATE {} CASCADE"])
def test_entries_and_chain_refuse_every_change(engine: Engine, table: str, how: str) -> None:
    """Feature G-B6: update, delete and truncate are refused by the database itself."""
    act(engine, "S-1")
    column = "actor" if table == "audit_entries" else "hash"
    with engine.connect() as connection, pytest.raises(DBAPIError, match="kept as they are"):
        connection.execute(text(how.format(table, column, column)))


ANEW = """UPDATE audit_chain SET hash = encode(sha256(convert_to(to_jsonb(ARRAY['2', previous_hash] ||
(SELECT audit_texts(e) FROM audit_entries e WHERE id = 2))::text, 'UTF8')), 'hex') WHERE position = 2"""
TAMPERING = {
    "an actor is changed": ("UPDATE audit_entries SET actor = 'eve' WHERE id = 3", 3, "is not what it was"),
    "a detail is changed": (
        """UPDATE audit_entries SET details = jsonb_set(details, '{after,state}', '"open"') WHERE id = 4""",
        4,
        "is not what it was",
    ),
    "a time is changed": ("UPDATE audit_entries SET at = at - interval '1 day' WHERE id = 2", 2, "is not what it was"),
    "an entry is removed": ("DELETE FROM audit_entries WHERE id = 3", 3, "is gone"),
    "an entry and its place are removed": (
        "DELETE FROM audit_chain WHERE position = 3; DELETE FROM audit_entries WHERE id = 3",
        4,
        "what was between is gone",
    ),
    "the last place is removed": ("DELETE FROM audit_chain WHERE position = 6", 6, "its place was removed"),
    "a hash is computed anew": (
        f"UPDATE audit_entries SET actor = 'eve' WHERE id = 2; {ANEW}",
        3,
        "does not continue",
    ),
}


@pytest.mark.parametrize("name", TAMPERING)
def test_the_first_broken_place_is_named(engine: Engine, name: str) -> None:
    """Feature G-B6: rows are altered with the triggers switched off."""
    statements, position, words = TAMPERING[name]
    for n in range(6):
        act(engine, f"S-{n}")
    assert checked(engine).broken is None

    tamper(engine, *statements.split("; "))
    broken = checked(engine).broken

    assert broken is not None
    assert broken.position == position
    assert words in broken.sentence


def test_a_lost_end_is_found_by_whoever_noted_it(engine: Engine) -> None:
    """Feature G-B6: the newest entries are removed with their places, which no chain can tell by itself."""
    for n in range(3):
        act(engine, f"S-{n}")
    with reading(engine) as session:
        noted = audit.end_of(session)
    tamper(engine, "DELETE FROM audit_chain WHERE position = 3", "DELETE FROM audit_entries WHERE id = 3")
    with reading(engine) as session:
        assert audit.check(session).broken is None
        assert audit.hash_at(session, noted.position) is None


def test_concurrent_writers_make_one_chain(engine: Engine) -> None:
    """Feature G-B6: eight writers, each with locks of its own taken first; none waits in a circle."""
    errors: list[BaseException] = []

    def write(writer: int) -> None:
        try:
            for n in range(12):
                act(engine, f"S-{writer}-{n}")
        except BaseException as error:  # noqa: BLE001 - told below
            errors.append(error)

    threads = [threading.Thread(target=write, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert errors == []
    result = checked(engine)
    assert (result.broken, result.links, result.end.position, result.complete) == (None, 96, 96, True)


def test_what_is_rolled_back_leaves_no_gap(engine: Engine) -> None:
    act(engine, "S-1")
    with transaction(engine, PERSON) as session:
        keys.create(session, "never", ["viewer"])
        session.flush()
        session.get_transaction().rollback()  # type: ignore[union-attr]
    act(engine, "S-2")
    assert checked(engine).end.position == 2


def test_a_check_goes_on_from_where_another_ended(engine: Engine) -> None:
    for n in range(4):
        act(engine, f"S-{n}")
    with reading(engine) as session:
        known = ChainEnd(position=2, hash=audit.hash_at(session, 2) or "")
    assert checked(engine, end=known).links == 2
    wrong = checked(engine, end=ChainEnd(position=2, hash="0" * 64)).broken
    assert isinstance(wrong, BrokenLink)
    assert wrong.position == 3


def anchor(engine: Engine, rows: int = audit.ANCHOR_ROWS) -> int:
    with transaction(engine, PERSON) as session:
        return audit.anchor_changes(session, rows)


def test_the_change_log_is_anchored_and_a_change_of_it_is_found(engine: Engine) -> None:
    """Feature G-B6: a row of the log is altered, another removed, a third put between."""
    with transaction(engine, PERSON) as session:
        items.upsert(session, [item(f"SKU-{n}") for n in range(30)])
    assert anchor(engine) == 30
    assert anchor(engine) == 0
    (entry,) = entries(engine, action=ANCHORED)
    assert entry.details["rows"] == 30
    result = checked(engine)
    assert (result.broken, result.changes) == (None, 30)

    tamper(engine, "UPDATE change_log SET after = after || '{\"description\": \"other\"}' WHERE row_key = 'SKU-7'")
    altered = checked(engine).broken
    assert altered is not None
    assert "30 then, 30 now" in altered.sentence
    assert checked(engine, changes=False).broken is None

    tamper(engine, "DELETE FROM change_log WHERE row_key = 'SKU-7'")
    removed = checked(engine).broken
    assert removed is not None
    assert "30 then, 29 now" in removed.sentence


def test_an_anchor_covers_no_transaction_that_is_under_way(engine: Engine) -> None:
    """Feature G-B6: what is written by it is anchored later, whatever the order of the numbers."""
    with transaction(engine, PERSON) as slow:
        items.upsert(slow, [item("EARLY")])
        slow.flush()
        with transaction(engine, PERSON) as session:
            items.upsert(session, [item("LATE")])
        assert anchor(engine) == 0
    assert anchor(engine) == 2
    assert checked(engine).broken is None


def test_a_long_log_is_anchored_in_parts(engine: Engine) -> None:
    for n in range(5):
        with transaction(engine, PERSON) as session:
            items.upsert(session, [item(f"SKU-{n}-{m}") for m in range(10)])
    covered = []
    while rows := anchor(engine, rows=25):
        covered.append(rows)
    assert (len(covered) > 1, sum(covered)) == (True, 50)
    assert checked(engine).broken is None


def test_anchors_go_on_after_a_restore_on_a_server_that_counts_anew(engine: Engine) -> None:
    with transaction(engine, PERSON) as session:
        items.upsert(session, [item("BEFORE")])
    anchor(engine)
    # As if the numbers of transactions had been much higher before.
    tamper(
        engine,
        "UPDATE change_log SET transaction_id = transaction_id + 1000000000",
        "DELETE FROM audit_chain",
        "DELETE FROM audit_entries",
    )
    with transaction(engine, PERSON) as session:
        audit.note(session, ANCHORED, ("change_log", "1-1"), _anchor_of(engine))
    with transaction(engine, PERSON) as session:
        items.upsert(session, [item("AFTER")])
    assert anchor(engine) == 1
    assert checked(engine).broken is None


def _anchor_of(engine: Engine) -> dict[str, Any]:
    """The anchor that the other server wrote."""
    with reading(engine) as session:
        covered = {"from_transaction": 0, "to_transaction": 2_000_000_000, "floor": 0, "last_id": None}
        found = session.execute(audit._DIGEST, covered).one()
    told = {"rows": found.rows, "first_id": found.first_id, "last_id": found.last_id, "digest": found.digest}
    return {**covered, **told}


def test_a_page_is_narrowed_and_goes_on(engine: Engine) -> None:
    for n in range(5):
        act(engine, f"S-{n}", by="ana" if n % 2 else "bo")
    with reading(engine) as session:
        first = audit.page(session, AuditFilter(actor="bo"), limit=2)
        rest = audit.page(session, AuditFilter(actor="bo"), limit=2, cursor=first.next_cursor)
    assert [one.position for one in (*first.items, *rest.items)] == [5, 3, 1]
    assert rest.next_cursor is None


def test_the_first_admin_key_is_an_entry(engine: Engine) -> None:
    with transaction(engine, PERSON) as session:
        keys.ensure(session, "admin", SecretStr("an-admin-key-of-this-test-012345"), ["admin"])
    assert [one.action for one in entries(engine)] == ["key_created"]
