"""Numbers from bytes: every byte is validated, so nothing that merely resembles a number is ever read as one.

Python's own conversions accept `1_000`, blanks, digits of other scripts and `NaN`: none of them is used on input.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal

from adapters.erp.codes import FieldProblem
from adapters.erp.layout_fields import DecimalField, IntField

# The ASCII side: `{` and `A`-`I` are +0 to +9, `}` and `J`-`R` are -0 to -9.
_ASCII_SIGNS = {
    **{byte: (b"%d" % digit, 1) for digit, byte in enumerate(b"{ABCDEFGHI")},
    **{byte: (b"%d" % digit, -1) for digit, byte in enumerate(b"}JKLMNOPQR")},
}
# The EBCDIC side by nibbles: C positive, D negative; F is a digit without a sign.
_EBCDIC_SIGNS = {
    high << 4 | digit: (b"%d" % digit, sign) for high, sign in ((0xC, 1), (0xD, -1)) for digit in range(10)
}
_INVALID = 0xFF
# Longer ones are no quantities or amounts, and would make exact arithmetic unbounded.
MOST_BYTES = 60
_TO_ASCII = bytearray([_INVALID] * 256)
for _digit in range(10):
    _TO_ASCII[0xF0 + _digit] = 0x30 + _digit
for _ebcdic, _ascii in ((0x40, " "), (0x4B, "."), (0x6B, ","), (0x4E, "+"), (0x60, "-")):
    _TO_ASCII[_ebcdic] = ord(_ascii)
EBCDIC_DIGITS = bytes(_TO_ASCII)


def is_ebcdic(encoding: str) -> bool:
    """Whether the code page is of the EBCDIC family: its digits are F0 to F9."""
    return "0".encode(encoding) == b"\xf0"


def digits_problem(digits: bytes, start: int = 0) -> FieldProblem:
    """E_NUM at the first byte that is no digit."""
    at = next((index for index, byte in enumerate(digits) if not 0x30 <= byte <= 0x39), None)
    return FieldProblem("E_NUM", "is not a number", at=None if at is None else start + at)


def number_reader(field: IntField | DecimalField, encoding: str) -> Callable[[bytes], Decimal | None]:
    """A function that reads the field's bytes; it raises `FieldProblem` for anything but a number of this form."""
    ebcdic = is_ebcdic(encoding)
    nulls = {text.encode(encoding) for text in field.null}
    spec = field if isinstance(field, DecimalField) else _as_decimal(field)
    read = _signed_reader(spec, _EBCDIC_SIGNS if ebcdic else _ASCII_SIGNS, ebcdic=ebcdic)
    blank = b"\x40" if ebcdic else b" "

    def decode(raw: bytes) -> Decimal | None:
        if raw in nulls:
            return None
        if not raw.strip(blank):
            return _blank(field)
        if len(raw) > MOST_BYTES:
            raise FieldProblem("E_NUM", f"is longer than any number may be ({MOST_BYTES} bytes)")
        value = read(raw)
        if field.min is not None and value < field.min:
            raise FieldProblem("E_RANGE", f"is below {field.min}")
        if field.max is not None and value > field.max:
            raise FieldProblem("E_RANGE", f"is above {field.max}")
        return value

    return decode


def _as_decimal(field: IntField) -> DecimalField:
    """A whole number is a decimal without decimals."""
    return DecimalField(type="decimal", leading_blanks=field.leading_blanks, group=field.group)


def _blank(field: IntField | DecimalField) -> Decimal | None:
    if field.blank == "error":
        raise FieldProblem("E_REQUIRED", "is blank")
    return Decimal(0) if field.blank == "zero" else None


def _signed_reader(
    spec: DecimalField, signs: dict[int, tuple[bytes, int]], *, ebcdic: bool
) -> Callable[[bytes], Decimal]:
    overpunch = spec.sign.startswith("overpunch")

    def read(raw: bytes) -> Decimal:
        start = len(raw) - len(raw.lstrip(b"\x40" if ebcdic else b" ")) if spec.leading_blanks else 0
        raw = raw[start:]
        sign = 1
        if overpunch:
            raw, sign = _take_overpunch(raw, spec, signs, start, ebcdic=ebcdic)
        elif ebcdic:
            raw = raw.translate(EBCDIC_DIGITS)
        if not overpunch:
            raw, sign, start = _take_sign(raw, spec, start)
        digits, scale = _unpoint(raw, spec, start)
        return Decimal(f"{'-' if sign < 0 else ''}{digits.decode('ascii')}E-{scale}")

    return read


def _take_overpunch(
    raw: bytes, spec: DecimalField, signs: dict[int, tuple[bytes, int]], start: int, *, ebcdic: bool
) -> tuple[bytes, int]:
    """The digits in ASCII with the sign taken off the first or last byte."""
    last = spec.sign == "overpunch_trailing"
    carrier = raw[-1] if last else raw[0]
    others = raw[:-1] if last else raw[1:]
    if ebcdic:
        others = others.translate(EBCDIC_DIGITS)
    plain = bytes([carrier]).translate(EBCDIC_DIGITS) if ebcdic else bytes([carrier])
    found = signs.get(carrier) or ((plain, 1) if spec.plain_positive and plain.isdigit() else None)
    if found is None:
        at = start + (len(raw) - 1 if last else 0)
        raise FieldProblem("E_SIGN", "has no overpunched sign where it must have one", at=at)
    digit, sign = found
    return (others + digit if last else digit + others), sign


def _take_sign(raw: bytes, spec: DecimalField, start: int) -> tuple[bytes, int, int]:
    """The number without its written sign, the sign, and where the digits start."""
    if spec.sign == "leading" and raw[:1] in {b"+", b"-"}:
        return raw[1:], -1 if raw[:1] == b"-" else 1, start + 1
    if spec.sign == "trailing" and raw[-1:] in {b"+", b"-", b" "}:
        return raw[:-1], -1 if raw[-1:] == b"-" else 1, start
    return raw, 1, start


def _unpoint(raw: bytes, spec: DecimalField, start: int) -> tuple[bytes, int]:
    """All digits without point or group separators, and how many of them are decimals."""
    if spec.decimal == "implied":
        whole = _ungroup(raw, spec)
        if not whole.isdigit():
            raise digits_problem(raw.replace(_group_mark(spec), b"0"), start)
        return whole, spec.scale
    point = b"," if spec.decimal == "comma" else b"."
    whole, pointed, decimals = raw.partition(point)
    whole = _ungroup(whole, spec)
    if not whole.isdigit() or (pointed and not decimals.isdigit()):
        raise digits_problem(whole + decimals if spec.group else raw.replace(point, b"0", 1), start)
    if spec.decimal == "implied_unless_point" and not pointed:
        return whole, spec.scale
    return whole + decimals, len(decimals)


def _group_mark(spec: DecimalField) -> bytes:
    """The thousands separator (none: a digit, which replacing by a digit leaves where it is)."""
    return (spec.group or "0").encode("ascii")


def _ungroup(whole: bytes, spec: DecimalField) -> bytes:
    if spec.group is None:
        return whole
    mark = _group_mark(spec)
    if mark in whole and not re.fullmatch(rb"[0-9]{1,3}(?:" + re.escape(mark) + rb"[0-9]{3})+", whole):
        raise FieldProblem("E_NUM", "has its thousands separators in the wrong places", at=whole.find(mark))
    return whole.replace(mark, b"")
