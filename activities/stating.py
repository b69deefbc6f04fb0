"""Activities of statements: what an export says of stock, or of orders, becomes what the store holds."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from sqlalchemy import Engine
from temporalio import activity

from activities.boundary import at_boundary, beating
from activities.source_files import cause_of, file_of
from activities.stock_statement import Statement
from adapters.erp.layouts import Layouts
from domain.acknowledgements import OrderAcknowledgement
from domain.company import Company
from domain.returns import ReturnReceipt
from domain.work import AcknowledgementsStated, FileWork, ReturnsStated, StockStated
from store import acknowledgements, amendments, order_marks, returned, returns, staging
from store.session import exclusive, transaction
from store.stock import marks

BLOCK = 500  # acknowledged orders a transaction
ONE_AT_A_TIME = "stock statements"


def utc_now() -> datetime:
    """The time, aware and in UTC."""
    return datetime.now(UTC)


class StatingActivities:
    """Steps that bring statements of the ERP into the store."""

    def __init__(
        self, engine: Engine, layouts: Layouts, company: Company, clock: Callable[[], datetime] = utc_now
    ) -> None:
        self._engine, self._layouts, self._company, self._clock = engine, layouts, company, clock

    @activity.defn(no_thread_cancel_exception=True)
    @at_boundary
    def state_stock(self, work: FileWork) -> StockStated:
        """Apply a stock export that was read, all or nothing; an older one never changes a newer statement (I1, I8).

        One export at a time. Running it again changes nothing.
        """
        with (
            beating(),
            exclusive(self._engine, [ONE_AT_A_TIME]),
            transaction(self._engine, cause_of(work)) as session,
        ):
            file = file_of(session, work)
            layout = self._layouts.get(file.layout)
            return Statement(session, work, file, layout, self._company, self._clock()).apply()

    @activity.defn(no_thread_cancel_exception=True)
    @at_boundary
    def state_acknowledgements(self, work: FileWork) -> AcknowledgementsStated:
        """Keep what the ERP says of orders, a block at a time; running it again adds nothing (case I4)."""
        told: set[str] = set()
        with beating():
            seq = 1
            while block := self._keep_block(work, seq):
                told.update(block)
                seq += BLOCK
        return AcknowledgementsStated(orders=len(told - {""}))

    @activity.defn(no_thread_cancel_exception=True)
    @at_boundary
    def state_returns(self, work: FileWork) -> ReturnsStated:
        """Keep what the ERP says came back, a block at a time, and note the orders that it is news of (case O12).

        Running it again, or an older file, changes nothing of what is newer.
        """
        told: set[str] = set()
        with beating():
            seq = 1
            while (block := self._keep_returns(work, seq)) is not None:
                told.update(block)
                seq += BLOCK
        return ReturnsStated(orders=len(told))

    def _keep_returns(self, work: FileWork, seq: int) -> list[str] | None:
        """One block with the note of its orders; None when there are no more groups."""
        with transaction(self._engine, cause_of(work)) as session:
            file = file_of(session, work)
            groups = staging.groups(session, file.id, seq, seq + BLOCK - 1)
            said = [(ReturnReceipt.model_validate(group.payload), group.line_from) for group in groups]
            news = returns.record(session, said, file)
            if news:
                order_marks.mark(session, news, "goods came back")
                returned.note(session, [receipt.shipment_number for receipt, _ in said])
            return news if groups else None

    def _keep_block(self, work: FileWork, seq: int) -> list[str]:
        """One block; what is empty has no more groups, an order without news is blank."""
        with transaction(self._engine, cause_of(work)) as session:
            file = file_of(session, work)
            groups = staging.groups(session, file.id, seq, seq + BLOCK - 1)
            said = [
                (OrderAcknowledgement.model_validate(group.payload), f"{file.filename} line {group.line_from}")
                for group in groups
            ]
            cut_at = file.created_at or amendments.as_it_came(session, file).received_at
            news = acknowledgements.record(session, said, cut_at, file.sequence or 0, file.id)
            marks.mark(session, marks.skus_of(session, news), "acknowledged by the ERP")
            order_marks.mark(session, news, "acknowledged by the ERP")
            return [*news, ""] if groups else []
