"""What pages have in common: errors as pages, filters from the address, and the person as a key of the API."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from http import HTTPStatus
from typing import Any, TypeVar
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel, ValidationError

from api.dashboard.rendering import page
from api.dashboard.signing_in import SAFE, SignInNeeded
from api.problems import Refused, status_of
from domain.errors import GatewayError, Malformed
from store.keys import ApiKey
from store.people import Person

Model = TypeVar("Model", bound=BaseModel)
SAID = {
    "decided": "Decided. What waited for it goes on.",
    "proposed": "Proposed. It is over more money than one person decides about: another one confirms it.",
    "approved": "Approved. A worker may start with these rules from now on.",
    "rejected": "Rejected. The same rules may be proposed anew.",
    "withdrawn": "What you proposed is taken back.",
    "assigned": "It has an owner now.",
    "snoozed": "It is out of sight until then.",
    "amended": "The copy with these lines is read now; this is it.",
    "noted": "The note is on the card.",
    "started": "It was started; it shows here when it is done.",
    "added": "They can sign in now.",
    "disabled": "They cannot sign in any more.",
    "password": "The new password holds from now on.",
}


class PageRoute(APIRoute):
    """A route whose errors are pages for people, and which leads to the sign-in where nobody is signed in."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler, with what it raises told as a page."""
        handler = super().get_route_handler()

        async def handle(request: Request) -> Response:
            try:
                return await handler(request)
            except SignInNeeded:
                return _to_sign_in(request)
            except Refused as error:
                return _told(request, error.status, error.detail)
            except GatewayError as error:
                return _told(request, status_of(error), error.detail)
            except RequestValidationError as error:
                first = error.errors()[0] if error.errors() else {"loc": ("the form",), "msg": "cannot be read"}
                detail = f"{first['loc'][-1]}: {first['msg']}."
                return _told(request, HTTPStatus.UNPROCESSABLE_ENTITY, detail)

        return handle


def page_router() -> APIRouter:
    """A router of pages, which the API's description does not list."""
    return APIRouter(route_class=PageRoute, include_in_schema=False)


def given(model: type[Model]) -> Callable[[Request], Model]:
    """A dependency that reads a filter from the address; what a form left empty counts as left out."""

    def read(request: Request) -> Model:
        filled = {name: value for name, value in request.query_params.items() if value.strip()}
        known = {name: value for name, value in filled.items() if name in model.model_fields}
        try:
            return model.model_validate(known)
        except ValidationError as error:
            raise RequestValidationError(error.errors(include_context=False)) from None

    return read


def formed(model: type[Model], **fields: object) -> Model:
    """What the API takes, from the fields of a form; one that makes no sense is told on a page."""
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        raise Malformed(f"{first['loc'][-1]}: {first['msg']}.", reason="form") from None


def key_of(person: Person) -> ApiKey:
    """A person as the key that the operations of the API sign with: the same operations serve both."""
    return ApiKey(
        id=f"person/{person.name}",
        name=person.name,
        scopes=frozenset({person.role}),
        created_at=person.created_at,
        expires_at=None,
        revoked_at=None,
        last_used_at=None,
    )


def back_to(address: str, said: str) -> RedirectResponse:
    """To a page after something was done there, which it then says."""
    joint = "&" if "?" in address else "?"
    return RedirectResponse(f"{address}{joint}{urlencode({'said': said})}", HTTPStatus.SEE_OTHER)


def long_enough(reason: str) -> str:
    """A reason that somebody gave in a form. Raises Malformed for none."""
    if len(reason.strip()) < 3:
        raise Malformed("Say why, in a few words: whoever asks later reads it.", reason="reason")
    return reason


def said(request: Request) -> str:
    """What a page says was done; only sentences of ours, whatever stands in the address."""
    return SAID.get(request.query_params.get("said", ""), "")


def _to_sign_in(request: Request) -> Response:
    wanted = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    to = f"/sign-in?{urlencode({'to': wanted if request.method in SAFE else '/'})}"
    if request.headers.get("hx-request"):  # a part of a page: the whole page has to go there
        return Response(status_code=HTTPStatus.NO_CONTENT, headers={"hx-redirect": to})
    return RedirectResponse(to, HTTPStatus.SEE_OTHER)


def _told(request: Request, status: HTTPStatus, detail: str) -> Response:
    person = getattr(request.state, "person", None)
    trace_id = request.scope.get("trace_id")
    return page(request, "problem.html", person, status, phrase=status.phrase, detail=detail, trace_id=trace_id)
