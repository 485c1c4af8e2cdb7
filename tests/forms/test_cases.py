"""The checklist's cases about sheets, from the file to the finding: wrong forms, odd values, old fonts, hidden parts.

Cases 72 and 76 have their own files (`test_hostile`, `test_read`, `test_mark`), as have the many spellings of numbers.
"""

import re
import unicodedata
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from io import BytesIO

import builders as b
import hostile as h
import pytest
from openpyxl import Workbook
from openpyxl.workbook.protection import WorkbookProtection

from treem.forms.check import Checked, check
from treem.forms.read import read_form


def _check(data: bytes) -> Checked:
    return check(b.FORM, b.build_settings(), read_form(data), expected_token=b.TOKEN, expected_body=b.BODY.code)


def _found(checked: Checked) -> dict[str, str]:
    return {f.cell: f.rule for f in checked.findings}


def _rules(checked: Checked) -> set[str]:
    return {f.rule for f in checked.findings}


def _value(checked: Checked, figure: str, column: str = "total") -> Decimal | None:
    return next((v.number for v in checked.values if (v.figure, v.column) == (figure, column)), None)


def _filled_with(values: dict[tuple[str, str], object]) -> Checked:
    return _check(b.open_form().fill({**b.GOOD, **values}).save())


# ---- 73: another form, round, version


@pytest.mark.parametrize(
    ("key", "value", "rule"),
    [
        ("form", "BM-CA", "wrong_form"),
        ("version", "2", "wrong_version"),
        ("body", "03390", "wrong_body"),
        ("token", "ZZZZZZZZ", "wrong_token"),
    ],
)
def test_case_73_a_form_of_another_kind_version_body_or_round(key: str, value: str, rule: str) -> None:
    form = b.open_form().fill()
    for row in form.book["treem"].iter_rows(max_col=2):
        if row[0].value == key:
            row[1].value = value
    for sheet in (form.figures, form.prose):
        for cell in (c for row in sheet.iter_rows(max_row=1) for c in row if c.value):
            cell.value = re.sub(r"Mã phiếu:.*", "", str(cell.value))
    checked = _check(form.save())
    assert _rules(checked) == {rule} and not checked.valid


def test_case_73_sheets_of_two_forms_put_together() -> None:
    form = b.open_form().fill()
    for row in form.book["treem"].iter_rows(max_col=2):
        if row[0].value == "token":
            row[1].value = "ZZZZZZZZ"
    assert "mixed_forms" in _rules(_check(form.save()))


# ---- 74: rows and sheets moved about


def test_case_74_a_deleted_row_is_named() -> None:
    form = b.open_form().fill()
    form.figures.delete_rows(form.row("LD-27"))
    checked = _check(form.save())
    assert _rules(checked) == {"missing_row"} and _value(checked, "LD-23") is None
    assert "LD-27" in checked.findings[0].message


def test_case_74_values_copied_to_a_new_book_are_taken_with_a_remark() -> None:
    form, book = b.open_form().fill(), Workbook()
    book.remove(book.worksheets[0])
    for sheet in (form.figures, form.prose):
        copy = book.create_sheet(f"{sheet.title} (copy)")
        for row in sheet.iter_rows(min_row=7):
            for cell in row:
                copy.cell(cell.row, cell.column).value = cell.value
    out = BytesIO()
    book.save(out)
    checked = _check(out.getvalue())
    assert _rules(checked) == {"no_marker"} and checked.valid and len(checked.values) == len(b.GOOD)


def test_case_74_the_same_figures_twice_are_asked_about() -> None:
    form = b.open_form().fill()
    form.book.copy_worksheet(form.figures)
    assert _rules(_check(form.save())) == {"repeated_sheet"}


# ---- 75, 80, 81: numbers and dates as typed


def test_case_75_numbers_typed_as_text() -> None:
    checked = _filled_with(
        {
            ("LD-01", "total"): "1.234", ("LD-01", "male"): "６３４", ("LD-01", "female"): "600 trẻ em",
            ("LD-01", "minority"): "1 100", ("LD-08.1", "total"): "không", ("LD-27", "total"): "1.234,5",
        }
    )  # fmt: skip
    assert checked.findings == () and _value(checked, "LD-01") == 1234 and _value(checked, "LD-01", "male") == 634
    assert _value(checked, "LD-08.1") == 0 and _value(checked, "LD-27") == Decimal("1234.5")


def test_case_75_what_can_be_read_two_ways_is_asked_about() -> None:
    checked = _filled_with({("LD-01", "total"): "1,234", ("LD-27", "total"): "1.234", ("LD-08.1", "total"): "1,234.5"})
    assert _found(checked) == dict.fromkeys(("D13", "D17", "D16"), "ambiguous_number")


def test_case_80_negative_percent_and_decimals() -> None:
    form = b.open_form().fill(
        {**b.GOOD, ("LD-08.1", "total"): -1, ("LD-02", "total"): "40%", ("LD-27", "total"): 0.125}
    )
    form.figures["E13"], form.figures["E13"].number_format = 0.5, "0%"
    checked = _check(form.save())
    assert _found(checked) == {"D16": "negative", "D14": "not_number", "E13": "not_whole"}
    assert _value(checked, "LD-27") == Decimal("0.125") and not checked.valid


@pytest.mark.parametrize("typed", ["01/02/2027", "1-2-2027", "1.2.2027", "12/5", "31/6/2027", "tháng 5/2027"])
def test_case_81_a_date_typed_as_text_is_no_number(typed: str) -> None:
    assert _found(_filled_with({("LD-08.1", "total"): typed}))["D16"] in ("not_number", "ambiguous_number")


@pytest.mark.parametrize("moment", [date(2027, 5, 12), datetime(2027, 5, 12, 8, 30)])  # noqa: DTZ001 - as Excel has it
def test_case_81_a_date_cell_is_named_as_one(moment: date) -> None:
    checked = _filled_with({("LD-08.1", "total"): moment})
    assert _found(checked) == {"D16": "date_value"} and "12/05/2027" in checked.findings[0].message


def test_case_81_dates_of_1904() -> None:
    form = b.open_form().fill()
    form.book.epoch = datetime(1904, 1, 1)  # noqa: DTZ001 - as Excel has it
    form.figures["D16"] = date(2027, 5, 12)
    assert "12/05/2027" in _check(form.save()).findings[0].message


# ---- 76: cells without a value to take


@pytest.mark.parametrize("make", [h.xls_with_odd_cells, h.ods_with_odd_cells, lambda: h.odd_cells().save()])
def test_case_76_an_error_or_a_formula_without_result_is_never_a_blank(make: Callable[[], bytes]) -> None:
    checked = _check(make())
    assert _found(checked) == {"D13": "error_value", "D16": "uncalculated"} and not checked.valid
    assert "#DIV/0!" in next(f.message for f in checked.findings if f.cell == "D13")


def test_case_76_every_error_of_an_xls_has_its_name() -> None:
    form = b.open_form().fill()
    errors = ("#NULL!", "#DIV/0!", "#VALUE!", "#REF!", "#NAME?", "#NUM!", "#N/A")
    cells = ("D13", "E13", "F13", "G13", "D14", "E14", "F14")
    for cell, error in zip(cells, errors, strict=True):
        form.figures[cell] = error
    raws = {c.cell: c.raw for c in read_form(b.as_xls(form.book)).cells if c.is_error}
    assert raws == dict(zip(cells, errors, strict=True))


# ---- 77: totals


def test_case_77_totals_that_do_not_add_up() -> None:
    checked = _filled_with({("LD-01", "male"): 635, ("LD-02", "minority"): 41, ("LD-03", "total"): 41})
    assert {(f.cell, f.rule) for f in checked.findings} >= {
        ("D13", "sum_mismatch"), ("G14", "minority_over_total"), ("D15", "inequality"),
    }  # fmt: skip


# ---- 78, 79: letters


def test_case_78_a_form_in_decomposed_letters_reads_the_same() -> None:
    form = b.open_form().fill()
    for sheet in form.book.worksheets:
        for row in sheet.iter_rows():
            for cell in row:
                if isinstance(cell.value, str):
                    cell.value = unicodedata.normalize("NFD", cell.value)
    checked = _check(form.save())
    wanted = _check(b.open_form().fill().save())
    assert checked.values == wanted.values and checked.narratives == wanted.narratives and checked.findings == ()


@pytest.mark.parametrize("text", ["C«ng an huyÖn", "Coâng an huyeän Tam Ñöôøng", "Tiáº¿ng Viá»‡t"])
@pytest.mark.parametrize("where", ["narrative", "note"])
def test_case_79_text_in_an_old_font_has_to_be_sent_again(text: str, where: str) -> None:
    form = b.open_form().fill()
    if where == "note":
        form.figures["J14"] = text
    else:
        form.prose.cell(form.row("III.9.5", form.prose), 3).value = text
    checked = _check(form.save())
    (found,) = checked.findings
    assert (found.rule, found.severity) == ("broken_encoding", "error") and not checked.valid
    assert text in found.message and "gửi lại" in found.message


def test_case_79_an_old_font_in_a_figures_cell_is_no_number() -> None:
    assert _found(_filled_with({("LD-08.1", "total"): "kh«ng cã"})) == {"D16": "not_number"}


# ---- 82: hidden parts


def test_case_82_hidden_sheets_rows_and_columns_are_read_like_others() -> None:
    form = b.open_form().fill()
    form.figures.sheet_state = "hidden"
    form.figures.row_dimensions[13].hidden = True
    form.figures.column_dimensions["E"].hidden = True
    checked = _check(form.save())
    assert checked.findings == () and len(checked.values) == len(b.GOOD)


def test_case_82_a_hidden_second_set_of_figures_is_asked_about_and_shown_in_the_copy() -> None:
    form = b.open_form().fill()
    form.book.copy_worksheet(form.figures).sheet_state = "hidden"
    assert _rules(_check(form.save())) == {"repeated_sheet"}


# ---- 83: passwords


@pytest.mark.parametrize("make", [h.password_xlsx, h.password_xls, h.password_ods])
def test_case_83_a_password_is_named(make: Callable[[], bytes]) -> None:
    checked = _check(make())
    assert _rules(checked) == {"encrypted"} and "bỏ mật khẩu" in checked.findings[0].message


def test_case_83_a_password_against_changes_is_no_hindrance() -> None:
    form = b.open_form().fill()
    form.figures.protection.set_password("bí mật")
    form.book.security = WorkbookProtection(lockStructure=True)
    assert _check(form.save()).findings == ()


# ---- 87, 88: nothing, and text that looks like a formula


@pytest.mark.parametrize("convert", [b.Filling.save, lambda f: b.as_xls(f.book), lambda f: b.as_ods(f.book)])
def test_case_87_the_form_as_it_was_sent_is_blank(convert: Callable[[b.Filling], bytes]) -> None:
    checked = _check(convert(b.open_form()))
    assert checked.blank and checked.findings == () and not checked.complete


def test_case_87_one_remark_is_not_a_blank_form() -> None:
    form = b.open_form()
    form.figures["J13"] = "Chưa có số liệu"
    checked = _check(form.save())
    assert not checked.blank and [n.text for n in checked.notes] == ["Chưa có số liệu"]


@pytest.mark.parametrize("convert", [b.Filling.save, lambda f: b.as_xls(f.book), lambda f: b.as_ods(f.book)])
def test_case_88_text_that_looks_like_a_formula_is_text(convert: Callable[[b.Filling], bytes]) -> None:
    form = b.open_form().fill()
    text = "=cmd|' /C calc'!A0"
    cell = form.prose.cell(form.row("III.9.5", form.prose), 3)
    cell.value, cell.data_type = text, "s"
    checked = _check(convert(form))
    assert checked.findings == () and text in [n.text for n in checked.narratives]
