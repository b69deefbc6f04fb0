"""Lists as CSV files: the API writes them, all that fit, safe to open in a spreadsheet."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Final

import typer

from console.http import Api
from console.output import print_json, say

STANDARD_OUTPUT: Final = Path("-")

AsCsv = Annotated[
    Path | None, typer.Option("--csv", help="Write all that fit to this file as CSV; -: to standard output.")
]


def write_list(api: Api, path: str, file: Path, *, as_json: bool, **params: str | int | None) -> None:
    """A list as a file, whatever its limit on the screen is."""
    write_pieces(api.text(path, format="csv", **params), file, as_json=as_json)


def write_pieces(pieces: Iterable[str], file: Path, *, as_json: bool) -> None:
    """What the API answers as CSV, into a file or to standard output."""
    if file == STANDARD_OUTPUT:
        sys.stdout.writelines(pieces)
        return
    unfinished = file.with_name(f".{file.name}.part")  # one that breaks off leaves the last good one as it is
    try:
        with unfinished.open("w", encoding="utf-8", newline="") as out:
            out.writelines(pieces)
        unfinished.replace(file)
    finally:
        unfinished.unlink(missing_ok=True)
    if as_json:
        print_json({"file": str(file)})
    else:
        say(f"Written to {file}.")
