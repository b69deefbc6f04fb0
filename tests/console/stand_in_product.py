"""A product of one file for the tests of the stack: `python stand_in_product.py worker|api|migrate`."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from temporalio import workflow
from temporalio.worker import Worker

from runtime.names import WORKFLOW_QUEUE
from runtime.settings import load_settings
from runtime.temporal import connect


@workflow.defn(name="Nothing", sandboxed=False)
class Nothing:
    """Does nothing."""

    @workflow.run
    async def run(self) -> str:
        """End at once."""
        return "done"


class Answers(BaseHTTPRequestHandler):
    """Ready, and tells what its environment was."""

    def do_GET(self) -> None:
        """Answer everything with the settings that this process sees."""
        settings = load_settings()
        names = ("THREEWAY_DATABASE_URL", "TEMPORAL_ADDRESS", "THREEWAY_ADMIN_KEY", "THREEWAY_TEMPORAL_UI_URL")
        body = {name: os.environ.get(name) for name in names} | {"key": self.headers.get("X-API-Key")}
        body["same_key"] = body["key"] == settings.require_admin_key()
        content = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


async def work() -> None:
    """Poll the workflow queue until SIGTERM."""
    over = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, over.set)
    async with Worker(await connect(load_settings()), task_queue=WORKFLOW_QUEUE, workflows=[Nothing]):
        await over.wait()


def main() -> None:
    """Run one role."""
    role = sys.argv[1]
    if role == "migrate":
        sys.exit("the migration does not work" if Path("migration-fails").exists() else 0)
    if role == "worker":
        asyncio.run(work())
    else:
        settings = load_settings()
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        ThreadingHTTPServer((settings.host, settings.port), Answers).serve_forever()


if __name__ == "__main__":
    main()
