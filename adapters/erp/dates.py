"""Dates and times from bytes, in the formats that ERP exports really use; two-digit years only with a pivot."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from adapters.erp.codes import FieldProblem
from adapters.erp.layout import Identity
from adapters.erp.layout_fields import DateField, TimeField, TimestampField
from adapters.erp.numbers import digits_problem, is_ebcdic
from adapters.erp.raw import LocalMoment

# No export has dates outside of these, and all of them are instants in every zone.
_YEARS = (1900, 2999)
MONTH_NAMES = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]
_MONTHS = {name.encode("ascii"): n for n, name in enumerate(MONTH_NAMES, 1)}
_PATTERNS = {
    "CYYMMDD": rb"(?P<c>\d)(?P<y>\d\d)(?P<m>\d\d)(?P<d>\d\d)",
    "CYYDDD": rb"(?P<c>\d)(?P<y>\d\d)(?P<n>\d\d\d)",
    "YYYYMMDD": rb"(?P<y>\d{4})(?P<m>\d\d)(?P<d>\d\d)",
    "YYYYDDD": rb"(?P<y>\d{4})(?P<n>\d\d\d)",
    "YYMMDD": rb"(?P<y>\d\d)(?P<m>\d\d)(?P<d>\d\d)",
    "YYDDD": rb"(?P<y>\d\d)(?P<n>\d\d\d)",
    "MM/DD/YYYY": rb"(?P<m>\d\d)/(?P<d>\d\d)/(?P<y>\d{4})",
    "YYYY-MM-DD": rb"(?P<y>\d{4})-(?P<m>\d\d)-(?P<d>\d\d)",
    "DD-MON-YY": rb"(?P<d>\d\d)-(?P<m>(?i:" + b"|".join(_MONTHS) + rb"))-(?P<y>\d\d)",
    "HHMMSS": rb"(?P<h>\d\d)(?P<m>\d\d)(?P<s>\d\d)",
    "HHMM": rb"(?P<h>\d\d)(?P<m>\d\d)",
    "HH:MM:SS": rb"(?P<h>\d\d):(?P<m>\d\d):(?P<s>\d\d)",
    "HH:MM": rb"(?P<h>\d\d):(?P<m>\d\d)",
}


def date_reader(field: DateField, encoding: str) -> Callable[[bytes], date | None]:
    """A function that reads the field's bytes; E_DATE names the format and whether the day exists."""
    found = _matcher(field, encoding)

    def decode(raw: bytes) -> date | None:
        parts = found(raw)
        if parts is None:
            return None
        year = _year(parts, field.pivot)
        if not _YEARS[0] <= year <= _YEARS[1]:
            raise FieldProblem("E_DATE", f"is not of the years {_YEARS[0]} to {_YEARS[1]} ({field.format})")
        try:
            if "n" in parts:
                day = date(year, 1, 1) + timedelta(days=parts["n"] - 1)
                if day.year != year:
                    raise ValueError  # noqa: TRY301 - one place says what is wrong
                return day
            return date(year, parts["m"], parts["d"])
        except (ValueError, OverflowError):
            raise FieldProblem("E_DATE", f"is not a day that exists ({field.format})") from None

    return decode


def _year(parts: dict[str, int], pivot: int | None) -> int:
    """C counts centuries from 1900; a pivot puts the years below it into 20xx."""
    if "c" in parts:
        return 1900 + 100 * parts["c"] + parts["y"]
    if pivot is not None:
        return (2000 if parts["y"] < pivot else 1900) + parts["y"]
    return parts["y"]


def time_reader(field: TimeField, encoding: str) -> Callable[[bytes], time | None]:
    """A function that reads the field's bytes; E_DATE when the clock cannot show it."""
    found = _matcher(field, encoding)

    def decode(raw: bytes) -> time | None:
        parts = found(raw)
        if parts is None:
            return None
        try:
            return time(parts["h"], parts["m"], parts.get("s", 0))
        except ValueError:
            raise FieldProblem("E_DATE", f"is not a time of day ({field.format})") from None

    return decode


def timestamp_reader(field: TimestampField, encoding: str) -> Callable[[bytes], LocalMoment | None]:
    """A function that reads the field's bytes: what the ERP's clock and calendar showed."""
    day_field, clock_field = field.parts()
    read_day, read_clock = date_reader(day_field, encoding), time_reader(clock_field, encoding)
    nulls = {text.encode(encoding) for text in field.null}
    blank = " ".encode(encoding)

    def decode(raw: bytes) -> LocalMoment | None:
        if raw in nulls or (field.blank == "null" and not raw.strip(blank)):
            return None
        if not raw.strip(blank):
            raise FieldProblem("E_REQUIRED", "is blank")
        first, _, second = raw.partition(blank)
        day = read_day(first)
        if not second:
            raise FieldProblem("E_DATE", f"is not of the form {field.format}")
        try:
            clock = read_clock(second)
        except FieldProblem as problem:
            at = None if problem.at is None else problem.at + len(first) + 1
            raise FieldProblem("E_DATE", f"is not of the form {field.format}", at=at) from None
        return LocalMoment(day, clock) if day and clock is not None else None

    return decode


def _matcher(field: DateField | TimeField, encoding: str) -> Callable[[bytes], dict[str, int] | None]:
    """Splits the bytes into numbers, or None for a declared null."""
    pattern = re.compile(_PATTERNS[field.format])
    nulls = {text.encode(encoding) for text in field.null}
    ebcdic = is_ebcdic(encoding)
    blank = b"\x40" if ebcdic else b" "

    def match(raw: bytes) -> dict[str, int] | None:
        if raw in nulls:
            return None
        if not raw.strip(blank):
            if field.blank == "error":
                raise FieldProblem("E_REQUIRED", "is blank")
            return None
        found = pattern.fullmatch(raw.decode(encoding, "replace").encode("ascii", "replace") if ebcdic else raw)
        if not found:
            problem = digits_problem(raw) if field.format.isalpha() else FieldProblem("E_DATE", "")
            raise FieldProblem("E_DATE", f"is not of the form {field.format}", at=problem.at)
        return {name: _MONTHS.get(part.upper()) or int(part) for name, part in found.groupdict().items()}

    return match


def to_instant(day: date, clock: time, zone: ZoneInfo, rules: Identity) -> tuple[datetime, str | None]:
    """The UTC instant of a local day and time, and a remark when the clock showed it twice (case F14).

    A time that was skipped in spring raises `FieldProblem`, or is read as if the clock had not been moved yet, as the
    layout declares.
    """
    local = datetime.combine(day, clock, tzinfo=zone)
    later = local.replace(fold=1)
    if local.utcoffset() == later.utcoffset():
        return local.astimezone(UTC), None
    shown = local.astimezone(UTC).astimezone(zone).replace(tzinfo=None) == local.replace(tzinfo=None)
    if not shown:
        if rules.skipped_time == "error":
            raise FieldProblem(
                "E_DATE", f"is a time that no clock in {rules.timezone} showed: it was skipped in spring"
            )
        return local.astimezone(UTC), None
    if rules.ambiguous_time == "error":
        raise FieldProblem("E_DATE", f"is a time that the clock in {rules.timezone} showed twice")
    chosen = later if rules.ambiguous_time == "later" else local
    return chosen.astimezone(
        UTC
    ), f"came twice on the clock of {rules.timezone}; the {rules.ambiguous_time} one was taken"
