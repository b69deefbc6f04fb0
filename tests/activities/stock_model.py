"""What Salesforce must show when everything has arrived, by arithmetic of its own: in any order, however often.

Minutes count from the first export's instant. The rules are those of cases I1 to I4: the newest export is what there
is, what left later is gone, and an order takes from the total what the ERP had not set aside for it by that instant.
"""

from __future__ import annotations

from dataclasses import dataclass

ITEMS = ("BOLT", "NUT", "PIPE")
PLACES = ("ATL", "RNO")
Place = tuple[str, str]


@dataclass(frozen=True)
class Snapshot:
    """An export: on hand and allocated of every row that there is."""

    minute: int
    rows: tuple[tuple[Place, tuple[int, int]], ...]


@dataclass(frozen=True)
class Ordered:
    """A statement of an order of one line; the newest counts."""

    minute: int
    name: str
    sku: str
    quantity: int
    active: bool = True


@dataclass(frozen=True)
class Shipped:
    """So much of an order left a warehouse."""

    minute: int
    number: str
    order: str
    sku: str
    warehouse: str
    quantity: int


@dataclass(frozen=True)
class Acknowledged:
    """A file of acknowledgements: what is set aside for each order that it lists."""

    minute: int
    sequence: int
    orders: tuple[tuple[str, str, int], ...]  # order, item, allocated


Event = Snapshot | Ordered | Shipped | Acknowledged


def expected(events: list[Event], now: int) -> tuple[dict[Place, tuple[int, int, int]], dict[str, int]]:
    """The rows that Salesforce shows (on hand, allocated, available), and the totals of the items."""
    newest = max((one for one in events if isinstance(one, Snapshot)), key=lambda one: one.minute)
    ever = {place for one in events if isinstance(one, Snapshot) for place, _ in one.rows}
    listed = dict(newest.rows)
    rows: dict[Place, tuple[int, int, int]] = {}
    totals: dict[str, int] = {}
    for place in sorted(ever):
        on_hand, allocated = listed.get(place, (0, 0))
        on_hand -= sum(one.quantity for one in _left(events, newest.minute) if (one.sku, one.warehouse) == place)
        back = sum(_given_back(events, newest.minute, place).values())
        rows[place] = (max(on_hand, 0), allocated, max(on_hand - allocated + back, 0))
        totals[place[0]] = totals.get(place[0], 0) + on_hand - allocated + back
    asked = {sku: sum(_unseen(events, newest.minute, sku).values()) for sku in totals}
    return rows, {sku: max(total - asked[sku], 0) for sku, total in totals.items()}


def _left(events: list[Event], since: int) -> list[Shipped]:
    """Each shipment once, that left later than this."""
    shipments = {one.number: one for one in events if isinstance(one, Shipped)}
    return [one for one in shipments.values() if one.minute > since]


def _orders(events: list[Event], sku: str) -> list[Ordered]:
    """The newest statement of each order of an item that is still wanted."""
    newest: dict[str, Ordered] = {}
    for one in events:
        if isinstance(one, Ordered) and (one.name not in newest or newest[one.name].minute <= one.minute):
            newest[one.name] = one
    return [one for one in newest.values() if one.sku == sku and one.active]


def _set_aside(events: list[Event], order: str, by: int) -> int | None:
    """What the ERP had set aside for an order by then, less what has left of it since its word and before that."""
    said = [one for one in events if isinstance(one, Acknowledged) and one.minute <= by]
    words = sorted(
        (one.minute, one.sequence, allocated) for one in said for name, _, allocated in one.orders if name == order
    )
    if not words:
        return None
    minute, _, allocated = words[-1]
    shipments = {one.number: one for one in events if isinstance(one, Shipped) and one.order == order}
    gone = sum(one.quantity for one in shipments.values() if minute < one.minute <= by)
    return max(allocated - gone, 0)


def _given_back(events: list[Event], stated: int, place: Place) -> dict[str, int]:
    """What left since and is still among the allocated of that instant, by order."""
    back: dict[str, int] = {}
    for order in _orders(events, place[0]):
        aside = _set_aside(events, order.name, stated)
        mine = [one for one in _left(events, stated) if one.order == order.name and one.warehouse == place[1]]
        back[order.name] = min(sum(one.quantity for one in mine), aside or 0)
    return back


def _unseen(events: list[Event], stated: int, sku: str) -> dict[str, int]:
    """What each order still takes from the total beyond the ERP's allocations."""
    takes: dict[str, int] = {}
    for order in _orders(events, sku):
        shipments = {one.number: one for one in events if isinstance(one, Shipped) and one.order == order.name}
        rest = max(order.quantity - sum(one.quantity for one in shipments.values()), 0)
        since = sum(one.quantity for one in shipments.values() if one.minute > stated)
        aside = _set_aside(events, order.name, stated)
        takes[order.name] = rest if aside is None else max(rest - (aside - min(since, aside)), 0)
    return takes
