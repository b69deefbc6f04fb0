"""sObject Collections: up to 200 records in one call, each with its own result in the order of the request."""

from collections import Counter
from collections.abc import Callable, Mapping
from itertools import groupby
from typing import Any

from twins.salesforce.errors import ApiError, MultipleMatches, lock_refused, trigger_failed
from twins.salesforce.ids import normalise
from twins.salesforce.org import Org
from twins.salesforce.rest import Answer, Call, Trouble
from twins.salesforce.schema import Field, SObject
from twins.salesforce.values import Stored, dump_json, to_stored

LARGEST = 200
MOST_CHUNKS = 10
ROLLED_BACK = (
    "Record rolled back because not all records were valid and the request was using AllOrNone header",
    "ALL_OR_NONE_OPERATION_ROLLED_BACK",
)
Record = dict[str, Any]
Result = dict[str, Any]
Work = Callable[[int], Result]  # what is done with the record of that place


class _TakenBack(Exception):
    """Leaves the block of an all-or-none call."""


def create(org: Org, call: Call) -> Answer:
    """Create records of one or several types."""
    records = _records(call)
    return _answer(org, call, records, creating(org, records, call.user))


def creating(org: Org, records: list[Record], user: str) -> Work:
    """The work of creating records."""

    def work(index: int) -> Result:
        sobject = _type(org, records[index])
        return {"id": org.records.create(sobject, records[index], user), "success": True, "errors": []}

    return work


def update(org: Org, call: Call) -> Answer:
    """Update records by their `id`."""
    records = _records(call)
    return _answer(org, call, records, updating(org, records, call.user))


def updating(org: Org, records: list[Record], user: str) -> Work:
    """The work of updating records by their `id`."""

    def work(index: int) -> Result:
        body = {name: value for name, value in records[index].items() if name.lower() != "id"}
        given = next((value for name, value in records[index].items() if name.lower() == "id"), None)
        sobject, record = _type(org, records[index]), normalise(given)
        if given is None:
            raise ApiError(400, "MISSING_ARGUMENT", "Id not specified in an update call", [])
        if record is None or not record.startswith(sobject.prefix):
            message = f"{sobject.label} ID: id value of incorrect type: {given}"
            raise ApiError(400, "MALFORMED_ID", message, ["Id"])
        org.records.update(sobject, record, body, user)
        return {"id": record, "success": True, "errors": []}

    return work


def upsert(org: Org, call: Call) -> Answer:
    """Update or create records of one type by an external id that each of them carries."""
    sobject = org.sobject(call.path[2])
    item = org.records.external_field(sobject, call.path[3])
    records = _records(call)
    for record in records:
        if _type(org, record).name != sobject.name:
            raise ApiError(400, "INVALID_FIELD", f"All records must be of type {sobject.name}")
    return _answer(org, call, records, upserting(org, (sobject, item), records, call.user))


def upserting(org: Org, target: tuple[SObject, Field], records: list[Record], user: str) -> Work:
    """The work of upserting records by an external id; one that stands there twice is refused both times."""
    sobject, item = target
    keys = [_key(item, record) for record in records]
    folded = [_fold(item, key) for key in keys]
    repeated = {key for key, count in Counter(folded).items() if key is not None and count > 1}

    def work(index: int) -> Result:
        if folded[index] in repeated:
            raise ApiError(400, "DUPLICATE_VALUE", f"Duplicate external id specified: {keys[index]}", [item.name])
        if keys[index] is None:
            raise ApiError(400, "MISSING_ARGUMENT", f"{item.name} not specified", [])
        body = {name: value for name, value in records[index].items() if name.lower() != item.name.lower()}
        record, created = org.records.upsert(sobject, (item, keys[index]), body, user)
        return {"id": record, "success": True, "errors": [], "created": created}

    return work


def delete(org: Org, call: Call) -> Answer:
    """Delete records by the ids of the query string."""
    ids = [text.strip() for text in call.query.get("ids", "").split(",") if text.strip()]
    if not ids or len(ids) > LARGEST:
        raise _too_many() if ids else ApiError(400, "MISSING_ARGUMENT", "ids must be specified")

    all_or_none = call.query.get("allOrNone", "").lower() == "true"
    records: list[Record] = [{"id": text} for text in ids]
    return _noted(results_of(org, records, deleting(org, records, call.user), call.trouble, all_or_none=all_or_none))


def deleting(org: Org, records: list[Record], user: str) -> Work:
    """The work of deleting records by their `id`."""

    def work(index: int) -> Result:
        given = next((value for name, value in records[index].items() if name.lower() == "id"), None)
        record = normalise(given)
        sobject = org.schema.by_prefix(record[:3]) if record else None
        if record is None or sobject is None:
            raise ApiError(400, "MALFORMED_ID", f"malformed id {given}", ["Id"])
        org.records.delete(sobject, record, user)
        return {"id": record, "success": True, "errors": []}

    return work


def retrieve(org: Org, call: Call) -> Answer:
    """Read records of one type by id; null stands for each that is not there."""
    sobject = org.sobject(call.path[2])
    asked = call.record() if call.method == "POST" else {k: v.split(",") for k, v in call.query.items()}
    fields = [sobject.field_named(str(name)) for name in asked.get("fields", [])]
    if not fields or None in fields:
        raise ApiError(400, "INVALID_FIELD", f"No such column on sobject of type {sobject.name}")
    shown = [item for item in fields if item is not None]
    found: list[object] = []
    for text in asked.get("ids", []):
        row = org.tables.by_id(sobject, normalise(text) or "")
        alive = row is not None and not row["IsDeleted"]
        found.append(org.records.render(sobject, row, call.base, shown) if row is not None and alive else None)
    return Answer(200, found)


def _records(call: Call) -> list[dict[str, Any]]:
    records = call.record().get("records")
    if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
        raise ApiError(400, "JSON_PARSER_ERROR", "records must be a list of objects")
    if len(records) > LARGEST:
        raise _too_many()
    if len(list(groupby(records, key=lambda record: str(record.get("attributes"))))) > MOST_CHUNKS:
        message = f"Request contains more than {MOST_CHUNKS} chunks of different object types"
        raise ApiError(400, "EXCEEDED_MAX_TYPES_LIMIT", message)
    return records


def _too_many() -> ApiError:
    message = f"record limit reached. cannot submit more than {LARGEST} records into this call"
    return ApiError(400, "EXCEEDED_MAX_SIZE_REQUEST", message)


def _type(org: Org, record: Mapping[str, Any]) -> SObject:
    attributes = record.get("attributes")
    name = attributes.get("type") if isinstance(attributes, Mapping) else None
    sobject = org.schema.find(str(name)) if name else None
    if sobject is None:
        message = f"sObject type '{name}' is not supported." if name else "The type of every record must be specified"
        raise ApiError(400, "INVALID_TYPE", message)
    return sobject


def _key(item: Field, record: Mapping[str, Any]) -> object:
    return next((value for name, value in record.items() if name.lower() == item.name.lower()), None)


def _fold(item: Field, key: object) -> Stored:
    try:
        value = to_stored(item, key)
    except ApiError:
        return None  # such a key equals no other; the record itself is refused when its turn comes
    return value.lower() if isinstance(value, str) and not item.case_sensitive else value


def _answer(org: Org, call: Call, records: list[Record], work: Work) -> Answer:
    for record in records:
        _type(org, record)
    all_or_none = call.record().get("allOrNone") is True
    return _noted(results_of(org, records, work, call.trouble, all_or_none=all_or_none))


def _noted(results: list[Result]) -> Answer:
    failed = sum(not result["success"] for result in results)
    return Answer(200, results, notes={"rows": len(results), "failed_rows": failed})


def results_of(
    org: Org, records: list[Record], work: Work, trouble: Trouble, *, all_or_none: bool = False
) -> list[Result]:
    """Do the work of each record of one transaction, and say what became of each."""
    if trouble.poison is not None and _place(records, trouble.poison) is not None:
        return [_failed(trigger_failed().item())] * len(records)
    row = None if trouble.locked is None else _place(records, trouble.locked)
    results: list[Result] = []
    try:
        with org.attempt():
            results.extend(_one(org, work, index, locked=index == row) for index in range(len(records)))
            _require_success(results, all_or_none=all_or_none)
    except _TakenBack:
        message, code = ROLLED_BACK
        rolled_back = {"statusCode": code, "message": message, "fields": []}
        results = [_failed(rolled_back) if result["success"] else result for result in results]
    return results


def _require_success(results: list[Result], *, all_or_none: bool) -> None:
    if all_or_none and not all(result["success"] for result in results):
        raise _TakenBack


def _one(org: Org, work: Work, index: int, *, locked: bool) -> Result:
    try:
        if locked:
            raise lock_refused("the row is held by another transaction")
        with org.attempt():
            return work(index)
    except MultipleMatches as several:
        message = f"more than one record found for external id field: [{', '.join(several.ids)}]"
        return _failed({"statusCode": "DUPLICATE_EXTERNAL_ID", "message": message, "fields": []})
    except ApiError as refusal:
        if refusal.code == "JSON_PARSER_ERROR":  # the platform refuses the whole body while it reads it
            raise
        return _failed(refusal.item())


def _failed(error: dict[str, Any]) -> Result:
    return {"success": False, "errors": [error]}


def _place(records: list[Record], text: str) -> int | None:
    """The place of the first record that holds the text."""
    return next((index for index, record in enumerate(records) if text in dump_json(record)), None)
