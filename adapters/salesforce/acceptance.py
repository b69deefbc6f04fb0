"""New orders of Salesforce: read by their Id, and given the number under which the ERP will know them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from adapters.salesforce.client import Record, SalesforceClient
from adapters.salesforce.connection import SalesforceNames
from adapters.salesforce.rows import Row, RowSender, Target
from adapters.salesforce.wire import in_lists, read_decimal, select
from domain.order_acceptance import NewLine, NewOrder, NumberedLine, NumberedOrder
from domain.publication import StatementOutcome

MISSING = "order_not_in_salesforce"
OTHER_NUMBER = "order_has_another_number"  # the next look finds it there
BUDGET = timedelta(seconds=60)


class OrderAcceptance:
    """Reads orders before they are accepted, and writes their numbers. Two calls a read, three a write."""

    def __init__(self, client: SalesforceClient, names: SalesforceNames, is_active: Callable[[str], bool]) -> None:
        self._client, self._names, self._is_active = client, names, is_active

    def new_orders(self, external_ids: Iterable[str]) -> list[NewOrder]:
        """These orders as they stand, deleted ones too, in no order; unknown ids are left out."""
        found: list[NewOrder] = []
        for listed in in_lists(list(dict.fromkeys(external_ids))):
            records = list(self._client.rows(self._select(f"Id IN {listed}"), include_deleted=True))
            lines = self._lines([str(record["Id"]) for record in records])
            found += [self._order(record, lines.get(str(record["Id"]), [])) for record in records]
        return found

    def write_numbers(self, orders: Sequence[NumberedOrder]) -> dict[str, StatementOutcome]:
        """Write numbers and units where they were blank, the lines first: an order with its number is complete.

        The outcome of each order by its Id; one of whose lines was refused is not given its number, and one that was
        given another number since it was read keeps that. Writing again what is there changes nothing.
        """
        rows = [
            Row(one.external_id, order.external_id, self._fields_of(one)) for order in orders for one in order.lines
        ]
        of_lines = self._send(self._names.order_item.sobject, rows)
        outcomes = {}
        for order in orders:
            refused = [of_lines[line.external_id] for line in order.lines if not of_lines[line.external_id].accepted]
            if refused:  # one that is refused for good says more than one that may go next time
                outcomes[order.external_id] = min(refused, key=lambda one: one.retryable)
        whole = [order for order in orders if order.external_id not in outcomes]
        outcomes |= {one.external_id: _there(one.external_id) for one in whole if one.has_number}
        return outcomes | self._write_blank([one for one in whole if not one.has_number])

    def _write_blank(self, orders: Sequence[NumberedOrder]) -> dict[str, StatementOutcome]:
        """Write the numbers of orders that have none; they are asked for it once more at the last moment."""
        now = self._numbers([one.external_id for one in orders])
        taken = [one for one in orders if now.get(one.external_id) not in {None, one.number}]
        outcomes = {one.external_id: _taken(one.external_id, str(now[one.external_id])) for one in taken}
        rows = [
            Row(order.external_id, order.external_id, {self._names.order.number: order.number})
            for order in orders
            if order.external_id not in outcomes
        ]
        return outcomes | self._send(self._names.order.sobject, rows)

    def _numbers(self, external_ids: Sequence[str]) -> dict[str, str | None]:
        names = self._names.order
        found: dict[str, str | None] = {}
        for listed in in_lists(external_ids):
            soql = select(["Id", names.number], names.sobject, where=f"Id IN {listed}")
            found.update((str(row["Id"]), row.get(names.number) or None) for row in self._client.rows(soql))
        return found

    def _fields_of(self, line: NumberedLine) -> Mapping[str, object]:
        names = self._names.order_item
        fields = {names.line_no: line.line_no, names.uom: line.uom}
        return {name: value for name, value in fields.items() if value is not None}

    def _send(self, sobject: str, rows: Sequence[Row]) -> dict[str, StatementOutcome]:
        if not rows:
            return {}
        target = Target(sobject, None, MISSING)
        with_ids = [row._replace(fields={"id": row.key, **row.fields}) for row in rows]
        return RowSender(self._client, target, BUDGET, thorough=True).send(with_ids)

    def _select(self, where: str) -> str:
        names = self._names.order
        fields = ["Id", "IsDeleted", names.name, names.number, names.status]
        fields.append(f"{names.account}.{self._names.account.erp_id}")
        return select(fields, names.sobject, where=where, order_by="Id")

    def _lines(self, order_ids: Sequence[str]) -> dict[str, list[Record]]:
        names = self._names.order_item
        fields = ["Id", names.order, names.line_no, names.quantity, names.unit_price, names.uom]
        fields.append(f"{names.product}.{self._names.product.sku}")
        found: defaultdict[str, list[Record]] = defaultdict(list)
        for listed in in_lists(order_ids):
            soql = select(fields, names.sobject, where=f"{names.order} IN {listed}", order_by="Id")
            for row in self._client.rows(soql):
                found[str(row[names.order])].append(row)
        return found

    def _order(self, record: Record, lines: Sequence[Record]) -> NewOrder:
        names = self._names.order
        return NewOrder(
            external_id=str(record["Id"]),
            name=str(record.get(names.name) or record["Id"]),
            status=str(record.get(names.status) or ""),
            active=self._is_active(str(record.get(names.status) or "")),
            deleted=record.get("IsDeleted") is True,
            number=record.get(names.number) or None,
            customer_number=_through(record, names.account, self._names.account.erp_id),
            lines=tuple(self._line(row) for row in lines),
        )

    def _line(self, row: Record) -> NewLine:
        names = self._names.order_item
        line_no = row.get(names.line_no)
        return NewLine(
            external_id=str(row["Id"]),
            line_no=None if line_no is None else int(read_decimal(line_no)),
            sku=_through(row, names.product, self._names.product.sku),
            quantity=None if row.get(names.quantity) is None else read_decimal(row[names.quantity]),
            unit_price=None if row.get(names.unit_price) is None else read_decimal(row[names.unit_price]),
            uom=row.get(names.uom) or None,
        )


def _there(external_id: str) -> StatementOutcome:
    return StatementOutcome(key=external_id, accepted=True)


def _taken(external_id: str, number: str) -> StatementOutcome:
    detail = f"It bears the number {number} by now."
    return StatementOutcome(key=external_id, accepted=False, reason=OTHER_NUMBER, detail=detail, retryable=True)


def _through(record: Mapping[str, Any], relation: str, field: str) -> str | None:
    parent = record.get(relation)
    value = parent.get(field) if isinstance(parent, Mapping) else None
    return str(value) if value else None
