"""Sends webhooks to the gateway in the background: never in the way of an API answer.

A notification that is not answered with 200 within three seconds is sent again after 10, 20 and 30 seconds, 5 and 20
minutes, 2, 4 and 6 hours and then every 6 hours of the twin's clock; what happened later waits behind it.
"""

import asyncio
import logging
import sqlite3
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import httpx

from twins.quickbooks.state import Company
from twins.quickbooks.webhooks import CLOUD, TYPES, Event, payload, signature

PULSE_SECONDS = 0.1
GAPS = tuple(timedelta(seconds=gap) for gap in (10, 20, 30, 300, 1200, 7200, 14400, 21600))
SETTINGS: dict[str, Any] = {
    "webhooks": False,
    "hook_url": "",  # the gateway's base address
    "hook_verifier": "twin-verifier",
    "hook_format": CLOUD,  # or legacy
    "hook_bundle": 100,  # the most events of a notification
    "hook_timeout_seconds": 3,
    "hook_in_order": True,  # what happened later waits behind what was not acknowledged
    "hook_hold": False,  # nothing leaves; what is queued meanwhile leaves together
    "hook_shuffle": False,  # the newest first, among notifications and within them
    "hook_repeat": 0,  # so often more is everything sent
    "hook_lose_next": 0,  # so many notifications never leave
    "hook_deaf_next": 0,  # so many good answers do not arrive
}


class Notification(NamedTuple):
    """What is to be sent now."""

    n: int
    attempts: int


class WebhookSender:
    """The background work: bundles what is queued, sends what is due, remembers what was answered."""

    def __init__(self, company: Company) -> None:
        self._company = company
        self._database, self._settings = company.database, company.settings

    async def run(self) -> None:
        """Go on until cancelled."""
        async with httpx.AsyncClient(trust_env=False) as client:
            while True:
                await asyncio.sleep(PULSE_SECONDS)
                if not self._settings["hook_url"] or self._settings["hook_hold"]:
                    continue
                try:
                    for one in await asyncio.to_thread(self._due):
                        if not await self._deliver(client, one) and self._settings["hook_in_order"]:
                            break
                except sqlite3.Error:
                    logging.getLogger(__name__).exception("the queue could not be read")

    def _due(self) -> list[Notification]:
        """Bundle what is queued and take what is due; in order, nothing passes what waits to be sent again."""
        now = self._company.clock.now()
        with self._database.transaction():
            while self._bundle(now):
                pass
            rows = self._database.execute(
                "SELECT n, attempts, due_at FROM hook_message WHERE state = 'waiting' ORDER BY n"
            )
            waiting = reversed(rows) if self._settings["hook_shuffle"] else rows
            due = []
            for n, attempts, due_at in waiting:
                if datetime.fromisoformat(due_at) > now:
                    if self._settings["hook_in_order"]:
                        break
                elif self._spend("hook_lose_next"):
                    self._note(n, "lost", None)
                else:
                    due.append(Notification(n, attempts))
        return due

    def _bundle(self, now: datetime) -> bool:
        """Make one notification of the oldest events that are in none yet; False when there are none."""
        database, most = self._database, max(1, int(self._settings["hook_bundle"]))
        if not database.execute("SELECT 1 FROM hook_event WHERE message IS NULL LIMIT 1"):
            return False
        stamp = now.isoformat()
        sql = "INSERT INTO hook_message (state, attempts, queued_at, due_at) VALUES ('waiting', 0, ?, ?) RETURNING n"
        number = database.execute(sql, stamp, stamp)[0][0]
        database.execute(
            "UPDATE hook_event SET message = ? WHERE seq IN"
            " (SELECT seq FROM hook_event WHERE message IS NULL ORDER BY seq LIMIT ?)",
            *(number, most),
        )
        return True

    async def _deliver(self, client: httpx.AsyncClient, one: Notification) -> bool:
        accepted, answer = await self._attempt(client, one)
        for _ in range(int(self._settings["hook_repeat"]) if accepted else 0):
            await self._attempt(client, one)
        return await asyncio.to_thread(self._settle, one, answer, accepted=accepted)

    async def _attempt(self, client: httpx.AsyncClient, one: Notification) -> tuple[bool, str]:
        """Send once; whether the answer is the right one, and what it was."""
        form = str(self._settings["hook_format"])
        body = await asyncio.to_thread(lambda: payload(form, self._events(one)))
        headers = {
            "Content-Type": TYPES.get(form, "application/json"),
            "intuit-signature": signature(body, str(self._settings["hook_verifier"])),
        }
        url = f"{str(self._settings['hook_url']).rstrip('/')}/hooks/quickbooks"
        timeout = float(self._settings["hook_timeout_seconds"])
        try:
            async with asyncio.timeout(timeout):
                answer = await client.post(url, content=body, headers=headers, timeout=timeout)
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as problem:
            return False, f"{type(problem).__name__}: {problem}"
        return answer.status_code == 200, f"{answer.status_code} {answer.text[:200]}"

    def _events(self, one: Notification) -> list[Event]:
        rows = self._database.execute(
            "SELECT id, realm, entity, key, operation, deleted_key, at FROM hook_event WHERE message = ? ORDER BY seq",
            one.n,
        )
        found = [Event(*row) for row in rows]
        return found[::-1] if self._settings["hook_shuffle"] else found

    def _settle(self, one: Notification, answer: str, *, accepted: bool) -> bool:
        """Remember what was answered: done, or to be sent again later; True when it is done."""
        with self._database.transaction():
            heard = accepted and not self._spend("hook_deaf_next")
            self._note(one.n, "acknowledged" if heard else "waiting", answer)
            due = self._company.clock.now() + GAPS[min(one.attempts, len(GAPS) - 1)]
            sql = "UPDATE hook_message SET attempts = attempts + 1, due_at = ? WHERE n = ?"
            self._database.execute(sql, due.isoformat(), one.n)
        return heard

    def _note(self, n: int, state: str, answer: str | None) -> None:
        sql = "UPDATE hook_message SET state = ?, answer = coalesce(?, answer) WHERE n = ?"
        self._database.execute(sql, state, answer, n)

    def _spend(self, switch: str) -> bool:
        """Count a switch down; False when it is at zero."""
        left = int(self._settings[switch])
        if left > 0:
            self._settings.change({switch: left - 1})
        return left > 0
