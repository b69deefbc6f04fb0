"""The adapter against the QuickBooks twin over real HTTP: what is written, what fails and what is found again."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import httpx
import pytest
import uvicorn

from adapters.quickbooks.gateway import QuickBooksGateway
from domain.errors import (
    Duplicate,
    GatewayError,
    Misconfigured,
    Missing,
    NotAuthorized,
    OutcomeUnknown,
    RateLimited,
    Rejected,
    TimedOut,
    Unavailable,
)
from domain.invoices import BookedInvoice, InvoiceDraft, VendorRefs, marker_for
from domain.links import LinkKind
from tests.adapters.quickbooks.support import MemoryVault, connection, draft, line
from twins.quickbooks.app import create_app

WORLD = {
    "items": [
        {
            "sku": sku,
            "description": name,
            "base_uom": "EA",
            "sell_uom": "EA",
            "units_per_sell_uom": 1,
            "list_price": "1",
            "taxable": True,
            "weight_lb": "1",
        }
        for sku, name in (("FLB-0107", "Flange bolt M8"), ("BR'N\\1", "Bracket"))
    ],
    "customers": [
        {
            "erp_no": "00040017",
            "name": "O'Brien & Söhne Supply",
            "terms_code": "N30",
            "credit_limit": "5000",
            "currency": "USD",
            "tax_exempt": False,
            "bill_to": {"line1": "8404 Harbor St", "city": "Macon", "state": "PA", "zip": "90147"},
        }
    ],
    "terms": [{"code": "N30", "name": "Net 30", "due_days": 30}],
    "warehouses": [],
    "orders": [],
}


@dataclass(frozen=True)
class Twin:
    """A running twin and its control plane."""

    root: str
    control: httpx.Client

    def journal(self, path: str) -> list[dict[str, Any]]:
        requests = self.control.get("/__twin__/journal", params={"after": 0}).json()["requests"]
        return [one for one in requests if one["path"].endswith(path)]

    def fault(self, kind: str, **rule: object) -> None:
        self.control.post("/__twin__/faults", json={"kind": kind, **rule}).raise_for_status()

    def settings(self, **values: object) -> None:
        self.control.patch("/__twin__/settings", json=values).raise_for_status()


@pytest.fixture(scope="module")
def running_twin() -> Iterator[Twin]:
    server = uvicorn.Server(uvicorn.Config(create_app(":memory:"), port=0, log_level="error", lifespan="on"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        threading.Event().wait(0.02)
    root = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    with httpx.Client(base_url=root, timeout=10) as control:
        yield Twin(root, control)
    server.should_exit = True
    thread.join(10)


@pytest.fixture
def twin(running_twin: Twin) -> Twin:
    running_twin.control.post("/__twin__/reset").raise_for_status()
    running_twin.control.patch("/__twin__/clock", json={"now": None}).raise_for_status()
    running_twin.control.post("/__twin__/seed", json=WORLD).raise_for_status()
    return running_twin


@pytest.fixture
def gateway(twin: Twin, vault: MemoryVault) -> Iterator[QuickBooksGateway]:
    one = QuickBooksGateway(connection(twin.root, read_timeout=2.0), vault)
    yield one
    one.close()


@pytest.fixture
def refs(gateway: QuickBooksGateway) -> VendorRefs:
    """The links that matching would make."""
    items = {one.strong_key: one.external_id for one in gateway.candidates(LinkKind.ITEM) if one.strong_key}
    customer = next(one for one in gateway.candidates(LinkKind.CUSTOMER) if one.name.startswith("O'Brien"))
    terms = next(one for one in gateway.candidates(LinkKind.TERMS) if one.strong_key == "30")
    return VendorRefs(customer_id=customer.external_id, terms_id=terms.external_id, item_ids=items)


def attempt(gateway: QuickBooksGateway, one: InvoiceDraft, refs: VendorRefs) -> GatewayError:
    with pytest.raises(GatewayError) as caught:
        gateway.draft_invoice(one, refs)
    return caught.value


def test_a_draft_is_booked_as_it_was_meant(gateway: QuickBooksGateway, twin: Twin, refs: VendorRefs) -> None:
    one = draft(lines=(line(), line(sku="BR'N\\1", quantity="128.350", price="14.50", amount="1861.08")))

    booked = gateway.draft_invoice(one, refs)

    assert booked.doc_number == one.doc_number
    assert booked.total == one.total == Decimal("2238.08")
    assert (booked.balance, booked.tax, booked.sync_token) == (booked.total, Decimal(0), "0")
    assert booked.customer_id == refs.customer_id
    assert booked.invoiced_on == one.invoiced_on
    assert booked.created_at is not None
    assert gateway.read_invoice(booked.external_id) == booked
    assert gateway.find_by_doc_number(one.doc_number) == [booked]
    assert gateway.find_by_marker(marker_for("S-1001", 1), refs.customer_id, one.invoiced_on) == [booked]
    assert len(twin.journal("/invoice")) == 1


def test_e1_quickbooks_will_neither_mail_nor_print_it(
    gateway: QuickBooksGateway, twin: Twin, vault: MemoryVault, refs: VendorRefs
) -> None:
    booked = gateway.draft_invoice(draft(), refs)

    url = f"/v3/company/{connection(twin.root).realm_id}/invoice/{booked.external_id}"
    invoice = twin.control.get(url, headers=bearer(vault)).json()["Invoice"]
    assert (invoice["EmailStatus"], invoice["PrintStatus"]) == ("NotSet", "NotSet")
    assert not any(invoice.get(name) for name in invoice if name.startswith("Allow"))
    assert invoice["ShipMethodRef"]["value"].startswith("Old Dominion")


def test_e4_an_amount_that_is_not_rounded_half_up_is_refused(gateway: QuickBooksGateway, refs: VendorRefs) -> None:
    error = attempt(gateway, draft(lines=(line(quantity="128.350", price="14.50", amount="1861.07"),)), refs)
    assert type(error) is Rejected
    assert error.reason == "6070"


def test_e13_the_same_request_is_answered_with_the_same_invoice(gateway: QuickBooksGateway, refs: VendorRefs) -> None:
    first = gateway.draft_invoice(draft(), refs)
    assert gateway.draft_invoice(draft(), refs) == first
    assert len(gateway.find_by_doc_number("S-1001")) == 1


@pytest.mark.parametrize("kind", ["commit_then_reset", "commit_then_hang"])
def test_e13_a_lost_answer_is_uncertain_and_both_rungs_find_the_invoice(
    gateway: QuickBooksGateway, twin: Twin, refs: VendorRefs, kind: str
) -> None:
    twin.fault(kind, method="POST", path="/invoice$", seconds=3)

    assert type(attempt(gateway, draft(), refs)) is OutcomeUnknown

    (found,) = gateway.find_by_doc_number("S-1001")
    assert gateway.draft_invoice(draft(), refs) == found
    assert gateway.find_by_marker(marker_for("S-1001", 1), refs.customer_id, draft().invoiced_on) == [found]


@pytest.mark.parametrize("kind", ["reset_before", "hang_before"])
def test_e13_a_request_that_was_lost_is_uncertain_too_and_may_be_repeated(
    gateway: QuickBooksGateway, twin: Twin, refs: VendorRefs, kind: str
) -> None:
    twin.fault(kind, method="POST", path="/invoice$", seconds=3)

    assert type(attempt(gateway, draft(), refs)) is OutcomeUnknown
    assert gateway.find_by_doc_number("S-1001") == []
    assert gateway.draft_invoice(draft(), refs).doc_number == "S-1001"


@pytest.mark.parametrize("body", ["json", "html", "empty", "text"])
@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_failing_vendor(gateway: QuickBooksGateway, twin: Twin, refs: VendorRefs, status: int, body: str) -> None:
    twin.fault("status", status=status, body=body, times=2, path="/(invoice|query)$")

    assert type(attempt(gateway, draft(), refs)) is OutcomeUnknown
    with pytest.raises(TimedOut if status == 504 else Unavailable):
        gateway.find_by_doc_number("S-1001")


@pytest.mark.parametrize("body", ["json", "html", "empty", "text"])
@pytest.mark.parametrize("form", ["xml", "json", "gateway"])
def test_a_throttle(gateway: QuickBooksGateway, twin: Twin, refs: VendorRefs, form: str, body: str) -> None:
    twin.settings(throttle_body=form)
    twin.fault("status", status=429, body=body, path="/invoice$")

    error = attempt(gateway, draft(), refs)

    assert isinstance(error, RateLimited)
    assert error.retry_after is not None
    assert error.retry_after.total_seconds() == 60


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("fault_in_200", OutcomeUnknown), ("stream_timeout", OutcomeUnknown), ("inventory_lock", Unavailable)],
)
def test_the_vendors_own_oddities(
    gateway: QuickBooksGateway, twin: Twin, refs: VendorRefs, kind: str, expected: type[GatewayError]
) -> None:
    twin.fault(kind, path="/invoice$")
    assert type(attempt(gateway, draft(), refs)) is expected


def test_x2_a_token_that_is_refused_is_renewed_and_the_draft_is_booked(
    gateway: QuickBooksGateway, twin: Twin, refs: VendorRefs
) -> None:
    twin.fault("expired_token_once", path="/invoice$")
    assert gateway.draft_invoice(draft(), refs).doc_number == "S-1001"
    assert len(twin.journal("/tokens/bearer")) == 2
    assert len(twin.journal("/invoice")) == 2


def test_x2_two_workers_whose_token_ends_renew_it_once(
    twin: Twin, gateway: QuickBooksGateway, vault: MemoryVault, refs: VendorRefs
) -> None:
    twin.settings(refresh_grace_seconds=0)
    other = QuickBooksGateway(connection(twin.root), vault)
    other.find_by_doc_number("none")
    before = len(twin.journal("/tokens/bearer"))
    twin.control.patch("/__twin__/clock", json={"advance_seconds": 3601}).raise_for_status()
    barrier = threading.Barrier(2)

    def book(worker: QuickBooksGateway, shipment: str) -> BookedInvoice:
        barrier.wait()
        return worker.draft_invoice(draft(shipment), refs)

    with ThreadPoolExecutor(2) as pool:
        booked = list(pool.map(book, [gateway, other], ["S-1", "S-2"]))

    assert [one.doc_number for one in booked] == ["S-1", "S-2"]
    assert len(twin.journal("/tokens/bearer")) == before + 1
    other.close()


def test_x2_a_lost_refresh_answer_costs_nothing_while_the_old_token_lives(
    gateway: QuickBooksGateway, twin: Twin
) -> None:
    twin.fault("commit_then_reset", path="/tokens/bearer")
    with pytest.raises(Unavailable):
        gateway.check()
    assert gateway.check().startswith("Connected to ")


def test_x2_wrong_credentials(twin: Twin) -> None:
    for changes, expected in (
        ({"client_secret": "wrong"}, Misconfigured),
        ({"refresh_token": "wrong"}, NotAuthorized),
        ({"realm_id": "123"}, NotAuthorized),
    ):
        one = QuickBooksGateway(connection(twin.root, **changes), MemoryVault())
        with pytest.raises(expected):
            one.check()
        one.close()


def test_e11_a_taken_number_names_its_holder(gateway: QuickBooksGateway, refs: VendorRefs) -> None:
    booked = gateway.draft_invoice(draft(), refs)
    error = attempt(gateway, draft(request_id="tw-another"), refs)
    assert type(error) is Duplicate
    assert error.context["txn_id"] == booked.external_id


@pytest.mark.parametrize("code", [6210, 6200])
def test_e12_closed_books(gateway: QuickBooksGateway, twin: Twin, refs: VendorRefs, code: int) -> None:
    twin.settings(book_close_on="2026-11-30", closed_books_code=code)
    error = attempt(gateway, draft(), refs)
    assert type(error) is Rejected
    assert error.reason == "period_closed"
    assert "2026-11-30" in gateway.check()


def test_m5_a_record_that_is_not_there(gateway: QuickBooksGateway, refs: VendorRefs) -> None:
    assert type(attempt(gateway, draft(), refs.model_copy(update={"customer_id": "99999"}))) is Missing
    assert gateway.read_invoice("99999") is None


def test_a_batch_has_an_outcome_for_each_and_can_be_repeated(
    gateway: QuickBooksGateway, twin: Twin, refs: VendorRefs
) -> None:
    drafts = [
        (draft("S-1"), refs),
        (draft("S-2", lines=(line(amount="1.00"),)), refs),
        (draft("S-3"), refs.model_copy(update={"customer_id": "99999"})),
        (draft("S-4"), refs),
    ]

    outcomes = gateway.draft_invoices(drafts, "tw-batch-1")
    again = gateway.draft_invoices(drafts, "tw-batch-1")

    assert [type(one) for one in outcomes] == [BookedInvoice, Rejected, Missing, BookedInvoice]
    assert (again[0], again[3]) == (outcomes[0], outcomes[3])
    assert [len(gateway.find_by_doc_number(f"S-{number}")) for number in (1, 2, 3, 4)] == [1, 0, 0, 1]
    assert len(twin.journal("/batch")) == 2


def test_e13_part_of_a_batch_is_repeated_under_the_names_of_the_first_time(
    gateway: QuickBooksGateway, refs: VendorRefs
) -> None:
    drafts = [(str(number), draft(f"S-{number}"), refs) for number in (1, 2, 3)]
    outcomes = gateway.draft_invoices(drafts, "tw-batch-1")
    assert gateway.draft_invoices(drafts[1:], "tw-batch-1") == outcomes[1:]

    (misplaced,) = gateway.draft_invoices([(draft("S-3"), refs)], "tw-batch-1")  # by position it would be S-1
    assert type(misplaced) is OutcomeUnknown


def test_e13_a_batch_whose_answer_is_lost_is_repeated_without_doubles(
    gateway: QuickBooksGateway, twin: Twin, refs: VendorRefs
) -> None:
    drafts = [(draft(f"S-{number}"), refs) for number in range(30)]
    twin.fault("commit_then_reset", path="/batch$")

    with pytest.raises(OutcomeUnknown):
        gateway.draft_invoices(drafts, "tw-batch-1")
    outcomes = gateway.draft_invoices(drafts, "tw-batch-1")

    assert all(isinstance(one, BookedInvoice) for one in outcomes)
    assert len(gateway.find_by_marker("threeway:S-7:1", refs.customer_id, draft().invoiced_on)) == 1
    assert len(gateway.find_by_doc_number("S-7")) == 1


@pytest.mark.parametrize("number", ["O'B-1", "a\\", "a\\' OR", "' AND Id > '0", "Größe-7", "100%"])
def test_a_number_finds_only_itself(gateway: QuickBooksGateway, refs: VendorRefs, number: str) -> None:
    gateway.draft_invoice(draft("S-1"), refs)
    booked = gateway.draft_invoice(draft("S-2", doc_number=number), refs)
    assert gateway.find_by_doc_number(number) == [booked]


def bearer(vault: MemoryVault) -> dict[str, str]:
    assert vault.saved is not None
    assert vault.saved.access_token is not None
    return {"Authorization": f"Bearer {vault.saved.access_token.get_secret_value()}"}


def test_m5_inactive_candidates_are_seen_and_refused_on_a_draft(
    gateway: QuickBooksGateway, twin: Twin, vault: MemoryVault, refs: VendorRefs
) -> None:
    item_id = refs.item_ids["FLB-0107"]
    url = f"/v3/company/{connection(twin.root).realm_id}/item"
    by_hand = {"Id": item_id, "SyncToken": "0", "sparse": True, "Active": False}
    twin.control.post(url, json=by_hand, headers=bearer(vault)).raise_for_status()

    (candidate,) = (one for one in gateway.candidates(LinkKind.ITEM) if one.external_id == item_id)

    assert (candidate.active, candidate.strong_key, candidate.version_token) == (False, "FLB-0107", "1")
    assert type(attempt(gateway, draft(), refs)) is Missing


def test_candidates_are_read_past_the_first_page(gateway: QuickBooksGateway, twin: Twin) -> None:
    terms = [{"code": f"T{days}", "name": f"Net {days}", "due_days": days} for days in range(31, 1031)]
    twin.control.post("/__twin__/seed", json=WORLD | {"terms": terms}).raise_for_status()

    keys = [one.strong_key for one in gateway.candidates(LinkKind.TERMS)]

    assert {str(days) for days in range(30, 1031)} <= set(keys)
    assert len(keys) == len(set(keys)) > 1000


def test_candidates_state_keys_and_activity(gateway: QuickBooksGateway) -> None:
    items = {one.strong_key for one in gateway.candidates(LinkKind.ITEM)}
    assert {"FLB-0107", "BR'N\\1"} <= items
    (customer,) = gateway.candidates(LinkKind.CUSTOMER)
    assert (customer.name, customer.strong_key, customer.active) == ("O'Brien & Söhne Supply", None, True)
