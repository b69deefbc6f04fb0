"""The children of a stack: each with its command, environment, proof of readiness and way to stop."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from console.plan import Plan
from console.probes import http_answers, prepare_temporal, temporal_answers, worker_polls
from runtime.embedded.child import Child, ProcessSpec
from runtime.embedded.postgres import Cluster, ensure_database
from runtime.embedded.temporal_server import TemporalServer


def postgres(cluster: Cluster) -> ProcessSpec:
    """The embedded database; SIGINT is its orderly fast stop."""

    def create_database() -> None:
        ensure_database(cluster)

    return ProcessSpec(
        name="postgres",
        command=cluster.command(),
        environment=cluster.environment(),
        ready=cluster.answers,
        after_ready=create_database,
        stop_signal=signal.SIGINT,
        folder=Path("/"),
        user=cluster.user,
    )


def temporal(plan: Plan) -> ProcessSpec:
    """The embedded Temporal server with its Web UI; retention and search attributes are set after every start."""
    server = TemporalServer(
        data_dir=plan.settings.data_dir,
        port=plan.temporal_port or 0,
        ui_port=plan.temporal_ui_port,
        metrics_port=plan.temporal_metrics_port,
        namespace=plan.temporal_namespace,
    )
    server.prepare()
    return ProcessSpec(
        name="temporal",
        command=server.command(),
        environment=server.environment(),
        ports=(server.port,),
        ready=lambda: temporal_answers(server.address, server.namespace),
        after_ready=lambda: prepare_temporal(server.address, server.namespace, plan.settings),
        stop_seconds=15,
    )


def twins(plan: Plan, environment: Mapping[str, str]) -> ProcessSpec:
    """The stand-ins of the three systems, in one process."""
    ports = plan.twin_ports
    flags = [part for name, port in ports.items() for part in (f"--{name.removeprefix('twin_')}-port", str(port))]
    return ProcessSpec(
        name="twins",
        command=[sys.executable, "-m", "twins", "--data", str(plan.settings.data_dir / "twins"), *flags],
        environment=environment,
        ports=tuple(ports.values()),
        ready=lambda: all(http_answers(f"{url}/__twin__/health") for url in plan.twin_urls.values()),
        stop_seconds=10,
    )


def worker(plan: Plan, environment: Mapping[str, str], command: list[str], child: Callable[[], Child]) -> ProcessSpec:
    """The worker; ready when this very process asks Temporal for work."""

    def polling() -> bool:
        process = child().process
        pid = process.pid if process is not None else 0
        return worker_polls(plan.temporal_address, plan.temporal_namespace, pid, child().launched_at)

    return ProcessSpec("worker", command, environment, ready=polling)


def api(plan: Plan, environment: Mapping[str, str], command: list[str]) -> ProcessSpec:
    """The API; alive is enough, as it starts while other parts are still away."""
    return ProcessSpec(
        name="api",
        command=command,
        environment=environment,
        ports=(plan.api_port,),
        ready=lambda: http_answers(f"{plan.api_url}/livez"),
    )
