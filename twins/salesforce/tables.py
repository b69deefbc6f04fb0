"""One SQLite table for each object: a column for each field, and rows as plain mappings of stored values."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from twins.salesforce.ids import make_id
from twins.salesforce.schema import Field, Schema, SObject
from twins.salesforce.values import Stored

Row = dict[str, Stored]


class Database(Protocol):
    """What is needed of the twin's database."""

    def execute(self, sql: str, *parameters: object) -> list[tuple[Stored, ...]]:
        """Run one statement and return its rows."""
        ...

    def script(self, schema: str) -> None:
        """Create tables."""
        ...

    def next_number(self, name: str, first: int = 1) -> int:
        """Advance a counter."""
        ...


def table(sobject: SObject) -> str:
    """The quoted table name of an object."""
    return f'"sf_{sobject.name}"'


def create_tables(database: Database, schema: Schema) -> None:
    """Create what is missing; harmless on a file that has it all."""
    database.script("\n".join(_statements(item) for item in schema))


def _statements(sobject: SObject) -> str:
    columns = ", ".join(f'"{f.name}" {_column_type(f)}' for f in sobject.fields)
    lines = [f"CREATE TABLE IF NOT EXISTS {table(sobject)} (seq INTEGER PRIMARY KEY AUTOINCREMENT, {columns});"]
    for item in sobject.fields:
        if _is_searched(item):
            # Ids are unique for ever; an external id is free again once its record is in the recycle bin.
            unique = "UNIQUE " if item.unique or item.type == "id" else ""
            where = ' WHERE "IsDeleted" = 0' if item.unique else ""
            name = f'"ix_{sobject.name}_{item.name}"'
            lines.append(f'CREATE {unique}INDEX IF NOT EXISTS {name} ON {table(sobject)} ("{item.name}"){where};')
    return "\n".join(lines)


def _is_searched(item: Field) -> bool:
    """True for what records are found by; who wrote one is asked rarely, and such an index slows every write."""
    if item.type == "reference":
        return "User" not in item.to
    return item.type == "id" or item.external_id or item.unique or item.name == "SystemModstamp"


def _column_type(item: Field) -> str:
    if item.numeric or item.type == "boolean":
        return "INTEGER"
    return "TEXT COLLATE NOCASE" if item.textual and not item.case_sensitive else "TEXT"


class Tables:
    """Reading and writing rows; knows no business and checks nothing."""

    def __init__(self, database: Database, schema: Schema) -> None:
        self.database = database
        self.schema = schema
        create_tables(database, schema)
        self._columns = {
            s.name: (["seq", *(f.name for f in s.fields)], ", ".join(["seq", *(f'"{f.name}"' for f in s.fields)]))
            for s in schema
        }

    def select(self, sobject: SObject, where: str = "1", *parameters: object) -> list[Row]:
        """The rows, deleted ones included, that fit an SQL condition, in the order of their creation."""
        names, columns = self._columns[sobject.name]
        sql = f"SELECT {columns} FROM {table(sobject)} WHERE {where} ORDER BY seq"  # noqa: S608 - names of the schema
        return [dict(zip(names, row, strict=True)) for row in self.database.execute(sql, *parameters)]

    def by_id(self, sobject: SObject, record: str) -> Row | None:
        """The row of that id, also when it is in the recycle bin."""
        return next(iter(self.select(sobject, '"Id" = ?', record)), None)

    def matching(self, sobject: SObject, item: Field, value: Stored) -> list[Row]:
        """The live rows with that value in that field."""
        return self.select(sobject, f'"{item.name}" = ? AND "IsDeleted" = 0', value)

    def ids_of(self, sobject: SObject, item: Field, value: Stored) -> list[str]:
        """The ids of the live rows with that value in that field."""
        sql = f'SELECT "Id" FROM {table(sobject)} WHERE "{item.name}" = ? AND "IsDeleted" = 0'  # noqa: S608 - as below
        return [str(record) for (record,) in self.database.execute(sql, value)]

    def columns(self, sobject: SObject, fields: Sequence[Field]) -> list[tuple[Stored, ...]]:
        """Some columns of all live rows, in the order of their creation."""
        names = ", ".join(f'"{item.name}"' for item in fields)
        return self.database.execute(
            f'SELECT {names} FROM {table(sobject)} WHERE "IsDeleted" = 0 ORDER BY seq'  # noqa: S608 - as below
        )

    def new_id(self, sobject: SObject) -> str:
        """The next id of that object; never the same twice."""
        return make_id(sobject.prefix, self.database.next_number(f"id {sobject.name}"))

    def insert(self, sobject: SObject, row: Mapping[str, Stored]) -> None:
        """Add a row."""
        names = ", ".join(f'"{name}"' for name in row)
        marks = ", ".join("?" * len(row))
        sql = f"INSERT INTO {table(sobject)} ({names}) VALUES ({marks})"  # noqa: S608 - names of the schema
        self.database.execute(sql, *row.values())

    def update(self, sobject: SObject, record: str, changes: Mapping[str, Stored]) -> None:
        """Change some columns of a row."""
        names = ", ".join(f'"{name}" = ?' for name in changes)
        sql = f'UPDATE {table(sobject)} SET {names} WHERE "Id" = ?'  # noqa: S608 - names of the schema
        self.database.execute(sql, *changes.values(), record)

    def remove(self, sobject: SObject, record: str) -> None:
        """Remove a row for good."""
        sql = f'DELETE FROM {table(sobject)} WHERE "Id" = ?'  # noqa: S608 - names of the schema
        self.database.execute(sql, record)

    def fetch(self, sql: str, parameters: Sequence[object]) -> list[tuple[Stored, ...]]:
        """Run a SELECT that was compiled from SOQL."""
        return self.database.execute(sql, *parameters)


def live(rows: Iterable[Row]) -> list[Row]:
    """Those rows that are not in the recycle bin."""
    return [row for row in rows if not row["IsDeleted"]]
