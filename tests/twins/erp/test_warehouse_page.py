"""The page about the living warehouse names its settings, options and routes, all of them."""

from __future__ import annotations

import re
from pathlib import Path

from twins.__main__ import _parser
from twins.erp.app import SETTINGS, create_app

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "howto" / "let-the-erp-stand-in-live.md").read_text("utf-8")


def in_first_column(heading: str) -> set[str]:
    section = PAGE.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| ([^|]+) \|", section, re.MULTILINE)
    return {span for cell in rows for span in re.findall(r"`([^`]+)`", cell)}


def test_every_setting_is_explained_and_no_other() -> None:
    assert in_first_column("Settings") == set(SETTINGS)


def test_every_route_is_listed() -> None:
    app = create_app()
    known = set(app.openapi()["paths"])
    app.database.close()
    spans = in_first_column("Routes")
    listed = {span.split(" ")[-1] for span in spans}
    full = {path if path.startswith("/") else f"/__twin__/warehouse/{path}" for path in listed}
    assert full == {path for path in known if "/warehouse" in path}


def test_every_option_of_the_erp_is_listed() -> None:
    flags = {flag for action in _parser()._actions for flag in action.option_strings if flag.startswith("--erp-")}
    assert in_first_column("Start it") | {"--erp-port"} == flags
