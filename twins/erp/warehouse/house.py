"""What every part of the warehouse works with: books, papers, stock, agenda, settings, and chance by the seed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random

from twins.erp.books import Books
from twins.erp.shipments import FIRST_SHIPMENT, SHIPMENT_STEP
from twins.erp.warehouse.agenda import Agenda
from twins.erp.warehouse.papers import Papers
from twins.erp.warehouse.stockroom import Stockroom
from twins.erp.world import Customer, Item, World
from twins.web import TwinSettings

DAY = timedelta(days=1)


@dataclass
class House:
    """One warehouse. `settings` is asked at every use: a switch works from the next decision on."""

    books: Books
    settings_of: Callable[[], TwinSettings]

    def __post_init__(self) -> None:
        self.agenda = Agenda(self.books.database)
        self.papers = Papers(self.books.database)
        self.stock = Stockroom(self.books.database)
        self._catalogue: _Catalogue | None = None

    @property
    def settings(self) -> TwinSettings:
        """The switches as they stand."""
        return self.settings_of()

    @property
    def catalogue(self) -> _Catalogue:
        """Customers, items and kits of the present world."""
        world = self.books.world()
        if self._catalogue is None or self._catalogue.world is not world:
            self._catalogue = _Catalogue(world)
        return self._catalogue

    def rng(self, *words: object) -> Random:
        """Random numbers for one decision: the same whatever else happens before it."""
        return Random("|".join((str(self.books.request().seed), *map(str, words))))

    def happens(self, way: str, *words: object) -> bool:
        """Whether chance wants it; the share is the setting `percent_<way>`."""
        percent: int = self.settings[f"percent_{way}"]
        return percent > 0 and self.rng(way, *words).random() * 100 < percent

    def later(self, at: datetime, wait: timedelta, *words: object) -> datetime:
        """About so much later, at the pace of the house: from half to one and a half times the wait, whole seconds."""
        seconds = self.paced(wait).total_seconds() * (0.5 + self.rng("wait", *words).random())
        return at + timedelta(seconds=round(seconds))

    def paced(self, wait: timedelta) -> timedelta:
        """How long a wait is at the pace of the house."""
        return wait / max(1, int(self.settings["pace"]))

    def parts(self, sku: str, uom: str) -> dict[str, Decimal] | None:
        """How many base units of which item one unit takes from stock; None for an unknown item or unit."""
        item = self.catalogue.items.get(sku)
        units = Decimal(1)
        if item is not None:
            factors = {item.base_uom: 1, item.sell_uom: item.units_per_sell_uom}
            if uom not in factors:
                return None
            units = Decimal(factors[uom])
        kit = self.settings["kits"].get(sku)
        if kit is not None:
            return {part: Decimal(str(quantity)) * units for part, quantity in kit.items()}
        return {sku: units} if item is not None else None

    def is_drop_ship(self, warehouse: str) -> bool:
        """True where the vendor ships for us."""
        return warehouse in self.settings["drop_ship_warehouses"]

    def warehouses(self) -> list[str]:
        """The warehouses that hold stock of ours."""
        return [place.code for place in self.books.world().warehouses if not self.is_drop_ship(place.code)]

    def next_shipment_no(self) -> str:
        """A number that no shipment had."""
        number: int = self.books.read("next shipment", FIRST_SHIPMENT)
        self.books.keep("next shipment", number + SHIPMENT_STEP)
        return f"SH{number}"

    def next_number(self, key: str, first: int) -> int:
        """The next of a counter of the books."""
        number: int = self.books.read(key, first)
        self.books.keep(key, number + 1)
        return number


class _Catalogue:
    """A world by its keys."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.items: dict[str, Item] = {item.sku: item for item in world.items}
        self.customers: dict[str, Customer] = {customer.erp_no: customer for customer in world.customers}
