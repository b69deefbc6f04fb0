"""The branches of the workflows, played on stand-in activities: each answers the workflow and run to keep."""

from __future__ import annotations

from bench.history_plays import (
    AGAIN,
    CREDIT,
    CREDIT_ID,
    FILE,
    FILE_ID,
    HINTED,
    HINTED_ID,
    RANGE,
    RANGE_ID,
    RANGE_IN_TROUBLE,
    SHIPMENT,
    SHIPMENT_ID,
    THREE,
    Scenario,
    continued_shipment,
    continued_stock,
    count,
    hinted_again,
    hinted_for_long,
    last_run_of_a_file,
    looking_at_stock,
    plain,
    publication_asked_again,
    publication_under_way,
    read,
    second_range_fails,
    waiting_correction,
    waiting_shipment,
    woken,
)
from domain.errors import Missing, NotAuthorized, Unavailable
from domain.files import Entity
from domain.order_work import OrdersPulled, OrdersWork
from domain.proof import ProofWork
from domain.work import (
    Booked,
    CreditBooked,
    CreditPrepared,
    InvoicesPulled,
    InvoicesWork,
    LinkingWork,
    Prepared,
    Published,
    PublishWork,
    SequenceCheck,
    StockStated,
    SweepWork,
    Swept,
)
from tests.workflows.steps import held

REAL: dict[str, Scenario] = {
    "ErpFile.refused": plain("ErpFile", FILE, FILE_ID, read_source_file=read(0, refused=True)),
    "ErpFile.held-then-accepted": woken(
        "ErpFile",
        FILE,
        FILE_ID,
        "check_sequence",
        check_sequence=(SequenceCheck(held=True, exception_id="x-1"), SequenceCheck(held=False)),
    ),
    "ErpFile.held-then-refused": woken(
        "ErpFile",
        FILE,
        FILE_ID,
        "check_sequence",
        check_sequence=(SequenceCheck(held=True, exception_id="x-1"), SequenceCheck(held=False, refused=True)),
    ),
    "ErpFile.failed": plain("ErpFile", FILE, FILE_ID, read_source_file=Missing("It is not in the store.")),
    "ErpFile.master": plain("ErpFile", FILE, FILE_ID, read_source_file=read(3, Entity.CUSTOMER_MASTER)),
    "ErpFile.shipments": plain("ErpFile", FILE, FILE_ID, read_source_file=read(130)),
    "ErpFile.continued-first-run": plain("ErpFile", FILE, FILE_ID, read_source_file=read(600)),
    "ErpFile.continued-last-run": last_run_of_a_file,
    "ErpFile.range-failed": plain(
        "ErpFile", FILE, FILE_ID, read_source_file=read(60), prepare_range=second_range_fails
    ),
    "ShipmentRange.booked": plain("ShipmentRange", RANGE, RANGE_ID),
    "ShipmentRange.troubled": plain(
        "ShipmentRange",
        RANGE,
        RANGE_ID,
        prepare_range=RANGE_IN_TROUBLE,
        book=Booked(booked=["S-2"], uncertain=["S-3"]),
    ),
    "ShipmentRange.booking-failed": plain("ShipmentRange", RANGE, RANGE_ID, book=NotAuthorized()),
    "ShipmentRange.nothing-to-book": plain(
        "ShipmentRange", RANGE, RANGE_ID, prepare_range=Prepared(shipments=THREE, settled=THREE)
    ),
    "ShipmentInvoicing.booked": plain(
        "ShipmentInvoicing",
        SHIPMENT,
        SHIPMENT_ID,
        prepare=(
            Prepared(shipments=["S-1"], order_number="SO-1", book=["intent/S-1"]),
            Prepared(shipments=["S-1"], order_number="SO-1", settled=["S-1"]),
        ),
    ),
    "ShipmentInvoicing.held-then-resolved": woken(
        "ShipmentInvoicing",
        SHIPMENT,
        SHIPMENT_ID,
        "publish",
        prepare=(
            held("S-1"),
            Prepared(shipments=["S-1"], book=["intent/S-1"]),
            Prepared(shipments=["S-1"], settled=["S-1"]),
        ),
    ),
    "ShipmentInvoicing.refused-then-resolved": woken(
        "ShipmentInvoicing",
        SHIPMENT,
        SHIPMENT_ID,
        "publish",
        book=(Booked(refused=["S-1"]), AGAIN),
        prepare=(
            Prepared(shipments=["S-1"], book=["intent/S-1"]),
            Prepared(shipments=["S-1"], book=["intent/S-1"]),
            Prepared(shipments=["S-1"], settled=["S-1"]),
        ),
    ),
    "ShipmentInvoicing.waiting": waiting_shipment,
    "ShipmentInvoicing.continued": continued_shipment,
    "Publication.published": plain("Publication", PublishWork(shipments=THREE), "publication/a"),
    "ShipmentInvoicing.publication-under-way": publication_under_way,
    "Publication.asked-again": publication_asked_again,
    "Publication.after-an-outage": plain(
        "Publication",
        PublishWork(shipments=THREE),
        "publication/a",
        publish=(Unavailable(), Published(accepted=3, refused=0)),
    ),
    "Correction.booked": plain("Correction", CREDIT, CREDIT_ID),
    "Correction.proposed-then-decided": woken(
        "Correction",
        CREDIT,
        CREDIT_ID,
        "publish",
        prepare_credit=(
            CreditPrepared(shipment_number="S-1", order_number="SO-1", held="x-1"),
            CreditPrepared(shipment_number="S-1", credits=["c-1"], invoices=["i-1"]),
            CreditPrepared(shipment_number="S-1"),
        ),
    ),
    "Correction.refused-then-decided-anew": plain(
        "Correction",
        CREDIT,
        CREDIT_ID,
        prepare_credit=(
            CreditPrepared(shipment_number="S-1", credits=["c-1"]),
            CreditPrepared(shipment_number="S-1", credits=["c-2"]),
            CreditPrepared(shipment_number="S-1"),
        ),
        book_credit=(CreditBooked(refused=1), CreditBooked(booked=1)),
    ),
    "Correction.waiting": waiting_correction,
    "ShipmentInvoicing.corrected": plain(
        "ShipmentInvoicing",
        SHIPMENT,
        SHIPMENT_ID,
        prepare=Prepared(shipments=["S-1"], held={"S-1": "x-1"}, correct=["S-1"]),
    ),
    "ShipmentRange.corrected": plain(
        "ShipmentRange",
        RANGE,
        RANGE_ID,
        prepare_range=Prepared(shipments=THREE, book=["intent/S-2"], settled=["S-1", "S-3"], correct=["S-1"]),
        book=Booked(booked=["S-2"], again=["S-2"]),
    ),
    "InvoicesPull.unchanged": plain("InvoicesPull", InvoicesWork(), "invoices-pull/1"),
    "InvoicesPull.changed": plain(
        "InvoicesPull",
        InvoicesWork(),
        "invoices-pull/1",
        pull_invoices=InvoicesPulled(read=9, changed=2, shipments=["S-1", "S-2"]),
    ),
    "OrdersPull.unchanged": plain("OrdersPull", OrdersWork(), "orders-pull/1", pull_orders=OrdersPulled(read=4)),
    "OrdersPull.changed": plain(
        "OrdersPull",
        OrdersWork(),
        "orders-pull/1",
        pull_orders=OrdersPulled(read=4, changed_count=1, changed=["SO-1"]),
    ),
    "SalesforceEvent.unchanged": plain("SalesforceEvent", HINTED, HINTED_ID, read_orders=OrdersPulled(read=1)),
    "SalesforceEvent.asked-again": hinted_again,
    "SalesforceEvent.continued": hinted_for_long,
    "SalesforceEvent.unreadable": plain("SalesforceEvent", HINTED, HINTED_ID, read_orders=NotAuthorized()),
    "LinksMatch.proposed": plain("LinksMatch", LinkingWork(), "links-match/1"),
    "LinksMatch.confirmed": plain(
        "LinksMatch", LinkingWork(accept_exact=True), "links-match/1", propose_quickbooks=count
    ),
    "ErpFile.stock": plain(
        "ErpFile",
        FILE,
        FILE_ID,
        read_source_file=read(3, Entity.INVENTORY_SNAPSHOT),
        state_stock=(StockStated(reread=True), StockStated(changed=3)),
    ),
    "ErpFile.stock-held-then-refused": woken(
        "ErpFile",
        FILE,
        FILE_ID,
        "state_stock",
        read_source_file=(read(3, Entity.INVENTORY_SNAPSHOT),),
        state_stock=(StockStated(held=True, exception_id="x-1"), StockStated(refused=True)),
    ),
    "ErpFile.acknowledgements": plain("ErpFile", FILE, FILE_ID, read_source_file=read(3, Entity.ORDER_ACK)),
    "ErpFile.returns": plain("ErpFile", FILE, FILE_ID, read_source_file=read(3, Entity.RETURNS)),
    "StockPromises.looking": looking_at_stock,
    "StockPromises.continued": continued_stock,
    "Proof.proved": plain("Proof", ProofWork(), "proof-1"),
    "Sweep.republished": plain("Sweep", SweepWork(republish=True), "republish-1"),
    "Sweep.swept": plain("Sweep", SweepWork(), "sweep-1", sweep=Swept(inbox=1, shipments=2)),
}
SKIPPING: dict[str, Scenario] = {
    "ErpFile.held-looks-by-itself": plain(
        "ErpFile", FILE, FILE_ID, check_sequence=(SequenceCheck(held=True), SequenceCheck(held=False))
    ),
    "Correction.uncertain-then-booked": plain(
        "Correction",
        CREDIT,
        CREDIT_ID,
        prepare_credit=(
            CreditPrepared(shipment_number="S-1", credits=["c-1"]),
            CreditPrepared(shipment_number="S-1", credits=["c-1"]),
            CreditPrepared(shipment_number="S-1"),
        ),
        book_credit=(NotAuthorized(), CreditBooked(open=1), CreditBooked(booked=1)),
    ),
    "ShipmentInvoicing.uncertain-then-booked": plain(
        "ShipmentInvoicing",
        SHIPMENT,
        SHIPMENT_ID,
        prepare=(
            Prepared(shipments=["S-1"], book=["intent/S-1"]),
            Prepared(shipments=["S-1"], book=["intent/S-1"]),
            Prepared(shipments=["S-1"], settled=["S-1"]),
        ),
        book=(Booked(uncertain=["S-1"]), AGAIN),
    ),
    "ShipmentInvoicing.booking-failed": plain(
        "ShipmentInvoicing",
        SHIPMENT,
        SHIPMENT_ID,
        prepare=(
            Prepared(shipments=["S-1"], book=["intent/S-1"]),
            Prepared(shipments=["S-1"], settled=["S-1"]),
        ),
        book=NotAuthorized(),
    ),
    "ShipmentInvoicing.store-away": plain(
        "ShipmentInvoicing",
        SHIPMENT,
        SHIPMENT_ID,
        prepare=(*[Unavailable()] * 6, Prepared(shipments=["S-1"], settled=["S-1"])),
    ),
}
