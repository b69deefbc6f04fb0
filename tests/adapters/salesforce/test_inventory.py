"""Stock stated by Collections in the twin over HTTP (G-F1; I8, X4, X5): few calls, and each row with its fate."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from adapters.salesforce.connection import SalesforceNames
from adapters.salesforce.gateway import SalesforceGateway
from adapters.salesforce.inventory import MISSING_ITEM, InventoryPublisher
from domain import errors
from domain.freshness import Confidence
from domain.publication import ItemStatement
from tests.adapters.salesforce.harness import MemoryVault, Twin, gateway_to
from tests.adapters.salesforce.stock import level, levels, place_items, shown, sku

COLLECTION = "PATCH composite/sobjects/Inventory_Level__c/Key__c"


@pytest.fixture
def gateway(twin: Twin, vault: MemoryVault) -> Iterator[SalesforceGateway]:
    place_items(twin, 200)
    gateway = gateway_to(twin.url, vault)
    yield gateway
    gateway.close()


def calls(twin: Twin) -> int:
    count: int = twin.control("GET", "/calls")["calls"].get(COLLECTION, 0)
    return count


def bodies(twin: Twin) -> list[list[dict[str, Any]]]:
    return [json.loads(call["body"])["records"] for call in twin.calls("PATCH", "Inventory_Level__c")]


def test_every_field_is_stated_exactly(gateway: SalesforceGateway, twin: Twin) -> None:
    (outcome,) = gateway.publish_levels([level(sku(1), basis="x" * 300)])
    assert (outcome.key, outcome.accepted, outcome.created) == ("SKU-0001|ATL", True, True)
    row = shown(twin)["SKU-0001|ATL"]
    assert row["Id"] == outcome.external_id
    (product,) = [one for one in twin.control("GET", "/records/Product2")["records"] if one["Name"] == sku(1)]
    assert row["Product__c"] == product["Id"]
    assert (row["Warehouse__c"], row["On_Hand__c"], row["Allocated__c"], row["Available__c"]) == (
        "ATL",
        12.5,
        4.25,
        8.25,
    )
    assert (row["As_Of__c"], row["Source_Seq__c"]) == ("2026-11-25T18:00:07.000+0000", 77)
    assert (row["Confidence__c"], row["Basis__c"]) == ("fresh", "x" * 254 + "…")


def test_an_unknown_number_clears_the_one_that_was_shown(gateway: SalesforceGateway, twin: Twin) -> None:
    gateway.publish_levels([level(sku(1))])
    unknown = level(sku(1), available=None, as_of_at=None, sequence=None, confidence=Confidence.UNKNOWN, basis="")
    (outcome,) = gateway.publish_levels([unknown])
    assert (outcome.accepted, outcome.created) == (True, False)
    row = shown(twin)["SKU-0001|ATL"]
    cleared = ("Available__c", "As_Of__c", "Source_Seq__c", "Basis__c")
    assert [row[name] for name in cleared] == [None] * 4
    assert (row["On_Hand__c"], row["Confidence__c"]) == (12.5, "unknown")


def test_full_calls_and_no_more_of_them(gateway: SalesforceGateway, twin: Twin) -> None:
    """Feature G-F1: 500 levels are three calls, in lanes side by side, sorted so that an item stands in one place."""
    twin.control("PATCH", "/settings", {"journal_bodies": True})
    said = levels(500)
    outcomes = gateway.publish_levels(said)
    assert [outcome.key for outcome in outcomes] == [one.key for one in said]
    assert all(outcome.accepted and outcome.created for outcome in outcomes)
    assert calls(twin) == 3
    chunks = sorted(bodies(twin), key=lambda chunk: str(chunk[0]["Key__c"]))
    assert [len(chunk) for chunk in chunks] == [200, 200, 100]
    parents = [row["Product__r"]["ERP_SKU__c"] for chunk in chunks for row in chunk]
    assert parents == sorted(parents)
    assert len(shown(twin)) == 500


def test_of_two_statements_with_one_key_the_last_counts(gateway: SalesforceGateway, twin: Twin) -> None:
    """Case I8: a burst is coalesced, and the row is in one call only once."""
    said = [level(sku(1), available="1"), level(sku(2)), level(sku(1), available="2")]
    outcomes = gateway.publish_levels(said)
    assert [outcome.key for outcome in outcomes] == [one.key for one in said]
    assert shown(twin)["SKU-0001|ATL"]["Available__c"] == 2
    assert calls(twin) == 1


def test_one_poison_row_is_isolated_among_its_neighbours(gateway: SalesforceGateway, twin: Twin) -> None:
    """Case X5: a trigger that fails for one row fails for 200 with the same words."""
    twin.fault("trigger_failure", contains="SKU-0123|ATL", times=0)
    outcomes = gateway.publish_levels([level(sku(number)) for number in range(200)])
    (poison,) = [outcome for outcome in outcomes if not outcome.accepted]
    assert (poison.key, poison.reason) == ("SKU-0123|ATL", "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY")
    assert not poison.retryable
    assert len(shown(twin)) == 199
    assert calls(twin) <= 17  # 200 rows are halved eight times


def test_a_row_that_alone_fails_each_time_is_refused(gateway: SalesforceGateway, twin: Twin) -> None:
    """Case X5: what Salesforce cannot explain is not tried for ever, with neighbours or without."""
    twin.fault("status", path="/composite/sobjects", status=500, contains="SKU-0001|ATL", times=0)
    for said in ([level(sku(number)) for number in range(3)], [level(sku(1))]):
        (poison,) = [outcome for outcome in gateway.publish_levels(said) if not outcome.accepted]
        assert (poison.key, poison.reason, poison.retryable) == ("SKU-0001|ATL", "UNKNOWN_EXCEPTION", False)


def test_an_org_that_fails_for_every_row_refuses_none(gateway: SalesforceGateway, twin: Twin) -> None:
    twin.fault("status", path="/composite/sobjects", status=500, times=0)
    outcomes = gateway.publish_levels(levels(60))
    assert all(outcome.retryable and not outcome.accepted for outcome in outcomes)


def test_what_was_answered_before_an_outage_is_kept(gateway: SalesforceGateway, twin: Twin) -> None:
    """Case X1: of rows that were not sent any more it is said why, and that they are worth repeating."""
    twin.fault("status", path="/composite/sobjects", status=503, contains="SKU-0199|", times=0)
    outcomes = gateway.publish_levels(levels(1800, per_item=9))
    assert sum(outcome.accepted for outcome in outcomes) == len(shown(twin)) > 0
    late = {(outcome.reason, outcome.retryable) for outcome in outcomes if not outcome.accepted}
    assert late == {("SERVER_UNAVAILABLE", True)}


@pytest.mark.parametrize("kind", ["item_lock", "lock_row"])
def test_locked_rows_are_sent_again(gateway: SalesforceGateway, twin: Twin, kind: str) -> None:
    twin.fault(kind, times=2)
    outcomes = gateway.publish_levels(levels(30))
    assert all(outcome.accepted for outcome in outcomes), outcomes
    assert calls(twin) == 3


def test_an_item_that_salesforce_lacks_is_refused_for_its_row_only(gateway: SalesforceGateway, twin: Twin) -> None:
    good, bad = gateway.publish_levels([level(sku(1)), level("NEW-1")])
    assert good.accepted
    assert (bad.accepted, bad.reason, bad.retryable) == (False, MISSING_ITEM, False)
    assert bad.detail is not None
    assert "NEW-1" in bad.detail
    assert calls(twin) == 1


def test_what_is_available_of_an_item(gateway: SalesforceGateway, twin: Twin) -> None:
    before = len(twin.control("GET", "/records/Product2")["records"])
    statements = [
        ItemStatement(sku=sku(3), available=Decimal("7.5")),
        ItemStatement(sku="NEW-1", available=Decimal(1)),
        ItemStatement(sku=sku(4), available=Decimal(1)),
        ItemStatement(sku=sku(4), available=None),
    ]
    known, unknown, *_, cleared = gateway.publish_items(statements)
    assert (known.accepted, known.created, cleared.accepted) == (True, False, True)
    assert (unknown.accepted, unknown.reason, unknown.retryable) == (False, MISSING_ITEM, False)
    products = {one["ERP_SKU__c"]: one for one in twin.control("GET", "/records/Product2")["records"]}
    assert len(products) == before
    assert (products[sku(3)]["Available_Qty__c"], products[sku(4)]["Available_Qty__c"]) == (7.5, None)
    assert products[sku(3)]["Name"] == sku(3)


def test_a_lost_answer_is_no_reason_to_say_it_twice(gateway: SalesforceGateway, twin: Twin) -> None:
    twin.fault("commit_then_reset", method="PATCH", path="Inventory_Level__c", times=1)
    outcomes = gateway.publish_levels(levels(250))
    assert all(outcome.accepted for outcome in outcomes)
    assert len(shown(twin)) == 250


def test_a_limit_stops_every_lane(gateway: SalesforceGateway, twin: Twin) -> None:
    """Case X4: once Salesforce says that the day's calls are used up, the rest of the chunks are not tried."""
    twin.fault("request_limit", method="PATCH", times=0)
    with pytest.raises(errors.RateLimited) as stopped:
        gateway.publish_levels(levels(1800, per_item=9))
    assert stopped.value.reason == "daily_limit"
    assert calls(twin) <= 3


def test_rows_for_which_there_is_no_time_are_not_sent(gateway: SalesforceGateway, twin: Twin) -> None:
    twin.fault("slow", method="PATCH", seconds=0.2, times=0)
    hasty = InventoryPublisher(gateway._client, SalesforceNames(), timedelta(seconds=0.1), lanes=1)
    outcomes = hasty.publish_levels(levels(450))
    assert sum(outcome.accepted for outcome in outcomes) == 200
    late = {(outcome.reason, outcome.retryable) for outcome in outcomes if not outcome.accepted}
    assert late == {("out_of_time", True)}
    assert calls(twin) == 1


def test_nothing_to_say_costs_nothing(gateway: SalesforceGateway, twin: Twin) -> None:
    assert gateway.publish_levels([]) == gateway.publish_items([]) == gateway.publish_levels_in_bulk([]) == []
    assert twin.journal() == []
