"""Tokens, sessions, versions and the count of calls."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
import requests
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

GRANT = {"grant_type": "client_credentials"}
CLIENT = {"client_id": "twin-consumer", "client_secret": "twin-consumer-secret"}
JWT_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"


def token(caller: Any, form: dict[str, str], **more: Any) -> requests.Response:
    return requests.post(f"{caller.base}/services/oauth2/token", data=form, timeout=10, **more)


def test_client_credentials_in_header_or_body(caller: Any) -> None:
    by_header = token(caller, GRANT, auth=("twin-consumer", "twin-consumer-secret"))
    by_body = token(caller, {**GRANT, **CLIENT})
    assert by_header.status_code == by_body.status_code == 200
    answer = by_body.json()
    assert answer["instance_url"] == caller.base
    assert answer["token_type"] == "Bearer"
    assert answer["issued_at"].isdigit()
    assert "expires_in" not in answer
    assert {"access_token", "id", "signature", "token_format"} <= set(answer)


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({**GRANT, **CLIENT, "client_secret": "wrong"}, "invalid_client"),
        ({**GRANT, **CLIENT, "client_id": "wrong"}, "invalid_client_id"),
        ({"grant_type": "authorization_code"}, "unsupported_grant_type"),
        ({"grant_type": "password", **CLIENT, "username": "x", "password": "y"}, "invalid_grant"),
        ({"grant_type": JWT_GRANT, "assertion": "nonsense"}, "invalid_grant"),
    ],
)
def test_refused_grants(caller: Any, form: dict[str, str], error: str) -> None:
    answer = token(caller, form)
    assert answer.status_code == 400
    assert answer.json()["error"] == error
    assert answer.json()["error_description"]


def test_client_credentials_need_my_domain(caller: Any) -> None:
    assert token(caller, {**GRANT, **CLIENT}, headers={"Host": "login.salesforce.com"}).status_code == 400
    own = token(caller, {**GRANT, **CLIENT}, headers={"Host": "acme.my.salesforce.com"})
    assert own.json()["instance_url"] == "https://acme.my.salesforce.com"


def test_password_grant_when_switched_on(caller: Any) -> None:
    form = {"grant_type": "password", **CLIENT, "username": "integration@twin.example", "password": "twin-password"}
    assert token(caller, form).json()["error_description"] == "authentication failure"
    caller.control("PATCH", "/settings", {"password_grant": True})
    assert token(caller, form).status_code == 200
    assert token(caller, {**form, "password": "wrong"}).status_code == 400


@pytest.fixture
def key(caller: Any) -> Iterator[rsa.RSAPrivateKey]:
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public = private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    caller.control("PATCH", "/settings", {"jwt_public_key": public.decode()})
    return private


@pytest.mark.parametrize(
    ("changes", "description"),
    [
        ({}, None),
        ({"exp": "text"}, None),
        ({"aud": "https://elsewhere.example"}, "audience is invalid"),
        ({"sub": "somebody@else.example"}, "user hasn't approved this consumer"),
        ({"iss": "another"}, "client identifier invalid"),
        ({"exp": -10}, "assertion has expired or is valid for too long"),
        ({"exp": 3600}, "assertion has expired or is valid for too long"),
    ],
)
def test_jwt_bearer(caller: Any, key: rsa.RSAPrivateKey, changes: dict[str, Any], description: str | None) -> None:
    claims = {"iss": "twin-consumer", "sub": "integration@twin.example", "aud": "https://login.salesforce.com"}
    seconds = changes.get("exp", 180)
    expires = int((datetime.now(UTC) + timedelta(seconds=180 if seconds == "text" else seconds)).timestamp())
    claims |= {**changes, "exp": str(expires) if seconds == "text" else expires}
    answer = token(caller, {"grant_type": JWT_GRANT, "assertion": jwt.encode(claims, key, "RS256")})
    assert answer.status_code == (400 if description else 200)
    assert answer.json().get("error_description") == description


def test_another_key_does_not_sign(caller: Any, key: rsa.RSAPrivateKey) -> None:
    stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    answer = token(caller, {"grant_type": JWT_GRANT, "assertion": jwt.encode({"iss": "x"}, stranger, "RS256")})
    assert answer.json()["error_description"] == "invalid assertion"


def test_session_ends_by_time_and_on_command(caller: Any) -> None:
    assert caller.call("GET", "/limits/").status_code == 200
    caller.control("PATCH", "/clock", {"advance_seconds": 7199})
    assert caller.call("GET", "/limits/").status_code == 200
    caller.control("PATCH", "/clock", {"advance_seconds": 2})
    expired = (401, "INVALID_SESSION_ID", "Session expired or invalid")
    assert caller.refusal("GET", "/limits/") == expired
    caller.log_in()
    assert caller.call("GET", "/limits/").status_code == 200
    caller.control("POST", "/tokens/expire")
    assert caller.refusal("GET", "/limits/") == expired


def test_odd_bodies_of_401(caller: Any) -> None:
    caller.control("PATCH", "/settings", {"always_unauthorised": True, "unauthorised_body": "empty"})
    assert caller.call("GET", "/limits/").text == ""
    caller.control("PATCH", "/settings", {"unauthorised_body": "dict"})
    answer = caller.call("GET", "/limits/")
    assert answer.status_code == 401
    assert isinstance(answer.json(), dict)


def test_versions(caller: Any) -> None:
    listed = requests.get(f"{caller.base}/services/data/", timeout=10)
    assert listed.json()[-1] == {"label": "Winter '27", "url": "/services/data/v68.0", "version": "68.0"}
    assert {entry["version"]: entry["label"] for entry in listed.json()}["64.0"] == "Summer '25"
    assert "Sforce-Limit-Info" not in listed.headers
    for version, status in (("v30.0", 410), ("v69.0", 404), ("v67.1", 404), ("x", 404), ("v45.0", 200)):
        answer = caller.http.get(f"{caller.base}/services/data/{version}/limits", timeout=10)
        assert answer.status_code == status, version
    assert caller.call("GET", "/").json()["sobjects"] == "/services/data/v67.0/sobjects"


def test_calls_are_counted(caller: Any) -> None:
    first = caller.call("GET", "/limits/")
    second = caller.call("GET", "/limits")
    assert first.headers["Sforce-Limit-Info"] == "api-usage=1/100000"
    assert second.headers["Sforce-Limit-Info"] == "api-usage=2/100000"
    assert second.json()["DailyApiRequests"] == {"Max": 100000, "Remaining": 99998}
    assert second.headers["Content-Type"] == "application/json;charset=UTF-8"
    caller.control("PATCH", "/settings", {"daily_limit": 2})
    assert caller.refusal("GET", "/limits") == (403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")


@pytest.mark.parametrize("path", ["/nonsense", "/sobjects/Nonsense", "/composite/batch", "/jobs/query"])
def test_unknown_resources(caller: Any, path: str) -> None:
    assert caller.refusal("GET", path) == (404, "NOT_FOUND", "The requested resource does not exist")
