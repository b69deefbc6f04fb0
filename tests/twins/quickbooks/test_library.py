"""The unmodified client libraries work end to end, in both ways of writing an invoice (S5, S9)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal

import pytest
from intuitlib.client import AuthClient
from intuitlib.exceptions import AuthClientError
from quickbooks import QuickBooks
from quickbooks.batch import batch_create
from quickbooks.exceptions import (
    AuthorizationException,
    ObjectNotFoundException,
    QuickbooksException,
    ValidationException,
)
from quickbooks.objects import (
    Customer,
    Invoice,
    Item,
    Payment,
    PaymentLine,
    Preferences,
    SalesItemLine,
    SalesItemLineDetail,
    Term,
)

from .conftest import REALM, Client, invoice


@pytest.fixture
def client(twin: Client, monkeypatch: pytest.MonkeyPatch) -> Iterator[QuickBooks]:
    """A library client pointed at the twin by its documented attributes only."""
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")
    monkeypatch.setattr(QuickBooks, "api_url_v3", f"{twin.base}/v3")
    monkeypatch.setattr(QuickBooks, "sandbox_api_url_v3", f"{twin.base}/v3")
    discovery = f"{twin.base}/.well-known/openid_configuration"
    with AuthClient("twin-client", "twin-secret", "http://localhost/callback", discovery) as auth:
        client = QuickBooks(
            auth_client=auth, refresh_token="twin-refresh-token", company_id=REALM, minorversion=75, use_decimal=True
        )
        yield client
        client.session.close()


def _invoice(client: QuickBooks, quantity: str = "3") -> Invoice:
    made = Invoice()
    made.CustomerRef = Customer.get(1, qb=client).to_ref()
    sold = SalesItemLine()
    sold.SalesItemLineDetail = SalesItemLineDetail()
    sold.SalesItemLineDetail.ItemRef = Item.get(1, qb=client).to_ref()
    sold.SalesItemLineDetail.Qty = Decimal(quantity)
    sold.SalesItemLineDetail.UnitPrice = Decimal("12.75")
    sold.Amount = Decimal(quantity) * Decimal("12.75")
    made.Line.append(sold)
    return made


def test_default_body_of_the_library(client: QuickBooks, twin: Client) -> None:
    made = _invoice(client).save(qb=client, request_id="lib-1")
    assert (made.TotalAmt, made.SyncToken, made.PrintStatus) == (Decimal("38.25"), "0", "NotSet")
    assert _invoice(client).save(qb=client, request_id="lib-1").Id == made.Id
    made.PrivateNote = "changed"
    assert made.save(qb=client).SyncToken == "1"
    assert twin.count() == 1


def test_amount_only_line_of_the_library(client: QuickBooks) -> None:
    body = _invoice(client)
    body.Line[0].SalesItemLineDetail.Qty = 0
    body.Line[0].SalesItemLineDetail.UnitPrice = 0
    assert body.save(qb=client).TotalAmt == Decimal("38.25")


def test_minimal_body(client: QuickBooks) -> None:
    answer = client.create_object("Invoice", json.dumps(invoice()), request_id="min-1")
    assert answer["Invoice"]["TotalAmt"] == 100


def test_void_delete_send_and_pdf(client: QuickBooks) -> None:
    made = _invoice(client).save(qb=client)
    made.send(qb=client, send_to="a+b@example.com")
    sent = Invoice.get(made.Id, qb=client)
    assert (sent.EmailStatus, sent.BillEmail.Address) == ("EmailSent", "a+b@example.com")
    assert sent.download_pdf(qb=client)[:5] == b"%PDF-"
    assert sent.void(qb=client)["Invoice"]["TotalAmt"] == 0
    gone = Invoice.get(made.Id, qb=client)
    assert gone.delete(qb=client, request_id="del-1")["Invoice"]["status"] == "Deleted"
    with pytest.raises(ObjectNotFoundException):
        Invoice.get(made.Id, qb=client)


def test_payment_and_its_void(client: QuickBooks) -> None:
    made = _invoice(client).save(qb=client)
    payment = Payment()
    payment.CustomerRef = made.CustomerRef
    payment.TotalAmt = Decimal("38.25")
    part = PaymentLine()
    part.Amount = Decimal("38.25")
    part.LinkedTxn.append(made.to_linked_txn())
    payment.Line.append(part)
    saved = payment.save(qb=client)
    assert Invoice.get(made.Id, qb=client).Balance == 0
    saved.void(qb=client)
    assert Invoice.get(made.Id, qb=client).Balance == Decimal("38.25")


def test_queries_of_the_library(client: QuickBooks) -> None:
    _invoice(client).save(qb=client)
    items = Item.all(order_by="Id", start_position=1, max_results=1000, qb=client)
    assert [item.Sku for item in items] == ["HCS-0100/Z", "FLB-0107", "FREIGHT"]
    assert [found.Id for found in Customer.filter(Active=True, DisplayName="Bob's Hardware", qb=client)] == ["2"]
    assert len(Item.choose(["HCS-0100/Z", "FLB-0107"], field="Sku", qb=client)) == 2
    assert Invoice.count("Balance > '0'", qb=client) == 1
    assert [term.Name for term in Term.where("DueDays > 20", order_by="Name DESC", qb=client)] == ["Net 30"]
    assert Preferences.get(qb=client).SalesFormsPrefs.CustomTxnNumbers is True


def test_masters_and_batch_of_the_library(client: QuickBooks) -> None:
    customer = Customer()
    customer.DisplayName = "Third Customer"
    assert customer.save(qb=client).Id == "3"
    others = []
    for name in ("Fourth", "Acme Supply"):
        other = Customer()
        other.DisplayName = name
        others.append(other)
    result = batch_create(others, qb=client)
    assert [made.DisplayName for made in result.successes] == ["Fourth"]
    assert result.faults[0].Error[0].code == "6240"


def test_errors_as_the_library_sees_them(client: QuickBooks, twin: Client) -> None:
    body = _invoice(client)
    body.DocNumber = "X" * 22
    with pytest.raises(ValidationException) as error:
        body.save(qb=client)
    assert error.value.error_code == 2050
    body.DocNumber = "D-1"
    body.Line[0].Amount = Decimal("38.26")
    with pytest.raises(QuickbooksException) as refused:
        body.save(qb=client)
    assert refused.value.error_code == 6070
    twin.fault("expired_token_once")
    with pytest.raises(AuthorizationException):
        body.save(qb=client)


def test_refresh_and_revoke_of_the_library(client: QuickBooks) -> None:
    auth = client.auth_client
    before = auth.refresh_token
    auth.refresh()
    assert auth.refresh_token != before
    assert auth.revoke() is True
    with pytest.raises(AuthClientError) as error:
        auth.refresh()
    assert error.value.status_code == 400
