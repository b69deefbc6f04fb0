"""The life of the warehouse: whatever is due happens in its order, each thing in one transaction."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from twins.erp.books import Export
from twins.erp.delivery import deliver, grow_to
from twins.erp.exports import export_file, handed_out
from twins.erp.requests import CannotExport, ExportName, ExportRequest
from twins.erp.stock import StockRow, opening_stock, read_row
from twins.erp.warehouse.afterwards import Afterwards
from twins.erp.warehouse.agenda import Due, Kind
from twins.erp.warehouse.desk import Desk
from twins.erp.warehouse.floor import Floor
from twins.erp.warehouse.habits import deliveries
from twins.erp.warehouse.house import House
from twins.erp.warehouse.intake import Intake
from twins.erp.warehouse.orders import Status
from twins.erp.warehouse.outbox import Outbox

SHORTEST = timedelta(seconds=1)  # between two files of a kind: what is due is due at whole seconds
AGAIN_AFTER = timedelta(minutes=1)  # when a folder cannot be written
DELIVERY = "warehouse delivery"
PROBLEM = "warehouse problem"
OPENED, RAN_UNTIL = "warehouse opened at", "warehouse ran until"
MASTERS = (ExportName.CUSMST, ExportName.ITMMST)
AT_ONCE = (*MASTERS, ExportName.INV410R, ExportName.ORDACK)  # written when the warehouse opens
Document = dict[str, Any]


@dataclass
class Ran:
    """What a run did."""

    until: datetime
    steps: int = 0
    taken: list[str] = field(default_factory=list)
    written: list[str] = field(default_factory=list)


class Life:
    """One warehouse alive. Runs and orders from outside take turns; a restart goes on where it was."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.floor = Floor(house)
        self.desk = Desk(house, self.floor)
        self.afterwards = Afterwards(house, self.floor)
        self.intake = Intake(house, self.desk)
        self.outbox = Outbox(house)
        self.turn = threading.RLock()
        house.books.add_tables("agenda", "moves")
        self._handlers: dict[Kind, Callable[[Due, Ran], object]] = {
            Kind.LOOK: self._look,
            Kind.ACKNOWLEDGE: lambda due, _: self.desk.acknowledge(self._order(due), due.at),
            Kind.RELEASE: lambda due, _: self.desk.release(self._order(due), due.at),
            Kind.PICK: self._pick,
            Kind.SHIP: lambda due, _: self.floor.ship(self._order(due), due.at),
            Kind.ARRIVE: lambda due, _: self.floor.arrive(due.subject, due.at),
            Kind.RETURN: lambda due, _: self.afterwards.return_by_chance(due.subject, due.at),
            Kind.CORRECT: lambda due, _: self.afterwards.correct_by_chance(due.subject, due.at),
            Kind.REVERSE: lambda due, _: self.afterwards.reverse_by_chance(due.subject, due.at),
            Kind.EXPORT: self._export,
            Kind.DELIVER: self._deliver,
        }

    @property
    def is_open(self) -> bool:
        """True once the warehouse was opened on the present world."""
        return self.house.books.read(OPENED) is not None

    def open(self, at: datetime) -> None:
        """Open the doors: the stock of the last report, or of a first day, and the schedule. Once open it stays so.

        CannotExport without a world.
        """
        with self.turn, self.house.books.turn():
            if self.is_open:
                return
            self.house.stock.begin(self._opening_rows(), at)
            self.house.books.keep(OPENED, at.isoformat())
            self.house.books.keep(RAN_UNTIL, at.isoformat())
            for name in AT_ONCE:
                if self._interval(name):
                    self.house.agenda.add(at, Kind.EXPORT, name.value)
            self._keep_schedule(at)

    def run(self, until: datetime) -> Ran:
        """Let everything happen that is due by then, in its order; a closed warehouse does nothing."""
        ran = Ran(until)
        with self.turn:
            if not self.is_open:
                return ran
            with self.house.books.turn():
                self._keep_schedule(min(until, self.ran_until))
            while due := self.house.agenda.first(until):
                self._step(due, ran)
                ran.steps += 1
            with self.house.books.turn():
                self.house.books.keep(RAN_UNTIL, until.isoformat())
        return ran

    def skip_missed(self, now: datetime) -> None:
        """After a time switched off: what is written at intervals is written once, not for every interval missed."""
        with self.turn, self.house.books.turn():
            for due in self.house.agenda.all():
                missed = due.kind is Kind.EXPORT and due.at < now - self._interval(ExportName(due.subject))
                if missed or (due.kind is Kind.LOOK and due.at < now):
                    self.house.agenda.postpone(due, now)
            self.house.books.keep(RAN_UNTIL, now.isoformat())

    @property
    def ran_until(self) -> datetime:
        """Up to which instant everything has happened."""
        return datetime.fromisoformat(self.house.books.read(RAN_UNTIL))

    def write(self, name: ExportName, request: ExportRequest, at: datetime, *, send: bool = False) -> Export:
        """Write an export now, and `send` it to the drop folder in the ERP's way.

        In an ORDACK the orders that lie in the folder or are not yet decided come first.
        """
        with self.turn:
            self._look_before(name, at)
            with self.house.books.turn():
                self._decide_before(name, at)
                asked = request.model_copy(update={"created_at": request.created_at or at})
                export = export_file(self.house.books, name, asked, self.outbox.writers)
                if send:
                    self._send(export, at)
            return export

    def _step(self, due: Due, ran: Ran) -> None:
        try:
            if due.kind is Kind.LOOK or (due.kind is Kind.EXPORT and due.subject == ExportName.ORDACK):
                ran.taken += self.intake.look(due.at)
            with self.house.books.turn():
                if self.house.agenda.done(due):
                    self._handlers[due.kind](due, ran)
        except OSError:  # the folder is away: everything of this step was undone and comes again
            with self.house.books.turn():
                self.house.agenda.postpone(due, due.at + AGAIN_AFTER)
        except (CannotExport, ValueError) as problem:  # it would fail for ever and hold up all that comes after it
            with self.house.books.turn():
                self.house.agenda.done(due)
                self._note_problem(due, problem)

    def _note_problem(self, due: Due, problem: Exception) -> None:
        number = self.house.next_number("next problem", 1)
        told = {"at": due.at.isoformat(), "kind": due.kind.value, "subject": due.subject, "problem": str(problem)}
        self.house.books.database.put(PROBLEM, str(number), told)

    def _order(self, due: Due) -> Any:
        return self.house.papers.known_order(due.subject)

    def _look(self, due: Due, ran: Ran) -> None:
        """The folder was looked at before. Nothing comes while a run goes on: the next look is the first after it.

        The looks keep their beat, so that it does not matter in how many steps time passes.
        """
        wait = timedelta(seconds=max(1, self.house.settings["look_seconds"]))
        beats = max(1, -(-(ran.until - due.at) // wait))
        self.house.agenda.add(due.at + beats * wait, Kind.LOOK, "")

    def _pick(self, due: Due, _: Ran) -> None:
        order = self._order(due)
        self.floor.pick(order, due.at)
        self.house.papers.keep(order)

    def _export(self, due: Due, ran: Ran) -> None:
        name = ExportName(due.subject)
        interval = self._interval(name)
        if interval:
            self.house.agenda.add(due.at + interval, Kind.EXPORT, name.value)
        self._decide_before(name, due.at)
        if self.outbox.is_due(name):
            asked = ExportRequest(created_at=due.at)
            export = export_file(self.house.books, name, asked, self.outbox.writers)
            self._send(export, due.at)
            ran.written.append(export.filename)

    def _send(self, export: Export, at: datetime) -> None:
        interval = self._interval(ExportName(export.name))
        for made in deliveries(self.house, export, at, interval):
            self.house.agenda.add(
                made.at, Kind.DELIVER, made.filename, export=export.filename, share=made.share, habit=made.habit
            )

    def _deliver(self, due: Due, _: Ran) -> None:
        """Write to the drop folder. The same bytes once more when the process dies before this is noted."""
        export = self.house.books.export(due.body["export"])
        folder = self.house.settings["drop_folder"]
        if export is None or not folder:
            return
        content = handed_out(export)
        if due.body["habit"] == "half_written":
            grow_to(Path(folder), due.subject, content, int(len(content) * due.body["share"]))
        else:
            deliver(Path(folder), due.subject, content)
        number = self.house.next_number("next delivery", 1)
        told = {"filename": due.subject, "at": due.at.isoformat(), **due.body}
        self.house.books.database.put(DELIVERY, str(number), told)

    def _look_before(self, name: ExportName, at: datetime) -> None:
        if name is ExportName.ORDACK:
            self.intake.look(at)

    def _decide_before(self, name: ExportName, at: datetime) -> None:
        """An acknowledgement speaks of every order that was seen before its instant: its header is the watermark."""
        if name is ExportName.ORDACK:
            for order in self.house.papers.open_orders():
                if order.status is Status.SEEN:
                    self.desk.acknowledge(self.house.papers.known_order(order.order_no), at)

    def _interval(self, name: ExportName) -> timedelta:
        key = "masters" if name in MASTERS else name.value.lower()
        stated = timedelta(minutes=self.house.settings[f"{key}_minutes"])
        return max(SHORTEST, self.house.paced(stated)) if stated else stated

    def _keep_schedule(self, now: datetime) -> None:
        """What is written at intervals is due, and no later than its interval says."""
        if not self.house.agenda.of(Kind.LOOK, ""):
            self.house.agenda.add(now, Kind.LOOK, "")
        for name in ExportName:
            interval = self._interval(name)
            due = self.house.agenda.of(Kind.EXPORT, name.value)
            if not interval or any(one.at > now + interval for one in due):
                self.house.agenda.drop(Kind.EXPORT, name.value)
                due = []
            if interval and not due:
                self.house.agenda.add(now + interval, Kind.EXPORT, name.value)

    def _opening_rows(self) -> list[StockRow]:
        """The rows of the last report, so that the next one goes on from it; else the stock of a first day."""
        before = next(self.house.books.truths("INV410R"), None)
        if before is not None:
            return [read_row(row) for row in before["rows"]]
        items = self.house.catalogue.items
        rows = opening_stock(self.house.books.world(), self.house.rng("opening stock")).rows
        return [_in_selling_units(row, items[row.sku].units_per_sell_uom) for row in rows]


def _in_selling_units(row: StockRow, units: int) -> StockRow:
    on_hand = row.on_hand * units if row.on_hand > 0 else row.on_hand
    return StockRow(row.sku, row.warehouse, on_hand, Decimal(0), Decimal(0), row.status)
