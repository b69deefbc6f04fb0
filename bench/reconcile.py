"""How long a reconciliation of many invoices and rows of stock takes, and in how much memory: `make bench-reconcile`.

Every read is the product's own, over HTTP and at the pace that QuickBooks allows. A few records are altered, and have
to be found, or the times are worth nothing. The same is done with a tenth of it before, in a process of its own: what
the memory grows by is the difference. Ends with 1 when a goal is missed.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

import httpx
import structlog
from pydantic import SecretStr

from adapters.quickbooks.connection import QuickBooksConnection
from adapters.quickbooks.gateway import QuickBooksGateway
from bench.exactly_once import server
from bench.reconcile_world import WAREHOUSES, decide_stock, fill_books, fill_org, fill_store
from domain.reconcile_work import ReconcilePart
from domain.work import FileWork
from runtime.embedded.ports import free_port
from store import files
from store.files import FileArrival
from store.schema import migrate
from store.session import make_engine, transaction
from store.tokens import DatabaseTokenVault, new_secret_key
from tests.adapters.salesforce.harness import MemoryVault, gateway_to
from tests.build import REALM
from tests.database import created
from tests.reconciliation.lived import BY, Lived, company_of
from twins.erp.stock import StockRow, write_inv410r

GOAL_SECONDS = 300
GOAL_RSS_MB = 400
GOAL_RATIO = 1.3  # of the peaks of memory: ten times the records may not need much more of it
PER_MINUTE, PAGE = 500, 1000  # what QuickBooks allows
SALESFORCE_PAGE = 2000
STEPS = ("reconcile_books", "reconcile_org", "reconcile_erp", "reconcile_store")
_ANOTHER_DAY = """
UPDATE entity SET body = replace(body, '"TxnDate": "2026-11-20"', '"TxnDate": "2026-01-02"')
WHERE kind = 'Invoice' AND id = 7
"""
_ANOTHER_NUMBER = """UPDATE "sf_Inventory_Level__c" SET "On_Hand__c" = "On_Hand__c" + 100 WHERE seq = 11"""
ALTERED = {  # what is altered, and the cause that must be named
    "quickbooks.db": (_ANOTHER_DAY, "invoice_edited"),
    "salesforce.db": (_ANOTHER_NUMBER, "stock_shown_wrong"),
}


class Memory:
    """The memory of this process, looked at ten times a second."""

    def __init__(self) -> None:
        self.began = self.peak = self._now()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Look no more."""
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(0.1):
            self.peak = max(self.peak, self._now())

    @staticmethod
    def _now() -> int:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") // (1 << 20)


@contextmanager
def stand_ins(folder: Path) -> Iterator[dict[str, str]]:
    """The stand-ins as a process of their own on what lies in this folder."""
    ports = {name: free_port() for name in ("quickbooks", "salesforce", "erp")}
    line = [sys.executable, "-m", "twins", "--data", str(folder)]
    for name, port in ports.items():
        line += [f"--{name}-port", str(port)]
    process = subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603 - our own
    urls = {name: f"http://127.0.0.1:{port}" for name, port in ports.items()}
    try:
        for url in urls.values():
            _wait_for(url)
        yield urls
    finally:
        process.terminate()
        process.wait(30)


def _wait_for(url: str) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            httpx.get(f"{url}/__twin__/settings", trust_env=False, timeout=5).raise_for_status()
        except httpx.HTTPError:
            time.sleep(0.2)
        else:
            return
    raise RuntimeError(f"{url} does not answer")


def company(url: str, folder: Path, urls: dict[str, str]) -> Lived:
    """The product's activities on this store and these stand-ins, at the pace that the product keeps."""
    engine, key = make_engine(url), new_secret_key()
    connection = QuickBooksConnection(
        api_url=f"{urls['quickbooks']}/v3",
        discovery_url=f"{urls['quickbooks']}/.well-known/openid_configuration",
        client_id="twin-client",
        client_secret=SecretStr("twin-secret"),
        refresh_token=SecretStr("twin-refresh-token"),
        realm_id=REALM,
    )
    quickbooks = QuickBooksGateway(connection, DatabaseTokenVault(engine, key))
    salesforce = gateway_to(urls["salesforce"], MemoryVault())
    none = cast("Any", None)
    return Lived(url, engine, none, none, none, folder, company_of(), quickbooks, salesforce, key)


def state_stock(made: Lived, rows: int) -> None:
    """An export of so many rows is read and applied."""
    stock = [
        StockRow(f"STOCK-{n // 3:06d}", WAREHOUSES[n % 3], Decimal(1 + n % 500), Decimal(0), Decimal(0), "A")
        for n in range(rows)
    ]
    content = write_inv410r(datetime(2026, 11, 20, 14, tzinfo=UTC), stock)
    work = _arrived(made, content)
    assert not made.run("read_source_file", work).refused
    assert not made.run("state_stock", work).held
    made.run("finish_file", work)
    decide_stock(made.engine)


def _arrived(made: Lived, content: bytes) -> FileWork:
    from hashlib import sha256  # noqa: PLC0415 - of this line alone

    digest = sha256(content).hexdigest()
    path = made.folder / digest[:2] / digest
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    name = "INV410R.20261120.0900"
    arrival = FileArrival(sha256=digest, filename=name, layout="inv410r", byte_count=len(content), arrived_by="http")
    with transaction(made.engine, BY) as session:
        file, _ = files.register(session, arrival)
    return FileWork(file_id=str(file.id), sha256=digest, filename=name)


def measure(made: Lived, folder: Path, urls: dict[str, str]) -> dict[str, Any]:
    """One run, step by step."""
    calls, memory, seconds = _calls(folder, urls), Memory(), dict[str, float]()
    records: dict[str, int] = {}
    began = time.monotonic()
    run_id = made.open_run()
    part = ReconcilePart(run_id=run_id)

    def step(name: str, given: ReconcilePart) -> Any:
        started = time.monotonic()
        answer = made.run(name, given)
        label = f"{name} again" if given.again else name
        seconds[label] = round(time.monotonic() - started, 1)
        if not given.again and hasattr(answer, "records"):
            records[name] = answer.records
        return answer

    for name in STEPS:
        step(name, part)
    if step("reconcile_compare", part).records:
        for name in STEPS:
            step(name, part.model_copy(update={"again": True}))
    step("reconcile_conclude", part)
    whole = time.monotonic() - began
    memory.stop()
    after = _calls(folder, urls)
    return {
        "seconds": round(whole, 1),
        "steps": seconds,
        "records": records,
        "rss_mb_before": memory.began,
        "rss_mb_peak": memory.peak,
        "calls": {name: after[name] - calls[name] for name in calls},
        "most_quickbooks_calls_in_a_minute": _usage(urls)["most_in_a_minute"],
        "throttled": _usage(urls)["throttled"],
        "causes": sorted({one.cause for one in made.findings(run_id)}),
        "findings": len(made.findings(run_id)),
    }


def _usage(urls: dict[str, str]) -> dict[str, int]:
    """How QuickBooks has metered its calls."""
    answer = httpx.get(f"{urls['quickbooks']}/__twin__/usage", trust_env=False, timeout=30)
    return dict(answer.raise_for_status().json())


def _calls(folder: Path, urls: dict[str, str]) -> dict[str, int]:
    """The calls so far, as the vendors count them."""
    with sqlite3.connect(folder / "salesforce.db") as database:
        used = database.execute("SELECT coalesce(max(value), 0) FROM counter WHERE name = 'api calls'").fetchone()[0]
    return {"quickbooks": _usage(urls)["requests"], "salesforce": int(used)}


def allowed(result: dict[str, Any]) -> dict[str, int]:
    """How many calls may be made: whole pages, an end to each object and kind, and each of them once more."""
    pages = -(-result["records"]["reconcile_books"] // (PAGE - 1))  # a page begins with the last record before it
    objects = -(-result["records"]["reconcile_org"] // SALESFORCE_PAGE)
    return {"quickbooks": pages + 2 * 3, "salesforce": objects + 2 * 6}


def failures(result: dict[str, Any]) -> list[str]:
    """The goals that were missed."""
    most = allowed(result)
    return [
        what
        for what, missed in {
            "what was altered was not named": result["causes"] != sorted(cause for _, cause in ALTERED.values()),
            "it took too long": result["seconds"] > GOAL_SECONDS,
            "too much memory": result["rss_mb_peak"] > GOAL_RSS_MB,
            "memory grows with the books": result.get("rss_ratio", 0) > GOAL_RATIO,
            "too many calls of QuickBooks": result["calls"]["quickbooks"] > most["quickbooks"],
            "too many calls of Salesforce": result["calls"]["salesforce"] > most["salesforce"],
            "too many calls in a minute": result["most_quickbooks_calls_in_a_minute"] > PER_MINUTE,
            "QuickBooks has throttled": result["throttled"] > 0,
        }.items()
        if missed
    ]


def bench(invoices: int, stock: int) -> dict[str, Any]:
    """Make the world, alter a little, and measure."""
    with server() as server_url, created(server_url) as url, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        migrate(url)
        with stand_ins(folder) as urls:
            made = company(url, folder, urls)
            _say("filling the store")
            fill_store(made.engine, invoices)
            state_stock(made, stock)
            run_id = made.open_run()
            made.run("reconcile_store", ReconcilePart(run_id=run_id))
            _say("filling the stand-ins")
            _in_a_process(_fill, folder, url, run_id)
            with made.engine.begin() as connection:
                connection.exec_driver_sql("UPDATE reconciliations SET state = 'failed', inputs_kept = false")
                connection.exec_driver_sql("DELETE FROM reconciliation_inputs")
            _vacuum(made)
            _say("reconciling")
            try:
                return measure(made, folder, urls)
            finally:
                made.salesforce.close()
                made.quickbooks.close()
                made.engine.dispose()


def _fill(folder: Path, url: str, run_id: str) -> None:
    engine = make_engine(url)
    fill_books(folder / "quickbooks.db", engine, run_id)
    fill_org(folder / "salesforce.db", engine, run_id)
    for file, (statement, _) in ALTERED.items():
        with sqlite3.connect(folder / file) as database:
            assert database.execute(statement).rowcount == 1
    engine.dispose()


def _in_a_process(function: Any, *given: object) -> None:
    """What is done there leaves no memory here."""
    from multiprocessing import get_context  # noqa: PLC0415 - heavy, and only here

    process = get_context("spawn").Process(target=function, args=given)
    process.start()
    process.join()
    assert process.exitcode == 0


def _vacuum(made: Lived) -> None:
    with made.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("VACUUM ANALYZE")


def _say(words: str) -> None:
    sys.stderr.write(f"{words}\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the command line; 0 when what was altered is found, in time."""
    parser = argparse.ArgumentParser(prog="python -m bench.reconcile", description=__doc__)
    parser.add_argument("--invoices", type=int, default=50_000)
    parser.add_argument("--stock", type=int, default=100_000)
    parser.add_argument("--alone", action="store_true", help="without the run of a tenth before")
    parser.add_argument("--json", type=Path, help="write the result here, too")
    given = parser.parse_args(arguments)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    logging.disable(logging.CRITICAL)
    small = None if given.alone else _tenth(given.invoices, given.stock)
    result = {"invoices": given.invoices, "stock": given.stock, **bench(given.invoices, given.stock)}
    if small is not None:
        result["a_tenth"] = {name: small[name] for name in ("seconds", "rss_mb_before", "rss_mb_peak")}
        result["rss_ratio"] = round(result["rss_mb_peak"] / small["rss_mb_peak"], 2)
    result |= {"calls_allowed": allowed(result), "missed_goals": failures(result)}
    text = json.dumps(result, indent=2)
    print(text)
    if given.json:
        given.json.write_text(text + "\n", encoding="utf-8")
    return 1 if result["missed_goals"] else 0


def _tenth(invoices: int, stock: int) -> dict[str, Any]:
    """The result of a tenth of it, in a process that has not grown yet."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tenth.json"
        size = ["--invoices", str(invoices // 10), "--stock", str(stock // 10), "--alone", "--json", str(path)]
        line = [sys.executable, "-m", "bench.reconcile", *size]
        subprocess.run(line, check=False, stdout=subprocess.DEVNULL)  # noqa: S603 - our own
        return dict(json.loads(path.read_text(encoding="utf-8")))


if __name__ == "__main__":
    sys.exit(main())
