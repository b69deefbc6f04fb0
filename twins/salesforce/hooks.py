"""Sends outbound messages and flow calls to the gateway in the background: never in the way of an API answer.

An outbound message is sent until it is acknowledged, at growing distances for 24 hours of the twin's clock; it carries
what its records are when it is sent, not what they were. A flow's call is made once.
"""

import asyncio
import logging
import sqlite3
from datetime import datetime, timedelta
from functools import partial
from typing import Any, NamedTuple

import httpx

from twins.salesforce.envelopes import Notice, call_body, envelope, is_acknowledged, signature
from twins.salesforce.envelopes import Org as SendingOrg
from twins.salesforce.ids import make_id
from twins.salesforce.org import ORGANIZATION, Org
from twins.salesforce.values import moment_of, stamp, to_json
from twins.salesforce.watch import CALL, MESSAGE
from twins.web import Database, TwinSettings

PULSE_SECONDS = 0.1
LANES = 5
LONGEST_GAP = timedelta(hours=2)
HORIZON = timedelta(hours=24)
MOST = {MESSAGE: 100, CALL: 200}
SETTINGS: dict[str, Any] = {
    "outbound_messages": False,
    "flow_calls": False,
    "hook_url": "",  # the gateway's base address
    "hook_secret": "",
    "hook_bundle": 100,  # the most notifications of a message
    "hook_retry_seconds": 60,  # on the twin's clock, before the first repetition
    "hook_timeout_seconds": 60,
    "hook_hold": False,  # nothing leaves; what is queued meanwhile leaves together
    "hook_shuffle": False,  # the newest first, among messages and within them
    "hook_repeat": 0,  # so often more is everything sent
    "hook_lose_next": 0,  # so many messages or calls never leave
    "hook_deaf_next": 0,  # so many good answers do not arrive
}
_ACTIONS = {"Order": make_id("04k", 1), "OrderItem": make_id("04k", 2)}


class Message(NamedTuple):
    """A message or call to be sent now."""

    n: int
    way: str
    sobject: str
    attempts: int
    queued_at: str


class HookSender:
    """The background work: takes what is queued, sends what is due, remembers what was answered."""

    def __init__(self, org: Org, database: Database, settings: TwinSettings) -> None:
        self._org = org
        self._database = database
        self._settings = settings
        self._lanes = asyncio.Semaphore(LANES)
        self._sending: dict[int, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Go on until cancelled."""
        await asyncio.to_thread(self._begin)
        async with httpx.AsyncClient(trust_env=False) as client:
            try:
                while True:
                    await asyncio.sleep(PULSE_SECONDS)
                    await self._pulse(client)
            finally:
                for task in self._sending.values():
                    task.cancel()
                await asyncio.gather(*self._sending.values(), return_exceptions=True)

    def forget(self) -> None:
        """Let go of what is under way: the org was emptied."""
        for task in self._sending.values():
            task.cancel()

    async def _pulse(self, client: httpx.AsyncClient) -> None:
        if not self._settings["hook_url"] or self._settings["hook_hold"]:
            return
        try:
            due = await asyncio.to_thread(self._due)
        except sqlite3.Error:
            logging.getLogger(__name__).exception("the queue could not be read")
            return
        for message in due:
            task = asyncio.create_task(self._deliver(client, message))
            self._sending[message.n] = task
            task.add_done_callback(partial(self._sent, message.n))

    def _sent(self, n: int, task: asyncio.Task[None]) -> None:
        if self._sending.get(n) is task:
            del self._sending[n]

    def _begin(self) -> None:
        """What was under way when the twin ended is sent again; a call is not."""
        sql = "UPDATE hook_message SET state = CASE way WHEN ? THEN 'waiting' ELSE 'failed' END WHERE state = 'sending'"
        with self._database.transaction():
            self._database.execute(sql, MESSAGE)

    def _due(self) -> list[Message]:
        """Bundle what is queued and take what is due."""
        database, now = self._database, self._org.now()
        with database.transaction():
            while self._bundle(now):
                pass
            rows = database.execute(
                "SELECT n, way, sobject, attempts, queued_at FROM hook_message"
                " WHERE state = 'waiting' AND due_at <= ? ORDER BY n",
                stamp(now),
            )
            found = [Message(*row) for row in (reversed(rows) if self._settings["hook_shuffle"] else rows)]
            due = [message for message in found if not self._is_over(message, now)]
            for message in due:
                self._note(message.n, "sending", None)
        return due

    def _bundle(self, now: datetime) -> bool:
        """Make one message of the oldest notices that are in none yet; False when there are none."""
        database = self._database
        oldest = database.execute("SELECT way, sobject FROM hook_notice WHERE message IS NULL ORDER BY seq LIMIT 1")
        if not oldest:
            return False
        way, sobject = oldest[0]
        most = min(MOST[str(way)], max(1, int(self._settings["hook_bundle"])))
        number = database.execute(
            "INSERT INTO hook_message (way, sobject, state, attempts, queued_at, due_at)"
            " VALUES (?, ?, 'waiting', 0, ?, ?) RETURNING n",
            *(way, sobject, stamp(now), stamp(now)),
        )[0][0]
        database.execute(
            "UPDATE hook_notice SET message = ? WHERE seq IN (SELECT seq FROM hook_notice"
            " WHERE message IS NULL AND way = ? AND sobject = ? ORDER BY seq LIMIT ?)",
            *(number, way, sobject, most),
        )
        return True

    def _is_over(self, message: Message, now: datetime) -> bool:
        """Take note of a message that is dropped after a day, or lost on demand."""
        if now - moment_of(message.queued_at) > HORIZON:
            self._note(message.n, "dropped", None)
        elif self._spend("hook_lose_next"):
            self._note(message.n, "lost", None)
        else:
            return False
        return True

    async def _deliver(self, client: httpx.AsyncClient, message: Message) -> None:
        async with self._lanes:
            accepted, answer = await self._attempt(client, message)
            for _ in range(int(self._settings["hook_repeat"]) if accepted else 0):
                await self._attempt(client, message)
            await asyncio.to_thread(self._settle, message, answer, accepted=accepted)

    async def _attempt(self, client: httpx.AsyncClient, message: Message) -> tuple[bool, str]:
        """Send once; whether the answer is the right one, and what it was."""
        url, headers, content = await asyncio.to_thread(self._request, message)
        timeout = float(self._settings["hook_timeout_seconds"])
        try:
            async with asyncio.timeout(timeout):
                answer = await client.post(url, content=content, headers=headers, timeout=timeout)
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as problem:
            return False, f"{type(problem).__name__}: {problem}"
        right = is_acknowledged(answer.status_code, answer.content) if message.way == MESSAGE else answer.is_success
        return right, f"{answer.status_code} {answer.text[:200]}"

    def _request(self, message: Message) -> tuple[str, dict[str, str], bytes]:
        """Address, headers and content, with the records as they are at this moment."""
        base, secret = str(self._settings["hook_url"]).rstrip("/"), str(self._settings["hook_secret"])
        notices = self._notices(message)
        if message.way == CALL:
            content = call_body(ORGANIZATION, message.sobject, notices)
            headers = {"Content-Type": "application/json", "X-Threeway-Signature": signature(content, secret)}
            return f"{base}/hooks/salesforce", headers, content
        org = SendingOrg(ORGANIZATION, _ACTIONS[message.sobject], "https://twin.my.salesforce.com")
        content = envelope(org, message.sobject, notices)
        headers = {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": '""'}
        return f"{base}/hooks/salesforce/outbound-message/{secret}", headers, content

    def _notices(self, message: Message) -> list[Notice]:
        sobject = self._org.sobject(message.sobject)
        with self._database.transaction():
            rows = self._database.execute(
                "SELECT id, record, event, at FROM hook_notice WHERE message = ? ORDER BY seq", message.n
            )
            found = []
            for notice, record, event, at in rows:
                row = self._org.tables.by_id(sobject, str(record))
                living = row is not None and not row["IsDeleted"]
                now = {item.name: to_json(item, row[item.name]) for item in sobject.fields} if living and row else None
                found.append(Notice(str(notice), str(record), str(event), str(at), now))
        return found[::-1] if self._settings["hook_shuffle"] else found

    def _settle(self, message: Message, answer: str, *, accepted: bool) -> None:
        """Remember what was answered: done, to be sent again later, or (a call) failed for good."""
        with self._database.transaction():
            heard = accepted and not self._spend("hook_deaf_next")
            if heard:
                self._note(message.n, "acknowledged", answer)
            elif message.way == CALL:
                self._note(message.n, "failed", answer)
            else:
                gap = timedelta(seconds=float(self._settings["hook_retry_seconds"])) * 2 ** min(message.attempts, 10)
                self._note(message.n, "waiting", answer)
                due = stamp(self._org.now() + min(gap, LONGEST_GAP))
                self._database.execute("UPDATE hook_message SET due_at = ? WHERE n = ?", due, message.n)
            self._database.execute("UPDATE hook_message SET attempts = attempts + 1 WHERE n = ?", message.n)

    def _note(self, n: int, state: str, answer: str | None) -> None:
        sql = "UPDATE hook_message SET state = ?, answer = coalesce(?, answer) WHERE n = ?"
        self._database.execute(sql, state, answer, n)

    def _spend(self, switch: str) -> bool:
        """Count a switch down; False when it is at zero."""
        left = int(self._settings[switch])
        if left > 0:
            self._settings.change({switch: left - 1})
        return left > 0
