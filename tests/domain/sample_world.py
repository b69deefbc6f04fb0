"""The sample exports' world and truth as domain objects: what the files say, without reading the files."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from domain.billing import BillingDecision, BillingInput, KnownLinks, decide
from domain.company import Company
from domain.customers import Customer
from domain.items import Item
from domain.matching import MatchInput
from domain.orders import Order, OrderLine
from domain.shipments import LineReason, Shipment, ShipmentLine

REASONS = {"BO": LineReason.BACKORDERED, "SS": LineReason.SHORT_CLOSED}
COMPANY_FILE = Path(__file__).resolve().parents[2] / "config" / "company.toml"
SEEN_AT = datetime(2026, 11, 20, tzinfo=ZoneInfo("UTC"))


@dataclass(frozen=True)
class SampleWorld:
    """Everything that a sample shipment can be decided with."""

    company: Company
    items: dict[str, Item]
    customers: dict[str, Customer]
    orders: dict[str, Order]
    truth: dict[str, Any]

    @classmethod
    def load(cls, folder: Path) -> SampleWorld:
        """Read `world.json`, `truth.json` and the shipped company file."""
        world = json.loads((folder / "world.json").read_text())
        return cls(
            company=Company.parse(COMPANY_FILE.read_text()),
            items={one["sku"]: _item(one) for one in world["items"]},
            customers={one["erp_no"]: _customer(one) for one in world["customers"]},
            orders={one["order_no"]: _order(one) for one in world["orders"]},
            truth=json.loads((folder / "truth.json").read_text()),
        )

    def stated(self, export: str) -> list[dict[str, Any]]:
        """The shipments that an export states, in its order."""
        return list(self.truth[export]["shipments"])

    def shipment(self, stated: dict[str, Any]) -> Shipment:
        """A stated shipment in canonical words."""
        local = f"{stated['shipped_on']}T{stated['shipped_time']}"
        zone = ZoneInfo(self.company.timezone)
        return Shipment(
            number=stated["shipment_no"],
            order_number=stated["order_no"],
            customer_number=stated["customer_erp_no"],
            warehouse=stated["warehouse"],
            shipped_at=datetime.fromisoformat(local).replace(tzinfo=zone).astimezone(ZoneInfo("UTC")),
            carrier=stated["carrier"],
            tracking=stated["tracking"],
            freight=Decimal(stated["freight"]),
            purchase_order=stated["po_no"],
            lines=tuple(_line(one) for one in stated["lines"]),
        )

    def decide_all(self, export: str) -> dict[str, BillingDecision]:
        """Decide an export's shipments in file order: what one bills, the order's next one counts as shipped."""
        before: defaultdict[str, defaultdict[int, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
        decisions = {}
        for stated in self.stated(export):
            shipment = self.shipment(stated)
            shipped = before[shipment.order_number]
            decision = decisions[shipment.number] = decide(self.billing_input(shipment, dict(shipped)))
            for line in decision.draft.lines if decision.draft else ():
                if line.shipment_line_no is not None:
                    shipped[line.shipment_line_no] += line.quantity
        return decisions

    def billing_input(self, shipment: Shipment, shipped_before: dict[int, Decimal]) -> BillingInput:
        """A shipment with all that is known of it; everything known is linked."""
        case = MatchInput(
            shipment=shipment,
            order=self.orders.get(shipment.order_number),
            customer=self.customers.get(shipment.customer_number),
            items=self.items,
            shipped_before=shipped_before,
        )
        known = KnownLinks(
            customers={number: number for number in self.customers},
            items={sku: sku for sku in [*self.items, self.company.billing.freight_sku]},
            terms={code: code for code in self.company.terms},
        )
        return BillingInput(
            case=case, links=known, company=self.company, realm="1", generation=1, decided_on=date(2026, 11, 20)
        )


def _line(stated: dict[str, Any]) -> ShipmentLine:
    return ShipmentLine(
        line_no=stated["line"],
        sku=stated["sku"],
        quantity_ordered=Decimal(stated["quantity_ordered"]),
        quantity_shipped=Decimal(stated["quantity_shipped"]),
        uom=stated["uom"],
        unit_price=Decimal(stated["unit_price"]),
        lot=stated.get("lot"),
        reason=REASONS.get(stated.get("reason", "")),
    )


def _item(stated: dict[str, Any]) -> Item:
    names = ("sku", "description", "base_uom", "sell_uom", "list_price", "taxable", "weight_lb")
    factor = Fraction(stated["units_per_sell_uom"])
    return Item(units_per_sell_uom=factor, **{name: stated[name] for name in names})


def _customer(stated: dict[str, Any]) -> Customer:
    names = ("name", "terms_code", "credit_limit", "tax_exempt")
    return Customer(number=stated["erp_no"], **{name: stated[name] for name in names})


def _order(stated: dict[str, Any]) -> Order:
    lines = (
        OrderLine(
            line_no=one["line"],
            sku=one["sku"],
            quantity=Decimal(one["quantity"]),
            uom=one["uom"],
            unit_price=Decimal(one["unit_price"]),
        )
        for one in stated["lines"]
    )
    return Order(
        number=stated["order_no"],
        customer_number=stated["customer_erp_no"],
        purchase_order=stated["po_no"],
        ordered_on=stated["ordered_on"],
        status="Activated",
        active=True,
        external_id=stated["order_no"],
        version_at=SEEN_AT,
        lines=tuple(lines),
    )
