"""Access tokens for QuickBooks: kept in the vault, renewed shortly before they end and after a refusal."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import requests
from pydantic import SecretStr

from adapters.quickbooks.connection import QuickBooksConnection
from adapters.quickbooks.errors import THROTTLE_PAUSE
from adapters.quickbooks.transport import prepare
from domain.errors import GatewayError, Misconfigured, NotAuthorized, RateLimited, Transient, Unavailable
from domain.sources import System
from domain.tokens import TokenSet, TokenVault

log = logging.getLogger(__name__)

RENEW_BEFORE_END = timedelta(minutes=5)
RENEW_HOLD_OFF = timedelta(seconds=30)  # a failed early renewal is not tried again by every call


class QuickBooksTokens:
    """The tokens of one company, in the shape that the client library expects of an auth client.

    The vault renews under a row lock and saves before use, so two workers never renew at once and a lost answer leaves
    the saved tokens as they were (case X2). Thread-safe.
    """

    environment = "production"  # the library asks; the address itself comes from the connection

    def __init__(
        self,
        connection: QuickBooksConnection,
        vault: TokenVault,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.client_id = connection.client_id
        self._connection = connection
        self._vault = vault
        self._now = now
        self._tokens: TokenSet | None = None
        self._token_endpoint: str | None = None
        self._hold_off_until: datetime | None = None
        self._renewing = threading.Lock()
        self._session = requests.Session()
        prepare(self._session, connection.timeouts)

    @property
    def access_token(self) -> str | None:
        """The access token as last known here, without asking anybody."""
        return _reveal(self._tokens.access_token) if self._tokens else None

    @property
    def refresh_token(self) -> str | None:
        """The refresh token as last known here, without asking anybody."""
        return _reveal(self._tokens.refresh_token) if self._tokens else None

    def refresh(self, refresh_token: str | None = None) -> None:  # noqa: ARG002 - the vault knows the right one
        """Renew, as the client library asks for it."""
        self.renew(self.access_token)

    def current(self) -> str:
        """An access token to use now; renews it when it is about to end. Errors as in `renew`."""
        tokens = self._tokens or self._vault.read(System.QUICKBOOKS, self._connection.realm_id)
        self._tokens = tokens
        token = _reveal(tokens.access_token) if tokens else None
        if tokens is None or token is None:
            return self.renew(None)
        if self._lasts(tokens, RENEW_BEFORE_END):
            return token
        return self._renew_early(tokens, token)

    def renew(self, stale: str | None) -> str:
        """Replace the access token `stale`, unless somebody has done so already; returns the token to use.

        NotAuthorized: a person must connect again. Misconfigured: our client id or secret is wrong. Unavailable,
        RateLimited: try again later; the saved tokens are unchanged.
        """
        with self._renewing:
            known = self.access_token
            if known is not None and known != stale:
                return known
            self._tokens = self._vault.renew(System.QUICKBOOKS, self._connection.realm_id, stale, self._fetch)
            token = self.access_token
        if token is None:
            raise NotAuthorized("There is no access token for QuickBooks: connect QuickBooks again.")
        return token

    def close(self) -> None:
        """Close the connections to the token server."""
        self._session.close()

    def _lasts(self, tokens: TokenSet, margin: timedelta) -> bool:
        return tokens.expires_at is None or tokens.expires_at > self._now() + margin

    def _renew_early(self, tokens: TokenSet, token: str) -> str:
        """Renew a token that still works: when the token server is out of order, the old one serves until its end."""
        still_good = self._lasts(tokens, timedelta())
        if still_good and self._hold_off_until is not None and self._now() < self._hold_off_until:
            return token
        try:
            return self.renew(token)
        except Transient as error:
            if not still_good:
                raise
            self._hold_off_until = self._now() + RENEW_HOLD_OFF
            log.warning(
                "early renewal of the QuickBooks token failed (%s); the old one is used until it ends", error.code
            )
            return token

    def _fetch(self, saved: TokenSet | None) -> TokenSet:
        """Renew with the saved refresh token; with the configured one at first, or when that one is newer."""
        stored = _reveal(saved.refresh_token) if saved else None
        configured = _reveal(self._connection.refresh_token)
        if stored is None and configured is None:
            raise NotAuthorized("QuickBooks has not been connected: connect QuickBooks again.", reason="not_connected")
        if stored is None or configured in {None, stored}:
            return self._exchange(stored or configured or "")
        try:
            return self._exchange(stored)
        except NotAuthorized:
            return self._exchange(configured or "")

    def _exchange(self, refresh_token: str) -> TokenSet:
        """Trade a refresh token at the token endpoint; the answer may bring a new refresh token or keep the old one."""
        form = {"grant_type": "refresh_token", "refresh_token": refresh_token}
        status, body = self._call("POST", self._endpoint(), form)
        if status != 200:
            raise _refusal(status, body)
        access_token, seconds = body.get("access_token"), body.get("expires_in")
        if not isinstance(access_token, str) or not str(seconds).isdigit():
            raise Unavailable("The QuickBooks token server gave an answer without a token: it is asked again later.")
        return TokenSet(
            access_token=SecretStr(access_token),
            refresh_token=SecretStr(str(body.get("refresh_token") or refresh_token)),
            expires_at=self._now() + timedelta(seconds=int(str(seconds))),
        )

    def _endpoint(self) -> str:
        """The token endpoint, from the discovery document; read once."""
        if self._token_endpoint is None:
            status, body = self._call("GET", self._connection.discovery_url)
            endpoint = body.get("token_endpoint")
            if status >= 500 or status == 429:
                raise Unavailable("The QuickBooks discovery document cannot be read now: it is read again later.")
            if status != 200 or not isinstance(endpoint, str):
                raise Misconfigured(
                    "The QuickBooks discovery address holds no discovery document: correct the address."
                )
            self._token_endpoint = endpoint
        return self._token_endpoint

    def _call(self, method: str, url: str, form: Mapping[str, str] | None = None) -> tuple[int, Mapping[str, Any]]:
        secret = self._connection.client_secret.get_secret_value()
        try:
            response = self._session.request(
                method,
                url,
                data=form,
                auth=(self.client_id, secret) if form else None,
                headers={"Accept": "application/json"},
                allow_redirects=False,
            )
        except requests.RequestException as error:
            raise Unavailable("The QuickBooks token server cannot be reached: check the network.") from error
        return response.status_code, _object(response)


def _reveal(secret: SecretStr | None) -> str | None:
    return secret.get_secret_value() if secret else None


def _object(response: requests.Response) -> Mapping[str, Any]:
    try:
        body = response.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _refusal(status: int, body: Mapping[str, Any]) -> GatewayError:
    error = str(body.get("error") or "")
    if status == 429:
        return RateLimited("The QuickBooks token server asks us to slow down.", retry_after=THROTTLE_PAUSE)
    if status >= 500 or not (error or status >= 400):
        return Unavailable("The QuickBooks token server is failing: it is asked again later.", reason=f"http_{status}")
    if error == "invalid_grant":
        return NotAuthorized("QuickBooks no longer accepts our refresh token: connect QuickBooks again.", reason=error)
    return Misconfigured(
        "The QuickBooks token server refuses our client id or secret: correct them in the settings.",
        reason=error or f"http_{status}",
    )
