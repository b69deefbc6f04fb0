"""The rules on pages: what is in force, what waits with what it would change, and the word of a second person."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from store import people
from store.tables.people import Role
from tests.api.served import Served
from tests.api.test_dashboard import HERE, PASSWORD, signed_in
from tests.api.test_policies import NEW, TWENTY_DAYS, billed, person, posted, started

REASON = {"reason": "the bank agreed"}


@pytest.fixture
async def room(served: Served) -> Served:
    """A worker took the shipped rules, a shipment was billed by them, and there is a person of each role."""
    billed(served, "SH1")
    started(served)
    with served.write() as session:
        for role in Role:
            people.create(session, f"the-{role}", "", role, SecretStr(PASSWORD))
    return served


async def proposed(room: Served, by: str = "ana") -> str:
    """A change of terms, proposed with a key of this name."""
    made: dict[str, Any] = await posted(room, "/policies", NEW, 201, headers=await person(room, by, "operator"))
    return str(made["id"])


async def decided(client: httpx.AsyncClient, proposal: str, act: str, **form: str) -> httpx.Response:
    return await client.post(f"/ui/policies/{proposal}/{act}", data=form or REASON, headers=HERE)


async def test_what_is_in_force_and_what_waits_is_told_with_what_it_would_change(room: Served) -> None:
    client = await signed_in(room, "the-viewer")
    text = (await client.get("/ui/policies")).text
    assert "company.toml" in text
    assert "the first of their kind" in text
    assert "Nothing is proposed" in text
    proposal = await proposed(room)
    text = (await client.get("/ui/policies")).text
    assert "agreed with the bank" in text
    assert "<strong>1 of 1</strong> decisions would come out otherwise" in text
    assert "An admin decides." in text
    assert f'action="/ui/policies/{proposal}' not in text
    one = (await client.get(f"/ui/policies/{proposal}")).text
    for said in ("draft.due_on", "2026-12-20", "2026-12-10", "/ui/shipments/SH1", "due_days = 20"):
        assert said in one, said
    assert (await client.get("/")).text.count('href="/ui/policies"') == 1


async def test_an_admin_approves_and_it_is_the_api_s_approval(room: Served) -> None:
    proposal = await proposed(room)
    client = await signed_in(room, "the-admin")
    assert f'action="/ui/policies/{proposal}/approve"' in (await client.get("/ui/policies")).text
    answer = await decided(client, proposal, "approve")
    assert (answer.status_code, answer.headers["location"]) == (303, f"/ui/policies/{proposal}?said=approved")
    assert "Approved. A worker may start" in (await client.get(answer.headers["location"])).text
    told = (await room.client.get(f"/policies/{proposal}")).json()
    assert (told["state"], told["decided_by"], told["decided_because"]) == ("approved", "the-admin", "the bank agreed")
    started(room, TWENTY_DAYS)
    text = (await client.get("/ui/policies")).text
    assert f'<td>ana</td><td><a href="/ui/policies/{proposal}">the-admin</a></td>' in text
    assert (await decided(client, proposal, "reject")).status_code == 409


async def test_a_change_is_shown_line_by_line(room: Served) -> None:
    """Against the file where only that has the first rules, then against what was approved."""
    first = await proposed(room)
    told = (await (await signed_in(room, "the-viewer")).get(f"/ui/policies/{first}")).text
    assert "-due_days = 30\n+due_days = 20" in told
    await decided(await signed_in(room, "the-admin"), first, "approve")
    started(room, TWENTY_DAYS)
    again = {**NEW, "text": TWENTY_DAYS.replace("due_days = 20", "due_days = 25")}
    second = (await posted(room, "/policies", again, 201))["id"]
    text = (await (await signed_in(room, "the-viewer")).get(f"/ui/policies/{second}")).text
    assert "-due_days = 20\n+due_days = 25" in text


async def test_a_file_of_other_rules_than_those_in_force_is_compared_with_nothing(served: Served) -> None:
    """What differs from it would not be what changes."""
    started(served, TWENTY_DAYS)
    changed = {**NEW, "text": TWENTY_DAYS.replace("due_days = 20", "due_days = 25")}
    proposal = (await posted(served, "/policies", changed, 201))["id"]
    with served.write() as session:
        people.create(session, "the-viewer", "", Role.VIEWER, SecretStr(PASSWORD))
    text = (await (await signed_in(served, "the-viewer")).get(f"/ui/policies/{proposal}")).text
    assert "Against the rules in force" not in text
    assert "due_days = 25" in text


async def test_a_rejection_and_a_withdrawal(room: Served) -> None:
    proposal = await proposed(room)
    answer = await decided(await signed_in(room, "the-admin"), proposal, "reject")
    assert answer.headers["location"].endswith("?said=rejected")
    own = await proposed(room, "The-Operator")
    client = await signed_in(room, "the-operator")
    assert f'action="/ui/policies/{own}/withdraw"' in (await client.get("/ui/policies")).text
    assert (await decided(client, own, "withdraw")).headers["location"].endswith("?said=withdrawn")
    listed = (await client.get("/ui/policies?state=rejected")).text
    assert listed.count(f'href="/ui/policies/{proposal}"') == 1
    assert f'href="/ui/policies/{own}"' not in listed


async def test_who_may_not_decide_does_not(room: Served) -> None:
    """By role, by having proposed it, by a form of another site, or without saying why."""
    proposal = await proposed(room)
    for name in ("the-viewer", "the-operator"):
        client = await signed_in(room, name)
        for act in ("approve", "reject"):
            assert (await decided(client, proposal, act)).status_code == 403
    assert (await decided(await signed_in(room, "the-viewer"), proposal, "withdraw")).status_code == 403
    assert (await decided(client, proposal, "withdraw")).status_code == 422  # somebody else's
    admin = await signed_in(room, "the-admin")
    for reason in ("no", " ", "a\0b because"):
        answer = await decided(admin, proposal, "approve", reason=reason)
        assert (answer.status_code, answer.headers["content-type"][:9]) == (422, "text/html"), reason
    for headers in ({"origin": "https://evil.test"}, {"sec-fetch-site": "cross-site"}):
        answer = await admin.post(f"/ui/policies/{proposal}/approve", data=REASON, headers=headers)
        assert answer.status_code == 403
    own = await proposed(room, "the-admin")
    assert "another person approves it" in (await admin.get(f"/ui/policies/{own}")).text
    answer = await decided(admin, own, "approve")
    assert answer.status_code == 422
    assert "needs a second person" in answer.text
    states = {one["state"] for one in (await room.client.get("/policies")).json()["items"]}
    assert states == {"proposed"}


async def test_a_proposal_that_is_not_there_is_told_on_a_page(room: Served) -> None:
    client = await signed_in(room, "the-admin")
    for answer in (await client.get("/ui/policies/none"), await decided(client, "none", "approve")):
        assert (answer.status_code, answer.headers["content-type"][:9]) == (404, "text/html")
    assert (await client.get("/ui/policies?kind=nonsense")).status_code == 422
