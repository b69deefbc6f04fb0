"""Discovery, tokens, rotation, revocation and what the gateway refuses (sandbox checklist S1 to S4)."""

from __future__ import annotations

import httpx
import pytest

from twins.quickbooks.app import create_app

from .conftest import REALM, Client


def test_discovery_names_six_addresses_on_its_own_host(twin: Client) -> None:
    for path in ("openid_configuration", "openid_configuration/", "openid_sandbox_configuration/"):
        document = twin.session.get(f"{twin.base}/.well-known/{path}", timeout=5).json()
        assert set(document) == {
            "issuer",
            "authorization_endpoint",
            "token_endpoint",
            "userinfo_endpoint",
            "revocation_endpoint",
            "jwks_uri",
        }
        assert all(address.startswith(twin.base) for address in document.values())


def test_every_refresh_rotates_and_the_old_token_has_a_grace(twin: Client) -> None:
    first = twin.grant().json()
    assert (first["token_type"], first["expires_in"]) == ("bearer", 3600)
    second = twin.grant(first["refresh_token"]).json()
    assert len({"twin-refresh-token", first["refresh_token"], second["refresh_token"]}) == 3
    assert twin.grant(first["refresh_token"]).status_code == 200
    twin.control("PATCH", "clock", {"advance_seconds": 86_401})
    answer = twin.grant(first["refresh_token"])
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
    assert answer.headers["intuit_tid"]
    assert twin.grant(second["refresh_token"]).status_code == 200


def test_without_grace_the_old_token_dies_at_once(twin: Client) -> None:
    twin.settings(refresh_grace_seconds=0)
    token = twin.grant().json()["refresh_token"]
    assert twin.grant().json()["error"] == "invalid_grant"
    assert twin.grant(token).status_code == 200


def test_rotation_can_be_switched_off(twin: Client) -> None:
    twin.settings(rotate_refresh_token=False)
    assert twin.grant().json()["refresh_token"] == "twin-refresh-token"


def test_client_must_authenticate_and_send_a_form(twin: Client) -> None:
    wrong = twin.grant(secret="wrong")
    assert (wrong.status_code, wrong.json()["error"]) == (401, "invalid_client")
    url = f"{twin.base}/oauth2/v1/tokens/bearer"
    body = {"grant_type": "refresh_token", "refresh_token": "twin-refresh-token"}
    assert twin.session.post(url, data=body, timeout=5).status_code == 401
    answer = twin.session.post(url, json=body, auth=("twin-client", "twin-secret"), timeout=5)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


def test_revoked_means_reconnect(twin: Client) -> None:
    token = twin.grant().json()["refresh_token"]
    url = f"{twin.base}/v2/oauth2/tokens/revoke"
    answer = twin.session.post(url, json={"token": token}, auth=("twin-client", "twin-secret"), timeout=5)
    assert answer.status_code == 200
    assert twin.grant(token).json()["error"] == "invalid_grant"
    assert twin.get("preferences").status_code == 401
    form = {"grant_type": "authorization_code", "code": "twin-code", "redirect_uri": "http://localhost/callback"}
    again = twin.session.post(
        f"{twin.base}/oauth2/v1/tokens/bearer", data=form, auth=("twin-client", "twin-secret"), timeout=5
    )
    twin.token = again.json()["access_token"]
    assert twin.get("preferences").status_code == 200


def test_authorization_redirects_with_code_state_and_realm(twin: Client) -> None:
    url = f"{twin.base}/connect/oauth2?redirect_uri=http://localhost/callback&state=s1"
    answer = twin.session.get(url, allow_redirects=False, timeout=5)
    assert answer.headers["location"] == f"http://localhost/callback?code=twin-code&state=s1&realmId={REALM}"


@pytest.mark.parametrize("token", ["", "unknown"])
def test_unknown_bearer_is_refused_by_the_gateway(twin: Client, token: str) -> None:
    twin.token = token
    answer = twin.get("preferences")
    fault = answer.json()["fault"]
    assert (answer.status_code, fault["error"][0]["code"], fault["type"]) == (401, "3200", "AUTHENTICATION")


def test_access_token_expires_by_the_twins_clock(twin: Client) -> None:
    twin.control("PATCH", "clock", {"advance_seconds": 3599})
    assert twin.get("preferences").status_code == 200
    twin.control("PATCH", "clock", {"advance_seconds": 2})
    assert twin.get("preferences").status_code == 401


def test_other_company_is_forbidden(twin: Client) -> None:
    headers = {"Authorization": f"Bearer {twin.token}", "Accept": "application/json"}
    answer = twin.session.get(f"{twin.base}/v3/company/1/preferences", headers=headers, timeout=5)
    error = answer.json()["fault"]["error"][0]
    assert (answer.status_code, error["code"]) == (403, "3100")
    assert "errorCode=003100; statusCode=403" in error["message"]


def test_every_answer_has_the_vendors_headers(twin: Client) -> None:
    answers = [twin.get("preferences"), twin.get("invoice/99"), twin.get("nonsense"), twin.post("invoice", "{")]
    twin.token = ""
    answers.append(twin.get("preferences"))
    for answer in answers:
        assert answer.headers["intuit_tid"]
        assert answer.headers["content-type"] == "application/json;charset=UTF-8"
        assert int(answer.headers["content-length"]) == len(answer.content)
    assert len({answer.headers["intuit_tid"] for answer in answers}) == len(answers)


async def test_control_plane_answers_on_the_loopback_only() -> None:
    app = create_app()
    for address, status in (("127.0.0.1", 200), ("10.0.0.9", 403)):
        transport = httpx.ASGITransport(app, client=(address, 4000))
        async with httpx.AsyncClient(transport=transport, base_url="http://twin") as client:
            assert (await client.get("/__twin__/health")).status_code == status
            assert (await client.get("/.well-known/openid_configuration")).status_code == 200
    app.database.close()
