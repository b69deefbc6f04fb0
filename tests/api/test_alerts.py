"""Alerts by HTTP: what was told, the channels without their addresses, a trial, and wrong settings at the start."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from domain.errors import Misconfigured
from runtime.settings import Settings
from tests.api import filling
from tests.api.served import ROOT, Served, assert_problem, serving
from tests.receivers import Receiver, receiver

DECLARED = """
[channels.ops]
kind = "webhook"
digest_at = [08:00:00]

[channels.chat]
kind = "slack"

[[routes]]
channel = "ops"
"""


def configured(folder: Path, declared: str) -> Path:
    config = folder / "config"
    shutil.copytree(ROOT / "config", config)
    (config / "alerts.toml").write_text(declared, encoding="utf-8")
    return config


def given(ops: Receiver) -> dict[str, Any]:
    return {
        "alert_addresses": SecretStr(f"ops={ops.address}\nchat={ops.address}"),
        "alert_secrets": SecretStr("ops=a-signing-secret-of-these-tests"),
        "public_url": "https://gateway.example",
    }


@pytest.fixture
async def alerting(database_url: str, temporal: str, tmp_path: Path) -> AsyncIterator[tuple[Served, Receiver]]:
    """An app with two channels that lead to one receiver."""
    with receiver() as ops:
        config = configured(tmp_path, DECLARED)
        async with serving(database_url, temporal, tmp_path, config_dir=config, **given(ops)) as served:
            yield served, ops


async def test_what_was_told_is_listed(alerting: tuple[Served, Receiver]) -> None:
    """G-I7, G-I8."""
    served, ops = alerting
    with served.write() as session:
        exception_id = filling.exception(session, "SH1")
    served.services.alerts.make()
    served.services.alerts.send()
    answer = await served.client.get("/alerts", headers=served.as_scope("viewer"))
    (one,) = answer.json()["items"]
    assert (one["channel"], one["state"], one["tries"], one["error"]) == ("ops", "sent", 1, None)
    assert one["content"]["items"][0]["address"] == f"https://gateway.example/ui/exceptions/{exception_id}"
    assert len(ops.calls) == 1
    assert (await served.client.get("/alerts?state=waiting")).json()["items"] == []
    assert (await served.client.get("/alerts?channel=chat")).json()["items"] == []


async def test_channels_are_told_without_their_addresses(alerting: tuple[Served, Receiver]) -> None:
    served, _ = alerting
    answer = await served.client.get("/alerts/channels")
    assert [(one["name"], one["kind"], one["routes"], one["digest_at"]) for one in answer.json()["items"]] == [
        ("chat", "slack", 0, []),
        ("ops", "webhook", 1, ["08:00"]),
    ]
    assert "x9y8z7" not in answer.text


async def test_a_channel_is_tried_by_an_admin(alerting: tuple[Served, Receiver]) -> None:
    served, ops = alerting
    sent = await served.client.post("/alerts/test", json={"channel": "chat"})
    assert (sent.status_code, sent.json()["state"], len(ops.calls)) == (200, "sent", 1)
    ops.answers = [410]
    refused = (await served.client.post("/alerts/test", json={"channel": "chat"})).json()
    assert (refused["state"], refused["error"]) == ("given_up", "The receiver answered 410.")
    assert_problem(await served.client.post("/alerts/test", json={"channel": "pigeon"}), 404, "missing")


@pytest.mark.parametrize(
    ("declared", "more", "said"),
    [
        (DECLARED, {"alert_secrets": None}, "THREEWAY_ALERT_SECRETS: has no ops=... for the channel ops"),
        (DECLARED, {"alert_addresses": None}, "THREEWAY_ALERT_ADDRESSES: has no"),
        ("", {}, "THREEWAY_ALERT_ADDRESSES: names chat, ops, which alerts.toml does not declare"),
        (
            '[channels.desk]\nkind = "mail"\nto = ["a@b.test"]\n',
            {"alert_addresses": None, "alert_secrets": None},
            "SMTP",
        ),
        ("[channels.x]\n", {}, "alerts.toml: channels.x.kind"),
    ],
)
async def test_what_is_wrong_is_said_at_the_start(
    tmp_path: Path, database_url: str, nowhere: str, declared: str, more: dict[str, Any], said: str
) -> None:
    with receiver() as ops:
        config = configured(tmp_path, declared)
        with pytest.raises(Misconfigured) as wrong:
            async with serving(database_url, nowhere, tmp_path, config_dir=config, **{**given(ops), **more}):
                pass
    assert said in wrong.value.detail
    assert "x9y8z7" not in wrong.value.detail


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"alert_addresses": "ops"}, "channel=value"),
        ({"alert_addresses": "ops=https://a.example ops=https://b.example"}, "each channel once"),
        ({"alert_addresses": "ops=http://a.example/x"}, "must use https"),
        ({"alert_secrets": "ops=short-one"}, "at least 16 letters"),
        ({"smtp_host": "mail.example"}, "THREEWAY_SMTP_FROM: is needed with THREEWAY_SMTP_HOST"),
        ({"smtp_host": "mail.example", "smtp_from": "a b@c"}, "smtp_from"),
        (
            {
                "smtp_host": "mail.example",
                "smtp_from": "a@b.example",
                "smtp_username": "a",
                "smtp_password": "the-one-of-mail",
                "smtp_security": "none",
            },
            "THREEWAY_SMTP_SECURITY",
        ),
    ],
)
def test_a_setting_that_is_wrong_is_refused_and_not_repeated(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError) as wrong:
        Settings(**given)
    assert said in str(wrong.value)
    assert "short-one" not in str(wrong.value)
    assert "the-one-of-mail" not in str(wrong.value)


def test_the_port_of_mail_follows_its_security() -> None:
    base = {"smtp_host": "mail.example", "smtp_from": "a@b.example"}
    ports = {one: Settings(**base, smtp_security=one).alerts.smtp for one in ("starttls", "tls", "none")}
    assert {name: found.port for name, found in ports.items() if found} == {"starttls": 587, "tls": 465, "none": 25}
