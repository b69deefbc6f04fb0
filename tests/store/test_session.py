"""Transactions: committed at the edge with their cause, rolled back as a whole, and errors in the domain's words."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from threading import Barrier, Event, Thread

import psycopg
import pytest
from sqlalchemy import Engine, text
from sqlmodel import Session

from domain.errors import Duplicate, Malformed, Missing, Permanent, Transient, Unavailable
from store.causes import Cause
from store.session import close_engine, make_engine, reading, transaction
from store.tables import WarehouseRow


def names(engine: Engine) -> list[str]:
    with reading(engine) as session:
        return list(session.execute(text("SELECT name FROM warehouses ORDER BY code")).scalars())


def test_a_transaction_commits_at_its_end(engine: Engine, cause: Cause) -> None:
    with transaction(engine, cause) as session:
        session.add(WarehouseRow(code="01", name="Main"))
    assert names(engine) == ["Main"]


def test_an_error_rolls_all_of_it_back(engine: Engine, cause: Cause) -> None:
    def half_done() -> None:
        with transaction(engine, cause) as session:
            session.add(WarehouseRow(code="01", name="Main"))
            session.flush()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        half_done()
    assert names(engine) == []


def test_reading_cannot_write_and_sees_one_instant(engine: Engine, cause: Cause) -> None:
    with reading(engine) as session:
        count = text("SELECT count(*) FROM warehouses")
        assert session.execute(count).scalar_one() == 0
        with transaction(engine, cause) as other:
            other.add(WarehouseRow(code="01", name="Main"))
        assert session.execute(count).scalar_one() == 0
    with pytest.raises(Exception, match="read-only"), reading(engine) as session:
        session.execute(text("INSERT INTO warehouses VALUES ('02', 'Second')"))
    with transaction(engine, cause) as session:  # the connection that went back to the pool can write again
        session.add(WarehouseRow(code="02", name="Second"))


def test_times_are_utc_and_json_fractions_are_decimals(session: Session) -> None:
    at, document = session.execute(text("""SELECT now(), '{"price": 10.10, "count": 3}'::jsonb""")).one()
    assert at.utcoffset().total_seconds() == 0
    assert document == {"price": Decimal("10.10"), "count": 3}
    assert isinstance(document["price"], Decimal)


@pytest.mark.parametrize(
    ("statement", "kind", "reason"),
    [
        ("INSERT INTO warehouses VALUES ('01', 'a'), ('01', 'b')", Duplicate, "pk_warehouses"),
        (
            "INSERT INTO order_lines SELECT 'none', 1, 'A', 1, 'EA', 1",
            Missing,
            "fk_order_lines_order_number_orders",
        ),
        (
            "INSERT INTO items SELECT 'A', 'a', 'EA', 'EA', 1, 0, NULL, true",
            Malformed,
            "ck_items_units_denominator_positive",
        ),
        ("INSERT INTO warehouses (code) VALUES ('01')", Malformed, "warehouses"),
        ("SELECT 'x'::numeric", Malformed, "22P02"),
        ("DELETE FROM change_log", Permanent, "change_log"),
    ],
)
def test_refusals_of_the_database_are_permanent_and_name_the_rule_only(
    engine: Engine, cause: Cause, statement: str, kind: type[Permanent], reason: str
) -> None:
    with pytest.raises(kind) as caught, transaction(engine, cause) as session:
        session.execute(text(statement))
    assert caught.value.reason == reason
    assert "01" not in caught.value.detail


def test_a_deadlock_is_transient(engine: Engine, cause: Cause) -> None:
    with transaction(engine, cause) as session:
        session.add_all([WarehouseRow(code="01", name="Main"), WarehouseRow(code="02", name="Second")])
    both_hold_one, errors = Barrier(2), []

    def lock(first: str, second: str) -> None:
        update = text("UPDATE warehouses SET name = name || '!' WHERE code = :code")
        try:
            with transaction(engine, cause) as mine:
                mine.execute(update, {"code": first})
                both_hold_one.wait(10)
                mine.execute(update, {"code": second})
        except Transient as error:
            errors.append(error)

    threads = [Thread(target=lock, args=pair) for pair in (("01", "02"), ("02", "01"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [error.reason for error in errors] == ["40P01"]


def test_a_row_that_stays_locked_is_transient(engine: Engine, database_url: str, cause: Cause) -> None:
    with transaction(engine, cause) as session:
        session.add(WarehouseRow(code="01", name="Main"))
    lock = text("SELECT 1 FROM warehouses FOR UPDATE")
    with transaction(engine, cause) as first:
        first.execute(lock)
        impatient = make_engine(database_url + "&options=-c%20lock_timeout%3D50ms")
        with pytest.raises(Transient) as caught, transaction(impatient, cause) as second:
            second.execute(lock)
        impatient.dispose()
    assert caught.value.reason == "55P03"


def test_a_lost_connection_is_unavailable_and_the_next_transaction_gets_another(engine: Engine, cause: Cause) -> None:
    def cut_off() -> None:
        with transaction(engine, cause) as session:
            own = session.execute(text("SELECT pg_backend_pid()")).scalar_one()
            with transaction(engine, cause) as other:
                other.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": own})
            session.execute(text("SELECT 1"))

    with pytest.raises(Unavailable):
        cut_off()
    assert names(engine) == []


def test_too_many_at_once_is_unavailable(database_url: str, cause: Cause) -> None:
    small = make_engine(database_url, pool_size=1)
    small.pool._timeout = 0.05  # type: ignore[attr-defined]
    small.pool._max_overflow = 0  # type: ignore[attr-defined]
    with transaction(small, cause), pytest.raises(Unavailable), transaction(small, cause):
        pass
    small.dispose()


def test_a_socket_folder_and_own_options_may_stand_in_the_address(database_url: str) -> None:
    engine = make_engine(database_url + "&options=-c%20application_name%3Dmine")
    with engine.connect() as connection:
        assert connection.execute(text("SHOW application_name")).scalar_one() == "mine"
        assert connection.execute(text("SHOW timezone")).scalar_one() == "UTC"
    engine.dispose()


def test_closing_lets_a_thread_end_what_it_reads_and_opens_nothing_any_more(
    database_url: str,
) -> None:
    engine, reads, may_end = make_engine(database_url), Event(), Event()

    def late() -> psycopg.Connection[object]:
        with reading(engine) as session:
            held: psycopg.Connection[object] = session.connection().connection.driver_connection  # type: ignore[assignment]
            reads.set()
            assert may_end.wait(10)
            assert session.execute(text("SELECT 1")).scalar_one() == 1
        return held

    with ThreadPoolExecutor() as threads:
        reader = threads.submit(late)
        assert reads.wait(10)
        close_engine(engine)
        may_end.set()
        assert reader.result(10).closed

    with pytest.raises(Unavailable), reading(engine) as session:
        session.execute(text("SELECT 1"))
