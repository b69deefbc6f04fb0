"""The WHERE clause: each condition becomes SQL that is true or false, never unknown where SOQL says true or false.

A null value fits `!=` and NOT IN and fails every other comparison, as in the original.
"""

import math
import re
from decimal import Decimal
from typing import Protocol

from twins.salesforce.ids import normalise
from twins.salesforce.schema import Field
from twins.salesforce.soql_text import Comparison, Condition, Literal, Not, Path, complain

_WANTED = {"boolean": "boolean", "date": "day", "datetime": "moment"}
_NAMES = {"day": "date", "moment": "dateTime", "number": "double"}
_BEYOND = 10**18  # more than any field holds, and still an integer of SQLite
_ORDERED = {"<", "<=", ">", ">="}


class Columns(Protocol):
    """What knows the columns of a statement."""

    @property
    def source(self) -> str:
        """The text of the query."""
        ...

    def resolve(self, path: Path) -> tuple[str, Field]:
        """The SQL column and the field of a path."""
        ...


def compile_condition(condition: Condition, columns: Columns, parameters: list[object]) -> str:
    """SQL of a condition; its values are added to `parameters` in the order of their marks."""
    if isinstance(condition, Not):
        return f"NOT coalesce({compile_condition(condition.condition, columns, parameters)}, 0)"
    if isinstance(condition, Comparison):
        return _comparison(condition, columns, parameters)
    joined = f" {condition.operator.upper()} ".join(
        compile_condition(item, columns, parameters) for item in condition.conditions
    )
    return f"({joined})"


def _comparison(test: Comparison, columns: Columns, parameters: list[object]) -> str:
    column, item = columns.resolve(test.path)
    _check_operator(test, item, columns.source)
    if test.operator in {"in", "not in"}:
        return _membership(test, (column, item), columns.source, parameters)
    literal = test.literals[0]
    if item.numeric and literal.kind == "number":
        return _number_test(column, item, test.operator, literal, parameters)
    value = _value(item, literal, columns.source)
    if value is None:
        return _null_test(column, test, columns.source)
    if test.operator == "like":
        parameters.append(_pattern(literal))
        return f"{column} LIKE ? ESCAPE '\\'"
    parameters.append(value)
    return f"{column} IS NOT ?" if test.operator == "!=" else f"{column} {test.operator} ?"


def _check_operator(test: Comparison, item: Field, source: str) -> None:
    if item.type == "textarea":
        complain(source, test.path.at, f"field '{item.name}' can not be filtered in a query call", "INVALID_FIELD")
    text_only = test.operator == "like" and not item.textual
    if text_only or (test.operator in _ORDERED and item.type == "boolean"):
        message = f"invalid operator on {item.type} field"
        complain(source, test.path.at, message, "INVALID_QUERY_FILTER_OPERATOR")


def _membership(test: Comparison, target: tuple[str, Field], source: str, parameters: list[object]) -> str:
    column, item = target
    values = [_value(item, literal, source) for literal in test.literals]
    given = [value for value in values if value is not None]
    parameters.extend(given)
    inside = f"{column} IN ({', '.join('?' * len(given))})"
    if test.operator == "in":
        return f"({inside} OR {column} IS NULL)" if len(given) < len(values) else inside
    nulls_fit = len(given) == len(values)
    return f"({column} IS NULL OR NOT ({inside}))" if nulls_fit else f"({column} IS NOT NULL AND NOT ({inside}))"


def _null_test(column: str, test: Comparison, source: str) -> str:
    if test.operator in _ORDERED:
        complain(source, test.literals[0].at, "invalid operator with null", "INVALID_QUERY_FILTER_OPERATOR")
    return f"{column} IS NOT NULL" if test.operator == "!=" else f"{column} IS NULL"


def _number_test(column: str, item: Field, operator: str, literal: Literal, parameters: list[object]) -> str:
    """Compare scaled integers; a literal with more digits than the field is moved to the next whole step."""
    value = Decimal(str(literal.value)).scaleb(item.scale)
    whole = int(value)
    if value != whole:
        if operator in {"=", "!="}:
            return "0" if operator == "=" else "1"
        below = operator in {"<", "<="}
        operator, whole = ("<=", math.floor(value)) if below else (">=", math.ceil(value))
    parameters.append(max(-_BEYOND, min(whole, _BEYOND)))
    return f"{column} IS NOT ?" if operator == "!=" else f"{column} {operator} ?"


def _value(item: Field, literal: Literal, source: str) -> object:
    if literal.kind == "null" or (literal.kind == "string" and literal.value == ""):
        return None
    wanted = "number" if item.numeric else _WANTED.get(item.type, "string")
    if literal.kind != wanted:
        kind, should = _NAMES.get(wanted, wanted), "should" if wanted == "string" else "should not"
        criterion = f"value of filter criterion for field '{item.name}'"
        message = f"{criterion} must be of type {kind} and {should} be enclosed in quotes"
        complain(source, literal.at, message, "INVALID_FIELD")
    if item.type in {"id", "reference"}:
        found = normalise(literal.value)
        if found is None:
            complain(source, literal.at, f"invalid ID field: {literal.value}", "INVALID_QUERY_FILTER_OPERATOR")
        return found
    if item.numeric:
        value = Decimal(str(literal.value)).scaleb(item.scale)
        return int(value) if value == int(value) else "no such number"
    return int(bool(literal.value)) if item.type == "boolean" else literal.value


def _pattern(literal: Literal) -> str:
    """The LIKE pattern with the escapes of SOQL turned into those of the statement."""
    text = literal.raw[1:-1]
    plain = {"n": "\n", "r": "\r", "t": "\t"}

    def replace(match: re.Match[str]) -> str:
        char = match.group(1)
        return "\\" + char if char in "_%\\" else plain.get(char, char)

    return re.sub(r"\\(.)", replace, text, flags=re.DOTALL)
