"""Cutting a delimited record into its columns, strictly: a quote that does not pair is an error, never a guess."""

from __future__ import annotations

from adapters.erp.codes import FieldProblem
from adapters.erp.layout import DelimitedFormat
from adapters.erp.raw import Cell


def cut(body: bytes, form: DelimitedFormat, encoding: str) -> list[Cell]:
    """The cells of a record with their byte columns; raises E_QUOTE at the byte at fault."""
    mark = form.delimiter.encode(encoding)
    quote = form.quote.encode(encoding) if form.quote else None
    if quote is None or quote not in body:
        return plain(body, mark)
    cells: list[Cell] = []
    position = 0
    while True:
        cell, position = _next(body, position, mark, quote)
        cells.append(cell)
        if position > len(body):
            return cells


def plain(body: bytes, mark: bytes) -> list[Cell]:
    """The cells of a record in which no quote has a meaning."""
    cells = []
    start = 0
    for piece in body.split(mark):
        cells.append(Cell(start + 1, start + max(len(piece), 1), piece))
        start += len(piece) + len(mark)
    return cells


def _next(body: bytes, start: int, mark: bytes, quote: bytes) -> tuple[Cell, int]:
    """The cell at `start` and where the next one starts (past the end after the last)."""
    if not body.startswith(quote, start):
        end = body.find(mark, start)
        end = len(body) if end < 0 else end
        raw = body[start:end]
        if quote in raw:
            raise FieldProblem(
                "E_QUOTE", "has a quote inside a text that does not start with one", at=start + raw.find(quote)
            )
        return Cell(start + 1, max(end, start + 1), raw), end + len(mark)
    close = _closing(body, start + 1, quote)
    if close < 0:
        raise FieldProblem("E_QUOTE", "starts with a quote that is never closed", at=start)
    end = close + 1
    if end < len(body) and not body.startswith(mark, end):
        raise FieldProblem("E_QUOTE", "goes on after its closing quote", at=end)
    return Cell(start + 1, end, body[start + 1 : close].replace(quote * 2, quote)), end + len(mark)


def _closing(body: bytes, start: int, quote: bytes) -> int:
    """Where the quote stands that closes the text: the first that is not doubled."""
    at = body.find(quote, start)
    while at >= 0 and body.startswith(quote, at + 1):
        at = body.find(quote, at + 2)
    return at
