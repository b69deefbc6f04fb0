"""Changed rules at a whole gateway: its worker does not start by what one person changed alone."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest

from runtime.embedded.processes import ProcessError
from tests.e2e.stacks import StackedGateway, stacked_gateway
from tests.e2e.twin_clients import Json
from tests.looks import CONFIG


class Strict(NamedTuple):
    """A gateway that takes no rules without a second person, and the folder that its rules are in."""

    gateway: StackedGateway
    folder: Path

    def as_person(self, name: str, scope: str) -> httpx.Headers:
        """Somebody with a key of their own."""
        made = self.gateway.post("/keys", {"name": name, "scopes": [scope]})
        return httpx.Headers({"X-API-Key": made["key"]})

    def post(self, path: str, body: Json, person: httpx.Headers) -> Json:
        answer = self.gateway.http.post(path, json=body, headers=person)
        assert answer.is_success, answer.text
        return dict(answer.json())


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Strict]:
    folder = tmp_path_factory.mktemp("rules") / "config"
    shutil.copytree(CONFIG, folder)
    with stacked_gateway(THREEWAY_CONFIG_DIR=str(folder), THREEWAY_POLICY_APPROVAL="required") as gateway:
        yield Strict(gateway, folder)


def test_a_worker_starts_by_changed_rules_only_when_a_second_person_agreed(strict: Strict) -> None:
    """Features G-B6, G-C6: refused with what to do, taken once it was approved, and all of it in the audit trail."""
    gateway, file = strict.gateway, strict.folder / "ownership.toml"
    ana, bo = strict.as_person("ana", "operator"), strict.as_person("bo", "admin")
    file.write_text(file.read_text(encoding="utf-8").replace("times = 3", "times = 4"), encoding="utf-8")
    gateway.stack.kill("worker")
    with pytest.raises(ProcessError, match="no second person approved"):
        gateway.stack.start("worker")
    draft = {"kind": "ownership", "text": file.read_text(encoding="utf-8")}
    proposal = strict.post("/policies", {**draft, "reason": "loops are longer here"}, ana)["id"]
    strict.post(f"/policies/{proposal}/approve", {"reason": "agreed"}, bo)
    gateway.stack.start("worker")
    used = [one["proposal_id"] for one in gateway.items("/policies/uses") if one["kind"] == "ownership"]
    assert used == [proposal, None]
    told = [(one["action"], one["actor"]) for one in gateway.items("/audit", record_type="policy")][:3]
    assert told == [("policy_used", "worker"), ("policy_decided", "bo"), ("policy_proposed", "ana")]
