"""Many exceptions decided alike: first what would become of each, then the deed, then what came of it."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import Form, Request
from fastapi.responses import Response

from api.dashboard.choice_words import OFFERS
from api.dashboard.pages import key_of, page_router
from api.dashboard.rendering import page
from api.dashboard.signing_in import Operating
from api.routes.exceptions import ManyWork, resolve_many_exceptions
from api.services import Serving
from domain.errors import Malformed
from domain.exceptions import Cause, Choice

router = page_router()


@router.post("/ui/exceptions-many")
async def take_many(
    request: Request,
    serving: Serving,
    person: Operating,
    choice: Annotated[Choice, Form()],
    reason: Annotated[str, Form(max_length=500)],
    ids: Annotated[list[UUID] | None, Form(max_length=500)] = None,
    cause: Annotated[str, Form(max_length=80)] = "",
    value: Annotated[str, Form(max_length=500)] = "",
    expected: Annotated[int | None, Form()] = None,
) -> Response:
    """Without `expected` a preview that does nothing; with it the deed, refused where other work came meanwhile."""
    if not ids and not cause:
        raise Malformed("Tick the exceptions that are meant, or name a cause.", reason="filter")
    if len(reason.strip()) < 3:
        raise Malformed("Say why, in a few words: whoever asks later reads it.", reason="reason")
    work = ManyWork(
        ids=ids or None,
        cause=Cause(cause) if cause and not ids else None,
        choice=choice,
        value=value or None,
        reason=reason,
        dry_run=expected is None,
        expected=expected,
    )
    result = await resolve_many_exceptions(work, serving, key_of(person))
    return page(request, "many.html", person, work=work, result=result, offer=OFFERS[choice])
