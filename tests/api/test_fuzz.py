"""What is malformed is refused: whatever comes to the hooks and as a file, none is an error of ours, none is kept.

Every input is made from its number, so that one that fails is had again by its number alone. `make prove` sends 10,000.
"""

from __future__ import annotations

import asyncio
import os
import random
import string
from collections.abc import AsyncIterator, Awaitable, Callable
from urllib.parse import quote

import httpx
import pytest
from sqlalchemy import select

from store.session import reading
from store.tables.files import SourceFileRow
from tests.api import book_events, hints
from tests.api.book_events import cloud, event, legacy
from tests.api.served import Served, serving
from tests.database import cloned

INPUTS = int(os.environ.get("THREEWAY_TEST_FUZZ", "480"))
TOGETHER = 12  # fewer than the files that are received at once: to be busy is no failure
NO_LIMITS = dict.fromkeys(("limit_key_per_minute", "limit_address_per_minute", "limit_hooks_per_minute"), 0)
ENVELOPE = hints.message(hints.notification(1), hints.notification(2, hints.OTHER_ORDER))
ODD = (
    b"\0",
    b"\xff\xfe",
    b"\xed\xa0\x80",
    b"<!DOCTYPE x [<!ENTITY a 'b'>]>",
    b"]]>",
    b"&#0;",
    b"1e999",
    b"{" * 2000,
)


def damaged(dice: random.Random, good: bytes) -> bytes:
    """A good body of which a piece is cut out, doubled, moved or written over, one to four times."""
    body = bytearray(good)
    for _ in range(dice.randint(1, 4)):
        at = dice.randrange(len(body) + 1)
        piece = body[at : at + dice.randint(1, 40)]
        change = dice.choice(["cut", "double", "odd", "flip", "tail"])
        if change == "cut":
            del body[at : at + len(piece)]
        elif change == "double":
            body[at:at] = piece * dice.randint(1, 3)
        elif change == "odd":
            body[at : at + len(piece)] = dice.choice(ODD)
        elif change == "flip" and piece:
            body[at] ^= 1 << dice.randrange(8)
        else:
            del body[at:]
    return bytes(body)


def nonsense(dice: random.Random) -> bytes:
    kind = dice.randrange(3)
    if kind == 0:
        return dice.randbytes(dice.randint(0, 400))
    letters = string.printable if kind == 1 else '{}[]",:0123456789.eE+-truefalsnull<>/&;= '
    return "".join(dice.choice(letters) for _ in range(dice.randint(0, 400))).encode()


def foreign(dice: random.Random, good: bytes) -> bytes:
    """What may be read and is about nothing of ours: it must be refused, or come to nothing."""
    return damaged(dice, good) if dice.random() < 0.7 else nonsense(dice)


async def call(served: Served, dice: random.Random) -> httpx.Response:
    return await hints.post_call(served, foreign(dice, hints.call(recordId="none of ours", object="Order")))


async def message(served: Served, dice: random.Random) -> httpx.Response:
    return await hints.post_message(served, foreign(dice, ENVELOPE.replace(hints.ORG.encode(), b"00DXX")))


async def events(served: Served, dice: random.Random) -> httpx.Response:
    good = dice.choice([cloud(event(intuitaccountid="1"), event("bill")), legacy(realm="1"), b"[]", b"{}"])
    return await book_events.post(served, foreign(dice, good))


async def unsigned(served: Served, dice: random.Random) -> httpx.Response:
    guess = quote(nonsense(dice), safe="")
    path = dice.choice([hints.CALL, book_events.PATH, f"{hints.CALL}/outbound-message/{guess}"])
    name = dice.choice(["X-Threeway-Signature", "intuit-signature", "X-Other"])
    headers = {**hints.NO_KEY, name: dice.randbytes(16).hex() if dice.random() < 0.8 else "é" * 20}
    return await served.client.post(
        path, content=foreign(dice, ENVELOPE), headers=httpx.Headers(headers, encoding="utf-8")
    )


async def upload(served: Served, dice: random.Random) -> httpx.Response:
    path = dice.choice(["/erp/files", "/layouts/check", "/layouts/preview"])
    layout = dice.choice(["", "?layout=none", "?layout=" + quote(nonsense(dice)[:50])])
    name = quote(nonsense(dice)[:60]) if dice.random() < 0.5 else "../../etc/passwd"
    return await served.client.post(path + layout, content=nonsense(dice), headers={"X-Filename": name})


WAYS: dict[str, Callable[[Served, random.Random], Awaitable[httpx.Response]]] = {
    "call": call,
    "message": message,
    "events": events,
    "unsigned": unsigned,
    "upload": upload,
}


@pytest.fixture(scope="module")
async def calm(postgres_url: str, temporal: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Served]:
    """An app of which nothing is expected to be kept."""
    with cloned(postgres_url) as url:
        async with serving(url, temporal, tmp_path_factory.mktemp("fuzz"), **NO_LIMITS) as running:
            yield running


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("way", WAYS)
async def test_what_is_malformed_is_refused_and_not_kept(calm: Served, way: str) -> None:
    wrong: dict[str, str] = {}
    heard = 0

    async def one(number: int) -> None:
        nonlocal heard
        answer = await WAYS[way](calm, random.Random(f"{way} {number}"))  # noqa: S311 - dice of a test
        told = answer.status_code == 202 or (way == "events" and "new" in answer.text)
        heard += told and answer.json().get("new", 0)
        good = answer.status_code < 500 and "x-trace-id" in answer.headers
        if way == "unsigned":  # nothing is parsed of what is not signed: it would be 422
            good = good and (answer.status_code in {401, 404, 405} or "NUL" in answer.text)
        if not good or (answer.status_code >= 400 and answer.headers["content-type"] != "application/problem+json"):
            wrong[f"{way} {number}"] = f"{answer.status_code} {answer.text[:200]}"

    for first in range(0, INPUTS // len(WAYS), TOGETHER):
        await asyncio.gather(*(one(number) for number in range(first, first + TOGETHER)))
    assert wrong == {}
    assert heard == 0
    assert hints.kept(calm) == []
    with reading(calm.engine) as session:
        assert session.scalars(select(SourceFileRow.id)).all() == []
    assert calm.files == []
