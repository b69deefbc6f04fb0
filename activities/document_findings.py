"""Findings about what people did to our documents in QuickBooks, in words for a person."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from itertools import groupby
from typing import NamedTuple

from sqlmodel import Session

from activities.holding import BILLING_DESK
from domain.document_content import Content, DocumentChange, DocumentKind, differences, stake
from domain.exceptions import Cause, Choice, ExceptionItem, ExceptionKind, Finding
from domain.links import LinkKind
from domain.sources import System
from runtime import metrics
from store import document_versions, exceptions, links
from store.document_versions import Document, DocumentVersion

WORDS = {DocumentKind.INVOICE: "Invoice", DocumentKind.CREDIT_MEMO: "Credit memo"}


class Edited(NamedTuple):
    """A document that comes to something else than was booked, and nobody has said that this is right."""

    first: DocumentVersion
    latest: DocumentVersion


def restate_edits(session: Session, number: str, now: datetime) -> None:
    """Make the open work on a shipment say what is edited of its documents now; none where nothing is (case E8)."""
    versions = document_versions.of_shipment(session, number)
    edited = _edited(versions)
    record = ("shipment", number)
    if not edited:
        exceptions.close_because(session, record, Cause.INVOICE_EDITED, now, _why_closed(versions, now))
        return
    findings = [_edit_finding(session, one) for one in edited]
    metrics.count("exceptions_raised", kind=findings[0].kind, cause=findings[0].cause)
    exceptions.open_item(
        session,
        finding=findings[0],
        findings=findings,
        record=record,
        owner=BILLING_DESK,
        money_at_stake=sum((stake(one.first.content, one.latest.content) for one in edited), Decimal(0)),
        workflow_id=f"credit/{number}",
    )


def _edited(versions: Sequence[DocumentVersion]) -> list[Edited]:
    found = []
    for _, some in groupby(versions, key=lambda one: (one.kind, one.quickbooks_id)):
        of_it = list(some)
        first, latest = of_it[0], of_it[-1]
        said = {one.digest for one in of_it if one.decided}
        removed = latest.voided or latest.change is DocumentChange.DELETED
        if not removed and latest.digest != first.digest and latest.digest not in said:
            found.append(Edited(first, latest))
    return found


def _why_closed(versions: Sequence[DocumentVersion], now: datetime) -> str:
    removed = any(one.voided or one.change is DocumentChange.DELETED for one in versions)
    what = "it was taken away there" if removed else "it was undone there and stands as it was booked"
    return f"This closed by itself: {what}, seen {now:%Y-%m-%d %H:%M} UTC."


def _edit_finding(session: Session, edited: Edited) -> Finding:
    first, latest = edited
    words = differences(first.content, latest.content, _names(session, first.content, latest.content))
    number = latest.content.doc_number or latest.quickbooks_id
    sentence = (
        f"{WORDS[latest.kind]} {number} of shipment {latest.shipment_number} was edited in QuickBooks, not by the "
        f"gateway: {words}. Nothing is written over it. Accept it as booked with the reason, or put it right there."
    )
    return Finding(
        kind=ExceptionKind.CONFLICT,
        cause=Cause.INVOICE_EDITED,
        sentence=sentence,
        choices=(Choice.ACCEPT_AS_BOOKED, Choice.HANDLED),
        subject=latest.digest,
    )


def _names(session: Session, *contents: Content) -> Mapping[str, str]:
    """Our names of what these documents name; an item and a customer of one id are told apart by their use alone."""
    items = {line.item_id for content in contents for line in content.lines if line.item_id}
    skus = links.local_keys(session, System.QUICKBOOKS, LinkKind.ITEM, sorted(items))
    customers = links.local_keys_ever(
        session, System.QUICKBOOKS, LinkKind.CUSTOMER, [content.customer_id for content in contents]
    )
    return {**{f"item {key}": sku for key, sku in skus.items()}, **{f"customer {k}": n for k, n in customers.items()}}


def open_removed(session: Session, document: Document, shown: tuple[str | None, Decimal], how: str) -> None:
    """Somebody took a document away in QuickBooks: it is never made again by itself (case E9)."""
    number, total = shown
    what = WORDS[document.kind]
    goods = (
        "bill the goods there if they are to be billed"
        if document.kind is DocumentKind.INVOICE
        else "give the money back there if it is to be given back"
    )
    sentence = (
        f"{what} {number or document.quickbooks_id} of shipment {document.shipment_number} over {total} was {how} in "
        f"QuickBooks, not by the gateway. It is not written again by itself: {goods}, then mark this as handled."
    )
    finding = Finding(
        kind=ExceptionKind.CONFLICT,
        cause=Cause.INVOICE_REMOVED,
        sentence=sentence,
        choices=(Choice.HANDLED,),
        subject=document.quickbooks_id,
    )
    add_finding(session, document.shipment_number, finding, total)


def strike_finding(session: Session, item: ExceptionItem, over: Collection[str], now: datetime, said: str) -> None:
    """Take findings about these subjects out of open work; the last one closes it, with what is said."""
    left = [one for one in item.findings if one.subject not in over]
    record = (item.record_type, item.record_key)
    if not left:
        exceptions.close_because(session, record, item.cause, now, said)
    elif len(left) < len(item.findings):
        exceptions.open_item(
            session,
            finding=left[0],
            findings=left,
            record=record,
            owner=BILLING_DESK,
            money_at_stake=item.money_at_stake,
            workflow_id=item.workflow_id,
        )


def add_finding(session: Session, number: str, finding: Finding, money: Decimal) -> None:
    """Put a finding to what is open on a shipment for its cause; the same subject is there once."""
    known = [one for one in exceptions.open_of_record(session, ("shipment", number)) if one.cause is finding.cause]
    others = [one for item in known for one in item.findings if one.subject != finding.subject]
    named = {one.subject for item in known for one in item.findings}
    before = sum((item.money_at_stake or Decimal(0) for item in known), Decimal(0))
    metrics.count("exceptions_raised", kind=finding.kind, cause=finding.cause)
    exceptions.open_item(
        session,
        finding=finding,
        findings=[finding, *others],
        record=("shipment", number),
        owner=BILLING_DESK,
        money_at_stake=before if finding.subject in named else before + money,
        workflow_id=f"credit/{number}",
    )
