"""The month-end pack: the certificates of a month and what its last run has left, as CSV and as one page of HTML."""

from __future__ import annotations

import csv
import html
import io
import re
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from pydantic import AwareDatetime, BaseModel, ConfigDict

from domain.money import Money, plain
from domain.reconciliation import Standing

RUN_COLUMNS = ("certificate", "run", "finished_at", "zero_drift", "drift", "held", "waived", "in_flight", "sha256")
FINDING_COLUMNS = (
    *("standing", "rule", "cause", "system", "record_type", "record_key", "field", "expected", "found"),
    *("money", "first_seen_on", "owner", "why", "exception"),
)
# A cell that begins so is a formula to a spreadsheet; a plain number is none, whatever its sign.
_FORMULA = re.compile(r"[=+\-@\t\r]")
_NUMBER = re.compile(r"-?\d+(\.\d+)?")


class PackRun(BaseModel):
    """One run of the month."""

    model_config = ConfigDict(frozen=True)

    id: str
    finished_at: AwareDatetime | None
    sequence: int | None
    certificate: dict[str, Any] | None
    certificate_hash: str | None


class PackFinding(BaseModel):
    """One difference that the last run has left."""

    model_config = ConfigDict(frozen=True)

    rule: str
    cause: str
    system: str
    record_type: str
    record_key: str
    field: str
    expected: str | None
    found: str | None
    money: Money | None
    standing: Standing
    why: str
    owner: str
    exception_id: object
    first_seen_on: date


class Pack(BaseModel):
    """Everything that whoever closes a month wants to see of it."""

    model_config = ConfigDict(frozen=True)

    company: str
    month: str
    runs: tuple[PackRun, ...]
    findings: tuple[PackFinding, ...]


def as_csv(pack: Pack) -> str:
    """Two tables under one another, each with its heading; no cell is ever a formula."""
    out = io.StringIO()
    write = csv.writer(out, lineterminator="\r\n")
    tables: Iterable[tuple[Sequence[str], Iterable[Sequence[str]]]] = (
        (RUN_COLUMNS, map(_run, pack.runs)),
        (FINDING_COLUMNS, map(_finding, pack.findings)),
    )
    for columns, rows in tables:
        write.writerow(columns)
        write.writerows([[safe(cell) for cell in row] for row in rows])
        write.writerow([])
    return out.getvalue()


def as_html(pack: Pack) -> str:
    """One page that needs nothing else: no script, no address."""
    title = f"Reconciliation of {pack.company}, {pack.month}"
    drift = sum(one.standing is Standing.DRIFT for one in pack.findings)
    state = "no run has ended" if not pack.runs else "zero drift" if not drift else f"{drift} differences are drift"
    body = (
        f"<h1>{html.escape(title)}</h1><p>At the last run: {html.escape(state)}.</p>"
        f"<h2>Certificates</h2>{_table(RUN_COLUMNS, map(_run, pack.runs))}"
        f"<h2>What is left</h2>{_table(FINDING_COLUMNS, map(_finding, pack.findings))}"
    )
    style = "body{font:14px sans-serif}td,th{border:1px solid #999;padding:2px 6px}table{border-collapse:collapse}"
    head = f'<meta charset="utf-8"><title>{html.escape(title)}</title><style>{style}</style>'
    return f'<!doctype html><html lang="en"><head>{head}</head><body>{body}</body></html>'


def safe(cell: str) -> str:
    """A cell that a spreadsheet shows as it is, and never computes."""
    return f"'{cell}" if _FORMULA.match(cell) and not _NUMBER.fullmatch(cell) else cell


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    heads = "".join(f"<th>{html.escape(name.replace('_', ' '))}</th>" for name in columns)
    lines = ("".join(f"<td>{html.escape(cell)}</td>" for cell in row) for row in rows)
    return f"<table><tr>{heads}</tr>{''.join(f'<tr>{line}</tr>' for line in lines)}</table>"


def _run(one: PackRun) -> list[str]:
    certificate = one.certificate or {}
    standings = certificate.get("standings", {})
    counts = [str(standings.get(name, 0)) for name in ("drift", "held", "waived", "in_flight")]
    ended = one.finished_at.isoformat(timespec="seconds") if one.finished_at else ""
    zero = "yes" if certificate.get("zero_drift") else "no"
    return [str(one.sequence or ""), one.id, ended, zero, *counts, one.certificate_hash or ""]


def _finding(one: PackFinding) -> list[str]:
    return [
        *(one.standing, one.rule, one.cause, one.system, one.record_type, one.record_key, one.field),
        *(one.expected or "", one.found or "", "" if one.money is None else plain(one.money)),
        *(one.first_seen_on.isoformat(), one.owner, one.why, str(one.exception_id or "")),
    ]
