"""docker-compose.yml: what the specification takes, and what this product asks of it beyond that."""

from __future__ import annotations

import json
import re
from importlib import util
from pathlib import Path
from typing import Any

import pytest
import yaml

from runtime.settings import Settings
from runtime.settings_errors import variable
from tests.architecture.project import ROOT
from tests.deployment.compose import FILE, Compose

SECRETS = ("POSTGRES_PASSWORD", "GATEWAY_DB_PASSWORD", "TEMPORAL_DB_PASSWORD")
COMPOSE = Compose(dict.fromkeys(SECRETS, "0123456789abcdef"))
ONE_SHOT = {"temporal-schema", "temporal-namespace", "migrate", "twins-world"}
DEMO = {"twins", "twins-world"}
OURS = {"migrate", "api", "worker", *DEMO}
SERVICES = sorted(COMPOSE.services)
# What a service is when it cannot prove that it lives: Temporal's Web UI ships no program that could ask it.
UNPROVEN = {"temporal-ui"}


def test_the_specification_takes_it() -> None:
    package = util.find_spec("check_jsonschema")  # its files are read, it is not imported
    if package is None or package.origin is None:
        pytest.skip("check-jsonschema, which ships the schema of the Compose specification, is not installed")
    import jsonschema

    path = Path(package.origin).parent / "builtin_schemas" / "vendor" / "compose-spec.json"
    schema = json.loads(path.read_text(encoding="utf-8"))
    validator = jsonschema.validators.validator_for(schema)(schema)
    document = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    assert [error.message for error in validator.iter_errors(document)] == []
    document["services"]["api"]["prots"] = []
    assert [error.message for error in validator.iter_errors(document)] != []


def test_without_a_profile_everything_but_the_stand_ins_runs() -> None:
    assert {name for name in SERVICES if COMPOSE.services[name].get("profiles") == ["demo"]} == DEMO
    assert {name for name in SERVICES if not COMPOSE.services[name].get("profiles")} == {
        "postgres", "temporal-schema", "temporal", "temporal-namespace", "temporal-ui", "migrate", "api", "worker",
    }  # fmt: skip


@pytest.mark.parametrize("name", SERVICES)
def test_an_image_is_pinned(name: str) -> None:
    assert re.fullmatch(r"[\w./-]+:\d+\.\d+(\.\d+)?(-\w+)?", COMPOSE.services[name]["image"])


def test_our_image_is_built_here_and_has_our_version() -> None:
    version = re.search(r'^version = "(.+)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert version is not None
    for name in OURS:
        service = COMPOSE.services[name]
        assert (service["build"], service["image"]) == (".", f"threeway:{version[1]}")


def test_what_waits_for_another_waits_for_one_that_can_be_ready() -> None:
    for name, service in COMPOSE.services.items():
        for other, how in service.get("depends_on", {}).items():
            wanted = "service_completed_successfully" if other in ONE_SHOT else "service_healthy"
            assert how == {"condition": wanted}, f"{name} on {other}"
            assert other in ONE_SHOT or "test" in COMPOSE.services[other]["healthcheck"], f"{name} on {other}"


def test_nothing_waits_for_itself() -> None:
    def before(name: str, seen: tuple[str, ...] = ()) -> set[str]:
        assert name not in seen, seen
        direct = COMPOSE.services[name].get("depends_on", {})
        return {*direct, *(one for other in direct for one in before(other, (*seen, name)))}

    assert before("worker") == before("api") == {
        "postgres", "temporal-schema", "temporal", "temporal-namespace", "migrate",
    }  # fmt: skip


@pytest.mark.parametrize("name", SERVICES)
def test_what_runs_on_proves_that_it_lives(name: str) -> None:
    service = COMPOSE.services[name]
    if name in ONE_SHOT:
        assert service["restart"] == "on-failure:5"
        assert service.get("healthcheck") in (None, {"disable": True})
    else:
        assert service["restart"] == "unless-stopped"
        assert name in UNPROVEN or {"test", "interval", "timeout", "retries", "start_period"} == set(
            service["healthcheck"]
        )


@pytest.mark.parametrize("name", SERVICES)
def test_nothing_is_open_to_other_machines(name: str) -> None:
    for port in COMPOSE.services[name].get("ports", []):
        assert re.fullmatch(r"127\.0\.0\.1:\d+:\d+", port)


def test_the_databases_have_no_port_and_no_way_out() -> None:
    assert COMPOSE.document["networks"]["inside"] == {"internal": True}
    for name in ("postgres", "temporal", "temporal-schema", "temporal-namespace"):
        assert COMPOSE.services[name]["networks"] == ["inside"]
        assert "ports" not in COMPOSE.services[name]


@pytest.mark.parametrize("name", SERVICES)
def test_no_service_may_become_more_than_it_is(name: str) -> None:
    service = COMPOSE.services[name]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in service
    assert not [one for one in service.get("volumes", []) if "docker.sock" in one]
    if name in OURS:
        assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])
        assert service["tmpfs"] == ["/tmp"]  # noqa: S108 (a file system of the container's own)


def test_the_stand_ins_are_told_no_secret() -> None:
    for name in DEMO:
        assert COMPOSE.services[name]["env_file"] == []
        assert "0123456789abcdef" not in str(COMPOSE.services[name])


def test_no_secret_stands_in_the_file() -> None:
    text = FILE.read_text(encoding="utf-8")
    assert re.findall(r"(?:PASSWORD|PWD|KEYS?|SECRET): (?!\$\{)", text) == []
    with pytest.raises(KeyError, match="new-env"):
        _ = Compose({}).document


@pytest.mark.parametrize("name", ["migrate", "api", "worker"])
def test_our_services_are_told_only_what_means_something(name: str) -> None:
    known = {variable(field) for field in Settings.model_fields} | {"TEMPORAL_ADDRESS", "TEMPORAL_NAMESPACE"}
    assert COMPOSE.environment(name).keys() <= known


def test_every_host_that_is_named_is_a_service() -> None:
    told = " ".join(str(service) for service in COMPOSE.services.values())
    hosts = set(re.findall(r"(?:@|http://)([a-z][a-z-]*):\d+", told))
    hosts |= {COMPOSE.environment(name)["TEMPORAL_ADDRESS"].split(":")[0] for name in ("api", "worker", "temporal-ui")}
    assert hosts == {"postgres", "twins", "temporal"} <= set(SERVICES)


@pytest.mark.parametrize("name", SERVICES)
def test_what_is_mounted_from_here_is_there_and_cannot_be_written(name: str) -> None:
    volumes: list[Any] = COMPOSE.services[name].get("volumes", [])
    for source, _target, *mode in (one.split(":") for one in volumes):
        if source.startswith("./"):
            assert (ROOT / source).exists()
            assert mode == ["ro"]
        else:
            assert source in COMPOSE.document["volumes"]


def test_the_api_and_the_workers_share_their_files() -> None:
    """The API lands files that the workers read: the folder of both is one volume, and is where both look for it."""
    for name in ("api", "worker"):
        assert "files:/data" in COMPOSE.services[name]["volumes"]
        assert COMPOSE.environment(name)["THREEWAY_DATA_DIR"] == "/data"


def test_a_worker_may_finish_before_it_is_killed() -> None:
    grace = int(COMPOSE.services["worker"]["stop_grace_period"].removesuffix("s"))
    assert grace > Settings().worker_graceful_seconds
