"""Who is told of what, as `alerts.toml` declares it (feature G-I7)."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.alert_texts import LINES, AlertContent, AlertItem, shortened, subject_of, text_of
from domain.alerts import AlertRules, Phase, Severity, Subject, When, is_overdue, tellings
from domain.errors import Misconfigured
from domain.exceptions import Cause, ExceptionKind

ROOM = '[channels.room]\nkind = "slack"\ndigest_at = [08:00:00]\n'
DESK = '[channels.desk]\nkind = "mail"\nto = ["billing@example.com"]\n'


def rules(text: str = "") -> AlertRules:
    return AlertRules.parse(ROOM + DESK + text)


def subject(**given: Any) -> Subject:
    fields: dict[str, Any] = {
        "kind": ExceptionKind.HOLD,
        "cause": Cause.PRICE_DIFFERS,
        "owner": "billing",
        "money": Decimal("250.00"),
    }
    return Subject(**{**fields, **given})


def told(text: str, one: Subject) -> list[tuple[str, Phase, When]]:
    return [(each.channel, each.phase, each.when) for each in tellings(rules(text), one)]


def test_the_shipped_file_tells_nobody_and_watches() -> None:
    shipped = AlertRules.parse((Path(__file__).parents[2] / "config" / "alerts.toml").read_text(encoding="utf-8"))
    assert shipped.channels == {}
    assert shipped.routes == ()
    assert shipped.watch.workers == 1


def test_a_route_without_conditions_takes_everything() -> None:
    """G-I7."""
    for cause in Cause:
        assert told('[[routes]]\nchannel = "room"\n', subject(cause=cause)) == [("room", Phase.OPENED, When.AT_ONCE)]


@pytest.mark.parametrize(
    ("condition", "other"),
    [
        ('kinds = ["hold"]', {"kind": ExceptionKind.CONFLICT}),
        ('causes = ["price_differs"]', {"cause": Cause.UNKNOWN_ITEM}),
        ('owners = ["billing"]', {"owner": "inventory"}),
        ("money_from = 250", {"money": Decimal("249.99")}),
        ("money_from = 250", {"money": None}),
        ('severity_from = "normal"\nmoney_from = 100', {"money": Decimal(99)}),
    ],
)
def test_a_route_takes_what_fits_all_its_conditions(condition: str, other: dict[str, Any]) -> None:
    """G-I7: by type, owner, money."""
    text = f'[[routes]]\nchannel = "room"\n{condition}\n'
    assert told(text, subject()) != []
    assert told(text, subject(**other)) == []


def test_what_is_late_goes_to_those_who_want_only_that() -> None:
    text = '[[routes]]\nchannel = "desk"\n[[routes]]\nchannel = "room"\noverdue = true\n'
    assert told(text, subject()) == [("desk", Phase.OPENED, When.AT_ONCE)]
    assert ("room", Phase.OVERDUE, When.AT_ONCE) in told(text, subject(overdue=True))
    now = datetime(2026, 11, 26, tzinfo=UTC)
    assert not is_overdue(None, now)
    assert not is_overdue(now, now)
    assert is_overdue(now, now.replace(second=1))


def test_of_two_routes_to_one_channel_the_more_urgent_counts() -> None:
    text = (
        '[[routes]]\nchannel = "room"\nwhen = "digest"\n'
        '[[routes]]\nchannel = "room"\nmoney_from = 1000\nclosed = false\n'
    )
    assert told(text, subject()) == [("room", Phase.OPENED, When.DIGEST)]
    (both,) = tellings(rules(text), subject(money=Decimal(1000)))
    assert (both.when, both.tells_end) == (When.AT_ONCE, True)


@pytest.mark.parametrize(
    ("given", "severity"),
    [
        ({}, Severity.NORMAL),
        ({"kind": ExceptionKind.UNCERTAIN}, Severity.HIGH),
        ({"cause": Cause.WORKER_SILENT}, Severity.CRITICAL),
        ({"money": Decimal(1000)}, Severity.HIGH),
        ({"money": Decimal(50_000)}, Severity.CRITICAL),
        ({"cause": Cause.UNKNOWN_ITEM, "money": None}, Severity.CRITICAL),
    ],
)
def test_severity_follows_cause_kind_and_money(given: dict[str, Any], severity: Severity) -> None:
    declared = '[severity]\nhigh_money = 1000\ncritical_money = 50000\ncauses = { unknown_item = "critical" }\n'
    assert rules(declared).severity.of(subject(**given)) is severity


@given(st.decimals(0, 10**7, places=2), st.decimals(0, 10**7, places=2), st.sampled_from(Cause))
def test_more_money_is_never_less_severe(one: Decimal, other: Decimal, cause: Cause) -> None:
    declared = rules("[severity]\nhigh_money = 1000\ncritical_money = 25000\n").severity
    less, more = sorted([one, other])
    assert declared.of(subject(money=less, cause=cause)).rank <= declared.of(subject(money=more, cause=cause)).rank


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[channels.x]\nkind = "pigeon"\n', "channels.x.kind"),
        ('[channels.x]\nkind = "mail"\n', "names in `to` who reads it"),
        ('[channels.x]\nkind = "slack"\nto = ["a@b.c"]\n', "and no other"),
        ('[channels.x]\nkind = "mail"\nto = ["a@b.c, d@e.f"]\n', "plain addresses"),
        ('[channels.x]\nkind = "mail"\nto = ["a@b.c\\nBcc: d@e.f"]\n', "plain addresses"),
        ('[channels."a b"]\nkind = "slack"\n', "no name of a channel"),
        ('[[routes]]\nchannel = "nowhere"\n', "route 1 leads to the channel 'nowhere'"),
        ('[[routes]]\nchannel = "x"\nwhen = "digest"\n[channels.x]\nkind = "slack"\n', "has no `digest_at`"),
        ('[channels.x]\nkind = "slack"\nquiet = true\n', "channels.x.quiet"),
        ('[channels.x]\nkind = "slack"\naddress = "https://hooks.example/secret"\n', "channels.x.address"),
        ("[watch]\nworkers = -1\n", "watch.workers"),
        ("channels = ", "it is not TOML"),
    ],
)
def test_what_is_wrong_with_the_file_is_said(text: str, said: str) -> None:
    with pytest.raises(Misconfigured) as wrong:
        AlertRules.parse(text)
    assert said in wrong.value.detail
    assert wrong.value.detail.startswith("alerts.toml: ")
    assert "secret" not in wrong.value.detail


def item(**given: Any) -> AlertItem:
    fields: dict[str, Any] = {
        "exception_id": "e-1",
        "phase": Phase.OPENED,
        "severity": Severity.HIGH,
        "kind": ExceptionKind.HOLD,
        "cause": Cause.PRICE_DIFFERS,
        "record_type": "shipment",
        "record_key": "SH1",
        "sentence": "The two prices differ.",
        "money_at_stake": Decimal("250.00"),
        "due_at": datetime(2026, 11, 26, 18, 30, tzinfo=UTC),
        "address": "https://gateway.example/exceptions/e-1",
    }
    return AlertItem(**{**fields, **given})


def test_one_thing_is_named_in_the_subject_and_several_are_counted() -> None:
    one = item()
    assert subject_of((one,), {Phase.OPENED: 1}, Severity.HIGH) == "[high] New: price_differs shipment SH1"
    many = subject_of((one,) * LINES, {Phase.OPENED: 990, Phase.CLOSED: 10}, Severity.CRITICAL)
    assert many == "[critical] 990 new, 10 over"


def test_the_text_says_what_why_how_much_and_where() -> None:
    over = item(phase=Phase.CLOSED, ended="Resolved by ana: bill_order_price.", address=None, money_at_stake=None)
    content = AlertContent(
        subject="[high] 1 new, 1 over",
        severity=Severity.HIGH,
        items=(item(), over),
        more={Cause.UNKNOWN_ITEM: 7},
        address="https://gateway.example/exceptions",
    )
    assert text_of(content) == (
        "[high] 1 new, 1 over\n\n"
        "New (high, price_differs): shipment SH1\nThe two prices differ.\n"
        "At stake: 250. Due: 2026-11-26 18:30 UTC.\nhttps://gateway.example/exceptions/e-1\n\n"
        "Over (high, price_differs): shipment SH1\nThe two prices differ.\nResolved by ana: bill_order_price.\n"
        "threeway exceptions show e-1\n\n"
        "And 7 more: 7 unknown_item.\n\n"
        "All that is open: https://gateway.example/exceptions\n"
    )


def test_a_sentence_is_one_line_that_fits() -> None:
    assert shortened("a\nb\r\n c") == "a b c"
    assert len(shortened("x" * 5000)) == 600
