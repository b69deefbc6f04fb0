"""What every stand-in server shares: state in SQLite, a clock that can be set, settings, and a control plane.

A twin is a `TwinApp`. It journals each vendor-side request and applies the fault rules around the vendor's handlers;
`/__twin__/*` drives it and is answered on the loopback interface only. Twins import all of it from here.
"""

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from fastapi import APIRouter, Body, FastAPI, HTTPException
from pydantic import AwareDatetime, BaseModel
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from twins.quickbooks.exact_json import JsonText, dump_json, load_json
from twins.quickbooks.fault_rules import Exchange, FaultAnswers, FaultRule, Faults

__all__ = [
    "Clock",
    "Database",
    "FaultAnswers",
    "FaultRule",
    "Faults",
    "Journal",
    "JsonObject",
    "JsonText",
    "TwinApp",
    "TwinSettings",
    "dump_json",
    "load_json",
]

JsonObject = dict[str, Any]
CONTROL = "/__twin__"
JOURNAL_KEPT = 50_000
_LOOPBACK = ("127.0.0.1", "::1", "testclient")
_SCHEMA = """
CREATE TABLE IF NOT EXISTS document (
    kind TEXT NOT NULL, key TEXT NOT NULL, place INTEGER NOT NULL, body TEXT NOT NULL, PRIMARY KEY (kind, key)
);
CREATE INDEX IF NOT EXISTS document_place ON document (kind, place);
CREATE TABLE IF NOT EXISTS counter (name TEXT PRIMARY KEY, value INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS journal (n INTEGER PRIMARY KEY AUTOINCREMENT, entry TEXT NOT NULL);
"""


class Database:
    """JSON documents by kind and key, counters and the journal in one SQLite file (or `:memory:`).

    A transaction holds the lock, so what is written in one `with database.transaction():` is seen whole or not at all,
    also after the process was killed. Nested transactions join the outer one.
    """

    def __init__(self, path: str = ":memory:") -> None:
        self._lock = threading.RLock()
        self._depth = 0
        self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=NORMAL")
        self._connection.executescript(_SCHEMA)

    def close(self) -> None:
        """Close the file; the object is of no use afterwards."""
        with self._lock:
            self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit everything of the block together; an exception takes everything back."""
        with self._lock:
            if self._depth == 0:
                self._connection.execute("BEGIN IMMEDIATE")
            self._depth += 1
            try:
                yield
            except BaseException:
                self._depth -= 1
                if self._depth == 0:
                    self._connection.execute("ROLLBACK")
                raise
            self._depth -= 1
            if self._depth == 0:
                self._connection.execute("COMMIT")

    def script(self, schema: str) -> None:
        """Create a twin's own tables (`IF NOT EXISTS`); `clear` empties them too."""
        with self._lock:
            self._connection.executescript(schema)

    def execute(self, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
        """Run one statement and return all its rows."""
        with self._lock:
            return self._connection.execute(sql, parameters).fetchall()

    def get(self, kind: str, key: str) -> JsonObject | None:
        """Return one document, or None."""
        rows = self.execute("SELECT body FROM document WHERE kind = ? AND key = ?", kind, key)
        return load_json(rows[0][0]) if rows else None

    def put(self, kind: str, key: str, body: JsonObject) -> None:
        """Insert or replace one document; a replaced one keeps its place in the order of `all`."""
        self.execute(
            "INSERT INTO document SELECT ?1, ?2, 1 + coalesce((SELECT max(place) FROM document WHERE kind = ?1), 0), ?3"
            " WHERE true ON CONFLICT (kind, key) DO UPDATE SET body = excluded.body",
            kind,
            key,
            dump_json(body),
        )

    def delete(self, kind: str, key: str) -> None:
        """Remove one document if it is there."""
        self.execute("DELETE FROM document WHERE kind = ? AND key = ?", kind, key)

    def all(self, kind: str) -> list[JsonObject]:
        """Return the documents of a kind in the order in which they were first put."""
        return [
            load_json(body) for (body,) in self.execute("SELECT body FROM document WHERE kind = ? ORDER BY place", kind)
        ]

    def next_number(self, name: str, first: int = 1) -> int:
        """Advance a named counter by one and return it."""
        sql = "INSERT INTO counter VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = value + 1 RETURNING value"
        return int(self.execute(sql, name, first)[0][0])

    def clear(self) -> None:
        """Empty every table, a twin's own ones included."""
        with self.transaction():
            tables = self.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
            for (name,) in tables:
                self.execute(f'DELETE FROM "{name}"')  # noqa: S608 - names come from the schema
            self.execute("DELETE FROM sqlite_sequence")


class Clock:
    """The twin's time: real time plus an offset, or frozen; it survives a restart."""

    def __init__(self, database: Database) -> None:
        self._database = database
        state = database.get("control", "clock") or {}
        self._offset = timedelta(seconds=float(state.get("offset", 0)))
        self._frozen = datetime.fromisoformat(state["frozen"]) if state.get("frozen") else None

    def now(self) -> datetime:
        """Return the twin's time, aware, UTC."""
        return self._frozen or datetime.now(UTC) + self._offset

    def set(self, now: datetime | None, *, frozen: bool = False) -> None:
        """Go to `now` (None: real time) and run on from there, or stand still."""
        self._offset = now - datetime.now(UTC) if now else timedelta(0)
        self._frozen = now.astimezone(UTC) if now and frozen else None
        self._save()

    def advance(self, seconds: float) -> None:
        """Go forward (or back) by seconds."""
        self._offset += timedelta(seconds=seconds)
        self._frozen = self._frozen + timedelta(seconds=seconds) if self._frozen else None
        self._save()

    def _save(self) -> None:
        frozen = self._frozen.isoformat() if self._frozen else None
        self._database.put("control", "clock", {"offset": str(self._offset.total_seconds()), "frozen": frozen})


class TwinSettings:
    """Named switches of a twin with their defaults; only known names and the default's type are accepted."""

    def __init__(self, database: Database, defaults: Mapping[str, Any]) -> None:
        self._database = database
        self._defaults = dict(defaults)
        self._values = {**self._defaults, **(database.get("control", "settings") or {})}

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def all(self) -> JsonObject:
        """Return every switch with its present value."""
        return dict(self._values)

    def change(self, values: Mapping[str, Any]) -> None:
        """Set some switches; raises `ValueError` for an unknown name or a value of another type."""
        for name, value in values.items():
            default = self._defaults.get(name)
            if name not in self._defaults:
                raise ValueError(f"unknown setting {name}; known: {', '.join(sorted(self._defaults))}")
            if default is not None and value is not None and not isinstance(value, type(default)):
                raise ValueError(f"setting {name} takes a {type(default).__name__}")
        self._values.update(values)
        self._database.put("control", "settings", self._values)

    def restore(self) -> None:
        """Go back to the defaults."""
        self._values = dict(self._defaults)


class Journal:
    """Every vendor-side request in order of arrival; what is secret (headers, bodies) is not kept."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def open(self, entry: JsonObject) -> JsonObject:
        """Number and store an entry at the arrival of its request, before anything can go wrong."""
        rows = self._database.execute("INSERT INTO journal (entry) VALUES (?) RETURNING n", dump_json(entry))
        number = int(rows[0][0])
        if number % 1000 == 0:
            self._database.execute("DELETE FROM journal WHERE n <= ?", number - JOURNAL_KEPT)
        return {"n": number, **entry}

    def close(self, entry: JsonObject) -> None:
        """Store what became of the request."""
        body = {name: value for name, value in entry.items() if name != "n"}
        self._database.execute("UPDATE journal SET entry = ? WHERE n = ?", dump_json(body), entry["n"])

    def after(self, number: int) -> list[JsonObject]:
        """Return the entries with a greater number."""
        rows = self._database.execute("SELECT n, entry FROM journal WHERE n > ? ORDER BY n", number)
        return [{"n": n, **load_json(entry)} for n, entry in rows]


class TwinApp(FastAPI):
    """A FastAPI application with a clock, settings, journal, fault rules and the control plane.

    `seed(world)` is called by `POST /__twin__/seed` inside a transaction and returns what it counted; `start()` is
    called after a reset (a twin calls it itself when it finds an empty file). Handlers may add to `scope["journal"]`.
    `clock_changed()` is called after the clock was set or advanced; each of `background` runs while the app is served.
    """

    def __init__(
        self,
        title: str,
        database: Database,
        settings: Mapping[str, Any],
        answers: FaultAnswers,
        seed: Callable[[JsonObject], JsonObject],
        start: Callable[[], None],
    ) -> None:
        super().__init__(title=title, openapi_url=None, lifespan=_close_at_the_end, redirect_slashes=False)
        self.database = database
        self.clock = Clock(database)
        self.settings = TwinSettings(database, settings)
        self.journal = Journal(database)
        self.faults = Faults(database, answers)
        self.seed = seed
        self.start = start
        self.clock_changed: Callable[[], object] = lambda: None
        self.background: list[Callable[[], Coroutine[Any, Any, None]]] = []
        self.include_router(control_router(self))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; outside the control plane it is journalled and the fault rules apply."""
        if scope["type"] != "http":
            await super().__call__(scope, receive, send)
        elif scope["path"].startswith(CONTROL):
            client = scope.get("client")
            if client and client[0] not in _LOOPBACK:
                await JSONResponse({"detail": "loopback only"}, 403)(scope, receive, send)
                return
            await super().__call__(scope, receive, send)
        else:
            await self._vendor(scope, receive, send)

    async def _vendor(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange = await Exchange.read(scope, receive, send)
        if exchange.cut:
            return
        query = scope["query_string"].decode("latin-1")
        rule = self.faults.match(scope["method"], scope["path"], query, exchange.body)
        entry = {"at": self.clock.now().isoformat(), "method": scope["method"], "path": scope["path"], "query": query}
        entry = self.journal.open({**entry, "status": None, **({"fault": rule.kind} if rule else {})})
        scope["journal"] = entry
        try:
            await self.faults.serve(super().__call__, exchange, rule)
        finally:
            entry["status"] = exchange.status
            self.journal.close(entry)


@asynccontextmanager
async def _close_at_the_end(app: FastAPI) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(work()) for work in app.background] if isinstance(app, TwinApp) else []
    yield
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    if isinstance(app, TwinApp):
        app.database.close()


class ClockChange(BaseModel):
    """Body of `PATCH /__twin__/clock`: `now` null returns to real time."""

    now: AwareDatetime | None = None
    advance_seconds: float = 0
    frozen: bool = False


def control_router(app: TwinApp) -> APIRouter:
    """Build the routes under `/__twin__` that are the same for every twin."""
    router = APIRouter(prefix=CONTROL)
    _fault_routes(app, router)
    _setting_routes(app, router)

    @router.get("/health")
    async def health() -> JsonObject:
        return {"ok": True}

    @router.post("/reset")
    async def reset() -> JsonObject:
        with app.database.transaction():
            app.database.clear()
            app.settings.restore()
            app.clock.set(None)
            app.start()
        return {"ok": True}

    @router.post("/seed")
    async def seed(world: JsonObject = Body()) -> JsonObject:  # noqa: B008 - FastAPI's way to name the body
        with app.database.transaction():
            return {"ok": True, **app.seed(world)}

    @router.get("/journal")
    async def journal(after: int = 0) -> JsonObject:
        return {"requests": app.journal.after(after)}

    return router


def _fault_routes(app: TwinApp, router: APIRouter) -> None:
    @router.post("/faults")
    async def add_fault(rule: FaultRule) -> JsonObject:
        try:
            return app.faults.add(rule).model_dump()
        except ValueError as problem:
            raise HTTPException(422, str(problem)) from problem

    @router.get("/faults")
    async def faults() -> JsonObject:
        return {"faults": [rule.model_dump() for rule in app.faults.rules()]}

    @router.delete("/faults")
    async def clear_faults() -> JsonObject:
        app.faults.clear()
        return {"ok": True}


def _setting_routes(app: TwinApp, router: APIRouter) -> None:
    @router.get("/settings")
    async def settings() -> JsonObject:
        return app.settings.all()

    @router.patch("/settings")
    async def change_settings(values: JsonObject = Body()) -> JsonObject:  # noqa: B008 - as above
        try:
            app.settings.change(values)
        except ValueError as problem:
            raise HTTPException(422, str(problem)) from problem
        return app.settings.all()

    @router.patch("/clock")
    def change_clock(change: ClockChange) -> JsonObject:
        if "now" in change.model_fields_set:
            app.clock.set(change.now, frozen=change.frozen)
        if change.advance_seconds:
            app.clock.advance(change.advance_seconds)
        app.clock_changed()
        return {"now": app.clock.now().isoformat()}
