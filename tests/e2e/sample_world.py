"""The sample exports beside the gateway that knows their world."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tests.e2e.books import assert_billed_once
from tests.e2e.stacks import StackedGateway
from tests.e2e.twin_clients import Json
from tests.e2e.waiting import wait_until


@dataclass(frozen=True)
class Billed:
    """A file that was handed in, the books as they stood when it was applied, and the open exceptions by record."""

    file: Json
    ledger: list[Json]
    exceptions: dict[str, Json]


@dataclass(frozen=True)
class SampleWorld:
    """A gateway, the world of `world.json`, the truth about every export, and where the exports lie."""

    gateway: StackedGateway
    world: Json
    truth: Json
    folder: Path

    def hand_in(self, name: str) -> Billed:
        """Hand in an export and wait until it is dealt with."""
        file = self.gateway.hand_in_and_wait(name, (self.folder / name).read_bytes())
        exceptions = {one["record_key"]: one for one in self.gateway.exceptions()}
        return Billed(file, self.gateway.quickbooks.ledger(), exceptions)

    def order(self, number: str) -> Json:
        """An order as Salesforce knew it in the beginning."""
        return dict(next(one for one in self.world["orders"] if one["order_no"] == number))

    def shown_order(self, number: str) -> Json:
        """An order as Salesforce shows it now."""
        orders = self.gateway.salesforce.records("Order")
        return next(one for one in orders if one["ERP_Order_Id__c"] == number)

    def shown_orders(self, billed: Billed) -> dict[str, Json]:
        """Wait until Salesforce was told of every shipment of a file; its orders as it shows them then, by number.

        The lines of an order stand in it as `lines`, by their number.
        """
        wait_until(
            "Salesforce was told of every shipment of the file",
            lambda: [
                one["number"]
                for one in self.gateway.shipments(billed.file["file_id"]).values()
                if one["published_at"] is None
            ],
            lambda waiting: not waiting,
        )
        orders = {one["Id"]: {**one, "lines": {}} for one in self.gateway.salesforce.records("Order")}
        for line in self.gateway.salesforce.records("OrderItem"):
            orders[line["OrderId"]]["lines"][int(line["ERP_Line_No__c"])] = line
        return {one["ERP_Order_Id__c"]: one for one in orders.values()}

    def invoice_of(self, shipment: str) -> Json:
        """Wait until a shipment is billed and the gateway knows it; its only invoice."""
        wait_until(
            f"shipment {shipment} is invoiced",
            lambda: self.gateway.get(f"/shipments/{shipment}"),
            lambda one: one["state"] == "invoiced",
        )
        return assert_billed_once(self.gateway.quickbooks.ledger(), [shipment])[shipment]
