"""The exports of the living warehouse: each tells what is new, and is remembered with its truth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from twins.erp.acknowledgements import (
    AcknowledgedLine,
    Acknowledgement,
    ordack_truth,
    rtnrcv_truth,
    write_ordack,
    write_rtnrcv,
)
from twins.erp.books import Books, Export
from twins.erp.exports import Writer, made_up_shipments, next_sequence
from twins.erp.records import local
from twins.erp.requests import CannotExport, ExportName, ExportRequest
from twins.erp.shpcnf import shpcnf_truth, write_shpcnf
from twins.erp.stock import Snapshot, inv410r_truth, write_inv410r
from twins.erp.troubles import OF_EARLIER_FILES
from twins.erp.warehouse.agenda import Kind
from twins.erp.warehouse.habits import has_habit
from twins.erp.warehouse.house import House
from twins.erp.warehouse.orders import HouseOrder, Status, digest
from twins.erp.warehouse.papers import Sent

Document = dict[str, Any]


class Outbox:
    """Writes what the warehouse has to say. What a file tells is told once: the next file of the kind is without it."""

    def __init__(self, house: House) -> None:
        self._house = house

    @property
    def writers(self) -> Mapping[ExportName, Writer]:
        """The writers that take the place of those that make things up."""
        return {
            ExportName.SHPCNF: self._shpcnf,
            ExportName.ORDACK: self._ordack,
            ExportName.INV410R: self._inv410r,
            ExportName.RTNRCV: self._rtnrcv,
        }

    def is_due(self, name: ExportName) -> bool:
        """Whether a file of this kind is written now: without news only those that state an instant are."""
        if self._house.settings["empty_files"]:
            return True
        papers = self._house.papers
        if name is ExportName.SHPCNF:
            return bool(papers.untold_shipments())
        return name is not ExportName.RTNRCV or bool(papers.untold_returns())

    def _shpcnf(self, books: Books, request: ExportRequest, created_at: datetime) -> Export:
        if request.troubles or request.shipments:
            return self._made_up(books, request, created_at)
        news = self._house.papers.untold_shipments()
        self._must_have(news, "shipment")
        sequence = next_sequence(books, ExportName.SHPCNF, request.sequence)
        shipments = [sent.confirmation() for sent in news]
        content = write_shpcnf(sequence, created_at, shipments)
        truth = shpcnf_truth(sequence, created_at, shipments)
        for sent, told in zip(news, truth["shipments"], strict=True):
            if sent.files:
                told["case"] = _case(sent)
        export = Export("SHPCNF", f"SHPCNF.S{sequence:06d}", created_at, content, truth)
        for sent in news:
            self._confirmed(sent, sequence, created_at)
        countable = [sent for sent in news if len(sent.files) == 1 and any(line.shipped > 1 for line in sent.lines)]
        if countable and has_habit(self._house, "corrected", export):
            self._expect(Kind.CORRECT, countable[0], created_at)
        return export

    def _made_up(self, books: Books, request: ExportRequest, created_at: datetime) -> Export:
        """Shipments that never were, of orders that the warehouse does not know and from now on will not ship."""
        if OF_EARLIER_FILES & set(request.troubles or {}):
            raise CannotExport("the warehouse is open: let it correct a shipment of its own")
        gone = books.shipped_orders()
        unknown = [
            order
            for order in books.world().orders
            if order.order_no not in gone and self._house.papers.order(order.order_no) is None
        ]
        return made_up_shipments(books, request, created_at, unknown)

    def _confirmed(self, sent: Sent, sequence: int, at: datetime) -> None:
        """Note what a file told; what chance has in store for a shipment begins with its first confirmation."""
        first = sent.told == 0
        sent.told = sent.revision
        sent.files.append(sequence)
        self._house.papers.keep_shipment(sent)
        for kind in (Kind.RETURN, Kind.CORRECT, Kind.REVERSE):
            if first and self._house.happens(kind, sent.shipment_no):
                self._expect(kind, sent, at)

    def _expect(self, kind: Kind, sent: Sent, at: datetime) -> None:
        hours: int = self._house.settings["return_hours" if kind is Kind.RETURN else "correct_hours"]
        self._house.agenda.add(
            self._house.later(at, timedelta(hours=hours), sent.shipment_no, kind), kind, sent.shipment_no
        )

    def _ordack(self, books: Books, request: ExportRequest, created_at: datetime) -> Export:
        sequence = next_sequence(books, ExportName.ORDACK, request.sequence)
        told: list[Acknowledgement] = []
        for order in self._house.papers.open_orders():
            if order.status is Status.SEEN:
                continue
            said = digest(order)
            if said != order.told or (self._house.settings["ordack_lists"] == "open" and not order.closed):
                told.append(_acknowledgement(order))
            if said != order.told or order.closed:
                order.told = said
                self._house.papers.file_away(order)
        content = write_ordack(sequence, created_at, told)
        truth = ordack_truth(sequence, created_at, told)
        return Export("ORDACK", f"ORDACK.S{sequence:06d}", created_at, content, truth)

    def _inv410r(self, books: Books, request: ExportRequest, created_at: datetime) -> Export:
        del books, request
        rows = self._house.stock.rows(self._house.settings["quarantine_warehouse"])
        content = write_inv410r(created_at, rows)
        truth = inv410r_truth(created_at, Snapshot(tuple(rows)))
        return Export("INV410R", f"INV410R.{local(created_at):%Y%m%d.%H%M}", created_at, content, truth)

    def _rtnrcv(self, books: Books, request: ExportRequest, created_at: datetime) -> Export:
        news = self._house.papers.untold_returns()
        self._must_have(news, "return")
        sequence = next_sequence(books, ExportName.RTNRCV, request.sequence)
        filename = f"RTNRCV.S{sequence:06d}"
        content = write_rtnrcv(sequence, created_at, news)
        for goods in news:
            self._house.papers.keep_return(goods, told=filename)
        return Export("RTNRCV", filename, created_at, content, rtnrcv_truth(sequence, created_at, news))

    def _must_have(self, news: Sequence[object], noun: str) -> None:
        if not news and not self._house.settings["empty_files"]:
            raise CannotExport(f"there is no {noun} that was not told")


def _case(sent: Sent) -> str:
    earlier = f"a shipment of file {sent.files[-1]:06d} again"
    return f"reversal: {earlier}, with zero quantities" if sent.reversed else f"correction: {earlier}, changed"


def _acknowledgement(order: HouseOrder) -> Acknowledgement:
    lines = order.lines if order.status is Status.ACCEPTED else []
    return Acknowledgement(
        order.order_no,
        order.status.value,
        tuple(
            AcknowledgedLine(line.line, line.sku, line.set_aside, line.backordered, line.promise_on) for line in lines
        ),
        order.reason,
    )
