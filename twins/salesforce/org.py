"""The org: its schema, records, users and settings on one database."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Protocol

from twins.salesforce.errors import not_found
from twins.salesforce.ids import make_id
from twins.salesforce.objects import org_schema
from twins.salesforce.orders import OrderRules
from twins.salesforce.picklists import Documents, Picklists
from twins.salesforce.records import Records
from twins.salesforce.schema import SObject
from twins.salesforce.tables import Database, Row, Tables
from twins.salesforce.values import stamp
from twins.salesforce.watch import Watch

ORGANIZATION = make_id("00D", 1)
INTEGRATION_USER = make_id("005", 1)
SALES_USER = make_id("005", 2)
STANDARD_PRICE_BOOK = make_id("01s", 1)
SETTINGS: dict[str, Any] = {
    "token_seconds": 7200,
    "daily_limit": 100_000,
    "always_unauthorised": False,
    "unauthorised_body": "list",
    "page_rows": 0,
    "edit_activated_orders": True,
    "activate_orders": True,
    "enhanced_commerce_orders": False,
    "validation_rules": [],
    "journal_bodies": False,
    "bulk_delay_ms": 200,
    "password_grant": False,
    "jwt_public_key": "",
}


class OrgDatabase(Database, Documents, Protocol):
    """Tables and documents in one database."""


class Org:
    """Everything that the handlers work on; one request is one transaction of the database."""

    def __init__(
        self, database: OrgDatabase, now: Callable[[], datetime], settings: Callable[[], Mapping[str, Any]]
    ) -> None:
        self.database = database
        self.now = now
        self.settings = settings
        self.schema = org_schema()
        self.tables = Tables(database, self.schema)
        self.picklists = Picklists(database, self.schema, self.tables)
        rules = OrderRules(self.tables, now, settings, self.picklists.category)
        watch = Watch(self.tables, now, settings, INTEGRATION_USER)
        self.records = Records(self.tables, rules, now, lambda: settings()["validation_rules"], watch.see)
        self._depth = 0

    def sobject(self, name: str) -> SObject:
        """The object of that name; 404 when the org has none."""
        found = self.schema.find(name)
        if found is None:
            raise not_found()
        return found

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """Take back everything that was written in the block when it raises."""
        self._depth += 1
        name = f"attempt{self._depth}"
        self.database.execute(f"SAVEPOINT {name}")
        try:
            yield
        except BaseException:
            self.database.execute(f"ROLLBACK TO {name}")
            raise
        finally:
            self.database.execute(f"RELEASE {name}")
            self._depth -= 1

    def furnish(self) -> None:
        """Put into an empty org what every org has: itself, its users, the standard price book, order statuses."""
        self._place("Organization", ORGANIZATION, {"Name": "Threeway Twin", "OrganizationType": "Developer Edition"})
        for record, name, login in (
            (INTEGRATION_USER, "Integration User", "integration@twin.example"),
            (SALES_USER, "Sales Rep", "sales@twin.example"),
        ):
            self._place("User", record, {"Name": name, "Username": login, "Email": login, "IsActive": 1})
        self._place("Pricebook2", STANDARD_PRICE_BOOK, {"Name": "Standard Price Book", "IsActive": 1, "IsStandard": 1})
        self.picklists.furnish(stamp(self.now()), INTEGRATION_USER)

    def _place(self, name: str, record: str, values: Row) -> None:
        sobject = self.schema.get(name)
        if self.tables.by_id(sobject, record) is not None:
            return
        moment = stamp(self.now())
        row: Row = {f.name: 0 for f in sobject.fields if f.type == "boolean"}
        row |= {"Id": record, **values, "CreatedDate": moment, "LastModifiedDate": moment, "SystemModstamp": moment}
        row |= {"CreatedById": INTEGRATION_USER, "LastModifiedById": INTEGRATION_USER}
        self.tables.insert(sobject, row)
        self.database.next_number(f"id {name}")
