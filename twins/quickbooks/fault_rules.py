"""Fault rules: what goes wrong with which request, before or after the vendor's handler did its work.

A rule picks requests by method, path and content, lets `skip` of them pass and strikes the next `times`.
A reset really closes the TCP connection (RST) with no answer.
"""

import asyncio
import re
import socket
import struct
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.types import Message, Receive, Scope, Send

Application = Callable[[Scope, Receive, Send], Awaitable[None]]
_BUILT_IN = ("commit_then_hang", "commit_then_reset", "reset_before", "hang_before", "slow", "status")
_HTML = "<html><head><title>{0}</title></head><body><h1>{0} Service unavailable</h1></body></html>"


class FaultRule(BaseModel):
    """One rule; `times` 0 strikes for ever, `commit` lets the handler work before its answer is replaced."""

    model_config = ConfigDict(extra="forbid")

    id: int = 0
    kind: str
    method: str | None = None
    path: str | None = None
    contains: str | None = None
    skip: int = Field(default=0, ge=0)
    times: int = Field(default=1, ge=0)
    seconds: float = Field(default=30, ge=0)
    status: int = Field(default=500, ge=200, le=599)
    body: Literal["json", "html", "empty", "text"] = "json"
    commit: bool = False
    matched: int = 0


@dataclass(frozen=True)
class FaultAnswers:
    """A vendor's words for failures: the JSON error of a status, and its own kinds (`expired_token_once`, ...)."""

    json_error: Callable[[int], Response]
    kinds: Mapping[str, Callable[[FaultRule], Response]]


class _Documents(Protocol):
    def get(self, kind: str, key: str) -> dict[str, Any] | None: ...
    def put(self, kind: str, key: str, body: dict[str, Any]) -> None: ...
    def delete(self, kind: str, key: str) -> None: ...
    def all(self, kind: str) -> list[dict[str, Any]]: ...


@dataclass
class Exchange:
    """One request with its body already read, and the raw way back to the client."""

    scope: Scope
    receive: Receive
    send: Send
    body: bytes
    cut: bool = False
    status: int | None = None
    held: list[Message] = field(default_factory=list)

    @classmethod
    async def read(cls, scope: Scope, receive: Receive, send: Send) -> "Exchange":
        """Read the whole body first; `cut` tells that the client left before it was complete."""
        chunks = []
        while True:
            message = await receive()
            chunks.append(message.get("body", b""))
            if not message.get("more_body"):
                return cls(scope, receive, send, b"".join(chunks), cut=message["type"] == "http.disconnect")

    async def run(self, app: Application, *, hold: bool = False) -> None:
        """Let the handler work; with `hold` its answer waits for `release` (or is dropped)."""
        messages: list[Message] = [{"type": "http.request", "body": self.body, "more_body": False}]

        async def receive() -> Message:
            return messages.pop() if messages else await self.receive()

        async def keep(message: Message) -> None:
            self.held.append(message)

        await app(self.scope, receive, keep if hold else self._send)

    async def release(self) -> None:
        """Send the answer that was held back."""
        for message in self.held:
            await self._send(message)

    async def answer(self, response: Response) -> None:
        """Send another answer than the handler's."""
        await response(self.scope, self.receive, self._send)

    async def wait(self, seconds: float) -> None:
        """Hold the request for that long, or until the client has gone."""

        async def gone() -> None:
            while (await self.receive())["type"] != "http.disconnect":
                pass

        try:
            async with asyncio.timeout(seconds):
                await gone()
        except TimeoutError:
            return

    async def reset(self) -> None:
        """Close the connection with a TCP reset and no answer; raises `ConnectionResetError` without a real socket."""
        transport = getattr(getattr(self.send, "__self__", None), "transport", None)
        if transport is None:
            raise ConnectionResetError("the twin closes the connection without an answer")
        sock = transport.get_extra_info("socket")
        if sock is not None:
            # Linger of zero seconds: the kernel sends RST, never a clean end that a client could take for an answer.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
        # The server learns of the loss in the next turns of the loop; before that it would try to send a 500.
        await self.wait(5)

    async def _send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        await self.send(message)


class Faults:
    """The fault rules of one twin; they survive a restart."""

    def __init__(self, documents: _Documents, answers: FaultAnswers) -> None:
        self._documents = documents
        self._answers = answers

    def add(self, rule: FaultRule) -> FaultRule:
        """Add a rule at the end; raises `ValueError` for an unknown kind or a bad pattern."""
        known = (*_BUILT_IN, *self._answers.kinds)
        if rule.kind not in known:
            raise ValueError(f"unknown kind {rule.kind}; known: {', '.join(sorted(known))}")
        try:
            re.compile(rule.path or "")
        except re.error as problem:
            raise ValueError(f"path is not a regular expression: {problem}") from problem
        number = 1 + max((known_rule.id for known_rule in self.rules()), default=0)
        added = rule.model_copy(update={"id": number, "matched": 0})
        self._save(added)
        return added

    def rules(self) -> list[FaultRule]:
        """Return the rules in the order in which they are asked."""
        return [FaultRule(**document) for document in self._documents.all("fault")]

    def clear(self) -> None:
        """Remove all rules."""
        for rule in self.rules():
            self._documents.delete("fault", str(rule.id))

    def match(self, method: str, path: str, query: str, body: bytes) -> FaultRule | None:
        """Return the first rule that strikes this request, and count the request for the rules before it."""
        for rule in self.rules():
            if not _concerns(rule, method, path, query) or (rule.contains and rule.contains.encode() not in body):
                continue
            if rule.times and rule.matched >= rule.skip + rule.times:
                continue
            rule.matched += 1
            self._save(rule)
            if rule.matched > rule.skip:
                return rule
        return None

    async def serve(self, app: Application, exchange: Exchange, rule: FaultRule | None) -> None:
        """Answer one request as its rule says; without a rule the handler answers."""
        if rule is None:
            await exchange.run(app)
        elif rule.kind in ("reset_before", "hang_before"):
            await exchange.wait(rule.seconds if rule.kind == "hang_before" else 0)
            await exchange.reset()
        elif rule.kind == "slow":
            # A slow vendor does its work whether or not the client is still there.
            await asyncio.sleep(rule.seconds)
            await exchange.run(app)
        elif rule.kind in ("commit_then_hang", "commit_then_reset"):
            await exchange.run(app, hold=True)
            await _after_commit(exchange, rule)
        else:
            if rule.commit:
                await exchange.run(app, hold=True)
            await exchange.answer(self._answer(rule))

    def _answer(self, rule: FaultRule) -> Response:
        if rule.kind != "status":
            return self._answers.kinds[rule.kind](rule)
        if rule.body == "json":
            return self._answers.json_error(rule.status)
        if rule.body == "html":
            return HTMLResponse(_HTML.format(rule.status), rule.status)
        text = "" if rule.body == "empty" else "upstream connect error or disconnect/reset before headers"
        return PlainTextResponse(text, rule.status)

    def _save(self, rule: FaultRule) -> None:
        # A float is stored as text: documents carry numbers as Decimals, and the model reads both.
        self._documents.put("fault", str(rule.id), {**rule.model_dump(), "seconds": str(rule.seconds)})


def _concerns(rule: FaultRule, method: str, path: str, query: str) -> bool:
    if rule.method and rule.method.upper() != method:
        return False
    pattern = rule.path or ""
    return bool(re.search(pattern, path) or re.search(pattern, f"{path}?{query}"))


async def _after_commit(exchange: Exchange, rule: FaultRule) -> None:
    if rule.kind == "commit_then_reset":
        await exchange.reset()
        return
    await exchange.wait(rule.seconds)
    await exchange.release()
