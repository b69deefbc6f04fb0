"""Batches with mixed outcomes, probes, candidates and the check, against scripted answers."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from decimal import Decimal

import pytest

from adapters.quickbooks.gateway import QuickBooksGateway
from domain.errors import (
    Duplicate,
    GatewayError,
    Misconfigured,
    Missing,
    OutcomeUnknown,
    RateLimited,
    Rejected,
)
from domain.invoices import BookedInvoice
from domain.links import LinkKind
from tests.adapters.quickbooks.support import (
    Scripted,
    ScriptedServer,
    draft,
    fault,
    invoice_json,
    line,
    refs,
)

DAY = date(2026, 11, 20)


def test_each_item_of_a_batch_has_its_own_outcome_in_our_order(
    gateway: QuickBooksGateway, script: ScriptedServer
) -> None:
    drafts = [draft(f"S-{number}") for number in range(1, 8)]
    drafts[3] = draft("S-4", lines=(line(sku="UNLINKED"),))
    script.answers.append(
        Scripted(
            {
                "BatchItemResponse": [
                    {"bId": "7", **fault("10000", "An application error", "", "SystemFault")},
                    {"bId": "5", "Invoice": invoice_json(drafts[4], "505")},
                    {"bId": "1", "Invoice": invoice_json(drafts[0], "501")},
                    {"bId": "2", **fault("6140", "Duplicate", "DocNumber=S-2 with TxnId=44")},
                    {"bId": "3", **fault("6210", "Account Period Closed")},
                ]
            }
        )
    )

    outcomes = gateway.draft_invoices([(one, refs()) for one in drafts], "batch-1")

    kinds = [type(one) for one in outcomes]
    assert kinds == [BookedInvoice, Duplicate, Rejected, Missing, BookedInvoice, OutcomeUnknown, OutcomeUnknown]
    assert isinstance(outcomes[4], BookedInvoice)
    assert outcomes[4].external_id == "505"
    assert isinstance(outcomes[1], GatewayError)
    assert outcomes[1].context["txn_id"] == "44"
    request = script.received[0]
    assert request.query["requestid"] == ["batch-1"]
    sent = json.loads(request.body)["BatchItemRequest"]
    assert [one["bId"] for one in sent] == ["1", "2", "3", "5", "6", "7"]  # the unlinked one keeps its place and stays
    assert '"Amount":377.00' in request.body


def test_e13_a_batch_that_fails_as_a_whole_is_raised(gateway: QuickBooksGateway, script: ScriptedServer) -> None:
    script.answers += [Scripted(reset=True), Scripted(fault("1040", "Too many"), 400)]
    for expected in (OutcomeUnknown, Misconfigured):
        with pytest.raises(expected):
            gateway.draft_invoices([(draft(), refs())], "batch-1")


def test_e13_an_answer_without_items_leaves_every_item_open(gateway: QuickBooksGateway, script: ScriptedServer) -> None:
    script.answers += [Scripted({"time": "x"}), Scripted({"BatchItemResponse": [None, "x", {"bId": "9"}]})]
    for _ in range(2):
        outcomes = gateway.draft_invoices([(draft("S-1"), refs()), (draft("S-2"), refs())], "batch-1")
        assert [type(one) for one in outcomes] == [OutcomeUnknown, OutcomeUnknown]


def test_e13_named_items_keep_their_identity_when_only_some_are_repeated(
    gateway: QuickBooksGateway, script: ScriptedServer
) -> None:
    one, other = draft("S-8"), draft("S-9")
    script.answers.append(Scripted({"BatchItemResponse": [{"bId": "9", "Invoice": invoice_json(other, "909")}]}))

    outcomes = gateway.draft_invoices([("8", one, refs()), ("9", other, refs())], "batch-1")

    assert type(outcomes[0]) is OutcomeUnknown
    assert isinstance(outcomes[1], BookedInvoice)
    assert [item["bId"] for item in json.loads(script.received[0].body)["BatchItemRequest"]] == ["8", "9"]


@pytest.mark.parametrize("names", [("1", "1"), ("", "2"), ("1", "12345678901")])
def test_names_of_items_are_checked(gateway: QuickBooksGateway, script: ScriptedServer, names: tuple[str, str]) -> None:
    with pytest.raises(Misconfigured):
        gateway.draft_invoices([(name, draft(), refs()) for name in names], "batch-1")
    assert script.received == []


def test_e13_an_answer_that_belongs_to_another_draft_is_never_taken_for_ours(
    gateway: QuickBooksGateway, script: ScriptedServer
) -> None:
    stored = invoice_json(draft("S-1"), "501")
    script.answers += [
        Scripted({"BatchItemResponse": [{"bId": "1", "Invoice": stored}]}),
        Scripted({"Invoice": stored}),
    ]
    (outcome,) = gateway.draft_invoices([(draft("S-2"), refs())], "batch-1")
    assert type(outcome) is OutcomeUnknown
    assert outcome.reason == "other_invoice"
    with pytest.raises(OutcomeUnknown):
        gateway.draft_invoice(draft("S-12"), refs())


def test_an_item_can_be_throttled_by_itself(gateway: QuickBooksGateway, script: ScriptedServer) -> None:
    script.answers.append(Scripted({"BatchItemResponse": [{"bId": "1", **fault("3001", "ThrottleExceeded")}]}))
    assert [type(one) for one in gateway.draft_invoices([(draft(), refs())], "b")] == [RateLimited]


def test_limits_of_a_batch_are_known_before_it_is_sent(gateway: QuickBooksGateway, script: ScriptedServer) -> None:
    pair = (draft(), refs())
    with pytest.raises(Misconfigured):
        gateway.draft_invoices([pair] * 31, "batch-1")
    for batch_id in ("", "b" * 37):
        with pytest.raises(Misconfigured):
            gateway.draft_invoices([pair], batch_id)
    assert gateway.draft_invoices([], "batch-1") == []
    assert script.received == []


def test_e13_a_number_is_looked_up_with_a_safe_literal(gateway: QuickBooksGateway, script: ScriptedServer) -> None:
    script.answers.append(Scripted({"QueryResponse": {"Invoice": [invoice_json(draft(), TotalAmt=12.3)]}}))

    found = gateway.find_by_doc_number("S'1\\ß")

    assert [one.total for one in found] == [Decimal("12.30")]
    request = script.received[0]
    assert request.path.endswith("/query")
    assert request.query == {"minorversion": ["75"]}
    assert (
        request.body == r"SELECT * FROM Invoice WHERE DocNumber = 'S\'1\\ß' ORDERBY Id STARTPOSITION 1 MAXRESULTS 1000"
    )


@pytest.mark.parametrize(
    ("note", "found"),
    [
        ("threeway:S-1:1\nshipment S-1", True),
        ("Voided - threeway:S-1:1", True),
        ("threeway:S-1:1, kept by Ann", True),
        ("threeway:S-1:12", False),
        ("threeway:S-1:1:3", False),
        ("threeway:S-11:1", False),
        (None, False),
    ],
)
def test_e13_a_marker_is_found_whole(
    gateway: QuickBooksGateway, script: ScriptedServer, note: str | None, found: bool
) -> None:
    script.answers.append(Scripted({"QueryResponse": {"Invoice": [invoice_json(draft(), PrivateNote=note)]}}))

    assert bool(gateway.find_by_marker("threeway:S-1:1", "58", DAY)) is found
    assert "CustomerRef = '58' AND TxnDate = '2026-11-20'" in script.received[0].body


def test_an_id_that_is_none_is_not_sent(gateway: QuickBooksGateway, script: ScriptedServer) -> None:
    for external_id in ("1/../../query", "", "\u00b2", "INV-7"):
        assert gateway.read_invoice(external_id) is None
    assert script.received == []


def test_candidates_are_what_matching_needs(gateway: QuickBooksGateway, script: ScriptedServer) -> None:
    script.answers += [
        Scripted({"QueryResponse": {"Customer": [{"Id": "58", "DisplayName": "Acme", "SyncToken": "2"}]}}),
        Scripted(
            {
                "QueryResponse": {
                    "Item": [
                        {"Id": "1", "Name": "All", "Type": "Category", "Active": True},
                        {"Id": "2", "Name": "Bolt", "Sku": "FLB-0107", "Type": "NonInventory", "Active": False},
                        {"Id": "3", "Name": "No sku", "Type": "Service"},
                    ]
                }
            }
        ),
        Scripted(
            {"QueryResponse": {"Term": [{"Id": "3", "Name": "Net 30", "DueDays": 30}, {"Id": "4", "Name": "15th"}]}}
        ),
        Scripted({"QueryResponse": {}}),
    ]

    (customer,) = gateway.candidates(LinkKind.CUSTOMER)
    bolt, service = gateway.candidates(LinkKind.ITEM)
    net_30, dated = gateway.candidates(LinkKind.TERMS)

    assert (customer.external_id, customer.name, customer.strong_key, customer.version_token) == (
        "58",
        "Acme",
        None,
        "2",
    )
    assert (bolt.external_id, bolt.strong_key, bolt.active) == ("2", "FLB-0107", False)
    assert (service.strong_key, service.active) == (None, True)
    assert (net_30.strong_key, dated.strong_key) == ("30", None)
    assert list(gateway.candidates(LinkKind.ITEM)) == []
    assert script.received[1].body.startswith("SELECT * FROM Item WHERE Active IN (true, false) ORDERBY Id")


def test_the_check_says_what_matters(gateway: QuickBooksGateway, script: ScriptedServer) -> None:
    preferences = {
        "SalesFormsPrefs": {"CustomTxnNumbers": True},
        "AccountingInfoPrefs": {"BookCloseDate": "2026-10-31"},
    }
    script.answers += [
        Scripted({"CompanyInfo": {"CompanyName": "Twin Supply"}}),
        Scripted({"Preferences": preferences}),
        Scripted({"CompanyInfo": {}}),
        Scripted({"Preferences": {}}),
    ]
    assert gateway.check() == (
        "Connected to Twin Supply: our invoice numbers are kept; the books are closed until 2026-10-31."
    )
    assert "may replace our invoice numbers; no period is closed" in gateway.check()


def test_many_threads_use_one_gateway(gateway: QuickBooksGateway, script: ScriptedServer) -> None:
    drafts = [draft(f"S-{number}") for number in range(24)]
    answers = {one.request_id: Scripted({"Invoice": invoice_json(one, str(n))}) for n, one in enumerate(drafts)}
    script.respond = lambda request: answers[request.query["requestid"][0]]

    with ThreadPoolExecutor(6) as pool:
        booked = list(pool.map(lambda one: gateway.draft_invoice(one, refs()), drafts))

    assert [one.external_id for one in booked] == [str(number) for number in range(24)]
    assert len({request.query["requestid"][0] for request in script.received}) == 24
    assert len(script.token_requests) == 1
