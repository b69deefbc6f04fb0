"""What the tests in a browser share: one seeded gateway, one browser, and people who are signed in."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.api.served import ROOT
from tests.browser.room import PASSWORD, Room, running
from tests.browser.seeded import fill
from tests.database import cloned

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
PATIENCE = 10_000  # milliseconds


def chromium() -> str | None:
    """The browser of this machine; THREEWAY_TEST_CHROMIUM names another one."""
    return os.environ.get("THREEWAY_TEST_CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)


@pytest.fixture(scope="session")
def room(postgres_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    """The gateway, filled. Its Temporal server is away: decisions stand all the same, which the pages show."""
    with socket.socket() as taken, cloned(postgres_url) as url:
        taken.bind(("127.0.0.1", 0))  # bound, never listening: every connection is refused
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with running(url, tmp_path_factory.mktemp("room"), address) as found:
            fill(found)
            yield found


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A headless browser; skips where there is none."""
    path = chromium()
    if path is None:
        pytest.skip("there is no chromium on this machine (THREEWAY_TEST_CHROMIUM names one)")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture(scope="session")
def windows(browser: Browser, room: Room) -> Iterator[Callable[..., BrowserContext]]:
    """Opens windows in which a person is signed in; they close at the end. A person signs in once."""
    opened: list[BrowserContext] = []
    cookies: dict[str, list[object]] = {}

    def of(name: str, **more: object) -> BrowserContext:
        context = browser.new_context(base_url=room.url, **more)  # type: ignore[arg-type]
        context.set_default_timeout(PATIENCE)
        opened.append(context)
        if name in cookies:
            context.add_cookies(cookies[name])  # type: ignore[arg-type]
            return context
        form = {"name": name, "password": PASSWORD, "to": "/"}
        headers = {"origin": room.url}
        assert context.request.post("/sign-in", form=form, headers=headers, max_redirects=0).status == 303
        cookies[name] = list(context.cookies())
        return context

    yield of
    for context in opened:
        context.close()


@pytest.fixture
def page(windows: Callable[..., BrowserContext]) -> Iterator[Page]:
    """A page of the operator's."""
    context = windows("oskar")
    yield context.new_page()
    context.close()


@pytest.fixture(scope="session")
def axe() -> Path:
    """The accessibility checker; skips where it is not installed."""
    path = ROOT / "node_modules" / "axe-core" / "axe.min.js"
    if not path.is_file():
        pytest.skip("axe-core is not installed (make assets)")
    return path
