"""Work orders about orders: the typed messages between their workflows and activities."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from domain.work import Message


class OrdersWork(Message):
    """Start of `orders-pull/...`."""

    reason: str = "schedule"


class SalesforceEventWork(Message):
    """Start of `salesforce-event/<id>`: the records that something is said to have happened to, by their own Ids.

    `hinted_at`: when the first hint came.
    """

    order_ids: list[str] = Field(default_factory=list)
    line_ids: list[str] = Field(default_factory=list)
    hinted_at: datetime | None = None


class SalesforceEventProgress(Message):
    """The answer to the `status` query of `salesforce-event/<id>`: how often its records were read, and what moved."""

    step: str
    reads: int = 0
    changed: list[str] = Field(default_factory=list)


class OrdersNamed(Message):
    """Orders to be read again by their Salesforce ids, or by those of their lines: something happened to them there.

    `hinted_at`: when that was said, for the time that reading took; None where it was said again meanwhile.
    """

    order_ids: list[str] = Field(default_factory=list)
    line_ids: list[str] = Field(default_factory=list)
    hinted_at: datetime | None = None


class OrdersPulled(Message):
    """What one poll of Salesforce orders came to; `changed` names them where they are few, else it is empty."""

    read: int
    changed_count: int = 0
    changed: list[str] = Field(default_factory=list)
    unnumbered: int = 0
    incomplete: int = 0
    accepted: int = 0


class OrderWork(Message):
    """Start of `order/<number>`."""

    order_number: str


class OrderSettled(Message):
    """What a look at an order came to: its state, and what has to follow from it.

    `send`: a message waits to be written for the ERP. `tell`: Salesforce does not show yet what is true now. `flow`: it
    needs a flow of its own, because something is awaited of it or a person has to decide.
    `allowed`: what a person may decide of it in this state. `look_at`: when to look without news.
    """

    order_number: str
    known: bool = True
    state: str = ""
    shows: str | None = None
    closed: bool = False
    send: bool = False
    tell: bool = False
    flow: bool = False
    allowed: list[str] = Field(default_factory=list)
    look_at: datetime | None = None
    exceptions: int = 0


class OrderProgress(Message):
    """The answer to the `status` query of an order's workflow, and to a decision on it."""

    order_number: str
    step: str
    state: str = ""
    shows: str | None = None
    closed: bool = False
    waiting_for: str | None = None
    allowed: list[str] = Field(default_factory=list)
    rounds: int = 0


class OrderAct(Message):
    """What a person decides about an order: `release`, `cancel` or `resend`; why, and who. `key` makes it one."""

    order_number: str
    act: str
    reason: str
    decided_by: str
    key: str


class OrdersLook(Message):
    """A look at orders that were marked: how many were taken, and how many have a flow of their own that goes on."""

    taken: int = 0
    woken: int = 0
