"""Who may do what: API keys in the `X-API-Key` header, with scopes."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Annotated

from fastapi import Depends, Request, Security
from fastapi.security import APIKeyHeader
from pydantic import SecretStr

from api.problems import ApiCode, Refused
from api.services import services
from store import keys
from store.causes import Cause, CauseSource
from store.keys import ApiKey
from store.session import transaction

HEADER = APIKeyHeader(name="X-API-Key", auto_error=False, description="An API key, see `threeway keys`.")

# What each scope includes. `ingest` may only hand in files.
INCLUDES = {
    "viewer": {"viewer"},
    "operator": {"viewer", "operator", "ingest"},
    "admin": {"viewer", "operator", "ingest", "admin"},
    "ingest": {"ingest"},
}


def allowed(key: ApiKey, scope: str) -> bool:
    """Whether a key may do what needs this scope."""
    return any(scope in INCLUDES.get(granted, set()) for granted in key.scopes)


def _identify(request: Request, plain: Annotated[str | None, Security(HEADER)]) -> ApiKey:
    if not plain:
        detail = "This needs an API key in the X-API-Key header. An admin makes one with `threeway keys create`."
        raise Refused(HTTPStatus.UNAUTHORIZED, ApiCode.KEY_MISSING, detail)
    cause = Cause(source=CauseSource.USER, actor="api")
    with transaction(services(request).engine, cause) as session:
        key = keys.find(session, SecretStr(plain))
        if key is None:
            detail = "This API key is unknown, revoked or expired."
            raise Refused(HTTPStatus.UNAUTHORIZED, ApiCode.KEY_REFUSED, detail)
        keys.touch(session, key.id)
    return key


def needs(scope: str) -> Callable[[ApiKey], ApiKey]:
    """A dependency that lets a request through when its key has the scope; answers the key."""

    def check(key: Annotated[ApiKey, Depends(_identify)]) -> ApiKey:
        if not allowed(key, scope):
            granted = ", ".join(sorted(key.scopes))
            detail = f"This needs the scope {scope}; key {key.name} has {granted}."
            raise Refused(HTTPStatus.FORBIDDEN, ApiCode.SCOPE_MISSING, detail)
        return key

    return check


Caller = Annotated[ApiKey, Depends(_identify)]  # whoever it is: a route asks for a scope beside it
Viewer = Annotated[ApiKey, Depends(needs("viewer"))]
Operator = Annotated[ApiKey, Depends(needs("operator"))]
Admin = Annotated[ApiKey, Depends(needs("admin"))]
Ingest = Annotated[ApiKey, Depends(needs("ingest"))]
