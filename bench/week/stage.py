"""A whole gateway for the week: every process of the product, the three stand-ins alive, the distributor's settings."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.week.evidence import Addresses
from bench.week.people import Bookkeeper, Foreman, Operator, Rep
from bench.week.plan import Shelf, shelf_of
from bench.week.rules import Rules
from console.http import Api
from console.plan import PROJECT
from console.stack import Stack
from console.waiting import follow_workflow
from runtime.embedded.ports import free_port
from runtime.settings import Settings

OURS = ("THREEWAY_", "TEMPORAL_")
PLENTY = "50000"
APART = 5  # seconds between two files of a kind, at the least: a compressed week is no flood
VENDOR = "DSV"
HOOK_SECRET = "twin-hook-secret"  # noqa: S105 - the stand-in's own
SETTINGS_OF_THE_WEEK = {
    "overship_tolerance_percent = 0 ": "overship_tolerance_percent = 10 ",
    'supplement = "proposed" ': 'supplement = "automatic" ',
    'credit_memo = "proposed" ': 'credit_memo = "automatic" ',
    'void = "proposed" ': 'void = "automatic" ',
    "automatic_up_to = 0 ": "automatic_up_to = 1500 ",
    "drop_ship = [] ": f'drop_ship = ["{VENDOR}"] ',
}
SCHEDULE = {  # minutes and hours of the warehouse, at a pace of one
    "acknowledge_minutes": 20,
    "pick_minutes": 120,
    "ship_minutes": 90,
    "hold_hours": 24,
    "replenish_hours": 60,
}


@dataclass(frozen=True)
class World:
    """The size of the distributor."""

    seed: int
    customers: int = 25
    items: int = 48


@dataclass
class Stage:
    """A gateway that is up, with the people at their desks."""

    stack: Stack
    world: dict[str, Any]
    rules: Rules
    rep: Rep
    bookkeeper: Bookkeeper
    foreman: Foreman
    operator: Operator

    @property
    def addresses(self) -> Addresses:
        """What the checker reads."""
        urls = self.stack.twin_urls
        outbox = self.stack.settings.erp.outbox_dir
        return Addresses(urls["quickbooks"], urls["salesforce"], urls["erp"], self.stack.database_url, outbox)

    def close(self) -> None:
        """Let the connections go."""
        for one in (self.rep, self.bookkeeper, self.foreman, self.operator):
            one.close()


@contextmanager
def staged(asked: World, *, poll_seconds: int = 2, hooks: bool = True, where: Path | None = None) -> Iterator[Stage]:
    """Everything up, the world known to all; the warehouse is still closed. What comes after is the week."""
    with tempfile.TemporaryDirectory(prefix="week-", dir=where) as name:
        folder, before = Path(name), dict(os.environ)
        variables = {
            "THREEWAY_CONFIG_DIR": str(folder / "config"),
            "THREEWAY_ORDERS_POLL_SECONDS": str(poll_seconds),
            "THREEWAY_INVOICES_POLL_SECONDS": str(poll_seconds),
        }
        for key in [key for key in os.environ if key.startswith(OURS)]:
            del os.environ[key]
        os.environ.update(variables)
        try:
            stack = Stack(_settings(folder))
            shelf = _configured(folder / "config", asked)
            with stack:
                stage = _furnish(stack, asked, shelf, folder / "config", hooks=hooks)
                try:
                    yield stage
                finally:
                    stage.close()
                    for child in [one for one in stack.supervisor.children if one != "postgres"]:
                        stack.kill(child)
        finally:
            os.environ.clear()
            os.environ.update(before)


def _settings(folder: Path) -> Settings:
    return Settings(data_dir=folder / "data", config_dir=folder / "config", twins="on", port=free_port())


def _configured(config: Path, asked: World) -> Shelf:
    """The shipped settings, with the decisions of this distributor."""
    from twins.erp.world import make_world  # noqa: PLC0415 - kits are named in the settings before the stand-ins are up
    from twins.erp.world_json import world_to_json  # noqa: PLC0415

    shelf = shelf_of(world_to_json(make_world(asked.seed, asked.customers, asked.items, 0))["items"])
    shutil.copytree(PROJECT / "config", config)
    path = config / "company.toml"
    text = path.read_text("utf-8")
    for shipped, ours in SETTINGS_OF_THE_WEEK.items():
        if shipped not in text:
            raise RuntimeError(f"company.toml has no line {shipped!r} any more")
        text = text.replace(shipped, ours)
    kits = "".join(f'\n[kits."{sku}"]\nparts = {_parts(parts)}\n' for sku, parts in shelf.kits.items())
    path.write_text(text + kits, "utf-8")
    return shelf


def _parts(parts: Mapping[str, int]) -> str:
    return "{ " + ", ".join(f'"{sku}" = {quantity}' for sku, quantity in parts.items()) + " }"


def _furnish(stack: Stack, asked: World, shelf: Shelf, config: Path, *, hooks: bool) -> Stage:
    """Make the world known everywhere, and point the stand-ins at the gateway."""
    urls = stack.twin_urls
    rep, bookkeeper, foreman = Rep(urls["salesforce"]), Bookkeeper(urls["quickbooks"]), Foreman(urls["erp"])
    world = foreman.post("world", {"seed": asked.seed, "customers": asked.customers, "items": asked.items, "orders": 0})
    for stand in (bookkeeper, rep):
        stand.post("seed", world)
    erp = stack.settings.erp
    foreman.set(
        drop_folder=str(erp.inbox_dir),
        import_folder=str(erp.outbox_dir),
        kits={sku: dict(parts) for sku, parts in shelf.kits.items()},
        drop_ship_warehouses=[VENDOR],
        look_seconds=1,
    )
    if hooks:
        rep.set(outbound_messages=True, flow_calls=True, hook_url=stack.api_url, hook_secret=HOOK_SECRET)
    with stack.api() as api:
        _hand_in_masters(api, foreman)
        follow_workflow(api, api.post("/links/match", {"accept_exact": True}), seconds=120)
    rules = Rules.read(config / "company.toml")
    return Stage(stack, world, rules, rep, bookkeeper, foreman, Operator(stack.api_url, stack.admin_key))


def _hand_in_masters(api: Api, foreman: Foreman) -> None:
    for name in ("CUSMST", "ITMMST"):
        foreman.http.post(f"/__twin__/exports/{name}", json={"drop": True}).raise_for_status()
        _wait_for_file(api, name)


def _wait_for_file(api: Api, name: str, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        files = api.get("/erp/files", limit=50)["items"]
        if any(one["filename"].startswith(name) and one["state"] == "applied" for one in files):
            return
        time.sleep(0.2)
    raise RuntimeError(f"{name} was not applied in {seconds} s")


def open_warehouse(stage: Stage, pace: int) -> None:
    """Let it live at this pace: full of goods but for what is scarce, its exports not too close together."""
    shelf = shelf_of(stage.world["items"])
    often = max(30, -(-APART * pace // 60))
    every = dict.fromkeys(("shpcnf_minutes", "ordack_minutes", "rtnrcv_minutes"), often)
    report = max(60, -(-65 * pace // 60))  # reports are named by the minute
    stage.foreman.set(pace=pace, masters_minutes=0, inv410r_minutes=report, **every, **SCHEDULE)
    stage.foreman.post("warehouse/open", {})
    for place in ("SCR", "ATL", "RNO"):
        for item in shelf.plenty:
            stage.foreman.post("warehouse/replenish", {"sku": item["sku"], "warehouse": place, "quantity": PLENTY})
    stage.foreman.set(alive=True)
