"""Puts the pages into the app: their routes, and what they load."""

from __future__ import annotations

from fastapi import FastAPI

from api.dashboard import (
    assets,
    exceptions,
    exporting,
    files,
    home,
    looking,
    many,
    policies,
    proof,
    provider,
    records,
    signing_in,
    stock,
    system,
)

PAGES = (home, exceptions, many, looking, records, files, stock, exporting, proof, policies, system)
ROUTERS = (assets.router, signing_in.router, provider.router, *(one.router for one in PAGES))


def install(app: FastAPI) -> None:
    """Add every page. None of them is in the API's description: it describes what they are made of."""
    for router in ROUTERS:
        app.include_router(router)
