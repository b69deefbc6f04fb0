"""Seeding, edits by a user, orders on command, restart, and the description of the schema."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import requests

from tests.twins.salesforce.conftest import WORLD, Caller


def test_seeding_twice_changes_nothing(seeded: Any) -> None:
    before = [seeded.control("GET", f"/records/{name}") for name in ("Account", "Product2", "Order", "OrderItem")]
    seeded.control("PATCH", "/clock", {"advance_seconds": 60})
    answer = seeded.control("POST", "/seed", WORLD)
    assert set(answer["written"].values()) == {0}
    assert before == [
        seeded.control("GET", f"/records/{name}") for name in ("Account", "Product2", "Order", "OrderItem")
    ]
    changed = {"items": [{**WORLD["items"][0], "list_price": "95"}]}
    assert seeded.control("POST", "/seed", changed)["written"]["PricebookEntry"] == 1


def test_seeded_masters(seeded: Any) -> None:
    account, _ = seeded.control("GET", "/records/Account")["records"]
    assert (account["Name"], account["ERP_Id__c"]) == ("Brightwater Plumbing Supply", "00040277")
    product, _ = seeded.control("GET", "/records/Product2")["records"]
    assert (product["Name"], product["ProductCode"], product["ERP_SKU__c"]) == (
        "Flange bolt M8",
        "FLB-0191",
        "FLB-0191",
    )
    assert product["IsActive"] is True
    (order,) = seeded.control("GET", "/records/Order")["records"]
    assert (order["ERP_Order_Id__c"], order["PoNumber"], order["EffectiveDate"], order["Status"]) == (
        "SO700310",
        "PO-7249",
        "2026-11-16",
        "Activated",
    )


def test_seed_that_names_nothing_known_is_refused_whole(caller: Any) -> None:
    world = {**WORLD, "orders": [{**WORLD["orders"][0], "customer_erp_no": "nobody"}]}
    answer = requests.post(f"{caller.base}/__twin__/seed", json=world, timeout=10)
    assert answer.status_code == 422
    assert caller.control("GET", "/records/Account")["records"] == []


def test_the_whole_world(caller: Any, samples: Path) -> None:
    world = json.loads((samples / "world.json").read_text(encoding="utf-8"))
    caller.control("POST", "/seed", world)
    orders = caller.query(
        "SELECT ERP_Order_Id__c, TotalAmount, (SELECT Quantity, UnitPrice FROM OrderItems) FROM Order"
    )
    assert orders["totalSize"] == len(world["orders"])
    wanted = {
        order["order_no"]: [(Decimal(line["quantity"]), Decimal(line["unit_price"])) for line in order["lines"]]
        for order in world["orders"]
    }
    for order in orders["records"]:
        lines = [(line["Quantity"], line["UnitPrice"]) for line in order["OrderItems"]["records"]]
        assert lines == wanted[order["ERP_Order_Id__c"]]


def test_edit_by_a_user(seeded: Any) -> None:
    seeded.control("PATCH", "/clock", {"advance_seconds": 60})
    before = seeded.query("SELECT Id, SystemModstamp FROM Account WHERE ERP_Id__c = '00040277'")["records"][0]
    edited = seeded.control(
        "POST", "/records/Account", {"fields": {"Phone": "555"}, "match": {"ERP_Id__c": "00040277"}}
    )
    assert edited == {"ids": [before["Id"]], "created": False}
    after = seeded.query(f"SELECT Phone, SystemModstamp, LastModifiedBy.Name FROM Account WHERE Id = '{before['Id']}'")
    (row,) = after["records"]
    assert row["Phone"] == "555"
    assert row["SystemModstamp"] > before["SystemModstamp"]
    assert row["LastModifiedBy"]["Name"] == "Sales Rep"
    created = seeded.control("POST", "/records/Account", {"fields": {"Name": "New"}})
    assert created["created"] is True
    seeded.control("DELETE", f"/records/Account/{created['ids'][0]}")
    assert seeded.query("SELECT Id FROM Account WHERE Name = 'New'")["totalSize"] == 0
    rows = seeded.control("GET", "/records/Account?deleted=true")["records"]
    assert [row["Id"] for row in rows if row["IsDeleted"]] == created["ids"]


def test_refused_edits_say_why(seeded: Any) -> None:
    for path, body, status in (
        ("/records/Account", {"fields": {"Odd": 1}, "match": {"ERP_Id__c": "00040277"}}, 400),
        ("/records/Account", {"fields": {"Phone": "1"}, "match": {"ERP_Id__c": "none"}}, 404),
        ("/records/Odd", {"fields": {}}, 404),
        ("/orders", {**WORLD["orders"][0]}, 400),
    ):
        answer = requests.post(f"{seeded.base}/__twin__{path}", json=body, timeout=10)
        assert answer.status_code == status, answer.text
    match = {"match": {"ERP_Id__c": "00040264"}}
    assert len(seeded.control("DELETE", "/records/Account", match)["ids"]) == 1


def test_order_on_command(seeded: Any) -> None:
    order = {name: value for name, value in WORLD["orders"][0].items() if name != "order_no"}
    draft = seeded.control("POST", "/orders", {**order, "activate": False})
    placed = seeded.control("POST", "/orders", order)
    row = seeded.read("Order", draft["id"])
    assert (row["Status"], row["ERP_Order_Id__c"], row["OrderNumber"]) == ("Draft", None, draft["order_number"])
    assert seeded.read("Order", placed["id"])["Status"] == "Activated"
    assert len(placed["items"]) == 2


def test_state_survives_a_restart(start_server: Any, tmp_path: Path) -> None:
    path = str(tmp_path / "salesforce.sqlite")
    first = start_server(path)
    caller = Caller(first.base)
    caller.control("POST", "/seed", WORLD)
    record = caller.create("Account", Name="kept")
    token = caller.http.headers["Authorization"]
    caller.http.close()
    first.stop()
    again = Caller(start_server(path).base)
    again.http.headers["Authorization"] = token
    assert again.read("Account", record)["Name"] == "kept"
    assert again.query("SELECT COUNT() FROM Order")["totalSize"] == 1
    assert again.create("Account", Name="next") > record
    again.http.close()


def test_many_rows_are_placed_and_looked_at_quickly(seeded: Any) -> None:
    records = [
        {"Key__c": f"{number}|ATL", "Product__r": {"ERP_SKU__c": "FLB-0191"}, "On_Hand__c": number}
        for number in range(1000)
    ]
    for created in (1000, 0):
        answer = seeded.control("PUT", "/records/Inventory_Level__c", {"key": "Key__c", "records": records})
        assert answer == {"created": created, "updated": 1000 - created}
    shown = seeded.control("GET", "/records/Inventory_Level__c?fields=key__c,On_Hand__c")
    assert shown["fields"] == ["Key__c", "On_Hand__c"]
    assert shown["rows"][7] == ["7|ATL", Decimal(7)]
    assert len(shown["rows"]) == 1000
    assert requests.get(f"{seeded.base}/__twin__/records/Account?fields=Odd__c", timeout=10).status_code == 404


def test_calls_are_counted_by_resource(caller: Any) -> None:
    record = caller.create("Account", Name="x")
    caller.read("Account", record)
    caller.read("Account", record)
    counted = caller.control("GET", "/calls")
    assert counted["calls"] == {
        "POST /services/oauth2/token": 1,
        "POST sobjects/Account/": 1,
        "GET sobjects/Account/*": 2,
    }
    assert caller.control("GET", f"/calls?after={counted['last']}") == {"last": counted["last"], "calls": {}}


def test_describe(caller: Any) -> None:
    objects = {entry["name"]: entry for entry in caller.call("GET", "/sobjects").json()["sobjects"]}
    assert objects["Inventory_Level__c"]["custom"] is True
    assert objects["Order"]["keyPrefix"] == "801"
    fields = {field["name"]: field for field in caller.call("GET", "/sobjects/Order/describe").json()["fields"]}
    key, status = fields["ERP_Order_Id__c"], fields["Gateway_Status__c"]
    assert (key["type"], key["length"], key["externalId"], key["unique"]) == ("string", 30, True, True)
    assert (fields["TotalAmount"]["createable"], fields["TotalAmount"]["updateable"]) == (False, False)
    assert (fields["AccountId"]["referenceTo"], fields["AccountId"]["relationshipName"]) == (["Account"], "Account")
    assert status["restrictedPicklist"] is True
    assert "Credit Hold" in [value["value"] for value in status["picklistValues"]]
    described = caller.call("GET", "/sobjects/Order/describe").json()
    assert "OrderItems" in [child["relationshipName"] for child in described["childRelationships"]]


def test_reset_empties_the_org(seeded: Any) -> None:
    seeded.control("POST", "/reset")
    seeded.log_in()
    for name in ("Account", "Product2", "Order"):
        assert seeded.query(f"SELECT COUNT() FROM {name}")["totalSize"] == 0
    assert seeded.query("SELECT Id FROM Organization")["totalSize"] == 1
