"""The boundary between our error tree and Temporal's: one wrapper, so that one place decides what is tried again."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import ParamSpec, TypeVar

import structlog
from temporalio import activity
from temporalio.exceptions import ApplicationError

from domain.errors import GatewayError, Transient

log = structlog.get_logger()

P = ParamSpec("P")
R = TypeVar("R")

BEAT_SECONDS = 2.0
BUG_ATTEMPTS = 6  # some seconds of trying


def application_error(error: GatewayError) -> ApplicationError:
    """Say a gateway error in Temporal's words: its code is the type, only transient ones are tried again."""
    transient = isinstance(error, Transient)
    return ApplicationError(
        error.detail[:2000],
        {"reason": error.reason, **error.context},
        type=error.code,
        non_retryable=not transient,
        next_retry_delay=error.retry_after if isinstance(error, Transient) else None,
    )


def at_boundary(function: Callable[P, R]) -> Callable[P, R]:
    """Translate what a synchronous activity raises.

    Anything outside the error tree is a bug: it is tried a few times, should a restart cure it, and then fails.
    """

    @functools.wraps(function)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except GatewayError as error:
            raise application_error(error) from error
        except Exception as error:
            if not activity.in_activity():
                raise
            raise _unexpected(error) from None

    return wrapped


def _unexpected(error: Exception) -> ApplicationError:
    """A bug in a few words: what it carries (a statement of a megabyte, a row) belongs in no history."""
    last = activity.info().attempt >= BUG_ATTEMPTS
    log.error("an activity failed for a reason of its own", exc_info=error)
    detail = f"{type(error).__name__}: the gateway cannot do this; the log has the place."
    return ApplicationError(detail, type="unexpected", non_retryable=last)


@asynccontextmanager
async def keeping_alive() -> AsyncIterator[None]:
    """The same as `beating` for an activity that runs on the loop itself."""

    async def beat() -> None:
        while True:
            await asyncio.sleep(BEAT_SECONDS)
            activity.heartbeat()

    task = asyncio.create_task(beat())
    try:
        yield
    finally:
        task.cancel()


@contextmanager
def beating() -> Iterator[None]:
    """Heartbeat from a thread of its own while the body runs, so that a dead worker is noticed within seconds.

    The beats prove the process, not progress: the attempt's own timeout bounds a body that hangs.
    """
    stop = threading.Event()
    context = contextvars.copy_context()

    def beat() -> None:
        while not stop.wait(BEAT_SECONDS):
            context.run(activity.heartbeat)

    thread = threading.Thread(target=beat, name="heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
