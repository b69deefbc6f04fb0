"""Alerting: what is new is noted for its channels, bundled into messages once it is due, and handed over.

The worker does it as the flow `Alerts`; the API does the same where no worker does (`keep_alerting`).
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy import Engine
from sqlmodel import Session

from activities.alert_channels import Alerting
from activities.alert_contents import content_of, trial
from activities.silence import DESK, SilenceWatch
from adapters.alerts.outgoing import Outgoing
from domain.alert_times import due_at
from domain.alert_work import AlertsMade, AlertsRound, AlertsSent, SilenceWatched
from domain.alerts import Phase, Severity, Telling, When, tellings
from domain.errors import GatewayError, Missing
from domain.exceptions import Cause, Choice, ExceptionKind, Finding
from runtime import metrics
from store import alerts, exceptions
from store.alerts import AlertMessage
from store.causes import Cause as ChangeCause
from store.causes import CauseSource
from store.session import transaction

log = structlog.get_logger()

LEASE = timedelta(minutes=2)  # longer than any try takes
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=30), timedelta(hours=1)
GIVEN_UP_AFTER = timedelta(days=1)
WORK_AFTER_TRIES = 3  # then a channel that takes nothing is work for a person
KEPT_FOR = timedelta(days=90)
AT_ONCE = 50  # messages handed over in one round
LOOK_EVERY = timedelta(seconds=30)
FREE_AFTER = timedelta(minutes=2)  # a worker that lives looks every minute
_CAUSE = ChangeCause(source=CauseSource.GATEWAY, actor="alerts")


class AlertDesk:
    """The steps of a round; each can be run again, and by several processes at once."""

    def __init__(self, engine: Engine, alerting: Alerting, watch: SilenceWatch, zone: ZoneInfo) -> None:
        self._engine, self.alerting, self._watch, self._zone = engine, alerting, watch, zone

    async def watch(self) -> SilenceWatched:
        """Look for what fell silent, and say that somebody does look."""
        await asyncio.to_thread(self.take_turn, timedelta(0))
        return SilenceWatched(silent=await self._watch.look())

    def take_turn(self, free_after: timedelta) -> bool:
        """Whether it is our turn: nobody has looked for so long, and from now on nobody else does instead of us."""
        with transaction(self._engine, _CAUSE) as session:
            return alerts.take_turn(session, datetime.now(UTC), free_after)

    def make(self) -> AlertsMade:
        """Note what is new, over or late, and make one message for each channel that may be told of something now."""
        now = datetime.now(UTC)
        with transaction(self._engine, _CAUSE) as session:
            alerts.lock(session)
            alerts.forget_channels(session, list(self.alerting.rules.channels))
            alerts.forget_over(session)
            noted = self._note(session, now)
            made = sum(self._bundle(session, channel, now) for channel in self.alerting.rules.channels)
            alerts.forget_old(session, now - KEPT_FOR)
        return AlertsMade(noted=noted, messages=made)

    def _note(self, session: Session, now: datetime) -> int:
        rules = self.alerting.rules
        if not rules.routes:
            return 0
        new = [
            (one.exception_id, told)
            for one in alerts.untold(session, now)
            for told in tellings(rules, one.subject)
            if (told.channel, told.phase.value) not in one.noted
        ]
        new += [
            (exception_id, Telling(channel, Phase.CLOSED, severity, self._when_over(channel), tells_end=False))
            for exception_id, channel, severity in alerts.ended(session)
            if channel in rules.channels
        ]
        cache: dict[tuple[str, When, Severity], datetime] = {}
        return alerts.note(session, [(one, told, self._due(told, now, cache)) for one, told in new])

    def _when_over(self, channel: str) -> When:
        """The end is no more urgent than the most urgent thing that a channel is told of."""
        ways = {one.when for one in self.alerting.rules.routes if one.channel == channel}
        return When.DIGEST if ways == {When.DIGEST} else When.AT_ONCE

    def _due(self, told: Telling, now: datetime, cache: dict[tuple[str, When, Severity], datetime]) -> datetime:
        key = (told.channel, told.when, told.severity)
        if key not in cache:
            channel = self.alerting.rules.channels[told.channel]
            cache[key] = due_at(channel, told.when, told.severity, now, self._zone)
        return cache[key]

    def _bundle(self, session: Session, channel: str, now: datetime) -> bool:
        """Make a message of everything that is due; not yet where one that was as urgent went out just now."""
        due = alerts.due(session, channel, now)
        if due is None:
            return False
        pause = timedelta(minutes=self.alerting.rules.channels[channel].pause_minutes)
        last = alerts.last_made(session, channel, due.severity)
        if last is not None and now - last < pause:
            return False
        alerts.make(session, channel, content_of(session, channel, due, now, self.alerting.public_url), now)
        return True

    def send(self) -> AlertsSent:
        """Hand over what is due; a channel that fails is left in peace until the next round."""
        sent, failed = 0, list[str]()
        for _ in range(AT_ONCE):
            message = self._claim(failed)
            if message is None:
                break
            if self._hand_over(message).state == "sent":
                sent += 1
            else:
                failed.append(message.channel)
        return AlertsSent(sent=sent, failed=len(failed))

    def _claim(self, but: list[str], message_id: str | None = None) -> AlertMessage | None:
        with transaction(self._engine, _CAUSE) as session:
            return alerts.claim(session, datetime.now(UTC), LEASE, but=but, message_id=message_id)

    def _hand_over(self, message: AlertMessage) -> AlertMessage:
        """One try: whoever dies in it is followed by another one with the same id, once the lease is over."""
        sender = self.alerting.senders.get(message.channel)
        if sender is None:
            return self._note_failure(message, "The channel is declared no more.", final=True)
        try:
            left = sender.send(Outgoing(message.id, message.channel, message.content, message.made_at))
        except GatewayError as error:
            return self._note_failure(message, error.detail, final=False)
        except Exception as error:
            log.exception("an alert could not be handed over", channel=message.channel, exc_info=error)
            return self._note_failure(message, f"{type(error).__name__}: the log has the place.", final=False)
        return self._note_sent(message, left)

    def _note_sent(self, message: AlertMessage, left: str | None) -> AlertMessage:
        metrics.count("alerts", channel=message.channel, outcome="sent")
        if left:
            log.warning("an alert was not taken by all", channel=message.channel, said=left)
        now = datetime.now(UTC)
        with transaction(self._engine, _CAUSE) as session:
            exceptions.close_by_itself(session, ("channel", message.channel), now)
            return alerts.sent(session, message.id, now)

    def _note_failure(self, message: AlertMessage, detail: str, *, final: bool) -> AlertMessage:
        metrics.count("alerts", channel=message.channel, outcome="failed")
        log.warning(
            "an alert was not taken", channel=message.channel, message=message.id, tries=message.tries, why=detail
        )
        now = datetime.now(UTC)
        over = final or message.is_test or now - message.made_at >= GIVEN_UP_AFTER
        next_try = None if over else now + min(FIRST_PAUSE * 2 ** min(message.tries - 1, 20), LONGEST_PAUSE)
        with transaction(self._engine, _CAUSE) as session:
            if message.tries >= WORK_AFTER_TRIES and not final:
                _open_undelivered(session, message.channel, detail)
            return alerts.failed(session, message.id, detail, next_try)

    def test(self, channel: str, by: str) -> AlertMessage:
        """Send a message that says that it is a trial, now and once. Raises Missing for a channel that there is not."""
        if channel not in self.alerting.senders:
            raise Missing(f"There is no channel {channel} in alerts.toml.", reason="channel")
        with transaction(self._engine, ChangeCause(source=CauseSource.USER, actor=by)) as session:
            made = alerts.make(session, channel, trial(by, self.alerting.public_url), datetime.now(UTC), is_test=True)
        claimed = self._claim([], made.id)
        return self._hand_over(claimed) if claimed else made

    async def round(self) -> AlertsRound:
        """A whole round outside of Temporal."""
        watched = await self.watch()
        made = await asyncio.to_thread(self.make)
        return AlertsRound(watched=watched, made=made, sent=await asyncio.to_thread(self.send))


async def keep_alerting(desk: AlertDesk) -> None:
    """Do the rounds where no worker does, until cancelled; of several processes one at a time."""
    while True:
        await asyncio.sleep(LOOK_EVERY.total_seconds())
        try:
            if await asyncio.to_thread(desk.take_turn, FREE_AFTER):
                log.warning("no worker looks after alerts, so the API does")
                await desk.round()
        except GatewayError as error:
            log.warning("alerts could not be looked after", error=error.detail)
        except Exception:  # whoever watches must not fall silent for a reason of its own
            log.exception("alerts could not be looked after")


def _open_undelivered(session: Session, channel: str, detail: str) -> None:
    """One piece of work a channel, which ends with the first message that is taken."""
    sentence = f"Alerts do not reach the channel {channel}: {detail} They are tried again for a day."
    about = exceptions.open_of_record(session, ("channel", channel))
    if any(one.sentence == sentence for one in about):
        return
    finding = Finding(
        kind=ExceptionKind.DEAD_LETTER, cause=Cause.ALERT_UNDELIVERED, sentence=sentence, choices=(Choice.HANDLED,)
    )
    metrics.count("exceptions_raised", kind=finding.kind, cause=finding.cause)
    exceptions.open_item(session, finding=finding, record=("channel", channel), owner=DESK)
