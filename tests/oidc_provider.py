"""A small OpenID provider over real HTTP: it checks what a client owes it, and lies on order."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from time import time
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import KeySet, OctKey, RSAKey

CLIENT_ID, CLIENT_SECRET = "threeway", "a-client-secret-of-these-tests"


def new_key(kid: str | None = None) -> RSAKey:
    """A key of a provider; `kid`: under the name of another one."""
    return RSAKey.generate_key(2048, {"kid": kid or secrets.token_hex(4), "use": "sig"})


@dataclass
class Provider:
    """`claims` go over those of the person, `without` leaves some out; `signs_with` another key than it shows."""

    issuer: str = ""
    callback: str = "http://threeway.test/sign-in/oidc"
    person: dict[str, Any] = field(
        default_factory=lambda: {
            "sub": "u-17",
            "preferred_username": "ana",
            "name": "Ana Lee",
            "groups": ["all-staff", "gateway-billing"],
        }
    )
    claims: dict[str, Any] = field(default_factory=dict)
    without: tuple[str, ...] = ()
    key: RSAKey = field(default_factory=new_key)
    signs_with: RSAKey | None = None
    algorithm: str = "RS256"
    describes: dict[str, Any] = field(default_factory=dict)
    refuses: str | None = None
    status: int = 200
    asked: list[str] = field(default_factory=list)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)

    def description(self) -> dict[str, Any]:
        names = {"authorization_endpoint": "authorize", "token_endpoint": "token", "jwks_uri": "jwks"}
        return {
            "issuer": self.issuer,
            **{name: f"{self.issuer}/{path}" for name, path in names.items()},
            **self.describes,
        }

    def authorize(self, given: dict[str, str]) -> str:
        """Where the browser goes next: the person is signed in there already."""
        assert given["client_id"] == CLIENT_ID
        assert given["redirect_uri"] == self.callback
        assert given["response_type"] == "code"
        assert given["code_challenge_method"] == "S256"
        assert "openid" in given["scope"].split()
        if self.refuses:
            return f"{self.callback}?{urlencode({'error': self.refuses, 'state': given['state']})}"
        code = secrets.token_urlsafe(8)
        self.codes[code] = given
        return f"{self.callback}?{urlencode({'code': code, 'state': given['state']})}"

    def token(self, given: dict[str, str], authorization: str) -> tuple[int, dict[str, Any]]:
        """A code is taken once, from the client that it was given to, with the verifier of its challenge."""
        asked = self.codes.pop(given.get("code", ""), None)
        name, _, secret = base64.b64decode(authorization.removeprefix("Basic ")).decode().partition(":")
        if (name, secret) != (CLIENT_ID, CLIENT_SECRET):
            return 401, {"error": "invalid_client"}
        verifier = given.get("code_verifier", "").encode()
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier).digest()).decode().rstrip("=")
        if asked is None or challenge != asked["code_challenge"] or given["redirect_uri"] != self.callback:
            return 400, {"error": "invalid_grant"}
        return 200, {"access_token": "at-1", "token_type": "Bearer", "id_token": self._id_token(asked["nonce"])}

    def _id_token(self, nonce: str) -> str:
        now = int(time())
        base = {"iss": self.issuer, "aud": CLIENT_ID, "iat": now, "exp": now + 300, "nonce": nonce}
        said = {**base, **self.person, **self.claims}
        claims = {name: value for name, value in said.items() if name not in self.without}
        signer: Any = self.signs_with or self.key
        if self.algorithm == "none":
            parts = ({"alg": "none"}, claims)
            return (
                ".".join(base64.urlsafe_b64encode(json.dumps(one).encode()).decode().rstrip("=") for one in parts) + "."
            )
        if self.algorithm == "HS256":
            signer = OctKey.import_key(CLIENT_SECRET)
        header = {"alg": self.algorithm, "kid": (self.signs_with or self.key).kid}
        return jwt.encode(header, claims, signer, algorithms=[self.algorithm])


@contextmanager
def provider() -> Iterator[Provider]:
    """A provider on a free port for as long as the body runs."""
    found = Provider()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            found.asked.append(parts.path)
            if parts.path == "/authorize":
                self.send_response(302)
                self.send_header("Location", found.authorize({n: v[0] for n, v in parse_qs(parts.query).items()}))
                self.send_header("Content-Length", "0")
                self.end_headers()
            elif parts.path == "/jwks":
                self._answer(found.status, KeySet([found.key]).as_dict(private=False))
            else:
                self._answer(found.status, found.description())

        def do_POST(self) -> None:
            found.asked.append(self.path)
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            given = {name: values[0] for name, values in parse_qs(body).items()}
            self._answer(*found.token(given, self.headers.get("Authorization", "")))

        def _answer(self, status: int, document: Any) -> None:
            body = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: Any) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        found.issuer = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield found
        server.shutdown()
        thread.join(10)
