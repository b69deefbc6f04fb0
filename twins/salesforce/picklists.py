"""Values of picklists that an administrator changed: statuses of orders with their category, and any other words."""

from collections.abc import Sequence
from typing import Any, Protocol

from twins.salesforce.errors import ApiError, not_found
from twins.salesforce.ids import make_id
from twins.salesforce.objects import ORDER_STATUSES
from twins.salesforce.schema import Schema
from twins.salesforce.tables import Row, Tables

CATEGORIES = ("Draft", "Activated")
_KIND = "picklist"
_STATUS = "Order.Status"
Status = tuple[str, str, bool]  # value, category, whether it is the default


class Documents(Protocol):
    """What is needed of the twin's database."""

    def get(self, kind: str, key: str) -> dict[str, Any] | None:
        """One document."""
        ...

    def put(self, kind: str, key: str, body: dict[str, Any]) -> None:
        """Insert or replace one document."""
        ...

    def all(self, kind: str) -> list[dict[str, Any]]:
        """The documents of a kind."""
        ...


class Picklists:
    """Keeps changed values in the database, and the schema and the OrderStatus rows in step with them.

    `first_status` is that of a new order.
    """

    def __init__(self, documents: Documents, schema: Schema, tables: Tables) -> None:
        self._documents = documents
        self._schema = schema
        self._tables = tables
        self._categories: dict[str, str] = {}
        self.first_status = ""
        self._apply_statuses(ORDER_STATUSES)

    def category(self, status: str) -> str | None:
        """The category of a status of orders; None for what is no status."""
        return self._categories.get(status)

    @property
    def activated_status(self) -> str:
        """The first status of the category Activated."""
        return next((value for value, category in self._categories.items() if category == "Activated"), "Activated")

    def furnish(self, moment: str, user: str) -> None:
        """Apply what was changed, or the values that every org has; called for an empty org and one that is opened."""
        self._schema.restore_values()
        for body in self._documents.all(_KIND):
            if body["name"] != _STATUS:
                sobject, _, field = body["name"].partition(".")
                self._schema.set_values(sobject, field, tuple(body["values"]))
        kept = self._documents.get(_KIND, _STATUS)
        statuses = [(one["value"], one["category"], one["default"]) for one in kept["statuses"]] if kept else None
        self._apply_statuses(statuses or ORDER_STATUSES)
        self._write_statuses(statuses or ORDER_STATUSES, moment, user)

    def set_values(self, sobject: str, field: str, values: Sequence[str]) -> list[str]:
        """Give a picklist other values; those that records hold stay there. 400 where there is no such picklist."""
        found = self._schema.find(sobject)
        item = found.field_named(field) if found else None
        if found is None or item is None or item.type != "picklist":
            raise not_found(f"{sobject}.{field} is no picklist of this org")
        name = f"{found.name}.{item.name}"
        if name == _STATUS:
            raise ApiError(400, "INVALID_OPERATION", "Statuses of orders have a category: use order-statuses.")
        self._schema.set_values(found.name, item.name, _unique(values))
        self._documents.put(_KIND, name, {"name": name, "values": list(values)})
        return list(values)

    def set_order_statuses(self, asked: Sequence[dict[str, Any]], moment: str, user: str) -> list[dict[str, Any]]:
        """Give Order.Status other values, each in the category Draft or Activated; one of the drafts is the default."""
        statuses = [(str(one["value"]), str(one["category"]), one.get("default") is True) for one in asked]
        _unique([value for value, _, _ in statuses])
        if any(category not in CATEGORIES for _, category, _ in statuses):
            raise ApiError(400, "INVALID_STATUS", "A status belongs to the category Draft or Activated.")
        defaults = [category for _, category, default in statuses if default]
        if defaults != ["Draft"]:
            raise ApiError(400, "INVALID_STATUS", "One status of the category Draft has to be the default.")
        kept = [{"value": value, "category": category, "default": one} for value, category, one in statuses]
        self._documents.put(_KIND, _STATUS, {"name": _STATUS, "statuses": kept})
        self._apply_statuses(statuses)
        self._write_statuses(statuses, moment, user)
        return kept

    def _apply_statuses(self, statuses: Sequence[Status]) -> None:
        self._categories = {value: category for value, category, _ in statuses}
        self.first_status = next(value for value, _, default in statuses if default)
        self._schema.set_values("Order", "Status", tuple(self._categories))

    def _write_statuses(self, statuses: Sequence[Status], moment: str, user: str) -> None:
        sobject = self._schema.get("OrderStatus")
        for old in self._tables.select(sobject):
            self._tables.remove(sobject, str(old["Id"]))
        for place, (value, category, default) in enumerate(statuses, start=1):
            row: Row = {"MasterLabel": value, "ApiName": value, "StatusCode": category}
            row |= {"Id": make_id("01J", place), "SortOrder": place, "IsDefault": int(default), "IsDeleted": 0}
            row |= {"CreatedDate": moment, "LastModifiedDate": moment, "SystemModstamp": moment}
            self._tables.insert(sobject, {**row, "CreatedById": user, "LastModifiedById": user})


def _unique(values: Sequence[str]) -> tuple[str, ...]:
    if not values or len(set(values)) < len(values) or not all(isinstance(one, str) and one for one in values):
        raise ApiError(400, "INVALID_FIELD", "A picklist needs values, each of them once.")
    return tuple(values)
