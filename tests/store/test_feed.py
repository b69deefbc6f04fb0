"""The feed: sentences from the change log, each exactly once, in whatever order transactions end."""

from __future__ import annotations

from contextlib import suppress

import pytest
from sqlalchemy import Engine

from domain.errors import Malformed
from store.feed import Feed, feed
from store.session import reading, transaction
from tests import build
from tests.api import filling
from tests.api.served import CAUSE


def look(engine: Engine, after: str | None = None) -> Feed:
    with reading(engine) as session:
        return feed(session, after)


def said(found: Feed) -> list[str]:
    return [one.sentence for one in found.events]


def test_what_happened_is_told_in_sentences(engine: Engine) -> None:
    with transaction(engine, CAUSE) as session:
        filling.masters(session)
        filling.confirmed(session, build.shipment())
        filling.billed(session, "SH1")
        filling.exception(session, "SH2")
    found = look(engine)
    assert said(found) == [
        "Shipment SH2: No such item.",
        "Shipment SH1 became invoice SH1 over 25.00.",
        "Shipment SH1 of order SO1 arrived.",
        "SHPCNF.S000417 arrived.",
    ]
    assert [one.record_key for one in found.events][1:3] == ["SH1", "SH1"]


def test_what_is_committed_late_is_told_though_its_id_is_lower(engine: Engine) -> None:
    """A reader that only remembers the last id would never see it."""
    with transaction(engine, CAUSE) as slow:
        filling.exception(slow, "SLOW")
        slow.flush()
        with transaction(engine, CAUSE) as quick:
            filling.exception(quick, "QUICK")
        first = look(engine)
        assert said(first) == ["Shipment QUICK: No such item."]
    second = look(engine, first.position)
    assert said(second) == ["Shipment SLOW: No such item."]
    assert second.events[0].id < first.events[0].id
    assert said(look(engine, second.position)) == []


def test_what_is_rolled_back_is_never_told(engine: Engine) -> None:
    begun = look(engine).position
    with suppress(RuntimeError), transaction(engine, CAUSE) as session:
        filling.exception(session, "NEVER")
        raise RuntimeError
    assert said(look(engine, begun)) == []


def test_a_position_that_is_none_is_refused(engine: Engine) -> None:
    for nonsense in ("", "12", "1:2", "1:2:3;drop table people", "a:b:c"):
        with pytest.raises(Malformed):
            look(engine, nonsense)
