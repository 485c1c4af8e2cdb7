"""What arrives: edited, moved, renamed, converted. Rows are found by code, columns by heading."""

import zipfile
from collections.abc import Callable
from io import BytesIO

import builders as b
import pytest
from odf.opendocument import OpenDocumentSpreadsheet
from odf.table import Table, TableCell, TableRow
from openpyxl import Workbook

from treem.forms.check import Checked, check
from treem.forms.read import Reading, read_form, read_forms

EXPECTED = {
    place: ("not_applicable", None) if value == "không áp dụng" else ("number", 1 if value == "Có" else value)
    for place, value in b.GOOD.items()
}


def _check(data: bytes) -> Checked:
    return check(b.FORM, b.build_settings(), read_form(data), expected_token=b.TOKEN, expected_body=b.BODY.code)


def _values(checked: Checked) -> dict[tuple[str, str], tuple[str, object]]:
    return {(v.figure, v.column): (v.kind, v.number) for v in checked.values}


def _assert_all_read(data: bytes) -> Checked:
    checked = _check(data)
    assert checked.findings == ()
    assert _values(checked) == EXPECTED
    assert {n.section: n.text for n in checked.narratives} == b.TEXTS
    assert checked.valid and checked.complete and not checked.blank
    return checked


@pytest.mark.parametrize("convert", [b.Filling.save, lambda f: b.as_xls(f.book), lambda f: b.as_ods(f.book)])
def test_round_trip(convert: Callable[[b.Filling], bytes]) -> None:
    checked = _assert_all_read(convert(b.open_form().fill()))
    (total,) = [v for v in checked.values if (v.figure, v.column) == ("LD-01", "total")]
    assert (total.sheet, total.cell) == ("Số liệu", b.open_form().at("LD-01"))


def test_marks_are_read() -> None:
    reading = read_form(b.build_form())
    assert (reading.kind, reading.problem) == ("form", None)
    marks = (reading.token, reading.form_code, reading.form_version, reading.body_code)
    assert marks == (b.TOKEN, "BM-XA", 1, "03424")


def test_case_74_the_printed_marks_serve_when_the_hidden_sheet_is_gone() -> None:
    form = b.open_form().fill()
    del form.book["treem"]
    reading = read_form(form.save())
    marks = (reading.token, reading.form_code, reading.form_version, reading.body_code)
    assert marks == (b.TOKEN, "BM-XA", 1, "03424")


def test_case_74_renamed_sheets() -> None:
    form = b.open_form().fill()
    form.figures.title, form.prose.title = "Sheet1", "Bản Bo gửi"
    _assert_all_read(form.save())


def test_case_74_rows_moved_and_inserted() -> None:
    form = b.open_form().fill()
    sheet = form.figures
    lines = [[cell.value for cell in row] for row in sheet.iter_rows(min_row=form.row("LD-01"))]
    top = form.row("LD-01")
    for offset, line in enumerate(reversed(lines)):
        for column, value in enumerate(line, 1):
            sheet.cell(top + 3 + 2 * offset, column).value = value
    for row in range(top, top + 3 + 2 * len(lines)):
        if (row - top - 3) % 2 or row < top + 3:
            for column in range(1, 11):
                sheet.cell(row, column).value = None
    _assert_all_read(form.save())


def test_case_74_columns_in_another_order_in_a_new_book() -> None:
    form = b.open_form().fill()
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    order = "JGFDEBCA"
    for target, source in enumerate(order, 3):
        for cell in form.figures[source]:
            sheet.cell(cell.row + 4, target).value = cell.value
    prose = book.create_sheet("x")
    for row in form.prose.iter_rows():
        for cell in row:
            prose.cell(cell.row, cell.column + 2).value = cell.value if cell.value is not None else None
    out = BytesIO()
    book.save(out)
    checked = _check(out.getvalue())
    assert _values(checked) == EXPECTED
    assert {n.section: n.text for n in checked.narratives} == b.TEXTS
    assert checked.findings == ()


def test_last_years_column_under_a_group_heading_is_not_this_years() -> None:
    form = b.open_form().fill()
    head = form.row("LD-01") - 1
    form.figures.cell(head - 1, 4).value, form.figures.cell(head - 1, 8).value = "Kỳ này", "Cùng kỳ năm trước"
    form.figures.cell(head, 8).value = "Tổng số"
    for code in b.CODES:
        form.figures.cell(form.row(code), 8).value = 7
    _assert_all_read(form.save())


def test_a_doubled_heading_is_asked_about() -> None:
    form = b.open_form().fill()
    form.figures.cell(form.row("LD-01") - 1, 8).value = "Tổng số"
    assert "double_heading" in [found.rule for found in _check(form.save()).findings]


def test_a_lost_heading_row_is_named_once() -> None:
    form = b.open_form().fill()
    for cell in form.figures[form.row("LD-01") - 1]:
        cell.value = None
    checked = _check(form.save())
    assert [found.rule for found in checked.findings] == ["no_heading"]
    assert not checked.valid


def test_a_lost_column_is_named_once() -> None:
    form = b.open_form().fill()
    form.figures.cell(form.row("LD-01") - 1, 6).value = "abc"
    found = [f for f in _check(form.save()).findings if f.rule == "missing_column"]
    assert len(found) == 1 and "Nữ" in found[0].message


def test_case_78_text_is_composed_and_cleaned() -> None:
    form = b.open_form().fill(texts={"III.9.1": "To\u0302\u0309 chu\u031b\u0301c\u200b 3 buo\u0302\u0309i\u202e"})
    (text,) = read_form(form.save()).narratives[:1]
    assert text.text == "Tổ chức 3 buổi"


def test_an_answer_continued_on_inserted_rows_belongs_to_its_section() -> None:
    form = b.open_form().fill()
    row = form.row("III.9.1", form.prose)
    form.prose.insert_rows(row + 1)
    form.prose.cell(row + 1, 3).value = "Dòng viết thêm."
    texts = {n.section: n.text for n in read_form(form.save()).narratives}
    assert texts["III.9.1"].endswith("Dòng viết thêm.") and not texts["kien-nghi"]


def test_notes_are_kept_beside_the_figures() -> None:
    form = b.open_form().fill()
    form.figures[f"J{form.row('LD-02')}"] = "Rà soát tháng 5"
    checked = _check(form.save())
    assert [(n.section, n.text) for n in checked.notes] == [("LD-02", "Rà soát tháng 5")]


def test_case_76_error_cells_and_formulas_without_a_result() -> None:
    form = b.open_form().fill()
    form.figures[form.at("LD-01")] = "=D14+1"
    raw = form.save()
    cell = form.at("LD-02")
    with zipfile.ZipFile(BytesIO(raw)) as package:
        parts = {name: package.read(name) for name in package.namelist()}
    sheet = parts["xl/worksheets/sheet1.xml"].decode()
    start = sheet.index(f'<c r="{cell}"')
    end = sheet.index("</c>", start)
    sheet = f'{sheet[:start]}<c r="{cell}" t="e"><f>1/0</f><v>#DIV/0!</v>{sheet[end:]}'
    parts["xl/worksheets/sheet1.xml"] = sheet.encode()
    out = BytesIO()
    with zipfile.ZipFile(out, "w") as package:
        for name, part in parts.items():
            package.writestr(name, part)
    rules = {found.cell: found.rule for found in _check(out.getvalue()).findings}
    assert rules[form.at("LD-01")] == "uncalculated"
    assert rules[cell] == "error_value"


def test_case_76_error_cells_of_an_ods() -> None:
    form = b.open_form().fill()
    document = OpenDocumentSpreadsheet()
    table = Table(name="Số liệu")
    for values in form.figures.iter_rows(values_only=True):
        row = TableRow()
        for value in values:
            row.addElement(b.ods_cell(value))
        if values[0] in ("LD-01", "LD-08.1"):
            row.childNodes[3] = TableCell(formula="of:=1/0")
        table.addElement(row)
    document.spreadsheet.addElement(table)
    out = BytesIO()
    document.save(out)
    found = {f.cell: f.rule for f in _check(out.getvalue()).findings}
    assert found == {form.at("LD-01"): "uncalculated", form.at("LD-08.1"): "uncalculated"}


def test_a_foreign_workbook_is_not_a_form() -> None:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    for row in (("STT", "Họ tên", "Tổng số"), (1, "A", 3), (2, "B", 4)):
        sheet.append(row)
    out = BytesIO()
    book.save(out)
    assert (read_form(out.getvalue()).kind, read_form(out.getvalue()).problem) == ("not_a_form", "not_a_form")


def test_our_workbook_without_its_codes_is_not_a_form() -> None:
    form = b.open_form().fill()
    del form.book["Số liệu"], form.book["Thuyết minh"]
    form.book.create_sheet("Trống")
    assert read_form(form.save()).kind == "not_a_form"


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "empty_file"),
        (b"%PDF-1.7 ...", "not_a_workbook"),
        (b"Rar!\x1a\x07\x01\x00", "not_a_workbook"),
        (b"PK\x03\x04 not really", "damaged"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 600, "damaged"),
    ],
)
def test_case_85_other_files_are_named(data: bytes, problem: str) -> None:
    assert read_form(data) == Reading("unreadable", problem)


def test_several_files_in_order() -> None:
    readings = read_forms([b.build_form(), b"", b.build_form()])
    assert [r.kind for r in readings] == ["form", "unreadable", "form"]
