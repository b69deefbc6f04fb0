"""OAuth 2.0 of the QuickBooks twin: discovery, token endpoint with rotation and grace, revocation, bearer check."""

import base64
import binascii
import hmac
import secrets
from datetime import datetime, timedelta
from urllib.parse import parse_qs, urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from twins.quickbooks.answers import gateway, respond
from twins.quickbooks.state import Company
from twins.web import JsonObject, TwinApp, dump_json, load_json

REFRESH_SECONDS = 8_726_400  # 101 days less some hours: what QuickBooks answers


class Grants:
    """The tokens of one company: access tokens by value, refresh tokens by value, both tied to a grant."""

    def __init__(self, company: Company) -> None:
        self._company = company
        self._database = company.database

    def start(self) -> None:
        """Make the first refresh token valid."""
        self._keep_refresh(str(self._company.settings["first_refresh_token"]), "1")

    def refused(self, authorization: str, realm: str) -> Response | None:
        """Return the gateway's refusal of a bearer for a company, or None when it may pass."""
        scheme, _, token = authorization.partition(" ")
        access = self._database.get("access", token.strip()) if scheme.lower() == "bearer" else None
        if access is None or datetime.fromisoformat(access["expires_at"]) <= self._company.clock.now():
            return gateway(401)
        if realm != self._company.settings["realm_id"]:
            return gateway(403)
        return None

    def redeem(self, form: dict[str, str]) -> Response:
        """Answer the token endpoint; a client's credentials were checked before."""
        kind = form.get("grant_type")
        if kind == "authorization_code":
            if form.get("code") != self._company.settings["authorization_code"]:
                return _oauth_error("invalid_grant", "Invalid authorization code")
            grant = str(self._database.next_number("grant", 2))
            return self._issue(grant, f"RT-{secrets.token_urlsafe(24)}")
        if kind != "refresh_token":
            return _oauth_error("unsupported_grant_type", "grant_type must be refresh_token or authorization_code")
        return self._refresh(form.get("refresh_token", ""))

    def revoke(self, token: str) -> bool:
        """End the grant that a token belongs to; False for a token that is not known."""
        found = self._database.get("refresh", token) or self._database.get("access", token)
        if found is None:
            return False
        for kind in ("refresh", "access"):
            for other in self._database.all(kind):
                if other["grant"] == found["grant"]:
                    self._database.delete(kind, other["token"])
        return True

    def _refresh(self, token: str) -> Response:
        known = self._database.get("refresh", token)
        now = self._company.clock.now()
        if known is None or datetime.fromisoformat(known["expires_at"]) <= now:
            return _oauth_error("invalid_grant", "Incorrect or invalid refresh token")
        if not self._company.settings["rotate_refresh_token"]:
            return self._issue(known["grant"], token)
        grace = now + timedelta(seconds=int(self._company.settings["refresh_grace_seconds"]))
        expires_at = min(grace, datetime.fromisoformat(known["expires_at"]))
        self._database.put("refresh", token, {**known, "expires_at": expires_at.isoformat()})
        return self._issue(known["grant"], f"RT-{secrets.token_urlsafe(24)}")

    def _issue(self, grant: str, refresh: str) -> Response:
        now = self._company.clock.now()
        for old in self._database.all("access"):
            if datetime.fromisoformat(old["expires_at"]) <= now:
                self._database.delete("access", old["token"])
        access, seconds = f"AT-{secrets.token_urlsafe(24)}", int(self._company.settings["access_token_seconds"])
        expires_at = (now + timedelta(seconds=seconds)).isoformat()
        self._database.put("access", access, {"token": access, "grant": grant, "expires_at": expires_at})
        self._keep_refresh(refresh, grant)
        answer = {
            "token_type": "bearer",
            "access_token": access,
            "refresh_token": refresh,
            "expires_in": seconds,
            "x_refresh_token_expires_in": REFRESH_SECONDS,
        }
        return respond(dump_json(answer))

    def _keep_refresh(self, token: str, grant: str) -> None:
        expires_at = (self._company.clock.now() + timedelta(seconds=REFRESH_SECONDS)).isoformat()
        self._database.put("refresh", token, {"token": token, "grant": grant, "expires_at": expires_at})


def add_routes(app: TwinApp, grants: Grants) -> None:
    """Serve discovery, authorization, token and revocation on the twin's own host."""

    async def token(request: Request) -> Response:
        if not _client_known(app, request):
            return _oauth_error("invalid_client", "Client authentication failed", 401)
        if not request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
            return _oauth_error("invalid_request", "The body must be a form")
        form = parse_qs((await request.body()).decode("utf-8", "replace"))
        with app.database.transaction():
            return grants.redeem({name: values[0] for name, values in form.items()})

    async def revoke(request: Request) -> Response:
        if not _client_known(app, request):
            return _oauth_error("invalid_client", "Client authentication failed", 401)
        with app.database.transaction():
            known = grants.revoke(_token_of(await request.body()))
        return respond("") if known else _oauth_error("invalid_request", "Unknown token")

    async def authorize(request: Request) -> Response:
        asked = request.query_params
        answer = {
            "code": app.settings["authorization_code"],
            "state": asked.get("state", ""),
            "realmId": app.settings["realm_id"],
        }
        return RedirectResponse(f"{asked.get('redirect_uri', '')}?{urlencode(answer)}", 302)

    for path in ("openid_configuration", "openid_sandbox_configuration"):
        app.add_route(f"/.well-known/{path}", _discovery, methods=["GET"])
        app.add_route(f"/.well-known/{path}/", _discovery, methods=["GET"])
    app.add_route("/connect/oauth2", authorize, methods=["GET"])
    app.add_route("/oauth2/v1/tokens/bearer", token, methods=["POST"])
    app.add_route("/v2/oauth2/tokens/revoke", revoke, methods=["POST"])


async def _discovery(request: Request) -> Response:
    base = f"{request.url.scheme}://{request.headers.get('host', '127.0.0.1')}"
    document: JsonObject = {
        "issuer": f"{base}/op/v1",
        "authorization_endpoint": f"{base}/connect/oauth2",
        "token_endpoint": f"{base}/oauth2/v1/tokens/bearer",
        "userinfo_endpoint": f"{base}/v1/openid_connect/userinfo",
        "revocation_endpoint": f"{base}/v2/oauth2/tokens/revoke",
        "jwks_uri": f"{base}/op/v1/jwks",
    }
    return respond(dump_json(document))


def _client_known(app: TwinApp, request: Request) -> bool:
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    try:
        sent = base64.b64decode(encoded, validate=True) if scheme.lower() == "basic" else b""
    except binascii.Error:
        return False
    expected = f"{app.settings['client_id']}:{app.settings['client_secret']}".encode()
    return hmac.compare_digest(sent, expected)


def _token_of(body: bytes) -> str:
    try:
        document = load_json(body)
    except ValueError:
        return parse_qs(body.decode("utf-8", "replace")).get("token", [""])[0]
    return str(document.get("token", "")) if isinstance(document, dict) else ""


def _oauth_error(error: str, description: str, status: int = 400) -> Response:
    return respond(dump_json({"error": error, "error_description": description}), status)
