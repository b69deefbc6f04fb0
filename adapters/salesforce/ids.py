"""Record ids of Salesforce: 15 characters in which case counts, or 18 of which the last three tell the case."""

from __future__ import annotations

import re

_SHAPE = re.compile(r"[A-Za-z0-9]{15}(?:[A-Za-z0-9]{3})?")
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"


def full_id(text: object) -> str | None:
    """The id in its one form of 18 characters; None for what is no id, such as one whose last three do not fit.

    In a query one wrong id fails all the others, so none is let through.
    """
    if not isinstance(text, str) or not _SHAPE.fullmatch(text):
        return None
    whole = text[:15] + _case_of(text[:15])
    return whole if len(text) == 15 or text[15:].upper() == whole[15:] else None


def _case_of(short: str) -> str:
    groups = (short[0:5], short[5:10], short[10:15])
    return "".join(_LETTERS[sum(1 << place for place, one in enumerate(group) if one.isupper())] for group in groups)
