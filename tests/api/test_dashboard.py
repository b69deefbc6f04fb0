"""Pages as HTML, without a browser: who may open them, what a form may do, what they never hold."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import httpx
import pytest
from pydantic import SecretStr

from api.dashboard.choice_words import OFFERS
from domain.exceptions import VALUE_NEEDED, Choice
from store import exceptions, people
from store.tables.people import Role
from tests.api import filling
from tests.api.served import Served, assert_problem, serving
from tests.api.test_access import PAGES, UNKNOWN_ID
from tests.database import cloned

PASSWORD = "a good long pass-phrase 42"
HERE = {"origin": "http://threeway.test"}
POLICY = "default-src 'none'; script-src 'self'; style-src 'self';"
WANTS_SOMEBODY = sorted(route for route in PAGES if not route[1].startswith("/sign-"))
ADDRESSES = sorted(path for method, path in PAGES if method == "GET" and "{" not in path and "stream" not in path)


@pytest.fixture(scope="module")
async def room(postgres_url: str, nowhere: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Served]:
    """An app with one of everything in it, and a person of each role."""
    with cloned(postgres_url) as url:
        async with serving(url, nowhere, tmp_path_factory.mktemp("room")) as running:
            with running.write() as session:
                filling.one_of_everything(session)
                for role in Role:
                    people.create(session, f"the-{role}", "", role, SecretStr(PASSWORD))
            yield running


async def signed_in(room: Served, name: str) -> httpx.AsyncClient:
    """A client in which a person is signed in, and which has no key."""
    client = httpx.AsyncClient(transport=httpx.ASGITransport(app=room.app), base_url="http://threeway.test")
    answer = await client.post("/sign-in", data={"name": name, "password": PASSWORD, "to": "/"}, headers=HERE)
    assert answer.status_code == 303, answer.text
    return client


@pytest.mark.parametrize("route", WANTS_SOMEBODY, ids=" ".join)
async def test_a_page_wants_somebody_signed_in_and_takes_no_key_for_that(room: Served, route: tuple[str, str]) -> None:
    path = re.sub(r"\{[a-z_]+(?::path)?\}", UNKNOWN_ID, route[1])
    for headers in ({}, {"X-API-Key": room.key_for("admin")}):
        answer = await room.client.request(route[0], path, headers={"X-API-Key": "", **HERE, **headers})
        assert answer.status_code == 303, path
        assert answer.headers["location"].startswith("/sign-in?to=")


@pytest.mark.parametrize("path", ADDRESSES)
async def test_a_page_is_there_under_a_strict_policy_and_needs_nobody_else(room: Served, path: str) -> None:
    client = await signed_in(room, "the-admin")
    answer = await client.get(path)
    assert answer.status_code == 200, answer.text
    if path.endswith(".json"):
        return
    assert answer.headers["content-security-policy"].startswith(POLICY)
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert not re.search(r"<script(?! src=)| style=| on[a-z]+=|(?:src|href)=\"https?:", answer.text)
    assert answer.text.count("<h1") == (0 if path.endswith("matches") else 1)


async def test_pages_of_admins_are_not_for_others(room: Served) -> None:
    client = await signed_in(room, "the-operator")
    answer = await client.get("/ui/people")
    assert answer.status_code == 403
    assert "needs the role admin" in answer.text
    assert 'href="/ui/people"' not in (await client.get("/")).text


async def test_a_form_of_another_site_does_nothing(room: Served) -> None:
    client = await signed_in(room, "the-operator")
    with room.write() as session:
        item = filling.exception(session)
    form = {"choice": "do_not_bill", "reason": "forged"}
    for headers in ({"origin": "https://evil.test"}, {"sec-fetch-site": "cross-site"}, {"origin": "null"}):
        answer = await client.post(f"/ui/exceptions/{item}/resolve", data=form, headers=headers)
        assert answer.status_code == 403
        assert "did not come from one of our own pages" in answer.text
    with room.write() as session:
        assert exceptions.get(session, item).state == "open"  # type: ignore[union-attr]


async def test_a_viewer_reads_and_decides_nothing(room: Served) -> None:
    client = await signed_in(room, "the-viewer")
    with room.write() as session:
        item = filling.exception(session)
    shown = await client.get(f"/ui/exceptions/{item}")
    assert shown.status_code == 200
    assert '<h2 id="decide">' not in shown.text
    form = {"choice": "do_not_bill", "reason": "I may not"}
    assert (await client.post(f"/ui/exceptions/{item}/resolve", data=form, headers=HERE)).status_code == 403


async def test_a_decision_by_a_plain_form_is_the_api_s_decision(room: Served) -> None:
    """Feature G-I1: what a page does is what the API does, under the person's name."""
    client = await signed_in(room, "the-operator")
    with room.write() as session:
        item = filling.exception(session)
    form = {"choice": "use_item", "value": "BOLT-38", "reason": "a misprint", "sentence": "No such item."}
    answer = await client.post(f"/ui/exceptions/{item}/resolve", data=form, headers=HERE)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/ui/exceptions/{item}?said=decided")
    told = (await room.client.get(f"/exceptions/{item}")).json()["resolution"]
    assert (told["choice"], told["value"], told["decided_by"]) == ("use_item", "BOLT-38", "the-operator")


async def test_what_moved_on_since_it_was_read_is_not_decided(room: Served) -> None:
    client = await signed_in(room, "the-operator")
    with room.write() as session:
        item = filling.exception(session)
    form = {"choice": "do_not_bill", "reason": "as agreed", "sentence": "It said something else."}
    answer = await client.post(f"/ui/exceptions/{item}/resolve", data=form, headers=HERE)
    assert answer.status_code == 409
    assert "moved on" in answer.text


async def test_what_comes_from_outside_is_text_on_a_page(room: Served) -> None:
    """A name that is markup would run in the browser of whoever looks at it."""
    client = await signed_in(room, "the-viewer")
    with room.write() as session:
        filling.exception(session, '<img src=x onerror="alert(1)">')
    listed = (await client.get("/ui/exceptions?limit=500")).text
    assert "<img src=x" not in listed
    assert "&lt;img src=x" in listed


async def test_a_filter_that_makes_no_sense_is_told_on_a_page(room: Served) -> None:
    client = await signed_in(room, "the-viewer")
    for path in ("/ui/exceptions?kind=nonsense", "/ui/invoices?limit=many", "/ui/exceptions?cursor=none-of-this-list"):
        answer = await client.get(path)
        assert answer.status_code == 422
        assert answer.headers["content-type"].startswith("text/html")
    assert (await client.get("/ui/exceptions?kind=&cause=&owner=")).status_code == 200


async def test_a_missing_record_is_told_on_a_page(room: Served) -> None:
    client = await signed_in(room, "the-viewer")
    for path in ("/ui/orders/none", "/ui/trace/none", f"/ui/files/{UNKNOWN_ID}", "/ui/exceptions/none"):
        answer = await client.get(path)
        assert (answer.status_code, answer.headers["content-type"][:9]) == (404, "text/html"), path


async def test_signing_in_leads_nowhere_else(room: Served) -> None:
    client = httpx.AsyncClient(transport=httpx.ASGITransport(app=room.app), base_url="http://threeway.test")
    for to, leads in (("https://evil.test/", "/"), ("//evil.test", "/"), ("/ui/orders?limit=3", "/ui/orders?limit=3")):
        form = {"name": "the-viewer", "password": PASSWORD, "to": to}
        answer = await client.post("/sign-in", data=form, headers=HERE)
        assert answer.headers["location"] == leads
        cookie = answer.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=lax" in cookie


async def test_signing_out_ends_it(room: Served) -> None:
    client = await signed_in(room, "the-viewer")
    token = client.cookies["threeway"]
    assert (await client.post("/sign-out", headers=HERE)).status_code == 303
    client.cookies.set("threeway", token)
    assert (await client.get("/")).status_code == 303


async def test_wrong_passwords_make_one_wait(room: Served) -> None:
    with room.write() as session:
        people.create(session, "patient", "", Role.VIEWER, SecretStr(PASSWORD))
    client = httpx.AsyncClient(transport=httpx.ASGITransport(app=room.app), base_url="http://threeway.test")
    form = {"name": "patient", "password": "not the right one"}
    for _ in range(people.TRIES):
        assert (await client.post("/sign-in", data=form, headers=HERE)).status_code == 401
    answer = await client.post("/sign-in", data={**form, "password": PASSWORD}, headers=HERE)
    assert answer.status_code == 429
    assert "Too many wrong passwords" in answer.text


async def test_a_disabled_person_is_out_at_once(room: Served) -> None:
    made = (await room.client.post("/people", json={"name": "Brief", "role": "viewer"})).json()
    assert made["name"] == "brief"
    client = httpx.AsyncClient(transport=httpx.ASGITransport(app=room.app), base_url="http://threeway.test")
    form = {"name": "brief", "password": made["password"]}
    assert (await client.post("/sign-in", data=form, headers=HERE)).status_code == 303
    assert (await client.get("/")).status_code == 200
    assert (await room.client.post("/people/brief/disable")).json()["disabled_at"]
    assert (await client.get("/")).status_code == 303
    assert (await client.post("/sign-in", data=form, headers=HERE)).status_code == 401
    assert (await room.client.post("/people/brief/disable")).status_code == 404


async def test_a_new_password_ends_every_sign_in(room: Served) -> None:
    await room.client.post("/people", json={"name": "renewed", "password": PASSWORD})
    client = await signed_in(room, "renewed")
    made = (await room.client.post("/people/renewed/password", json={})).json()
    assert (await client.get("/")).status_code == 303
    form = {"name": "renewed", "password": made["password"]}
    assert (await client.post("/sign-in", data=form, headers=HERE)).status_code == 303


async def test_who_signs_in_by_the_provider_has_no_password_here(room: Served) -> None:
    vouched = people.Vouched(subject="u-77", name="vouched", full_name="Vouched For", role=Role.VIEWER)
    with room.write() as session:
        people.from_provider(session, vouched)
    problem = assert_problem(await room.client.post("/people/vouched/password", json={}), 422, "malformed")
    assert "by the provider" in problem["detail"]


async def test_passwords_are_nowhere_to_be_read(room: Served) -> None:
    client = await signed_in(room, "the-admin")
    pages = [(await client.get(path)).text for path in ("/ui/people", "/ui/audit")]
    pages.append((await room.client.get("/people")).text)
    pages.append((await room.client.get("/audit", params={"record_type": "person"})).text)
    assert all("argon2" not in text and PASSWORD not in text for text in pages)
    assert "person_created" in pages[3]


async def test_the_first_admin_is_made_once(room: Served) -> None:
    with room.write() as session:
        assert not people.ensure_first(session, "second-first", SecretStr(PASSWORD))
        assert all(one.name != "second-first" for one in people.list_all(session))


async def test_a_browser_left_alone_is_signed_out(room: Served) -> None:
    now = datetime.now(UTC)
    with room.write() as session:
        person = people.need(session, "the-viewer")
        token = people.sign_in(session, person, now)
        assert people.signed_in(session, token, now) == person
        assert people.signed_in(session, token, now + people.UNSEEN_FOR) is None
        assert people.signed_in(session, token, now + people.SIGNED_IN_FOR) is None


def test_every_choice_has_its_words_and_asks_for_its_value() -> None:
    assert OFFERS.keys() == set(Choice)
    assert {choice for choice, offer in OFFERS.items() if offer.value} == VALUE_NEEDED
