"""Whether a process of this machine lives: `python -m runtime.healthy api|worker|twins`, for health checks.

It asks nothing beyond the process, because a container that is replaced when the database is away helps nobody. It
imports only what starts at once, and reads the same variables as the process beside it.
"""

from __future__ import annotations

import os
import socket
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path
from time import time
from typing import Final

SILENT_SECONDS: Final = 60  # a worker beats every ten
ANSWER_SECONDS: Final = 3
TWIN_PORTS: Final = (8101, 8102, 8103)


def beat_path(data_dir: Path) -> Path:
    """The file that a worker of this host touches while it lives; hosts may share the data folder."""
    return data_dir / "beats" / socket.gethostname()


def beat(data_dir: Path) -> None:
    """Say that this process lives. Raises OSError."""
    path = beat_path(data_dir)
    path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
    path.touch()


def main(arguments: Sequence[str]) -> int:
    """Exit codes: 0 it lives, 1 it does not (the reason is printed), 2 wrong usage."""
    name, *ports = arguments or [""]
    checks: dict[str, Callable[[], str]] = {"api": _api, "worker": _worker, "twins": lambda: _twins(ports)}
    if name not in checks or (ports and name != "twins"):
        sys.stderr.write("usage: python -m runtime.healthy api|worker|twins [PORT...]\n")
        return 2
    trouble = checks[name]()
    sys.stdout.write(f"{trouble or 'alive'}\n")
    return 1 if trouble else 0


def _api() -> str:
    return _unanswered(f"http://127.0.0.1:{os.environ.get('THREEWAY_PORT') or 8000}/livez")


def _twins(ports: Sequence[str]) -> str:
    answers = [_unanswered(f"http://127.0.0.1:{port}/__twin__/health") for port in ports or TWIN_PORTS]
    return "; ".join(filter(None, answers))


def _worker() -> str:
    path = beat_path(Path(os.environ.get("THREEWAY_DATA_DIR") or ".threeway"))
    try:
        silent = time() - path.stat().st_mtime
    except OSError:
        return f"no worker of this host has ever beaten ({path} is not there)"
    return f"the worker was last heard of {silent:.0f} s ago" if silent > SILENT_SECONDS else ""


def _unanswered(url: str) -> str:
    """Why an address does not answer; empty when it does."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=ANSWER_SECONDS):
            return ""
    except (urllib.error.URLError, OSError) as error:
        return f"{url}: {error}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
