"""The stable codes of findings, and what an operations person does about each (docs/reference/file-errors)."""

from __future__ import annotations

from dataclasses import dataclass

_RESEND = "Ask for the file again; the copy that arrived is kept as evidence and nothing of it was used."


@dataclass(frozen=True, slots=True)
class Code:
    """What a code means in a few words, and the usual remedy."""

    title: str
    remedy: str


CODES: dict[str, Code] = {
    "E_EMPTY": Code("the file has no bytes", "Ask for the file again: an export without content still has its header."),
    "E_LAYOUT": Code(
        "the file is not of this layout",
        "Send it to the right folder, or name the right layout; if the export changed, change the layout.",
    ),
    "E_SHORT": Code("a record is shorter than declared, or the file is cut", _RESEND),
    "E_LONG": Code(
        "a record is longer than declared",
        "If the export has grown a field, add it to the layout; otherwise ask for the file again.",
    ),
    "E_NEWLINE": Code(
        "line ends are not as declared", "Transfer the file in binary mode, or declare `newline: any` in the layout."
    ),
    "E_HEADER": Code(
        "the columns of the header line are not as declared",
        "Compare the export's columns with the layout and change the layout.",
    ),
    "E_PAGE": Code(
        "the pages of a report are not complete and in order",
        "Ask for the report again, all pages of it; if the spooler writes no form feeds, say so in the layout.",
    ),
    "E_QUOTE": Code(
        "quotes do not pair", "Correct the text in the ERP (a quote inside a quoted text is doubled) and export again."
    ),
    "E_UNKNOWN": Code(
        "a record of a type that the layout does not know",
        "If the export has a new record type, add it to the layout; otherwise ask for the file again.",
    ),
    "E_ORDER": Code("a record stands where it may not", _RESEND),
    "E_MISSING": Code("a record that must be there is missing", _RESEND),
    "E_NUM": Code("not a number", _RESEND),
    "E_SIGN": Code(
        "the sign of a number is not one of the declared form",
        "Check the sign rule of the layout; if it is right, ask for the file again.",
    ),
    "E_DATE": Code("not a date or time that exists", "Correct the date in the ERP and export again."),
    "E_CODE": Code(
        "a value outside its list or form", "Correct the value in the ERP, or add it to the layout if it is right."
    ),
    "E_REQUIRED": Code("a value that must be given is blank", "Fill it in the ERP and export again."),
    "E_RANGE": Code(
        "a value outside its range", "Correct the value in the ERP, or widen the range in the layout if it is right."
    ),
    "E_CHARSET": Code(
        "a byte that the code page does not have",
        "Check the code page of the layout; if it is right, correct the text in the ERP.",
    ),
    "E_CONTROL": Code("a control character in a value", "Remove the character in the ERP and export again."),
    "E_DUP": Code(
        "a key stands twice and says different things",
        "Find out in the ERP which of the two is right and export again.",
    ),
    "E_MATCH": Code("two fields that must be equal differ", _RESEND),
    "E_TOTAL": Code("a count or a sum is not what the file itself states", _RESEND),
    "E_HASH": Code("a hash total is not what the file itself states", _RESEND),
    "E_GUARD": Code(
        "the file differs from the last accepted one more than its layout allows",
        "Look at the export in the ERP: if it is complete and right, a person accepts it; if not, ask for it again.",
    ),
    "E_UNPROVEN": Code("it cannot be proven that the file is intact", _RESEND),
    "E_PATTERN": Code(
        "many records fail in the same way",
        "Look for one cause: a wrong code page, a layout that is off by a column, a transfer in text mode.",
    ),
    "E_SIZE": Code(
        "a group with more records than allowed", "Raise `max_group_records` in the layout if the export is right."
    ),
    "E_CANON": Code(
        "a group that is not complete in canonical words", "Correct the layout's mapping, or the record in the ERP."
    ),
    "E_UNSUPPORTED": Code(
        "a file that can be read, but whose records this version does not apply",
        "Nothing to do now: choose `retry` when a version of the gateway is installed that applies such files.",
    ),
    "W_DRIFT": Code(
        "bytes that used to be blank, or a new column", "Ask what the ERP writes there now and add it to the layout."
    ),
    "W_DUP": Code("a group that repeats an earlier one word for word", "Nothing to do: it was taken once."),
    "W_DST": Code("a local time that the clock showed twice", "Nothing to do: it was read as the layout declares."),
}


@dataclass(slots=True)
class FieldProblem(Exception):
    """A value that cannot be read; `at` is the offset of the byte at fault in it, `only` narrows the columns to it."""

    code: str
    what: str
    at: int | None = None
    only: bool = False
    remedy: str | None = None
