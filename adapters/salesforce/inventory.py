"""Stock as Salesforce shows it: levels by item and warehouse, and one number beside each product (feature G-F1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta

from adapters.salesforce.bulk import CALLS_FOR_A_JOB, BulkLoad
from adapters.salesforce.client import SalesforceClient
from adapters.salesforce.connection import SalesforceNames, relationship
from adapters.salesforce.pool import CallPool, Priority
from adapters.salesforce.rows import GONE, Row, RowSender, Target, calls_for
from adapters.salesforce.wire import fitted
from domain.publication import ItemStatement, StatementOutcome, StockStatement

MISSING_ITEM = "item_not_in_salesforce"

_BUDGET = timedelta(seconds=45)
_BULK_BUDGET = timedelta(minutes=15)  # well below what a publication of stock may take as a whole
_LANES = 3  # a connection has four places by default: one is left to orders and invoices


class InventoryPublisher:
    """Writes stock. Idempotent: numbers are absolute and rows are found by external id. It does not compare with what
    Salesforce shows: the caller sees to it that an older number never follows a newer one (case I8).

    Of several statements with one key the last counts; outcomes come in the order of the statements. All of it stops
    while the daily pool of calls runs low (case X4).
    """

    def __init__(
        self,
        client: SalesforceClient,
        names: SalesforceNames,
        budget: timedelta = _BUDGET,
        lanes: int = _LANES,
        pool: CallPool | None = None,
    ) -> None:
        self._client = client
        self._names = names
        self._budget = budget
        self._lanes = lanes
        self._pool = pool or CallPool(lambda: client.usage)

    def publish_levels(self, statements: Sequence[StockStatement]) -> list[StatementOutcome]:
        """State levels by `Key__c`, 200 a call; the level of an item that Salesforce lacks is answered as missing."""
        last = {statement.key: statement for statement in statements}
        outcomes = self._send(self._levels(), self._level_rows(last))
        return [outcomes[statement.key] for statement in statements]

    def publish_items(self, statements: Sequence[ItemStatement]) -> list[StatementOutcome]:
        """State what is available of products that exist; an unknown one is not created but answered as missing."""
        names = self._names.product
        last = {statement.sku: statement for statement in statements}
        rows = [Row(sku, sku, {names.sku: sku, names.available: said.available}) for sku, said in last.items()]
        # The upsert would create an unknown product, if it were not for the name that every product must have and that
        # is not ours to give: Salesforce complains of exactly that, and never for a product that exists.
        absent = GONE | {"REQUIRED_FIELD_MISSING"}
        outcomes = self._send(Target(names.sobject, names.sku, MISSING_ITEM, absent), rows)
        return [outcomes[statement.sku] for statement in statements]

    def publish_levels_in_bulk(
        self, statements: Sequence[StockStatement], budget: timedelta = _BULK_BUDGET
    ) -> list[StatementOutcome]:
        """State levels by jobs of Bulk API 2.0: for the first load of an org, never where seconds count.

        Raises TimedOut when Salesforce has not finished within the budget; saying it again is safe.
        """
        last = {statement.key: statement for statement in statements}
        if not last:
            return []
        self._pool.draw(Priority.STOCK, CALLS_FOR_A_JOB)
        outcomes = BulkLoad(self._client, self._levels(), budget).send(self._level_rows(last))
        return [outcomes[statement.key] for statement in statements]

    def _send(self, target: Target, rows: Sequence[Row]) -> dict[str, StatementOutcome]:
        if rows:
            self._pool.draw(Priority.STOCK, calls_for(len(rows)))
        return RowSender(self._client, target, self._budget, self._lanes, thorough=True).send(rows)

    def _levels(self) -> Target:
        return Target(self._names.inventory.sobject, self._names.inventory.key, MISSING_ITEM)

    def _level_rows(self, last: Mapping[str, StockStatement]) -> list[Row]:
        return [Row(key, said.sku, self._level_fields(said)) for key, said in last.items()]

    def _level_fields(self, said: StockStatement) -> dict[str, object]:
        """Every field, each time: an unknown number is sent as null, for an absent field would keep the old one."""
        names = self._names.inventory
        return {
            names.key: said.key,
            relationship(names.product): {self._names.product.sku: said.sku},
            names.warehouse: said.warehouse,
            names.on_hand: said.on_hand,
            names.allocated: said.allocated,
            names.available: said.available,
            names.as_of: said.as_of_at,
            names.source_seq: said.sequence,
            names.confidence: said.confidence.value,
            names.basis: fitted(said.basis, names.basis_length),
        }
