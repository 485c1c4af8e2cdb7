"""The form itself: what is asked, what can be typed, how it prints, and that text stays text."""

import re
import zipfile
from decimal import Decimal
from io import BytesIO

import builders as b
import pytest
from openpyxl import load_workbook
from openpyxl.worksheet.worksheet import Worksheet

from treem.forms.catalogue import PROBLEMS, RULES, problem_message


def _sheet(data: bytes, name: str = "Số liệu") -> Worksheet:
    return load_workbook(BytesIO(data))[name]


def _texts(sheet: Worksheet) -> list[str]:
    return [str(value) for row in sheet.iter_rows(values_only=True) for value in row if value is not None]


def test_the_same_input_gives_the_same_bytes() -> None:
    assert b.build_form() == b.build_form()


def test_the_head_names_body_round_period_cut_off_and_deadline() -> None:
    text = "\n".join(_texts(_sheet(b.build_form())))
    for part in (
        "ỦY BAN NHÂN DÂN XÃ BẢN BO",
        "Báo cáo 6 tháng đầu năm 2027",
        "từ ngày 15/12/2026 đến ngày 14/6/2027",
        "hết ngày 14/6/2027",
        "trước ngày 15 tháng 6 năm 2027",
        f"Mã phiếu: {b.TOKEN}",
        "để trống",
        "không áp dụng",
    ):
        assert part.casefold() in text.casefold(), part


def test_every_figure_has_code_label_unit_and_guidance() -> None:
    form = b.open_form()
    for figure in b.FIGURES:
        row = [str(cell.value or "") for cell in form.figures[form.row(figure.code)]]
        assert row[:3] == [figure.code, figure.label, figure.unit]
        assert figure.guidance in row[8]


def test_only_asked_cells_notes_and_answers_are_open() -> None:
    form = b.open_form()
    opened = {c.coordinate for row in form.figures.iter_rows() for c in row if c.protection.locked is False}
    asked = {form.at(f.code, column) for f in b.FIGURES for column in f.columns}
    notes = {f"J{form.row(code)}" for code in b.CODES}
    assert opened == asked | notes
    boxes = {c.coordinate for row in form.prose.iter_rows() for c in row if c.protection.locked is False}
    assert boxes == {f"C{form.row(code, form.prose)}" for code in ("III.9.1", "III.9.5", "ton-tai", "kien-nghi")}
    for sheet in (form.figures, form.prose):
        assert sheet.protection.sheet and not sheet.protection.password


def test_columns_a_figure_does_not_have_are_greyed() -> None:
    form = b.open_form()
    closed = form.figures[form.at("LD-27", "male")]
    asked = form.figures[form.at("LD-27")]
    assert closed.protection.locked and closed.fill.fgColor.rgb != asked.fill.fgColor.rgb


@pytest.mark.parametrize(
    ("code", "kind", "parts"),
    [
        ("LD-01", "custom", ("INT(", "không áp dụng")),
        ("LD-27", "custom", (">=0", "không áp dụng")),
        ("XA-09", "list", ("Có,Không,Không áp dụng",)),
    ],
)
def test_input_cells_are_validated(code: str, kind: str, parts: tuple[str, ...]) -> None:
    form = b.open_form()
    cell = form.at(code)
    (rule,) = [r for r in form.figures.data_validations.dataValidation if cell in r.sqref]
    assert rule.type == kind and all(part in rule.formula1 for part in parts)
    assert ("INT(" in rule.formula1) == (code == "LD-01")
    assert kind == "list" or f"ISNUMBER({cell})" in rule.formula1


def test_last_year_is_shown_where_known() -> None:
    known = {("LD-01", "total"): Decimal(1200), ("LD-01", "male"): Decimal(620), ("XA-09", "total"): Decimal(0)}
    form = b.open_form(b.build_form(previous=known))
    assert form.figures[f"H{form.row('LD-01')}"].value == "1.200\nnam 620"
    assert form.figures[f"H{form.row('XA-09')}"].value == "Không"
    assert not form.figures[f"H{form.row('LD-02')}"].value


def test_every_duty_has_a_box_with_its_wording_and_closings_follow() -> None:
    form = b.open_form()
    for duty in b.DUTIES:
        assert form.prose.cell(form.row(duty.code, form.prose), 2).value == duty.text
    assert form.row("ton-tai", form.prose) > form.row("III.9.5", form.prose)


def test_marks_are_on_a_very_hidden_sheet() -> None:
    sheet = _sheet(b.build_form(), "treem")
    assert sheet.sheet_state == "veryHidden"
    assert dict(sheet.iter_rows(max_col=2, values_only=True)) == {
        "token": b.TOKEN,
        "form": "BM-XA",
        "version": "1",
        "body": "03424",
        "round": "Báo cáo 6 tháng đầu năm 2027",
    }


def test_it_prints_on_a4() -> None:
    form = b.open_form()
    for sheet in (form.figures, form.prose):
        setup = sheet.page_setup
        assert (setup.paperSize, setup.fitToWidth or 1, setup.fitToHeight) == (9, 1, 0)
        assert sheet.sheet_properties.pageSetUpPr.fitToPage
        top = next(c.row for (c,) in sheet.iter_rows(max_col=1) if c.value == "Mã số")
        assert sheet.print_title_rows == f"${top}:${top}"
        assert "Bản Bo" in sheet.oddHeader.left.text and b.TOKEN in sheet.oddFooter.left.text


def test_everything_is_in_times_new_roman() -> None:
    sheet = _sheet(b.build_form())
    fonts = {cell.font.name for row in sheet.iter_rows() for cell in row if cell.value is not None}
    assert fonts == {"Times New Roman"}


def test_case_88_text_cannot_become_a_formula_or_a_link() -> None:
    body = b.BODY.model_copy(update={"name": '=HYPERLINK("http://x.test","a")\x07 & co'})
    figure = b.FIGURES[0].model_copy(update={"label": "=1+1", "guidance": "http://x.test/\u202e+2"})
    settings = b.build_settings()
    indicator = settings.book.indicators[0].model_copy(update={"figures": (figure,)})
    book = settings.book.model_copy(update={"indicators": (indicator, *settings.book.indicators[1:])})
    data = b.build_form(settings.model_copy(update={"book": book}), body=body)
    sheet = _sheet(data)
    assert {cell.data_type for row in sheet.iter_rows() for cell in row} <= {"s", "n"}
    assert not sheet._hyperlinks
    with zipfile.ZipFile(BytesIO(data)) as package:
        parts = b"".join(package.read(name) for name in package.namelist() if "worksheets" in name)
    assert b"<f>" not in parts and b"hyperlink" not in parts


def test_every_rule_says_what_was_found_and_what_to_do() -> None:
    names = re.compile(r"{(\w+)}")
    for code, rule in RULES.items():
        assert rule.code == code and rule.severity in ("error", "warning")
        assert rule.found.endswith((".", "}.")) and rule.todo.endswith(".")
        facts = dict.fromkeys(names.findall(rule.found + rule.todo), "{x}")
        assert len(rule.message(**facts)) > 20
    assert all(problem_message(code) for code in PROBLEMS)
