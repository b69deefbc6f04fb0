"""Pages from templates: what every page has, how it is protected, and how numbers and times are said."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from api.dashboard.assets import address
from api.dashboard.places import menu, place, tone
from api.services import services
from domain.approvals import same_person
from domain.exceptions import VALUE_NEEDED
from domain.orders import OrderLine
from store.people import Person

# Strict: no script and no style but from this process, no frames, forms only to ourselves. `data:` is for Pico's icons.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
UNREADABLE = re.compile(r"(?:[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}|[0-9a-f]{32,}|tw-[0-9a-f]{16})")
# With `no-referrer`, which all else is answered with, a browser would hide from us that a form is ours, too.
HEADERS = {"content-security-policy": POLICY, "cache-control": "no-store", "referrer-policy": "same-origin"}
_NAMES = {"quickbooks": "QuickBooks", "erp": "ERP"}
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)

_pages = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=select_autoescape(default=True, default_for_string=True),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def part(request: Request, template: str, **shown: Any) -> HTMLResponse:
    """Render a part of a page, for a page that is there already."""
    body = rendered(request, template, **shown)
    return HTMLResponse(body, headers=HEADERS)


def rendered(request: Request, template: str, **shown: Any) -> str:
    """The text of a template with what all of them know."""
    serving = services(request)
    company = serving.company
    given = {
        "provider": serving.provider is not None,
        "outside": serving.outside,
        "company": company,
        "zone": company.zone,
        "path": request.url.path,
        "now": datetime.now(UTC),
    }
    return _pages.get_template(template).render(**given, **shown)


def page(
    request: Request,
    template: str,
    person: Person | None,
    status: HTTPStatus = HTTPStatus.OK,
    **shown: Any,
) -> HTMLResponse:
    """Render a page. Everything in it is escaped; nothing is loaded from elsewhere."""
    body = rendered(request, template, person=person, **shown)
    return HTMLResponse(body, status, headers=HEADERS)


def ago(at: datetime | None, now: datetime) -> str:
    """How long ago, for people: `3 min ago`; `in 5 min` for what is to come."""
    if at is None:
        return "never"
    past = now - at
    words = _span(abs(past))
    return f"in {words}" if past < timedelta(0) else f"{words} ago"


def _span(span: timedelta) -> str:
    if span < MINUTE:
        return f"{int(span.total_seconds())} s"
    if span < HOUR:
        return f"{span // MINUTE} min"
    if span < 2 * DAY:
        return f"{span // HOUR} h"
    return f"{span // DAY} days"


def money(amount: Decimal | None) -> str:
    """An amount with two places and groups of thousands; nothing where there is none."""
    return "" if amount is None else f"{amount:,.2f}"


def quantity(amount: Decimal | None) -> str:
    """A quantity without trailing zeros."""
    if amount is None:
        return ""
    plain = f"{amount.normalize():f}"
    return plain if plain != "-0" else "0"


def span(seconds: float | None) -> str:
    """Seconds as people read them: `2.4 s`, `3 min`; a dash where nothing was measured."""
    if seconds is None:
        return "–"
    if seconds < 20:
        return f"{seconds:.1f} s"
    return f"{seconds:.0f} s" if seconds < 120 else _span(timedelta(seconds=seconds))


def words(code: object) -> str:
    """A code in words: `order_needs_decision` as `order needs decision`."""
    return str(code).replace("_", " ")


def short(key: object) -> str:
    """A key as it fits into a list: of an id or a hash that nobody reads, only its beginning."""
    text = str(key)
    return f"{text[:8]}…" if UNREADABLE.match(text) else text.removesuffix("|")


def title(code: object) -> str:
    """A code as a heading, names of systems as their makers write them."""
    return _NAMES.get(str(code)) or words(code).capitalize()


def query(current: Mapping[str, Any], **changes: Any) -> str:
    """The query of an address with some parts changed; what is None or empty is left out."""
    given = {name: value for name, value in {**current, **changes}.items() if value is not None and value != ""}
    return f"?{urlencode(given)}" if given else "?"


def _when(at: datetime | None, now: datetime, zone: Any) -> Markup:
    """A time as people say it, with the exact one in the company's zone to hover over and to read aloud."""
    if at is None:
        return Markup("<span>never</span>")
    exact = at.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S %Z")
    return Markup('<time datetime="{}" title="{}">{}</time>').format(at.isoformat(), exact, ago(at, now))


def _exact(at: datetime | None, zone: Any) -> Markup:
    """A time to the second in the company's zone."""
    if at is None:
        return Markup("")
    shown = at.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S")
    return Markup('<time datetime="{}">{}</time>').format(at.isoformat(), shown)


def _worth(lines: Iterable[OrderLine]) -> Decimal:
    """What the lines of an order come to."""
    return sum((line.quantity * line.unit_price for line in lines), Decimal(0))


_pages.filters.update(ago=ago, money=money, quantity=quantity, short=short, span=span, words=words, title=title)
_pages.filters.update(quote=lambda text: quote(str(text), safe=""))
_pages.globals.update(asset=address, menu=menu, needing=VALUE_NEEDED, place=place, query=query, tone=tone)
_pages.globals.update(exact=_exact, same_person=same_person, when=_when, worth=_worth)
