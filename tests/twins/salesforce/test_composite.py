"""Composite: references between subrequests, and all-or-none."""

from typing import Any

BASE = "/services/data/v67.0"


def step(method: str, path: str, reference: str, body: Any = None, **headers: str) -> dict[str, Any]:
    return {"method": method, "url": BASE + path, "referenceId": reference, "body": body, "httpHeaders": headers}


def run(caller: Any, *steps: dict[str, Any], all_or_none: bool) -> list[dict[str, Any]]:
    answer = caller.call("POST", "/composite", {"allOrNone": all_or_none, "compositeRequest": list(steps)})
    assert answer.status_code == 200, answer.text
    return answer.json()["compositeResponse"]


def test_references_in_url_and_body(caller: Any) -> None:
    account, contact, read, query = run(
        caller,
        step("PATCH", "/sobjects/Account/ERP_Id__c/C-1", "acct", {"Name": "Acme"}),
        step("POST", "/sobjects/Contact", "ct", {"LastName": "x", "AccountId": "@{acct.id}"}),
        step("GET", "/sobjects/Account/@{acct.id}?fields=Name,Open_Balance__c", "read"),
        step("GET", "/query?q=SELECT+LastName+FROM+Contact+WHERE+Account.Name='@{read.Name}'", "q"),
        all_or_none=True,
    )
    assert (account["httpStatusCode"], account["referenceId"]) == (201, "acct")
    assert account["httpHeaders"]["Location"].endswith(account["body"]["id"])
    assert caller.read("Contact", contact["body"]["id"])["AccountId"] == account["body"]["id"]
    assert read["body"]["Name"] == "Acme"
    assert query["body"]["totalSize"] == 1


def test_all_or_none_takes_everything_back(caller: Any) -> None:
    good, bad, later = run(
        caller,
        step("POST", "/sobjects/Account", "a", {"Name": "x"}),
        step("POST", "/sobjects/Account", "b", {}),
        step("POST", "/sobjects/Account", "c", {"Name": "z"}),
        all_or_none=True,
    )
    assert bad["body"][0]["errorCode"] == "REQUIRED_FIELD_MISSING"
    for innocent in (good, later):
        assert innocent["httpStatusCode"] == 400
        assert innocent["body"] == [
            {
                "errorCode": "PROCESSING_HALTED",
                "message": "The transaction was rolled back since another operation in the same transaction failed.",
            }
        ]
    assert caller.query("SELECT COUNT() FROM Account")["totalSize"] == 0


def test_without_all_or_none_only_dependants_fail(caller: Any) -> None:
    bad, dependant, good = run(
        caller,
        step("POST", "/sobjects/Account", "a", {}),
        step("POST", "/sobjects/Contact", "b", {"LastName": "x", "AccountId": "@{a.id}"}),
        step("POST", "/sobjects/Account", "c", {"Name": "z"}),
        all_or_none=False,
    )
    assert (bad["httpStatusCode"], good["httpStatusCode"]) == (400, 201)
    (error,) = dependant["body"]
    assert error["errorCode"] == "PROCESSING_HALTED"
    assert error["message"] == "Invalid reference specified. No value for a.id found in a"
    assert caller.query("SELECT COUNT() FROM Contact")["totalSize"] == 0


def test_guarded_write_of_a_subrequest(caller: Any) -> None:
    record = caller.create("Account", Name="x")
    caller.control("PATCH", "/clock", {"advance_seconds": 5})
    old = "Thu, 01 Jan 2026 00:00:00 GMT"
    (refused,) = run(
        caller,
        step("PATCH", f"/sobjects/Account/{record}", "a", {"Name": "y"}, **{"If-Unmodified-Since": old}),
        all_or_none=False,
    )
    assert refused["httpStatusCode"] == 412
    (written,) = run(caller, step("PATCH", f"/sobjects/Account/{record}", "a", {"Name": "y"}), all_or_none=False)
    assert (written["httpStatusCode"], written["body"]) == (204, None)


def test_collections_inside(caller: Any) -> None:
    records = [{"attributes": {"type": "Account"}, "Name": name} for name in ("x", "y")]
    first, second = run(
        caller,
        step("POST", "/composite/sobjects", "rows", {"records": records}),
        step("DELETE", "/sobjects/Account/@{rows[1].id}", "gone"),
        all_or_none=True,
    )
    assert (first["httpStatusCode"], second["httpStatusCode"]) == (200, 204)
    (left,) = caller.query("SELECT Name FROM Account")["records"]
    assert left["Name"] == "x"


def test_malformed_requests_are_refused_whole(caller: Any) -> None:
    one = step("POST", "/sobjects/Account", "a", {"Name": "x"})
    query = step("GET", "/query?q=x", "q")
    wrong = (
        [],
        [{**one, "referenceId": None}],
        [one, one],
        [{**one, "referenceId": f"r{number}"} for number in range(26)],
        [{**query, "referenceId": f"r{number}"} for number in range(6)],
    )
    for requests in wrong:
        assert caller.call("POST", "/composite", {"compositeRequest": requests}).status_code == 400
    assert caller.query("SELECT COUNT() FROM Account")["totalSize"] == 0
    (lost,) = run(caller, {**one, "url": "/elsewhere"}, all_or_none=False)
    assert lost["httpStatusCode"] == 404
