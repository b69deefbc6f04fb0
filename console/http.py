"""A small client of the API for the command line: one key, problem+json as errors, cursors followed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from time import monotonic, sleep
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import quote, urlsplit

import httpx

from runtime.settings import Settings, load_settings
from runtime.vendors import loopback

TIMEOUT: Final = httpx.Timeout(30.0, connect=3.0)
PAGE_LIMIT: Final = 200
REMEDIES: Final = {
    401: "Set THREEWAY_ADMIN_KEY or THREEWAY_API_KEY, or run on the machine and in the folder of the stack.",
    403: "Use a key with the right scope: `threeway keys create --help`.",
    404: "Check the key or the id; `threeway trace` also finds parts of the business by their own number.",
    503: "Run `threeway doctor` to see which part is missing.",
}

Json = dict[str, Any]


class ApiProblemError(RuntimeError):
    """The API answered with a problem (RFC 9457)."""

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        self.status, self.problem = status, dict(problem)
        super().__init__(str(problem.get("detail") or problem.get("title") or status))

    def document(self) -> Json:
        """The problem with a remedy, if one is known."""
        remedy = self.problem.get("remedy") or REMEDIES.get(self.status)
        return {**self.problem, "status": self.status} | ({"remedy": remedy} if remedy else {})


class ApiUnreachableError(RuntimeError):
    """Nothing answers at the API's address."""

    remedy: Final = "Start it with `threeway up`, or set THREEWAY_URL to where it runs."


class Api:
    """Calls of one API with one key."""

    def __init__(self, base_url: str, key: str | None, *, transport: httpx.BaseTransport | None = None) -> None:
        self.base_url = base_url.rstrip("/")
        headers = {"Accept": "application/json"} | ({"X-API-Key": key} if key else {})
        self._client = httpx.Client(
            base_url=self.base_url,
            headers=headers,
            timeout=TIMEOUT,
            transport=transport,
            trust_env=not loopback(self.base_url),  # a proxy of the machine has no business on the loopback interface
        )

    @classmethod
    def of(cls, settings: Settings | None = None) -> Api:
        """The API that the settings or the running stack name; raises SettingsError for wrong settings."""
        settings = settings or load_settings()
        key = settings.api_key or settings.admin_key
        return cls(settings.api_url, key.get_secret_value() if key is not None else None)

    def get(self, path: str, **params: str | int | None) -> Json:
        """One document. Raises ApiProblemError, ApiUnreachableError."""
        return self._call("GET", path, params=_present(params))

    def post(self, path: str, body: object = None) -> Json:
        """Ask for work with a JSON body."""
        return self._call("POST", path, json={} if body is None else body)

    def text(self, path: str, **params: str | int | None) -> Iterator[str]:
        """A document that is no JSON, in pieces. Raises ApiProblemError, ApiUnreachableError."""
        try:
            with self._client.stream("GET", path, params=_present(params)) as response:
                if response.is_error:
                    response.read()
                    raise ApiProblemError(response.status_code, _problem(response))
                yield from response.iter_text()
        except httpx.HTTPError as error:
            raise ApiUnreachableError(f"{self.base_url} ({type(error).__name__})") from error

    def delete(self, path: str) -> Json:
        """Remove one thing."""
        return self._call("DELETE", path)

    def send_file(self, path: str, file: Path, **params: str | int | None) -> Json:
        """Stream a file as the body; its name travels in `X-Filename`."""
        headers = {"X-Filename": _header(file.name), "Content-Type": "application/octet-stream"}
        with file.open("rb") as content:
            return self._call("POST", path, params=_present(params), content=content, headers=headers)

    def items(self, path: str, limit: int | None = None, **params: str | int | None) -> Iterator[Json]:
        """Every item of a list, page by page, up to `limit`."""
        cursor: str | None = None
        seen = 0
        while True:
            size = PAGE_LIMIT if limit is None else min(PAGE_LIMIT, limit - seen)
            page = self.get(path, limit=size, cursor=cursor, **params)
            for item in page.get("items", []):
                yield item
                seen += 1
                if limit is not None and seen >= limit:
                    return
            cursor = page.get("next")
            if not cursor:
                return

    def watch(self, status_url: str, *, seconds: float, pause: float = 0.5) -> Iterator[Json]:
        """The document behind a status address again and again until the time is over; the caller stops when done."""
        deadline = monotonic() + seconds
        path = _path_of(status_url)
        while True:
            yield self.get(path)
            if monotonic() + pause > deadline:
                return
            sleep(pause)

    def close(self) -> None:
        """Let the connections go."""
        self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def download(self, path: str, **params: str | int | None) -> bytes:
        """What a route answers as it is. Raises ApiProblemError, ApiUnreachableError."""
        return self._answered("GET", path, params=_present(params)).content

    def _call(self, method: str, path: str, **arguments: Any) -> Json:
        response = self._answered(method, path, **arguments)
        if not response.content:
            return {}
        document = _json(response)
        if document is None:
            title = f"{self.base_url} answered with something that is not JSON; is this the API?"
            raise ApiProblemError(response.status_code, {"title": title})
        return document

    def _answered(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        try:
            response = self._client.request(method, path, **arguments)
        except httpx.HTTPError as error:
            raise ApiUnreachableError(f"{self.base_url} ({type(error).__name__})") from error
        if response.is_error:
            raise ApiProblemError(response.status_code, _problem(response))
        return response


def _header(name: str) -> str:
    """A file's name as a header may hold it: as it is, or in the form of RFC 8187 where it is not plain ASCII."""
    return name if name.isascii() and name.isprintable() else f"UTF-8''{quote(name, errors='replace')}"


def _problem(response: httpx.Response) -> Json:
    document = _json(response)
    if document is not None and ("title" in document or "detail" in document):
        return document
    if document is not None:
        return {"title": f"HTTP {response.status_code} {response.reason_phrase}", **document}
    return {"title": f"HTTP {response.status_code} {response.reason_phrase}", "detail": response.text[:300].strip()}


def _json(response: httpx.Response) -> Json | None:
    try:
        document = response.json()
    except ValueError:
        return None
    if isinstance(document, list):
        return {"items": document, "next": None}
    return document if isinstance(document, dict) else None


def _present(params: Mapping[str, str | int | None]) -> dict[str, str | int]:
    return {name: value for name, value in params.items() if value is not None}


def _path_of(url: str) -> str:
    """A status address may be absolute under a name that is only known to the server: keep its path and query."""
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path
