"""Records: create, read, update, delete and upsert one of them, with the checks and messages of the platform."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Protocol

from twins.salesforce.errors import ApiError, MultipleMatches, deleted, invalid_field, not_found
from twins.salesforce.ids import normalise
from twins.salesforce.schema import Field, SObject
from twins.salesforce.tables import Row, Tables
from twins.salesforce.values import Stored, malformed_id, stamp, to_json, to_stored
from twins.salesforce.watch import Change

Body = Mapping[str, Any]


class Rules(Protocol):
    """What certain objects demand beyond their schema; every method may raise an `ApiError`."""

    def complete(self, sobject: SObject, row: Row) -> None:
        """Fill what the platform fills before the required fields are checked."""
        ...

    def check_insert(self, sobject: SObject, row: Row) -> None:
        """Refuse a new row."""
        ...

    def check_update(self, sobject: SObject, row: Row, changes: Row, user: str) -> None:
        """Refuse or complete the changes of a row."""
        ...

    def check_delete(self, sobject: SObject, row: Row) -> None:
        """Refuse a deletion."""
        ...

    def saved(self, sobject: SObject, row: Row) -> None:
        """Follow up a row that was written or deleted."""
        ...


class Records:
    """All writes of single records; `user` is the id of the user in whose name it happens.

    Every check comes before the first write of a record, so that a refused record leaves no trace. `see` is told of
    every written row, for the flows of the org.
    """

    def __init__(
        self,
        tables: Tables,
        rules: Rules,
        now: Callable[[], datetime],
        validations: Callable[[], list[dict[str, Any]]],
        see: Callable[[Change], None],
    ) -> None:
        self.tables = tables
        self.rules = rules
        self.now = now
        self.validations = validations
        self.see = see

    def read(self, sobject: SObject, record: str, *, writing: bool = False) -> Row:
        """The live row; 404 when the id is malformed, unknown or in the recycle bin."""
        found = normalise(record)
        if found is None:
            message = f"Provided external ID field does not exist or is not accessible: {record}"
            raise not_found(message)
        row = self.tables.by_id(sobject, found)
        if row is None:
            if writing:
                raise ApiError(404, "INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", [])
            raise not_found()
        if row["IsDeleted"]:
            raise deleted()
        return row

    def external_field(self, sobject: SObject, name: str) -> Field:
        """The external id field of that name, or the id itself; 404 for any other field."""
        item = sobject.field_named(name)
        if item is None or not (item.external_id or item.type == "id"):
            raise not_found(f"Provided external ID field does not exist or is not accessible: {name}")
        return item

    def find_external(self, sobject: SObject, item: Field, value: object) -> Row | None:
        """The live row with that external id, or None; raises `MultipleMatches`."""
        rows = self.tables.matching(sobject, item, to_stored(item, value))
        if len(rows) > 1:
            raise MultipleMatches([str(row["Id"]) for row in rows])
        return rows[0] if rows else None

    def create(self, sobject: SObject, body: Body, user: str) -> str:
        """Insert a record and return its id."""
        if not sobject.createable:
            raise _unsupported(sobject, "create")
        row: Row = {f.name: to_stored(f, f.default) for f in sobject.fields if f.default is not None}
        row |= self._parse(sobject, body, None)
        self.rules.complete(sobject, row)
        self._require(sobject, {f.name: row.get(f.name) for f in sobject.fields})
        self.rules.check_insert(sobject, row)
        self._check(sobject, {}, row)
        return self._insert(sobject, row, user)

    def update(self, sobject: SObject, record: str, body: Body, user: str) -> None:
        """Change a record; the modification stamp moves even when no value does."""
        if not sobject.updateable:
            raise _unsupported(sobject, "update")
        self._change(sobject, self.read(sobject, record, writing=True), body, user)

    def _change(self, sobject: SObject, row: Row, body: Body, user: str) -> None:
        changes = self._parse(sobject, body, row)
        self._require(sobject, changes)
        self.rules.check_update(sobject, row, changes, user)
        self._check(sobject, row, changes)
        self._save(sobject, row, changes, user)

    def delete(self, sobject: SObject, record: str, user: str) -> None:
        """Move a record to the recycle bin, or remove it where the object has none."""
        if not sobject.deletable:
            raise _unsupported(sobject, "delete")
        row = self.read(sobject, record, writing=True)
        self.rules.check_delete(sobject, row)
        if sobject.recycle_bin:
            self._save(sobject, row, {"IsDeleted": 1}, user)
        else:
            self.tables.remove(sobject, str(row["Id"]))
            self.rules.saved(sobject, row)

    def merge(self, sobject: SObject, loser: str, winner: str, user: str) -> None:
        """Merge a record into another one: it goes to the recycle bin, and names the one that is left."""
        kept = self.read(sobject, winner, writing=True)
        row = self.read(sobject, loser, writing=True)
        self._save(sobject, row, {"IsDeleted": 1, "MasterRecordId": str(kept["Id"])}, user)

    def upsert(self, sobject: SObject, key: tuple[Field, object], body: Body, user: str) -> tuple[str, bool]:
        """Update the record with that external id or create it; returns its id and whether it was created."""
        item, value = key
        row = self.find_external(sobject, item, value)
        if row is None:
            return self.create(sobject, {**body, item.name: value}, user), True
        if not sobject.updateable:
            raise _unsupported(sobject, "update")
        self._change(sobject, row, body, user)  # the row is at hand: it need not be read again
        return str(row["Id"]), False

    def render(self, sobject: SObject, row: Row, base: str, fields: list[Field] | None = None) -> dict[str, object]:
        """The record as the API shows it; `base` is the path up to and including the version."""
        shown = sobject.fields if fields is None else fields
        url = f"{base}/sobjects/{sobject.name}/{row['Id']}"
        return {
            "attributes": {"type": sobject.name, "url": url},
            **{item.name: to_json(item, row[item.name]) for item in shown},
        }

    def _parse(self, sobject: SObject, body: Body, row: Row | None) -> Row:
        values: Row = {}
        closed = []
        for name, given in body.items():
            if name == "attributes":
                continue
            item, related = self._assignment(sobject, name, given)
            if not (item.createable if row is None else item.updateable):
                closed.append(item.name)
                continue
            values[item.name] = self._related(item, given) if related else self._stored(item, given, row)
        if closed:
            message = (
                f"Unable to create/update fields: {', '.join(sorted(closed))}. Please check the security settings of "
                "this field and verify that it is read/write for your profile or permission set."
            )
            raise ApiError(400, "INVALID_FIELD_FOR_INSERT_UPDATE", message, sorted(closed))
        return values

    def _assignment(self, sobject: SObject, name: str, value: object) -> tuple[Field, bool]:
        """The field that a name stands for, and whether the name is that of its relationship."""
        if name.lower() == "id":
            raise invalid_field("The Id field should not be specified in the sobject data.", ["Id"])
        item = sobject.field_named(name)
        if item is not None:
            return item, False
        item = sobject.relationship(name)
        if item is None or not (value is None or isinstance(value, Mapping)):
            raise invalid_field(f"No such column '{name}' on sobject of type {sobject.name}")
        return item, True

    def _stored(self, item: Field, value: object, row: Row | None) -> Stored:
        stored = to_stored(item, value)
        if item.type == "reference" and stored and (row is None or stored != row[item.name]):
            self._check_reference(item, str(stored))
        return stored

    def _related(self, reference: Field, keys: Body | None) -> Stored:
        """The id of the living parent that is named by one of its external ids; None clears the reference."""
        if keys is None:
            return None
        parent = self.tables.schema.get(reference.to[0])
        given = [(name, value) for name, value in keys.items() if name != "attributes"]
        if len(given) != 1:
            raise invalid_field(
                f"More than 1 field provided in an external foreign key reference in entity: {parent.name}"
            )
        name, value = given[0]
        item = parent.field_named(name)
        if item is None or not (item.external_id or item.type == "id"):
            raise invalid_field(f"{name} is not an External ID or indexed field for {parent.name}")
        found = self.tables.ids_of(parent, item, to_stored(item, value))
        if len(found) > 1:
            raise MultipleMatches(found)
        if not found:
            message = f"Foreign key external ID: {value} not found for field {item.name} in entity {parent.name}"
            raise invalid_field(message, [])
        return found[0]

    def _check_reference(self, item: Field, record: str) -> None:
        target = self.tables.schema.by_prefix(record[:3])
        if target is None or target.name not in item.to:
            raise malformed_id(item, record)
        row = self.tables.by_id(target, record)
        if row is None:
            raise ApiError(400, "INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", [])
        if row["IsDeleted"]:
            raise ApiError(400, "ENTITY_IS_DELETED", "entity is deleted", [])

    def _require(self, sobject: SObject, values: Row) -> None:
        missing = sorted(f.name for f in sobject.fields if f.required and f.name in values and values[f.name] is None)
        if missing:
            message = f"Required fields are missing: [{', '.join(missing)}]"
            raise ApiError(400, "REQUIRED_FIELD_MISSING", message, missing)

    def _check(self, sobject: SObject, row: Row, changes: Row) -> None:
        for item in sobject.fields:
            value = changes.get(item.name)
            if item.unique and value is not None and value != row.get(item.name):
                self._check_unique(sobject, item, row, value)
        for rule in self.validations():
            watched = sobject.field_named(rule["field"]) if rule["object"].lower() == sobject.name.lower() else None
            if watched and changes.get(watched.name, row.get(watched.name)) == to_stored(watched, rule["equals"]):
                fields = [rule["on_field"]] if rule.get("on_field") else []
                raise ApiError(400, "FIELD_CUSTOM_VALIDATION_EXCEPTION", rule["message"], fields)

    def _check_unique(self, sobject: SObject, item: Field, row: Row, value: Stored) -> None:
        for other in self.tables.ids_of(sobject, item, value):
            if other != row.get("Id"):
                message = f"duplicate value found: {item.name} duplicates value on record with id: {other}"
                raise ApiError(400, "DUPLICATE_VALUE", message, [])

    def _insert(self, sobject: SObject, row: Row, user: str) -> str:
        moment = stamp(self.now())
        record = self.tables.new_id(sobject)
        for item in sobject.fields:
            if item.auto_number:
                number = self.tables.database.next_number(f"auto {sobject.name}.{item.name}", 100)
                row[item.name] = item.auto_number.format(number)
            elif item.type == "boolean":
                row.setdefault(item.name, 0)
        if sobject.field_named("OwnerId") and not row.get("OwnerId"):
            row["OwnerId"] = user
        row |= {"Id": record, "IsDeleted": 0, "CreatedDate": moment, "CreatedById": user}
        row |= {"LastModifiedDate": moment, "LastModifiedById": user, "SystemModstamp": moment}
        self.tables.insert(sobject, row)
        self.rules.saved(sobject, row)
        self.see(Change(sobject, {}, row, user))
        return record

    def _save(self, sobject: SObject, row: Row, changes: Row, user: str) -> None:
        moment = stamp(self.now())
        changes = {**changes, "LastModifiedDate": moment, "LastModifiedById": user, "SystemModstamp": moment}
        self.tables.update(sobject, str(row["Id"]), changes)
        self.rules.saved(sobject, {**row, **changes})
        self.see(Change(sobject, row, {**row, **changes}, user))


def _unsupported(sobject: SObject, operation: str) -> ApiError:
    message = f"entity type {sobject.name} does not support {operation}"
    return ApiError(400, "INVALID_TYPE_FOR_OPERATION", message, [])
