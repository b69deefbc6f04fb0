"""Stock loaded by the unmodified library's bulk jobs in the twin, and what goes wrong on the way (G-F1, X5)."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from adapters.salesforce.bulk import BulkLoad
from adapters.salesforce.connection import InventoryNames, SalesforceNames
from adapters.salesforce.gateway import SalesforceGateway
from adapters.salesforce.inventory import MISSING_ITEM, InventoryPublisher
from adapters.salesforce.rows import Row, Target
from adapters.salesforce.sheets import as_csv, read_error, read_results
from domain import errors
from tests.adapters.salesforce.harness import MemoryVault, Twin, gateway_to
from tests.adapters.salesforce.scripted import Answer, Scripted, Seen
from tests.adapters.salesforce.stock import AS_OF, level, place_items, shown, sku

TARGET = Target("Inventory_Level__c", "Key__c", MISSING_ITEM)
ODD = 'A,"B" #7 Ö'


@pytest.fixture
def gateway(twin: Twin, vault: MemoryVault) -> Iterator[SalesforceGateway]:
    place_items(twin, 20)
    twin.control("PUT", "/records/Product2", {"key": "ERP_SKU__c", "records": [{"ERP_SKU__c": ODD, "Name": "odd"}]})
    twin.control("PATCH", "/settings", {"bulk_delay_ms": 50})
    gateway = gateway_to(twin.url, vault)
    yield gateway
    gateway.close()


def states(twin: Twin) -> list[str]:
    """The states of all jobs, the newest first."""
    twin.clear_faults()
    with_token = gateway_to(twin.url, MemoryVault())
    jobs = with_token._client.get("jobs/ingest")["records"]
    with_token.close()
    return [job["state"] for job in jobs]


def loader(gateway: SalesforceGateway, seconds: float = 20, rows_a_job: int = 100_000) -> BulkLoad:
    return BulkLoad(gateway._client, TARGET, timedelta(seconds=seconds), rows_a_job)


def rows(count: int) -> list[Row]:
    fields = {"Product__r": {"ERP_SKU__c": sku(1)}, "On_Hand__c": Decimal("1.5")}
    return [Row(f"K{number}", sku(1), {"Key__c": f"K{number}", **fields}) for number in range(count)]


def test_each_level_has_an_outcome_of_its_own(gateway: SalesforceGateway, twin: Twin) -> None:
    gateway.publish_levels([level(sku(2)), level(sku(3), basis="old")])
    said = [
        level(ODD, basis='said "so",\nand more'),
        level("NEW-1"),
        level(sku(2), available=None, basis=""),
        level(sku(3), confidence="fresh", on_hand=Decimal("1E+2"), basis="new"),
        level(sku(1), available="1"),
        level(sku(1), available="2"),
    ]
    outcomes = gateway.publish_levels_in_bulk(said)
    assert [outcome.key for outcome in outcomes] == [one.key for one in said]
    assert [(outcome.accepted, outcome.created) for outcome in outcomes] == [
        (True, True), (False, False), (True, False), (True, False), (True, True), (True, True)
    ]  # fmt: skip
    assert (outcomes[1].reason, outcomes[1].retryable) == (MISSING_ITEM, False)
    assert outcomes[1].detail is not None
    assert "Foreign key external ID: NEW-1" in outcomes[1].detail
    found = shown(twin)
    assert len(found) == 4
    assert all(found[outcome.key]["Id"] == outcome.external_id for outcome in outcomes if outcome.accepted)
    assert found[f"{ODD}|ATL"]["Basis__c"] == 'said "so", and more'
    assert (found[f"{sku(2)}|ATL"]["Available__c"], found[f"{sku(2)}|ATL"]["Basis__c"]) == (None, None)
    assert (found[f"{sku(3)}|ATL"]["On_Hand__c"], found[f"{sku(3)}|ATL"]["Basis__c"]) == (100, "new")
    assert found[f"{sku(1)}|ATL"]["Available__c"] == 2
    assert found[f"{sku(1)}|ATL"]["As_Of__c"] == "2026-11-25T18:00:07.000+0000"


def test_a_load_is_few_calls_and_may_be_said_again(gateway: SalesforceGateway, twin: Twin) -> None:
    said = [level(sku(number % 20), f"W{number}") for number in range(900)]
    for created in (True, False):
        outcomes = gateway.publish_levels_in_bulk(said)
        assert all(outcome.accepted and outcome.created is created for outcome in outcomes)
    counted = twin.control("GET", "/calls")["calls"]
    assert counted["PUT jobs/ingest/*/batches"] == 2
    assert sum(counted.values()) < 40
    assert len(shown(twin)) == 900


def test_a_large_load_is_several_jobs(gateway: SalesforceGateway, twin: Twin) -> None:
    outcomes = loader(gateway, rows_a_job=4).send(rows(10))
    assert all(outcome.accepted for outcome in outcomes.values())
    assert states(twin) == ["JobComplete"] * 3


def test_reasons_are_those_of_collections(gateway: SalesforceGateway, twin: Twin) -> None:
    """Case X5: what is wrong with one row is said of that row."""
    twin.fault("item_lock", method="PUT", path="/jobs/ingest", contains="K3")
    long = "W" * 200
    outcomes = loader(gateway).send([*rows(5), Row(long, sku(1), {**rows(1)[0].fields, "Key__c": long})])
    assert {key for key, outcome in outcomes.items() if outcome.accepted} == {"K0", "K1", "K2", "K4"}
    assert (outcomes["K3"].reason, outcomes["K3"].retryable) == ("UNABLE_TO_LOCK_ROW", True)
    assert (outcomes[long].reason, outcomes[long].retryable) == ("STRING_TOO_LONG", False)


def test_a_job_that_does_not_end_is_aborted(gateway: SalesforceGateway, twin: Twin) -> None:
    twin.control("PATCH", "/settings", {"bulk_delay_ms": 60_000})
    with pytest.raises(errors.TimedOut, match="safe") as late:
        loader(gateway, seconds=0.6).send(rows(1))
    assert late.value.reason == "bulk_job"
    assert states(twin) == ["Aborted"]
    assert shown(twin) == {}


def test_a_job_that_somebody_aborted_has_rows_to_repeat(
    gateway: SalesforceGateway, twin: Twin, monkeypatch: pytest.MonkeyPatch
) -> None:
    twin.control("PATCH", "/settings", {"bulk_delay_ms": 60_000})
    load = loader(gateway)
    monkeypatch.setattr(load, "_wait_for", load._abort)
    assert {(outcome.reason, outcome.retryable) for outcome in load.send(rows(3)).values()} == {("not_processed", True)}


@pytest.mark.parametrize(
    ("fault", "jobs"),
    [
        ({"kind": "commit_then_reset", "method": "PUT"}, ["JobComplete", "Aborted"]),  # a second upload is refused
        ({"kind": "commit_then_reset", "method": "PATCH"}, ["JobComplete"]),  # closed, though it is said not to be
        ({"kind": "reset_before", "method": "PUT"}, ["JobComplete"]),
        ({"kind": "reset_before", "method": "GET", "times": 2}, ["JobComplete"]),
        ({"kind": "status", "status": 503, "body": "html", "method": "GET", "times": 2}, ["JobComplete"]),
        ({"kind": "html_200", "method": "GET"}, ["JobComplete"]),
        ({"kind": "expired_token_once", "method": "PUT"}, ["JobComplete"]),
        ({"kind": "expired_token_once", "method": "GET", "skip": 1}, ["JobComplete"]),
    ],
)
def test_troubles_on_the_way_are_overcome(
    gateway: SalesforceGateway, twin: Twin, fault: dict[str, Any], jobs: list[str]
) -> None:
    twin.fault(**{"path": "/jobs/ingest/", "times": 1, **fault})
    outcomes = loader(gateway).send(rows(3))
    assert all(outcome.accepted for outcome in outcomes.values())
    assert states(twin) == jobs


@pytest.mark.parametrize(
    ("fault", "kind", "jobs"),
    [
        ({"kind": "status", "status": 503, "body": "json", "method": "PUT"}, errors.Unavailable, ["Aborted"]),
        ({"kind": "status", "status": 200, "body": "empty", "method": "PUT"}, errors.Unavailable, ["Aborted"]),
        ({"kind": "status", "status": 302, "body": "html", "method": "PUT"}, errors.Misconfigured, ["Aborted"]),
        ({"kind": "request_limit", "method": "GET"}, errors.RateLimited, ["JobComplete"]),
        ({"kind": "html_200", "path": "successfulResults"}, errors.Unavailable, ["JobComplete"]),
    ],
)
def test_the_error_of_a_job_is_raised(
    gateway: SalesforceGateway, twin: Twin, fault: dict[str, Any], kind: type[errors.GatewayError], jobs: list[str]
) -> None:
    twin.control("PATCH", "/settings", {"bulk_delay_ms": 0})
    twin.fault(**{"path": "/jobs/ingest/", "times": 1, **fault})
    with pytest.raises(kind) as raised:
        loader(gateway).send(rows(1))
    assert "html" not in str(raised.value)
    assert states(twin) == jobs
    assert loader(gateway).send(rows(1))["K0"].accepted


def test_a_sheet_with_a_field_that_is_not_there_is_a_setting_to_mend(gateway: SalesforceGateway) -> None:
    names = SalesforceNames(inventory=InventoryNames(basis="Odd__c"))
    publisher = InventoryPublisher(gateway._client, names)
    with pytest.raises(errors.Misconfigured, match="Field name not found : Odd__c"):
        publisher.publish_levels_in_bulk([level(sku(1))])
    with pytest.raises(errors.Rejected, match="Unable to find object"):
        BulkLoad(gateway._client, TARGET._replace(sobject="Odd__c"), timedelta(seconds=5)).send(rows(1))


def job_script(results: str, failed: str, **info: Any) -> Callable[[Seen], Answer]:
    def decide(seen: Seen) -> Answer:
        if seen.path.endswith("successfulResults"):
            return Answer(200, results)
        if seen.path.endswith("failedResults"):
            return Answer(200, failed)
        state = {"id": "750", "state": "JobComplete", **info}
        return Answer(200, state)

    return decide


@pytest.mark.parametrize(
    ("info", "kind"),
    [
        ({"state": "Failed", "errorMessage": "ClientInputError : LineEnding is invalid"}, errors.Misconfigured),
        ({"state": "Failed", "errorMessage": "Internal Server Error"}, errors.Unavailable),
        ({"state": "Failed"}, errors.Unavailable),
        ({"id": None}, errors.Unavailable),
    ],
)
def test_a_job_that_fails_as_a_whole(
    script: Scripted, vault: MemoryVault, info: dict[str, Any], kind: type[errors.GatewayError]
) -> None:
    script.decide = job_script("", "", **info)
    gateway = gateway_to(script.url, vault)
    gateway._client.bulk = _without_upload(gateway._client.bulk)  # type: ignore[method-assign]
    with pytest.raises(kind):
        loader(gateway).send(rows(1))


def test_a_redirect_is_not_followed(script: Scripted, vault: MemoryVault) -> None:
    script.answers(Answer(302, "<html>log in</html>", headers={"Location": "https://acme.example/login"}))
    with pytest.raises(errors.Misconfigured):
        loader(gateway_to(script.url, vault)).send(rows(1))
    assert [seen.method for seen in script.calls()] == ["POST"]


def test_results_that_name_nobody_or_are_cut_short(script: Scripted, vault: MemoryVault) -> None:
    good = '"sf__Id","sf__Created",Key__c\n"a03","TRUE","K0"\n"a04","false","stranger"\n'
    bad = '"sf__Id","sf__Error",Key__c\n"","ENTITY_IS_DELETED:entity is deleted:--","K1"\n"","odd","K2"\n'
    script.decide = job_script(good, bad)
    gateway = gateway_to(script.url, vault)
    gateway._client.bulk = _without_upload(gateway._client.bulk)  # type: ignore[method-assign]
    outcomes = loader(gateway).send(rows(4))
    assert list(outcomes) == ["K0", "K1", "K2", "K3"]
    assert [outcome.accepted for outcome in outcomes.values()] == [True, False, False, False]
    assert outcomes["K0"].created
    assert [outcomes[key].reason for key in ("K1", "K2", "K3")] == [MISSING_ITEM, "odd", "not_processed"]


def _without_upload(bulk: Callable[..., Any]) -> Callable[..., Any]:
    """The scripted server answers 200 to all; an upload that went well is answered with 201."""

    def step(sobject: str, work: Callable[[Any], Any], *, write: bool) -> Any:
        def spared(handler: Any) -> Any:
            handler._client.upload_job_data = lambda *_: None
            return work(handler)

        return bulk(sobject, spared, write=write)

    return step


def test_a_sheet_says_exactly_what_json_would() -> None:
    fields = {
        "Key__c": 'a,"b"', "Product__r": {"ERP_SKU__c": "007"}, "N": Decimal("1E+3"), "M": Decimal("0.10"), "I": 7,
        "At": AS_OF, "On": date(2026, 11, 25), "None": None, "Empty": "", "Lines": "a\r\nb\x00c",
    }  # fmt: skip
    header, row = csv.reader(io.StringIO(as_csv([Row("a", "a", fields)]), newline=""))
    assert header == ["Key__c", "Product__r.ERP_SKU__c", "N", "M", "I", "At", "On", "None", "Empty", "Lines"]
    assert row == [
        'a,"b"', "007", "1000", "0.10", "7", "2026-11-25T18:00:07.000Z", "2026-11-25", "#N/A", "#N/A", "a  bc"
    ]  # fmt: skip
    for value in (1.5, True, Decimal("NaN")):
        with pytest.raises(TypeError):
            as_csv([Row("a", "a", {"N": value})])


def test_errors_of_a_sheet_are_read_as_those_of_json(tmp_path: Path) -> None:
    assert read_error("A:b: c:D,E --") == ("A", "b: c")
    assert read_error("A:b:--") == ("A", "b")
    assert read_error("A:b") == ("A", "b")
    assert read_error("A") == ("A", "")
    assert read_error("") == ("", "")
    page = tmp_path / "page.csv"
    page.write_text("<html></html>")
    with pytest.raises(errors.Unavailable):
        list(read_results(page))
