"""What pages load: our own style and script, and the packages that `package.json` names, from this process alone."""

from __future__ import annotations

import hashlib
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import Final

from fastapi import APIRouter
from fastapi.responses import FileResponse, Response

from api.problems import ApiCode, Refused

HERE: Final = Path(__file__).parent / "static"
PACKAGES: Final = Path(__file__).parents[2] / "node_modules"
TYPES: Final = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}
FILES: Final = {
    "app.css": HERE / "app.css",
    "app.js": HERE / "app.js",
    "icon.svg": HERE / "icon.svg",
    "pico.css": PACKAGES / "@picocss/pico/css/pico.min.css",
    "htmx.js": PACKAGES / "htmx.org/dist/htmx.min.js",
    "hx-sse.js": PACKAGES / "htmx.org/dist/ext/hx-sse.min.js",
    "uplot.js": PACKAGES / "uplot/dist/uPlot.iife.min.js",
    "uplot.css": PACKAGES / "uplot/dist/uPlot.min.css",
}
FOREVER: Final = "public, max-age=31536000, immutable"  # its address changes with its content

router = APIRouter(prefix="/assets", include_in_schema=False)


def missing() -> list[str]:
    """The assets that are not installed: pages work without them, and look plain."""
    return [name for name, path in FILES.items() if not path.is_file()]


@cache
def address(name: str) -> str:
    """The address of an asset, with a part of its hash."""
    path = FILES[name]
    digest = hashlib.sha256(path.read_bytes()).hexdigest()[:12] if path.is_file() else "missing"
    return f"/assets/{digest}/{name}"


@router.get("/{digest}/{name}")
def read_asset(digest: str, name: str) -> Response:
    """One asset. Needs no key: it is the same for everybody and holds nothing of the company."""
    path = FILES.get(name)
    if path is None or not path.is_file() or address(name) != f"/assets/{digest}/{name}":
        raise Refused(HTTPStatus.NOT_FOUND, ApiCode.NOT_FOUND, "There is no such asset. `make assets` installs them.")
    headers = {"cache-control": FOREVER}
    return FileResponse(path, media_type=TYPES[path.suffix], headers=headers)
