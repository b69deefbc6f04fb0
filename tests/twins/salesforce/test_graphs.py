"""Composite graphs: each is a transaction of its own, and one call has limits on all of them."""

from typing import Any

import pytest

BASE = "/services/data/v67.0"


def node(method: str, path: str, reference: str, body: Any = None) -> dict[str, Any]:
    return {"method": method, "url": BASE + path, "referenceId": reference, "body": body}


def account(key: str, **fields: Any) -> dict[str, Any]:
    return node("PATCH", f"/sobjects/Account/ERP_Id__c/{key}", "a", {"Name": "Acme", **fields})


def graph(name: str, *nodes: dict[str, Any]) -> dict[str, Any]:
    return {"graphId": name, "compositeRequest": list(nodes)}


def run(caller: Any, *graphs: dict[str, Any]) -> list[dict[str, Any]]:
    answer = caller.call("POST", "/composite/graph", {"graphs": list(graphs)})
    assert answer.status_code == 200, answer.text
    return answer.json()["graphs"]


def results(answer: dict[str, Any]) -> list[tuple[int, str | None]]:
    """The status and error code of each node."""
    found = answer["graphResponse"]["compositeResponse"]
    return [
        (one["httpStatusCode"], one["body"][0]["errorCode"] if isinstance(one["body"], list) else None) for one in found
    ]


def test_nodes_of_a_graph_use_what_earlier_ones_answered(caller: Any) -> None:
    contact = node("POST", "/sobjects/Contact", "c", {"LastName": "x", "AccountId": "@{a.id}"})
    (answer,) = run(caller, graph("g1", account("C-1"), contact))
    assert (answer["graphId"], answer["isSuccessful"], results(answer)) == ("g1", True, [(201, None), (201, None)])
    found = caller.query("SELECT Account.ERP_Id__c FROM Contact")["records"]
    assert [row["Account"]["ERP_Id__c"] for row in found] == ["C-1"]


def test_a_graph_that_fails_is_taken_back_and_the_others_stay(caller: Any) -> None:
    bad = node("PATCH", "/sobjects/Account/ERP_Id__c/C-3", "b", {"Odd__c": 1})
    later = node("PATCH", "/sobjects/Account/ERP_Id__c/C-4", "c", {"Name": "never"})
    first, failed, last = run(
        caller, graph("g1", account("C-1")), graph("g2", account("C-2"), bad, later), graph("g3", account("C-5"))
    )
    assert (first["isSuccessful"], failed["isSuccessful"], last["isSuccessful"]) == (True, False, True)
    assert results(failed) == [(400, "PROCESSING_HALTED"), (400, "INVALID_FIELD"), (400, "PROCESSING_HALTED")]
    found = caller.query("SELECT ERP_Id__c FROM Account ORDER BY ERP_Id__c")["records"]
    assert [row["ERP_Id__c"] for row in found] == ["C-1", "C-5"]


def test_an_upsert_that_may_only_update_creates_nothing(caller: Any) -> None:
    unknown = node("PATCH", "/sobjects/Account/ERP_Id__c/C-9?updateOnly=true", "a", {"Name": "Acme"})
    (answer,) = run(caller, graph("g1", unknown))
    assert results(answer) == [(404, "NOT_FOUND")]
    assert caller.query("SELECT COUNT() FROM Account")["totalSize"] == 0


def test_after_the_fifteenth_failure_nothing_more_is_done(caller: Any) -> None:
    graphs = [graph(f"b{number}", account(f"B-{number}", Odd__c=1)) for number in range(15)]
    *failed, halted = run(caller, *graphs, graph("good", account("C-1")))
    assert {results(answer)[0][1] for answer in failed} == {"INVALID_FIELD"}
    assert (halted["isSuccessful"], results(halted)) == (False, [(400, "PROCESSING_HALTED")])
    assert caller.query("SELECT COUNT() FROM Account")["totalSize"] == 0
    *_, done = run(caller, *graphs[:14], graph("good", account("C-1")))
    assert done["isSuccessful"] is True


def test_a_call_counts_once(caller: Any) -> None:
    before = caller.call("GET", "/limits").headers["Sforce-Limit-Info"]
    answer = caller.call("POST", "/composite/graph", {"graphs": [graph("a", account("1")), graph("b", account("2"))]})
    used = [int(text.split("=")[1].split("/")[0]) for text in (before, answer.headers["Sforce-Limit-Info"])]
    assert used[1] == used[0] + 1


def chain(length: int) -> list[dict[str, Any]]:
    """Nodes each of which needs the one before it."""
    nodes = [node("POST", "/sobjects/Account", "n0", {"Name": "x"})]
    nodes += [
        node("POST", "/sobjects/Account", f"n{number}", {"Name": f"@{{n{number - 1}.id}}"})
        for number in range(1, length)
    ]
    return nodes


@pytest.mark.parametrize(
    "graphs",
    [
        [],
        [graph(f"g{number}", account("x")) for number in range(76)],
        [graph("g", *({**account("x"), "referenceId": f"n{number}"} for number in range(501)))],
        [graph("g", account("x")), graph("g", account("y"))],
        [graph("-g", account("x"))],
        [graph("g" * 41, account("x"))],
        [graph("g")],
        [graph("g", account("x"), account("y"))],
        [graph("g", {**account("x"), "referenceId": "1a"})],
        [graph("g", {**account("x"), "referenceId": ""})],
        [graph("g", *chain(16))],
        [graph("g", node("GET", "/query?q=SELECT+Id+FROM+Account", "q"))],
        [graph("g", node("PATCH", "/composite/sobjects", "c", {}))],
        [graph("g", node("PUT", "/sobjects/Account/ERP_Id__c/x", "a", {}))],
        [graph("g", *(node("GET", f"/sobjects/Object{number}/x", f"n{number}") for number in range(16)))],
    ],
)
def test_a_request_beyond_the_limits_is_refused_whole(caller: Any, graphs: list[dict[str, Any]]) -> None:
    assert caller.refusal("POST", "/composite/graph", {"graphs": graphs})[:2] == (400, "INVALID_INPUT")
    assert caller.query("SELECT COUNT() FROM Account")["totalSize"] == 0


def test_a_request_at_the_limits_is_done(caller: Any) -> None:
    many = [{**account("x"), "referenceId": f"n{number}"} for number in range(426)]
    graphs = [graph(f"g{number}", account(f"{number}")) for number in range(74)]
    assert all(answer["isSuccessful"] for answer in run(caller, graph("many", *many), *graphs))
    assert run(caller, graph("deep", *chain(15)))[0]["isSuccessful"]


def test_a_locked_row_fails_its_graph_and_a_trigger_that_of_its_record(caller: Any) -> None:
    caller.control("POST", "/faults", {"kind": "item_lock", "contains": "C-2"})
    first, locked = run(caller, graph("g1", account("C-1")), graph("g2", account("C-2")))
    assert (first["isSuccessful"], results(locked)) == (True, [(400, "UNABLE_TO_LOCK_ROW")])
    caller.control("POST", "/faults", {"kind": "trigger_failure", "contains": "C-3"})
    poisoned, other = run(caller, graph("g1", account("C-3")), graph("g2", account("C-4")))
    assert (results(poisoned), other["isSuccessful"]) == ([(400, "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY")], True)


def test_an_activated_order_takes_the_lifecycle_of_its_lines_but_no_price(seeded: Any) -> None:
    """With Enhanced Commerce Orders no permission opens quantities and prices."""
    seeded.control("PATCH", "/settings", {"enhanced_commerce_orders": True})
    (line, _) = seeded.query("SELECT Id FROM OrderItem ORDER BY Id")["records"]
    path = f"/sobjects/OrderItem/{line['Id']}"
    header = node("PATCH", "/sobjects/Order/ERP_Order_Id__c/SO700310", "o", {"Gateway_Status__c": "Shipped"})
    done, frozen = run(
        seeded,
        graph("g1", header, node("PATCH", path, "l", {"Qty_Shipped__c": 1.25})),
        graph("g2", node("PATCH", path, "l", {"UnitPrice": 1, "Qty_Shipped__c": 2})),
    )
    assert results(done) == [(200, None), (204, None)]
    assert results(frozen) == [(400, "FIELD_INTEGRITY_EXCEPTION")]
    assert seeded.read("OrderItem", line["Id"])["Qty_Shipped__c"] == 1.25
