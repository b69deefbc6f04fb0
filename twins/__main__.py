"""Serves the three twins in one process: `python -m twins --data DIR`. Ends within two seconds of SIGTERM or SIGINT."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal
import socket
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import uvicorn
from fastapi import FastAPI

FINISH_SECONDS = 0.5  # how long a request may still take after the signal; then its connection is cut
CANCEL_SECONDS = 1  # when whatever still works is cancelled
KEEP_ALIVE_SECONDS = 75  # as long as the vendors' front ends keep an idle connection


class TwinServer(uvicorn.Server):
    """A server that leaves the signals to the process and says when it is ready."""

    def __init__(self, name: str, app: FastAPI, listener: socket.socket) -> None:
        self.name = name
        self.listener = listener
        super().__init__(
            uvicorn.Config(
                app,
                log_level="error",
                access_log=False,
                timeout_keep_alive=KEEP_ALIVE_SECONDS,
                timeout_graceful_shutdown=CANCEL_SECONDS,
            )
        )

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Nothing: one handler of the process ends all three servers."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and print one line as soon as requests are answered."""
        await super().startup(sockets)
        if self.started:
            host, port = self.listener.getsockname()[:2]
            sys.stdout.write(f"{self.name} ready on http://{host}:{port}\n")
            sys.stdout.flush()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End quietly: a request that hangs loses its connection, as with a server that is switched off."""
        logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
        cut = asyncio.get_running_loop().call_later(FINISH_SECONDS, self._cut_connections)
        await super().shutdown(sockets)
        cut.cancel()

    def _cut_connections(self) -> None:
        for connection in list(self.server_state.connections):
            transport = getattr(connection, "transport", None)
            if transport is not None:
                transport.abort()


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit codes: 0 ended by a signal, 1 a twin could not be served, 2 wrong usage."""
    options = _parser().parse_args(arguments)
    try:
        options.data.mkdir(parents=True, exist_ok=True)
        return asyncio.run(_serve(options))
    except OSError as error:
        sys.stderr.write(f"{error}\n")
        return 1


async def _serve(options: argparse.Namespace) -> int:
    servers = _servers(options)
    signalled = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, _end, servers, signalled)
    await asyncio.gather(*(_run(server, servers) for server in servers))
    return 0 if signalled.is_set() else 1


async def _run(server: TwinServer, servers: list[TwinServer]) -> None:
    """Serve one twin; when it ends, for whatever reason, the others end too: two twins are no demo."""
    try:
        await server.serve(sockets=[server.listener])
    finally:
        _end(servers)


def _end(servers: list[TwinServer], signalled: asyncio.Event | None = None) -> None:
    if signalled:
        signalled.set()
    for server in servers:
        server.should_exit = True


def _servers(options: argparse.Namespace) -> list[TwinServer]:
    # Imported here so that `--help` does not wait for three applications.
    from twins.erp.app import create_app as create_erp  # noqa: PLC0415
    from twins.erp.warehouse.settings import DEMO  # noqa: PLC0415
    from twins.quickbooks.app import create_app as create_quickbooks  # noqa: PLC0415
    from twins.salesforce.app import create_app as create_salesforce  # noqa: PLC0415

    data: Path = options.data
    warehouse = {"import_folder": str(options.erp_import_folder or ""), **(DEMO if options.erp_alive else {})}
    listeners = [_listen(options.host, port) for port in _ports(options)]
    apps = (
        ("quickbooks", create_quickbooks(str(data / "quickbooks.db"))),
        ("salesforce", create_salesforce(str(data / "salesforce.db"))),
        ("erp", create_erp(str(data / "erp.db"), options.erp_folder, warehouse)),
    )
    return [TwinServer(name, app, listener) for (name, app), listener in zip(apps, listeners, strict=True)]


def _ports(options: argparse.Namespace) -> tuple[int, int, int]:
    return options.quickbooks_port, options.salesforce_port, options.erp_port


def _listen(host: str, port: int) -> socket.socket:
    """The protocol is named: asyncio sends at once on such sockets alone, on others an answer waits for 40 ms."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(2048)
    except OSError as error:
        listener.close()
        raise OSError(error.errno, f"{error.strerror}: {host}:{port}") from None
    return listener


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m twins", description=__doc__)
    add = parser.add_argument
    add("--data", type=Path, required=True, metavar="DIR", help="where the twins keep their databases")
    add("--host", default="127.0.0.1")
    add("--quickbooks-port", type=int, default=8101)
    add("--salesforce-port", type=int, default=8102)
    add("--erp-port", type=int, default=8103)
    drop, orders, alive = (os.environ.get(f"TWINS_ERP_{name}") for name in ("FOLDER", "IMPORT_FOLDER", "ALIVE"))
    add("--erp-folder", type=_folder, default=drop, metavar="DIR", help="where the ERP's exports go (TWINS_ERP_FOLDER)")
    add(
        "--erp-import-folder",
        type=_folder,
        default=orders,
        metavar="DIR",
        help="where the ERP finds its order files (TWINS_ERP_IMPORT_FOLDER)",
    )
    add(
        "--erp-alive",
        action="store_true",
        default=alive == "on",
        help="let the ERP's warehouse live by itself, at the pace of a demo (TWINS_ERP_ALIVE=on)",
    )
    return parser


def _folder(words: str) -> Path | None:
    """An empty value of the environment is none."""
    return Path(words) if words else None


if __name__ == "__main__":
    sys.exit(main())
