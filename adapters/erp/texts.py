"""Texts, codes, flags and constants from bytes, by the declared code page only."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

from adapters.erp.codes import FieldProblem
from adapters.erp.layout_fields import BoolField, CodeField, ConstField, FillerField, TextField


def decode_text(raw: bytes, encoding: str, allowed: str = "") -> str:
    """The text, or E_CHARSET or E_CONTROL at the byte at fault."""
    try:
        text = raw.decode(encoding)
    except UnicodeDecodeError as error:
        what = f"holds the byte {raw[error.start]:02X}, which {encoding} does not have"
        raise FieldProblem("E_CHARSET", what, at=error.start, only=True) from None
    if not text.isprintable():
        _refuse_controls(text, encoding, allowed)
    return text


def _refuse_controls(text: str, encoding: str, allowed: str) -> None:
    for index, character in enumerate(text):
        if unicodedata.category(character) == "Cc" and character not in allowed:
            at = len(text[:index].encode(encoding))
            what = f"holds the control character {ord(character):02X}"
            raise FieldProblem("E_CONTROL", what, at=at, only=True)


TRIMS: dict[str, Callable[[str], str]] = {
    "right": lambda text: text.rstrip(" "),
    "left": lambda text: text.lstrip(" "),
    "both": lambda text: text.strip(" "),
    "none": lambda text: text,
}


def text_reader(field: TextField, encoding: str, allowed: str = "") -> Callable[[bytes], str | None]:
    """A function that reads the field's bytes; blank is None."""
    trim = TRIMS[field.trim]
    form = re.compile(field.regex, re.ASCII) if field.regex else None
    nulls = frozenset(field.null)

    def decode(raw: bytes) -> str | None:
        text = trim(decode_text(raw, encoding, allowed))
        if not text or text in nulls or (field.trim == "none" and not text.strip(" ")):
            if field.required:
                raise FieldProblem("E_REQUIRED", "is blank")
            return None
        if form and not form.fullmatch(text):
            raise FieldProblem("E_CODE", f"is not of the form {field.regex}")
        if field.max_length is not None and len(text) > field.max_length:
            raise FieldProblem("E_RANGE", f"has {len(text)} characters; at most {field.max_length} may stand there")
        return text

    return decode


def code_reader(field: CodeField, encoding: str) -> Callable[[bytes], str | None]:
    """A function that reads the field's bytes by its table."""
    table = field.map if field.map is not None else {code: code for code in field.in_ or ()}

    def decode(raw: bytes) -> str | None:
        text = decode_text(raw, encoding).strip(" ")
        if text in field.null:
            return None
        if text in table:
            return table[text]
        if not text:
            if field.blank == "error":
                raise FieldProblem("E_REQUIRED", "is blank")
            return None
        if field.unknown == "error":
            raise FieldProblem("E_CODE", f"is none of {', '.join(sorted(table))}")
        return text if field.unknown == "keep" else None

    return decode


def bool_reader(field: BoolField, encoding: str) -> Callable[[bytes], bool | None]:
    """A function that reads the field's bytes as yes or no."""
    table = {**dict.fromkeys(field.yes, True), **dict.fromkeys(field.no, False)}

    def decode(raw: bytes) -> bool | None:
        text = decode_text(raw, encoding).strip(" ")
        if text in field.null:
            return None
        if text not in table:
            if not text:
                raise FieldProblem("E_REQUIRED", "is blank")
            raise FieldProblem("E_CODE", f"is none of {', '.join(sorted(filter(None, table)))}")
        return table[text]

    return decode


def const_reader(field: ConstField, encoding: str) -> Callable[[bytes], str]:
    """A function that accepts one text only."""
    expected = field.is_.encode(encoding)

    def decode(raw: bytes) -> str:
        if raw != expected and raw.rstrip(" ".encode(encoding)) != expected:
            raise FieldProblem("E_CODE", f"must be {field.is_}")
        return field.is_

    return decode


def filler_reader(_field: FillerField, encoding: str) -> Callable[[bytes], None]:
    """A function that reports bytes where there should be none (case F11)."""
    blank = " ".encode(encoding)

    def decode(raw: bytes) -> None:
        rest = raw.lstrip(blank)
        if rest:
            at = len(raw) - len(rest)
            raise FieldProblem("W_DRIFT", "used to be blank", at=at)

    return decode
