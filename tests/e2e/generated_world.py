"""A world made by the ERP's twin beside the gateway that knows it: exports on demand, each with its truth."""

from __future__ import annotations

from dataclasses import dataclass

from tests.e2e.books import assert_ledger_equals
from tests.e2e.stacks import StackedGateway
from tests.e2e.twin_clients import Json
from tests.e2e.waiting import wait_until


@dataclass(frozen=True)
class Export:
    """A shipment file, and what it says by its writer's own words."""

    filename: str
    content: bytes
    truth: Json

    @property
    def numbers(self) -> list[str]:
        """The shipments that must get an invoice."""
        return [one["shipment_no"] for one in self.truth["expected_invoices"]]


@dataclass(frozen=True)
class GeneratedWorld:
    """A gateway and the world that its twins were seeded with."""

    gateway: StackedGateway
    world: Json

    def ship(self, shipments: int, **wanted: object) -> Export:
        """Write the next shipment file: orders that have not left yet."""
        filename, content = self.gateway.erp.export("SHPCNF", shipments=shipments, **wanted)
        return Export(filename, content, self.gateway.erp.truth(filename))

    def billed_in_all(self) -> int:
        """How many invoices the books hold."""
        return len(self.gateway.quickbooks.ledger())

    def shipments(self, export: Export) -> dict[str, Json]:
        """What the gateway knows of an export's shipments, by number; nothing before it has read the file."""
        file = self.gateway.file_named(export.filename)
        return self.gateway.shipments(file["file_id"]) if file else {}

    def open_shipments(self, export: Export) -> dict[str, str]:
        """The state of each shipment that must get an invoice and, as far as the gateway knows, has none."""
        known = self.shipments(export)
        states = {number: known[number]["state"] if number in known else "not read" for number in export.numbers}
        return {number: state for number, state in states.items() if state != "invoiced"}

    def wait_until_billed(self, export: Export, seconds: float = 90) -> None:
        """Wait until the gateway knows every invoice of an export, then compare the books with the truth."""
        wait_until(
            f"the {len(export.numbers)} shipments of {export.filename} are invoiced",
            lambda: self.open_shipments(export),
            lambda still_open: not still_open,
            seconds=seconds,
            explain=self.standing,
        )
        self.assert_books_right(export)

    def assert_books_right(self, export: Export) -> None:
        """Each shipment of an export has exactly one invoice, to the cent."""
        assert_ledger_equals(self.gateway.quickbooks.ledger(), export.truth, self.world)

    def standing(self) -> str:
        """Where the gateway stands, for the message of a failure."""
        children = {status.name: status.state.value for status in self.gateway.stack.statuses()}
        held = [f"{one['record_key']}: {one['cause']}" for one in self.gateway.exceptions()]
        tail = self.gateway.stack.supervisor.children["worker"].tail()
        return (
            f"processes: {children}\nopen exceptions: {held[:20]}\nfaults: {self.gateway.quickbooks.faults()}\n{tail}"
        )
