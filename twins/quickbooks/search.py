"""Answers parsed queries from the company's entities: which properties can be asked, comparison, order, pages."""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any

from twins.quickbooks.answers import BusinessFault
from twins.quickbooks.operations import company_info
from twins.quickbooks.query import Condition, Query, parse
from twins.quickbooks.state import Company
from twins.web import JsonObject, JsonText, dump_json, load_json

_TIMES = {"MetaData.CreateTime": "time", "MetaData.LastUpdatedTime": "time"}
_BASE = {"Id": "id", **_TIMES}
_TXN = {**_BASE, "TxnDate": "day", "CustomerRef": "ref", "TotalAmt": "number"}
# What QuickBooks lets a query name, by entity. PrivateNote and custom fields are not among them.
FILTERABLE: Mapping[str, Mapping[str, str]] = {
    "Invoice": {
        **_TXN,
        "DocNumber": "text",
        "DueDate": "day",
        "SalesTermRef": "ref",
        "ProjectRef": "ref",
        "Balance": "number",
    },
    "CreditMemo": {**_TXN, "DocNumber": "text", "Balance": "number"},
    "Payment": {**_TXN, "PaymentRefNum": "text", "UnappliedAmt": "number"},
    "Customer": {
        **_BASE,
        **dict.fromkeys(("DisplayName", "FullyQualifiedName", "CompanyName", "GivenName", "FamilyName"), "text"),
        "Active": "flag",
        "Taxable": "flag",
        "Job": "flag",
        "Balance": "number",
        "PrimaryEmailAddr": "text",
    },
    "Item": {
        **_BASE,
        **dict.fromkeys(("Name", "FullyQualifiedName", "Sku", "Type", "Description"), "text"),
        "Active": "flag",
        "UnitPrice": "number",
        "QtyOnHand": "number",
    },
    "Term": {**_BASE, "Name": "text", "Active": "flag", "DueDays": "number", "Type": "text"},
    "Account": {**_BASE, "Name": "text", "Active": "flag", "AccountType": "text", "AccountSubType": "text"},
    "CompanyInfo": {**_BASE, "CompanyName": "text"},
}
_LISTS = ("Customer", "Item", "Term", "Account")
_LABEL = {"Invoice": "DocNumber", "CreditMemo": "DocNumber", "Payment": "PaymentRefNum", "Customer": "DisplayName"}
_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": lambda have, want: have == want,
    "<": lambda have, want: have < want,
    ">": lambda have, want: have > want,
    "<=": lambda have, want: have <= want,
    ">=": lambda have, want: have >= want,
}


def run_query(company: Company, text: str) -> JsonObject:
    """Return the `QueryResponse` of a query; raises the faults 4000 and 4001."""
    query = parse(text)
    kind = next((name for name in FILTERABLE if name.lower() == query.entity.lower()), None)
    if kind is None:
        raise BusinessFault(4001, f"QueryValidationError: Invalid context declaration: {query.entity}")
    tests = [_test(company, kind, condition) for condition in query.conditions]
    names = [_property(kind, condition.name) for condition in query.conditions]
    if kind in _LISTS and "Active" not in names:
        tests.append(lambda entity: entity.get("Active") is not False)
    found = [(entity, body) for entity, body in _rows(company, kind, query) if all(test(entity) for test in tests)]
    if query.counts:
        return {"totalCount": len(found)}
    for name, backwards in reversed(query.order):
        key = _sort_key(company, kind, _property(kind, name))
        found.sort(key=lambda row: key(row[0]), reverse=backwards)
    page = [JsonText(body) for _, body in found[query.start - 1 : query.start - 1 + query.most]]
    if not page:
        return {}
    return {kind: page, "startPosition": query.start, "maxResults": len(page), "totalCount": len(found)}


@lru_cache(maxsize=200_000)
def _parsed(body: str) -> JsonObject:
    """Parse a stored body once; the result is only read."""
    document: JsonObject = load_json(body)
    return document


def _rows(company: Company, kind: str, query: Query) -> Iterator[tuple[JsonObject, str]]:
    """Yield the live rows, narrowed by an index where a condition allows it."""
    if kind == "CompanyInfo":
        info = company_info(company)
        yield info, dump_json(info)
        return
    where, values = "", []
    for condition in query.conditions:
        column = _column(kind, _property(kind, condition.name))
        if column and condition.operator in ("=", "in"):
            where += f" AND {column} IN ({', '.join('?' * len(condition.values))})"
            values += [value.casefold() for value in condition.values]
    order = "+id" if where else "id"  # the plus makes SQLite use the index of the condition
    sql = f"SELECT body FROM entity WHERE kind = ? AND standing <> 'deleted'{where} ORDER BY {order}"  # noqa: S608 - own words
    for (body,) in company.database.execute(sql, kind, *values):
        yield _parsed(body), body


def _column(kind: str, name: str) -> str | None:
    if name == "Id":
        return "id"
    if name == "Sku":
        return "sku"
    return "label" if name == _LABEL.get(kind, "Name") else None


def _property(kind: str, name: str) -> str:
    known = next((known for known in FILTERABLE[kind] if known.lower() == name.lower()), None)
    if known is None:
        raise BusinessFault(4001, f"QueryValidationError: Property {name} not found for Entity {kind}")
    return known


def _value(company: Company, kind: str, entity: JsonObject, name: str) -> Any:
    """Return a property in the form in which it is compared, or None."""
    value: Any = entity
    for part in name.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    sort = FILTERABLE[kind][name]
    if value is None:
        return None
    if sort == "ref":
        return value["value"].casefold()
    if isinstance(value, dict):
        value = value.get("Address", "")
    return _read(company, sort, value)


def _read(company: Company, sort: str, value: Any) -> Any:
    if sort == "number":
        number = Decimal(value)
        if not number.is_finite():
            raise ValueError(f"{value} is not a number")
        return number
    if sort == "flag":
        return str(value).lower() == "true"
    if sort == "time":
        read = datetime.fromisoformat(value)
        return (read if read.tzinfo else read.replace(tzinfo=company.zone)).astimezone(UTC)
    if sort == "day":
        return date.fromisoformat(value[:10])
    return str(value).casefold()


def _test(company: Company, kind: str, condition: Condition) -> Callable[[JsonObject], bool]:
    name = _property(kind, condition.name)
    if name == "Id" and condition.operator not in ("=", "in"):
        raise BusinessFault(
            4001, f"QueryValidationError: operator {condition.operator} is not supported for property Id"
        )
    if condition.operator == "like":
        pattern = re.compile(".*".join(map(re.escape, condition.values[0].casefold().split("%"))), re.DOTALL)
        return lambda entity: pattern.fullmatch(str(_value(company, kind, entity, name) or "")) is not None
    try:
        wanted = [_read(company, FILTERABLE[kind][name], value) for value in condition.values]
    except (ValueError, InvalidOperation):
        detail = f"QueryValidationError: value {condition.values[0]} is not valid for property {name}"
        raise BusinessFault(4001, detail) from None
    if condition.operator == "in":
        return lambda entity: _value(company, kind, entity, name) in wanted
    compare = _COMPARE[condition.operator]

    def test(entity: JsonObject) -> bool:
        have = _value(company, kind, entity, name)
        return have is not None and compare(have, wanted[0])

    return test


def _sort_key(company: Company, kind: str, name: str) -> Callable[[JsonObject], tuple[bool, Any]]:
    def key(entity: JsonObject) -> tuple[bool, Any]:
        value = _value(company, kind, entity, name)
        if name == "Id" and value is not None:
            value = int(value)
        return (value is not None, value if value is not None else 0)

    return key
