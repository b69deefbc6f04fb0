"""The ERP's twin as a service: a world, its exports and their truth, a warehouse that lives. Loopback only."""

import asyncio
import json
import logging
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fastapi import APIRouter, HTTPException
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from twins.erp.books import Books, Export
from twins.erp.delivery import begin_growing, deliver, grow
from twins.erp.exports import export_file, handed_out
from twins.erp.order_desk import take_in
from twins.erp.requests import CannotExport, ExportName, ExportRequest, WorldRequest
from twins.erp.warehouse.house import House
from twins.erp.warehouse.life import Life
from twins.erp.warehouse.routes import warehouse_routes
from twins.erp.warehouse.settings import SETTINGS as WAREHOUSE_SETTINGS
from twins.erp.world import World
from twins.erp.world_json import world_to_json
from twins.web import CONTROL, Database, FaultAnswers, JsonObject, TwinApp

SETTINGS: JsonObject = {"drop_folder": "", "half_written": False, "grow_seconds": 3, **WAREHOUSE_SETTINGS}
PULSE_SECONDS = 0.5


def create_app(
    database: str = ":memory:", folder: str | Path | None = None, settings: Mapping[str, Any] | None = None
) -> TwinApp:
    """The twin on one SQLite file. `folder` is the first value of the setting `drop_folder`, `settings` of others."""
    store = Database(database)
    books = Books(store, lambda: app.clock.now())  # noqa: PLW0108 - the app comes after its books
    life = Life(House(books, lambda: app.settings))
    app = TwinApp(
        "ERP twin",
        store,
        {**SETTINGS, **(settings or {}), "drop_folder": str(folder or "")},
        FaultAnswers(lambda status: JSONResponse({"detail": "fault"}, status), {}),
        lambda world: _counted(books.seed_world(world)),
        books.begin,
    )
    app.include_router(_world_routes(books))
    app.include_router(_export_routes(app, life))
    app.include_router(_import_routes(life))
    app.include_router(warehouse_routes(app, life))
    app.clock_changed = lambda: life.run(books.now())
    app.background.append(lambda: _pulse(app, life))
    return app


async def _pulse(app: TwinApp, life: Life) -> None:
    """Real time: while `alive` is on, the warehouse opens as soon as there is a world, and does what is due."""
    awake = False
    while True:
        await asyncio.sleep(PULSE_SECONDS)
        try:
            if app.settings["alive"]:
                await run_in_threadpool(_beat, life, woken=not awake)
            awake = app.settings["alive"]
        except (OSError, CannotExport, sqlite3.Error):
            logging.getLogger(__name__).exception("the warehouse stumbled and tries again")


def _beat(life: Life, *, woken: bool) -> None:
    now = life.house.books.now()
    if not life.house.books.has_world():
        return
    if woken and life.is_open:
        life.skip_missed(now)
    life.open(now)
    life.run(now)


def _world_routes(books: Books) -> APIRouter:
    router = APIRouter(prefix=f"{CONTROL}/world")

    @router.post("")
    def make(request: WorldRequest) -> Response:
        return _world_answer(books.begin_world(request))

    @router.get("")
    def world() -> Response:
        try:
            return _world_answer(books.world())
        except CannotExport as problem:
            raise HTTPException(404, str(problem)) from problem

    return router


def _export_routes(app: TwinApp, life: Life) -> APIRouter:
    books = life.house.books
    router = APIRouter(prefix=CONTROL)
    growing: set[asyncio.Task[None]] = set()

    @router.post("/exports/{name}")
    async def write(name: ExportName, request: ExportRequest | None = None) -> Response:
        asked = request or ExportRequest()
        if asked.drop and not app.settings["drop_folder"]:
            raise HTTPException(409, "set drop_folder first")
        try:
            export = await run_in_threadpool(_written, life, name, asked)
        except CannotExport as problem:
            raise HTTPException(409, str(problem)) from problem
        if asked.drop:
            _drop(app, export, growing)
        return _file_answer(export.filename, handed_out(export))

    @router.get("/exports")
    def listed() -> JsonObject:
        return {"exports": books.exports()}

    @router.get("/exports/{filename}")
    def whole_file(filename: str) -> Response:
        return _file_answer(filename, _found(books, filename).content)

    @router.get("/truth/{filename}")
    def truth(filename: str) -> JsonObject:
        return _found(books, filename).truth

    return router


def _written(life: Life, name: ExportName, asked: ExportRequest) -> Export:
    """An open warehouse tells what is true; a closed one lets the exports be made up."""
    books = life.house.books
    return life.write(name, asked, books.now()) if life.is_open else export_file(books, name, asked)


def _taken_in(life: Life, content: bytes) -> JsonObject:
    books = life.house.books
    if not life.is_open:
        return take_in(books, content)
    with life.turn:
        return life.intake.take_in(content, books.now())


def _import_routes(life: Life) -> APIRouter:
    router = APIRouter(prefix=CONTROL)

    @router.post("/imports")
    async def take_orders_in(request: Request) -> JsonObject:
        content = await request.body()
        try:
            return await run_in_threadpool(_taken_in, life, content)
        except CannotExport as problem:
            raise HTTPException(409, str(problem)) from problem
        except ValueError as problem:
            raise HTTPException(422, str(problem)) from problem

    return router


def _drop(app: TwinApp, export: Export, growing: set[asyncio.Task[None]]) -> None:
    folder = Path(app.settings["drop_folder"])
    content = handed_out(export)
    if not app.settings["half_written"]:
        deliver(folder, export.filename, content)
        return
    path = begin_growing(folder, export.filename, content)
    task = asyncio.create_task(grow(path, content, app.settings["grow_seconds"]))
    growing.add(task)  # the loop keeps only a weak reference to a task
    task.add_done_callback(growing.discard)


def _found(books: Books, filename: str) -> Export:
    export = books.export(filename)
    if export is None:
        raise HTTPException(404, f"no file {filename} was written")
    return export


def _world_answer(world: World) -> Response:
    return Response(json.dumps(world_to_json(world), ensure_ascii=False), media_type="application/json")


def _file_answer(filename: str, content: bytes) -> Response:
    return Response(content, media_type="application/octet-stream", headers={"X-Filename": filename})


def _counted(world: World) -> dict[str, Any]:
    kinds = ("items", "customers", "terms", "warehouses", "orders")
    return {kind: len(getattr(world, kind)) for kind in kinds}
