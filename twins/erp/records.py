"""How the ERP writes a field: fixed widths, implied decimals, zoned signs, its own dates. Rules: samples/README.md."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal
from zoneinfo import ZoneInfo

CODE_PAGE = "cp1252"
LINE_END = "\r\n"
COMPANY_ZONE = ZoneInfo("America/New_York")
CENT = Decimal("0.01")
_PLUS = "{ABCDEFGHI"
_MINUS = "}JKLMNOPQR"


def text(value: str, width: int) -> str:
    """Left-justified text of exactly `width` characters; ValueError when it does not fit: nothing is cut silently."""
    if len(value) > width:
        raise ValueError(f"{value!r} has {len(value)} characters, the field {width}")
    return value.ljust(width)


def digits(value: int, width: int) -> str:
    """Zero-filled digits of exactly `width` characters; ValueError for a negative number or one that is too large."""
    written = f"{value:0{width}d}"
    if value < 0 or len(written) > width:
        raise ValueError(f"{value} does not fit {width} digits")
    return written


def implied(value: Decimal, width: int, places: int) -> str:
    """An unsigned number whose last `places` digits are its decimals; ValueError when it has more decimals."""
    return digits(_scaled(value, places), width)


def zoned(value: Decimal, width: int, places: int) -> str:
    """A signed number with implied decimals: the sign is punched over the last digit (`{A-I` plus, `}J-R` minus)."""
    scaled = _scaled(value, places)
    written = digits(abs(scaled), width)
    return written[:-1] + (_MINUS if scaled < 0 else _PLUS)[int(written[-1])]


def century_date(day: date) -> str:
    """CYYMMDD: the century digit is 1 from the year 2000."""
    return f"{(day.year - 1900) // 100}{day:%y%m%d}"


def read_century_date(written: str) -> date:
    """The day that CYYMMDD names; ValueError where it is none."""
    return date(1900 + 100 * int(written[0]) + int(written[1:3]), int(written[3:5]), int(written[5:7]))


def read_zoned(written: str, places: int) -> Decimal:
    """The number under an overpunched sign; ValueError where the last character is neither digit nor sign."""
    last = written[-1]
    negative = last in _MINUS
    digit = last if last.isdigit() else str((_MINUS if negative else _PLUS).index(last))
    value = Decimal(int(written[:-1] + digit)).scaleb(-places)
    return -value if negative else value


def julian_date(year: int, day_of_year: int) -> str:
    """YYDDD, the masters' change date."""
    return f"{year % 100:02d}{day_of_year:03d}"


def local(at: datetime) -> datetime:
    """The instant on the company's wall clock: every time in an export is written in it."""
    return at.astimezone(COMPANY_ZONE)


def stated(at: datetime) -> str:
    """An instant as the truth states it: wall clock and zone name."""
    return f"{local(at):%Y-%m-%dT%H:%M:%S} {COMPANY_ZONE.key}"


def read_stated(words: str) -> datetime:
    """The instant (aware, UTC) that `stated` wrote."""
    clock, zone = words.split(" ")
    return datetime.fromisoformat(clock).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


def plain(value: Decimal) -> str:
    """A decimal without exponent and trailing zeros: `4`, `201.25`, `44.2`."""
    written = f"{value:f}"
    return written.rstrip("0").rstrip(".") if "." in written else written


def to_cents(value: Decimal) -> Decimal:
    """Two places, half up: how the ERP adds up its amount totals."""
    return value.quantize(CENT, rounding=ROUND_HALF_UP)


def encode(lines: list[str], line_end: str = LINE_END) -> bytes:
    """The lines as the bytes of a file, every line ended."""
    return "".join(f"{line}{line_end}" for line in lines).encode(CODE_PAGE)


def _scaled(value: Decimal, places: int) -> int:
    scaled = value.scaleb(places)
    whole = int(scaled)
    if whole != scaled:
        raise ValueError(f"{value} has more than {places} decimals")
    return whole
