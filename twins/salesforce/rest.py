"""Calls and answers of the REST API and the table that leads one to the other."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, unquote

from twins.salesforce.errors import ApiError, MultipleMatches, not_found
from twins.salesforce.org import Org
from twins.salesforce.values import load_json

OLDEST, NEWEST = 31, 68


class Trouble(NamedTuple):
    """What a fault does to the rows of a call: one is locked, or one lets a trigger fail for all that go with it.

    Both are texts that the row holds; an empty one stands for any row.
    """

    locked: str | None = None
    poison: str | None = None


UNTROUBLED = Trouble()


@dataclass(frozen=True)
class Call:
    """One call below the version: path segments decoded once, query values decoded as a form."""

    method: str
    version: str
    path: tuple[str, ...]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    content: bytes | Any
    user: str
    trouble: Trouble = UNTROUBLED

    @property
    def base(self) -> str:
        """The path up to and including the version."""
        return f"/services/data/v{self.version}"

    def json(self) -> Any:
        """The body; 400 JSON_PARSER_ERROR when it is none."""
        return load_json(self.content) if isinstance(self.content, bytes) else self.content

    def record(self) -> dict[str, Any]:
        """The body, which has to be an object."""
        body = self.json()
        if not isinstance(body, dict):
            raise ApiError(400, "JSON_PARSER_ERROR", "The request body must be a JSON object")
        return body


@dataclass
class Answer:
    """Status, body (JSON, text as it is under a `Content-Type` of its own, None: no content) and headers of an answer.

    `notes` go to the journal.
    """

    status: int
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    notes: dict[str, Any] = field(default_factory=dict)


Handler = Callable[[Org, Call], Answer]


class Router:
    """Handlers by method and path pattern; a None in a pattern stands for any segment."""

    def __init__(self) -> None:
        self._routes: list[tuple[tuple[str | None, ...], dict[str, Handler]]] = []

    def add(self, pattern: str, **handlers: Handler) -> None:
        """Register handlers for a pattern such as `sobjects/*/describe`; the first fitting pattern wins."""
        parts = tuple(None if part == "*" else part for part in pattern.split("/")) if pattern else ()
        self._routes.append((parts, handlers))

    def dispatch(self, org: Org, call: Call) -> Answer:
        """Answer a call whole or not at all: a refusal takes back what the call had written."""
        try:
            with org.attempt():
                return self._handler(call)(org, call)
        except ApiError as refusal:
            return Answer(refusal.status, refusal.body())
        except MultipleMatches as several:
            root = f"{call.base}/sobjects/{call.path[1]}"
            return Answer(300, [f"{root}/{record}" for record in several.ids])

    def _handler(self, call: Call) -> Handler:
        for parts, handlers in self._routes:
            if len(parts) == len(call.path) and all(p in (None, s) for p, s in zip(parts, call.path, strict=True)):
                handler = handlers.get(call.method.lower())
                if handler is None:
                    allowed = ",".join(sorted(name.upper() for name in handlers))
                    message = f"HTTP Method '{call.method}' not allowed. Allowed are {allowed}"
                    raise ApiError(405, "METHOD_NOT_ALLOWED", message)
                return handler
        raise not_found()


def split_target(target: str) -> tuple[str, tuple[str, ...], dict[str, str]]:
    """Version, path segments and query of a raw `/services/data/vX/...` target; 404 or 410 for other versions."""
    path, _, query = target.partition("?")
    segments = [unquote(part) for part in path.strip("/").split("/")]
    if segments[:2] != ["services", "data"] or len(segments) < 3:
        raise not_found()
    version = segments[2].removeprefix("v")
    whole, _, rest = version.partition(".")
    if not segments[2].startswith("v") or not whole.isdigit() or rest != "0":
        raise not_found()
    if int(whole) < OLDEST:
        raise ApiError(410, "UNSUPPORTED_API_VERSION", "The requested API version has been retired")
    if int(whole) > NEWEST:
        raise not_found()
    return version, tuple(segments[3:]), dict(parse_qsl(query, keep_blank_values=True))
