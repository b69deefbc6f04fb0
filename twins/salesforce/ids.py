"""Record ids: a three-character prefix, a counter in base 62, and the checksum that makes 15 characters 18."""

from __future__ import annotations

import re

DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
CHECK = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
SHAPE = re.compile(r"[A-Za-z0-9]{15}(?:[A-Za-z0-9]{3})?")
POD = "TW0"


def checksum(short: str) -> str:
    """The three characters that tell the case of the 15 before them."""
    groups = (short[0:5], short[5:10], short[10:15])
    return "".join(CHECK[sum(1 << i for i, c in enumerate(group) if "A" <= c <= "Z")] for group in groups)


def make_id(prefix: str, number: int) -> str:
    """The 18-character id of the record with that serial number."""
    tail = ""
    while number:
        number, digit = divmod(number, 62)
        tail = DIGITS[digit] + tail
    short = prefix + POD + tail.rjust(9, "0")
    return short + checksum(short)


def normalise(text: object) -> str | None:
    """The 18-character form of an id given with 15 or 18 characters; None when it is no id."""
    if not isinstance(text, str) or not SHAPE.fullmatch(text):
        return None
    if len(text) == 15:
        return text + checksum(text)
    return text[:15] + text[15:].upper() if checksum(text[:15]) == text[15:].upper() else None
