"""Logging: structlog for our own code and for the libraries, one line an event, secrets removed before rendering."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

REDACTED: Final = "[redacted]"
SECRET_KEY: Final = re.compile(
    r"secret|passw|token|authorization|api[_-]?key|admin[_-]?key|private[_-]?key|verifier|cookie|signature|credential|"
    r"payload[_-]?keys|database_url|dsn",
    re.IGNORECASE,
)
NOT_SECRET: Final = frozenset({"sync_token", "synctoken", "version_token", "token_type", "key_id"})
SECRET_TEXT: Final = (
    (re.compile(r"(?i)\b(bearer|basic)\s+[a-z0-9._~+/=-]{6,}"), r"\1 " + REDACTED),
    (
        re.compile(r"(?i)((?:access_|refresh_|id_)?token|client_secret|password|assertion|code)=[^&\s\"']+"),
        r"\1=" + REDACTED,
    ),
    (re.compile(r"(?i)(://[^:/@\s]+):[^@/\s]+@"), r"\1:" + REDACTED + "@"),
    (re.compile(r"(/hooks/salesforce/outbound-message/+)[^\s\"'?]+"), r"\1" + REDACTED),
)
QUIET: Final = ("httpx", "httpcore", "urllib3", "asyncio", "alembic.runtime.plugins")


def configure(
    *,
    style: Literal["console", "json"] = "console",
    level: str = "INFO",
    role: str = "",
    stream: TextIO | None = None,
) -> None:
    """Route every logger of the process through one renderer; calling again replaces the former configuration."""
    output = stream or sys.stderr
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.UnicodeDecoder(),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(output)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=_rendering(style, role, output))
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))


def redact(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Structlog processor: blank the values of telling keys, at any depth, and secrets inside texts."""
    return {key: _clean(key, value) for key, value in event.items()}


def redact_text(text: str) -> str:
    """Blank bearer tokens, form secrets and passwords in addresses inside a text."""
    for pattern, replacement in SECRET_TEXT:
        text = pattern.sub(replacement, text)
    return text


def _rendering(style: str, role: str, output: TextIO) -> list[Processor]:
    def name_role(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        if role:
            event.setdefault("role", role)
        event.pop("color_message", None)  # the web server's second copy of its message, with escape codes
        return event

    last: list[Processor] = (
        [structlog.processors.JSONRenderer(default=str)]
        if style == "json"
        else [structlog.dev.ConsoleRenderer(colors=output.isatty(), timestamp_key="at")]
    )
    exceptions: list[Processor] = [structlog.processors.format_exc_info]
    return [structlog.stdlib.ProcessorFormatter.remove_processors_meta, name_role, *exceptions, redact, *last]


def _clean(key: str, value: Any) -> Any:
    if value is not None and SECRET_KEY.search(key) and key.casefold() not in NOT_SECRET:
        return REDACTED
    if isinstance(value, str):
        return redact_text(value)
    if isinstance(value, Mapping):
        return {name: _clean(str(name), item) for name, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        return [_clean("", item) for item in value]
    return value
