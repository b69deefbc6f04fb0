"""Queries: a parsed SOQL tree is compiled to one SQL statement (and one for each child subquery) and run."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from twins.salesforce import soql_where
from twins.salesforce.schema import Field, Schema, SObject
from twins.salesforce.soql_text import Path, Query, complain
from twins.salesforce.tables import Tables, table
from twins.salesforce.values import Stored, to_json

MAXIMUM_OFFSET = 2000
CUSTOM_OBJECT_HINT = (
    "If you are attempting to use a custom object, be sure to append the '__c' after the entity name. "
    "Please reference your WSDL or the describe call for the appropriate names."
)
CUSTOM_FIELD_HINT = (
    "If you are attempting to use a custom field, be sure to append the '__c' after the custom field name. "
    "Please reference your WSDL or the describe call for the appropriate names."
)
_CHUNK = 500
Record = dict[str, object]


@dataclass(frozen=True)
class Context:
    """What a query runs against: `base` is the path up to the version, `deleted` includes the recycle bin."""

    tables: Tables
    base: str
    deleted: bool


@dataclass
class Node:
    """One object of the answer: where its id and its fields are in the row, and its parents by name."""

    sobject: SObject
    id_column: int
    entries: dict[str, "tuple[Field, int] | Node | Query"] = field(default_factory=dict)


@dataclass(frozen=True)
class Compiled:
    """A statement with its parameters; `owner_column` is the parent's id in a child subquery."""

    sql: str
    parameters: list[object]
    node: Node
    owner_column: int | None


def run(context: Context, query: Query) -> tuple[int, list[Record]]:
    """The size of the answer and its records, all of them; COUNT() has a size and no records."""
    sobject = _queried(context.tables.schema, query)
    compiler = _Compiler(context, query, sobject)
    if query.count:
        sql, parameters = compiler.count()
        return int(context.tables.fetch(sql, parameters)[0][0] or 0), []
    compiled = compiler.select()
    rows = context.tables.fetch(compiled.sql, compiled.parameters)
    records = [_render(context, compiled.node, row) for row in rows]
    for name, entry in compiled.node.entries.items():
        if isinstance(entry, Query):
            ids = [str(row[compiled.node.id_column]) for row in rows]
            children = _children(context, query, entry, sobject, ids)
            for record, owner in zip(records, ids, strict=True):
                record[name] = _subresult(children.get(owner))
    return len(records), records


def _queried(schema: Schema, query: Query) -> SObject:
    name = ".".join(query.name.parts)
    sobject = schema.find(name)
    if sobject is None:
        message = f"sObject type '{name}' is not supported. {CUSTOM_OBJECT_HINT}"
        complain(query.source, query.name.at, message, "INVALID_TYPE")
    if query.offset > MAXIMUM_OFFSET:
        message = f"Maximum SOQL offset allowed is {MAXIMUM_OFFSET}"
        complain(query.source, query.name.at, message, "NUMBER_OUTSIDE_VALID_RANGE")
    return sobject


def _subresult(children: list[Record] | None) -> Record | None:
    return {"totalSize": len(children), "done": True, "records": children} if children else None


def _children(context: Context, outer: Query, query: Query, parent: SObject, ids: list[str]) -> dict[str, list[Record]]:
    found = context.tables.schema.child(parent, query.name.parts[-1])
    if found is None or query.count:
        name = query.name.parts[-1]
        message = (
            f"Didn't understand relationship '{name}' in FROM part of query call. If you are attempting to use a "
            "custom relationship, be sure to append the '__r' after the custom relationship name."
        )
        complain(outer.source, query.name.at, message, "INVALID_TYPE")
    sobject, reference = found
    grouped: dict[str, list[Record]] = {}
    for start in range(0, len(ids), _CHUNK):
        compiled = _Compiler(context, query, sobject).select(reference, ids[start : start + _CHUNK])
        for row in context.tables.fetch(compiled.sql, compiled.parameters):
            owner = str(row[compiled.owner_column or 0])
            grouped.setdefault(owner, []).append(_render(context, compiled.node, row))
    end = None if query.limit is None else query.offset + query.limit
    return {owner: records[query.offset : end] for owner, records in grouped.items()}


def _render(context: Context, node: Node, row: tuple[Stored, ...]) -> Record:
    url = f"{context.base}/sobjects/{node.sobject.name}/{row[node.id_column]}"
    record: Record = {"attributes": {"type": node.sobject.name, "url": url}}
    for name, entry in node.entries.items():
        if isinstance(entry, Node):
            record[name] = None if row[entry.id_column] is None else _render(context, entry, row)
        elif isinstance(entry, tuple):
            record[name] = to_json(entry[0], row[entry[1]])
        else:
            record[name] = None
    return record


class _Compiler:
    """Collects joins and columns of one statement; joins are shared by SELECT, WHERE and ORDER BY."""

    def __init__(self, context: Context, query: Query, sobject: SObject) -> None:
        self.context = context
        self.query = query
        self.sobject = sobject
        self.joins: list[str] = []
        self.aliases: dict[tuple[str, ...], tuple[str, SObject]] = {(): ("t0", sobject)}
        self.columns: list[str] = []

    def count(self) -> tuple[str, list[object]]:
        """The statement of COUNT()."""
        where, parameters = self._where()
        inner = f"SELECT 1 FROM {self._from()} WHERE {where}{self._limits()}"  # noqa: S608 - names of the schema
        return f"SELECT count(*) FROM ({inner})", parameters  # noqa: S608 - as above

    def select(self, owner: Field | None = None, owners: Iterable[str] = ()) -> Compiled:
        """The statement of a query, or of a child subquery for those owners."""
        node = Node(self.sobject, self._column('t0."Id"'))
        for entry in self.query.fields:
            self._add(node, entry)
        where, parameters = self._where()
        owner_column = None
        if owner is not None:
            owner_column = self._column(f't0."{owner.name}"')
            ids = list(owners)
            where = f't0."{owner.name}" IN ({", ".join("?" * len(ids))}) AND {where}'
            parameters = [*ids, *parameters]
        order = self._order()
        columns = ", ".join(self.columns)
        limits = self._limits() if owner is None else ""
        sql = f"SELECT {columns} FROM {self._from()} WHERE {where} ORDER BY {order}{limits}"  # noqa: S608 - as above
        return Compiled(sql, parameters, node, owner_column)

    def resolve(self, path: Path) -> tuple[str, Field]:
        """The SQL column and the field of a path; 400 INVALID_FIELD when there is none."""
        alias, sobject = self.parent(self._plain(path)[:-1], path)
        name = path.parts[-1]
        item = sobject.field_named(name)
        if item is None:
            message = f"No such column '{name}' on entity '{sobject.name}'. {CUSTOM_FIELD_HINT}"
            complain(self.query.source, path.at, message, "INVALID_FIELD")
        return f'{alias}."{item.name}"', item

    def parent(self, names: tuple[str, ...], path: Path) -> tuple[str, SObject]:
        """The table alias and object behind a chain of parent relationships, joined on first use."""
        key = tuple(name.lower() for name in names)
        if key in self.aliases:
            return self.aliases[key]
        alias, sobject = self.parent(names[:-1], path)
        reference = sobject.relationship(names[-1])
        if reference is None:
            message = f"Didn't understand relationship '{names[-1]}' in field path."
            complain(self.query.source, path.at, message, "INVALID_FIELD")
        target = self.context.tables.schema.get(reference.to[0])
        joined = f"t{len(self.aliases)}"
        self.joins.append(f'LEFT JOIN {table(target)} {joined} ON {joined}."Id" = {alias}."{reference.name}"')
        self.aliases[key] = (joined, target)
        return self.aliases[key]

    def _plain(self, path: Path) -> tuple[str, ...]:
        """The parts without a leading alias or object name."""
        own = {self.query.alias.lower(), self.sobject.name.lower()}
        if len(path.parts) > 1 and path.parts[0].lower() in own and not self.sobject.relationship(path.parts[0]):
            return path.parts[1:]
        return path.parts

    def _column(self, sql: str) -> int:
        self.columns.append(sql)
        return len(self.columns) - 1

    def _add(self, node: Node, entry: Path | Query) -> None:
        if isinstance(entry, Query):
            found = self.context.tables.schema.child(self.sobject, entry.name.parts[-1])
            name = found[1].child_relationship if found else entry.name.parts[-1]
            node.entries[name] = entry
            return
        column, item = self.resolve(entry)
        names = self._plain(entry)[:-1]
        for depth in range(1, len(names) + 1):
            node = self._parent_node(node, names[:depth], entry)
        if item.name in node.entries:
            complain(self.query.source, entry.at, f"duplicate field selected: {item.name}")
        node.entries[item.name] = (item, self._column(column))

    def _parent_node(self, node: Node, names: tuple[str, ...], path: Path) -> Node:
        alias, sobject = self.parent(names, path)
        reference = node.sobject.relationship(names[-1])
        name = reference.relationship if reference else names[-1]
        entry = node.entries.get(name)
        if not isinstance(entry, Node):
            entry = Node(sobject, self._column(f'{alias}."Id"'))
            node.entries[name] = entry
        return entry

    def _where(self) -> tuple[str, list[object]]:
        live = "1" if self.context.deleted else 't0."IsDeleted" = 0'
        if self.query.where is None:
            return live, []
        parameters: list[object] = []
        condition = soql_where.compile_condition(self.query.where, self, parameters)
        return f"{live} AND {condition}", parameters

    @property
    def source(self) -> str:
        """The text of the query, for messages."""
        return self.query.source

    def _order(self) -> str:
        keys = []
        for ordering in self.query.order:
            column, item = self.resolve(ordering.path)
            if item.type == "textarea":
                message = f"field '{item.name}' can not be sorted in a query call"
                complain(self.query.source, ordering.path.at, message, "INVALID_FIELD")
            direction = "DESC" if ordering.descending else "ASC"
            keys.append(f"{column} {direction} NULLS {'LAST' if ordering.nulls_last else 'FIRST'}")
        return ", ".join([*keys, "t0.seq"])

    def _from(self) -> str:
        return " ".join([f"{table(self.sobject)} t0", *self.joins])

    def _limits(self) -> str:
        if self.query.limit is None and not self.query.offset:
            return ""
        limit = -1 if self.query.limit is None else self.query.limit
        return f" LIMIT {limit} OFFSET {self.query.offset}"
