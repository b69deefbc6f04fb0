"""Health checks of containers: a process that lives is told from one that hangs or never was."""

from __future__ import annotations

import os
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from runtime.embedded.ports import free_port
from runtime.healthy import beat, beat_path, main


class _Answers(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path in {"/livez", "/__twin__/health"} else 404)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def port() -> Iterator[str]:
    """A server that answers as an API and as a twin."""
    server = HTTPServer(("127.0.0.1", 0), _Answers)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield str(server.server_port)
    server.shutdown()
    server.server_close()


def test_an_api_that_answers_lives(port: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THREEWAY_PORT", port)
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")  # a proxy of the surroundings is not asked
    assert main(["api"]) == 0


def test_an_api_that_does_not_answer_is_dead(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("THREEWAY_PORT", str(free_port()))
    assert main(["api"]) == 1
    assert "refused" in capsys.readouterr().out


def test_all_three_twins_must_answer(port: str, capsys: pytest.CaptureFixture[str]) -> None:
    dead = str(free_port())
    assert main(["twins", port, port, port]) == 0
    assert main(["twins", port, dead, port]) == 1
    assert dead in capsys.readouterr().out


def test_a_worker_lives_while_it_beats(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("THREEWAY_DATA_DIR", str(tmp_path))
    assert main(["worker"]) == 1
    assert "no worker of this host" in capsys.readouterr().out
    beat(tmp_path)
    assert main(["worker"]) == 0
    os.utime(beat_path(tmp_path), (0, 0))
    assert main(["worker"]) == 1
    assert "last heard of" in capsys.readouterr().out
    beat(tmp_path)
    assert main(["worker"]) == 0


@pytest.mark.parametrize("words", [[], ["store"], ["api", "8000"]])
def test_other_words_are_wrong_usage(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 2
    assert "usage" in capsys.readouterr().err
