"""Signing in at the company's OpenID provider, where one is configured: to it, and back as somebody known here."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from http import HTTPStatus

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import SecretStr

from api.dashboard.rendering import page
from api.dashboard.signing_in import let_in, local
from api.oidc import Identity, OidcSignIn
from api.problems import ApiCode, Refused
from api.services import Services, services
from domain.errors import GatewayError
from store import people
from store.causes import Cause, CauseSource
from store.session import transaction
from store.tables.people import Role

router = APIRouter(include_in_schema=False)


def _provider(request: Request) -> OidcSignIn:
    found = services(request).provider
    if found is None:
        raise Refused(HTTPStatus.NOT_FOUND, ApiCode.NOT_FOUND, "No provider is configured: sign in with a password.")
    return found


@router.get("/sign-in/provider")
async def begin_at_provider(request: Request, to: str = "/") -> Response:
    """To the provider. Needs nobody to be signed in: it is how one signs in."""
    try:
        return await _provider(request).begin(request, local(to))
    except GatewayError as error:
        return _refused(request, error, local(to))


@router.get("/sign-in/oidc")
async def finish_at_provider(request: Request) -> Response:
    """Back from the provider, with somebody whom it vouches for. Needs nobody to be signed in."""
    provider, to = _provider(request), "/"
    try:
        found = await provider.finish(request)
        to = local(found.to)
        token = await asyncio.to_thread(_sign_in, services(request), found)
    except GatewayError as error:
        answer = _refused(request, error, to)
    else:
        answer = let_in(request, token, to)
    provider.forget(answer)
    return answer


def _sign_in(serving: Services, found: Identity) -> SecretStr:
    now = datetime.now(UTC)
    vouched = people.Vouched(subject=found.subject, name=found.name, full_name=found.full_name, role=Role(found.role))
    with transaction(serving.engine, Cause(source=CauseSource.USER, actor="dashboard")) as session:
        return people.sign_in(session, people.from_provider(session, vouched), now)


def _refused(request: Request, error: GatewayError, to: str) -> RedirectResponse | Response:
    return page(request, "sign_in.html", None, HTTPStatus.FORBIDDEN, to=to, refusal=error.detail, name="")
