"""Delimited records: quotes, line ends inside texts, and the edge cases that others have collected."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from adapters.erp import columns
from adapters.erp.codes import FieldProblem
from adapters.erp.layout import DelimitedFormat, Layout
from adapters.erp.targets import MODELS
from domain.files import Entity

SPECTRUM = Path(__file__).resolve().parents[4] / "shared" / "erp-samples" / "csv-spectrum"
NAMES = sorted(path.stem for path in (SPECTRUM / "csvs").glob("*.csv")) if SPECTRUM.is_dir() else []
COMMA = DelimitedFormat(type="delimited", delimiter=",", quote='"')


@pytest.fixture(autouse=True)
def _free_words(monkeypatch):
    """An entity without a model of its own: its paths may be any."""
    monkeypatch.delitem(MODELS, Entity.RETURNS)


def generic(columns_, **form):
    """A layout of texts for any header."""
    return Layout.model_validate(
        {
            "layout": {"id": "csv", "version": "1", "entity": "returns", "timezone": "UTC"},
            "intake": {"match": "csv$"},
            "file": {
                "encoding": "utf-8",
                "newline": "any",
                "last_newline": "optional",
                "blank_lines": "skip",
                "bom": "optional",
            },
            "format": {
                "type": "delimited",
                "delimiter": ",",
                "quote": '"',
                "header": "by_name",
                "embedded_newline": "true",
                **form,
            },
            "records": {
                "row": {
                    "fields": {f"f{n}": {"col": name, "trim": "none", "to": name} for n, name in enumerate(columns_)}
                }
            },
            "structure": ["row 0..n"],
            "semantics": {"key": "row.f0"},
            "on_error": {"unit": "row"},
        }
    )


@pytest.mark.parametrize(
    "name", NAMES or [pytest.param("", marks=pytest.mark.skip(reason="the samples are not at hand"))]
)
def test_the_csv_spectrum(name, read):
    expected = json.loads((SPECTRUM / "json" / f"{name}.json").read_text("utf-8"))
    outcome = read(SPECTRUM / "csvs" / f"{name}.csv", generic(list(expected[0])))
    assert not outcome.summary.refused
    found = [{key: group.payload.get(key, "") for key in expected[0]} for group in outcome.groups]
    # The stored copy of one sample has lost its carriage returns, which its expectation still has.
    has_returns = b"\r" in (SPECTRUM / "csvs" / f"{name}.csv").read_bytes()
    wanted = expected if has_returns else json.loads(json.dumps(expected).replace("\\r\\n", "\\n"))
    assert found == wanted


def test_cells_know_their_columns():
    cells = columns.cut(b'a,"b ""c""",,d', COMMA, "cp1252")
    assert [(cell.start, cell.end, cell.raw) for cell in cells] == [
        (1, 1, b"a"),
        (3, 11, b'b "c"'),
        (13, 13, b""),
        (14, 14, b"d"),
    ]
    assert [cell.raw for cell in columns.cut(b'"",', COMMA, "cp1252")] == [b"", b""]


@pytest.mark.parametrize(("body", "at"), [(b'a,"b', 2), (b'a,"b"c,d', 5), (b'a,b"c', 3)])
def test_quotes_that_do_not_pair_are_an_error_at_their_byte(body, at):
    with pytest.raises(FieldProblem) as caught:
        columns.cut(body, COMMA, "cp1252")
    assert (caught.value.code, caught.value.at) == ("E_QUOTE", at)


def test_lines_of_a_quoted_text_belong_to_one_record(read):
    outcome = read(b'a,b\r\n1,"x\r\ny"\r\n2,z\r\n', generic(["a", "b"]))
    assert [(group.line_from, group.line_to) for group in outcome.groups] == [(2, 3), (4, 4)]
    assert outcome.groups[0].payload["b"] == "x\r\ny"


def test_a_quote_that_is_never_closed_is_bounded(read):
    content = b'a,b\r\n1,"x' + b"\r\nyyyyyyyy" * 20_000
    outcome = read(content, generic(["a", "b"]))
    assert outcome.kept == []
    assert outcome.summary.refused or outcome.summary.rejected_group_count > 0


def test_a_byte_order_mark_is_skipped_only_where_declared(read):
    content = b"\xef\xbb\xbfa,b\r\n1,2\r\n"
    outcome = read(content, generic(["a", "b"]))
    assert [group.payload for group in outcome.groups] == [{"a": "1", "b": "2"}]
    assert outcome.summary.skipped_bytes == len(content) - 5


def test_aliases_and_new_columns(read):
    layout = generic(["a", "b"], aliases={"B2": "b"}, columns="min")
    outcome = read(b"A,B2,new\r\n1,2,3\r\n", layout)
    assert [group.payload for group in outcome.groups] == [{"a": "1", "b": "2"}]
    assert outcome.codes == ["W_DRIFT"]
    must = generic(["a", "b"], header="must_equal", names=["a", "b"])
    assert read(b"b,a\r\n1,2\r\n", must).codes == ["E_HEADER"]


def test_crlf_where_lf_is_declared_is_told_once(layouts, read, samples):
    raw = layouts.get("itmmst").model_dump(mode="json", by_alias=True)
    raw["file"]["newline"] = "lf"
    outcome = read(samples / "ITMMST.TAB", Layout.model_validate(raw))
    assert outcome.codes == ["E_NEWLINE"]
    assert outcome.summary.refused
    raw["file"]["newline"] = "crlf"
    content = (samples / "ITMMST.TAB").read_bytes()
    assert read(content, Layout.model_validate(raw)).codes == []
    assert read(content.replace(b"\r\n", b"\n"), Layout.model_validate(raw)).codes == ["E_NEWLINE"]
