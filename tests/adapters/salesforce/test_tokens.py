"""Logging in: both flows, and what each refusal means and asks of a person."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from urllib.parse import parse_qs

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from pydantic import SecretStr, ValidationError

from adapters.salesforce.connection import SalesforceConnection, SalesforceNames, relationship
from adapters.salesforce.tokens import TokenKeeper
from domain import errors
from tests.adapters.salesforce.harness import MemoryVault, Twin, connection_to
from tests.adapters.salesforce.scripted import Answer, Scripted


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def bearer(url: str, key: rsa.RSAPrivateKey) -> SalesforceConnection:
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    return connection_to(url, client_secret=None, username="gateway@acme.example", private_key=SecretStr(pem))


def test_client_credentials_go_in_the_header_only(script: Scripted, vault: MemoryVault) -> None:
    grant = TokenKeeper(connection_to(script.url), vault).current()
    (login,) = script.logins()
    assert login.headers["authorization"] == "Basic " + base64.b64encode(b"twin-consumer:twin-consumer-secret").decode()
    assert parse_qs(login.body) == {"grant_type": ["client_credentials"]}
    assert grant.access_token.get_secret_value() == "token-1"
    assert grant.instance_url == script.url  # the trailing slash of the answer is gone
    assert grant.expires_at is not None
    assert 3500 < (grant.expires_at - datetime.now(UTC)).total_seconds() <= 3600


def test_a_signed_assertion_names_user_app_and_audience(
    script: Scripted, vault: MemoryVault, key: rsa.RSAPrivateKey
) -> None:
    TokenKeeper(bearer(script.url, key), vault).current()
    (login,) = script.logins()
    form = parse_qs(login.body)
    assert form["grant_type"] == ["urn:ietf:params:oauth:grant-type:jwt-bearer"]
    claims = jwt.decode(
        form["assertion"][0], key.public_key(), algorithms=["RS256"], audience="https://login.salesforce.com"
    )
    assert (claims["iss"], claims["sub"]) == ("twin-consumer", "gateway@acme.example")
    assert "authorization" not in login.headers


def test_the_twin_accepts_the_assertion(twin: Twin, vault: MemoryVault, key: rsa.RSAPrivateKey) -> None:
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    twin.control("PATCH", "/settings", {"jwt_public_key": public.decode()})
    connection = bearer(twin.url, key).model_copy(update={"username": "integration@twin.example"})
    assert TokenKeeper(connection, vault).current().instance_url == twin.url
    stranger = connection.model_copy(update={"username": "stranger@twin.example"})
    with pytest.raises(errors.NotAuthorized, match="Pre-authorise"):
        TokenKeeper(stranger, vault).current()


def test_the_twin_refuses_a_wrong_secret(twin: Twin, vault: MemoryVault) -> None:
    with pytest.raises(errors.NotAuthorized, match="client secret"):
        TokenKeeper(connection_to(twin.url, client_secret=SecretStr("wrong")), vault).current()


def test_a_key_that_is_none_is_a_setting(script: Scripted, vault: MemoryVault) -> None:
    connection = connection_to(script.url, client_secret=None, username="u", private_key=SecretStr("my-secret-key"))
    with pytest.raises(errors.Misconfigured) as raised:
        TokenKeeper(connection, vault).current()
    assert "my-secret-key" not in str(raised.value)
    assert script.seen == []


@pytest.mark.parametrize(
    ("refusal", "kind", "remedy"),
    [
        ((400, "invalid_grant", "authentication failure"), errors.NotAuthorized, "active"),
        ((400, "invalid_grant", "user hasn't approved this consumer"), errors.NotAuthorized, "Pre-authorise"),
        ((400, "invalid_grant", "no client credentials user enabled"), errors.NotAuthorized, "run-as user"),
        ((400, "invalid_grant", "audience is invalid"), errors.NotAuthorized, "audience"),
        ((400, "invalid_grant", "invalid assertion"), errors.NotAuthorized, "clock"),
        ((400, "invalid_client_id", "client identifier invalid"), errors.NotAuthorized, "client id"),
        ((401, "invalid_client", "invalid client credentials"), errors.NotAuthorized, "client id"),
        ((400, "unsupported_grant_type", "grant type not supported"), errors.Misconfigured, "Enable"),
        ((400, "invalid_grant", "request not supported on this domain"), errors.Misconfigured, "My Domain"),
        ((400, "invalid_grant", "login rate exceeded"), errors.RateLimited, ""),
        ((403, "odd", "new words"), errors.NotAuthorized, "credentials"),
    ],
)
def test_refusals(
    script: Scripted,
    vault: MemoryVault,
    refusal: tuple[int, str, str],
    kind: type[errors.GatewayError],
    remedy: str,
) -> None:
    status, error, description = refusal
    script.login = lambda _seen: Answer(status, {"error": error, "error_description": description})
    with pytest.raises(kind) as raised:
        TokenKeeper(connection_to(script.url), vault).current()
    assert remedy in raised.value.detail
    assert "twin-consumer-secret" not in raised.value.detail
    assert vault.saved == {}


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (Answer(503, "<html>maintenance</html>"), errors.Unavailable),
        (Answer(200, "<html>maintenance</html>"), errors.Unavailable),
        (Answer(200, {"token_type": "Bearer"}), errors.Unavailable),
        (Answer(404, "<html>not here</html>"), errors.Misconfigured),
        (Answer(302, None, headers={"Location": "https://login.example"}), errors.Misconfigured),
        (Answer(0), errors.Unavailable),
    ],
)
def test_a_login_that_is_answered_strangely(
    script: Scripted, vault: MemoryVault, answer: Answer, kind: type[errors.GatewayError]
) -> None:
    script.login = lambda _seen: answer
    with pytest.raises(kind):
        TokenKeeper(connection_to(script.url), vault).current()


@pytest.mark.parametrize(
    "url",
    [
        "http://acme.my.salesforce.com",
        "https://acme.lightning.force.com",
        "https://acme.my.salesforce.com/services/data",
        "ftp://acme",
        "https://user:pass@acme.my.salesforce.com",
        "acme.my.salesforce.com",
    ],
)
def test_addresses_that_cannot_be_meant_are_refused(url: str) -> None:
    with pytest.raises(ValidationError):
        connection_to(url)


def test_settings_say_what_they_need() -> None:
    with pytest.raises(ValidationError, match="client secret"):
        connection_to("https://acme.my.salesforce.com", client_secret=None)
    with pytest.raises(ValidationError):
        SalesforceNames.model_validate({"order": {"number": "X__c FROM Order--"}})
    sandbox = connection_to("https://acme--uat.sandbox.my.salesforce.com/")
    assert sandbox.jwt_audience == "https://test.salesforce.com"
    assert sandbox.url == "https://acme--uat.sandbox.my.salesforce.com"
    assert "twin-consumer-secret" not in repr(sandbox)
    assert (relationship("Order__c"), relationship("AccountId")) == ("Order__r", "Account")
