"""Stock end to end: an export becomes what a rep may promise, and only what changed is written the second time."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from tests.activities.stock_truth import Figures, figures, gone, stated
from tests.e2e.gateway import Gateway
from tests.e2e.generated_world import GeneratedWorld
from tests.e2e.waiting import wait_until

PROMISE_SECONDS = 90
ROWS_A_CALL = 200
WRITES = ("PATCH", "POST", "PUT")


def shown(gateway: Gateway) -> Figures:
    """What Salesforce shows of stock."""
    return figures(gateway.salesforce.records("Inventory_Level__c"))


def wait_for(gateway: Gateway, expected: Figures) -> None:
    """Wait until Salesforce shows exactly these rows."""

    def wrong() -> dict[str, object]:
        found = shown(gateway)
        return {
            key: (found.get(key), expected.get(key))
            for key in found.keys() | expected.keys()
            if found.get(key) != expected.get(key)
        }

    wait_until("Salesforce shows the stock of the export", wrong, lambda wrong_ones: not wrong_ones, seconds=60)


def less_what_left(generated: GeneratedWorld, expected: Figures, since: datetime) -> Figures:
    """The rows without what the ERP confirmed as shipped later than this: the other tests of this gateway ship too."""
    units = {one["sku"]: (one["sell_uom"], Decimal(one["units_per_sell_uom"])) for one in generated.world["items"]}
    left = dict(expected)
    for shipment in generated.gateway.items("/shipments"):
        if datetime.fromisoformat(shipment["shipped_at"]) <= since:
            continue
        for line in shipment["lines"]:
            key = f"{line['sku']}|{shipment['warehouse']}"
            if key not in left:  # an item that nobody knows among them
                continue
            sell_uom, factor = units[line["sku"]]
            quantity = Decimal(line["quantity_shipped"]) * (factor if line["uom"] == sell_uom else 1)
            on_hand, allocated, available = left[key]
            left[key] = (on_hand - quantity, allocated, available - quantity)
    return {key: (max(one[0], Decimal(0)), one[1], max(one[2], Decimal(0))) for key, one in left.items()}


def test_two_exports_and_the_first_again(generated: GeneratedWorld) -> None:
    """Cases I1, I2, I5, I8, I10, F7; features G-F1, G-F3: truth after each, few calls, an old one does nothing."""
    gateway = generated.gateway
    now = datetime.now(UTC).replace(microsecond=0)
    earlier = now - timedelta(minutes=50)
    first = gateway.erp.export("INV410R", created_at=earlier.isoformat())
    assert gateway.hand_in_and_wait(*first)["state"] == "applied"
    wait_for(gateway, less_what_left(generated, stated(gateway.erp.truth(first[0])), earlier))

    seen = gateway.salesforce.last_request()
    second = gateway.erp.export("INV410R", created_at=now.isoformat(), rows_changed=37, rows_vanished=2)
    assert gateway.hand_in_and_wait(*second)["state"] == "applied"
    truth = gateway.erp.truth(second[0])
    expected = less_what_left(generated, {**stated(truth), **gone(truth)}, now)
    wait_for(gateway, expected)
    exports = wait_until(
        "both exports are measured", lambda: gateway.items("/stock/exports"), lambda found: len(found) == 2
    )
    assert exports[0]["filename"] == second[0]
    assert exports[0]["p99_seconds"] < PROMISE_SECONDS
    asked = [one for one in gateway.salesforce.requests(seen) if one["method"] in WRITES]
    levels = [one for one in asked if "Inventory_Level__c" in one["path"]]
    assert len(levels) == math.ceil(39 / ROWS_A_CALL)

    seen = gateway.salesforce.last_request()
    copy = first[1].replace(b"\n", b"\r\n")  # other bytes that say the same: a file of its own
    assert gateway.hand_in_and_wait(f"copy of {first[0]}", copy)["state"] == "applied"
    gateway.pull_orders()  # a round through Temporal and the worker
    asked = [one for one in gateway.salesforce.requests(seen) if one["method"] in WRITES]
    assert [one for one in asked if "Inventory_Level__c" in one["path"] or "Product2" in one["path"]] == []
    assert shown(gateway) == expected
