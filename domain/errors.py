"""The error tree: what an error means for the work, with one stable code per kind.

GatewayError(code, detail)
 + Transient     trying again can help
 |   RateLimited, Unavailable, TimedOut, StaleToken, OutcomeUnknown
 + Permanent     trying again cannot help
 |   Rejected, Malformed, Missing, Duplicate, NotAuthorized, Misconfigured
 + NeedsHuman    a person must choose
"""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar


class GatewayError(Exception):
    """Something went wrong in the gateway."""

    code: ClassVar[str] = "gateway_error"

    def __init__(self, detail: str | None = None, *, reason: str | None = None, **context: str | int | None) -> None:
        """Say it in one sentence; `reason` is the vendor's or the rule's own code; `context` holds ids only."""
        self.detail = detail or (self.__doc__ or self.code).strip()
        self.reason = reason
        self.context = {key: value for key, value in context.items() if value is not None}
        super().__init__(self.detail)


class Transient(GatewayError):
    """Trying again can help."""

    code = "transient"

    def __init__(
        self,
        detail: str | None = None,
        *,
        reason: str | None = None,
        retry_after: timedelta | None = None,
        **context: str | int | None,
    ) -> None:
        super().__init__(detail, reason=reason, **context)
        self.retry_after = retry_after


class RateLimited(Transient):
    """The other system asked us to slow down."""

    code = "rate_limited"


class Unavailable(Transient):
    """The other system cannot be reached or is failing."""

    code = "unavailable"


class TimedOut(Transient):
    """The other system did not answer in time."""

    code = "timed_out"


class StaleToken(Transient):
    """The record changed since it was read."""

    code = "stale_token"


class OutcomeUnknown(Transient):
    """A write was sent and no answer says whether it took effect: probe before anything is written again."""

    code = "outcome_unknown"


class Permanent(GatewayError):
    """Trying again cannot help."""

    code = "permanent"


class Rejected(Permanent):
    """The other system said no."""

    code = "rejected"


class Malformed(Permanent):
    """The input cannot be understood."""

    code = "malformed"


class Missing(Permanent):
    """A record that is referred to does not exist."""

    code = "missing"


class Duplicate(Permanent):
    """A record with this identity exists already."""

    code = "duplicate"


class NotAuthorized(Permanent):
    """The other system refuses our credentials: a person has to connect it again."""

    code = "not_authorized"


class Misconfigured(Permanent):
    """A setting or a request of ours is wrong."""

    code = "misconfigured"


class NeedsHuman(GatewayError):
    """A person must choose."""

    code = "needs_human"
