"""Requests that may come twice: with an `Idempotency-Key`, what has no key of its own business is done once.

The name is taken, the work is done and the answer is kept in one transaction. So whoever dies in between leaves nothing
behind, and of two at once the second one waits and is answered what the first one was.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from http import HTTPStatus
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Header, Request
from pydantic import BaseModel
from sqlmodel import Session

from api.auth import Caller
from api.problems import ApiCode, Refused
from store import request_keys
from store.request_keys import NamedRequest

Answer = TypeVar("Answer", bound=BaseModel)

HELP = "A name for this request: the same request under it is done once, and answered the same for 24 hours."
RequestKey = Annotated[str | None, Header(pattern=r"^[!-~]{1,200}$", description=HELP)]


class Once:
    """A request with its name, if it has one."""

    def __init__(self, named: NamedRequest | None = None) -> None:
        self._named = named

    def known(self, session: Session) -> dict[str, Any] | None:
        """What this request was answered before. Ask it first in the transaction: from then on the name is taken.

        Raises Refused where the name stands for another request.
        """
        found = None if self._named is None else request_keys.claim(session, self._named)
        if found is None:
            return None
        if not found.same:
            detail = "This Idempotency-Key came with another request before: give each request a key of its own."
            raise Refused(HTTPStatus.CONFLICT, ApiCode.KEY_REUSED, detail)
        return found.result or {}

    def keep(self, session: Session, answer: dict[str, Any]) -> None:
        """Keep what the request is answered, with what it did."""
        if self._named is not None:
            request_keys.keep(session, self._named, answer)

    def do(self, session: Session, model: type[Answer], work: Callable[[], Answer]) -> Answer:
        """Do the work unless it was done under this name before; answers what it came to then."""
        known = self.known(session)
        if known is not None:
            return model.model_validate(known)
        answer = work()
        self.keep(session, answer.model_dump(mode="json"))
        return answer


async def _once(request: Request, caller: Caller, idempotency_key: RequestKey = None) -> Once:
    if idempotency_key is None:
        return Once()
    asked = f"{request.method} {request.url.path}\n".encode() + await request.body()
    return Once(NamedRequest(caller=caller.id, key=idempotency_key, digest=hashlib.sha256(asked).hexdigest()))


OnlyOnce = Annotated[Once, Depends(_once)]
