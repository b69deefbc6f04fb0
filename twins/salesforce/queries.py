"""The query resources: SOQL in, pages of a snapshot out."""

import re

from twins.salesforce import soql
from twins.salesforce.errors import ApiError
from twins.salesforce.ids import make_id
from twins.salesforce.org import Org
from twins.salesforce.rest import Answer, Call
from twins.salesforce.soql_text import parse
from twins.salesforce.values import dump_json, load_json

LARGEST_PAGE = 2000
LOCATORS_KEPT = 20
TABLES = """
CREATE TABLE IF NOT EXISTS sf_page (
    locator TEXT NOT NULL, start INTEGER NOT NULL, size INTEGER NOT NULL, following INTEGER, body TEXT NOT NULL,
    PRIMARY KEY (locator, start)
) WITHOUT ROWID;
"""
_OPTION = re.compile(r"batchSize\s*=\s*(\d+)", re.IGNORECASE)


def query(org: Org, call: Call) -> Answer:
    """Run a query over the live records."""
    return _run(org, call, deleted=False)


def query_all(org: Org, call: Call) -> Answer:
    """Run a query over all records, those in the recycle bin included."""
    return _run(org, call, deleted=True)


def query_more(org: Org, call: Call) -> Answer:
    """The next page of an earlier query, as its records were when it ran."""
    locator, _, start = call.path[1].rpartition("-")
    rows = org.database.execute(
        "SELECT size, following, body FROM sf_page WHERE locator = ? AND start = ?", locator, start
    )
    if not rows:
        raise ApiError(400, "INVALID_QUERY_LOCATOR", "invalid query locator")
    size, following, body = rows[0]
    answer: dict[str, object] = {"totalSize": size, "done": following is None}
    if following is not None:
        answer["nextRecordsUrl"] = f"{call.base}/query/{locator}-{following}"
    return Answer(200, answer | {"records": load_json(str(body))})


def _run(org: Org, call: Call, *, deleted: bool) -> Answer:
    source = call.query.get("q", "")
    if not source.strip():
        raise ApiError(400, "MALFORMED_QUERY", "SOQL statements cannot be empty or null")
    size, records = soql.run(soql.Context(org.tables, call.base, deleted), parse(source))
    page = _page_rows(org, call)
    if len(records) <= page:
        return Answer(200, {"totalSize": size, "done": True, "records": records}, notes={"rows": size})
    locator = _keep(org, records, page)
    following = f"{call.base}/query/{locator}-{page}"
    answer = {"totalSize": size, "done": False, "nextRecordsUrl": following, "records": records[:page]}
    return Answer(200, answer, notes={"rows": size})


def _page_rows(org: Org, call: Call) -> int:
    match = _OPTION.search(call.headers.get("sforce-query-options", ""))
    asked = min(max(int(match.group(1)), 200), LARGEST_PAGE) if match else LARGEST_PAGE
    return min(asked, int(org.settings()["page_rows"]) or asked)


def _keep(org: Org, records: list[soql.Record], page: int) -> str:
    """Store all pages but the first and forget the oldest snapshots."""
    number = org.database.next_number("query locator")
    locator = make_id("01g", number)
    for start in range(page, len(records), page):
        following = start + page if start + page < len(records) else None
        body = dump_json(records[start : start + page])
        org.database.execute(
            "INSERT INTO sf_page VALUES (?, ?, ?, ?, ?)", locator, start, len(records), following, body
        )
    if number > LOCATORS_KEPT:
        org.database.execute("DELETE FROM sf_page WHERE locator = ?", make_id("01g", number - LOCATORS_KEPT))
    return locator
