"""The lines of a received file as they came, for people to look at: some of them, as text of its code page."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from pydantic import BaseModel, ConfigDict

from activities.receiving import Receiver
from domain.errors import Missing
from store.files import SourceFile

LINE_CHARACTERS = 2000  # of a longer line the rest is not shown
DEFAULT_ENCODING = "utf-8"  # of a file that no layout fits


class FileLine(BaseModel):
    """A line by its number, from 1; characters that its code page does not know are shown as such."""

    model_config = ConfigDict(frozen=True)

    line: int
    text: str


def lines_of(receiver: Receiver, file: SourceFile, first: int, count: int) -> list[FileLine]:
    """So many lines from the first one on. Raises Missing where the bytes are not kept any more.

    The file is read from its beginning: lines have no index. A file without line ends is one line.
    """
    encoding = encoding_of(receiver, file)
    return [
        FileLine(line=number, text=raw.decode(encoding, "replace").rstrip("\r\n")[:LINE_CHARACTERS])
        for number, raw in enumerate(islice(raw_lines(receiver, file), first - 1, first - 1 + count), start=first)
    ]


def encoding_of(receiver: Receiver, file: SourceFile) -> str:
    """The code page of a file's layout."""
    known = file.layout in receiver.layouts.names
    return receiver.layouts.get(file.layout).file.encoding if known else DEFAULT_ENCODING


def raw_lines(receiver: Receiver, file: SourceFile) -> Iterator[bytes]:
    """The bytes of a file, line by line, with their line ends. Raises Missing where they are not kept any more."""
    try:
        with (receiver.folder / file.sha256[:2] / file.sha256).open("rb") as content:
            yield from content
    except FileNotFoundError as error:
        detail = "The bytes of this file are no longer in the data folder. Hand it in again."
        raise Missing(detail, reason="file") from error
