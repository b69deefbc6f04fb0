"""Sign-in by a real OpenID provider over HTTP: who it says is believed only after every check."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from time import time
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from cryptography.fernet import Fernet
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, RedirectResponse
from pydantic import SecretStr

from api import oidc
from api.oidc import COOKIE, OidcSignIn
from domain.errors import GatewayError
from runtime.sign_in import OidcSettings
from tests.oidc_provider import CLIENT_ID, CLIENT_SECRET, Provider, new_key, provider

ROLES: dict[str, Any] = {"gateway-admins": "admin", "gateway-billing": "operator", "all-staff": "viewer"}


def settings(there: Provider, **given: Any) -> OidcSettings:
    fields: dict[str, Any] = {
        "issuer": there.issuer,
        "client_id": CLIENT_ID,
        "client_secret": SecretStr(CLIENT_SECRET),
        "callback": there.callback,
        "scopes": "openid profile",
        "name_claim": "preferred_username",
        "role_claim": "groups",
        "roles": ROLES,
        "cookie_keys": SecretStr(Fernet.generate_key().decode()),
    }
    return OidcSettings(**{**fields, **given})


@dataclass
class Browser:
    """A person's browser: it follows redirects between us and the provider, and keeps cookies."""

    client: httpx.AsyncClient

    async def begin(self) -> str:
        """Where we send it."""
        answer = await self.client.get("/begin")
        assert answer.status_code == 303, answer.text
        return answer.headers["location"]

    async def visit(self, address: str) -> str:
        """Where the provider sends it back to."""
        async with httpx.AsyncClient() as outside:
            answer = await outside.get(address)
        assert answer.status_code == 302, answer.text
        return answer.headers["location"]

    async def sign_in(self) -> dict[str, Any]:
        """The whole way; answers the identity, or the error."""
        back = await self.visit(await self.begin())
        return dict((await self.client.get(back)).json())


@pytest.fixture
def there() -> Iterator[Provider]:
    with provider() as running:
        yield running


def app_of(sign_in: OidcSignIn) -> FastAPI:
    """What a sign-in page does with it."""
    app = FastAPI()

    @app.get("/begin")
    async def begin(request: Request) -> RedirectResponse:
        return await sign_in.begin(request, "/exceptions")

    @app.get("/sign-in/oidc")
    async def finish(request: Request) -> JSONResponse:
        try:
            answer = JSONResponse((await sign_in.finish(request)).model_dump())
        except GatewayError as error:
            answer = JSONResponse({"code": error.code, "reason": error.reason, "detail": error.detail})
        sign_in.forget(answer)
        return answer

    return app


@pytest.fixture
async def browser(there: Provider) -> AsyncIterator[Browser]:
    transport = httpx.ASGITransport(app=app_of(OidcSignIn(settings(there))))
    async with httpx.AsyncClient(transport=transport, base_url="http://threeway.test") as client:
        yield Browser(client)


async def test_a_person_signs_in_with_the_role_of_their_groups(browser: Browser) -> None:
    assert await browser.sign_in() == {
        "name": "ana",
        "full_name": "Ana Lee",
        "role": "operator",
        "subject": "u-17",
        "to": "/exceptions",
    }
    assert COOKIE not in browser.client.cookies


async def test_what_goes_out_keeps_state_nonce_and_a_challenge(browser: Browser) -> None:
    first, second = await browser.begin(), await browser.begin()
    given = [{name: one[0] for name, one in parse_qs(urlsplit(each).query).items()} for each in (first, second)]
    for name in ("state", "nonce", "code_challenge"):
        assert given[0][name] != given[1][name]
        assert len(given[0][name]) >= 43
    assert given[0]["code_challenge_method"] == "S256"
    assert CLIENT_SECRET not in first
    cookie = browser.client.cookies[COOKIE]
    assert given[1]["state"] not in cookie
    assert given[1]["nonce"] not in cookie


async def test_several_sign_ins_ask_for_the_description_and_the_keys_once(browser: Browser, there: Provider) -> None:
    for _ in range(3):
        assert (await browser.sign_in())["name"] == "ana"
    assert there.asked.count("/.well-known/openid-configuration") == 1
    assert there.asked.count("/jwks") == 1


async def test_a_sign_in_of_another_browser_is_not_finished_here(browser: Browser, there: Provider) -> None:
    """Nobody is signed in as somebody else by a link that they were sent."""
    theirs = await browser.visit(await browser.begin())
    mine = await browser.begin()
    found = (await browser.client.get(theirs)).json()
    assert (found["code"], found["reason"]) == ("malformed", "state")
    browser.client.cookies.clear()
    found = (await browser.client.get(await browser.visit(mine))).json()
    assert (found["code"], found["reason"]) == ("malformed", "cookie")
    assert "/token" not in there.asked


async def test_a_sign_in_is_finished_once(browser: Browser) -> None:
    back = await browser.visit(await browser.begin())
    cookie = browser.client.cookies[COOKIE]
    assert (await browser.client.get(back)).json()["name"] == "ana"
    assert (await browser.client.get(back)).json()["reason"] == "cookie"
    browser.client.cookies.set(COOKIE, cookie, domain="threeway.test")
    assert (await browser.client.get(back)).json()["reason"] == "invalid_grant"


async def test_a_sign_in_that_takes_too_long_is_begun_again(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    back = await browser.visit(await browser.begin())
    monkeypatch.setattr(oidc, "MINUTES_TO_SIGN_IN", -1)
    assert (await browser.client.get(back)).json()["reason"] == "cookie"


LIES: dict[str, tuple[dict[str, Any], str | None]] = {
    "another issuer": ({"claims": {"iss": "https://elsewhere.example"}}, "InvalidClaimError"),
    "another audience": ({"claims": {"aud": "another-client"}}, "InvalidClaimError"),
    "several audiences": ({"claims": {"aud": [CLIENT_ID, "another-client"]}}, "MissingClaimError"),
    "made for another": ({"claims": {"aud": [CLIENT_ID, "x"], "azp": "another-client"}}, "InvalidClaimError"),
    "over": ({"claims": {"exp": int(time()) - 3600}}, "ExpiredTokenError"),
    "of the future": ({"claims": {"iat": int(time()) + 3600}}, "InvalidClaimError"),
    "another sign-in": ({"claims": {"nonce": "another"}}, "InvalidClaimError"),
    "another access token": ({"claims": {"at_hash": "bm90IHRoaXM"}}, "InvalidClaimError"),
    "no nonce": ({"without": ("nonce",)}, "MissingClaimError"),
    "no end": ({"without": ("exp",)}, "MissingClaimError"),
    "no audience": ({"without": ("aud",)}, "MissingClaimError"),
    "no signature": ({"algorithm": "none"}, None),
    "signed with our secret": ({"algorithm": "HS256"}, None),
}


@pytest.mark.parametrize("lie", LIES)
async def test_a_token_that_is_not_for_us_now_is_not_believed(browser: Browser, there: Provider, lie: str) -> None:
    changes, reason = LIES[lie]
    for name, value in changes.items():
        setattr(there, name, value)
    found = await browser.sign_in()
    assert found["code"] == "not_authorized"
    assert reason is None or found["reason"] == reason


@pytest.mark.parametrize("same_name", [True, False])
async def test_a_token_that_somebody_else_signed_is_not_believed(
    browser: Browser, there: Provider, same_name: bool
) -> None:
    there.signs_with = new_key(there.key.kid if same_name else None)
    assert (await browser.sign_in())["code"] == "not_authorized"


async def test_a_key_that_is_new_is_fetched_and_an_unknown_one_not_over_and_over(
    browser: Browser, there: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (await browser.sign_in())["name"] == "ana"
    monkeypatch.setattr(oidc, "KEYS_AGAIN_SECONDS", 0.0)
    there.key = new_key()
    assert (await browser.sign_in())["name"] == "ana"
    monkeypatch.setattr(oidc, "KEYS_AGAIN_SECONDS", 3600.0)
    there.signs_with = new_key()
    before = there.asked.count("/jwks")
    for _ in range(3):
        assert (await browser.sign_in())["code"] == "not_authorized"
    assert there.asked.count("/jwks") == before


@pytest.mark.parametrize(
    ("groups", "role"),
    [
        (["all-staff", "gateway-admins", "gateway-billing"], "admin"),
        ("all-staff", "viewer"),
        (["other"], None),
        ([], None),
        ([["gateway-admins"]], None),
        ({"gateway-admins": True}, None),
    ],
)
async def test_the_highest_role_of_the_groups_counts(
    browser: Browser, there: Provider, groups: Any, role: str | None
) -> None:
    there.claims = {"groups": groups}
    found = await browser.sign_in()
    assert found.get("role") == role
    assert role is not None or found["reason"] == "role"


async def test_who_has_no_name_or_no_verified_address_is_nobody(there: Provider) -> None:
    there.person |= {"email": "ana@example.com"}
    for name_claim, more, reason in (
        ("email", {}, "email_verified"),
        ("email", {"email_verified": "true"}, "email_verified"),
        ("nickname", {}, "name"),
        ("email", {"email_verified": True}, None),
    ):
        there.claims = more
        transport = httpx.ASGITransport(app=app_of(OidcSignIn(settings(there, name_claim=name_claim))))
        async with httpx.AsyncClient(transport=transport, base_url="http://threeway.test") as client:
            assert (await Browser(client).sign_in()).get("reason") == reason


async def test_a_provider_that_says_no_is_believed(browser: Browser, there: Provider) -> None:
    there.refuses = "access_denied"
    found = await browser.sign_in()
    assert (found["code"], found["reason"]) == ("not_authorized", "access_denied")
    assert "/token" not in there.asked


@pytest.mark.parametrize(
    "describes",
    [
        {"issuer": "https://elsewhere.example"},
        {"token_endpoint": "http://elsewhere.example/token"},
        {"jwks_uri": None},
    ],
    ids=str,
)
async def test_a_description_of_somebody_else_is_refused(there: Provider, describes: dict[str, Any]) -> None:
    there.describes = describes
    assert await failure(there) == "not_authorized"


async def test_a_provider_that_is_away_is_no_refusal(there: Provider) -> None:
    there.status = 503
    assert await failure(there) == "unavailable"
    there.issuer = "http://127.0.0.1:1"
    assert await failure(there) == "unavailable"


async def failure(there: Provider) -> str:
    """How beginning a sign-in fails."""
    request = Request({"type": "http", "scheme": "http", "headers": [], "query_string": b""})
    with pytest.raises(GatewayError) as raised:
        await OidcSignIn(settings(there)).begin(request)
    return raised.value.code
