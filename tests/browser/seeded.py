"""A day of a distributor in the store, written by the product's own functions: what the pages are looked at with."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import update
from sqlmodel import Session, col

from activities.connections import ROLE, Connection, DailyCalls
from activities.order_settlement import Settlement
from domain.exceptions import Cause, Choice, ExceptionKind
from domain.files import Entity, FileState, FileSummary, Reject, Severity
from domain.links import LinkKind
from domain.master_questions import record_key
from domain.master_seen import MasterSeen
from domain.policies import PolicyKind, policy_of, read_policy
from domain.reconciliation import Difference, DriftCause, Kind, Rule, Side, Standing, Verdict
from domain.reconciliation_policy import ReconciliationPolicy
from domain.sources import System
from store import customers, exceptions, files, heartbeats, mastering, orders, policies, what_ifs
from store.reconciliation import findings, runs
from store.tables.exceptions import ExceptionRow
from store.tables.shipments import ShipmentRow
from tests import build
from tests.api import filling
from tests.api.stock_room import StockRoom
from tests.browser.room import Room
from tests.looks import CONFIG, lifecycle, rules

NOW = datetime.now(UTC)
COUNT = 26
HELD = "SH5504190"
BAD_FILE = """HSHPCNF  000418 2026-11-26
S SH5504201 SO104201 00000042 ATL 20261126
L 001 BOLT            10.000 EA     2.5000
L 002 NUT/3-8         12A000 EA     0.1000
S SH5504202 SO104202 00000041 ATL 20261126
L 001 WASHER          40.000 EA     0.0500
L 002 BOLT             5.000 EA     2.5000
S SH5504203 SO104203 00000043 DAL 20261126
L 001 BOLT            20.000 EA     2.5000
L 002 GASKET           4.000 EA     x.2000
L 003 WASHER         100.000 EA     0.0500
T 0000000011 0000003
"""
STOCK = {"BOLT": (1200, 300), "NUT/3-8": (80, 95), "WASHER": (5000, 100), "GASKET": (14, 2), "VALVE-114": (36, 0)}
WAREHOUSES = {"ATL": timedelta(minutes=20), "DAL": timedelta(hours=1, minutes=50), "RNO": timedelta(hours=9)}


def fill(room: Room) -> None:
    """Everything."""
    with room.write() as session:
        _trade(session)
        _work(session)
        _bad_file(session, room.services.receiver.folder)
        _reconciled(session)
        _processes(session)
        _policies(session)
    with room.write() as session:
        Settlement(session, rules(), NOW).settle([f"SO{104100 + n}" for n in range(COUNT)])
    _stock(room)


def _trade(session: Session) -> None:
    filling.masters(session)
    customers.upsert(session, [build.customer("00000099", name="Acme Mechanical Supply")])
    for n in range(COUNT):
        number, order, at = f"SH{5504100 + n}", f"SO{104100 + n}", NOW - timedelta(minutes=4 + 37 * n)
        given = build.shipment(
            build.line(1, quantity_shipped=Decimal(10 + n)), number=number, order_number=order, shipped_at=at
        )
        placed = build.order_for(given, external_id=f"801{n:012d}AAA", purchase_order=f"PO-77{n:03d}")
        orders.upsert(session, [placed])
        filling.confirmed(session, given, seen_at=at)
        took = 1.4 + (n * 7 % 11) / 3 + (95 if n == 17 else 0)
        if n not in {0, 9}:
            filling.billed(session, number, seconds=took, quickbooks_id=str(1400 + n))
    held = build.shipment(
        build.line(1, quantity_shipped=Decimal(12), unit_price=Decimal("2.9000")), number=HELD, order_number="SO104190"
    )
    orders.upsert(session, [build.order(number="SO104190", external_id="801000000000190AAA")])
    filling.confirmed(session, held, seen_at=NOW - timedelta(hours=3))
    hold = {"state": "held", "hold_reason": "price_differs"}
    session.execute(update(ShipmentRow).where(col(ShipmentRow.number) == HELD).values(**hold))


def _work(session: Session) -> None:
    price = (Choice.BILL_ORDER_PRICE, Choice.BILL_SHIPMENT_PRICE, Choice.DO_NOT_BILL)
    sentence = "Line 1, BOLT: the order says 2.50 a piece, the ERP 2.90. 12 shipped, 10 were ordered."
    _open(session, HELD, Cause.PRICE_DIFFERS, price, sentence, stake="34.80", age=timedelta(hours=30))
    for n in range(6):
        words = f"QuickBooks has no link for item VALVE-{114 + n}."
        choices = (Choice.RETRY, Choice.USE_ITEM, Choice.DO_NOT_BILL)
        key, stake = f"SH55043{n:02d}", f"{120 + 61 * n}.50"
        _open(session, key, Cause.ITEM_NOT_LINKED, choices, words, stake=stake, age=timedelta(hours=n))
    dead = (Choice.RETRY, Choice.ADOPT_INVOICE, Choice.DO_NOT_BILL)
    words = "QuickBooks refused the invoice for good: a line names an item that is not active there."
    _open(session, "SH5504330", Cause.INVOICE_REJECTED, dead, words, kind=ExceptionKind.DEAD_LETTER, stake="1840.00")
    words = "The invoice was sent and no answer came; it is not in QuickBooks under its number."
    kind = ExceptionKind.UNCERTAIN
    _open(session, "SH5504331", Cause.INVOICE_UNCERTAIN, dead, words, kind=kind, stake="512.25")
    _conflict(session)


def _open(
    session: Session,
    key: str,
    cause: Cause,
    choices: tuple[Choice, ...],
    sentence: str,
    *,
    stake: str | None,
    age: timedelta = timedelta(minutes=12),
    **more: Any,
) -> None:
    item = filling.exception(session, key, cause=cause, choices=choices, stake=stake, **more)
    found = exceptions.get(session, item)
    assert found is not None
    finding = found.findings[0].model_copy(update={"sentence": sentence}).model_dump(mode="json")
    at = NOW - age
    values = {"sentence": sentence, "findings": [finding], "opened_at": at, "due_at": at + timedelta(hours=24)}
    session.execute(update(ExceptionRow).where(col(ExceptionRow.id) == UUID(item)).values(**values))


def _conflict(session: Session) -> None:
    """A customer of whom two systems changed the same field."""
    said = {
        System.ERP: {"name": "BRIGHTWATER PLUMBING", "phone": "404 555 0100", "terms": "N30"},
        System.SALESFORCE: {"name": "Brightwater Plumbing Inc.", "phone": "404 555 0100"},
        System.QUICKBOOKS: {"name": "Brightwater Plumbing & Heating", "phone": "404 555 0100", "terms": "N30"},
    }
    for n, (system, values) in enumerate(said.items()):
        seen = MasterSeen(
            kind=LinkKind.CUSTOMER, external_id=f"{system}-42", values=values, changed_at=NOW - timedelta(hours=n + 1)
        )
        mastering.keep_sides(session, system, {"00000042": seen}, None, NOW)
    row = mastering.lock(session, LinkKind.CUSTOMER, "00000042")
    row.agreed = {"name": "Brightwater Plumbing", "phone": "404 555 0100", "terms": "N30"}
    row.decided_at = NOW - timedelta(days=9)
    session.add(row)
    sentence = (
        'name of customer 00000042: Salesforce has "Brightwater Plumbing Inc."; QuickBooks has "Brightwater Plumbing & '
        'Heating"; agreed was "Brightwater Plumbing". It waits because the rules leave this to a person.'
    )
    key = record_key(LinkKind.CUSTOMER, "00000042", "name")
    choices = (Choice.TAKE_SYSTEM, Choice.USE_VALUE)
    kind = ExceptionKind.CONFLICT
    _open(session, key, Cause.MASTER_CONFLICT, choices, sentence, kind=kind, stake=None, record_type="master")


def _bad_file(session: Session, folder: Path) -> None:
    content = BAD_FILE.encode()
    sha256 = hashlib.sha256(content).hexdigest()
    (folder / sha256[:2]).mkdir(parents=True, exist_ok=True)
    (folder / sha256[:2] / sha256).write_bytes(content)
    more = {"content": sha256, "filename": "SHPCNF.S000418", "byte_count": len(content), "visible_at": NOW}
    file_id = filling.source_file(session, **more)
    rejects = tuple(
        Reject(
            severity=Severity.GROUP,
            code="E_NUM",
            message="This is no number.",
            remedy="Correct the field in the ERP and export again.",
            line=line,
            field=field,
            column_from=begin,
            column_to=end,
            text=BAD_FILE.splitlines()[line - 1][begin - 1 : end].strip(),
        )
        for line, field, begin, end in ((4, "qty", 23, 28), (10, "price", 37, 42))
    )
    summary = FileSummary(
        layout="shpcnf",
        layout_version=1,
        layout_digest="d",
        entity=Entity.SHIPMENT_CONFIRMATION,
        sequence=418,
        byte_count=len(content),
        record_count=12,
        group_count=1,
        rejected_group_count=2,
        totals={"lines": "7"},
        rejects=rejects,
    )
    files.save_summary(session, file_id, summary)
    files.set_state(session, file_id, FileState.READ, NOW)
    files.set_state(session, file_id, FileState.APPLIED, NOW)


def _reconciled(session: Session) -> None:
    run, _ = runs.begin(session, NOW.date(), ReconciliationPolicy(), "1", ("every night", "schedule"), NOW)
    told = (
        (Standing.DRIFT, DriftCause.INVOICE_EDITED, "1403", "total", "32.50", "30.00", Decimal("2.50")),
        (Standing.IN_FLIGHT, DriftCause.INVOICE_NOT_SHOWN, "1400", "", "shown", None, None),
    )
    found = []
    for standing, cause, key, field, expected, seen, money in told:
        made = Difference(
            kind=Kind.INVOICE,
            key=key,
            rule=Rule.BOOKED_AS_MEANT,
            cause=cause,
            system=Side.QUICKBOOKS,
            record_type="invoice",
            record_key=key,
            field=field,
            expected=expected,
            found=seen,
            money=money,
        )
        found.append(Verdict(made, standing, "Nothing that is open explains it."))
    findings.keep(session, run, found, None)
    standings = {"drift": 1, "in_flight": 1}
    certificate = {"zero_drift": False, "standings": standings, "causes": {}, "inputs_sha256": "a" * 64}
    runs.finish(session, run.id, NOW, 1, certificate, "f" * 64)


def _processes(session: Session) -> None:
    heartbeats.beat(session, "worker-1", "worker")
    for system, sentence in (("quickbooks", "Company 9130357849016486, Brightwater."), ("salesforce", "Org 00D12.")):
        pool = DailyCalls.of(18_402, 100_000, NOW) if system == "salesforce" else None
        seen = Connection(system=system, ok=True, sentence=sentence, looked_at=NOW, pool=pool)
        heartbeats.beat(session, f"{ROLE}/{system}", ROLE, seen.model_dump(mode="json"))


def _policies(session: Session) -> None:
    """Rules in force, and a change of terms that waits for a second person."""
    text = (CONFIG / "company.toml").read_text(encoding="utf-8")
    draft = text.replace('name = "Net 30"\ndue_days = 30', 'name = "Net 30"\ndue_days = 20')
    policies.note_use(session, read_policy(PolicyKind.COMPANY, text))
    policies.note_use(session, policy_of(lifecycle()))
    changed = read_policy(PolicyKind.COMPANY, draft)
    what_if = what_ifs.newest(session, changed).model_dump(mode="json")
    policies.propose(session, changed, draft, "Agreed with the bank for 2027", "ana", what_if)


def _stock(room: Room) -> None:
    stock = StockRoom(room.engine, room.services.company)
    for warehouse, age in WAREHOUSES.items():
        stock.state({(sku, warehouse): count for sku, count in STOCK.items()}, NOW.replace(microsecond=0) - age)
    stock.decide()
    stock.show()
