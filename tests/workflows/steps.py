"""Stand-ins of every activity: each remembers what it was asked and answers what the test told it to."""

from __future__ import annotations

import inspect
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from temporalio import activity

from activities.boundary import application_error
from activities.registry import Activity, Parts, activities
from domain.company import Company
from domain.errors import GatewayError
from domain.files import Entity
from domain.lifecycle import Lifecycle
from domain.master_work import MasterDecided, MasterRead, MastersPulled, MastersWoken, MasterWritten, WriteState
from domain.order_work import OrderSettled, OrdersLook, OrdersPulled, OrderWork
from domain.ownership_reading import read
from domain.proof import AuditChecked, DecisionsProved
from domain.reconcile_work import ReconcileConcluded, ReconcileCounted, ReconcileOpened
from domain.work import (
    AcknowledgementsStated,
    Booked,
    BookWork,
    CreditBooked,
    CreditBookWork,
    CreditPrepared,
    CreditWork,
    FileReading,
    HandOver,
    InvoicesPulled,
    LinkingCount,
    MastersApplied,
    OrdersWritten,
    PairWork,
    Prepared,
    Published,
    PublishWork,
    RangeWork,
    ReturnsStated,
    SequenceCheck,
    ShipmentWork,
    StockDecided,
    StockShown,
    StockStated,
    Swept,
)

CONFIG = Path(__file__).resolve().parents[2] / "config"
COMPANY, LIFECYCLE, OWNERSHIP = CONFIG / "company.toml", CONFIG / "lifecycle.toml", CONFIG / "ownership.toml"
REALM = "9130357849016486"


def number(seq: int) -> str:
    """The shipment that the stand-in of a file has at this place."""
    return f"S-{seq}"


def intent(shipment: str) -> str:
    """The intent of a shipment."""
    return f"intent/{shipment}"


class Steps:
    """The activities of a test. By default all goes well: files are shipments, every shipment is booked once.

    An answer is a value, an exception to raise (gateway errors cross the boundary as they do in the product), or a
    function of the work that gives one of these. Of several answers each is given once, the last one for ever.
    """

    def __init__(self) -> None:
        self.asked: dict[str, list[Any]] = defaultdict(list)
        self.attempts: dict[str, list[activity.Info]] = defaultdict(list)
        self.booked: set[str] = set()
        self._answers: dict[str, list[Any]] = {}
        self._usual: dict[str, Any] = {
            "read_source_file": FileReading(
                refused=False, entity=Entity.SHIPMENT_CONFIRMATION, group_count=1, rejected_group_count=0
            ),
            "check_sequence": SequenceCheck(held=False),
            "finish_file": None,
            "anchor_changes": 7,
            "check_audit": AuditChecked(links=3, changes=7),
            "prove_decisions": DecisionsProved(checked=5, differ=0),
            "note_failure": "exception-9",
            "load_master": MastersApplied(entity=Entity.ITEM_MASTER, written=2, unchanged=1),
            "prepare_range": self._prepare_range,
            "prepare": self._prepare,
            "note_unbooked": "exception-1",
            "book": self._book,
            "prepare_credit": self._prepare_credit,
            "note_unbooked_credit": "exception-2",
            "book_credit": self._book_credit,
            "hand_over_credits": lambda work: len(cast("HandOver", work).shipments),
            "pull_invoices": InvoicesPulled(read=0),
            "read_books": InvoicesPulled(read=1),
            "hand_over": lambda work: len(cast("HandOver", work).shipments),
            "wake": 0,
            "sweep": Swept(inbox=0, shipments=0),
            "publish": lambda work: Published(accepted=len(cast("PublishWork", work).shipments), refused=0),
            "pull_orders": OrdersPulled(read=0),
            "read_orders": OrdersPulled(read=0),
            "wake_stock": None,
            "state_stock": StockStated(changed=1),
            "state_acknowledgements": AcknowledgementsStated(orders=1),
            "state_returns": ReturnsStated(orders=1),
            "write_orders": OrdersWritten(),
            "settle_order": lambda work: settled(cast("OrderWork", work).order_number),
            "note_act": True,
            "look_at_orders": OrdersLook(),
            "decide_stock": StockDecided(items=1, written=1),
            "publish_stock": StockShown(accepted=1),
            "read_salesforce_master": MasterRead(linked=True),
            "read_quickbooks_master": MasterRead(linked=True),
            "decide_master": MasterDecided(),
            "settle_master": MasterDecided(),
            "write_salesforce_master": MasterWritten(state=WriteState.DONE),
            "write_quickbooks_master": MasterWritten(state=WriteState.DONE),
            "pull_salesforce_masters": MastersPulled(),
            "pull_quickbooks_masters": MastersPulled(),
            "wake_masters": MastersWoken(),
            "reconcile_open": ReconcileOpened(run_id="2026-11-26", second_read_seconds=30),
            "reconcile_books": ReconcileCounted(records=3),
            "reconcile_org": ReconcileCounted(records=5),
            "reconcile_erp": ReconcileCounted(records=2),
            "reconcile_store": ReconcileCounted(records=9),
            "reconcile_compare": ReconcileCounted(),
            "reconcile_conclude": ReconcileConcluded(run_id="2026-11-26"),
            "reconcile_refresh": ReconcileCounted(records=1, shipments=("S-9",)),
            "reconcile_fail": None,
            "propose_quickbooks": _count,
            "propose_salesforce": _count,
        }

    def answer(self, name: str, *answers: Any) -> None:
        """What the activity of that name answers from now on."""
        self._answers[name] = list(answers)

    def times(self, name: str) -> int:
        """How many attempts there were."""
        return len(self.asked[name])

    def by_queue(self) -> dict[str, Sequence[Activity]]:
        """What each worker registers: the product's own names, queues and types, so that these cannot drift apart."""
        return {queue: [self._stand_in(real) for real in found] for queue, found in real_activities().items()}

    def _stand_in(self, real: Activity) -> Activity:
        definition = activity._Definition.must_from_callable(real)
        name = cast("str", definition.name)

        async def step(work: Any) -> Any:
            self.asked[name].append(work)
            self.attempts[name].append(activity.info())
            return await self._answer(name, work)

        step.__annotations__ = {"work": (definition.arg_types or [Any])[0], "return": definition.ret_type}
        return activity.defn(name=name)(step)

    async def _answer(self, name: str, work: Any) -> Any:
        told = self._answers.get(name, [])
        answer = (told.pop(0) if len(told) > 1 else told[0]) if told else self._usual[name]
        if callable(answer):
            answer = answer(work)
        if inspect.isawaitable(answer):
            answer = await answer
        if isinstance(answer, GatewayError):
            raise application_error(answer)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def _prepare_range(self, work: RangeWork) -> Prepared:
        numbers = [number(seq) for seq in range(work.seq_from, work.seq_to + 1)]
        return Prepared(shipments=numbers, book=[intent(one) for one in numbers])

    def _prepare(self, work: ShipmentWork) -> Prepared:
        one = work.shipment_number
        if one in self.booked:
            return Prepared(shipments=[one], settled=[one])
        return Prepared(shipments=[one], book=[intent(one)])

    def _prepare_credit(self, work: CreditWork) -> CreditPrepared:
        one = work.shipment_number
        due = [] if one in self.booked else [f"credit/{one}"]
        return CreditPrepared(shipment_number=one, order_number="SO-1", credits=due)

    def _book_credit(self, work: CreditBookWork) -> CreditBooked:
        self.booked |= {one.removeprefix("credit/") for one in work.credits}
        return CreditBooked(booked=len(work.credits) + len(work.invoices))

    def _book(self, work: BookWork) -> Booked:
        numbers = [one.removeprefix("intent/") for one in work.intent_ids]
        self.booked |= set(numbers)
        return Booked(booked=numbers)


def held(shipment: str, exception_id: str = "exception-1") -> Prepared:
    """A shipment that waits for a person."""
    return Prepared(shipments=[shipment], held={shipment: exception_id})


def settled(order: str, state: str = "acknowledged", **changes: Any) -> OrderSettled:
    """An order that is where it is, with nothing to do."""
    fields = {"shows": "Accepted", "allowed": ["cancel", "resend"], "flow": True}
    return OrderSettled(order_number=order, state=state, **{**fields, **changes})


def real_activities() -> dict[str, Sequence[Callable[..., Any]]]:
    """What the product's worker registers; nothing of it is run here, so its parts may be missing."""
    company = Company.parse(COMPANY.read_text(encoding="utf-8"))
    missing: Any = None
    parts = SimpleNamespace(
        engine=missing,
        client=missing,
        receiver=SimpleNamespace(layouts=missing),
        folder=missing,
        outbox=missing,
        company=company,
        lifecycle=Lifecycle.parse(LIFECYCLE.read_text(encoding="utf-8")),
        ownership=read(OWNERSHIP.read_text(encoding="utf-8")),
        realm=REALM,
        quickbooks=missing,
        salesforce=missing,
    )
    return activities(cast("Parts", parts))


def _count(work: PairWork) -> LinkingCount:
    return LinkingCount(system=work.system, kind=work.kind, records=3, candidates=3, exact=2, likely=1, confirmed=0)
