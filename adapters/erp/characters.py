"""Characters that a code page lacks: replaced by the layout's table, and every replacement is reported."""

from __future__ import annotations

import unicodedata

from adapters.erp.layout import Output


def replaced(text: str, encoding: str, output: Output) -> str:
    """The text in characters that the code page has and that may stand in a field; the same text when all do."""
    return "".join(one if _may_stand(one, encoding) else _instead(one, encoding, output) for one in text)


def _may_stand(text: str, encoding: str) -> bool:
    if any(unicodedata.category(one) == "Cc" for one in text):
        return False
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


def _instead(character: str, encoding: str, output: Output) -> str:
    if character in output.replace:
        return output.replace[character]
    if output.decompose:
        bare = "".join(one for one in unicodedata.normalize("NFKD", character) if not unicodedata.combining(one))
        if bare and _may_stand(bare, encoding):
            return bare
    return output.otherwise
