"""Sign-in by an OpenID provider: the protocol alone (discovery, code with PKCE, state, nonce, the ID token).

`begin` sends a browser to the provider, `finish` takes it back and says who it is; whoever calls them signs them in.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import secrets
from collections.abc import Mapping
from threading import Lock
from time import monotonic
from typing import Any, Final
from urllib.parse import urlsplit

import structlog
from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from authlib.oidc.core import CodeIDToken
from authlib.oidc.discovery import OpenIDProviderMetadata
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from fastapi import Request
from fastapi.responses import RedirectResponse, Response
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry
from pydantic import BaseModel, ConfigDict
from requests import RequestException

from domain.errors import GatewayError, Malformed, NotAuthorized, Unavailable
from runtime.sign_in import ROLES, OidcSettings, Role
from runtime.vendors import loopback

COOKIE: Final = "threeway_oidc"
MINUTES_TO_SIGN_IN: Final = 10
TIMEOUT_SECONDS: Final = 10
KEPT_SECONDS: Final = 3600.0  # the provider's description and keys
KEYS_AGAIN_SECONDS: Final = 30.0  # a token of an unknown key makes us ask for keys no more often
LEEWAY_SECONDS: Final = 60
ENDPOINTS: Final = ("authorization_endpoint", "token_endpoint", "jwks_uri")
# Signatures by the provider's own key. A shared secret signs nothing here: whoever has the client's could be anybody.
ALGORITHMS: Final = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]

log = structlog.get_logger()


class Identity(BaseModel):
    """Who signed in, and where they wanted `to`. `subject`: the provider's own name of them, never another person's."""

    model_config = ConfigDict(frozen=True)

    name: str
    full_name: str
    role: Role
    subject: str
    to: str


class OidcSignIn:
    """One provider. Its description and keys are fetched when they are needed, and kept for an hour."""

    def __init__(self, settings: OidcSettings) -> None:
        self._settings = settings
        keys = [Fernet(one) for one in settings.cookie_keys.get_secret_value().split(",")]
        self._cookies = MultiFernet(keys)
        self._lock = Lock()
        self._described: tuple[float, dict[str, Any]] | None = None
        self._keys: tuple[float, KeySet] | None = None

    async def begin(self, request: Request, to: str = "/") -> RedirectResponse:
        """Send the browser to the provider; a cookie that only we can read remembers what has to come back.

        Raises Unavailable where the provider cannot be reached.
        """
        described = await asyncio.to_thread(self._description)
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        with self._session() as session:
            address, _ = session.create_authorization_url(
                described["authorization_endpoint"], state=state, nonce=nonce, code_verifier=verifier
            )
        answer = RedirectResponse(address, 303)
        kept = json.dumps({"state": state, "nonce": nonce, "verifier": verifier, "to": to})
        answer.set_cookie(
            COOKIE,
            self._cookies.encrypt(kept.encode()).decode(),
            max_age=MINUTES_TO_SIGN_IN * 60,
            httponly=True,
            samesite="lax",  # the provider sends the browser back from another site
            secure=request.url.scheme == "https" or self._settings.callback.startswith("https:"),
        )
        return answer

    async def finish(self, request: Request) -> Identity:
        """Who the browser that the provider sent back is. Afterwards `forget` takes the cookie from it.

        Raises Malformed for a sign-in that did not begin here or took too long, NotAuthorized where the provider or
        its token says no or the person has no role, and Unavailable where the provider cannot be reached.
        """
        kept = self._kept(request)
        given = request.query_params.get("state", "")
        if not hmac.compare_digest(given.encode(), kept["state"].encode()):
            raise Malformed("This sign-in did not begin in this browser. Begin again.", reason="state")
        if refusal := request.query_params.get("error"):
            raise NotAuthorized("The provider did not sign you in.", reason=refusal[:80])
        code = request.query_params.get("code")
        if not code:
            raise Malformed("The provider sent no code. Begin again.", reason="code")
        claims = await asyncio.to_thread(self._claims, code, kept)
        return self._identity(claims, kept["to"])

    @staticmethod
    def forget(answer: Response) -> None:
        """Take the cookie of a sign-in from the browser, whatever came of it."""
        answer.delete_cookie(COOKIE)

    def _kept(self, request: Request) -> dict[str, str]:
        try:
            token = request.cookies.get(COOKIE, "").encode()
            kept: dict[str, str] = json.loads(self._cookies.decrypt(token, ttl=MINUTES_TO_SIGN_IN * 60))
        except (InvalidToken, ValueError):
            detail = (
                f"This sign-in did not begin in this browser, or more than {MINUTES_TO_SIGN_IN} min ago. Begin again."
            )
            raise Malformed(detail, reason="cookie") from None
        return kept

    def _claims(self, code: str, kept: Mapping[str, str]) -> dict[str, Any]:
        """Change the code for the ID token, and believe it only after every check."""
        described = self._description()
        try:
            with self._session() as session:
                token = session.fetch_token(
                    described["token_endpoint"],
                    code=code,
                    code_verifier=kept["verifier"],
                    timeout=TIMEOUT_SECONDS,
                    allow_redirects=False,
                )
        except OAuthError as error:
            raise NotAuthorized("The provider did not take the code. Begin again.", reason=error.error) from None
        except (RequestException, ValueError) as error:
            raise _away(error) from None
        return self._checked(token, described["issuer"], kept["nonce"])

    def _checked(self, token: Mapping[str, Any], issuer: str, nonce: str) -> dict[str, Any]:
        """Signature, issuer, audience, expiry, nonce, and that the access token belongs to it."""
        options = {
            "iss": {"essential": True, "value": issuer},
            "aud": {"essential": True, "value": self._settings.client_id},
        }
        params = {"nonce": nonce, "client_id": self._settings.client_id, "access_token": token.get("access_token")}
        try:
            decoded = self._decoded(str(token.get("id_token", "")))
            claims = CodeIDToken(decoded.claims, decoded.header, options, params)
            claims.validate(leeway=LEEWAY_SECONDS)
        except (JoseError, ValueError, KeyError, TypeError) as error:
            log.warning("an ID token is not believed", why=type(error).__name__)
            detail = "What the provider says cannot be believed, so nobody is signed in. An admin finds why in the log."
            raise NotAuthorized(detail, reason=type(error).__name__) from None
        return dict(claims)

    def _decoded(self, text: str) -> jwt.Token:
        registry = JWSRegistry(algorithms=ALGORITHMS, strict_check_header=False)
        try:
            return jwt.decode(text, key=self._key_set(KEPT_SECONDS), registry=registry)
        except (InvalidKeyIdError, ValueError):  # the provider may have a new key
            return jwt.decode(text, key=self._key_set(KEYS_AGAIN_SECONDS), registry=registry)

    def _identity(self, claims: Mapping[str, Any], to: str) -> Identity:
        name, subject = claims.get(self._settings.name_claim), str(claims["sub"])
        if not isinstance(name, str) or not name.strip():
            detail = f"The provider does not tell your name ({self._settings.name_claim})."
            raise NotAuthorized(detail, reason="name")
        if self._settings.name_claim == "email" and claims.get("email_verified") is not True:
            raise NotAuthorized("The provider has not verified your address.", reason="email_verified")
        role = self._role(claims.get(self._settings.role_claim))
        if role is None:
            raise NotAuthorized("You are known to the provider, and have no role here. Ask an admin.", reason="role")
        full_name = claims.get("name")
        shown = full_name if isinstance(full_name, str) and full_name.strip() else name
        return Identity(name=name.strip(), full_name=shown.strip(), role=role, subject=subject, to=to)

    def _role(self, said: object) -> Role | None:
        """The highest role of those that the values of the claim give."""
        values = [said] if isinstance(said, str) else said if isinstance(said, list) else []
        given = {self._settings.roles[one] for one in values if isinstance(one, str) and one in self._settings.roles}
        return next((role for role in reversed(ROLES) if role in given), None)

    def _session(self) -> OAuth2Session:
        found = self._settings
        return OAuth2Session(
            found.client_id,
            found.client_secret.get_secret_value(),
            scope=found.scopes,
            redirect_uri=found.callback,
            code_challenge_method="S256",
        )

    def _description(self) -> dict[str, Any]:
        """The provider's description of itself, which has to name the very issuer that is configured."""
        with self._lock:
            if self._described is not None and monotonic() - self._described[0] < KEPT_SECONDS:
                return self._described[1]
            found: dict[str, Any] = OpenIDProviderMetadata(
                _fetched(f"{self._settings.issuer}/.well-known/openid-configuration")
            )
            if odd := self._odd(found):
                detail = f"The provider describes itself otherwise than is safe: {', '.join(odd)}."
                raise NotAuthorized(detail, reason="discovery")
            self._described = (monotonic(), found)
            return found

    def _odd(self, found: Mapping[str, Any]) -> list[str]:
        """What of a description is not of this issuer, or leads over an open connection."""
        odd = [name for name in ENDPOINTS if not _is_safe(str(found.get(name)))]
        return odd if str(found.get("issuer", "")).rstrip("/") == self._settings.issuer else ["issuer", *odd]

    def _key_set(self, kept_seconds: float) -> KeySet:
        described = self._description()
        with self._lock:
            if self._keys is None or monotonic() - self._keys[0] >= kept_seconds:
                self._keys = (monotonic(), KeySet.import_key_set(_fetched(described["jwks_uri"])))  # type: ignore[arg-type]
            return self._keys[1]


def _fetched(address: str) -> dict[str, Any]:
    try:
        with OAuth2Session() as session:
            answer = session.get(address, withhold_token=True, timeout=TIMEOUT_SECONDS, allow_redirects=False)
            answer.raise_for_status()
            found = answer.json()
    except (RequestException, ValueError) as error:
        raise _away(error) from None
    if not isinstance(found, dict):
        raise Unavailable("The provider answers with something else than is asked for.")
    return found


def _is_safe(address: str) -> bool:
    """Whether an address is encrypted, or on this machine."""
    return urlsplit(address).scheme == "https" or loopback(address)


def _away(error: Exception) -> GatewayError:
    return Unavailable(f"The provider cannot be reached ({type(error).__name__}). Try again in a moment.")
