"""The workbook: four sheets, exact numbers, text as text, print layout, nothing sensitive in the outward edition."""

import re
from decimal import Decimal
from io import BytesIO
from typing import Any
from zipfile import ZipFile

import pytest
from openpyxl import Workbook, load_workbook

from tests.documents import world
from tests.documents.conftest import Round
from treem.district.duties import Evidence, duty_matrix
from treem.district.merge import total_of
from treem.documents import duty_sheet
from treem.documents.annex import OF_HALVES, write_annex
from treem.documents.beside import Beside
from treem.documents.figures import COLUMN_NAMES, merged_figures
from treem.documents.provenance import NOT_ADDED, SHEET

SHEETS = ["Biểu huyện", "Theo xã", "Tình hình nộp", "Nguồn gốc"]


@pytest.fixture(scope="module")
def internal(held: Round) -> Workbook:
    return load_workbook(BytesIO(written(held)))


@pytest.fixture(scope="module")
def outward(held: Round) -> Workbook:
    return load_workbook(BytesIO(written(held, outward=True)))


def written(held: Round, **more: Any) -> bytes:
    return write_annex(held.district, held.settings, held.plan, world.filing(held.plan), held.values, **more)


def table(book: Workbook, sheet: str) -> list[dict[str, Any]]:
    """The rows under the head, by heading; bands across the table left out."""
    rows = [list(row) for row in book[sheet].iter_rows(values_only=True)]
    head = next(n for n, row in enumerate(rows) if "Chỉ tiêu" in row or "Cơ quan, đơn vị" in row)
    found = [dict(zip(rows[head], row, strict=True)) for row in rows[head + 1 :]]
    return [row for row in found if row[rows[head][1]] is not None]


def test_the_sheets_and_their_print_layout(internal: Workbook) -> None:
    assert internal.sheetnames == SHEETS
    for sheet in internal:
        assert (sheet.page_setup.orientation, str(sheet.page_setup.paperSize)) == ("landscape", "9")
        assert sheet.sheet_properties.pageSetUpPr.fitToPage
        assert str(sheet.page_setup.fitToHeight) == "0"
        assert sheet.print_title_rows
        assert sheet.print_area
        assert sheet.freeze_panes
        assert {cell.font.name for row in sheet.iter_rows() for cell in row if cell.value} == {"Times New Roman"}


def test_totals_stand_beside_coverage_and_missing_bodies(internal: Workbook, held: Round) -> None:
    row = next(r for r in table(internal, "Biểu huyện") if r["Chỉ tiêu"].startswith("Tổng số trẻ em"))
    figure = next(m for m in merged_figures(held.district, held.settings) if m.figure.code == "LD-01")
    assert row["Tổng số"] == figure.numbers["total"]
    assert row["Độ phủ"] == f"{figure.coverage.reporting}/13 xã"
    assert "chưa nộp: xã Nùng Nàng" in row["Đơn vị chưa có số liệu"]


def test_a_silent_source_is_not_zero(internal: Workbook) -> None:
    rows = [r for r in table(internal, "Biểu huyện") if r["Đơn vị chưa có số liệu"] == "chưa nộp: Phòng Tư pháp"]
    assert rows
    assert {row["Tổng số"] for row in rows} == {"…"}


def test_communes_that_did_not_file_are_marked(internal: Workbook) -> None:
    rows = table(internal, "Theo xã")
    assert {row["Nùng Nàng"] for row in rows} == {"CN"}
    assert {row["TT. Tam Đường"] for row in rows} != {"CN"}


def test_sensitive_rows_are_marked_inside_and_absent_outside(
    internal: Workbook, outward: Workbook, held: Round
) -> None:
    labels = {f.label for i in held.settings.book.indicators if i.sensitive for f in i.figures}
    for sheet in ("Theo xã", "Nguồn gốc"):
        marked = {r["Chỉ tiêu"] for r in table(internal, sheet) if (r["Ghi chú"] or "").startswith("nội bộ")}
        assert marked
        assert marked == labels & {r["Chỉ tiêu"] for r in table(internal, sheet) if not is_rate(r)}
    assert not labels & {r["Chỉ tiêu"] for r in table(outward, "Theo xã")}
    shown = [r for r in table(outward, "Biểu huyện") if r["Chỉ tiêu"] in labels]
    assert shown
    assert not any(r[c] for r in shown for c in ("Nam", "Nữ", "Dân tộc thiểu số"))


def is_rate(row: dict[str, Any]) -> bool:
    return row["Ghi chú"] == OF_HALVES


def test_every_number_has_its_letter_file_and_cell(internal: Workbook, held: Round) -> None:
    rows = [row for row in table(internal, SHEET) if not is_rate(row)]
    assert len(rows) == len(held.values)
    names = {body.code: body.name for body in held.plan.bodies}
    shown = {(r["Mã"], r["Phân tổ"], r["Cơ quan, đơn vị"]): r for r in rows}
    for value in held.values:
        row = shown[value.figure, COLUMN_NAMES[value.column], names[value.body]]  # type: ignore[index]
        assert row["Mã thư (Message-ID)"] == value.message_id
        assert (row["Tên tệp"], row["Mã tệp (SHA-256)"]) == (value.file_name, value.file_sha[:12])
        assert (row["Trang tính"], row["Ô"], row["Lần nộp"]) == (value.sheet, value.cell, str(value.version))
        if value.number is not None:
            assert Decimal(str(row["Giá trị"])) == value.number


def linked(book: Workbook, sheet: str) -> dict[str, tuple[int, int]]:
    """The links of a sheet: from which cell, to which rows of the sheet of origins."""
    found = {}
    for link in (cell.hyperlink for row in book[sheet].iter_rows() for cell in row if cell.hyperlink):
        assert link.id is None, "a link that leaves the workbook"
        place = re.fullmatch(r"'Nguồn gốc'!A(\d+):M(\d+)", link.location)
        assert place, link.location
        found[link.ref] = (int(place[1]), int(place[2]))
    return found


def test_every_district_total_leads_to_the_rows_it_was_added_up_from(internal: Workbook, held: Round) -> None:
    links, sheet, origins = linked(internal, "Biểu huyện"), internal["Biểu huyện"], internal[SHEET]
    figures = held.settings.figures()
    seen = 0
    for row in sheet.iter_rows():
        figure = figures.get(str(row[0].value))
        for cell in row[3:7]:
            if figure is None or not isinstance(cell.value, int | float):
                assert figure is None or cell.coordinate not in links or cell.value in ("…", "theo đơn vị")
                continue
            first, last = links[cell.coordinate]
            rows = [[c.value for c in origins[number]] for number in range(first, last + 1)]
            seen += 1
            if figure.merge == "rate":
                assert [r[3] for r in rows] == [f"tử số: {figure.numerator}", f"mẫu số: {figure.denominator}"]
                continue
            assert {r[0] for r in rows} == {figure.code}
            assert not any(r[11] == NOT_ADDED for r in rows)
            numbers = [Decimal(str(r[4])) for r in rows if isinstance(r[4], int | float)]
            assert Decimal(str(cell.value)) == total_of(figure, numbers)
    assert seen > 200


def test_the_halves_of_a_rate_lead_on_to_their_rows(internal: Workbook) -> None:
    links, sheet = linked(internal, SHEET), internal[SHEET]
    assert links
    for cell, (first, last) in links.items():
        code = str(sheet[cell].value).partition(": ")[2]
        assert {sheet.cell(number, 1).value for number in range(first, last + 1)} == {code}


def test_every_cell_of_a_commune_leads_to_its_row(internal: Workbook) -> None:
    links, sheet, origins = linked(internal, "Theo xã"), internal["Theo xã"], internal[SHEET]
    head = next(row for row in sheet.iter_rows() if row[0].value == "Mã")
    seen = 0
    for row in sheet.iter_rows(min_row=head[0].row + 1):
        for cell, name in zip(row[5:-1], head[5:-1], strict=True):
            if cell.value in (None, "", "CN"):
                assert cell.coordinate not in links
                continue
            first, last = links[cell.coordinate]
            assert first == last
            shown = [c.value for c in origins[first]]
            assert (shown[0], shown[2], shown[4]) == (row[0].value, row[2].value, cell.value)
            assert str(shown[3]).endswith(str(name.value).removeprefix("TT. "))
            seen += 1
    assert seen > 1000


def test_what_leaves_the_office_does_not_tell_where_figures_come_from(outward: Workbook, held: Round) -> None:
    assert SHEET not in outward.sheetnames
    assert not any(linked(outward, sheet.title) for sheet in outward)
    packed = ZipFile(BytesIO(written(held, outward=True)))
    text = b"".join(packed.read(name) for name in packed.namelist())
    assert b"@03390.test" not in text and held.values[0].file_name.encode() not in text


def test_text_that_looks_like_a_formula_stays_text(held: Round) -> None:
    value = world.ValueRow(**{**held.values[0].__dict__, "message_id": "=1+1", "sheet": "007"})
    data = write_annex(held.district, held.settings, held.plan, world.filing(held.plan), [value])
    row = table(load_workbook(BytesIO(data)), SHEET)[0]
    assert (row["Mã thư (Message-ID)"], row["Trang tính"]) == ("=1+1", "007")
    cells = [c for r in load_workbook(BytesIO(data))[SHEET].iter_rows() for c in r]
    assert "f" not in {cell.data_type for cell in cells}


def test_the_filing_record_lists_every_body(internal: Workbook, held: Round) -> None:
    rows = table(internal, "Tình hình nộp")
    assert [row["Cơ quan, đơn vị"] for row in rows] == [body.name for body in held.plan.bodies]
    silent = [row for row in rows if row["Tình trạng"] == "chưa nộp khi đóng đợt"]
    assert len(silent) == len(world.SILENT)
    assert silent[0]["Thư đã lập"] == "yêu cầu, nhắc lần 1, đôn đốc lần 1"


def test_the_same_input_gives_the_same_bytes(held: Round) -> None:
    assert written(held) == written(held)


@pytest.fixture(scope="module")
def matrix(held: Round) -> tuple[Evidence, ...]:
    told = world.narratives(held.settings, held.plan)
    return duty_matrix(held.settings, held.plan.bodies, held.district.by_body, told)


def test_the_duty_matrix_shows_each_duty_beside_its_bodies(held: Round, matrix: tuple[Evidence, ...]) -> None:
    book = load_workbook(BytesIO(written(held, beside=Beside(duties=matrix))))
    rows = {row["Mã"]: row for row in sheet_rows(book, duty_sheet.SHEET)}
    assert list(rows) == [duty.code for duty in held.settings.plan.duties]
    assert rows["III.9.1"]["Bản Bo"] == "●"
    assert rows["III.9.1"]["Nùng Nàng"] == "–"
    assert rows["III.6.1"]["Phòng Tư pháp"] == "–"
    assert rows["III.6.1"]["Bản Bo"] in (None, "")
    assert [rows["III.9.1"][name] for name in ("Có", "Mỏng", "Chưa có")] == [12, 0, 1]
    signs = sum(1 for row in rows.values() for value in row.values() if value in duty_sheet.SIGNS.values())
    assert signs == len(matrix)


def sheet_rows(book: Workbook, sheet: str) -> list[dict[str, Any]]:
    rows = [list(row) for row in book[sheet].iter_rows(values_only=True)]
    head = next(n for n, row in enumerate(rows) if row[0] == "Mã")
    return [dict(zip(rows[head], row, strict=True)) for row in rows[head + 1 :]]


def test_the_duty_matrix_stays_in_the_office(held: Round, matrix: tuple[Evidence, ...]) -> None:
    data = written(held, beside=Beside(duties=matrix), outward=True)
    assert duty_sheet.SHEET not in load_workbook(BytesIO(data)).sheetnames


def test_every_sheet_has_frozen_heads_a_print_area_and_vietnamese_numbers(
    held: Round, matrix: tuple[Evidence, ...]
) -> None:
    """The format is written in the file's own language and names Vietnamese as the one to show it in."""
    for outward in (False, True):
        book = load_workbook(BytesIO(written(held, beside=Beside(duties=matrix), outward=outward)))
        for sheet in book:
            assert sheet.freeze_panes and sheet.print_area and sheet.print_title_rows, sheet.title
            assert f"${sheet.max_row}" in sheet.print_area
            formats = {c.number_format for row in sheet.iter_rows() for c in row if isinstance(c.value, int | float)}
            assert all(re.fullmatch(r"\[\$-42A\]#,##0(\.0+)?", text) for text in formats), sheet.title
