"""Guards: how far a file may differ from the last accepted one, and from now, before a person has to look."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal
from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer, model_validator

from adapters.erp.layout_checks import Ref
from adapters.erp.layout_fields import Strict

_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


def _read_percent(value: object) -> object:
    """`-20%` is a share of one hundred."""
    if not isinstance(value, str):
        return value
    found = re.fullmatch(r"([+-]?[0-9]+(?:\.[0-9]+)?)%", value)
    if not found:
        raise ValueError(f"{value!r} is not a share: write `-20%`")
    return Decimal(found[1])


def _read_age(value: object) -> object:
    """`36h`, `90m`, `2d`."""
    if not isinstance(value, str):
        return value
    found = re.fullmatch(r"([0-9]{1,6})([mhd])", value)
    if not found:
        raise ValueError(f"{value!r} is not a length of time: write `90m`, `36h` or `2d`")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


Percent = Annotated[Decimal, BeforeValidator(_read_percent), PlainSerializer(lambda share: f"{share:f}%")]
Age = Annotated[timedelta, BeforeValidator(_read_age), PlainSerializer(lambda age: f"{age // timedelta(minutes=1)}m")]


class ZeroShare(Strict):
    """No more than `most` of the groups may state zero in the field `of` (a cut or empty source states zeros)."""

    of: Ref
    most: Percent


class Guards(Strict):
    """What refuses a file that is well formed but cannot be true; checked by the caller, who knows the last file.

    `records_vs_last`: least and most change of the number of groups. `as_of_max_age`, `as_of_max_ahead`: how long ago,
    or how far ahead, the instant of the export may lie.
    """

    records_vs_last: tuple[Percent, Percent] | None = None
    zero_share: ZeroShare | None = None
    as_of_max_age: Age | None = None
    as_of_max_ahead: Age | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Guards:
        span = self.records_vs_last
        if span is not None and not (Decimal(-100) <= span[0] <= 0 <= span[1]):
            raise ValueError("`records_vs_last` is the least and the most change: write `[-20%, +50%]`")
        if self.zero_share is not None and not 0 <= self.zero_share.most <= Decimal(100):
            raise ValueError("`most` is a share of the groups: write `40%`")
        return self

    @property
    def zero_total(self) -> str | None:
        """The name of the total that counts the zeros."""
        return f"zero_{self.zero_share.of.partition('.')[2]}" if self.zero_share else None
