"""Stock: what the ERP has on its shelves, what the store was told, what a rep sees."""

from __future__ import annotations

from decimal import Decimal

from bench.week.evidence import Evidence, number
from bench.week.findings import Report, System
from bench.week.rules import Rules

STOCK, KEPT = "stock", "goods kept"


def check_shelves(evidence: Evidence, report: Report, rules: Rules) -> None:
    """Each row of stock in the store and in Salesforce; nothing lost between the ERP's moves. Base units.

    A count below zero is shown as nothing (case I5); a kit shows what its components allow (case O13).
    """
    shown = {one["Key__c"]: one for one in evidence.org["Inventory_Level__c"]}
    levels = {(one["sku"], one["warehouse"]): one for one in evidence.store["levels"]}
    for row in evidence.warehouse["stock"]:
        record = f"{row['sku']}|{row['warehouse']}"
        left = number(row["on_hand"]) + number(row["shipped"]) + number(row["damaged"])
        right = number(row["start"]) + number(row["replenished"]) + number(row["returned"])
        report.equal(System.ERP, KEPT, (record, "on_hand"), number(right), number(left))
        level, level_shown = levels.get((row["sku"], row["warehouse"])), shown.get(record)
        if level is None or level_shown is None:
            who = System.GATEWAY if level is None else System.SALESFORCE
            report.add(who, STOCK, (record, "row"), "a row", None)
            continue
        report.equal(System.GATEWAY, STOCK, (record, "on_hand"), number(row["on_hand"]), number(level["on_hand"]))
        if row["sku"] in rules.kits:
            continue
        for name, field in (("on_hand", "On_Hand__c"), ("allocated", "Allocated__c")):
            expected = max(Decimal(0), number(row[name]))
            report.equal(System.SALESFORCE, STOCK, (record, field), expected, number(level_shown[field]))
        free = max(Decimal(0), number(row["on_hand"]) - number(row["allocated"])) if row["status"] == "A" else 0
        available = number(level_shown["Available__c"])
        if not 0 <= available <= free:
            report.add(System.SALESFORCE, STOCK, (record, "Available__c"), f"from 0 to {free}", available)
