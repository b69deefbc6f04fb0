"""Lists as files for a spreadsheet: the same route, key and filters as the list, all its pages from one snapshot."""

from __future__ import annotations

import functools
import inspect
import time
from collections.abc import Callable, Generator, Iterable
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum
from http import HTTPStatus
from itertools import chain
from threading import Lock
from typing import Annotated, Any, Final, ParamSpec, TypeVar, cast, get_args

from fastapi import Query
from fastapi.responses import Response, StreamingResponse
from pydantic import BaseModel
from sqlalchemy import Engine, text
from starlette.types import Receive, Scope, Send

from api.services import Services, Serving
from api.shapes import Listing
from domain import spreadsheets
from domain.errors import Unavailable
from store.session import reading

P = ParamSpec("P")
T = TypeVar("T")
Told = Callable[P, Listing[T]]

BLOCK: Final = 500  # rows that are read at once
AT_ONCE: Final = 4  # each holds a connection of the store as long as its reader takes
PATIENCE_SECONDS: Final = 60  # with a reader who stops reading; the store then ends what it held


class _Places:
    """Who writes a file now; one whose reader does not read on for a minute keeps nobody out."""

    def __init__(self) -> None:
        self._lock, self._moved = Lock(), dict[object, float]()

    def take(self, who: object) -> bool:
        """A place, unless all are taken."""
        with self._lock:
            now = time.monotonic()
            self._moved = {one: at for one, at in self._moved.items() if now - at < PATIENCE_SECONDS}
            if len(self._moved) >= AT_ONCE:
                return False
            self._moved[who] = now
            return True

    def move(self, who: object) -> None:
        """The reader reads on."""
        with self._lock:
            self._moved[who] = time.monotonic()

    def leave(self, who: object) -> None:
        """The file is written, or nobody wants it any more."""
        with self._lock:
            self._moved.pop(who, None)


_places = _Places()


class Format(StrEnum):
    """How a list is answered."""

    JSON = "json"
    CSV = "csv"


AsFormat = Annotated[
    Format, Query(description="`csv`: this page (of `cursor`) and all that follow, as a file for a spreadsheet.")
]
FILE: Final[dict[int | str, dict[str, Any]]] = {
    HTTPStatus.OK: {
        "content": {"text/csv": {"schema": {"type": "string"}}},
        "headers": {
            "Content-Disposition": {"description": "With `format=csv`: a file's name.", "schema": {"type": "string"}}
        },
    }
}


def in_csv(name: str) -> Callable[[Told[P, T]], Told[P, T]]:
    """Let a route that lists also answer as a CSV file of this name; called as a function it lists as before.

    A filter that is one model of the address has a `format` of its own; all others get the parameter here.
    """

    def decorate(listed: Told[P, T]) -> Told[P, T]:
        plain = inspect.signature(listed, eval_str=True)

        @functools.wraps(listed)
        def answer(*args: Any, exporting: Services | None = None, **given: Any) -> Any:
            asked = given.pop("format", given["given"].format if "given" in given else Format.JSON)
            if asked is Format.JSON or exporting is None:
                return listed(*args, **given)
            if "serving" in plain.parameters:
                given["serving"] = exporting
            pieces = _pieces(exporting.engine, _columns(plain), functools.partial(_part, listed, given))
            return CsvFile(name, pieces)

        answer.__signature__ = _with_format(plain)  # type: ignore[attr-defined]
        return cast("Told[P, T]", answer)

    return decorate


def csv_of(listed: Callable[..., Listing[T]], serving: Services, **given: Any) -> Response:
    """The CSV file of a list, for whoever is no route of the API: a page."""
    route: Any = listed
    answer: Response = route(**given, exporting=serving, format=Format.CSV)
    return answer


class CsvFile(StreamingResponse):
    """CSV in pieces as a file to keep. The first is made at once, so that a refusal is still an answer of its own."""

    def __init__(self, name: str, pieces: Generator[str]) -> None:
        headers = {"Content-Disposition": f'attachment; filename="{name}.csv"'}
        super().__init__(chain([next(pieces)], pieces), media_type="text/csv", headers=headers)
        self._pieces = pieces

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it, and let the store go as soon as nobody reads on, not when memory is tidied up."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._pieces.close()


def _with_format(plain: inspect.Signature) -> inspect.Signature:
    kind = inspect.Parameter.KEYWORD_ONLY
    more = [inspect.Parameter("exporting", kind, annotation=Serving)]
    if "given" not in plain.parameters:
        more.append(inspect.Parameter("format", kind, annotation=AsFormat, default=Format.JSON))
    return plain.replace(parameters=[*plain.parameters.values(), *more])


def _columns(plain: inspect.Signature) -> list[str]:
    """The fields of one thing, as the description of the API names them."""
    (model,) = get_args(plain.return_annotation.model_fields["items"].annotation)
    return list(model.model_json_schema(mode="serialization")["properties"])


def _part(listed: Callable[..., Listing[T]], given: dict[str, Any], session: Any, cursor: str | None) -> Listing[T]:
    """One page of the list by the filters that were given."""
    at = {"limit": BLOCK} | ({} if cursor is None else {"cursor": cursor})
    if "given" in given:
        return listed(**{**given, "session": session, "given": given["given"].model_copy(update=at)})
    return listed(**{**given, **at, "session": session})


def _pieces(engine: Engine, columns: list[str], part: Callable[..., Listing[Any]]) -> Generator[str]:
    """The file page by page: one snapshot of the store, however long its reader takes."""
    me = object()
    if not _places.take(me):
        detail = f"{AT_ONCE} lists are being written as files already. Try again in a moment."
        raise Unavailable(detail, reason="exports_busy", retry_after=timedelta(seconds=5))
    try:
        with reading(engine) as session:
            session.execute(text(f"SET LOCAL idle_in_transaction_session_timeout = '{PATIENCE_SECONDS}s'"))
            found = part(session, None)
            yield spreadsheets.row(columns) + _rows(columns, found.items)
            while found.next is not None:
                _places.move(me)
                found = part(session, found.next)
                yield _rows(columns, found.items)
    finally:
        _places.leave(me)


def _rows(columns: list[str], items: Iterable[BaseModel]) -> str:
    return spreadsheets.rows(_cells(columns, item) for item in items)


def _cells(columns: list[str], item: BaseModel) -> list[object]:
    told = item.model_dump(mode="json", by_alias=True)
    return [_cell(getattr(item, name, None), told[name]) for name in columns]


def _cell(value: object, told: Any) -> object:
    """What JSON says of it; only what is a number by its type may begin with a sign."""
    if isinstance(told, bool):
        return "true" if told else "false"
    return Decimal(str(told)) if isinstance(value, Decimal | int | float) else told
