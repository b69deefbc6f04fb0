"""Findings about files, in words for a person."""

from __future__ import annotations

from domain.exceptions import Cause, Choice, ExceptionKind, Finding
from domain.files import FileSummary
from domain.stock_guards import StockFinding
from domain.work import FileWork
from store.files import SourceFile


def refused(work: FileWork, summary: FileSummary) -> Finding:
    """Nothing of a file was applied."""
    first = summary.rejects[0] if summary.rejects else None
    why = f"{first.message} {first.remedy}" if first else "It is not a file of this layout."
    sentence = f"File {work.filename} was refused whole, nothing of it was applied: {why}"
    return Finding(
        kind=ExceptionKind.DEAD_LETTER,
        cause=Cause.FILE_REFUSED,
        sentence=sentence,
        choices=(Choice.RETRY, Choice.HANDLED),
    )


def rows_refused(work: FileWork, summary: FileSummary) -> Finding:
    """Some records of a file were refused, the others applied."""
    first = summary.rejects[0] if summary.rejects else None
    example = f" The first: {first.message} {first.remedy}" if first else ""
    sentence = (
        f"{summary.rejected_group_count} of {summary.rejected_group_count + summary.group_count} records of file "
        f"{work.filename} were refused; the others were applied.{example}"
    )
    return Finding(
        kind=ExceptionKind.DEAD_LETTER, cause=Cause.FILE_ROWS_REFUSED, sentence=sentence, choices=(Choice.HANDLED,)
    )


def sequence_repeated(file: SourceFile, other: SourceFile) -> Finding:
    """Two files with one sequence are a conflict (F6)."""
    sentence = (
        f"File {file.filename} has sequence {file.sequence}, as {other.filename} had, with other content. "
        "Accept it as a correction, or refuse it."
    )
    return Finding(
        kind=ExceptionKind.CONFLICT,
        cause=Cause.FILE_SEQUENCE_REPEATED,
        sentence=sentence,
        choices=(Choice.ACCEPT_FILE, Choice.REFUSE_FILE),
    )


def sequence_gap(file: SourceFile, latest: int, *, holds: bool) -> Finding:
    """Files before this one were not applied (F7); `holds`: this one waits for them, or for a person."""
    first, last = latest + 1, (file.sequence or 0) - 1
    missing = f"sequence {first} was" if first == last else f"sequences {first} to {last} were"
    what = "waits" if holds else "was applied"
    sentence = (
        f"File {file.filename} {what}, but {missing} not: never there, or refused. Ask the ERP's operators to send "
        "what is missing; this closes by itself when it is applied."
    )
    choices = (Choice.ACCEPT_FILE, Choice.REFUSE_FILE) if holds else (Choice.HANDLED,)
    return Finding(kind=ExceptionKind.HOLD, cause=Cause.FILE_SEQUENCE_GAP, sentence=sentence, choices=choices)


def failed(filename: str, why: str) -> Finding:
    """The work on a file ended with an error that trying again did not cure."""
    sentence = f"The work on file {filename} stopped: {why} Mend the cause, then retry: what is done already stays."
    return Finding(
        kind=ExceptionKind.DEAD_LETTER,
        cause=Cause.FILE_FAILED,
        sentence=sentence,
        choices=(Choice.RETRY, Choice.HANDLED),
    )


def unapplied(filename: str, key: str, line: int, why: str) -> Finding:
    """One record of a file fits its layout and still cannot be stored; the others were."""
    sentence = f"{key} (line {line} of {filename}) could not be stored: {why} The other records of the file were."
    return Finding(
        kind=ExceptionKind.DEAD_LETTER, cause=Cause.FILE_ROWS_REFUSED, sentence=sentence, choices=(Choice.HANDLED,)
    )


def stock_doubtful(file: SourceFile, found: StockFinding) -> Finding:
    """A stock export that is not believed, or whose gaps are not (case I2, feature G-A9)."""
    partly = found.cause is Cause.STOCK_SHRUNK
    what = "Accept it whole, so that what is missing is gone, or say that it is handled and the missing rows stay."
    whole = f"Stock export {file.filename} waits: nothing of it is applied. Accept it, refuse it, or export again."
    return Finding(
        kind=ExceptionKind.HOLD,
        cause=found.cause,
        sentence=f"{found.sentence} {what if partly else whole}",
        choices=(Choice.ACCEPT_FILE, Choice.HANDLED if partly else Choice.REFUSE_FILE),
    )


def stock_rival(found: StockFinding) -> Finding:
    """Two exports of one instant say different things; the first stands."""
    return Finding(kind=found.kind, cause=found.cause, sentence=found.sentence, choices=(Choice.HANDLED,))
