"""The token endpoint and the sessions: client credentials, JWT bearer, and on demand the password grant."""

import base64
import binascii
import hmac
import secrets
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, unquote

import jwt

from twins.salesforce.org import INTEGRATION_USER, ORGANIZATION, Org

CLIENT_ID = "twin-consumer"
CLIENT_SECRET = "twin-consumer-secret"  # noqa: S105 - the published credential of a stand-in
USERNAME = "integration@twin.example"
PASSWORD = "twin-password"  # noqa: S105 - as above
AUDIENCES = ("https://login.salesforce.com", "https://test.salesforce.com")
LONGEST_ASSERTION = timedelta(minutes=5)
TABLES = "CREATE TABLE IF NOT EXISTS sf_token (token TEXT PRIMARY KEY, expires TEXT NOT NULL) WITHOUT ROWID;"


class Refused(Exception):
    """A refused token request, in the words of OAuth."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(f"{error}: {description}")
        self.body = {"error": error, "error_description": description}


class Sessions:
    """Issues, checks and ends access tokens by the twin's clock."""

    def __init__(self, org: Org) -> None:
        self.org = org
        org.database.script(TABLES)

    def token(self, form: Mapping[str, str], headers: Mapping[str, str], origin: str) -> dict[str, str]:
        """Answer a token request; `origin` is scheme and host as the caller sees them. Raises `Refused`."""
        grants: dict[str, Callable[[Mapping[str, str], Mapping[str, str], str], None]] = {
            "client_credentials": self._client_credentials,
            "urn:ietf:params:oauth:grant-type:jwt-bearer": self._jwt_bearer,
            "password": self._password,
        }
        grant = grants.get(form.get("grant_type", ""))
        if grant is None:
            raise Refused("unsupported_grant_type", "grant type not supported")
        grant(form, headers, origin)
        return self._issue(origin)

    def valid(self, authorization: str | None) -> bool:
        """Whether the header names a living session."""
        kind, _, token = (authorization or "").partition(" ")
        if kind.lower() not in {"bearer", "oauth"} or self.org.settings()["always_unauthorised"]:
            return False
        rows = self.org.database.execute("SELECT expires FROM sf_token WHERE token = ?", token.strip())
        return bool(rows) and str(rows[0][0]) > self.org.now().isoformat()

    def end_all(self) -> None:
        """End every session."""
        self.org.database.execute("DELETE FROM sf_token")

    def _issue(self, origin: str) -> dict[str, str]:
        now = self.org.now().astimezone(UTC)
        token = f"{ORGANIZATION[:15]}!AQ{secrets.token_urlsafe(60)}"
        expires = now + timedelta(seconds=int(self.org.settings()["token_seconds"]))
        self.org.database.execute("DELETE FROM sf_token WHERE expires <= ?", now.isoformat())
        self.org.database.execute("INSERT INTO sf_token VALUES (?, ?)", token, expires.isoformat())
        return {
            "access_token": token,
            "signature": base64.b64encode(secrets.token_bytes(32)).decode(),
            "token_format": "opaque",
            "instance_url": origin,
            "id": f"https://login.salesforce.com/id/{ORGANIZATION}/{INTEGRATION_USER}",
            "token_type": "Bearer",
            "issued_at": str(int(now.timestamp() * 1000)),
        }

    def _client_credentials(self, form: Mapping[str, str], headers: Mapping[str, str], origin: str) -> None:
        if origin in AUDIENCES:
            raise Refused("invalid_grant", "request not supported on this domain")
        _check_client(*_credentials(form, headers))

    def _password(self, form: Mapping[str, str], headers: Mapping[str, str], _origin: str) -> None:
        if not self.org.settings()["password_grant"]:
            raise Refused("invalid_grant", "authentication failure")
        _check_client(*_credentials(form, headers))
        if not (_same(form.get("username"), USERNAME) and _same(form.get("password"), PASSWORD)):
            raise Refused("invalid_grant", "authentication failure")

    def _jwt_bearer(self, form: Mapping[str, str], _headers: Mapping[str, str], origin: str) -> None:
        claims = self._claims(form.get("assertion", ""))
        if claims.get("iss") != CLIENT_ID:
            raise Refused("invalid_client_id", "client identifier invalid")
        if str(claims.get("aud", "")).rstrip("/") not in (*AUDIENCES, origin):
            raise Refused("invalid_grant", "audience is invalid")
        if claims.get("sub") != USERNAME:
            raise Refused("invalid_grant", "user hasn't approved this consumer")
        # The claim comes as a number or as text of one.
        expires = str(claims.get("exp", "")).partition(".")[0]
        now = self.org.now()
        moment = datetime.fromtimestamp(int(expires), UTC) if expires.isdigit() else now
        if not now < moment <= now + LONGEST_ASSERTION:
            raise Refused("invalid_grant", "assertion has expired or is valid for too long")

    def _claims(self, assertion: str) -> dict[str, Any]:
        # Times are checked against the twin's clock, so the library only checks the signature.
        key = self.org.settings()["jwt_public_key"]
        try:
            return jwt.decode(
                assertion, key, ["RS256"], options={"verify_exp": False, "verify_aud": False, "verify_iat": False}
            )
        except (jwt.InvalidTokenError, jwt.InvalidKeyError) as problem:
            raise Refused("invalid_grant", "invalid assertion") from problem


def read_form(body: bytes) -> dict[str, str]:
    """The fields of a form body."""
    return dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))


def _credentials(form: Mapping[str, str], headers: Mapping[str, str]) -> tuple[str, str]:
    kind, _, given = headers.get("authorization", "").partition(" ")
    if kind.lower() != "basic":
        return form.get("client_id", ""), form.get("client_secret", "")
    try:
        name, _, secret = base64.b64decode(given, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError) as problem:
        raise Refused("invalid_client", "invalid client credentials") from problem
    return unquote(name), unquote(secret)


def _check_client(name: str, secret: str) -> None:
    if not _same(name, CLIENT_ID):
        raise Refused("invalid_client_id", "client identifier invalid")
    if not _same(secret, CLIENT_SECRET):
        raise Refused("invalid_client", "invalid client credentials")


def _same(given: str | None, expected: str) -> bool:
    return hmac.compare_digest((given or "").encode(), expected.encode())
