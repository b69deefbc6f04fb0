"""Alerts as HTTP calls, to a receiver over a real socket."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from pydantic import SecretStr

from adapters.alerts import calls
from adapters.alerts.calls import SlackSender, WebhookSender
from adapters.alerts.outgoing import Outgoing
from adapters.salesforce.hooks import check_signature
from domain.alert_texts import AlertContent
from domain.alerts import Phase, Severity
from domain.errors import GatewayError, NotAuthorized, Rejected, TimedOut, Unavailable
from tests.receivers import Receiver, receiver

CONTENT = AlertContent(subject="[high] <!channel> & 2 new", severity=Severity.HIGH, counts={Phase.OPENED: 2})
MESSAGE = Outgoing("0b8f", "ops", CONTENT, datetime(2026, 11, 26, 15, 0, tzinfo=UTC))
SECRET = SecretStr("a-signing-secret-of-these-tests")


@pytest.fixture
def ops() -> Iterator[Receiver]:
    with receiver() as running:
        yield running


def webhook(ops: Receiver) -> WebhookSender:
    return WebhookSender(SecretStr(ops.address), SECRET)


def test_a_call_is_signed_as_calls_to_us_are(ops: Receiver) -> None:
    """G-I7: whoever checks Salesforce's signature checks this one alike."""
    webhook(ops).send(MESSAGE)
    ((headers, body),) = ops.calls
    expected = hmac.new(b"a-signing-secret-of-these-tests", body, hashlib.sha256).hexdigest()
    assert headers["x-threeway-signature"] == expected
    check_signature(body, headers["x-threeway-signature"], SECRET)
    said = json.loads(body)
    assert (said["id"], said["channel"], said["severity"]) == ("0b8f", "ops", "high")
    assert said["counts"] == {"opened": 2, "overdue": 0, "closed": 0}
    assert headers["idempotency-key"] == "0b8f"


def test_the_same_alert_again_is_the_same_call(ops: Receiver) -> None:
    for _ in range(2):
        webhook(ops).send(MESSAGE)
    (first, again) = ops.calls
    assert first == again


def test_slack_is_told_in_its_own_form_and_nobody_is_called_out(ops: Receiver) -> None:
    SlackSender(SecretStr(ops.address)).send(MESSAGE)
    ((_, body),) = ops.calls
    text = json.loads(body)["text"]
    assert text.startswith("[high] &lt;!channel&gt; &amp; 2 new\n")
    assert text.endswith("_0b8f_")


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (500, Unavailable),
        (429, Unavailable),
        (404, Rejected),
        (403, NotAuthorized),
        (302, Rejected),
    ],
)
def test_a_status_says_what_it_means_and_no_redirect_is_followed(
    ops: Receiver, status: int, kind: type[GatewayError]
) -> None:
    ops.answers = [status]
    refusal = failure(ops)
    assert type(refusal) is kind
    assert len(ops.calls) == 1
    assert "x9y8z7" not in refusal.detail, "the address of an incoming webhook is a secret"


def test_a_slow_receiver_is_left_and_a_dead_one_is_away(ops: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "TIMEOUT_SECONDS", 0.2)
    ops.slow = 1.0
    assert isinstance(failure(ops), TimedOut)
    ops.slow, ops.hangs_up = 0.0, 1
    refusal = failure(ops)
    assert isinstance(refusal, Unavailable)
    assert "x9y8z7" not in refusal.detail
    nowhere = WebhookSender(SecretStr("http://127.0.0.1:1/x9y8z7"), SECRET)
    with pytest.raises(Unavailable):
        nowhere.send(MESSAGE)


def failure(ops: Receiver) -> GatewayError:
    with pytest.raises(GatewayError) as raised:
        webhook(ops).send(MESSAGE)
    return raised.value
