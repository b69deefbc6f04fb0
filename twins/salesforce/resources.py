"""The resources of records and of the schema: `sobjects/...`, describe, limits, updated and deleted."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from twins.salesforce.errors import ApiError, invalid_field
from twins.salesforce.org import Org
from twins.salesforce.rest import NEWEST, OLDEST, Answer, Call
from twins.salesforce.schema import SObject, describe, summarise
from twins.salesforce.tables import Row, table
from twins.salesforce.usage import used_calls
from twins.salesforce.values import http_date, moment_of, parse_moment, stamp


def versions() -> list[dict[str, str]]:
    """The list of API versions, which needs no token."""
    seasons = ("Spring", "Summer", "Winter")
    found = []
    for number in range(OLDEST, NEWEST + 1):
        # Version 66 was Spring '26; there are three releases a year, and a Winter release bears the next year.
        year, season = divmod(number - 66, 3)
        label = f"{seasons[season]} '{26 + year + (season == 2)}"
        found.append({"label": label, "url": f"/services/data/v{number}.0", "version": f"{number}.0"})
    return found


def resource_map(_org: Org, call: Call) -> Answer:
    """The resources of this version by name."""
    names = ("sobjects", "query", "queryAll", "limits", "composite", "jobs")
    return Answer(200, {name: f"{call.base}/{name}" for name in names})


def limits(org: Org, _call: Call) -> Answer:
    """The daily pool of API calls."""
    maximum = int(org.settings()["daily_limit"])
    return Answer(200, {"DailyApiRequests": {"Max": maximum, "Remaining": max(0, maximum - used_calls(org.database))}})


def describe_global(org: Org, call: Call) -> Answer:
    """All objects of the org, in short."""
    objects = [summarise(item, call.base) for item in org.schema]
    return Answer(200, {"encoding": "UTF-8", "maxBatchSize": 200, "sobjects": objects})


def describe_object(org: Org, call: Call) -> Answer:
    """One object with all its fields."""
    return Answer(200, describe(org.schema, org.sobject(call.path[1]), call.base))


def metadata(org: Org, call: Call) -> Answer:
    """One object in short."""
    return Answer(200, {"objectDescribe": summarise(org.sobject(call.path[1]), call.base), "recentItems": []})


def create(org: Org, call: Call) -> Answer:
    """Create one record."""
    sobject = org.sobject(call.path[1])
    record = org.records.create(sobject, call.record(), call.user)
    location = f"{call.base}/sobjects/{sobject.name}/{record}"
    return Answer(201, {"id": record, "success": True, "errors": []}, {"Location": location})


def read(org: Org, call: Call) -> Answer:
    """Read one record by id, unless the caller has seen its present state."""
    sobject = org.sobject(call.path[1])
    row = org.records.read(sobject, call.path[2])
    since = _condition(call, "if-modified-since")
    if since is not None and moment_of(str(row["SystemModstamp"])) <= since:
        return Answer(304)
    return _shown(org, call, sobject, row)


def update(org: Org, call: Call) -> Answer:
    """Change one record by id, unless it was modified after the moment that the caller names."""
    sobject = org.sobject(call.path[1])
    row = org.records.read(sobject, call.path[2], writing=True)
    since = _condition(call, "if-unmodified-since")
    if since is not None and moment_of(str(row["SystemModstamp"])) > since:
        message = "The entity was modified after the moment of the If-Unmodified-Since header."
        raise ApiError(412, "ENTITY_FAILED_IFLASTMODIFIED_ON_UPDATE", message)
    org.records.update(sobject, call.path[2], call.record(), call.user)
    return Answer(204)


def delete(org: Org, call: Call) -> Answer:
    """Delete one record by id."""
    org.records.delete(org.sobject(call.path[1]), call.path[2], call.user)
    return Answer(204)


def read_external(org: Org, call: Call) -> Answer:
    """Read one record by an external id."""
    sobject = org.sobject(call.path[1])
    return _shown(org, call, sobject, _by_external_id(org, call, sobject))


def delete_external(org: Org, call: Call) -> Answer:
    """Delete one record by an external id."""
    sobject = org.sobject(call.path[1])
    org.records.delete(sobject, str(_by_external_id(org, call, sobject)["Id"]), call.user)
    return Answer(204)


def upsert(org: Org, call: Call) -> Answer:
    """Update the record with that external id or create it."""
    sobject = org.sobject(call.path[1])
    item = org.records.external_field(sobject, call.path[2])
    body = call.record()
    if any(name.lower() == item.name.lower() for name in body):
        raise invalid_field(f"The {item.name} field should not be specified in the sobject data.", [item.name])
    value = call.path[3]
    if item.type == "id" or call.query.get("updateOnly", "").lower() == "true":
        record, created = str(_by_external_id(org, call, sobject)["Id"]), False
        org.records.update(sobject, record, body, call.user)
    else:
        record, created = org.records.upsert(sobject, (item, value), body, call.user)
    if not created and float(call.version) < 46:
        return Answer(204)
    headers = {"Location": f"{call.base}/sobjects/{sobject.name}/{record}"} if created else {}
    return Answer(201 if created else 200, {"id": record, "success": True, "errors": [], "created": created}, headers)


def updated(org: Org, call: Call) -> Answer:
    """The ids of the records that changed in a span of time."""
    sobject = org.sobject(call.path[1])
    rows, covered = _changed(org, call, sobject, deleted=False)
    return Answer(200, {"ids": [row[0] for row in rows], "latestDateCovered": covered})


def deleted(org: Org, call: Call) -> Answer:
    """The ids of the records that went to the recycle bin in a span of time."""
    sobject = org.sobject(call.path[1])
    rows, covered = _changed(org, call, sobject, deleted=True)
    records = [{"id": row[0], "deletedDate": row[1]} for row in rows]
    earliest = min([str(row[1]) for row in rows], default=covered)
    return Answer(200, {"deletedRecords": records, "earliestDateAvailable": earliest, "latestDateCovered": covered})


def _changed(org: Org, call: Call, sobject: SObject, *, deleted: bool) -> tuple[list[tuple[Any, ...]], str]:
    start, end = (parse_moment(call.query.get(name, "")) for name in ("start", "end"))
    if start is None or end is None or start >= end:
        raise ApiError(400, "INVALID_REPLICATION_DATE", "start and end must be dateTimes with an offset, start first")
    end = min(end, stamp(org.now()))
    sql = (
        f'SELECT "Id", "SystemModstamp" FROM {table(sobject)} '  # noqa: S608 - names of the schema
        'WHERE "IsDeleted" = ? AND "SystemModstamp" BETWEEN ? AND ? ORDER BY "SystemModstamp", "Id"'
    )
    return org.tables.fetch(sql, [int(deleted), start, end]), end


def _by_external_id(org: Org, call: Call, sobject: SObject) -> Row:
    item = org.records.external_field(sobject, call.path[2])
    if item.type == "id":
        return org.records.read(sobject, call.path[3])
    row = org.records.find_external(sobject, item, call.path[3])
    if row is None:
        raise ApiError(404, "NOT_FOUND", "The requested resource does not exist")
    return row


def _shown(org: Org, call: Call, sobject: SObject, row: Row) -> Answer:
    fields = None
    if "fields" in call.query:
        fields = []
        for name in call.query["fields"].split(","):
            item = sobject.field_named(name.strip())
            if item is None:
                raise invalid_field(f"No such column '{name.strip()}' on sobject of type {sobject.name}")
            fields.append(item)
    body = org.records.render(sobject, row, call.base, fields)
    return Answer(200, body, {"Last-Modified": http_date(str(row["SystemModstamp"]))})


def _condition(call: Call, name: str) -> datetime | None:
    text = call.headers.get(name)
    if text is None:
        return None
    try:
        moment = parsedate_to_datetime(text)
    except ValueError as problem:
        raise ApiError(400, "INVALID_HEADER", f"{name} is no HTTP date: {text}") from problem
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
