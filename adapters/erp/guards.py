"""Whether a well-formed file can be true, compared with the last accepted one and with the clock."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal

from adapters.erp.codes import CODES
from adapters.erp.layout_guards import Guards
from domain.files import FileSummary, Reject, Severity, total


def check_guards(guards: Guards, summary: FileSummary, last: FileSummary | None, now: datetime) -> list[Reject]:
    """What the guards of the layout find (E_GUARD, each refuses the file); `last` is the last accepted summary.

    The first file of a kind has no `last`: it is only held against the clock. `now` is aware.
    """
    sentences = [*_records(guards, summary, last), *_zeros(guards, summary), *_age(guards, summary, now)]
    return [
        Reject(severity=Severity.FILE, code="E_GUARD", message=message, remedy=CODES["E_GUARD"].remedy)
        for message in sentences
    ]


def _groups(summary: FileSummary) -> int:
    return summary.group_count + summary.unchanged_group_count


def _records(guards: Guards, summary: FileSummary, last: FileSummary | None) -> Iterator[str]:
    if guards.records_vs_last is None or last is None or not _groups(last):
        return
    least, most = guards.records_vs_last
    before, here = _groups(last), _groups(summary)
    if not before * (100 + least) <= here * 100 <= before * (100 + most):
        change = Decimal(here - before) * 100 / before
        yield (
            f"The file has {here} records and the last accepted one had {before}, a change of {change:+.1f}%; "
            f"{least:+f}% to {most:+f}% are allowed."
        )


def _zeros(guards: Guards, summary: FileSummary) -> Iterator[str]:
    if guards.zero_share is None or guards.zero_total is None or not _groups(summary):
        return
    zeros = total(summary, guards.zero_total)
    if zeros is None:
        yield f"How many records state zero as {guards.zero_share.of} is not known."
    elif zeros * 100 > guards.zero_share.most * _groups(summary):
        yield (
            f"{zeros} of {_groups(summary)} records state zero as {guards.zero_share.of}, more than the "
            f"{guards.zero_share.most:f}% that are allowed."
        )


def _age(guards: Guards, summary: FileSummary, now: datetime) -> Iterator[str]:
    if guards.as_of_max_age is None and guards.as_of_max_ahead is None:
        return
    if summary.created_at is None:
        yield "The file does not say when it was made."
        return
    age = now - summary.created_at
    made = summary.created_at.isoformat()
    if guards.as_of_max_age is not None and age > guards.as_of_max_age:
        yield f"The file was made at {made}, {_hours(age)} ago; {_hours(guards.as_of_max_age)} are allowed."
    if guards.as_of_max_ahead is not None and -age > guards.as_of_max_ahead:
        yield f"The file was made at {made}, {_hours(-age)} from now: the ERP's clock or the layout's zone is wrong."


def _hours(span: timedelta) -> str:
    minutes = span // timedelta(minutes=1)
    return f"{minutes // 60} h {minutes % 60} min" if minutes % 60 else f"{minutes // 60} h"
