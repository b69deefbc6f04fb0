"""Reading a layout's YAML: every scalar stays text, and a key may stand only once.

YAML turns the record id `NO` into False, `010` into 8 and keeps the last of two equal keys; a layout means what is
written. So nothing is resolved here: the model converts each text where it knows the type.
"""

from __future__ import annotations

from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from domain.errors import Misconfigured


class _TextLoader(yaml.BaseLoader):
    """Builds text, lists and dicts only, and refuses a key that stands twice in one mapping."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:  # noqa: FBT001, FBT002 - the signature is PyYAML's
        seen: set[str] = set()
        for key_node, _ in node.value:
            key = str(key_node.value)
            if key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key!r} stands twice", key_node.start_mark
                )
            seen.add(key)
        return super().construct_mapping(node, deep)


def _refuse(path: Path, problem: str) -> Misconfigured:
    return Misconfigured(f"{path.name}: {problem}", reason="layout", file=path.name)


def read_yaml(path: Path) -> dict[str, Any]:
    """The layout file as plain text values; raises `Misconfigured` naming the file and the place."""
    try:
        content = yaml.load(path.read_text("utf-8"), Loader=_TextLoader)  # noqa: S506 - builds text, lists and dicts only
    except UnicodeDecodeError as error:
        raise _refuse(path, f"byte {error.start + 1} is not UTF-8: save the layout as UTF-8") from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise _refuse(path, f"{where}{error.problem}: correct the YAML there") from error
    except yaml.reader.ReaderError as error:
        place = f"character {error.position + 1} is a control character"
        raise _refuse(path, f"{place}, which YAML does not take: remove it") from error
    except RecursionError as error:
        raise _refuse(path, "it is nested too deeply to be a layout") from error
    if not isinstance(content, dict):
        raise _refuse(path, "a layout is a mapping that starts with `layout:`")
    return content


def problems_of(error: ValidationError) -> list[str]:
    """Each problem of a layout as `path.in.the.yaml: what is wrong`, in the order of the file."""
    return [_sentence(one["loc"], one["type"], one["msg"]) for one in error.errors(include_url=False)]


def _sentence(place: tuple[int | str, ...], kind: str, message: str) -> str:
    where = ".".join(str(part) for part in place) or "the layout"
    plain = {
        "extra_forbidden": "this word is not part of the layout language: check its spelling (docs/reference/layouts)",
        "missing": "must be given",
    }.get(kind, message.removeprefix("Value error, "))
    return f"{where}: {plain}"


def invalid_layout(path: Path, error: ValidationError) -> Misconfigured:
    """The error for a layout that is YAML but not a layout: all problems, each with its path."""
    return _refuse(path, "; ".join(problems_of(error)))
