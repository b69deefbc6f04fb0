"""Alerts as HTTP calls: JSON signed like Salesforce's calls to us, or the body of Slack's incoming webhooks."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

import httpx
from pydantic import SecretStr

from adapters.alerts.outgoing import TIMEOUT_SECONDS, Outgoing
from domain.alert_texts import text_of
from domain.alerts import Phase
from domain.errors import GatewayError, NotAuthorized, Rejected, TimedOut, Unavailable

SIGNATURE = "X-Threeway-Signature"
SLACK_LETTERS = 35_000  # Slack cuts what is longer than 40,000


class WebhookSender:
    """Calls an address of the distributor's own: the whole alert as JSON, with the HMAC-SHA256 of the raw body."""

    def __init__(self, address: SecretStr, secret: SecretStr) -> None:
        self._address, self._secret = address, secret

    def send(self, message: Outgoing) -> str | None:
        """Hand a message over; `id` in the body and `Idempotency-Key` are the same with every try."""
        body = json.dumps(_document(message), ensure_ascii=False).encode()
        digest = hmac.new(self._secret.get_secret_value().encode(), body, hashlib.sha256).hexdigest()
        _post(self._address, body, {SIGNATURE: digest, "Idempotency-Key": message.id})
        return None


class SlackSender:
    """Posts to an incoming webhook of Slack, or of anything else that takes its form (Mattermost, Zulip)."""

    def __init__(self, address: SecretStr) -> None:
        self._address = address

    def send(self, message: Outgoing) -> str | None:
        """Hand a message over. Slack knows no repeated call: the id stands at the end of the text."""
        text = _escaped(text_of(message.content))[:SLACK_LETTERS] + f"_{message.id}_"
        _post(self._address, json.dumps({"text": text, "mrkdwn": True}).encode(), {"Idempotency-Key": message.id})
        return None


def _document(message: Outgoing) -> dict[str, Any]:
    said = message.content.model_dump(mode="json")
    head = {"id": message.id, "channel": message.channel, "made_at": message.made_at.isoformat()}
    counts = {phase.value: message.content.counts.get(phase, 0) for phase in Phase}
    return {**head, **said, "counts": counts}


def _post(address: SecretStr, body: bytes, headers: dict[str, str]) -> None:
    """Only the status counts: an answer is not read, and a redirect is not followed."""
    sent = {"Content-Type": "application/json", "User-Agent": "threeway", **headers}
    try:
        with (
            httpx.Client(timeout=TIMEOUT_SECONDS, follow_redirects=False) as client,
            client.stream("POST", address.get_secret_value(), content=body, headers=sent) as answer,
        ):
            status = answer.status_code
    except httpx.TimeoutException as error:
        raise TimedOut("The receiver did not answer in time.", reason=type(error).__name__) from None
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise Unavailable(f"The receiver cannot be reached ({type(error).__name__}).") from None
    if not 200 <= status < 300:
        raise _refusal(status)


def _refusal(status: int) -> GatewayError:
    detail = f"The receiver answered {status}."
    if status in {401, 403}:
        return NotAuthorized(detail, reason=str(status))
    if status in {408, 425, 429} or status >= 500:
        return Unavailable(detail, reason=str(status))
    return Rejected(detail, reason=str(status))


def _escaped(text: str) -> str:
    """Slack's three letters with a meaning: no sentence can mention a person or make a link."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
