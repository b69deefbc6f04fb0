"""Numbers to bytes, exactly: a number that does not fit its field is never rounded and never cut."""

from __future__ import annotations

from decimal import Decimal

from adapters.erp.layout_fields import DecimalField
from adapters.erp.numbers import MOST_BYTES, is_ebcdic

_POSITIVE, _NEGATIVE = "{ABCDEFGHI", "}JKLMNOPQR"


class Misfit(Exception):
    """A value that its field cannot hold: what is wrong, and what to do about it."""

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(what)
        self.what, self.remedy = what, remedy


def number_bytes(value: Decimal, spec: DecimalField, encoding: str, width: int | None) -> bytes:
    """The number right and zero filled in `width` bytes, or as short as it is without a width; raises `Misfit`."""
    if not value.is_finite():
        raise Misfit("is not a number", "State a number.")
    numerator, denominator = value.as_integer_ratio()
    if numerator < 0 and spec.sign == "none":
        raise Misfit("is negative, and the field has no sign", "State a number that is not below zero.")
    pointed = spec.decimal in {"point", "comma"}
    scale = max(0, -_exponent(value)) if pointed else spec.scale
    units, rest = divmod(abs(numerator) * 10**scale, denominator)
    if rest:
        raise Misfit(
            f"has more than the {scale} decimals of the field", f"Round it to {scale} decimals where it is stated."
        )
    digits = str(units)
    if scale and pointed:
        digits = digits.zfill(scale + 1)
        digits = f"{digits[:-scale]}{',' if spec.decimal == 'comma' else '.'}{digits[-scale:]}"
    room = None if width is None else width - _sign_room(spec, negative=numerator < 0)
    if len(digits) > (MOST_BYTES if room is None else room):
        raise Misfit(f"has {len(digits)} digits; {room or MOST_BYTES} fit", "State a smaller number, or split it.")
    return _signed(digits.zfill(room or 1), spec, encoding, negative=numerator < 0)


def _exponent(value: Decimal) -> int:
    exponent = value.normalize().as_tuple().exponent if len(value.as_tuple().digits) <= MOST_BYTES // 3 else None
    return exponent if isinstance(exponent, int) else int(value.as_tuple().exponent)


def _sign_room(spec: DecimalField, *, negative: bool) -> int:
    return int(spec.sign == "trailing" or (spec.sign == "leading" and negative))


def _signed(digits: str, spec: DecimalField, encoding: str, *, negative: bool) -> bytes:
    """With its sign: written beside the digits, or punched over the first or last of them."""
    if spec.sign == "leading":
        return f"{'-' if negative else ''}{digits}".encode(encoding)
    if spec.sign == "trailing":
        return f"{digits}{'-' if negative else ' '}".encode(encoding)
    if not spec.sign.startswith("overpunch"):
        return digits.encode(encoding)
    at = -1 if spec.sign == "overpunch_trailing" else 0
    carrier = _carrier(int(digits[at]), encoding, negative=negative)
    others = (digits[:-1] if at else digits[1:]).encode(encoding)
    return others + carrier if at else carrier + others


def _carrier(digit: int, encoding: str, *, negative: bool) -> bytes:
    """The digit with its sign; in EBCDIC by nibbles, because code pages disagree about the characters."""
    if is_ebcdic(encoding):
        return bytes([(0xD0 if negative else 0xC0) | digit])
    return (_NEGATIVE if negative else _POSITIVE)[digit].encode("ascii")
