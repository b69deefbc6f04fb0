"""A shipment that was put out of billing is billed after all, when somebody says why."""

from __future__ import annotations

import httpx
import pytest
from sqlalchemy import text

from store import exceptions
from store.session import reading
from tests import build
from tests.api import filling
from tests.api.served import Served, assert_problem

REASON = "the warranty claim was refused"


async def reconsider(served: Served, address: str, reason: str = REASON) -> httpx.Response:
    return await served.client.post(f"/shipments/{address}/reconsider", json={"reason": reason})


def put_out(served: Served, number: str) -> None:
    with served.write() as session:
        filling.confirmed(session, build.shipment(number=number))
        filling.not_billed(session, number)


@pytest.mark.parametrize(
    ("number", "address"),
    [
        ("SH-BACK", "SH-BACK"),
        ("SH/BACK/2", "SH/BACK/2"),
        ("SH/BACK/3", "SH%2FBACK%2F3"),
        ("SH/reconsider", "SH/reconsider"),
        ("SH 5?", "SH%205%3F"),
    ],
)
async def test_a_shipment_comes_back_and_its_flow_looks(filled: Served, number: str, address: str) -> None:
    put_out(filled, number)
    answer = await reconsider(filled, address)
    assert answer.status_code == 202
    started = answer.json()
    assert started["workflow_id"] == f"shipment/{number}"
    assert answer.headers["location"] == started["status_url"]
    assert (await filled.client.get(started["status_url"])).json()["number"] == number
    described = await filled.services.client.get_workflow_handle(f"shipment/{number}").describe()
    assert described.workflow_type == "ShipmentInvoicing"


async def test_who_wanted_it_and_why_is_kept(filled: Served) -> None:
    put_out(filled, "SH-WHY")
    headers = filled.as_scope("operator")
    await filled.client.post("/shipments/SH-WHY/reconsider", json={"reason": f"  {REASON} "}, headers=headers)
    with reading(filled.engine) as session:
        assert exceptions.open_of_record(session, ("shipment", "SH-WHY")) == []
        query = text("SELECT cause, resolution FROM exceptions WHERE record_key = 'SH-WHY'")
        ((cause, decided),) = session.execute(query).all()
    assert (cause, decided["choice"], decided["reason"]) == ("not_billed", "bill_again", REASON)
    assert decided["decided_by"] == "operator of the tests"


@pytest.mark.parametrize("number", ["SH1", "SH2"])
async def test_what_is_not_out_of_billing_stays_as_it_is(filled: Served, number: str) -> None:
    before = (await filled.client.get(f"/shipments/{number}")).json()
    document = assert_problem(await reconsider(filled, number), 422, "malformed")
    assert document["reason"] == "state"
    assert before["state"] in document["detail"]
    assert (await filled.client.get(f"/shipments/{number}")).json() == before


async def test_an_unknown_shipment(filled: Served) -> None:
    assert_problem(await reconsider(filled, "no/such"), 404, "missing")


@pytest.mark.parametrize("reason", ["", "no", "   "])
async def test_it_needs_a_reason(filled: Served, reason: str) -> None:
    assert_problem(await reconsider(filled, "SH1", reason), 422, "invalid_request")


async def test_the_address_is_none_of_a_shipment_for_readers(filled: Served) -> None:
    document = assert_problem(await filled.client.get("/shipments/SH1/reconsider"), 404, "missing")
    assert "SH1/reconsider" in document["detail"]


async def test_it_stands_while_temporal_is_away(without_temporal: Served) -> None:
    put_out(without_temporal, "SH-AWAY")
    assert (await reconsider(without_temporal, "SH-AWAY")).status_code == 202
