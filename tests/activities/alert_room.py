"""An alert desk on a store of its own, with a receiver that really takes what it sends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import SecretStr
from sqlalchemy import Engine, text

from activities.alert_channels import Alerting
from activities.alerting import AlertDesk
from activities.silence import SilenceWatch
from adapters.alerts.calls import WebhookSender
from domain.alerts import AlertRules
from domain.exceptions import Cause, Choice, ExceptionKind, Finding
from store import alerts, exceptions
from store.causes import Cause as ChangeCause
from store.causes import CauseSource
from store.session import reading, transaction
from tests.build import company
from tests.receivers import Receiver

BY = ChangeCause(source=CauseSource.GATEWAY, actor="tests")
ROUTE = '[[routes]]\nchannel = "ops"\n'
SECRET = SecretStr("a-signing-secret-of-these-tests")


@dataclass
class AlertRoom:
    """The desk, what it works on, and what it sent."""

    engine: Engine
    ops: Receiver
    rules: AlertRules

    def desk(self, **more: Any) -> AlertDesk:
        """A desk as a process has it: several work on one store."""
        senders = {name: WebhookSender(SecretStr(self.ops.address), SECRET) for name in self.rules.channels}
        alerting = Alerting(self.rules, {**senders, **more}, "https://gateway.example")
        nobody: Any = None
        watch = SilenceWatch(self.engine, nobody, company(), self.rules.watch)
        return AlertDesk(self.engine, alerting, watch, ZoneInfo("America/New_York"))

    def open(self, key: str, *, cause: Cause = Cause.PRICE_DIFFERS, stake: str | None = "10.00", **more: Any) -> str:
        """Open work on a shipment."""
        finding = Finding(
            kind=more.get("kind", ExceptionKind.HOLD),
            cause=cause,
            sentence=more.get("sentence", f"The prices of {key} differ."),
            choices=(Choice.HANDLED,),
        )
        with transaction(self.engine, BY) as session:
            return exceptions.open_item(
                session,
                finding=finding,
                record=("shipment", key),
                owner="billing",
                money_at_stake=None if stake is None else Decimal(stake),
            )

    def change(self, statement: str, **given: Any) -> None:
        """Change the store by hand."""
        with transaction(self.engine, BY) as session:
            session.execute(text(statement), given)

    def passes(self, time: timedelta) -> None:
        """Time passes, for everything that alerts keep."""
        self.change(
            "UPDATE alert_messages SET made_at = made_at - CAST(:time AS interval), "
            "next_try_at = next_try_at - CAST(:time AS interval), "
            "claimed_until = claimed_until - CAST(:time AS interval)",
            time=time,
        )
        self.change("UPDATE alert_notices SET due_at = due_at - CAST(:time AS interval)", time=time)

    def round(self, time: timedelta = timedelta(minutes=10)) -> tuple[int, int]:
        """Make and send, and time passes after that; answers how many messages were made and sent."""
        desk = self.desk()
        made, sent = desk.make(), desk.send()
        self.passes(time)
        return made.messages, sent.sent

    def messages(self) -> Sequence[alerts.AlertMessage]:
        """All messages, the newest first."""
        with reading(self.engine) as session:
            return alerts.page(session).items
