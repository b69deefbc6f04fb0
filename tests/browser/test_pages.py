"""Every page in a real browser: it loads, keeps nobody out, asks nobody else, and is looked at in light and dark."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Request

from tests.api.served import ROOT
from tests.browser.room import Room

pytestmark = pytest.mark.proof  # a browser takes both cores for minutes

SCREENS = Path(os.environ.get("THREEWAY_TEST_SCREENS", ROOT / "build" / "screens"))
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
PAGES = {
    "overview": "/",
    "exceptions": "/ui/exceptions",
    "exceptions of a cause": "/ui/exceptions?cause=item_not_linked",
    "conflict": "/ui/exceptions?cause=master_conflict -> /ui/exceptions/",
    "price": "/ui/exceptions?cause=price_differs -> /ui/exceptions/",
    "feed": "/ui/feed",
    "search": "/ui/search?q=SH55",
    "search for nothing": "/ui/search?q=zzzz",
    "trace": "/ui/trace/SH5504103",
    "orders": "/ui/orders",
    "order": "/ui/orders/SO104103",
    "shipments": "/ui/shipments",
    "shipment": "/ui/shipments/SH5504103",
    "held shipment": "/ui/shipments/SH5504190",
    "invoices": "/ui/invoices",
    "invoice": "/ui/invoices/SH5504103",
    "files": "/ui/files",
    "file": "/ui/files?layout=shpcnf&state=applied -> /ui/files/",
    "stock": "/ui/stock",
    "item": "/ui/stock/BOLT",
    "reconciliations": "/ui/reconciliations",
    "reconciliation": "/ui/reconciliations -> /ui/reconciliations/",
    "latency": "/ui/latency",
    "latency of an hour": "/ui/latency?hours=1",
    "connections": "/ui/connections",
    "policies": "/ui/policies",
    "policy": "/ui/policies -> /ui/policies/",
    "audit": "/ui/audit",
    "people": "/ui/people",
    "missing": "/ui/trace/none-of-ours",
    "empty list": "/ui/invoices?customer_number=none",
}


@pytest.fixture(scope="module")
def admins_window(windows: Callable[..., BrowserContext]) -> BrowserContext:
    """An admin's window, for all pages."""
    SCREENS.mkdir(parents=True, exist_ok=True)
    # With less motion: a picture of colours on their way from light to dark shows neither.
    return windows("adele", viewport={"width": 1360, "height": 900}, reduced_motion="reduce")


@pytest.fixture
def admins(admins_window: BrowserContext) -> Iterator[Page]:
    """A page of an admin."""
    page = admins_window.new_page()
    yield page
    page.close()


@pytest.fixture(scope="module")
def checked(windows: Callable[..., BrowserContext]) -> Page:
    """A page in which a script of a test may run."""
    page = windows("adele", bypass_csp=True).new_page()
    page.emulate_media(reduced_motion="reduce")  # a colour on its way to another one is neither
    return page


def opened(page: Page, name: str) -> str:
    """Go to a page by its name; `LIST -> BEGIN` is the first link of the list that begins so."""
    listed, _, begin = PAGES[name].partition(" -> ")
    page.goto(listed)
    if begin:
        link = page.locator(f"main a[href^='{begin}']").first
        page.goto(link.get_attribute("href") or "")
    return page.url


def seen(page: Page, room: Room) -> list[str]:
    """What goes wrong while a page is looked at: errors, and requests to anybody else."""
    wrong: list[str] = []

    def asked(request: Request) -> None:
        if not request.url.startswith((room.url, "data:")):
            wrong.append(f"asked {request.url}")

    page.on("request", asked)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
    return wrong


@pytest.mark.parametrize("name", PAGES)
def test_a_page_loads_alone_and_without_an_error(admins: Page, room: Room, name: str) -> None:
    """Under the strict policy, which this browser keeps. Leaves a picture of the page in light and dark."""
    wrong = seen(admins, room)
    opened(admins, name)
    assert admins.locator("h1").count() == 1
    assert _scrolls_sideways(admins) == 0
    for scheme in SCHEMES:
        admins.emulate_media(color_scheme=scheme)
        admins.screenshot(path=SCREENS / f"{name.replace(' ', '-')}-{scheme}.png", full_page=True)
    assert [one for one in wrong if "404" not in one] == []


@pytest.mark.parametrize("name", PAGES)
def test_a_page_keeps_nobody_out(checked: Page, axe: Path, name: str) -> None:
    """axe-core finds nothing to mend by the rules of WCAG 2.2 AA; it needs eval, so it runs beside the policy."""
    checked.emulate_media(color_scheme="light")
    opened(checked, name)
    assert violations(checked, axe, {"type": "tag", "values": TAGS}) == []
    checked.emulate_media(color_scheme="dark")
    assert violations(checked, axe, {"type": "rule", "values": ["color-contrast"]}) == []


def test_the_form_to_sign_in_keeps_nobody_out(browser: Browser, room: Room, axe: Path) -> None:
    context = browser.new_context(base_url=room.url, bypass_csp=True)
    page = context.new_page()
    page.goto("/ui/orders")
    assert page.url == f"{room.url}/sign-in?to=%2Fui%2Forders"
    assert violations(page, axe, {"type": "tag", "values": TAGS}) == []
    page.screenshot(path=SCREENS / "sign-in-light.png")
    context.close()


def test_every_page_is_there_for_a_narrow_window(windows: Callable[..., BrowserContext]) -> None:
    page = windows("adele", viewport={"width": 390, "height": 800}).new_page()
    for name in ("overview", "exceptions", "conflict", "stock", "trace", "file", "policies", "policy"):
        opened(page, name)
        assert _scrolls_sideways(page) == 0, name
    page.goto("/")
    page.screenshot(path=SCREENS / "overview-narrow.png", full_page=True)


def test_pages_work_plainly_without_script(windows: Callable[..., BrowserContext]) -> None:
    page = windows("adele", java_script_enabled=False).new_page()
    names = ("overview", "exceptions", "conflict", "feed", "search", "trace", "order", "file", "stock", "latency")
    for name in (*names, "policies", "policy"):
        opened(page, name)
        assert page.locator("main h1").inner_text(), name


def violations(page: Page, axe: Path, only: dict[str, Any]) -> list[str]:
    """What axe-core objects to, with the first place of each."""
    page.evaluate(axe.read_text(encoding="utf-8"))
    found: dict[str, Any] = page.evaluate("only => axe.run(document, {runOnly: only})", only)
    return [f"{one['id']}: {one['nodes'][0]['html'][:200]}" for one in found["violations"]]


def _scrolls_sideways(page: Page) -> int:
    """By how many pixels the page is wider than its window."""
    size = page.locator("html").evaluate("one => one.scrollWidth - one.clientWidth")
    return int(re.sub(r"\D", "", str(size)) or 0)
