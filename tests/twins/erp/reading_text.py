"""Tiny readers of the pipe-separated files and the stock report, written from the description of the layouts alone."""

from __future__ import annotations

import re
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

NEW_YORK = ZoneInfo("America/New_York")
Ack = tuple[str, str, list[tuple[int, str, Decimal, Decimal, str]]]


def _records(content: bytes, export: str) -> tuple[int, datetime, list[list[str]]]:
    *lines, rest = content.decode("cp1252").split("\r\n")
    assert rest == ""
    head, *body, tail = [line.split("|") for line in lines]
    assert head[:2] == ["HDR", export]
    assert tail == ["END", str(len(lines))]
    return int(head[2]), datetime.strptime(head[3], "%Y-%m-%d %H:%M:%S").replace(tzinfo=NEW_YORK), body


def read_ordack(content: bytes) -> tuple[int, datetime, dict[str, Ack]]:
    """Sequence, watermark, and by order its status, reason and lines."""
    sequence, created, body = _records(content, "ORDACK")
    orders: dict[str, Ack] = {}
    for record in body:
        if record[0] == "ACK":
            assert len(record) == 4
            assert record[1] not in orders
            orders[record[1]] = (record[2], record[3], [])
        else:
            kind, order, line, sku, allocated, backordered, promise = record
            assert kind == "LIN"
            orders[order][2].append((int(line), sku, Decimal(allocated), Decimal(backordered), promise))
    return sequence, created, orders


def read_rtnrcv(content: bytes) -> tuple[int, list[list[str]]]:
    """Sequence and records."""
    sequence, _, body = _records(content, "RTNRCV")
    assert all(record[0] == "RTN" and len(record) == 10 for record in body)
    return sequence, body


def read_inv410r(content: bytes) -> tuple[datetime, dict[tuple[str, str], tuple[Decimal, Decimal, Decimal, str]]]:
    """The instant of the report, and by item and warehouse on hand, allocated, on order, status."""
    text = content.decode("cp1252")
    found = re.search(r"AS OF (\d\d-[A-Z]{3}-\d\d \d\d:\d\d:\d\d)", text)
    assert found
    as_of = datetime.strptime(found[1].title(), "%d-%b-%y %H:%M:%S").replace(tzinfo=NEW_YORK)
    rows = {}
    for line in text.splitlines():
        cells = line.split("|")
        if len(cells) == 6 and not line.startswith("ITEM NUMBER"):
            key = (cells[0].rstrip(), cells[1].strip())
            assert key not in rows
            on_hand, allocated, on_order = (_number(cell) for cell in cells[2:5])
            rows[key] = (on_hand, allocated, on_order, cells[5].strip())
    end = re.search(r"END OF REPORT +(\d+) LINES +ON HAND TOTAL (\S+)", text)
    assert end
    assert (int(end[1]), _number(end[2])) == (len(rows), sum(row[0] for row in rows.values()))
    return as_of, rows


def _number(text: str) -> Decimal:
    plain = text.strip().replace(",", "")
    return -Decimal(plain[:-1]) if plain.endswith("-") else Decimal(plain)
