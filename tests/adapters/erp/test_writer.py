"""The writer: the same layout writes and reads; what does not fit is named, what is replaced is reported."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
import yaml

from adapters.erp.layout import Layout
from adapters.erp.preview import check_layout, preview
from adapters.erp.proof import prove, prove_bytes
from adapters.erp.writer import FileWriter, Unwritable
from domain.errors import Misconfigured
from domain.order_messages import OrderAction, OrderMessage, OrderMessageLine
from twins.erp.ordimp import OrderAction as TwinAction
from twins.erp.ordimp import read_ordimp

AT = datetime(2026, 11, 20, 11, 42, tzinfo=UTC)  # 06:42 in New York


@pytest.fixture(scope="module")
def ordimp(layouts) -> Layout:
    return layouts.get("ordimp")


@pytest.fixture(scope="module")
def writer(ordimp) -> FileWriter:
    return FileWriter(ordimp)


def line(line_no: int = 1, **more: Any) -> OrderMessageLine:
    usual = {"line_no": line_no, "sku": "FLB-0191", "quantity": "4", "uom": "BX", "unit_price": "47.7119"}
    return OrderMessageLine.model_validate({**usual, **more})


def message(number: str = "SO700310", **more: Any) -> OrderMessage:
    usual = {
        "action": OrderAction.ADD,
        "order_number": number,
        "customer_number": "00040277",
        "ordered_on": date(2026, 11, 20),
        "warehouse": "SCR",
        "purchase_order": "PO-7249",
        "terms": "N30",
        "lines": (line(),),
    }
    return OrderMessage.model_validate({**usual, **more})


def rows(content: bytes) -> list[str]:
    assert content.endswith(b"\r\n")
    return content.decode("cp1252").split("\r\n")[:-1]


def test_every_byte_is_where_the_layout_says(writer):
    """Text left and blank filled, numbers right and zero filled, overpunched signs, CYYMMDD, HHMMSS, totals."""
    changed = message(
        "SO700311",
        action=OrderAction.CHANGE,
        requested_on=date(2026, 12, 4),
        purchase_order=None,
        lines=(
            line(1, quantity="38.25", uom="FT", unit_price="1.5"),
            line(2, unit_price="-0.5"),
            line(3, unit_price=0),
        ),
    )
    cancelled = message("SO700312", action=OrderAction.CANCEL, lines=())

    written = writer.write([message(), changed, cancelled], 12, AT)

    assert [row.rstrip() for row in rows(written.content)] == [
        "H1THWORDIMP0000121261120064200",
        "O1ASO700310  0004027712611200000000SCRPO-7249       N30",
        "O20001FLB-0191       000000400BX0000047711I",
        "O9SO700310  0001",
        "O1CSO700311  0004027712611201261204SCR              N30",
        "O20001FLB-0191       000003825FT0000001500{",
        "O20002FLB-0191       000000400BX0000000500}",
        "O20003FLB-0191       000000400BX0000000000{",
        "O9SO700311  0003",
        "O1XSO700312  0004027712611200000000SCRPO-7249       N30",
        "O9SO700312  0000",
        "T9000001200000030000005025",
    ]
    assert {len(row) for row in rows(written.content)} == {120}
    assert written.totals == {"records": "12", "orders": "3", "hash_total": "5025"}
    assert written.replacements == ()


def test_the_twin_of_the_erp_reads_what_is_written(writer):
    found = read_ordimp(writer.write([message(lines=(line(1), line(2, quantity="0.25")))], 7, AT).content)

    assert found.sequence == 7
    [one] = found.orders
    assert (one.action, one.order.order_no, one.requested_on) == (TwinAction.ADD, "SO700310", None)
    assert [(each.line, each.quantity, each.unit_price) for each in one.order.lines] == [
        (1, Decimal(4), Decimal("47.7119")),
        (2, Decimal("0.25"), Decimal("47.7119")),
    ]


def test_a_file_without_an_order_has_its_totals(writer):
    written = writer.write([], 1, AT)
    assert [row.rstrip() for row in rows(written.content)][1] == "T9000000200000000000000000"
    assert read_ordimp(written.content).orders == ()


def test_the_hash_total_keeps_its_last_ten_digits(writer):
    many = tuple(line(number, quantity="9999999.99") for number in range(1, 13))
    written = writer.write([message(lines=many)], 1, AT)
    assert written.totals["hash_total"] == str(12 * 999999999 % 10**10)
    read_ordimp(written.content)


def test_preview_shows_a_written_file(writer, ordimp, tmp_path):
    path = tmp_path / "ORDIMP.S000012"
    path.write_bytes(writer.write([message()], 12, AT).content)

    shown = preview(path, ordimp)

    assert [row["record"] for row in shown] == ["head", "order", "line", "order_end", "tail"]
    assert shown[2]["values"]["quantity"] == "4.00"
    assert all(row["problems"] == [] for row in shown)


TOO_LONG = "x" * 16


@pytest.mark.parametrize(
    ("change", "field", "columns", "said"),
    [
        ({"purchase_order": "P" * 15}, "purchase_order", "columns 39-52", "has 15 characters; 14 fit"),
        ({"terms": "N30X"}, "terms", "columns 53-55", "has 4 characters; 3 fit"),
        ({"order_number": "SO123456789"}, "number", "columns 4-13", "has 11 characters; 10 fit"),
        ({"order_number": "700310"}, "number", "columns 4-13", "is not of the form"),
        ({"customer_number": "40277"}, "customer", "columns 14-21", "is not of the form"),
        ({"warehouse": ""}, "warehouse", "columns 36-38", "is blank"),
        ({"ordered_on": date(1899, 1, 1)}, "ordered_on", "columns 22-28", "has 8 characters; 7 fit"),
        ({"lines": (line(sku=TOO_LONG),)}, "item", "columns 7-21", "has 16 characters; 15 fit"),
        ({"lines": (line(sku="BØ-1"),)}, None, None, None),
        ({"lines": (line(sku="Bŏ-1"),)}, "item", "columns 7-21", "holds 'ŏ' (U+014F), which cp1252 does not have"),
        ({"lines": (line(quantity="10000000"),)}, "quantity", "columns 22-30", "has 10 digits; 9 fit"),
        ({"lines": (line(quantity="-1"),)}, "quantity", "columns 22-30", "is negative, and the field has no sign"),
        ({"lines": (line(quantity="1.005"),)}, "quantity", "columns 22-30", "has more than the 2 decimals"),
        (
            {"lines": (line().model_copy(update={"quantity": Decimal("NaN")}),)},
            "quantity",
            "columns 22-30",
            "not a number",
        ),
        ({"lines": (line(uom="KG"),)}, "uom", "columns 31-32", "is none of BX, CS, EA, FT"),
        ({"lines": (line(unit_price="12345678"),)}, "unit_price", "columns 33-43", "has 12 digits; 11 fit"),
        ({"lines": (line(unit_price="0.00005"),)}, "unit_price", "columns 33-43", "has more than the 4 decimals"),
        ({"lines": (line(0),)}, "line_no", "columns 3-6", "is below 1"),
        ({"lines": (line(10000),)}, "line_no", "columns 3-6", "has 5 digits; 4 fit"),
    ],
)
def test_what_does_not_fit_is_named_and_never_cut(change, field, columns, said, writer):
    # The domain refuses some of these values itself; the writer does not rely on it.
    given = message().model_copy(update=change)
    if field is None:
        writer.write([given], 1, AT)
        return

    with pytest.raises(Unwritable) as caught:
        writer.write([message("SO1"), given], 1, AT)

    error = caught.value
    assert (error.field, error.columns, error.reason) == (field, columns, "does_not_fit")
    assert error.key == given.order_number
    assert said in error.detail
    assert error.remedy in error.detail
    with pytest.raises(Unwritable):
        writer.check(given)


def test_too_many_lines_for_their_count_are_refused(writer):
    with pytest.raises(Unwritable):
        writer.check(message(lines=tuple(line(number) for number in range(1, 10001))))


def test_a_sequence_that_does_not_fit_is_refused(writer):
    with pytest.raises(Unwritable, match="sequence of the head record"):
        writer.write([], 1_000_000, AT)


@pytest.mark.parametrize(
    ("given", "written"),
    [
        ("PO “7” – 8", "PO “7” – 8"),  # cp1252 has these
        ("5′ 6″", "5' 6\""),
        ("Łódź", "Lódz"),
        ("Ş-ĞĂŚ", "S-GAS"),
        ("ﬁne", "fine"),
        ("A\u200bB\u202fC", "AB C"),
        ("東京", "??"),
        ("A\tB\x85C", "A B?C"),
        ("≥3", ">=3"),
        ("😀", "?"),
    ],
)
def test_characters_outside_the_code_page_are_replaced_and_reported(given, written, writer, ordimp):
    result = writer.write([message(purchase_order=given)], 1, AT)

    assert rows(result.content)[1][38:52].rstrip() == written
    changed = [(one.key, one.field, one.given, one.written) for one in result.replacements]
    assert changed == ([] if given == written else [("SO700310", "purchase_order", given, written)])
    prove_bytes(result, ordimp)


def test_a_text_of_which_nothing_is_left_is_no_value(writer, ordimp):
    result = writer.write([message(purchase_order="\u200b")], 1, AT)
    assert result.groups[0]["purchase_order"] is None
    assert len(result.replacements) == 1
    prove_bytes(result, ordimp)


def test_a_replacement_that_makes_a_text_too_long_is_an_error(writer):
    with pytest.raises(Unwritable, match="15 characters"):
        writer.write([message(purchase_order="1234567890123≥")], 1, AT)


def test_a_file_that_says_something_else_is_not_proven(writer, ordimp, tmp_path):
    written = writer.write([message()], 12, AT)
    path = tmp_path / "file"
    for change in (
        {b"FLB-0191": b"FLB-0192"},
        {b"BX0000047711I": b"BX0000047711H"},
        {b"O9SO700310  0001": b"O9SO700310  0002"},
        {b"ORDIMP000012": b"ORDIMP000013"},
    ):
        [(old, new)] = change.items()
        assert written.content.count(old) == 1
        path.write_bytes(written.content.replace(old, new))
        with pytest.raises(Misconfigured, match="does not read back"):
            prove(path, ordimp, 12, written.groups)
    path.write_bytes(written.content)
    prove(path, ordimp, 12, written.groups)


def test_what_arrives_in_a_layout_is_not_written(shpcnf):
    with pytest.raises(Misconfigured, match="direction"):
        FileWriter(shpcnf)


@pytest.fixture
def text(layout_folder) -> str:
    return (layout_folder / "ordimp.yaml").read_text("utf-8")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (", to: terms}", "}", "records.order.terms: nothing gives its value"),
        ("  - {count: line, equals: order_end.lines, scope: message}\n", "", "records.order_end.lines: nothing gives"),
        ("  - tail 1..1", "  - tail 0..n", "tail stands once"),
        ("    into: lines[]\n", "", "line stands once"),
        ("\"\\u2264\": '<='", '"\\u2264": "\\u2265"', "is not in cp1252 either"),
        ("\"\\u2264\": '<='", "ab: c", "is not one character"),
    ],
)
def test_a_layout_that_cannot_be_written_is_refused(old, new, said, text, tmp_path):
    assert old in text
    path = tmp_path / "some.yaml"
    path.write_text(text.replace(old, new), "utf-8")
    problems = "; ".join(check_layout(path))
    assert said in problems


def test_an_example_that_is_written_otherwise_is_found(text, tmp_path):
    path = tmp_path / "some.yaml"
    path.write_text(text.replace("O20001FLB-0191       000000400BX", "O20001FLB-0191       0000+0400BX"), "utf-8")
    assert check_layout(path) != []
    path.write_text(text.replace("'null': '0000000', to", "'null': ['0000000', '9999999'], to").replace(
        "N30'\n    values:\n      action", "N30'\n    values:\n      action").replace(
        "12611200000000SCR", "12611209999999SCR"), "utf-8")  # fmt: skip
    [problem] = check_layout(path)
    assert "is written as" in problem


def test_delimited_files_are_written_too(text, tmp_path, read):
    """The same values in another form: quotes doubled, a header line, points instead of implied decimals."""
    raw = yaml.load(text, Loader=yaml.BaseLoader)  # noqa: S506 - builds text, lists and dicts only
    del raw["file"]["record_bytes"], raw["examples"]
    raw["format"] = {"type": "delimited", "delimiter": ";", "quote": '"'}
    for record in raw["records"].values():
        record["when"] = {"col": "1", "is": record["when"]["is"]}
        record["fields"].pop("rest")
        for column, one in enumerate(record["fields"].values(), 1):
            del one["at"]
            one["col"] = str(column)
    line_fields = raw["records"]["line"]["fields"]
    line_fields["quantity"] = {"col": "4", "type": "decimal", "decimal": "comma", "to": "quantity"}
    line_fields["unit_price"].update(sign="leading")
    path = tmp_path / "some.yaml"
    path.write_text(yaml.safe_dump(raw), "utf-8")
    layout = Layout.load(path)

    given = [message(purchase_order='a;"b"', lines=(line(unit_price="-2.5", quantity="3.75"),))]
    written = FileWriter(layout).write(given, 3, AT)

    assert rows(written.content)[1:3] == [
        'O1;A;SO700310;00040277;1261120;0000000;SCR;"a;""b""";N30',
        "O2;1;FLB-0191;3,75;BX;-25000",
    ]
    prove_bytes(written, layout)
    outcome = read(written.content, layout)
    assert [OrderMessage.model_validate(group) for group in outcome.kept] == given

    del raw["format"]["quote"]
    path.write_text(yaml.safe_dump(raw), "utf-8")
    with pytest.raises(Unwritable, match="which ends a column"):
        FileWriter(Layout.load(path)).write(given, 3, AT)
