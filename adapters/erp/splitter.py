"""Bytes to records: reads in chunks, never holds more than one record, and accounts for every byte."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from dataclasses import replace
from typing import BinaryIO

from adapters.erp.layout import FileRules, Layout
from adapters.erp.raw import RawRecord, Skipped

CHUNK = 1 << 20
_RETURNS = {"crlf": True, "lf": False}
_ENDS = {"crlf": b"\n", "lf": b"\n", "any": b"\n", "cr": b"\r"}


def split(stream: BinaryIO, layout: Layout) -> Iterator[RawRecord | Skipped]:
    """Records and declared skips in file order; together they tile the file exactly."""
    lines = _lines(stream, layout.file)
    quote = getattr(layout.format, "quote", None)
    if quote and getattr(layout.format, "embedded_newline", False):
        lines = _join_quoted(lines, quote.encode(layout.file.encoding), layout.file.max_record_bytes)
    return _furniture(lines, layout.file)


def _lines(stream: BinaryIO, rules: FileRules) -> Iterator[RawRecord]:
    """Physical lines with their line end still on; a line longer than the limit is cut but its bytes are counted."""
    end_mark = _ENDS[rules.newline]
    limit = rules.max_record_bytes + 4
    line, offset = 1, 0
    kept, length = bytearray(), 0
    while chunk := stream.read(CHUNK):
        pieces = chunk.split(end_mark)
        for piece in pieces[:-1]:
            if not length and len(piece) <= limit:  # nearly every line
                end = offset + len(piece) + 1
                yield RawRecord(line, line, offset, end, piece)
                offset, line = end, line + 1
                continue
            whole = bytes(kept) + piece[: max(limit - len(kept), 0)]
            total = length + len(piece)
            yield _line(line, offset, total + 1, whole, ended=True)
            offset += total + 1
            line, length = line + 1, 0
            kept.clear()
        kept += pieces[-1][: max(limit - len(kept), 0)]
        length += len(pieces[-1])
    if length:
        yield _line(line, offset, length, bytes(kept), ended=False)


def _line(line: int, offset: int, length: int, body: bytes, *, ended: bool) -> RawRecord:
    oversize = length - ended > len(body)
    return RawRecord(line, line, offset, offset + length, body, ended=ended, oversize=oversize)


def _join_quoted(lines: Iterator[RawRecord], quote: bytes, limit: int) -> Iterator[RawRecord]:
    """Join lines while a quote is open, up to the limit; doubled quotes count twice and change nothing."""
    held: RawRecord | None = None
    for part in lines:
        if held is None:
            whole = part
        else:
            body = held.body + b"\n" + part.body
            whole = replace(
                part, line=held.line, offset=held.offset, body=body[: limit + 4], oversize=len(body) > limit
            )
        is_open = whole.body.count(quote) % 2 == 1 and part.ended and not whole.oversize
        held = whole if is_open else None
        if not is_open:
            yield whole
    if held is not None:
        yield held


def _furniture(lines: Iterator[RawRecord], rules: FileRules) -> Iterator[RawRecord | Skipped]:
    """Take off what the layout declares around the records: marks, line ends, form feeds, blank lines."""
    eof_mark = bytes.fromhex(rules.eof_marker) if rules.eof_marker else None
    for raw in lines:
        if raw.offset == 0 and rules.bom == "optional" and raw.body.startswith(codecs.BOM_UTF8):
            yield Skipped(0, len(codecs.BOM_UTF8))
            raw.offset, raw.body = len(codecs.BOM_UTF8), raw.body[len(codecs.BOM_UTF8) :]
        if eof_mark and not raw.ended and raw.body and not raw.body.strip(eof_mark) and not raw.oversize:
            yield Skipped(raw.offset, raw.end)
            continue
        record = _strip(raw, rules)
        if rules.blank_lines == "skip" and record.ended and not record.body.strip(b" "):
            yield Skipped(record.offset, record.end)
            continue
        if record.end > record.offset:
            yield record


def _strip(raw: RawRecord, rules: FileRules) -> RawRecord:
    """Without line end and declared form feed; remembers whether the line end is the declared one."""
    body = raw.body
    has_return = raw.ended and rules.newline != "cr" and body.endswith(b"\r")
    expected = _RETURNS.get(rules.newline, has_return)
    raw.newline_ok = not raw.ended or has_return == expected
    if has_return and not raw.oversize:
        body = body[:-1]
    if rules.form_feed == "strip" and body.startswith(b"\x0c"):
        body, raw.column = body[1:], 2
    raw.body = body
    if len(body) > rules.max_record_bytes:
        raw.body, raw.oversize = body[: rules.max_record_bytes], True
    return raw
