"""Orders as Salesforce states them: what changed since an instant, and single ones by their number."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta

from pydantic import BaseModel, ConfigDict

from adapters.salesforce.client import Record, SalesforceClient
from adapters.salesforce.connection import SalesforceNames
from adapters.salesforce.wire import in_lists, read_decimal, read_instant, select, soql_instant
from domain.orders import Order, OrderLine


class IncompleteOrder(BaseModel):
    """A numbered order that cannot be read as one yet, and what it lacks: somebody has to complete it in Salesforce."""

    model_config = ConfigDict(frozen=True)

    external_id: str
    number: str
    reason: str


class UnnumberedOrder(BaseModel):
    """An order without an ERP number; whether it may have one is said by its status."""

    model_config = ConfigDict(frozen=True)

    external_id: str
    status: str
    active: bool


class OrderPage(BaseModel):
    """Some changed orders.

    `newest_version_at` may be kept as the next `since` once this page is stored; None: keep the one you have.
    `unnumbered_ids` are orders without an ERP number, `acceptable` those of them that live, with their status;
    `incomplete` are numbered ones with lines that cannot be read.
    """

    model_config = ConfigDict(frozen=True)

    orders: tuple[Order, ...]
    newest_version_at: datetime | None = None
    unnumbered_ids: tuple[str, ...] = ()
    acceptable: tuple[UnnumberedOrder, ...] = ()
    incomplete: tuple[IncompleteOrder, ...] = ()


class OrderReader:
    """Reads orders with their lines. Costs two calls a page; reading changes nothing."""

    def __init__(self, client: SalesforceClient, names: SalesforceNames) -> None:
        self._client = client
        self._names = names
        self._categories: dict[str, str] = {}

    def changed_orders(self, since: datetime | None, overlap: timedelta, page_size: int = 200) -> Iterator[OrderPage]:
        """The orders changed at or after `since - overlap`, deleted ones among them; None reads all.

        Commits can show later than their stamp, hence the overlap: the same version may come again. Orders of which
        only a line changed come first and move no watermark: stopping anywhere and starting again loses nothing.
        """
        start = since - overlap if since is not None else None
        if start is not None:
            yield from self._changed_by_line(start, page_size)
        where = f"SystemModstamp >= {soql_instant(start)}" if start is not None else ""
        soql = self._select_orders(where, "SystemModstamp, Id")
        for records in self._client.pages(soql, include_deleted=True, page_size=page_size):
            if records:
                newest = max(read_instant(record["SystemModstamp"]) for record in records)
                yield self._page(records, newest)

    def orders_by_number(self, numbers: Iterable[str]) -> list[Order]:
        """The living orders with these numbers, in the order given; unknown and incomplete ones are left out."""
        wanted = [number for number in dict.fromkeys(numbers) if number]  # in SOQL '' stands for every empty field
        found: dict[str, Order] = {}
        for listed in in_lists(wanted):
            soql = self._select_orders(f"{self._names.order.number} IN {listed}", "Id")
            for records in self._client.pages(soql):
                found.update((order.number, order) for order in self._page(records, None).orders)
        return [found[number] for number in wanted if number in found]

    def orders_by_id(self, external_ids: Iterable[str]) -> Iterator[OrderPage]:
        """The orders with these Salesforce ids as they stand, deleted ones among them; moves no watermark."""
        for listed in in_lists(list(dict.fromkeys(external_ids))):
            for records in self._client.pages(self._select_orders(f"Id IN {listed}", "Id"), include_deleted=True):
                if records:
                    yield self._page(records, None)

    def orders_of_lines(self, line_ids: Iterable[str]) -> list[str]:
        """The Salesforce ids of the orders that these order lines belong to, each once."""
        item = self._names.order_item
        found: dict[str, None] = {}
        for listed in in_lists(list(dict.fromkeys(line_ids))):
            soql = select([item.order], item.sobject, where=f"Id IN {listed}", order_by="Id")
            found |= dict.fromkeys(str(row[item.order]) for row in self._client.rows(soql, include_deleted=True))
        return list(found)

    def _changed_by_line(self, start: datetime, page_size: int) -> Iterator[OrderPage]:
        """Orders that did not change themselves, while one of their lines did."""
        item = self._names.order_item
        moved = f"SystemModstamp >= {soql_instant(start)}"
        soql = select([item.order], item.sobject, where=moved, order_by="SystemModstamp, Id")
        parents = [str(row[item.order]) for row in self._client.rows(soql, include_deleted=True)]
        for listed in in_lists(parents):
            soql = self._select_orders(f"Id IN {listed} AND SystemModstamp < {soql_instant(start)}", "Id")
            for records in self._client.pages(soql, include_deleted=True, page_size=page_size):
                if records:
                    yield self._page(records, None)

    def _select_orders(self, where: str, order_by: str) -> str:
        names = self._names.order
        fields = ["Id", "IsDeleted", "SystemModstamp", names.number, names.status, names.ordered_on]
        fields += [names.purchase_order, f"{names.account}.{self._names.account.erp_id}"]
        return select(fields, names.sobject, where=where, order_by=order_by)

    def _page(self, records: Sequence[Record], newest: datetime | None) -> OrderPage:
        numbered = [record for record in records if record.get(self._names.order.number)]
        lines = self._lines([str(record["Id"]) for record in numbered])
        orders: list[Order] = []
        incomplete: list[IncompleteOrder] = []
        for record in numbered:
            stated = lines.get(str(record["Id"]), [])
            living = [row for row in stated if row.get("IsDeleted") is not True]
            lack = _what_lacks(living, self._names)
            if lack is None:
                orders.append(self._order(record, living, _newest_stamp([record, *stated])))
            else:
                number = str(record[self._names.order.number])
                incomplete.append(IncompleteOrder(external_id=str(record["Id"]), number=number, reason=lack))
        unnumbered = [record for record in records if not record.get(self._names.order.number)]
        return OrderPage(
            orders=tuple(orders),
            newest_version_at=newest,
            unnumbered_ids=tuple(str(record["Id"]) for record in unnumbered),
            acceptable=tuple(self._unnumbered(one) for one in unnumbered if one.get("IsDeleted") is not True),
            incomplete=tuple(incomplete),
        )

    def _lines(self, order_ids: Iterable[str]) -> Mapping[str, list[Record]]:
        """The lines of these orders by order id, deleted ones among them: a deletion is a change of its order."""
        names = self._names.order_item
        fields = ["Id", "IsDeleted", "SystemModstamp", names.order, names.line_no, names.quantity, names.unit_price]
        fields += [names.uom, f"{names.product}.{self._names.product.sku}"]
        found: dict[str, list[Record]] = defaultdict(list)
        for listed in in_lists(order_ids):
            by_line = f"{names.order}, {names.line_no}, Id"
            soql = select(fields, names.sobject, where=f"{names.order} IN {listed}", order_by=by_line)
            for row in self._client.rows(soql, include_deleted=True):
                found[str(row[names.order])].append(row)
        return found

    def _order(self, record: Record, lines: Sequence[Record], version_at: datetime) -> Order:
        names = self._names.order
        ordered_on = record.get(names.ordered_on)
        status = str(record.get(names.status) or "")
        return Order(
            number=str(record[names.number]),
            customer_number=_through(record, names.account, self._names.account.erp_id),
            purchase_order=record.get(names.purchase_order) or None,
            ordered_on=date.fromisoformat(ordered_on) if ordered_on else None,
            status=status,
            active=self.is_active(status),
            external_id=str(record["Id"]),
            version_at=version_at,
            deleted=record.get("IsDeleted") is True,
            lines=tuple(self._line(row) for row in lines),
        )

    def _line(self, row: Record) -> OrderLine:
        names = self._names.order_item
        return OrderLine(
            line_no=int(read_decimal(row[names.line_no])),
            sku=str(_through(row, names.product, self._names.product.sku)),
            quantity=read_decimal(row[names.quantity]),
            uom=str(row[names.uom]),
            unit_price=read_decimal(row[names.unit_price]),
            external_id=str(row["Id"]),
        )

    def _unnumbered(self, record: Record) -> UnnumberedOrder:
        status = str(record.get(self._names.order.status) or "")
        return UnnumberedOrder(external_id=str(record["Id"]), status=status, active=self.is_active(status))

    def is_active(self, status: str) -> bool:
        """True for a status of the category Activated: an org names its statuses as it likes.

        The categories are read once, and again when a status appears that was not there before.
        """
        named = self._names.order.active_statuses
        if named is not None:
            return status in named
        if status not in self._categories:
            rows = self._client.rows(select(["ApiName", "StatusCode"], "OrderStatus"))
            self._categories |= {status: "", **{str(row["ApiName"]): str(row["StatusCode"]) for row in rows}}
        return self._categories[status] == "Activated"


def _through(record: Record, relation: str, field: str) -> str | None:
    """A field of the parent, or None where there is no parent."""
    parent = record.get(relation)
    value = parent.get(field) if isinstance(parent, Mapping) else None
    return str(value) if value else None


def _newest_stamp(rows: Iterable[Record]) -> datetime:
    """A line can change or go without its order: the newest stamp of them all is the order's version."""
    return max(read_instant(row["SystemModstamp"]) for row in rows)


def _what_lacks(lines: Sequence[Record], names: SalesforceNames) -> str | None:
    """Say what keeps these lines from being read, or None: a line without a key is shown, never guessed or dropped."""
    item = names.order_item
    numbers: set[int] = set()
    for row in lines:
        missing = [
            field for field in (item.line_no, item.quantity, item.unit_price, item.uom) if row.get(field) is None
        ]
        if _through(row, item.product, names.product.sku) is None:
            missing.append(f"{item.product}.{names.product.sku}")
        if missing:
            return f"line {row['Id']} has no {', '.join(missing)}"
        number = int(read_decimal(row[item.line_no]))
        if number in numbers:
            return f"line {row['Id']} has the number {number} of another line ({item.line_no})"
        numbers.add(number)
    return None
