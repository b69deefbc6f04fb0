"""The Prometheus metrics of the product: defined here once, moved by name from anywhere.

Several processes of one machine share their numbers when `PROMETHEUS_MULTIPROC_DIR` names a folder (the embedded stack
does that), so that the API's `/metrics` tells what the worker did.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Final

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
    multiprocess,
    start_http_server,
)

from runtime.settings_errors import SettingsError

PREFIX: Final = "threeway_"
CONTENT_TYPE: Final = CONTENT_TYPE_LATEST
registry: Final = CollectorRegistry()

# Seconds from a shipment file being visible to its invoice existing in QuickBooks: the promise is 90, the target 3.
PROMISE_BUCKETS: Final = (0.5, 1, 2, 3, 5, 8, 13, 20, 30, 45, 60, 90, 120, 300, 900, 3600)
CALL_BUCKETS: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


def _counter(name: str, text: str, *labels: str) -> Counter:
    return Counter(PREFIX + name, text, labels, registry=registry)


def _gauge(name: str, text: str, *labels: str) -> Gauge:
    return Gauge(PREFIX + name, text, labels, registry=registry, multiprocess_mode="mostrecent")


def _histogram(name: str, text: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
    return Histogram(PREFIX + name, text, labels, registry=registry, buckets=buckets)


COUNTERS: Final[dict[str, Counter]] = {
    "files": _counter("files", "Files received, by layout and outcome", "layout", "outcome"),
    "file_groups": _counter("file_groups", "Record groups read from files, by layout and outcome", "layout", "outcome"),
    "shipments": _counter("shipments", "Shipments that reached an outcome", "outcome"),
    "invoices": _counter("invoices", "Invoices that reached an outcome", "outcome"),
    "credits": _counter("credits", "Credits and supplements that reached an outcome", "kind", "outcome"),
    "vendor_calls": _counter("vendor_calls", "Calls to the other systems", "system", "operation", "outcome"),
    "exceptions_raised": _counter("exceptions_raised", "Exceptions raised, by kind and cause", "kind", "cause"),
    "exceptions_resolved": _counter("exceptions_resolved", "Exceptions resolved, by kind and choice", "kind", "choice"),
    "hooks": _counter("hooks", "Hints that the other systems sent, by kind and outcome", "kind", "outcome"),
    "documents_changed": _counter(
        "documents_changed", "Changes of our documents that were seen in QuickBooks", "kind", "change"
    ),
    "orders_accepted": _counter("orders_accepted", "Orders born in Salesforce that were given their number"),
    "order_messages": _counter("order_messages", "Messages about orders for the ERP, by outcome", "outcome"),
    "stock_rows": _counter("stock_rows", "Rows of stock sent to Salesforce, by outcome", "outcome"),
    "proofs": _counter("proofs", "Things that the nightly proof looked at, by outcome", "what", "outcome"),
    "reconciliation_runs": _counter("reconciliation_runs", "Reconciliations, by outcome", "outcome"),
    "alerts": _counter("alerts", "Tries to hand an alert over, by channel and outcome", "channel", "outcome"),
    "relayed": _counter("relayed", "Committed inbox rows whose workflow the relay had to start", "kind"),
}
GAUGES: Final[dict[str, Gauge]] = {
    "exceptions_open": _gauge("exceptions_open", "Exceptions that wait for a person", "kind"),
    "inbox_oldest_seconds": _gauge("inbox_oldest_seconds", "Age of the oldest inbox row not yet handled", "kind"),
    "reconciliation_finished_seconds": _gauge(
        "reconciliation_finished_seconds", "When the last reconciliation ended, in seconds since 1970"
    ),
    "reconciliation_differences": _gauge(
        "reconciliation_differences", "Differences that the last reconciliation found, by standing", "standing"
    ),
    "reconciliation_oldest_drift_days": _gauge(
        "reconciliation_oldest_drift_days", "Days since the oldest drift that is still there was found first"
    ),
    "shipments_waiting": _gauge("shipments_waiting", "Shipments not yet invoiced, by state", "state"),
}
HISTOGRAMS: Final[dict[str, Histogram]] = {
    "shipment_to_invoice_seconds": _histogram(
        "shipment_to_invoice_seconds", "From the file being visible to the drafted invoice", PROMISE_BUCKETS
    ),
    "stock_to_salesforce_seconds": _histogram(
        "stock_to_salesforce_seconds",
        "From a stock export being visible to 99 of 100 of its changes being shown in Salesforce",
        PROMISE_BUCKETS,
    ),
    "hook_to_read_seconds": _histogram(
        "hook_to_read_seconds", "From a hint of another system being taken to its records being read", PROMISE_BUCKETS
    ),
    "vendor_call_seconds": _histogram(
        "vendor_call_seconds", "Duration of calls to the other systems", CALL_BUCKETS, "system", "operation"
    ),
    "request_seconds": _histogram("request_seconds", "Duration of API requests", CALL_BUCKETS, "route", "status"),
}


def count(name: str, amount: float = 1, **labels: str) -> None:
    """Add to a counter; a name or label that is not defined here raises, because it is a slip in the code."""
    counter = COUNTERS[name]
    (counter.labels(**labels) if labels else counter).inc(amount)


def gauge(name: str, value: float, **labels: str) -> None:
    """Set a gauge."""
    target = GAUGES[name]
    (target.labels(**labels) if labels else target).set(value)


def observe(name: str, seconds: float, **labels: str) -> None:
    """Record one duration, in seconds."""
    histogram = HISTOGRAMS[name]
    (histogram.labels(**labels) if labels else histogram).observe(seconds)


@contextmanager
def timed(name: str, **labels: str) -> Iterator[None]:
    """Record how long the block took, whether it succeeded or not."""
    started = monotonic()
    try:
        yield
    finally:
        observe(name, monotonic() - started, **labels)


class VendorCall:
    """One call under way; set `outcome` to the class of its answer (`2xx`), else it counts as unanswered."""

    def __init__(self) -> None:
        self.outcome = "no_answer"


@contextmanager
def vendor_call(system: str, operation: str) -> Iterator[VendorCall]:
    """Count a call to another system and how long it took; `operation` comes from a closed list, never from data."""
    call = VendorCall()
    with timed("vendor_call_seconds", system=system, operation=operation):
        try:
            yield call
        finally:
            count("vendor_calls", system=system, operation=operation, outcome=call.outcome)


def totals(name: str) -> list[tuple[dict[str, str], float]]:
    """What a counter has come to by its labels, over all processes of this machine that share their numbers."""
    shown = f"{PREFIX}{name}_total"
    return [
        (dict(sample.labels), sample.value)
        for family in _everything().collect()
        for sample in family.samples
        if sample.name == shown
    ]


def render() -> bytes:
    """The text that Prometheus reads, from all processes that share a folder, else from this one."""
    return generate_latest(_everything())


def _everything() -> CollectorRegistry:
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return registry
    shared = CollectorRegistry()
    multiprocess.MultiProcessCollector(shared)  # type: ignore[no-untyped-call]
    return shared


@contextmanager
def served(port: int | None, host: str = "127.0.0.1") -> Iterator[None]:
    """Answer `/metrics` on a port of its own while the body runs (workers have no other HTTP); None: nowhere.

    It asks for no key: bind it where only the scraper comes. Raises SettingsError where the port is taken.
    """
    if port is None:
        yield
        return
    try:
        server, thread = start_http_server(port, addr=host, registry=_everything())
    except OSError as error:
        why = f"THREEWAY_METRICS_PORT: {host}:{port} cannot be listened on ({error.strerror}); set another, or none."
        raise SettingsError([why]) from error
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
