"""The org's daily pool of API calls, shared by everything that calls Salesforce: who stops first when it runs low."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from enum import Enum

from pydantic import BaseModel, ConfigDict, Field

from adapters.salesforce.errors import DAILY_PAUSE
from adapters.salesforce.transport import ApiUsage
from domain.errors import Unavailable


class Priority(Enum):
    """Kinds of work, the most important first."""

    INVOICES = "invoices"
    STATUS = "status"
    STOCK = "stock"
    MASTER_DATA = "master_data"


class PoolPolicy(BaseModel):
    """How much of the day's pool each kind of work leaves to the more important ones, in percent of the limit.

    Invoices have no such share: they are sent until Salesforce itself refuses. `pause` is how long work that was
    stopped waits, and how long the last word on the pool is believed: when nobody calls, nothing says that a new day
    has filled it again.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    status_percent: int = Field(default=10, ge=0, le=100)
    stock_percent: int = Field(default=20, ge=0, le=100)
    master_data_percent: int = Field(default=30, ge=0, le=100)
    pause: timedelta = Field(default=DAILY_PAUSE, gt=timedelta(0))

    def share_of(self, priority: Priority) -> int:
        """The percentage of the pool that this kind of work does not touch."""
        return {
            Priority.INVOICES: 0,
            Priority.STATUS: self.status_percent,
            Priority.STOCK: self.stock_percent,
            Priority.MASTER_DATA: self.master_data_percent,
        }[priority]

    def permits(self, priority: Priority, usage: ApiUsage | None, calls: int, now: datetime) -> bool:
        """True when the pool, as last seen, still holds these calls and the share that is not this work's."""
        share = self.share_of(priority)
        if share == 0 or usage is None or now - usage.seen_at >= self.pause:
            return True
        return (usage.limit - usage.used - calls) * 100 >= usage.limit * share


class CallPool:
    """The pool as one gateway sees it, and the rules by which its work may draw on it."""

    def __init__(self, usage: Callable[[], ApiUsage | None], policy: PoolPolicy | None = None) -> None:
        self._usage = usage
        self._policy = policy or PoolPolicy()

    def draw(self, priority: Priority, calls: int = 1) -> None:
        """Raise Unavailable with the reason `daily_pool` when work of this priority should make no calls now."""
        usage = self._usage()
        if usage is None or self._policy.permits(priority, usage, calls, datetime.now(UTC)):
            return
        raise Unavailable(
            f"{usage.used} of {usage.limit} Salesforce calls of the day are used: the rest is kept for what matters "
            f"more than {priority.value.replace('_', ' ')}.",
            reason="daily_pool",
            retry_after=self._policy.pause,
        )
