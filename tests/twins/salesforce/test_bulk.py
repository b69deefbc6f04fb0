"""Bulk API 2.0: jobs with a life of their own, results row by row, and the same checks as Collections."""

import csv
import io
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from simple_salesforce import Salesforce

from tests.twins.salesforce.conftest import WORLD, Caller

LEVELS: dict[str, Any] = {"object": "Inventory_Level__c", "operation": "upsert", "externalIdFieldName": "Key__c"}
HEADER = "Key__c,Product__r.ERP_SKU__c,On_Hand__c,Available__c,Basis__c"
ENDED = {"JobComplete", "Failed", "Aborted"}


def opened(caller: Caller, **more: Any) -> dict[str, Any]:
    answer = caller.call("POST", "/jobs/ingest", {**LEVELS, "contentType": "CSV", **more})
    assert answer.status_code == 200, answer.text
    job: dict[str, Any] = answer.json()
    return job


def upload(caller: Caller, job: str, content: str) -> Any:
    headers = {"Content-Type": "text/csv; charset=UTF-8"}
    url = f"{caller.base}/services/data/v67.0/jobs/ingest/{job}/batches"
    return caller.http.put(url, data=content.encode(), headers=headers, timeout=10)


def set_state(caller: Caller, job: str, state: str) -> Any:
    return caller.call("PATCH", f"/jobs/ingest/{job}", {"state": state})


def ended(caller: Caller, job: str) -> dict[str, Any]:
    deadline = time.monotonic() + 10
    while True:
        info: dict[str, Any] = caller.call("GET", f"/jobs/ingest/{job}").json()
        if info["state"] in ENDED:
            return info
        assert time.monotonic() < deadline, info
        time.sleep(0.01)


def loaded(caller: Caller, content: str, **more: Any) -> dict[str, Any]:
    job = opened(caller, **more)["id"]
    assert upload(caller, job, content).status_code == 201
    assert set_state(caller, job, "UploadComplete").json()["state"] == "UploadComplete"
    return ended(caller, job)


def result(caller: Caller, job: str, kind: str) -> list[dict[str, str]]:
    answer = caller.call("GET", f"/jobs/ingest/{job}/{kind}/")
    assert answer.headers["Content-Type"] == "text/csv"
    return list(csv.DictReader(io.StringIO(answer.content.decode(), newline="")))


@pytest.fixture
def stocked(seeded: Any) -> Any:
    """A caller of the seeded org whose bulk jobs begin at once."""
    seeded.control("PATCH", "/settings", {"bulk_delay_ms": 0})
    return seeded


def test_each_row_has_its_own_result(stocked: Any) -> None:
    stocked.control("PUT", "/records/Inventory_Level__c", {"key": "Key__c", "records": [
        {"Key__c": "FLB-0191|ATL", "On_Hand__c": Decimal("1.5").to_eng_string(), "Available__c": 7, "Basis__c": "old"}
    ]})  # fmt: skip
    rows = [
        "FLB-0191|ATL,FLB-0191,12.5,#N/A,",
        '"SLV-0345/Z|""Ö"", x",SLV-0345/Z,3,2,"two, words"',
        "no|ATL,no,1,1,",
        "twice|ATL,FLB-0191,1,1,",
        "twice|ATL,FLB-0191,2,1,",
        "odd|ATL,FLB-0191,many,1,",
    ]  # fmt: skip
    job = loaded(stocked, "\n".join([HEADER, *rows, ""]))
    assert (job["state"], job["numberRecordsProcessed"], job["numberRecordsFailed"]) == ("JobComplete", 6, 4)
    good = result(stocked, job["id"], "successfulResults")
    assert [(row["Key__c"], row["sf__Created"]) for row in good] == [
        ("FLB-0191|ATL", "false"),
        ('SLV-0345/Z|"Ö", x', "true"),
    ]
    bad = {row["Key__c"]: row["sf__Error"] for row in result(stocked, job["id"], "failedResults")}
    assert bad["no|ATL"] == (
        "INVALID_FIELD:Foreign key external ID: no not found for field ERP_SKU__c in entity Product2:--"
    )
    assert bad["twice|ATL"] == "DUPLICATE_VALUE:Duplicate external id specified: twice|ATL:Key__c --"
    assert bad["odd|ATL"].startswith("INVALID_TYPE_ON_FIELD_IN_RECORD:")
    first, second = stocked.control("GET", "/records/Inventory_Level__c")["records"]
    assert (first["On_Hand__c"], first["Available__c"], first["Basis__c"]) == (Decimal("12.5"), None, "old")
    assert second["Id"] == good[1]["sf__Id"]


def test_the_library_loads_as_it_is(client: Salesforce, stocked: Any) -> None:
    records = [{"Key__c": f"{number}|ATL", "Product__r.ERP_SKU__c": "FLB-0191"} for number in range(450)]
    (done,) = client.bulk2.Inventory_Level__c.upsert(
        records=[*records, {"Key__c": "x", "Product__r.ERP_SKU__c": "no"}], external_id_field="Key__c", wait=0
    )
    assert (done["numberRecordsProcessed"], done["numberRecordsFailed"]) == (451, 1)
    every = client.bulk2.Inventory_Level__c.get_all_ingest_records(done["job_id"])
    assert [len(every[kind]) for kind in ("successfulRecords", "failedRecords", "unprocessedRecords")] == [450, 1, 0]


def test_every_call_counts(stocked: Any) -> None:
    before = stocked.control("GET", "/calls")["last"]
    job = loaded(stocked, f"{HEADER}\nFLB-0191|ATL,FLB-0191,1,1,\n")["id"]
    counted = stocked.control("GET", f"/calls?after={before}")["calls"]
    assert counted.pop("GET jobs/ingest/*") >= 1
    assert counted == {"POST jobs/ingest": 1, "PUT jobs/ingest/*/batches": 1, "PATCH jobs/ingest/*": 1}
    answer = stocked.call("GET", f"/jobs/ingest/{job}")
    total = sum(stocked.control("GET", "/calls")["calls"].values())
    assert answer.headers["Sforce-Limit-Info"].startswith(f"api-usage={total - 1}/")  # the login is no API call


def test_an_aborted_job_leaves_its_rows_unprocessed(stocked: Any) -> None:
    stocked.control("PATCH", "/settings", {"bulk_delay_ms": 60_000})
    job = opened(stocked)["id"]
    upload(stocked, job, f"{HEADER}\nFLB-0191|ATL,FLB-0191,1,1,\n")
    set_state(stocked, job, "UploadComplete")
    assert stocked.call("GET", f"/jobs/ingest/{job}").json()["state"] == "UploadComplete"
    assert stocked.call("GET", f"/jobs/ingest/{job}/failedResults").json()[0]["errorCode"] == "INVALIDJOBSTATE"
    assert set_state(stocked, job, "Aborted").json()["state"] == "Aborted"
    for kind in ("unprocessedrecords", "unprocessedRecords"):
        (row,) = result(stocked, job, kind)
        assert row["Key__c"] == "FLB-0191|ATL"
    assert stocked.control("GET", "/records/Inventory_Level__c")["records"] == []
    assert stocked.call("DELETE", f"/jobs/ingest/{job}").status_code == 204
    assert stocked.call("GET", f"/jobs/ingest/{job}").status_code == 404


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("Key__c,Odd__c\n1,2\n", "InvalidBatch : Field name not found : Odd__c"),
        ("On_Hand__c\n1\n", "InvalidBatch : Field name not found : Key__c"),
        ("Key__c,Product__r.Odd__c\n1,2\n", "InvalidBatch : Field name not found : Product__r.Odd__c"),
        ("Key__c,On_Hand__c\n1\n", "InvalidBatch : The number of columns in a row differs from that of the header"),
        ("Key__c\r\n1\r\n", "ClientInputError : LineEnding is invalid on user data. Current LineEnding setting is LF"),
    ],
)
def test_a_sheet_that_cannot_be_read_fails_the_job(stocked: Any, content: str, message: str) -> None:
    job = loaded(stocked, content)
    assert (job["state"], job["errorMessage"], job["numberRecordsProcessed"]) == ("Failed", message, 0)


@pytest.mark.parametrize(
    ("more", "status", "code"),
    [
        ({"object": "Odd__c"}, 400, "INVALIDJOB"),
        ({"operation": "merge"}, 400, "INVALIDJOB"),
        ({"externalIdFieldName": None}, 400, "INVALIDJOB"),
        ({"lineEnding": "CR"}, 400, "INVALIDJOB"),
        ({"externalIdFieldName": "Warehouse__c"}, 404, "NOT_FOUND"),
    ],
)
def test_a_job_that_makes_no_sense_is_refused(caller: Any, more: dict[str, Any], status: int, code: str) -> None:
    assert caller.refusal("POST", "/jobs/ingest", {**LEVELS, **more})[:2] == (status, code)


def test_a_job_takes_one_upload(stocked: Any) -> None:
    job = opened(stocked)["id"]
    assert upload(stocked, job, "Key__c\n1\n").status_code == 201
    again = upload(stocked, job, "Key__c\n2\n")
    assert again.status_code == 400
    assert "Found multiple contents" in again.json()[0]["message"]
    set_state(stocked, job, "UploadComplete")
    ended(stocked, job)
    assert set_state(stocked, job, "UploadComplete").json()[0]["errorCode"] == "INVALIDJOBSTATE"


def test_other_operations_and_formats(stocked: Any) -> None:
    content = 'Key__c;Warehouse__c\r\n"a;1";ATL\r\nb;ATL\r\n'
    job = loaded(
        stocked, content, operation="insert", externalIdFieldName=None, columnDelimiter="SEMICOLON", lineEnding="CRLF"
    )
    text = stocked.call("GET", f"/jobs/ingest/{job['id']}/successfulResults").content.decode()
    assert text.startswith('"sf__Id";"sf__Created";Key__c;Warehouse__c\r\n')
    ids = [line.split(";")[0].strip('"') for line in text.splitlines()[1:]]
    loaded(stocked, f"Id,Warehouse__c\n{ids[0]},CHI\n", operation="update")
    loaded(stocked, f"Id\n{ids[1]}\n", operation="delete")
    rows = stocked.control("GET", "/records/Inventory_Level__c?fields=Key__c,Warehouse__c")["rows"]
    assert rows == [["a;1", "CHI"]]


def test_trouble_of_single_rows(stocked: Any) -> None:
    """A lock strikes one row; a trigger that fails takes the 200 rows of its transaction down."""
    content = "Key__c\n" + "".join(f"K{number:03d}\n" for number in range(450))
    rule = {"path": "/jobs/ingest", "method": "PUT", "contains": "K399"}
    for kind, failed in (("item_lock", 1), ("trigger_failure", 200)):
        stocked.control("POST", "/faults", {"kind": kind, **rule})
        job = loaded(stocked, content)
        assert job["numberRecordsFailed"] == failed
        assert "K399" in {row["Key__c"] for row in result(stocked, job["id"], "failedResults")}


def test_a_restart_does_not_lose_a_job(start_server: Any, tmp_path: Path) -> None:
    first = start_server(str(tmp_path / "org.sqlite"))
    caller = Caller(first.base)
    caller.control("POST", "/seed", WORLD)
    caller.control("PATCH", "/settings", {"bulk_delay_ms": 400})
    job = opened(caller)["id"]
    upload(caller, job, f"{HEADER}\nFLB-0191|ATL,FLB-0191,1,1,\n")
    set_state(caller, job, "UploadComplete")
    caller.http.close()
    first.stop()
    again = Caller(start_server(str(tmp_path / "org.sqlite")).base)
    assert ended(again, job)["state"] == "JobComplete"
    again.http.close()
