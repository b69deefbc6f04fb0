"""Logs: one line an event, secrets gone before anything is rendered."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from runtime import logs


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    former = root.handlers[:], root.level
    output = io.StringIO()
    logs.configure(style="json", level="INFO", role="worker", stream=output)
    yield output
    root.handlers[:], root.level = former
    structlog.reset_defaults()


def _lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_events_are_json_with_role_and_utc_time(stream: io.StringIO) -> None:
    structlog.get_logger("adapters").info("invoice booked", invoice="77")
    (line,) = _lines(stream)
    assert line["event"] == "invoice booked"
    assert line["invoice"] == "77"
    assert line["role"] == "worker"
    assert str(line["at"]).endswith("Z")


def test_keys_that_name_secrets_are_blank_at_any_depth(stream: io.StringIO) -> None:
    structlog.get_logger().info(
        "call", refresh_token="rt-1", sync_token="3", headers={"Authorization": "Bearer abc.def", "X-API-Key": "k-1"},
        items=[{"client_secret": "s-1"}], password=None, payload_keys="p-1",
    )  # fmt: skip
    text = stream.getvalue()
    for hidden in ("rt-1", "abc.def", "k-1", "s-1", "p-1"):
        assert hidden not in text
    assert _lines(stream)[0]["sync_token"] == "3"


def test_secrets_inside_texts_are_blank(stream: io.StringIO) -> None:
    logging.getLogger("library").warning(
        "GET /x?access_token=aaa1&x=2 with Bearer bbb22222 to postgresql://me:ccc3@db/x at "
        "/hooks/salesforce/outbound-message/ddd4"
    )
    text = stream.getvalue()
    for hidden in ("aaa1", "bbb22222", "ccc3", "ddd4"):
        assert hidden not in text
    assert "x=2" in text


def test_tracebacks_are_cleaned_too(stream: io.StringIO) -> None:
    try:
        int("refresh_token=zzz9")
    except ValueError:
        structlog.get_logger().exception("failed")
    line = stream.getvalue()
    assert "zzz9" not in line
    assert "ValueError" in line


def test_levels_are_kept(stream: io.StringIO) -> None:
    structlog.get_logger().debug("quiet")
    logging.getLogger("httpx").info("HTTP Request: GET ...")
    assert stream.getvalue() == ""
