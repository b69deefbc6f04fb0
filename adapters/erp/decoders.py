"""The decoder of a record type, whatever the format of its layout."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Protocol

from adapters.erp.decoder import DelimitedDecoder, FixedDecoder, Problem
from adapters.erp.layout import DelimitedFormat, Layout
from adapters.erp.layout_report import ReportFormat
from adapters.erp.raw import Decoded, RawRecord
from adapters.erp.report_decoder import ReportDecoder


class Decoder(Protocol):
    """Makes values of a record, and says what is wrong with it."""

    def decode(self, raw: RawRecord, name: str, number: int) -> tuple[Decoded, list[Problem]]:
        """The record's values, and its problems with their columns."""
        ...


def decoder_of(
    layout: Layout, record: str, positions: Mapping[str, int], only: Collection[str] | None = None
) -> Decoder:
    """The reference decoder of one record type; `only` limits it to the fields of those names."""
    match layout.format:
        case DelimitedFormat() as form:
            return DelimitedDecoder(layout.records[record], layout, form, dict(positions), only)
        case ReportFormat() as form:
            return ReportDecoder(layout, record, form, only)
        case _:
            return FixedDecoder(layout.records[record], layout.file, only)
