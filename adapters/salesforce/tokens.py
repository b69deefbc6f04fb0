"""The access token of one org: asked for by OAuth, kept in the vault, renewed by one worker for all."""

from __future__ import annotations

import base64
import threading
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import urlsplit

import jwt
import requests
from pydantic import BaseModel, ConfigDict, SecretStr

from adapters.salesforce.connection import SalesforceConnection
from adapters.salesforce.errors import Complaint, from_network, read_complaint
from adapters.salesforce.transport import open_session
from domain.errors import GatewayError, Misconfigured, NotAuthorized, RateLimited, Unavailable
from domain.sources import System
from domain.tokens import TokenSet, TokenVault

_ASSERTION_LIFE = timedelta(minutes=3)
_BEARER: Final = "urn:ietf:params:oauth:grant-type:jwt-bearer"

# What the token endpoint says, and what a person has to do about it. The first phrase that is found counts.
_REMEDIES: Mapping[str, str] = {
    "hasn't approved this consumer": "Pre-authorise the integration user for the external client app.",
    "no client credentials user": "Choose a run-as user in the external client app's client credentials policy.",
    "audience": "Check the JWT audience: the login host of production or of sandboxes.",
    "assertion": "Check the private key against the certificate of the app, and this machine's clock.",
    "client": "Check the client id and the client secret.",
    "authentication failure": "Check that the integration user is active and not limited by login hours or addresses.",
    "expired": "Check this machine's clock and the integration user.",
}
_SETTINGS: Mapping[str, str] = {
    "unsupported_grant_type": "Enable this login flow in the external client app.",
    "domain": "Use the My Domain address of the org as the Salesforce URL.",
}


class Grant(BaseModel):
    """An access token and the base of the org that accepts it."""

    model_config = ConfigDict(frozen=True)

    access_token: SecretStr
    instance_url: str
    expires_at: datetime | None

    @property
    def is_due(self) -> bool:
        """True when it should be renewed before it is used: Salesforce does not say how long a token lives."""
        return self.expires_at is not None and self.expires_at <= datetime.now(UTC)


class TokenKeeper:
    """Hands out the current grant. Thread-safe; the vault's row lock makes it safe across processes as well."""

    def __init__(self, connection: SalesforceConnection, vault: TokenVault) -> None:
        self._connection = connection
        self._vault = vault
        self._lock = threading.Lock()
        self._grant: Grant | None = None

    def current(self) -> Grant:
        """The grant to use now: from memory, else from the vault, else by logging in."""
        with self._lock:
            if self._grant is None:
                self._grant = self._saved()
            if self._grant is None or self._grant.is_due:
                self._grant = self._renewed(self._grant)
            return self._grant

    def replace(self, failed: Grant) -> Grant:
        """The grant to use after Salesforce refused `failed`: a newer one if there is one already, else a new login."""
        with self._lock:
            if self._grant is None or self._grant.access_token == failed.access_token:
                self._grant = self._renewed(failed)
            return self._grant

    def _saved(self) -> Grant | None:
        saved = self._vault.read(System.SALESFORCE, self._connection.account)
        return _grant(saved) if saved is not None and saved.access_token is not None else None

    def _renewed(self, stale: Grant | None) -> Grant:
        token = stale.access_token.get_secret_value() if stale is not None else None
        renewed = self._vault.renew(System.SALESFORCE, self._connection.account, token, self._log_in)
        return _grant(renewed)

    def _log_in(self, _saved: TokenSet | None) -> TokenSet:
        """Ask the token endpoint for a new token.

        Raises NotAuthorized, Misconfigured, RateLimited, Unavailable or TimedOut.
        """
        failure: GatewayError
        try:
            with open_session(self._connection, lambda _usage: None) as session:
                answer = session.post(
                    f"https://{urlsplit(self._connection.url).netloc}/services/oauth2/token",
                    data=self._question(),
                    headers=self._proof(),
                    allow_redirects=False,
                )
                return self._read(answer)
        except requests.RequestException as error:
            failure = from_network(error, write=False)
        raise failure  # outside the handler: nothing of the request hangs on to it

    def _question(self) -> dict[str, str]:
        if self._connection.client_secret is not None:
            return {"grant_type": "client_credentials"}
        return {"grant_type": _BEARER, "assertion": self._assertion()}

    def _proof(self) -> dict[str, str]:
        if self._connection.client_secret is None:
            return {}
        pair = f"{self._connection.client_id}:{self._connection.client_secret.get_secret_value()}"
        return {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}

    def _assertion(self) -> str:
        key = self._connection.private_key
        claims: dict[str, object] = {
            "iss": self._connection.client_id,
            "sub": self._connection.username,
            "aud": self._connection.jwt_audience,
            "exp": int((datetime.now(UTC) + _ASSERTION_LIFE).timestamp()),
        }
        signed = _signed(claims, key.get_secret_value() if key else "")
        if signed is None:
            raise Misconfigured("The Salesforce private key cannot be used: give an RSA key in PEM form.", reason="key")
        return signed

    def _read(self, answer: requests.Response) -> TokenSet:
        if answer.status_code != 200:
            raise _refusal(answer)
        body = answer.json()
        token = body.get("access_token") if isinstance(body, dict) else None
        if not isinstance(token, str) or not token:
            raise Unavailable("Salesforce answered the login without a token.", reason="no_token")
        return TokenSet(
            access_token=SecretStr(token),
            expires_at=datetime.now(UTC) + self._connection.session_life,
            instance_url=_base(body.get("instance_url"), self._connection.url),
        )


def _signed(claims: dict[str, object], key: str) -> str | None:
    """The signed assertion, or None when the key is unusable; the error may quote the key, so it is dropped."""
    try:
        return jwt.encode(claims, key, algorithm="RS256")
    except (ValueError, TypeError, jwt.PyJWTError):
        return None


def _grant(tokens: TokenSet) -> Grant:
    if tokens.access_token is None or tokens.instance_url is None:
        raise Misconfigured(
            "The saved Salesforce token is incomplete: remove it from the vault.", reason="token_record"
        )
    return Grant(access_token=tokens.access_token, instance_url=tokens.instance_url, expires_at=tokens.expires_at)


def _base(stated: object, fallback: str) -> str:
    """Scheme and host of the stated instance: a path or a trailing slash in it would spoil every later URL."""
    parts = urlsplit(stated if isinstance(stated, str) and stated else fallback)
    return f"{parts.scheme}://{parts.netloc}"


def _refusal(answer: requests.Response) -> GatewayError:
    """What a login that failed means; the words of Salesforce are kept short and the body is never shown."""
    try:
        complaint = read_complaint(answer.json())
    except requests.JSONDecodeError:
        complaint = Complaint("", "")
    if answer.status_code == 429 or "rate exceeded" in complaint.message.lower():
        return RateLimited("Salesforce limits logins for now.", reason="login_rate", retry_after=timedelta(minutes=15))
    if answer.status_code >= 500:
        return Unavailable(
            f"Salesforce's login answered with status {answer.status_code}.", reason=complaint.code or None
        )
    return _credentials_refused(answer.status_code, complaint)


def _credentials_refused(status: int, complaint: Complaint) -> GatewayError:
    said = f"{complaint.code} {complaint.message}".lower()
    words = f"Salesforce refused the login ({status} {complaint.code or 'without a reason'}: {complaint.sentence})."
    for phrase, remedy in _SETTINGS.items():
        if phrase in said:
            return Misconfigured(f"{words} {remedy}", reason=complaint.code)
    for phrase, remedy in _REMEDIES.items():
        if phrase in said:
            return NotAuthorized(f"{words} {remedy}", reason=complaint.code)
    if not complaint.code:
        return Misconfigured(f"{words} Check the Salesforce URL (My Domain).", reason=f"http_{status}")
    return NotAuthorized(f"{words} Check the credentials of the integration user.", reason=complaint.code)
