"""deploy/new-env.sh: secrets that the product takes, once, for nobody else's eyes."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from dotenv import dotenv_values

from runtime.settings import load_settings
from tests.architecture.project import ROOT
from tests.deployment.compose import Compose

SCRIPT = ROOT / "deploy" / "new-env.sh"


def run(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["sh", str(SCRIPT)], cwd=folder, capture_output=True, text=True, timeout=20, check=False)


def test_what_it_makes_is_taken_by_compose_and_by_the_gateway(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = run(tmp_path)
    assert (made.returncode, made.stdout) == (0, "made .env and gateway.env\n")
    for name in (".env", "gateway.env"):
        assert (tmp_path / name).stat().st_mode & 0o777 == 0o600

    variables = {name: value or "" for name, value in dotenv_values(tmp_path / ".env").items()}
    environment = Compose(variables).environment("api")
    for name, value in {**environment, **dotenv_values(tmp_path / "gateway.env")}.items():
        monkeypatch.setenv(name, value or "")
    monkeypatch.chdir("/")
    settings = load_settings(attach=False)
    assert variables["GATEWAY_DB_PASSWORD"] in settings.require_database_url()
    assert settings.require_admin_key()
    assert settings.admin_password
    assert settings.require_secret_key()
    assert settings.payload_keys


def test_no_two_secrets_are_alike(tmp_path: Path) -> None:
    values = []
    for folder in (tmp_path / "a", tmp_path / "b"):
        folder.mkdir()
        assert run(folder).returncode == 0
        values += [*dotenv_values(folder / ".env").values(), *dotenv_values(folder / "gateway.env").values()]
    assert len(set(values)) == len(values) == 14
    assert all(len(value or "") >= 43 for value in values)


@pytest.mark.parametrize("name", [".env", "gateway.env"])
def test_what_is_there_is_never_overwritten(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("KEPT=1\n")
    made = run(tmp_path)
    assert made.returncode == 1
    assert name in made.stderr
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_text() == "KEPT=1\n"
