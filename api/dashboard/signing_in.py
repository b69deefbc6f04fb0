"""Signing in and out: a person gives a password once, and a cookie stands for them for a working day."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated, Final
from urllib.parse import urlsplit

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import SecretStr

from api.auth import INCLUDES
from api.dashboard.rendering import page
from api.problems import ApiCode, Refused
from api.services import Services, services
from store import people
from store.causes import Cause, CauseSource
from store.people import Person, TooManyTries
from store.session import transaction

COOKIE: Final = "threeway"
SAFE: Final = frozenset({"GET", "HEAD"})
WRONG: Final = "This name and password do not belong together."

router = APIRouter(include_in_schema=False)


class SignInNeeded(Exception):
    """A page is asked for by a browser in which nobody is signed in."""


def came_from_here(request: Request) -> bool:
    """Whether a form was sent by one of our own pages: every browser says where from, and no other site can pretend."""
    origin = request.headers.get("origin")
    if origin is None:
        return request.headers.get("sec-fetch-site", "same-origin") in {"same-origin", "none"}
    return urlsplit(origin).netloc == request.headers.get("host", "")


def _known(request: Request) -> Person | None:
    token = request.cookies.get(COOKIE)
    if not token:
        return None
    given, now = SecretStr(token), datetime.now(UTC)
    with transaction(services(request).engine, Cause(source=CauseSource.USER, actor="dashboard")) as session:
        person = people.signed_in(session, given, now)
        if person is not None:
            people.seen(session, given, now)
    return person


def _identify(request: Request) -> Person:
    if request.method not in SAFE and not came_from_here(request):
        detail = (
            "This form did not come from one of our own pages, so nothing was done. Open the page again and repeat."
        )
        raise Refused(HTTPStatus.FORBIDDEN, ApiCode.FOREIGN_FORM, detail)
    person = _known(request)
    if person is None:
        raise SignInNeeded
    request.state.person = person  # so that an error is told on a page of theirs
    return person


def person_with(scope: str) -> Callable[[Person], Person]:
    """A dependency that lets a person through whose role includes the scope; answers the person."""

    def check(person: Annotated[Person, Depends(_identify)]) -> Person:
        if scope not in INCLUDES[person.role]:
            detail = f"This needs the role {scope}; you have {person.role}. Ask an admin."
            raise Refused(HTTPStatus.FORBIDDEN, ApiCode.SCOPE_MISSING, detail)
        return person

    return check


Looking = Annotated[Person, Depends(person_with("viewer"))]
Operating = Annotated[Person, Depends(person_with("operator"))]
Administering = Annotated[Person, Depends(person_with("admin"))]


def local(address: str | None) -> str:
    """An address of our own to go to after signing in; anything else is the overview."""
    if not address or not address.startswith("/") or address.startswith(("//", "/\\")) or "\n" in address:
        return "/"
    return address


@router.get("/sign-in")
def show_sign_in(request: Request, to: str = "/") -> Response:
    """The form. Needs nobody to be signed in: it is how one signs in."""
    if _known(request) is not None:
        return RedirectResponse(local(to), HTTPStatus.SEE_OTHER)
    return page(request, "sign_in.html", None, to=local(to), refusal="", name="")


@router.post("/sign-in")
async def take_sign_in(
    request: Request,
    name: Annotated[str, Form(max_length=100)],
    password: Annotated[SecretStr, Form(max_length=people.LONGEST)],
    to: Annotated[str, Form(max_length=2000)] = "/",
) -> Response:
    """Check a name and a password. Needs nobody to be signed in; wrong ones are counted, and make one wait."""
    if not came_from_here(request):
        raise Refused(HTTPStatus.FORBIDDEN, ApiCode.FOREIGN_FORM, "This form did not come from one of our own pages.")
    try:
        token = await asyncio.to_thread(_sign_in, services(request), name, password)
    except TooManyTries as error:
        minutes = max(1, round(error.wait.total_seconds() / 60))
        refusal = f"Too many wrong passwords. Try again in {minutes} min, or ask an admin for a new one."
        return page(
            request, "sign_in.html", None, HTTPStatus.TOO_MANY_REQUESTS, to=local(to), refusal=refusal, name=name
        )
    if token is None:
        return page(request, "sign_in.html", None, HTTPStatus.UNAUTHORIZED, to=local(to), refusal=WRONG, name=name)
    return let_in(request, token, local(to))


def let_in(request: Request, token: SecretStr, to: str) -> Response:
    """Sign this browser in, and go on to a page of ours."""
    answer = RedirectResponse(to, HTTPStatus.SEE_OTHER)
    seconds = int(people.SIGNED_IN_FOR.total_seconds())
    is_secure = request.url.scheme == "https"
    answer.set_cookie(
        COOKIE, token.get_secret_value(), max_age=seconds, httponly=True, samesite="lax", secure=is_secure
    )
    return answer


@router.post("/sign-out")
def sign_out(request: Request) -> Response:
    """End the sign-in of this browser; where nobody is signed in there is nothing to end."""
    if not came_from_here(request):
        raise Refused(HTTPStatus.FORBIDDEN, ApiCode.FOREIGN_FORM, "This form did not come from one of our own pages.")
    token = request.cookies.get(COOKIE)
    if token:
        with transaction(services(request).engine, Cause(source=CauseSource.USER, actor="dashboard")) as session:
            people.sign_out(session, SecretStr(token))
    answer = RedirectResponse("/sign-in", HTTPStatus.SEE_OTHER)
    answer.delete_cookie(COOKIE)
    return answer


def _sign_in(serving: Services, name: str, password: SecretStr) -> SecretStr | None:
    now = datetime.now(UTC)
    with transaction(serving.engine, Cause(source=CauseSource.USER, actor="dashboard")) as session:
        person = people.verified(session, name, password, now)
        return None if person is None else people.sign_in(session, person, now)
