"""What a stack consists of on this machine: which services are embedded, on which ports, with which environment."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from runtime.embedded.ports import free_port, is_free
from runtime.embedded.secrets import ADMIN_KEY_FILE, SECRET_KEY_FILE, ensure_secrets, secret_path
from runtime.settings import Settings
from runtime.settings_errors import SettingsError
from runtime.temporal import configured_connection

PROJECT: Final = Path(__file__).resolve().parent.parent
COMPANY_FILE: Final = "company.toml"
TEMPORAL_PORT: Final = 7233
TEMPORAL_UI_PORT: Final = 8233
TEMPORAL_METRICS_PORT: Final = 9233
TWIN_PORTS: Final = {"twin_quickbooks": 8101, "twin_salesforce": 8102, "twin_erp": 8103}


@dataclass(frozen=True)
class Plan:
    """The decisions of one start."""

    settings: Settings
    api_port: int
    temporal_address: str
    temporal_namespace: str
    temporal_port: int | None
    temporal_ui_port: int | None
    temporal_metrics_port: int | None
    twin_ports: Mapping[str, int]
    admin_key: str = field(repr=False)
    generated: frozenset[str] = frozenset()

    @property
    def embeds_postgres(self) -> bool:
        """PostgreSQL is ours when no address is set."""
        return self.settings.database_url is None

    @property
    def embeds_temporal(self) -> bool:
        """Temporal is ours when no address is set."""
        return self.temporal_port is not None

    @property
    def api_url(self) -> str:
        """Where this machine reaches the API of this stack."""
        return self.settings.model_copy(update={"url": None, "port": self.api_port}).api_url

    @property
    def twin_urls(self) -> dict[str, str]:
        """The control address of every stand-in by its system; empty when they are off."""
        return {name.removeprefix("twin_"): f"http://127.0.0.1:{port}" for name, port in self.twin_ports.items()}

    def environment(self, database_url: str) -> dict[str, str]:
        """What the product's own processes see: this process's environment and the addresses of this stack."""
        settings = self.settings
        inherited = dict(os.environ)
        if self.embeds_temporal:
            inherited = {name: value for name, value in inherited.items() if not name.startswith("TEMPORAL_")}
        values = {
            "THREEWAY_DATABASE_URL": database_url,
            "THREEWAY_DATA_DIR": str(settings.data_dir),
            "THREEWAY_CONFIG_DIR": str(settings.config_dir),
            "THREEWAY_HOST": settings.host,
            "THREEWAY_PORT": str(self.api_port),
            "TEMPORAL_ADDRESS": self.temporal_address,
            "TEMPORAL_NAMESPACE": self.temporal_namespace,
            "PROMETHEUS_MULTIPROC_DIR": str(settings.data_dir / "metrics"),
            "PYTHONUNBUFFERED": "1",
            "PYTHONPATH": os.pathsep.join(filter(None, (str(PROJECT), os.environ.get("PYTHONPATH")))),
        }
        if self.temporal_ui_port is not None:
            values["THREEWAY_TEMPORAL_UI_URL"] = f"http://127.0.0.1:{self.temporal_ui_port}"
        values |= {f"THREEWAY_{name.upper()}_URL": f"http://127.0.0.1:{port}" for name, port in self.twin_ports.items()}
        values |= {
            f"THREEWAY_{name.upper()}_FILE": str(secret_path(settings.data_dir, name)) for name in self.generated
        }
        replaced = {f"{name}_FILE" for name in values}
        return {name: value for name, value in inherited.items() if name not in replaced} | values


def make_plan(settings: Settings) -> Plan:
    """Decide; picks free ports, makes missing secrets and folders. Raises SettingsError when a set port is taken."""
    if not (settings.config_dir / COMPANY_FILE).is_file():
        problem = (
            f"THREEWAY_CONFIG_DIR: {settings.config_dir} has no {COMPANY_FILE}; start from the product's config folder."
        )
        raise SettingsError([problem])
    prepare_folders(settings)
    configured = configured_connection()
    embeds = not configured.get("target_host")
    api_port = _api_port(settings)
    taken = {api_port}

    def pick(preferred: int) -> int:
        port = free_port(preferred, taken=frozenset(taken))
        taken.add(port)
        return port

    temporal_port = pick(TEMPORAL_PORT) if embeds else None
    secrets = ensure_secrets(settings.data_dir)
    generated = {ADMIN_KEY_FILE: settings.admin_key, SECRET_KEY_FILE: settings.secret_key}
    return Plan(
        settings=settings,
        api_port=api_port,
        temporal_address=f"127.0.0.1:{temporal_port}" if embeds else str(configured["target_host"]),
        temporal_namespace=configured.get("namespace") or "default",
        temporal_port=temporal_port,
        temporal_ui_port=pick(TEMPORAL_UI_PORT) if embeds else None,
        temporal_metrics_port=pick(TEMPORAL_METRICS_PORT) if embeds else None,
        twin_ports={name: pick(port) for name, port in TWIN_PORTS.items()} if settings.twins_on else {},
        admin_key=(settings.admin_key or secrets.admin_key).get_secret_value(),
        generated=frozenset(name for name, value in generated.items() if value is None),
    )


def prepare_folders(settings: Settings) -> None:
    """The folders that the services expect; the shared metrics of a former run are dropped, as counters start anew."""
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    shutil.rmtree(settings.data_dir / "metrics", ignore_errors=True)
    for folder in (settings.data_dir / "metrics", settings.erp.inbox_dir, settings.erp.outbox_dir):
        folder.mkdir(mode=0o750, parents=True, exist_ok=True)


def product_command(name: str) -> list[str]:
    """One of our own commands in this interpreter."""
    return [sys.executable, str(PROJECT / "cli.py"), name]


def _api_port(settings: Settings) -> int:
    if "port" not in settings.model_fields_set:
        return free_port(settings.port, settings.host)
    if not is_free(settings.port, settings.host):
        raise SettingsError(
            [f"THREEWAY_PORT: {settings.port} is taken; stop what listens there, choose another or unset it."]
        )
    return settings.port
