"""Change data capture of the QuickBooks twin: what changed since an instant, deleted too, a thousand rows at most."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from twins.quickbooks.answers import BusinessFault, missing, unsupported
from twins.quickbooks.state import Company
from twins.web import JsonObject, JsonText, load_json

LOOK_BACK = timedelta(days=30)
# What can be asked for; tax codes, tax rates and time activities cannot.
COVERED = {name.lower(): name for name in ("Invoice", "CreditMemo", "Payment", "Customer", "Item", "Term", "Account")}


def run_cdc(company: Company, parameters: Mapping[str, str]) -> list[JsonObject]:
    """Return the `CDCResponse`: a block an entity, in the order asked for; the cap is shared by all of them."""
    kinds = _kinds(parameters.get("entities", ""))
    since = _since(company, parameters.get("changedSince", ""))
    left = int(company.settings["cdc_cap"])
    blocks: list[JsonObject] = []
    for kind in kinds:
        found = _changed(company, kind, since)[:left]
        left -= len(found)
        counts = {"startPosition": 1, "maxResults": len(found), "totalCount": len(found)}
        blocks.append({kind: found, **counts} if found else {})
    return [{"QueryResponse": blocks}]


def _kinds(given: str) -> list[str]:
    names = [name.strip() for name in given.split(",") if name.strip()]
    if not names:
        raise missing("entities")
    for name in names:
        if name.lower() not in COVERED:
            raise unsupported(name)
    return [COVERED[name.lower()] for name in names]


def _since(company: Company, given: str) -> datetime:
    """Read an instant; one without an offset is the company's local time. Too far back is refused (500)."""
    if not given:
        raise missing("changedSince")
    try:
        # A plus that was not encoded arrives as a blank.
        stated = datetime.fromisoformat(given.replace(" ", "+"))
    except ValueError:
        raise unsupported("changedSince") from None
    since = (stated if stated.tzinfo else stated.replace(tzinfo=company.zone)).astimezone(UTC)
    if since < company.clock.now() - LOOK_BACK:
        detail = (
            f"Operation cdc with changedSince date {given} older than fixed days is not supported. Use a date within"
            f" {LOOK_BACK.days} days"
        )
        raise BusinessFault(500, detail, "")
    return since


def _changed(company: Company, kind: str, since: datetime) -> list[JsonObject | JsonText]:
    """Return what changed at or after an instant, the oldest change first; what was deleted comes last."""
    sql = "SELECT body, standing FROM entity WHERE kind = ? AND updated_at >= ? ORDER BY updated_at, id"
    rows = company.database.execute(sql, kind, since.isoformat(timespec="seconds"))
    living: list[JsonObject | JsonText] = [JsonText(body) for body, standing in rows if standing != "deleted"]
    return living + [_gone(load_json(body)) for body, standing in rows if standing == "deleted"]


def _gone(entity: JsonObject) -> JsonObject:
    times = {"LastUpdatedTime": entity["MetaData"]["LastUpdatedTime"]}
    return {"domain": "QBO", "status": "Deleted", "Id": entity["Id"], "MetaData": times}
