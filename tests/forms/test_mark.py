"""The copy that goes back: the sender's own values, the cells to mend marked, and its words about warnings kept."""

import shutil
import subprocess
import time
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import builders as b
import hostile as h
import pytest
from openpyxl import Workbook, load_workbook
from openpyxl.comments import Comment
from openpyxl.formatting.rule import CellIsRule
from openpyxl.styles import PatternFill
from openpyxl.worksheet.worksheet import Worksheet

from treem.forms import sandbox
from treem.forms.catalogue import FoundFinding, finding
from treem.forms.check import Checked, check
from treem.forms.frames import Frame
from treem.forms.mark import MOST_LISTED, ReplyTexts, mark_form
from treem.forms.read import read_form

RED, YELLOW = "F7A8A4", "FFD75E"
MISTAKES = {
    ("LD-01", "male"): 635,
    ("LD-02", "total"): "khoảng 40",
    ("LD-27", "total"): 12.3456,
    ("LD-08.1", "total"): None,
    ("XA-09", "total"): "đang làm",
    ("LD-27", "male"): 3,
}
ERRORS = {"D13", "D14", "D18"}
WARNINGS = {"D16", "D17", "E17"}


def judge(data: bytes) -> Checked:
    return check(b.FORM, b.build_settings(), read_form(data), expected_token=b.TOKEN, expected_body=b.BODY.code)


def marked(data: bytes) -> bytes:
    copy = mark_form(data, judge(data).findings)
    assert copy is not None
    return copy


def mistaken() -> b.Filling:
    return b.open_form().fill({**b.GOOD, **MISTAKES})


def opened(data: bytes) -> Workbook:
    return load_workbook(BytesIO(data))


def saved(book: Workbook) -> bytes:
    out = BytesIO()
    book.save(out)
    return out.getvalue()


def marks(sheet: Worksheet) -> dict[str, str]:
    """Cell → colour of its mark."""
    return {
        str(area.sqref): rule.dxf.fill.bgColor.rgb[-6:]
        for area in sheet.conditional_formatting
        for rule in area.rules
        if rule.dxf and rule.dxf.fill
    }


def listed(data: bytes) -> dict[str, list[Any]]:
    """The rows of the list by the name of their cell."""
    rows = opened(data)["Kiểm tra"].iter_rows(values_only=True)
    return {str(row[3]): list(row) for row in rows if row[1] in ("Phải sửa", "Nên xem lại")}


def answered(data: bytes, words: dict[str, str]) -> bytes:
    """The copy with something written into the column for replies, beside these cells."""
    book = opened(data)
    for row in book["Kiểm tra"].iter_rows():
        if row[3].value in words:
            row[5].value = words[row[3].value]
    return saved(book)


def words_of(checked: Checked) -> dict[str, str]:
    return {f.cell: f.justification for f in checked.findings if f.justification}


# ---- what the copy shows


def test_every_cell_to_mend_is_marked_and_listed() -> None:
    copy = marked(mistaken().save())
    book = opened(copy)
    assert marks(book["Số liệu"]) == dict.fromkeys(ERRORS, RED) | dict.fromkeys(WARNINGS, YELLOW)
    assert set(listed(copy)) == ERRORS | WARNINGS
    for found in judge(copy).findings:
        comment = book[found.sheet][found.cell].comment
        assert comment and comment.author == "Phòng LĐTBXH" and found.message in comment.text
        row = listed(copy)[found.cell]
        assert row[1:3] == ["Phải sửa" if found.severity == "error" else "Nên xem lại", found.sheet]
        assert row[4] == found.message and row[6] == f"{found.rule}|{found.sheet}|{found.cell}"
        assert row[5] == ("–" if found.severity == "error" else None)


def test_the_list_comes_first_alone_selected_and_says_what_to_do() -> None:
    book = opened(marked(mistaken().save()))
    sheet = book["Kiểm tra"]
    assert book.sheetnames == ["Kiểm tra", "Số liệu", "Thuyết minh", "treem"] and book.active is sheet
    assert [s.sheet_view.tabSelected for s in book.worksheets] == [True, False, False, False]
    text = " ".join(str(v) for row in sheet.iter_rows(values_only=True) for v in row if v)
    for part in ("tô đỏ (3 nội dung", "tô vàng (3 nội dung", "ghi lý do", "lưu tệp", "đính kèm chính tệp này"):
        assert part in text, part
    assert not sheet.protection.sheet and sheet.column_dimensions["G"].hidden
    links = {cell.value: cell.hyperlink.location for (cell,) in sheet.iter_rows(min_col=4, max_col=4) if cell.hyperlink}
    assert links["D14"] == "'Số liệu'!D14"


def test_the_cells_to_answer_in_can_be_typed_into_though_the_form_is_protected() -> None:
    book = opened(marked(mistaken().save()))
    assert book["Số liệu"].protection.sheet
    assert all(book["Số liệu"][cell].protection.locked is False for cell in ERRORS | WARNINGS)


def test_only_warnings_or_only_errors_are_explained_when_there_are_no_others() -> None:
    warned = marked(b.open_form().fill({**b.GOOD, ("LD-08.1", "total"): None}).save())
    text = str([v for row in opened(warned)["Kiểm tra"].iter_rows(values_only=True) for v in row])
    assert "tô vàng" in text and "tô đỏ" not in text


def test_what_concerns_a_whole_sheet_or_the_whole_file_is_listed_too() -> None:
    findings = [finding("no_marker"), finding("repeated_sheet", "Thuyết minh", sheet_name="a", other="b")]
    copy = mark_form(b.open_form().fill().save(), findings)
    assert copy
    rows = list(listed(copy).values())
    assert [row[2:4] for row in rows] == [["Thuyết minh", "cả trang"], ["cả tệp", "–"]]


def test_a_long_list_is_cut_and_says_so() -> None:
    found = finding("dash", "Số liệu", "D13", figure="LD-01", column="Tổng số", raw="-")
    copy = mark_form(mistaken().save(), [found] * (MOST_LISTED + 7))
    assert copy and "Còn 7 nội dung khác" in str(list(opened(copy)["Kiểm tra"].iter_rows(values_only=True)))


def test_the_offices_name_can_be_another() -> None:
    data = mistaken().save()
    copy = mark_form(data, judge(data).findings, ReplyTexts(office="Phòng Nội vụ"))
    assert copy and opened(copy)["Số liệu"]["D14"].comment.author == "Phòng Nội vụ"


# ---- what the copy keeps


def test_the_copy_says_the_same_as_the_original() -> None:
    data = mistaken().save()
    first, copy = read_form(data), marked(data)
    second = read_form(copy)
    assert second == first and judge(copy) == judge(data)
    assert judge(marked(copy)) == judge(data)


def test_what_the_clerk_did_not_have_to_mend_looks_and_works_as_before() -> None:
    form = mistaken()
    form.figures["B40"] = "ghi thêm"
    form.figures["D14"].comment = Comment("Theo báo cáo của trường", "Chị Lan")
    rule = CellIsRule(operator="greaterThan", formula=["5"], fill=PatternFill("solid", bgColor="00FF00"))
    form.figures.conditional_formatting.add("D13:D19", rule)
    data = form.save()
    copy = opened(marked(data))
    for name in ("Số liệu", "Thuyết minh", "treem"):
        before, after = opened(data)[name], copy[name]
        assert after.sheet_state == before.sheet_state and after.merged_cells == before.merged_cells
        assert after.data_validations.count == before.data_validations.count
        for row in before.iter_rows():
            for cell in row:
                assert _look(after[cell.coordinate]) == _look(cell)
    assert marks(copy["Số liệu"])["D13:D19"] == "00FF00"
    comment = copy["Số liệu"]["D14"].comment
    assert comment.author == "Chị Lan" and comment.text.startswith("Theo báo cáo của trường\n\nPhòng LĐTBXH:")


def _look(cell: Any) -> tuple[object, ...]:
    return cell.value, repr(cell.fill), repr(cell.font), repr(cell.border), cell.number_format


def test_case_88_text_that_looks_like_a_formula_stays_text() -> None:
    form = mistaken()
    typed = {"D15": "=1+1", "J13": "=cmd|' /C calc'!A0", "J14": "+84 912", "J15": "@SUM(A1)", "J16": "-5"}
    for cell, text in typed.items():
        form.figures[cell].value, form.figures[cell].data_type = text, "s"
    form.prose.cell(form.row("III.9.5", form.prose), 3).value = "=HYPERLINK(1)"
    form.prose.cell(form.row("III.9.5", form.prose), 3).data_type = "s"
    for data in (form.save(), b.as_ods(form.book), b.as_xls(form.book)):
        copy = marked(data)
        sheet = opened(copy)["Số liệu"]
        assert {cell: (sheet[cell].value, sheet[cell].data_type) for cell in typed} == {
            cell: (text, "s") for cell, text in typed.items()
        }
        assert {f.rule for f in judge(copy).findings if f.cell == "D15"} == {"not_number"}
        assert b"<f>" not in b"".join(part for name, part in h.parts_of(copy).items() if "worksheets" in name)


def test_case_88_a_reply_that_looks_like_a_formula_stays_text() -> None:
    book = opened(marked(mistaken().save()))
    for row in book["Kiểm tra"].iter_rows():
        if row[3].value == "D16":
            row[5].value, row[5].data_type = "=1+1", "s"
    copy = marked(saved(book))
    assert listed(copy)["D16"][5] == "=1+1" and words_of(judge(copy)) == {"D16": "=1+1"}
    cell = next(row[5] for row in opened(copy)["Kiểm tra"].iter_rows() if row[3].value == "D16")
    assert cell.data_type == "s" and cell.quotePrefix


def test_numbers_keep_every_digit_and_dates_stay_what_they_are() -> None:
    form = mistaken()
    form.figures[form.at("LD-23")].number_format = '0 "m2 sàn; yd"'
    raw = h.changed(h.SHEET, rb'<c r="D15"[^>]*>.*?</c>', b'<c r="D15"><v>33.333333333333336</v></c>', form.save())
    raw = h.changed(h.SHEET, rb'<c r="E15"[^>]*>.*?</c>', b'<c r="E15" t="d"><v>2027-02-01T00:00:00</v></c>', raw)
    copy = marked(raw)
    assert b"<v>33.333333333333336</v>" in h.parts_of(copy)["xl/worksheets/sheet2.xml"]
    assert read_form(copy) == read_form(raw)


def test_case_76_results_take_the_place_of_formulas_and_what_has_none_is_found_again() -> None:
    cells = (
        b'<c r="D13"><f>E13+F13</f><v>1234</v></c><c r="E13" t="e"><f>1/0</f><v>#DIV/0!</v></c>'
        b'<c r="F13"><f>[1]Sheet1!A1</f></c><c r="G13"><f>SUM(D14:D15)</f></c>'
    )
    raw = h.changed(h.SHEET, rb'<c r="D13".*?(?=<c r="H13")', cells, mistaken().save())
    assert {f.cell: f.rule for f in judge(raw).findings if f.cell.endswith("13")} == {
        "E13": "error_value", "F13": "uncalculated", "G13": "uncalculated",
    }  # fmt: skip
    copy = marked(raw)
    sheet = opened(copy)["Số liệu"]
    assert [sheet[c].value for c in ("D13", "E13", "F13", "G13")] == [1234, "#DIV/0!", "=NA()", "=SUM(D14:D15)"]
    assert judge(copy) == judge(raw)


def test_a_marked_cell_is_not_hidden() -> None:
    form = mistaken()
    form.figures.row_dimensions[14].hidden = True
    form.figures.column_dimensions["E"].hidden = True
    form.figures.sheet_state = "hidden"
    sheet = opened(marked(form.save()))["Số liệu"]
    assert sheet.sheet_state == "visible" and not sheet.row_dimensions[14].hidden
    assert not sheet.column_dimensions["E"].hidden


def test_a_mark_in_a_merged_area_is_where_it_shows() -> None:
    form = mistaken()
    form.figures.merge_cells("D18:G18")
    found = finding("dash", "Số liệu", "F18", figure="XA-09", column="Nữ", raw="-")
    copy = mark_form(form.save(), [found])
    assert copy and set(marks(opened(copy)["Số liệu"])) == {"D18"}


def test_macros_and_links_to_other_workbooks_do_not_come_along() -> None:
    parts = h.parts_of(mistaken().save())
    types = parts["[Content_Types].xml"].replace(b"sheet.main+xml", b"sheet.macroEnabled.main+xml")
    types = types.replace(b"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.macro",
                          b"application/vnd.ms-excel.sheet.macro")  # fmt: skip
    data = h.packed(parts | {"[Content_Types].xml": types, "xl/vbaProject.bin": b"\xd0\xcf\x11\xe0macro"})
    copy = marked(data)
    assert "xl/vbaProject.bin" not in h.parts_of(copy)
    assert b"macroEnabled" not in h.parts_of(copy)["[Content_Types].xml"]


# ---- other formats


@pytest.mark.parametrize("convert", [b.as_xls, b.as_ods], ids=["xls", "ods"])
def test_another_format_comes_back_as_xlsx_with_every_value_in_its_place(convert: Callable[[Workbook], bytes]) -> None:
    data = convert(mistaken().book)
    copy = marked(data)
    assert copy.startswith(b"PK") and "xl/workbook.xml" in h.parts_of(copy)
    assert judge(copy) == judge(data) and read_form(copy).token == b.TOKEN
    sheet = opened(copy)["Số liệu"]
    assert marks(sheet) == dict.fromkeys(ERRORS, RED) | dict.fromkeys(WARNINGS, YELLOW)
    assert sheet.column_dimensions["B"].width > 30 and sheet["B13"].alignment.wrap_text


def test_an_xlsx_that_openpyxl_does_not_understand_is_copied_too() -> None:
    data = h.changed(h.SHEET, rb'<c r="D13" s="\d+"', b'<c r="D13" s="9999"', mistaken().save())
    copy = marked(data)
    assert judge(copy) == judge(data) and set(marks(opened(copy)["Số liệu"])) == ERRORS | WARNINGS


def test_case_76_odd_cells_of_other_formats_are_found_again() -> None:
    for data in (h.xls_with_odd_cells(), h.ods_with_odd_cells()):
        first = {f.cell: f.rule for f in judge(data).findings}
        assert first == {"D13": "error_value", "D16": "uncalculated"}
        assert judge(marked(data)) == judge(data)


# ---- the way back


def test_a_reply_stands_beside_its_warning_and_never_beside_an_error() -> None:
    copy = marked(mistaken().save())
    back = judge(answered(copy, {"D16": "Xã không tổ chức.", "D14": "Số này đúng", "E17": " – "}))
    assert words_of(back) == {"D16": "Xã không tổ chức."} and not back.valid


def test_replies_are_carried_into_the_next_copy() -> None:
    sent = answered(marked(mistaken().save()), {"D16": "Xã không tổ chức.", "E17": "Nhầm cột"})
    form = b.Filling(opened(sent))
    form.figures["D14"], form.figures["E17"] = 40, None
    second = marked(form.save())
    assert set(listed(second)) == {"D13", "D18", "D16", "D17"}
    assert listed(second)["D16"][5] == "Xã không tổ chức." and words_of(judge(second)) == {"D16": "Xã không tổ chức."}
    book = opened(second)
    assert book.sheetnames.count("Kiểm tra") == 1 and len(book.sheetnames) == 4
    assert set(marks(book["Số liệu"])) == {"D13", "D18", "D16", "D17"}
    assert book["Số liệu"]["D14"].comment is None and book["Số liệu"]["E17"].comment is None


def test_marks_leave_no_trace_when_everything_is_mended() -> None:
    form = mistaken()
    form.figures["D14"].comment = Comment("Theo báo cáo của trường", "Chị Lan")
    book = opened(marked(form.save()))
    mended = b.Filling(book).fill({**b.GOOD, ("LD-27", "male"): None, ("LD-08.1", "total"): None})
    last = opened(marked(mended.save()))
    assert set(marks(last["Số liệu"])) == {"D16"}
    comment = last["Số liệu"]["D14"].comment
    assert (comment.text, comment.author) == ("Theo báo cáo của trường", "Chị Lan")


def test_the_list_may_be_sorted_moved_and_renamed() -> None:
    book = opened(answered(marked(mistaken().save()), {"D16": "Đúng", "D17": "Làm tròn được"}))
    sheet = book["Kiểm tra"]
    head = next(row[0].row for row in sheet.iter_rows() if row[0].value == "STT")
    lines = [[cell.value for cell in row] for row in sheet.iter_rows(min_row=head + 1)]
    for row, line in enumerate(reversed(lines), head + 1):
        for place, value in enumerate(line, 1):
            sheet.cell(row, place).value = value
    sheet.insert_cols(2)
    sheet.title = "ktra"
    book.move_sheet(sheet, 2)
    assert words_of(judge(saved(book))) == {"D16": "Đúng", "D17": "Làm tròn được"}


def test_nothing_on_the_list_is_taken_for_a_figure_or_a_text() -> None:
    copy = marked(mistaken().save())
    book = opened(copy)
    sheet = book["Kiểm tra"]
    sheet["A30"], sheet["B30"], sheet["C30"] = "LD-01", "Tổng số", 99
    assert read_form(saved(book)) == read_form(copy)


def test_a_sheet_of_figures_that_is_called_like_the_list_is_read() -> None:
    form = b.open_form().fill()
    form.figures.title = "Kiểm tra"
    checked = judge(form.save())
    assert checked.valid and checked.complete


def test_replies_are_bounded_like_every_text() -> None:
    copy = answered(marked(mistaken().save()), dict.fromkeys(WARNINGS, "a" * 32000))
    assert read_form(copy).kind == "form"
    many = [FoundFinding("dash", "warning", "Số liệu", f"D{n}", "m", "b" * 32_000) for n in range(13, 20)]
    assert mark_form(b.build_form(), many) is None
    assert len(read_form(copy).replies) == 3


def test_case_79_a_reply_in_an_old_font_is_sent_back() -> None:
    back = judge(answered(marked(mistaken().save()), {"D16": "X· kh«ng tæ chøc"}))
    assert ("broken_encoding", "Kiểm tra") in [(f.rule, f.sheet) for f in back.findings]


# ---- when it cannot be made


@pytest.mark.parametrize(
    "make",
    [
        *(h.wide_merge, h.many_styles, h.far_cell, h.entity_bomb),
        *(lambda: h.many_cells(70_000), lambda: h.repeated_cells(2000, 100), lambda: b"x", lambda: b""),
    ],
    ids=["merge", "styles", "far", "entities", "cells", "repeated", "junk", "empty"],
)
def test_case_72_a_letter_goes_without_a_copy_where_none_can_be_made(make: Callable[[], bytes]) -> None:
    started = time.monotonic()
    assert mark_form(make(), [finding("dash", "Số liệu", "D13", figure="a", column="b", raw="-")]) is None
    assert read_form(b.build_form()).kind == "form" and time.monotonic() - started < 5


@pytest.mark.parametrize("answer", [Frame({"problem": "damaged"}, b"x"), Frame({}, b"")])
def test_no_copy_where_the_child_gives_none(monkeypatch: pytest.MonkeyPatch, answer: Frame) -> None:
    monkeypatch.setattr(sandbox, "run", lambda *_, **__: answer)
    assert mark_form(b.build_form(), []) is None


# ---- in a real office program


@pytest.mark.skipif(shutil.which("soffice") is None, reason="LibreOffice is not installed")
@pytest.mark.parametrize("kind", ["xlsx:Calc MS Excel 2007 XML", "xls:MS Excel 97", "ods"])
def test_libreoffice_opens_answers_and_saves_the_copy(tmp_path: Path, kind: str) -> None:
    copy = answered(marked(mistaken().save()), {"D16": "Xã không tổ chức.", "D17": "Đúng"})
    (tmp_path / "copy.xlsx").write_bytes(copy)
    command = ["soffice", f"-env:UserInstallation=file://{tmp_path}/office", "--headless", "--convert-to", kind]
    subprocess.run([*command, "--outdir", tmp_path / "out", tmp_path / "copy.xlsx"], check=True, capture_output=True)
    back = next((tmp_path / "out").iterdir()).read_bytes()
    assert {(f.rule, f.cell) for f in judge(back).findings} == {(f.rule, f.cell) for f in judge(copy).findings}
    assert words_of(judge(back)) == {"D16": "Xã không tổ chức.", "D17": "Đúng"}
    again = opened(marked(back))
    assert set(marks(again["Số liệu"])) == ERRORS | WARNINGS and again.sheetnames.count("Kiểm tra") == 1
