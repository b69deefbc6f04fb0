"""An invoiced shipment as corrections see it: what is booked grows by what was decided, as it does in the product."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from domain.billing import decide
from domain.correction_ledger import InvoiceFacts
from domain.correction_rules import CorrectionPolicy
from domain.corrections import (
    CorrectionDecision,
    CorrectionInput,
    CorrectionKind,
    Proposal,
    correct,
    settled_lines,
)
from domain.credits import Credit, CreditKind, CreditLine, CreditReason
from domain.invoices import InvoiceLine, InvoiceStatus
from domain.returned import Condition, ReturnedGoods
from domain.shipments import Shipment
from tests.build import billing_input, order_for

AT = datetime(2026, 11, 23, 14, 0, tzinfo=UTC)
AUTOMATIC = {"supplement": "automatic", "credit_memo": "automatic", "void": "automatic", "automatic_up_to": 100_000}


def came_back(quantity: str, line_no: int = 1, **changes: Any) -> ReturnedGoods:
    """So many pieces of BOLT came back of shipment SH1."""
    fields = {
        "rma": "RMA1",
        "shipment_number": "SH1",
        "line_no": line_no,
        "sku": "BOLT",
        "quantity": Decimal(quantity),
        "uom": "EA",
        "condition": Condition.RESTOCK,
        "received_on": date(2026, 11, 22),
    }
    return ReturnedGoods(**{**fields, **changes})


@dataclass
class Billed:
    """A shipment that was invoiced as it was first stated."""

    first: Shipment
    policy: dict[str, Any] = field(default_factory=dict)
    closed_until: date | None = None
    invoices: list[InvoiceFacts] = field(default_factory=list)
    credits: list[Credit] = field(default_factory=list)
    returns: list[ReturnedGoods] = field(default_factory=list)
    case: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.before = self.newest = self.first
        self.case.setdefault("order", order_for(self.first))
        draft = decide(self._statement(self.first)).draft
        assert draft is not None
        self._bill(draft.lines, draft.customer_number)

    def _statement(self, stated: Shipment) -> Any:
        given = billing_input(stated, **self.case)
        company = given.company.model_copy(
            update={"corrections": CorrectionPolicy(**{"version": "test", **self.policy})}
        )
        return given.model_copy(update={"company": company})

    def given(self) -> CorrectionInput:
        return CorrectionInput(
            statement=self._statement(self.newest),
            before=self.before,
            invoices=tuple(self.invoices),
            credits=tuple(self.credits),
            returns=tuple(self.returns),
            closed_until=self.closed_until,
        )

    def decision(self, stated: Shipment | None = None) -> CorrectionDecision:
        self.newest = stated or self.newest
        return correct(self.given())

    def alter(self, generation: int = 1, **changes: Any) -> None:
        """Something happens to an invoice in QuickBooks."""
        place = generation - 1
        self.invoices[place] = self.invoices[place].model_copy(update=changes)

    def make(self, proposals: Sequence[Proposal], *, settled: bool = False) -> None:
        """What was proposed is booked (or settled by a person)."""
        for one in proposals:
            if settled or one.kind is CorrectionKind.SETTLED:
                self._credit(CreditKind.SETTLED, one, tuple(settled_lines([one])))
            elif one.kind is CorrectionKind.SUPPLEMENT:
                self._bill(one.bill, one.customer_number)
            elif one.kind is CorrectionKind.CREDIT_MEMO:
                self._credit(CreditKind.CREDIT_MEMO, one, one.credit)
            else:
                assert one.invoice_generation is not None
                self.alter(one.invoice_generation, status=InvoiceStatus.VOIDED, balance=Decimal(0))
                self._credit(CreditKind.VOID, one, ())

    def settle(self) -> None:
        """Nothing is left to be done: the newest statement is what stands."""
        self.before = self.newest

    def _bill(self, lines: tuple[InvoiceLine, ...], customer: str) -> None:
        total = sum((line.amount for line in lines), Decimal(0))
        number = len(self.invoices) + 1
        self.invoices.append(
            InvoiceFacts(
                generation=number,
                quickbooks_id=str(number),
                doc_number=f"SH1-{number}",
                customer_number=customer,
                invoiced_on=date(2026, 11, 20),
                total=total,
                balance=total,
                status=InvoiceStatus.DRAFTED,
                marked=True,
                lines=lines,
            )
        )

    def _credit(self, kind: CreditKind, one: Proposal, lines: tuple[CreditLine, ...]) -> None:
        voided = str(one.invoice_generation) if kind is CreditKind.VOID else f"C{len(self.credits)}"
        self.credits.append(
            Credit(
                kind=kind,
                shipment_number="SH1",
                generation=len(self.credits) + 1,
                order_number="SO1",
                customer_number=one.customer_number,
                doc_number=None,
                quickbooks_id=None if kind is CreditKind.SETTLED else voided,
                total=one.total,
                remaining=Decimal(0),
                credited_on=one.dated,
                booked_at=AT,
                lines=lines,
            )
        )

    def net(self) -> dict[int, Decimal]:
        """By arithmetic of the proof's own: billed less credited, by line."""
        found: defaultdict[int, Decimal] = defaultdict(Decimal)
        for one in self.invoices:
            for line in one.lines if one.status is not InvoiceStatus.VOIDED else ():
                if line.shipment_line_no is not None:
                    found[line.shipment_line_no] += line.quantity
        for credit in self.credits:
            for given in credit.lines:
                if given.shipment_line_no is not None and given.reason is not CreditReason.RESTOCKING:
                    found[given.shipment_line_no] -= given.quantity
        return dict(found)

    def kept(self) -> dict[int, Decimal]:
        """What was shipped by the newest word, less what came back, never below zero."""
        came: defaultdict[int, Decimal] = defaultdict(Decimal)
        for one in self.returns:
            if one.condition is Condition.RESTOCK or self.policy.get("credit_damaged"):
                came[one.line_no] += one.quantity
        shipped = {line.line_no: line.quantity_shipped for line in self.newest.lines}
        return {number: max(quantity - came[number], Decimal(0)) for number, quantity in shipped.items()}
