"""The company file of the QuickBooks twin: entities by kind and id, references, preferences and local time."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Literal
from zoneinfo import ZoneInfo

from twins.quickbooks.answers import INACTIVE, BusinessFault
from twins.quickbooks.watch import TABLES, Happening, operation_of, queue_event
from twins.web import Clock, Database, JsonObject, TwinSettings, dump_json, load_json

CENT = Decimal("0.01")
Standing = Literal["live", "voided", "deleted"]
DEFAULTS: Mapping[str, Any] = {
    "client_id": "twin-client",
    "client_secret": "twin-secret",
    "first_refresh_token": "twin-refresh-token",
    "authorization_code": "twin-code",
    "realm_id": "9130357849016486",
    "access_token_seconds": 3600,
    "rotate_refresh_token": True,
    "refresh_grace_seconds": 86400,
    "company_zone": "America/New_York",
    "custom_txn_numbers": True,
    "warn_duplicate_numbers": True,
    "supplied_number": "override",
    "using_sales_tax": False,
    "tax_rates": {"2": "8.00"},
    "book_close_on": "",
    "closed_books_code": 6210,
    "inactive_reference_code": 610,
    "throttle": False,
    "throttle_body": "xml",
    "cache_faults": False,
    "cdc_cap": 1000,
}
_SCHEMA = """
CREATE TABLE IF NOT EXISTS entity (
    kind TEXT NOT NULL, id INTEGER NOT NULL, label TEXT, sku TEXT, standing TEXT NOT NULL, updated_at TEXT NOT NULL,
    body TEXT NOT NULL, PRIMARY KEY (kind, id)
);
CREATE INDEX IF NOT EXISTS entity_label ON entity (kind, label);
CREATE INDEX IF NOT EXISTS entity_sku ON entity (kind, sku);
CREATE INDEX IF NOT EXISTS entity_updated ON entity (kind, updated_at);
CREATE TABLE IF NOT EXISTS replay (
    request_key TEXT PRIMARY KEY, status INTEGER NOT NULL, body TEXT NOT NULL
);
"""
# What an entity is found by, folded to lower case: names and numbers are compared without case.
_LABELS = {"Invoice": "DocNumber", "CreditMemo": "DocNumber", "Customer": "DisplayName", "Payment": "PaymentRefNum"}
_FAMILY = {"Customer": "Names", "Item": "Items", "Term": "Terms", "Account": "Accounts"}


def cents(value: Decimal | int) -> Decimal:
    """Round half up to two decimals, as QuickBooks does."""
    return Decimal(value).quantize(CENT, ROUND_HALF_UP)


@dataclass(frozen=True)
class Company:
    """One company: its documents in the database, its settings and its clock."""

    database: Database
    settings: TwinSettings
    clock: Clock

    def prepare(self) -> None:
        """Create the tables; idempotent."""
        self.database.script(_SCHEMA)
        self.database.script(TABLES)

    @property
    def zone(self) -> ZoneInfo:
        """The company's time zone: dates are local dates."""
        return ZoneInfo(str(self.settings["company_zone"]))

    def time(self) -> str:
        """Return the present time with the company's offset, to the second."""
        return self.clock.now().astimezone(self.zone).isoformat(timespec="seconds")

    def today(self) -> date:
        """Return the company's local date."""
        return self.clock.now().astimezone(self.zone).date()

    def find(self, kind: str, key: str) -> JsonObject | None:
        """Return a live or voided entity, or None."""
        found = self.row(kind, key)
        return None if found is None or found[1] == "deleted" else found[0]

    def row(self, kind: str, key: str) -> tuple[JsonObject, Standing] | None:
        """Return an entity with its standing, also when deleted."""
        if not key.isascii() or not key.isdigit() or len(key) > 18:
            return None
        rows = self.database.execute("SELECT body, standing FROM entity WHERE kind = ? AND id = ?", kind, int(key))
        return (load_json(rows[0][0]), rows[0][1]) if rows else None

    def insert(self, kind: str, fields: JsonObject) -> JsonObject:
        """Give an entity its id, SyncToken 0 and times, and store it."""
        key = str(self.database.next_number(f"id {kind}"))
        now = self.time()
        entity = {
            **fields,
            "domain": "QBO",
            "sparse": False,
            "Id": key,
            "SyncToken": "0",
            "MetaData": {"CreateTime": now, "LastUpdatedTime": now},
        }
        self._store(kind, entity, "live")
        self._tell(kind, entity, operation_of(None, entity, "", "live"))
        return entity

    def update(self, kind: str, entity: JsonObject, standing: Standing = "live", *, bump: bool = True) -> JsonObject:
        """Store a changed entity with a new time and, unless told otherwise, the next SyncToken."""
        token = str(int(entity["SyncToken"]) + 1) if bump else entity["SyncToken"]
        times = {"CreateTime": entity["MetaData"]["CreateTime"], "LastUpdatedTime": self.time()}
        changed = {**entity, "SyncToken": token, "MetaData": times}
        before = self.row(kind, entity["Id"])
        self._store(kind, changed, standing)
        if before is not None and bump:
            self._tell(kind, changed, operation_of(before[0], changed, before[1], standing))
        return changed

    def labelled(self, kind: str, label: str) -> list[JsonObject]:
        """Return the entities, not deleted, whose name or number equals the label in any case."""
        # The plus keeps SQLite from walking all rows in order of id instead of using the index of labels.
        sql = "SELECT body FROM entity WHERE kind = ? AND label = ? AND standing <> 'deleted' ORDER BY +id"
        return [load_json(body) for (body,) in self.database.execute(sql, kind, label.casefold())]

    def reference(self, kind: str, ref: JsonObject, element: str, *, active: bool = True) -> JsonObject:
        """Return what a reference names; 2500 when unknown, 610 (setting) when inactive."""
        found = self.find(kind, ref["value"])
        if found is None:
            raise BusinessFault(
                2500, f"Invalid Reference Id : {_FAMILY[kind]} element id {ref['value']} not found", element
            )
        if active and found.get("Active") is False:
            code = int(self.settings["inactive_reference_code"])
            raise BusinessFault(
                code, INACTIVE if code == 610 else "Invalid Reference Id : element is inactive", element
            )
        return found

    def check_token(self, kind: str, body: JsonObject) -> tuple[JsonObject, Standing]:
        """Return the entity that a change names; 610 when gone, 5010 when the SyncToken is not the present one."""
        found = self.row(kind, body["Id"])
        if found is None:
            raise BusinessFault(610, INACTIVE)
        if found[1] == "deleted":
            raise BusinessFault(610, "Object Not Found : Another user has deleted this transaction.")
        if body.get("SyncToken") != found[0]["SyncToken"]:
            detail = (
                "Stale Object Error : You and root were working on this at the same time."
                " root finished before you did, so your work was not saved."
            )
            raise BusinessFault(5010, detail, "")
        return found

    def _tell(self, kind: str, entity: JsonObject, operation: str) -> None:
        """Queue a webhook, where the company has subscribers."""
        if self.settings["webhooks"]:
            realm = str(self.settings["realm_id"])
            queue_event(self.database, Happening(realm, kind, entity["Id"], operation, self.clock.now()))

    def _store(self, kind: str, entity: JsonObject, standing: Standing) -> None:
        label = entity.get(_LABELS.get(kind, "Name"))
        updated = datetime.fromisoformat(entity["MetaData"]["LastUpdatedTime"]).astimezone(UTC).isoformat()
        self.database.execute(
            "INSERT OR REPLACE INTO entity (kind, id, label, sku, standing, updated_at, body) VALUES (?,?,?,?,?,?,?)",
            kind,
            int(entity["Id"]),
            label.casefold() if label else None,
            entity["Sku"].casefold() if entity.get("Sku") else None,
            standing,
            updated,
            dump_json(entity),
        )
