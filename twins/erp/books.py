"""What the ERP remembers: its world, counters, which orders have left, every export and its truth. One SQLite file."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from twins.erp.records import local
from twins.erp.requests import CannotExport, WorldRequest
from twins.erp.world import Order, World, make_world
from twins.erp.world_json import order_to_json, read_order, world_from_json, world_to_json
from twins.web import Database

SCHEMA = """
CREATE TABLE IF NOT EXISTS state (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS shipped (order_no TEXT PRIMARY KEY);
CREATE TABLE IF NOT EXISTS exports (
    n INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, filename TEXT NOT NULL, created_at TEXT NOT NULL,
    damage TEXT, truth TEXT NOT NULL, content BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS imported (
    place INTEGER PRIMARY KEY, order_no TEXT NOT NULL UNIQUE, action TEXT NOT NULL, body TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS exports_by_name ON exports (name, n);
CREATE INDEX IF NOT EXISTS exports_by_filename ON exports (filename, n);
"""
Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Export:
    """A written file: `content` is whole even when a damaged copy was handed out; `truth` is what it says."""

    name: str
    filename: str
    created_at: datetime
    content: bytes
    truth: Document
    damage: str | None = None


class Books:
    """The memory of one ERP. Calls from several threads take turns; a restart on the same file forgets nothing."""

    def __init__(self, database: Database, clock: Callable[[], datetime] | None = None) -> None:
        self._database = database
        self._tables = ["state", "shipped", "exports", "imported"]
        self._clock = clock or _real_time
        self._world: World | None = None
        database.script(SCHEMA)

    @property
    def database(self) -> Database:
        """The file behind the books."""
        return self._database

    def add_tables(self, *names: str) -> None:
        """Tables that are emptied with the books; so are documents whose kind begins with `warehouse `."""
        self._tables += names

    def turn(self) -> AbstractContextManager[None]:
        """One transaction, one caller at a time; an error undoes what was written in it."""
        return self._database.transaction()

    def read(self, key: str, default: Any = None) -> Any:
        """A value that was kept under the key, or the default."""
        rows = self._database.execute("SELECT value FROM state WHERE key = ?", key)
        return json.loads(rows[0][0]) if rows else default

    def keep(self, key: str, value: Any) -> None:
        """Keep a JSON value under the key."""
        self._database.execute("INSERT OR REPLACE INTO state VALUES (?, ?)", key, json.dumps(value))

    def begin(self) -> None:
        """Empty books, as on the first day."""
        with self.turn():
            for table in self._tables:
                self._database.execute(f"DELETE FROM {table}")  # noqa: S608 - names of tables in this package
            self._database.execute("DELETE FROM document WHERE kind LIKE 'warehouse %'")
            self._world = None

    def begin_world(self, request: WorldRequest) -> World:
        """Make the world of this request and begin new books on it."""
        fixed = request.model_copy(update={"today": self._day(request)})
        world = self._made(fixed)
        with self.turn():
            self.begin()
            self.keep("world_request", fixed.model_dump(mode="json"))
            self._world = world
        return world

    def seed_world(self, document: Mapping[str, Any]) -> World:
        """Take a world from outside; records of a known business key are replaced, so that twice is as good as once."""
        with self.turn():
            before = world_to_json(self.world()) if self.has_world() else {}
            merged = {kind: _merged(before.get(kind, []), document[kind], key) for kind, key in _KEYS.items()}
            world = world_from_json(merged)
            self.keep("world_document", merged)
            self._world = world
        return world

    def has_world(self) -> bool:
        """True once a world was made or taken."""
        return self.read("world_request") is not None or self.read("world_document") is not None

    def world(self) -> World:
        """The world of these books; CannotExport when there is none yet. After a restart it is made again."""
        world = self._world or self._remade()
        self._world = world
        return world

    def request(self) -> WorldRequest:
        """How the world was asked for; the defaults where it was taken from outside."""
        return WorldRequest.model_validate(self.read("world_request", {}))

    def now(self) -> datetime:
        """The ERP's clock, whole seconds, UTC."""
        return self._clock().astimezone(UTC).replace(microsecond=0)

    def record(self, export: Export) -> None:
        """Remember an export and its truth."""
        self._database.execute(
            "INSERT INTO exports (name, filename, created_at, damage, truth, content) VALUES (?, ?, ?, ?, ?, ?)",
            export.name,
            export.filename,
            export.created_at.isoformat(),
            export.damage,
            json.dumps(export.truth),
            export.content,
        )

    def exports(self) -> list[Document]:
        """Every export in the order of writing, without content and truth; `bytes` is the length of the whole file."""
        columns = ("n", "name", "filename", "created_at", "damage", "bytes")
        rows = self._database.execute(
            "SELECT n, name, filename, created_at, damage, length(content) FROM exports ORDER BY n"
        )
        return [dict(zip(columns, row, strict=True)) for row in rows]

    def export(self, filename: str) -> Export | None:
        """The newest export of this name, or None."""
        rows = self._database.execute(
            "SELECT name, filename, created_at, content, truth, damage FROM exports "
            "WHERE filename = ? ORDER BY n DESC LIMIT 1",
            filename,
        )
        if not rows:
            return None
        name, filename, created_at, content, truth, damage = rows[0]
        return Export(name, filename, datetime.fromisoformat(created_at), content, json.loads(truth), damage)

    def truths(self, name: str) -> Iterator[Document]:
        """The truths of all exports of a kind, the newest first; a file written again counts once."""
        sql = "SELECT max(n) FROM exports WHERE name = ? GROUP BY filename, created_at ORDER BY max(n) DESC"
        for (number,) in self._database.execute(sql, name):
            ((truth,),) = self._database.execute("SELECT truth FROM exports WHERE n = ?", number)
            yield json.loads(truth)

    def handed_in(self) -> dict[str, tuple[str, Order]]:
        """By order number, in the order of their first coming: what was last asked (`A`, `C`, `X`) and the order."""
        rows = self._database.execute("SELECT order_no, action, body FROM imported ORDER BY place")
        return {order_no: (action, read_order(json.loads(body))) for order_no, action, body in rows}

    def hand_in(self, action: str, order: Order) -> None:
        """Remember an order that was handed in; a later word on the same order replaces the earlier."""
        self._database.execute(
            "INSERT INTO imported (order_no, action, body) VALUES (?, ?, ?) ON CONFLICT (order_no) DO UPDATE "
            "SET action = excluded.action, body = excluded.body",
            order.order_no,
            action,
            json.dumps(order_to_json(order)),
        )

    def shipped_orders(self) -> set[str]:
        """The orders that have left the house, whole or in part."""
        return {order_no for (order_no,) in self._database.execute("SELECT order_no FROM shipped")}

    def mark_shipped(self, orders: Iterable[str]) -> None:
        """Note that these orders have left."""
        names = json.dumps(list(orders))
        self._database.execute("INSERT OR IGNORE INTO shipped SELECT value FROM json_each(?)", names)

    def _remade(self) -> World:
        document = self.read("world_document")
        if document is not None:
            return world_from_json(document)
        if self.read("world_request") is None:
            raise CannotExport("there is no world yet: make one first")
        return self._made(self.request())

    def _made(self, asked: WorldRequest) -> World:
        return make_world(asked.seed, asked.customers, asked.items, asked.orders, today=self._day(asked))

    def _day(self, asked: WorldRequest) -> date:
        return asked.today or local(self.now()).date()


def _real_time() -> datetime:
    return datetime.now(UTC)


_KEYS = {"items": "sku", "customers": "erp_no", "terms": "code", "warehouses": "code", "orders": "order_no"}


def _merged(before: list[Document], after: list[Document], key: str) -> list[Document]:
    return list({record[key]: record for record in [*before, *after]}.values())
