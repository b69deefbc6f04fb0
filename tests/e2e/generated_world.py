"""A world made by the ERP's twin beside the gateway that knows it: exports on demand, each with its truth."""

from __future__ import annotations

from dataclasses import dataclass

from tests.e2e.books import assert_ledger_equals, by_shipment
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

    def ship(self, shipments: int) -> Export:
        """Write the next shipment file: orders that have not left yet."""
        filename, content = self.gateway.erp.export("SHPCNF", shipments=shipments)
        return Export(filename, content, self.gateway.erp.truth(filename))

    def billed(self, export: Export) -> int:
        """How many shipments of an export the books bill."""
        return len(set(export.numbers) & by_shipment(self.gateway.quickbooks.ledger()).keys())

    def wait_until_billed(self, export: Export, seconds: float = 90) -> None:
        """Wait until the books bill every shipment of an export, then compare each invoice with the truth."""
        wanted = len(export.numbers)
        what = f"the {wanted} shipments of {export.filename} are billed"
        wait_until(what, lambda: self.billed(export), lambda n: n >= wanted, seconds=seconds, explain=self.standing)
        self.assert_books_right(export)

    def assert_books_right(self, export: Export) -> None:
        """Each shipment of an export has exactly one invoice, to the cent."""
        assert_ledger_equals(self.gateway.quickbooks.ledger(), export.truth, self.world)

    def standing(self) -> str:
        """Where the gateway stands, for the message of a failure."""
        children = {status.name: status.state.value for status in self.gateway.stack.statuses()}
        held = [f"{one['record_key']}: {one['cause']}" for one in self.gateway.exceptions()]
        tail = self.gateway.stack.supervisor.children["worker"].tail()
        return f"processes: {children}\nopen exceptions: {held[:20]}\nfaults: {self.gateway.quickbooks.faults()}\n{tail}"
