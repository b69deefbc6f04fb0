"""Nothing is left lying about: no unsent message, no open intent, no exception, nothing unsaid."""

from __future__ import annotations

from bench.week.evidence import Evidence
from bench.week.findings import Report, System

LEFT = "work left over"
OPEN = {"intended", "uncertain"}


def check_work(evidence: Evidence, report: Report) -> None:
    """What the gateway and the ERP still have to do."""
    store = evidence.store
    waiting = [one for one in store["messages"] if one["file_sequence"] is None and one["withdrawn_at"] is None]
    unsent = [f"{one['order_number']} {one['action']}" for one in waiting]
    unsaid = [
        str(one["order_number"])
        for one in store["states"]
        if one["shows"] and (one["said_at"] is None or one["said_at"] < one["changed_at"])
    ]
    left = {
        "messages not sent": unsent,
        "orders not said": unsaid,
        "invoice intents": _open(store["invoice_intents"]),
        "credit intents": _open(store["credit_intents"]),
        "exceptions": [f"{one['cause']} {one['record_key']}: {one['sentence']}" for one in store["exceptions"]],
        "inbox not started": [f"{one['source']} {one['external_id']}" for one in store["unstarted"]],
        "orders without a number": [f"{one['external_id']} {one['lacks']}" for one in store["unnumbered"]],
    }
    for what, found in left.items():
        report.compared[LEFT] += 1
        for words in sorted(found):
            report.add(System.GATEWAY, LEFT, (what, "open"), None, words)
    untold = [one["shipment_no"] for one in evidence.warehouse["shipments"] if one["told"] < one["revision"]]
    untold += [one["rma"] for one in evidence.warehouse["returns"] if not one["told"]]
    report.equal(System.ERP, LEFT, ("exports", "not told"), [], untold)
    report.equal(System.ERP, LEFT, ("warehouse", "problems"), [], evidence.schedule["problems"])
    returns = {(one["rma"], one["line_no"]): one for one in store["returns"]}
    for one in evidence.warehouse["returns"]:
        report.there(System.GATEWAY, "returns", (one["rma"], "row"), found=(one["rma"], one["line"]) in returns)
    kept = {one["number"]: one for one in store["shipments"]}
    for one in evidence.shipments:
        report.there(System.GATEWAY, "shipments", (one["shipment_no"], "row"), found=one["shipment_no"] in kept)


def _open(intents: list[dict[str, object]]) -> list[str]:
    return [f"{one['shipment_number']}:{one['generation']} {one['state']}" for one in intents if one["state"] in OPEN]
