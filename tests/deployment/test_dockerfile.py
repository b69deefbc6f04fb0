"""Dockerfile: what it takes in is there and needed, what it installs is checked, and it does not run as root."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path
from typing import NamedTuple

import pytest

from api.dashboard.assets import PACKAGES
from tests.architecture.project import ROOT, packages, pyproject

TEXT = (ROOT / "Dockerfile").read_text(encoding="utf-8")


class Instruction(NamedTuple):
    """One instruction, its lines joined."""

    stage: str
    word: str
    rest: str


def instructions() -> list[Instruction]:
    """All of them in their order."""
    lines = "\n".join(line for line in TEXT.splitlines() if not line.startswith("#"))
    found, stage = [], ""
    for line in re.sub(r"\\\n\s*", "", lines).splitlines():
        if not line.strip():
            continue
        word, rest = line.split(maxsplit=1)
        stage = rest.split(" AS ")[1] if word == "FROM" else stage
        found.append(Instruction(stage, word, rest))
    return found


INSTRUCTIONS = instructions()


def of(word: str, stage: str = "gateway") -> list[str]:
    return [one.rest for one in INSTRUCTIONS if (one.stage, one.word) == (stage, word)]


def taken_in() -> list[str]:
    """The paths of this project that are copied into any stage."""
    copied = [one.rest.split() for one in INSTRUCTIONS if one.word == "COPY" and not one.rest.startswith("--from")]
    return [path for words in copied for path in words[:-1]]


def test_the_words_are_those_that_a_builder_knows() -> None:
    assert {one.word for one in INSTRUCTIONS} <= {
        "FROM", "ENV", "COPY", "RUN", "WORKDIR", "USER", "VOLUME", "EXPOSE", "STOPSIGNAL", "ENTRYPOINT", "CMD",
        "HEALTHCHECK",
    }  # fmt: skip


def test_stages_are_of_one_pinned_python_that_the_project_takes_and_one_pinned_node() -> None:
    stages = {one.stage: one.rest.split(" AS ")[0] for one in INSTRUCTIONS if one.word == "FROM"}
    assert list(stages) == ["environment", "assets", "gateway"]
    assert re.fullmatch(r"node:\d+\.\d+\.\d+-bookworm-slim", stages.pop("assets"))
    images = set(stages.values())
    (image,) = images
    found = re.fullmatch(r"python:(\d+)\.(\d+)\.\d+-slim-bookworm", image)
    lowest = re.search(r"(\d+)\.(\d+)", pyproject()["project"]["requires-python"])
    assert found is not None
    assert lowest is not None
    assert (int(found[1]), int(found[2])) >= (int(lowest[1]), int(lowest[2]))


def test_what_is_installed_is_checked_by_its_hash() -> None:
    (installs,) = of("RUN", "environment")
    assert re.findall(r"pip install (.+?) &&", installs) == ["--require-hashes --no-deps -r /build/requirements.lock"]
    assert not [one for one in of("RUN") if "pip" in one or "apt" in one or "curl" in one]
    lock = (ROOT / "requirements.lock").read_text()
    pinned = re.findall(r"^[a-z]\S*==.*$", lock, re.MULTILINE)
    assert pinned
    assert len(pinned) == len(re.findall(r"^[a-z]\S*==.* \\\n    --hash=sha256:[0-9a-f]{64}", lock, re.MULTILINE))


def test_it_runs_as_nobody_in_particular() -> None:
    (user,) = of("USER")
    assert user == "10001:10001"
    after = INSTRUCTIONS[[one.word for one in INSTRUCTIONS].index("USER") :]
    assert not [one for one in after if one.word in {"COPY", "RUN"}]
    assert "--owner=10001 --group=10001 --mode=0750 /data" in of("RUN")[0]


def test_it_takes_in_all_of_the_product_and_nothing_else() -> None:
    assert [path for path in taken_in() if not (ROOT / path).exists()] == []
    roots = {"alembic.ini", "cli.py", "worker.py", "config", "requirements.lock", "deploy/threeway"}
    assets = {"package.json", "package-lock.json", ".npmrc"}
    assert set(taken_in()) == packages() | roots | assets


def test_the_pages_find_what_they_load_where_it_is_put() -> None:
    """By the hashes of its lock, and without what only tests need."""
    (installs,) = of("RUN", "assets")
    assert {"ci", "--omit=dev", "--ignore-scripts"} <= set(installs.split())
    assert PACKAGES.relative_to(ROOT) == Path("node_modules")
    assert "--from=assets /build/node_modules /app/node_modules" in of("COPY")
    locked = json.loads((ROOT / "package-lock.json").read_text())["packages"]
    assert [name for name, one in locked.items() if name and not one.get("integrity")] == []


def test_what_it_takes_in_is_enough_to_run(tmp_path: Path) -> None:
    """Every root is loaded from nothing but those folders: what is missing would come from elsewhere, or not at all."""
    for path in taken_in():
        source, target = ROOT / path, tmp_path / path
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target)  # what was compiled, too: it is known by the time of its source
        else:
            shutil.copy(source, target)
    load = (
        "import sys, cli, worker, api.app, console.program, store.schema\n"
        "import runtime.healthy, twins.__main__, twins.begin\n"
        f"ours = {sorted(packages() | {'cli', 'worker'})!r}\n"
        "print(*{one.__file__ for name, one in sys.modules.items()"
        " if name.split('.')[0] in ours and getattr(one, '__file__', None)}, sep='\\n')"
    )
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}
    loaded = subprocess.run(
        [sys.executable, "-c", load],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert loaded.returncode == 0, loaded.stderr
    files = loaded.stdout.splitlines()
    assert len(files) > 200
    assert [path for path in files if not path.startswith(f"{tmp_path}/")] == []


@pytest.mark.parametrize("path", taken_in())
def test_the_builder_is_given_what_it_takes_in(path: str) -> None:
    assert f"!{path}" in (ROOT / ".dockerignore").read_text().splitlines()


@pytest.mark.parametrize("path", [".env", "gateway.env", "config/.env", ".git/config", ".threeway/secrets/admin_key"])
def test_the_builder_never_sees_a_secret(path: str) -> None:
    ignored = False
    for rule in (ROOT / ".dockerignore").read_text().splitlines():
        if rule and not rule.startswith("#"):
            pattern = rule.removeprefix("!")
            below = path == pattern or path.startswith(f"{pattern}/")
            anywhere = pattern.startswith("**/") and fnmatch(path.rsplit("/", 1)[-1], pattern.removeprefix("**/"))
            if below or anywhere or pattern == "*":
                ignored = not rule.startswith("!")
    assert ignored


def test_its_words_are_commands_of_the_product() -> None:
    assert json.loads(of("ENTRYPOINT")[0]) == ["threeway"]
    assert json.loads(of("CMD")[0]) == ["api"]
    (check,) = of("HEALTHCHECK")
    options, command = check.split("CMD ")
    assert json.loads(command) == ["python", "-m", "runtime.healthy", "api"]
    assert set(re.findall(r"--([a-z-]+)=", options)) == {"interval", "timeout", "start-period", "retries"}
    assert (ROOT / "deploy" / "threeway").stat().st_mode & 0o111
