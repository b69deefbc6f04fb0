"""Metrics: names with our prefix, the promise as a bucket, numbers of several processes together."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from runtime import metrics
from runtime.embedded.ports import free_port
from runtime.settings_errors import SettingsError

PROJECT = Path(__file__).resolve().parents[2]


def test_the_promise_is_a_bucket() -> None:
    metrics.observe("shipment_to_invoice_seconds", 2.5)
    text = metrics.render().decode()
    assert 'threeway_shipment_to_invoice_seconds_bucket{le="90.0"}' in text


def test_counters_and_gauges_move_by_name() -> None:
    metrics.count("files", layout="a layout of this test", outcome="applied")
    metrics.gauge("exceptions_open", 3, kind="hold")
    with metrics.vendor_call("quickbooks", "an operation of this test") as call:
        call.outcome = "2xx"
    text = metrics.render().decode()
    assert 'threeway_files_total{layout="a layout of this test",outcome="applied"} 1.0' in text
    assert 'threeway_exceptions_open{kind="hold"} 3.0' in text
    calls = 'operation="an operation of this test",outcome="2xx",system="quickbooks"'
    assert f"threeway_vendor_calls_total{{{calls}}} 1.0" in text


def test_a_slip_in_a_name_or_label_raises() -> None:
    with pytest.raises(KeyError):
        metrics.count("fils")
    with pytest.raises(ValueError, match="label"):
        metrics.count("files", outcome="applied")


def test_processes_share_their_numbers(tmp_path: Path) -> None:
    environment = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path), "PYTHONPATH": str(PROJECT)}
    add = "from runtime import metrics; metrics.count('invoices', outcome='booked')"
    show = "from runtime import metrics; print(metrics.render().decode())"
    for _ in range(2):
        subprocess.run([sys.executable, "-c", add], env=environment, check=True)
    shown = subprocess.run([sys.executable, "-c", show], env=environment, check=True, capture_output=True, text=True)
    assert 'threeway_invoices_total{outcome="booked"} 2.0' in shown.stdout


def test_a_worker_answers_on_a_port_of_its_own_while_it_works() -> None:
    port = free_port()
    address = f"http://127.0.0.1:{port}/metrics"
    with metrics.served(port):
        with pytest.raises(SettingsError, match="THREEWAY_METRICS_PORT"), metrics.served(port):
            pass
        metrics.count("files", layout="a layout of a worker", outcome="applied")
        assert 'layout="a layout of a worker"' in httpx.get(address).text
    with pytest.raises(httpx.ConnectError):
        httpx.get(address)
    with metrics.served(None), pytest.raises(httpx.ConnectError):
        httpx.get(address)
