"""Writes a seeded world and the exports of its ERP into a folder: `python -m twins.erp --seed 7 --out DIR`."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from twins.erp.books import Books, Export
from twins.erp.exports import export_file, handed_out
from twins.erp.records import COMPANY_ZONE
from twins.erp.requests import CannotExport, ExportName, ExportRequest, WorldRequest
from twins.erp.troubles import Damage, Trouble
from twins.erp.world import DEFAULT_DAY
from twins.erp.world_json import world_to_json
from twins.web import Database

FILES_APART = timedelta(minutes=15)


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit codes: 0 written, 1 cannot be written, 2 wrong usage."""
    options = _parser().parse_args(arguments)
    try:
        written = write(options)
    except (CannotExport, ValidationError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(json.dumps(written) + "\n" if options.json else _told(written))
    return 0


def write(options: argparse.Namespace) -> dict[str, Any]:
    """Write world.json, truth.json and the exports; troubles and damage are in the last shipment file."""
    folder: Path = options.out
    folder.mkdir(parents=True, exist_ok=True)
    database = Database()
    books = Books(database)
    try:
        asked = WorldRequest(
            seed=options.seed,
            customers=options.customers,
            items=options.items,
            orders=options.orders,
            sequence=options.sequence,
            today=options.today,
        )
        world = books.begin_world(asked)
        exports = [export_file(books, name, request) for name, request in _plan(options)]
    finally:
        database.close()
    for export in exports:
        (folder / export.filename).write_bytes(handed_out(export))
    _write_json(folder / "world.json", world_to_json(world))
    _write_json(folder / "truth.json", {export.filename: export.truth for export in exports})
    return {"folder": str(folder), "files": ["world.json", "truth.json"], "exports": [_about(made) for made in exports]}


def _plan(options: argparse.Namespace) -> list[tuple[ExportName, ExportRequest]]:
    """Which exports in which order, and the hour of each on the day asked for."""
    day: date = options.today
    at = _clock(day, 6, 42)
    plan = [
        (ExportName.CUSMST, ExportRequest(created_at=_clock(day, 5, 30))),
        (ExportName.ITMMST, ExportRequest(created_at=_clock(day, 5, 30))),
        (ExportName.ORDACK, ExportRequest(created_at=_clock(day, 5, 40))),
        (ExportName.INV410R, ExportRequest(created_at=_clock(day, 5, 55))),
        (ExportName.INV410R, ExportRequest(created_at=_clock(day, 6, 55))),
    ]
    for number in range(options.files):
        last = number == options.files - 1
        request = ExportRequest(
            created_at=at + number * FILES_APART,
            shipments=options.shipments,
            troubles=options.troubles if last else {},
            damage=options.damage if last else None,
        )
        plan.append((ExportName.SHPCNF, request))
    return plan if options.no_returns else [*plan, _returns(day)]


def _returns(day: date) -> tuple[ExportName, ExportRequest]:
    return ExportName.RTNRCV, ExportRequest(created_at=_clock(day + timedelta(days=1), 16, 20))


def _clock(day: date, hour: int, minute: int) -> datetime:
    return datetime.combine(day, time(hour, minute), COMPANY_ZONE)


def _write_json(path: Path, document: dict[str, Any]) -> None:
    path.write_text(json.dumps(document, ensure_ascii=False, indent=1) + "\n", "utf-8")


def _about(export: Export) -> dict[str, Any]:
    totals = export.truth.get("totals", {})
    return {"filename": export.filename, "bytes": len(handed_out(export)), "damage": export.damage, **totals}


def _told(written: dict[str, Any]) -> str:
    lines = [f"{written['folder']}: {', '.join(written['files'])}"]
    for export in written["exports"]:
        shipments = f", {export['shipments']} shipments, {export['amount_total']}" if "shipments" in export else ""
        damage = f", {export['damage']}" if export["damage"] else ""
        lines.append(f"  {export['filename']:24} {export['bytes']:>10,} bytes{shipments}{damage}")
    return "\n".join(lines) + "\n"


def _troubles(words: str) -> dict[Trouble, int]:
    pairs = (word.partition("=") for word in words.split(",") if word)
    return {Trouble(name.strip()): int(count or "1") for name, _, count in pairs}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m twins.erp", description=__doc__)
    add = parser.add_argument
    add("--seed", type=int, default=7)
    add("--customers", type=int, default=25)
    add("--items", type=int, default=60)
    add("--orders", type=int, default=40)
    add("--shipments", type=int, default=13, help="shipments in each shipment file, the troubled ones among them")
    add("--files", type=int, default=1, help="how many shipment files, one after the other")
    add("--troubles", type=_troubles, default={}, metavar="NAME=N,...", help=f"of {', '.join(Trouble)}")
    add("--damage", type=Damage, choices=list(Damage), help="done to the last shipment file")
    add("--sequence", type=int, default=101)
    add("--today", type=date.fromisoformat, default=DEFAULT_DAY, metavar="YYYY-MM-DD")
    add("--no-returns", action="store_true", help="write no returns file")
    add("--out", type=Path, required=True, metavar="DIR")
    add("--json", action="store_true", help="say what was written as JSON")
    return parser


if __name__ == "__main__":
    sys.exit(main())
