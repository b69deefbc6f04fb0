"""How long the overview takes with a year behind it: a million changes, 100,000 invoices, 5,000 exceptions.

    python -m bench.overview [--changes N] [--invoices N] [--exceptions N] [--rounds N]

A database of its own is filled, and the real app is asked for the page by somebody who is signed in. The promise: under
200 ms at the server for half of the askings. Exit code 1 where it is not kept.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import tempfile
from pathlib import Path
from time import perf_counter

import httpx
from pydantic import SecretStr
from sqlalchemy import text
from sqlmodel import Session

from runtime.embedded.postgres import EmbeddedPostgres
from store import people
from store.schema import migrate
from store.session import make_engine, transaction
from store.tables.people import Role
from tests.api.served import CAUSE, serving

PROMISE_MS = 200
PASSWORD = "a good long pass-phrase 42"  # noqa: S105 - of a database that is thrown away
CHANGES = """
INSERT INTO change_log (at, transaction_id, table_name, row_key, operation, after)
SELECT now() - n * interval '20 seconds', 1 + n / 10,
       CASE WHEN n % 25 = 0 THEN 'shipments' ELSE 'availability' END, 'K' || n, 'insert', '{"order_number": "SO1"}'
FROM generate_series(1, :n) n
"""
SHIPMENTS = """
INSERT INTO shipments (number, state, order_number, customer_number, warehouse, shipped_at, content_hash, received_at,
                       booked_at)
SELECT 'SH' || n, 'invoiced', 'SO' || n, '00000042', 'ATL', now(), '', now() - n * interval '5 minutes',
       now() - n * interval '5 minutes' + (1 + n % 5) * interval '1 second'
FROM generate_series(1, :n) n
"""
INVOICES = """
INSERT INTO invoices (shipment_number, generation, doc_number, quickbooks_id, sync_token, total, balance, invoiced_on,
                      customer_number, order_number, booked_at)
SELECT 'SH' || n, 1, 'SH' || n, n::text, '0', 25, 25, now()::date, '00000042', 'SO' || n,
       now() - n * interval '5 minutes'
FROM generate_series(1, :n) n
"""
EXCEPTIONS = """
INSERT INTO exceptions (kind, cause, sentence, record_type, record_key, money_at_stake, owner, opened_at, due_at)
SELECT 'hold', (ARRAY['unknown_item', 'price_differs', 'item_not_linked', 'over_shipment'])[1 + n % 4], 'No such item.',
       'shipment', 'SH' || n, n, 'billing', now() - n * interval '1 minute', now() + (n - 2500) * interval '1 minute'
FROM generate_series(1, :n) n
"""


def fill(session: Session, changes: int, invoices: int, open_work: int) -> None:
    """The store as it is after a year. Triggers are off: what they write is written here."""
    session.execute(text("SET LOCAL session_replication_role = replica"))
    for statement, count in ((CHANGES, changes), (SHIPMENTS, invoices), (INVOICES, invoices), (EXCEPTIONS, open_work)):
        session.execute(text(statement), {"n": count})


async def measure(database_url: str, folder: Path, rounds: int) -> list[float]:
    """Milliseconds of the page at the server, one asking after the other."""
    async with serving(database_url, "127.0.0.1:1", folder) as running:
        transport = httpx.ASGITransport(app=running.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://threeway.test") as client:
            form, here = {"name": "admin", "password": PASSWORD}, {"origin": "http://threeway.test"}
            await client.post("/sign-in", data=form, headers=here)
            return [await _ask(client) for _ in range(rounds)]


async def _ask(client: httpx.AsyncClient) -> float:
    begun = perf_counter()
    answer = await client.get("/")
    assert answer.status_code == 200, answer.text
    return (perf_counter() - begun) * 1000


def main() -> int:
    """Fill, ask, and say how long it took."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    for name, count in (("changes", 1_000_000), ("invoices", 100_000), ("exceptions", 5_000), ("rounds", 30)):
        parser.add_argument(f"--{name}", type=int, default=count)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        with EmbeddedPostgres(folder / "postgres", durable=False) as server:
            took = _measured(server.url, folder, asked)
    half, worst = statistics.median(took), max(took)
    print(f"overview: half within {half:.0f} ms, the slowest of {len(took)} {worst:.0f} ms, promise {PROMISE_MS} ms")
    return 0 if half < PROMISE_MS else 1


def _measured(url: str, folder: Path, asked: argparse.Namespace) -> list[float]:
    migrate(url)
    engine = make_engine(url)
    with transaction(engine, CAUSE) as session:
        fill(session, asked.changes, asked.invoices, asked.exceptions)
        people.create(session, "admin", "", Role.ADMIN, SecretStr(PASSWORD))
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))
    return asyncio.run(measure(url, folder, asked.rounds))


if __name__ == "__main__":
    sys.exit(main())
