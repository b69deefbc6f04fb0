"""People sign in at the company's provider and are somebody here: by its subject, with the role of their groups."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr

from store import people
from store.people import Role
from tests.api.served import Served, serving
from tests.database import cloned
from tests.oidc_provider import CLIENT_ID, CLIENT_SECRET, Provider, provider


@pytest.fixture
def there() -> Iterator[Provider]:
    with provider() as running:
        yield running


@pytest.fixture
async def room(postgres_url: str, nowhere: str, there: Provider, tmp_path: Path) -> AsyncIterator[Served]:
    """An app whose people sign in at that provider."""
    there.callback = "http://127.0.0.1:8000/sign-in/oidc"
    given = {
        "secret_key": SecretStr(Fernet.generate_key().decode()),
        "oidc_issuer": there.issuer,
        "oidc_client_id": CLIENT_ID,
        "oidc_client_secret": SecretStr(CLIENT_SECRET),
        "oidc_roles": "gateway-billing=operator\nall-staff=viewer",
        "public_url": there.callback.removesuffix("/sign-in/oidc"),
    }
    with cloned(postgres_url) as url:
        async with serving(url, nowhere, tmp_path, **given) as running:
            yield running


async def signed_in(room: Served, to: str = "/ui/orders") -> httpx.Response:
    """The whole way of a browser, to us, to the provider and back."""
    outside = httpx.ASGITransport(app=room.app)
    async with httpx.AsyncClient(transport=outside, base_url="http://threeway.test") as browser:
        away = await browser.get("/sign-in/provider", params={"to": to})
        assert away.status_code == 303, away.text
        async with httpx.AsyncClient() as plain:
            back = (await plain.get(away.headers["location"])).headers["location"]
        parts = urlsplit(back)
        answer = await browser.get(f"{parts.path}?{parts.query}")
        if answer.status_code == 303:
            assert (await browser.get(answer.headers["location"])).status_code == 200
        return answer


def known(room: Served) -> list[tuple[str, str]]:
    with room.write() as session:
        return [(one.name, one.role) for one in people.list_all(session)]


async def test_who_the_provider_knows_is_let_in_with_the_role_of_their_groups(room: Served, there: Provider) -> None:
    there.claims |= {"preferred_username": "Dana", "groups": ["gateway-billing"]}
    answer = await signed_in(room)
    assert (answer.status_code, answer.headers["location"]) == (303, "/ui/orders")
    assert ("dana", "operator") in known(room)
    there.claims |= {"groups": ["all-staff"]}
    await signed_in(room)
    assert ("dana", "viewer") in known(room)


async def test_a_name_that_somebody_has_here_is_not_taken_over(room: Served, there: Provider) -> None:
    """Found by the provider's subject alone: whoever is given the name there later is somebody else."""
    with room.write() as session:
        people.create(session, "dana", "", Role.ADMIN, SecretStr("a long enough passphrase"))
    there.claims |= {"preferred_username": "dana", "groups": ["gateway-billing"]}
    answer = await signed_in(room)
    assert answer.status_code == 403
    assert "Somebody else is called dana" in answer.text
    assert ("dana", "admin") in known(room)


async def test_two_windows_that_sign_in_for_the_first_time_are_one_person(room: Served, there: Provider) -> None:
    there.claims |= {"preferred_username": "dana", "groups": ["gateway-billing"]}
    answers = await asyncio.gather(*(signed_in(room) for _ in range(4)))
    assert [one.status_code for one in answers] == [303] * 4
    assert [name for name, _ in known(room)].count("dana") == 1


async def test_who_was_disabled_stays_out(room: Served, there: Provider) -> None:
    there.claims |= {"preferred_username": "dana", "groups": ["gateway-billing"]}
    await signed_in(room)
    with room.write() as session:
        assert people.disable(session, "dana")
    answer = await signed_in(room)
    assert (answer.status_code, "may not sign in any more" in answer.text) == (403, True)


async def test_a_way_to_somewhere_else_is_not_followed(room: Served, there: Provider) -> None:
    there.claims |= {"preferred_username": "dana", "groups": ["gateway-billing"]}
    assert (await signed_in(room, "//elsewhere.example/x")).headers["location"] == "/"


async def test_the_page_offers_the_provider_where_there_is_one(room: Served) -> None:
    assert "/sign-in/provider?to=" in (await room.client.get("/sign-in")).text
