"""Salesforce as the activities see it: one object with everything that the gateway asks and says."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from adapters.salesforce.acceptance import OrderAcceptance
from adapters.salesforce.client import SalesforceClient
from adapters.salesforce.connection import SalesforceConnection, SalesforceNames
from adapters.salesforce.inventory import InventoryPublisher
from adapters.salesforce.masters import MasterReader
from adapters.salesforce.orders import OrderPage, OrderReader
from adapters.salesforce.pool import CallPool, PoolPolicy, Priority
from adapters.salesforce.schema import gaps, needs, org_seen
from adapters.salesforce.statements import Publisher
from adapters.salesforce.tokens import TokenKeeper
from adapters.salesforce.transport import ApiUsage
from adapters.salesforce.whole import WholeOrg
from domain.errors import Misconfigured
from domain.lifecycle import Lifecycle
from domain.lifecycle_check import OrgSeen, missing
from domain.links import Candidate, LinkKind
from domain.master_seen import ClockReading, MasterSeen
from domain.master_values import Value
from domain.order_acceptance import NewOrder, NumberedOrder
from domain.orders import Order
from domain.publication import (
    AccountStatement,
    ItemStatement,
    OrderUnit,
    StatementOutcome,
    StockStatement,
)
from domain.reconciliation import Input
from domain.tokens import TokenVault


class SalesforceGateway:
    """One org. Blocking and thread-safe: for activities that run in a pool of threads. Opening it costs no call."""

    def __init__(
        self,
        connection: SalesforceConnection,
        names: SalesforceNames,
        vault: TokenVault,
        pool: PoolPolicy | None = None,
    ) -> None:
        self._names = names
        self._client = SalesforceClient(connection, TokenKeeper(connection, vault))
        self._orders = OrderReader(self._client, names)
        self._acceptance = OrderAcceptance(self._client, names, self._orders.is_active)
        self._masters = MasterReader(self._client, names)
        self._pool = CallPool(lambda: self._client.usage, pool)
        self._publisher = Publisher(self._client, names, pool=self._pool)
        self._inventory = InventoryPublisher(self._client, names, pool=self._pool)
        self._whole = WholeOrg(self._client, names, self._pool)

    @property
    def usage(self) -> ApiUsage | None:
        """The daily pool of API calls as the last answer stated it; None before the first."""
        return self._client.usage

    def changed_orders(self, since: datetime | None, overlap: timedelta, page_size: int = 200) -> Iterator[OrderPage]:
        """The orders changed since then, page by page (see `OrderReader.changed_orders`)."""
        return self._orders.changed_orders(since, overlap, page_size)

    def orders_by_number(self, numbers: Iterable[str]) -> list[Order]:
        """The living orders with these numbers, in the order given."""
        return self._orders.orders_by_number(numbers)

    def orders_by_id(self, external_ids: Iterable[str]) -> Iterator[OrderPage]:
        """The orders with these Salesforce ids as they stand, page by page; deleted ones among them."""
        return self._orders.orders_by_id(external_ids)

    def orders_of_lines(self, line_ids: Iterable[str]) -> list[str]:
        """The Salesforce ids of the orders that these order lines belong to."""
        return self._orders.orders_of_lines(line_ids)

    def new_orders(self, external_ids: Iterable[str]) -> list[NewOrder]:
        """Orders that may be accepted, as they stand (see `OrderAcceptance`)."""
        return self._acceptance.new_orders(external_ids)

    def write_numbers(self, orders: Sequence[NumberedOrder]) -> dict[str, StatementOutcome]:
        """Write the numbers of accepted orders and their lines (see `OrderAcceptance`); idempotent."""
        return self._acceptance.write_numbers(orders)

    def publish_orders(self, units: Sequence[OrderUnit]) -> list[list[StatementOutcome]]:
        """Say of orders what is to be said: state, lines, invoices and events (see `Publisher`); idempotent."""
        return self._publisher.publish_orders(units)

    def publish_accounts(self, statements: Sequence[AccountStatement]) -> list[StatementOutcome]:
        """State what customers owe and whether they are held; idempotent, and never creates one."""
        return self._publisher.publish_accounts(statements)

    def publish_levels(self, statements: Sequence[StockStatement]) -> list[StatementOutcome]:
        """State stock by item and warehouse (see `InventoryPublisher`); idempotent."""
        return self._inventory.publish_levels(statements)

    def publish_items(self, statements: Sequence[ItemStatement]) -> list[StatementOutcome]:
        """State what is available of products; idempotent, and never creates one."""
        return self._inventory.publish_items(statements)

    def publish_levels_in_bulk(self, statements: Sequence[StockStatement]) -> list[StatementOutcome]:
        """State stock by bulk jobs, for a first load; may take minutes, idempotent."""
        return self._inventory.publish_levels_in_bulk(statements)

    def candidates(self, kind: LinkKind) -> Iterator[Candidate]:
        """Customers or items as candidates for links; waits when the daily pool of calls runs low."""
        self._pool.draw(Priority.MASTER_DATA)
        return self._masters.candidates(kind)

    def changed_masters(self, kind: LinkKind, since: datetime | None) -> Iterator[list[MasterSeen]]:
        """Customers or items that changed (see `MasterReader`); waits when the daily pool of calls runs low."""
        self._pool.draw(Priority.MASTER_DATA)
        return self._masters.changed_masters(kind, since)

    def read_master(self, kind: LinkKind, external_id: str) -> MasterSeen:
        """One customer or item as it is now; one that is gone comes back as deleted."""
        self._pool.draw(Priority.MASTER_DATA)
        return self._masters.masters_by_id(kind, [external_id])[0]

    def update_master(
        self, kind: LinkKind, external_id: str, unmodified_since: datetime | None, fields: Mapping[str, Value]
    ) -> None:
        """Write these fields of a customer or item and no other (see `MasterReader`)."""
        self._pool.draw(Priority.MASTER_DATA)
        self._masters.update_master(kind, external_id, unmodified_since, fields)

    @property
    def clock(self) -> ClockReading | None:
        """How Salesforce's clock stands to ours, as the last answers told; None before the first."""
        return self._client.clock.reading

    def whole(self, name: str) -> Iterator[Input]:
        """Every record of an object, for reconciliation: a read of its own that no cursor narrows."""
        return self._whole.whole(name)

    def some(self, name: str, keys: Sequence[str]) -> Iterator[Input]:
        """The records of an object with these keys, read once more for reconciliation."""
        return self._whole.some(name, keys)

    def check(self, lifecycle: Lifecycle | None = None, words: Iterable[str] = ()) -> str:
        """Log in, compare the org with what the gateway needs, and say that all is there.

        With a lifecycle its words are looked for too, and `words` beside them. Raises Misconfigured with the list of
        what is missing, or the error of the login. Costs one call an object, and two for the lifecycle.
        """
        lacking = list(gaps(self._client, self._names))
        if lifecycle is not None:
            lacking += [said.removesuffix(".") for said in missing(lifecycle, self.org_seen(), words)]
        if lacking:
            raise Misconfigured(f"Salesforce lacks what the gateway needs: {'; '.join(lacking)}.", reason="schema")
        used = self.usage
        budget = f"; {used.used} of {used.limit} API calls used today" if used else ""
        return f"Salesforce answers; {len(needs(self._names))} objects have every field that the gateway needs{budget}"

    def org_seen(self) -> OrgSeen:
        """What the org has of the words that a lifecycle uses; costs two calls."""
        return org_seen(self._client, self._names)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()
