"""Alerts: what was told to whom, the channels, and a trial."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from api.auth import Admin, Viewer
from api.exports import FILE, in_csv
from api.services import Reading, Serving
from api.shapes import Cursor, Limit, Listing, listing, problems
from domain.alerts import ChannelKind, Severity
from store import alerts
from store.alerts import AlertMessage

router = APIRouter(prefix="/alerts", tags=["alerts"])

MessageState = Literal["waiting", "sent", "given_up"]


class ChannelView(BaseModel):
    """A channel of `alerts.toml`, never its address: how many routes lead there, and when it is left in peace."""

    name: str
    kind: ChannelKind
    routes: int
    lets_through: Severity
    digest_at: list[str]
    pause_minutes: int


class Trial(BaseModel):
    """Which channel shall say that it works."""

    model_config = ConfigDict(str_strip_whitespace=True, json_schema_extra={"examples": [{"channel": "desk"}]})

    channel: str = Field(min_length=1, max_length=40)


@router.get("", responses=problems() | FILE, summary="List alerts")
@in_csv("alerts")
def list_alerts(
    session: Reading,
    key: Viewer,
    channel: str | None = None,
    state: MessageState | None = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Listing[AlertMessage]:
    """Messages with what they say, the newest first: which were taken, which are tried again, which were given up."""
    return listing(alerts.page(session, channel=channel, state=state, limit=limit, cursor=cursor))


@router.get("/channels", responses=problems(), summary="List channels of alerts")
def list_alert_channels(serving: Serving, key: Viewer) -> Listing[ChannelView]:
    """The channels that are declared, by name."""
    rules = serving.alerts.alerting.rules
    views = [
        ChannelView(
            name=name,
            kind=channel.kind,
            routes=sum(route.channel == name for route in rules.routes),
            lets_through=channel.lets_through,
            digest_at=[f"{one:%H:%M}" for one in channel.digest_at],
            pause_minutes=channel.pause_minutes,
        )
        for name, channel in sorted(rules.channels.items())
    ]
    return Listing(items=views)


@router.post("/test", responses=problems(404, 413), summary="Try a channel of alerts")
def check_alert_channel(trial: Trial, serving: Serving, key: Admin) -> AlertMessage:
    """Send a message that says that nothing is wrong, now and once; its `state` says whether it was taken."""
    return serving.alerts.test(trial.channel, key.name)
